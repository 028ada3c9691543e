#!/bin/bash
# fs_mark creates small files with each of its sync methods; postmark simulates a mail server.
# matrix: diagonal
# timeout: 400
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_tools fs_mark postmark

# Each sync method of fs_mark, 0 to 6.
make_small_files() {
	local way
	for way in 0 1 2 3 4 5 6; do
		mkdir "$MNT/mark"
		fs_mark -d "$MNT/mark" -s 20480 -n 300 -t 4 -D 8 -S "$way" -l "$WORK/fs_mark.log" \
			>"$WORK/fs_mark.out" 2>&1 || fail "fs_mark -S $way: $(cat "$WORK/fs_mark.out")"
		same "$(find "$MNT/mark" -type f | wc -l)" 0 "files that fs_mark leaves"
		rm -rf "$MNT/mark"
	done
}

play_mail_server() {
	mkdir "$MNT/mail"
	postmark <<-END >"$WORK/postmark.log" 2>&1 || fail "postmark: $(tail "$WORK/postmark.log")"
		set location $MNT/mail
		set number 1000
		set transactions 10000
		set size 500 60000
		set subdirectories 10
		run
		quit
	END
	! grep -iE 'error|cannot' "$WORK/postmark.log" || fail "postmark"
	grep 'seconds total' "$WORK/postmark.log"
}

run_all() {
	make_small_files
	play_mail_server
}

in_each_cache_mode run_all
finish
