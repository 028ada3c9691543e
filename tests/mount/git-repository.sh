#!/bin/bash
# git init, add, commit, branch, merge, clone, gc and fsck.
# matrix: diagonal
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools git

export HOME=$WORK GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org
export GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
git config --global init.defaultBranch main
git config --global gc.auto 0

commit_all() {
	git add -A
	git commit -q -m "$1"
}

start_volume
mkdir "$MNT/repo"
cd "$MNT/repo" || fail "cd"
git init -q
real_files 800 /usr/include /usr/share/perl* /usr/share/doc >"$WORK/names"
tar -c --null -T "$WORK/names" 2>/dev/null | tar -x
commit_all first
git checkout -q -b side
for i in $(seq 20); do
	echo "line $i" >>changed
	commit_all "change $i"
done
git mv usr moved
commit_all moved
git checkout -q main
git merge -q side
git fsck --full --strict
git clone -q "$MNT/repo" "$MNT/clone"
git -C "$MNT/clone" fsck --full --strict
git gc -q --prune=now
git fsck --full --strict
same "$(git status --porcelain)" "" "git status"
same "$(git rev-parse HEAD)" "$(git -C "$MNT/clone" rev-parse HEAD)" "heads"
diff -r -x .git "$MNT/repo" "$MNT/clone"
finish
