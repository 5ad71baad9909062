# Each target does its own set-up: on a fresh Debian machine, `make demo` is the first thing one can type.

.DEFAULT_GOAL := demo
.PHONY: demo test soak check manifests release scale bench fuzz clean build-parts lab-parts deploy-parts

parts := $(CURDIR)/target/parts
export PROTOC ?= $(parts)/bin/protoc
export PROTOC_INCLUDE ?= $(parts)/include

host = $(shell rustc -vV | sed -n 's/^host: //p')

# The lab is a Linux node: it needs namespaces, and root to make them.
lab := $(shell [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ] && echo lab)

# Breaks a real node in every way kubewhy can name so far; without root or off Linux, replays recordings of one.
ifeq ($(lab),lab)
demo: build-parts lab-parts
	cargo build --package kubewhy --package kubewhy-lab --bins
	target/debug/kubewhy-lab demo
else
demo: build-parts
	@echo '*** The lab needs root on Linux: REPLAYING RECORDINGS of broken nodes instead. ***'
	cargo run --quiet --package kubewhy -- demo --replay
endif

# Every ring. With a lab, a test that skips its lab fails; without one, each says that it was skipped.
ifeq ($(lab),lab)
test: export KUBEWHY_LAB := required
test: build-parts lab-parts deploy-parts
else
test: build-parts deploy-parts
	@echo '*** The lab needs root on Linux: the tests on real containerd WILL BE SKIPPED. ***'
endif
	cargo build --workspace --bins
	cargo test --workspace

# The worst that faults of a node show in many times, ten minutes without an API server, churn at length, and an agent that is
# killed a thousand times: an hour and a half.
soak: export KUBEWHY_LAB := required
soak: export KUBEWHY_SOAK := yes
soak: build-parts lab-parts
	cargo build --workspace --bins
	cargo test --test e2e -- --nocapture --test-threads 1 node_faults churn killed::

check: build-parts deploy-parts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items
	cargo test --test it documents

# What is made of the files of deploy/: install.yaml, and what the chart takes from them.
manifests: deploy-parts
	KUSTOMIZE=$(parts)/bin/kustomize deploy/manifests.sh

# The program that ships: static. A target is named so that build scripts are not.
release: export RUSTFLAGS := -Ctarget-feature=+crt-static -Clink-arg=-Wl,-T,$(CURDIR)/deploy/release.ld
release: build-parts
	cargo build --release --package kubewhy --bin kubewhy --target $(host)
	@ls -l target/$(host)/release/kubewhy

bench: build-parts
	cargo bench --package kubewhy --bench '*'

# What 1, 100 and 5,000 agents cost an API server: simulated in virtual time, a quarter of an hour. Writes the table and the
# charts of docs/scale.md.
scale: build-parts
	@command -v gnuplot >/dev/null || apt-get install --yes --no-install-recommends gnuplot-nox fonts-dejavu-core
	cargo run --package kubewhy-fleet -- --document docs/scale.md --data target/scale
	gnuplot -e "data='target/scale'; charts='docs/scale'" tests/fleet/charts.gp

# Instrumented by hand, as cargo-fuzz would: no nightly toolchain is needed, only a C++ compiler. See fuzz/README.md.
# A target is named so that build scripts are left without instruments.
fuzz: SECONDS ?= 60
fuzz: export RUSTFLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1
fuzz: build-parts
	@command -v c++ >/dev/null || { echo 'fuzzing needs a C++ compiler: apt-get install g++'; exit 1; }
	cargo build --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --target $(host)
	mkdir -p target/fuzz/corpus
	target/fuzz/$(host)/release/explain target/fuzz/corpus -max_total_time=$(SECONDS) -max_len=4096 -artifact_prefix=target/fuzz/

clean:
	cargo clean

build-parts:
	tests/lab/parts.sh build

lab-parts:
	tests/lab/parts.sh lab

deploy-parts:
	tests/lab/parts.sh deploy
