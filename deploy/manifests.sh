#!/bin/sh
# Makes what is made of the files that kustomize applies, so that each of them is written once:
#
#   install.yaml               deploy/base, rendered
#   chart/objects/*.yaml       what the chart takes as it is
#   monitoring/prometheusrule.yaml  rules.yaml, for the operator
#   chart/values.schema.json   of chart/values.schema.in.json, with config.schema.json in its place
#
#   manifests.sh [DIRECTORY]   into DIRECTORY instead of deploy/; a test compares the two
#
# KUSTOMIZE   the program [default: kustomize]
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here}
mkdir -p "$out/chart/objects" "$out/monitoring"

# made FILE SOURCE...: the sources as documents of one file.
made() {
	file=$out/$1
	shift
	printf '# Made by `make manifests`; not to be edited here.\n' >"$file"
	for source; do
		[ "$source" = "$1" ] || printf -- '---\n'
		cat "$here/$source"
	done >>"$file"
}

made chart/objects/account.yaml base/serviceaccount.yaml
made chart/objects/rights.yaml base/clusterrole.yaml base/clusterrolebinding.yaml
made chart/objects/admission.yaml base/policy.yaml base/policybinding.yaml base/prioritylevel.yaml base/flowschema.yaml
made chart/objects/storage.yaml storage/clusterrole.yaml storage/clusterrolebinding.yaml
for part in condition prepull-marks; do
	made "chart/objects/$part.yaml" "$part/clusterrole.yaml" "$part/clusterrolebinding.yaml" "$part/policy.yaml" \
		"$part/policybinding.yaml"
done
made chart/objects/metrics-auth.yaml metrics-auth/clusterrole.yaml metrics-auth/clusterrolebinding.yaml metrics-auth/reader.yaml
made chart/objects/openshift.yaml openshift/scc.yaml openshift/role.yaml openshift/rolebinding.yaml

# The schema of the file, in the place where the chart has it.
sed -e "/\"config\": {}/{
	s/{}.*//p
	r $here/config.schema.json
	d
}" "$here/chart/values.schema.in.json" >"$out/chart/values.schema.json"

# What the operator reads is what Prometheus reads, two columns further in.
{
	printf '# Made by `make manifests` of rules.yaml; not to be edited here.\n'
	sed -n '/^apiVersion:/,/^spec:$/p' "$here/monitoring/prometheusrule.yaml"
	sed -n '/^groups:/,$s/^./  &/p;/^$/p' "$here/monitoring/rules.yaml"
} >"$out/monitoring/prometheusrule.yaml.new"
mv -f "$out/monitoring/prometheusrule.yaml.new" "$out/monitoring/prometheusrule.yaml"

{
	printf '# deploy/base in one file, for those who have no kustomize: kubectl apply -f install.yaml\n'
	printf '# Made by `make manifests`; not to be edited here. The reasons are in the files of deploy/base.\n'
	"${KUSTOMIZE:-kustomize}" build "$here/base"
} >"$out/install.yaml"
