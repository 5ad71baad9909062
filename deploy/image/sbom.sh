#!/bin/sh
# Lists the crates that are in the program, as CycloneDX JSON: those of the target, none that only tests need. The same
# Cargo.lock gives the same bytes on every machine.
#
#   sbom.sh TRIPLE FILE
set -eu

[ $# = 2 ] || { echo "usage: $0 TRIPLE FILE" >&2 && exit 1; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
tool=$here/target/parts/bin/cargo-cyclonedx
mkdir -p "$(dirname "$2")"

# It writes beside each Cargo.toml of the workspace, and only there.
trap 'rm -f "$here"/kubewhy-sbom.json "$here"/tests/*/kubewhy-sbom.json' EXIT
# With a time given it makes up neither a date nor a serial number (cargo-cyclonedx, README).
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} "$tool" cyclonedx --manifest-path "$here/Cargo.toml" --format json --spec-version 1.5 \
	--target "$1" --no-build-deps --override-filename kubewhy-sbom --quiet
# Where it was built is nobody's business, and would make another file elsewhere.
sed "s|path+file://$here|path+file:///src|g; s|file://$here|file:///src|g" "$here/kubewhy-sbom.json" >"$2"
