#!/bin/bash
# `make install` installs everything below DESTDIR, and `make uninstall` removes it.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
plain_make() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s DESTDIR="$dir" PREFIX=/opt/x "$@"; }

plain_make install
for file in sbin/cxlfs sbin/cxlfsadm share/man/man5/cxlfs.5 share/man/man8/cxlfs.8 \
	share/man/man8/cxlfsadm.8 lib/systemd/system/cxlfs@.service lib/udev/rules.d/60-cxlfs.rules \
	share/bash-completion/completions/cxlfs share/bash-completion/completions/cxlfsadm \
	share/doc/cxlfs/README.md share/doc/cxlfs/examples/scratch.conf \
	share/doc/cxlfs/examples/mnt-cxlfs.mount share/doc/cxlfs/examples/59-cxlfs-luns.rules; do
	[ -s "$dir/opt/x/$file" ] || { echo "missing: $file"; exit 1; }
done
grep -q 'exec /opt/x/sbin/cxlfs ' "$dir/opt/x/lib/systemd/system/cxlfs@.service"
grep -q '"/opt/x/sbin/cxlfsadm lun enable ' "$dir/opt/x/lib/udev/rules.d/60-cxlfs.rules"
if grep -r '@[A-Z]*@' "$dir" --include='*.service' --include='*.rules'; then exit 1; fi
"$dir/opt/x/sbin/cxlfs" -V
plain_make uninstall
left=$(find "$dir" -type f)
[ -z "$left" ] || { echo "left: $left"; exit 1; }
