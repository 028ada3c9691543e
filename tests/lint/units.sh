#!/bin/bash
# systemd-analyze has no warning about the units.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v systemd-analyze >/dev/null || {
	echo "skip: systemd-analyze is not installed"
	exit 77
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Verify the unit without installing the program.
sed -E 's,@SBINDIR@/cxlfs(adm)?,/bin/true,' contrib/systemd/cxlfs@.service.in >"$dir/cxlfs@.service"
cp contrib/examples/*.mount contrib/examples/*.timer "$dir"
sed 's,^ExecStart=cxlfsadm,ExecStart=/bin/true,' contrib/examples/cxlfs-metrics.service \
	>"$dir/cxlfs-metrics.service"
cd "$dir"
said=$(SYSTEMD_UNIT_PATH="$dir:" systemd-analyze verify --man=no ./*.mount ./*.timer \
	./cxlfs-metrics.service ./cxlfs@scratch.service 2>&1) ||
	{ echo "$said"; exit 1; }
echo "$said"
[ -z "$said" ]
