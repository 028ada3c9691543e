# shellcheck shell=bash
# Source this before harness.sh: the script then runs in a mount namespace of its own, if one can be
# made. What it mounts is seen by no other process, and goes away with it.
namespace=(unshare --mount --propagation private)
if [ -z "${CXLFS_IN_NAMESPACE:-}" ] && "${namespace[@]}" true; then
	exec "${namespace[@]}" env CXLFS_IN_NAMESPACE=1 bash "$0"
fi

need_namespace() { [ -n "${CXLFS_IN_NAMESPACE:-}" ] || skip "no mount namespace can be made here"; }
