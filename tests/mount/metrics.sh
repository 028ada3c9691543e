#!/bin/bash
# cxlfsadm metrics prints what Prometheus accepts, and counts what programs did.
# sanitize: yes

# Only the volumes of this script are to be seen.
# shellcheck source=../lib/namespace.sh
. "$(dirname "$0")/../lib/namespace.sh"

# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools python3
need_namespace
mount -t tmpfs tmpfs /run

# The rules of the text format, and those of promtool that matter: python checks them strictly.
cat >"$WORK/check.py" <<'PYTHON'
import re, sys

SAMPLE = re.compile(r'^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} ([-+.e0-9]+|\+Inf)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
kinds, family, finished, values, helps = {}, None, set(), {}, set()

def fail(line, why):
    sys.exit(f"{why}: {line}")

for line in open(sys.argv[1], encoding="utf-8"):
    line = line.rstrip("\n")
    if line.startswith("# HELP "):
        name = line.split()[2]
        name not in helps or fail(line, "second HELP")
        helps.add(name)
        family and finished.add(family)
        family = name
        name not in finished or fail(line, "not together")
        line.endswith(".") or fail(line, "no sentence")
        continue
    if line.startswith("# TYPE "):
        _, _, name, kind = line.split()
        name == family or fail(line, "TYPE without HELP")
        kinds[name] = kind
        (kind == "counter") == name.endswith("_total") or fail(line, "name of a counter")
        continue
    match = SAMPLE.match(line) or fail(line, "no sample")
    name, labels, value = match.group(1), dict(LABEL.findall(match.group(2))), float(match.group(3))
    base = re.sub("_(bucket|sum|count)$", "", name) if kinds[family] == "histogram" else name
    base == family or fail(line, "sample of another family")
    key = (name, tuple(sorted(labels.items())))
    key not in values or fail(line, "twice")
    values[key] = value
    kinds[family] == "gauge" or value >= 0 or fail(line, "negative")

histograms = {}
for (name, labels), value in values.items():
    if name.endswith("_bucket"):
        rest = tuple(l for l in labels if l[0] != "le")
        edge = float(dict(labels)["le"].replace("+Inf", "inf"))
        histograms.setdefault((name[:-7], rest), []).append((edge, value))
for (name, labels), buckets in histograms.items():
    buckets.sort()
    counts = [count for _, count in buckets]
    counts == sorted(counts) or fail(name, "buckets are not cumulative")
    buckets[-1][0] == float("inf") or fail(name, "no +Inf")
    counts[-1] == values[(name + "_count", labels)] or fail(name, "count is not +Inf")
    values[(name + "_sum", labels)] >= 0 or fail(name, "no sum")
len(kinds) > 20 and len(histograms) > 3 or fail("", "too little")
PYTHON

metrics() {
	"$CXLFSADM" metrics >"$WORK/metrics" || fail "metrics"
	python3 "$WORK/check.py" "$WORK/metrics" || fail "the format is wrong"
}

# value REGEX: the value of the sample that begins so.
value() { sed -nE "s|^$1 ||p" "$WORK/metrics"; }

"$CXLFSADM" metrics >"$WORK/metrics" # of no volume
odd="$WORK/a \"b\\c"
mkdir "$odd"
start_volume size=4G,luns=2
"$CXLFS" "emul:$STORE/other,size=2G" "$odd"
note_adapter "$STORE/other"
metrics
before=$(value "cxlfs_request_duration_seconds_count\{mountpoint=\"$MNT\",operation=\"create\"\}")

for i in 1 2 3 4 5; do
	head -c 300000 /dev/urandom >"$MNT/$i"
done
dd if="$MNT/1" of=/dev/null bs=4k count=10 iflag=direct status=none
metrics
at="mountpoint=\"$MNT\""
same "$(value "cxlfs_request_duration_seconds_count\{$at,operation=\"create\"\}")" \
	$((${before:-0} + 5)) creates
same "$(value "cxlfs_request_bytes_total\{$at,operation=\"write\"\}")" 1500000 "bytes written"
same "$(value "cxlfs_request_bytes_total\{$at,operation=\"read\"\}")" 40960 "bytes read"
same "$(value "cxlfs_lun_up\{$at,lun=\"0\"\}")" 1 "LUN up"
[ "$(value "cxlfs_command_duration_seconds_count\{$at,lun=\"0\",direction=\"write\"\}")" -ge 370 ] ||
	fail "too few commands"
grep -qF 'mountpoint="'"$WORK"'/a \"b\\c"' "$WORK/metrics" || fail "labels are not escaped"

# A retry by cause.
"$CXLFSADM" emul fault "$ADAPTER" 'at=write n=1 action=busy'
dd if=/dev/zero of="$MNT/1" bs=4k count=10 oflag=direct conv=notrunc status=none
metrics
same "$(value "cxlfs_command_retries_total\{$at,lun=\"0\",cause=\"busy\"\}")" 1 "busy retries"

# For the collector of node_exporter.
"$CXLFSADM" metrics --output "$WORK/cxlfs.prom"
python3 "$WORK/check.py" "$WORK/cxlfs.prom"
same "$(find "$WORK" -name 'cxlfs.prom*' | wc -l)" 1 "files"
must_fail "No such file" "$CXLFSADM" metrics --output "$WORK/none/cxlfs.prom"
pid=$("$CXLFSADM" status --json "$odd" |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["daemon"]["pid"])')
umount "$odd"
wait_until "the daemon ends" is_gone "$pid"

if command -v promtool >/dev/null; then
	promtool check metrics <"$WORK/metrics" || fail "promtool does not like the metrics"
	promtool check rules "$ROOT/contrib/examples/cxlfs-alerts.yml" ||
		fail "promtool does not like the alerts"
elif [ -n "${CXLFS_PROMTOOL:-}" ]; then
	fail "promtool is missing"
fi
finish
