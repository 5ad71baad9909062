# Each target does its own set-up: on a fresh Debian machine, `make demo` is the first thing one can type.

.DEFAULT_GOAL := demo
.PHONY: demo replay test soak check deny manifests release image sbom scale bench fuzz clean build-parts lab-parts deploy-parts

parts := $(CURDIR)/target/parts
export PROTOC ?= $(parts)/bin/protoc
export PROTOC_INCLUDE ?= $(parts)/include

host = $(shell $(or $(RUSTC),rustc) -vV | sed -n 's/^host: //p')

# The lab is a Linux node: it needs namespaces, and root to make them.
lab := $(shell [ "$$(uname -s)" = Linux ] && [ "$$(id -u)" = 0 ] && echo lab)

# Breaks a real node in 14 ways; without root or off Linux, replays recordings of one.
ifeq ($(lab),lab)
demo: build-parts lab-parts
	cargo build --package kubewhy --package kubewhy-lab --bins
	target/debug/kubewhy-lab demo
else
demo: build-parts
	@echo '*** The lab needs root on Linux: REPLAYING RECORDINGS of broken nodes instead. ***'
	$(MAKE) replay
endif

# Anywhere, in seconds once it is built: recordings of real broken nodes, through the whole agent.
replay: build-parts
	cargo run --quiet --package kubewhy -- demo --replay

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
soak: build-parts lab-parts deploy-parts
	cargo build --workspace --bins
	cargo test --test e2e -- --nocapture --test-threads 1 node_faults profiles churn killed::

check: build-parts deploy-parts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items
	cargo test --test it documents

# What the crates come with: licences, second versions, sources (deny.toml). By the cargo-deny on PATH, or one of this version in
# target/parts, which takes ten minutes to build once. Where the list of known weaknesses can't be fetched, that is said, and no fault.
deny: export PATH := $(PATH):$(parts)/bin
deny:
	command -v cargo-deny >/dev/null || cargo install --locked --root $(parts) --version 0.20.2 cargo-deny
	cargo deny --locked check --deny warnings licenses bans sources
	@cargo deny --locked fetch db || { echo '*** The list of known weaknesses is out of reach: NOT CHECKED FOR ANY. ***'; exit 0; }; \
		cargo deny --locked check --disable-fetch advisories

# What is made of the files of deploy/: install.yaml, and what the chart takes from them.
manifests: deploy-parts
	KUSTOMIZE=$(parts)/bin/kustomize deploy/manifests.sh

# The program that ships: static, for this machine's architecture or for ARCH=amd64|arm64. What would differ from machine to
# machine is left out of it: paths are cut off, and the linker's script is named as the linker finds it from here.
ARCH ?= $(if $(filter aarch64-%,$(host)),arm64,amd64)
triple = $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu
cross = $(if $(filter $(host),$(triple)),,$(subst -unknown,,$(triple))-)
program = target/$(triple)/release/kubewhy

release: export RUSTFLAGS := -Ctarget-feature=+crt-static -Clink-arg=-fuse-ld=bfd -Clink-arg=-Wl,-T,deploy/image/release.ld \
	--remap-path-prefix=$(CURDIR)=. --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo
release: export CFLAGS := -ffile-prefix-map=$(or $(CARGO_HOME),$(HOME)/.cargo)=cargo
release: build-parts
	tests/lab/parts.sh cross $(triple)
	$(if $(cross),CARGO_TARGET_$(shell echo $(triple) | tr a-z- A-Z_)_LINKER=$(cross)gcc CC_$(subst -,_,$(triple))=$(cross)gcc) \
		cargo build --release --locked --package kubewhy --bin kubewhy --target $(triple)
	@ls -l $(program)

# An image from scratch, without Docker: target/image/kubewhy-VERSION-ARCH.tar. Its last line is the image's digest.
image: version = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
image: made_at = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
image: made_of = $(shell git describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null)
image: release sbom
	@SOURCE_DATE_EPOCH=$(made_at) REVISION=$(made_of) deploy/image/oci.sh $(program) target/image/kubewhy-$(ARCH).cdx.json \
		$(ARCH) kubewhy:$(version) target/image/kubewhy-$(version)-$(ARCH).tar

# Which crates are in the program (CycloneDX).
sbom: build-parts
	tests/lab/parts.sh sbom
	deploy/image/sbom.sh $(triple) target/image/kubewhy-$(ARCH).cdx.json

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
