#!/bin/sh
# Puts one static program into an OCI image from scratch, without Docker and without root: an archive that `ctr images import`,
# `docker load`, `podman load` and `skopeo copy oci-archive:FILE` read. The same program, name and time give the same bytes.
#
#   oci.sh PROGRAM SBOM ARCHITECTURE NAME:TAG ARCHIVE
#
# Prints what it made; the last line is the image's digest.
#
# SOURCE_DATE_EPOCH   when it was made, in seconds since 1970: the default is 0 (reproducible-builds.org, the specification)
# REVISION            the commit it was made from, for a label; none is set by default
#
# Formats: OCI image-spec 1.1 (layout, manifest, config, annotations); manifest.json beside them is what Docker before 25 reads.
set -eu
export LC_ALL=C

die() {
	printf 'image: %s\n' "$*" >&2
	exit 1
}

[ $# = 5 ] || die "usage: $0 PROGRAM SBOM amd64|arm64 NAME:TAG ARCHIVE"
program=$1 sbom=$2 architecture=$3 name=$4 archive=$5
title=${name##*/}
version=${title#*:}
title=${title%%:*}
[ "$title" != "$version" ] || die "$name has no tag; kubewhy:0.1.0 has"
case $architecture in amd64 | arm64) ;; *) die "$architecture is no architecture kubewhy is built for: amd64, arm64" ;; esac
for file in "$program" "$sbom"; do [ -f "$file" ] || die "$file is not there"; done
! grep -qa '/ld-linux' "$program" || die "$program is linked dynamically; in an image from scratch nothing would load it: make release"
tar --version 2>/dev/null | grep -q 'GNU tar' || die 'GNU tar is needed: other tars order and date their entries as they like'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
layout=$work/layout
blobs=$layout/blobs/sha256
mkdir -p "$blobs" "$work/root"

epoch=${SOURCE_DATE_EPOCH:-0}
created=$(date --utc --date "@$epoch" +%Y-%m-%dT%H:%M:%SZ)

# archived DIRECTORY ENTRY...: as a tar, with owner, order and dates of its entries fixed.
archived() {
	directory=$1
	shift
	tar --create --format ustar --sort name --mtime "@$epoch" --owner 0 --group 0 --numeric-owner --directory "$directory" "$@"
}

# Names a file by its content: prints `digest size`.
blob() {
	digest=$(sha256sum <"$1" | cut -d ' ' -f 1)
	size=$(wc -c <"$1")
	mv "$1" "$blobs/$digest"
	printf '%s %s\n' "$digest" "$((size))"
}

# --- the layer ----------------------------------------------------------------------------------------------------------

install -m 0755 "$program" "$work/root/kubewhy"
install -m 0644 "$sbom" "$work/root/kubewhy.cdx.json"
archived "$work/root" kubewhy kubewhy.cdx.json >"$work/layer.tar"
diff=$(sha256sum <"$work/layer.tar" | cut -d ' ' -f 1)
# Without name and date: gzip would write both into its header.
gzip -9 --no-name <"$work/layer.tar" >"$work/layer.tar.gz"
read -r layer layer_size <<EOF
$(blob "$work/layer.tar.gz")
EOF

# --- configuration and manifest -----------------------------------------------------------------------------------------

# Docker shows these of an image, others the annotations of its manifest: both say the same.
revision=
[ -z "${REVISION:-}" ] || revision=$(printf ',\n"org.opencontainers.image.revision": "%s"' "$REVISION")
labels=$(
	cat <<-EOF
		"org.opencontainers.image.title": "$title",
		"org.opencontainers.image.description": "Says why a pod does not start and why a node is not ready, as Kubernetes Events",
		"org.opencontainers.image.version": "$version",
		"org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.created": "$created"$revision
	EOF
)

# A user that owns nothing: who needs more, as the standard profile does, says so in the pod. The PATH is for
# `kubectl exec POD -- kubewhy status`.
cat >"$work/config" <<EOF
{
  "created": "$created",
  "architecture": "$architecture",
  "os": "linux",
  "config": {
    "User": "65532:65532",
    "Env": ["PATH=/"],
    "Entrypoint": ["/kubewhy"],
    "WorkingDir": "/",
    "Labels": {
$labels
    }
  },
  "rootfs": {"type": "layers", "diff_ids": ["sha256:$diff"]},
  "history": [{"created": "$created", "created_by": "make image"}]
}
EOF
read -r config config_size <<EOF
$(blob "$work/config")
EOF

cat >"$work/manifest" <<EOF
{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:$config", "size": $config_size
  },
  "layers": [
    {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:$layer", "size": $layer_size}
  ],
  "annotations": {
$labels
  }
}
EOF
read -r manifest manifest_size <<EOF
$(blob "$work/manifest")
EOF

# --- the archive --------------------------------------------------------------------------------------------------------

# What a name without a registry means to containerd and Docker (distribution/reference, ParseDockerRef).
case $name in
*/*) full=$name ;;
*) full=docker.io/library/$name ;;
esac

cat >"$layout/index.json" <<EOF
{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.index.v1+json",
  "manifests": [
    {
      "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:$manifest", "size": $manifest_size,
      "platform": {"architecture": "$architecture", "os": "linux"},
      "annotations": {"io.containerd.image.name": "$full", "org.opencontainers.image.ref.name": "$version"}
    }
  ]
}
EOF
printf '{"imageLayoutVersion": "1.0.0"}\n' >"$layout/oci-layout"
printf '[{"Config": "blobs/sha256/%s", "RepoTags": ["%s"], "Layers": ["blobs/sha256/%s"]}]\n' "$config" "$name" "$layer" \
	>"$layout/manifest.json"

mkdir -p "$(dirname "$archive")"
archived "$layout" blobs index.json manifest.json oci-layout >"$archive.new"
mv -f "$archive.new" "$archive"

bytes() { printf '%d.%02d MiB' "$(($1 / 1048576))" "$(($1 % 1048576 * 100 / 1048576))"; }

echo "$archive: $full for linux/$architecture"
echo "program $(bytes "$(wc -c <"$program")"), image $(bytes "$((layer_size + config_size + manifest_size))") in a registry, $(bytes "$(wc -c <"$work/layer.tar")") unpacked"
echo "sha256:$manifest"
