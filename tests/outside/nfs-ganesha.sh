#!/bin/bash
# NFS-Ganesha exports the volume by file handles; a client in user space writes and reads.
# matrix: transport
# timeout: 200
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_root
need_tools ganesha.nfsd nfs-ls nfs-cp nfs-cat

readonly PORT=20490
readonly URL="nfs://127.0.0.1/volume" ARGS="?version=4&nfsport=$PORT"

end_all() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
}
at_exit+=(end_all)

write_config() {
	cat <<-END >"$WORK/ganesha.conf"
		NFS_CORE_PARAM { Protocols = 4; NFS_Port = $PORT; Bind_addr = 127.0.0.1;
			Enable_NLM = false; Enable_RQUOTA = false; }
		NFSv4 { Grace_Period = 5; Graceless = true; RecoveryRoot = $WORK/recovery; }
		NFS_KRB5 { Active_krb5 = false; }
		EXPORT { Export_Id = 7; Path = $MNT; Pseudo = /volume; Access_Type = RW;
			Squash = No_Root_Squash; SecType = sys; Filesystem_Id = 7.7;
			FSAL { Name = VFS; } }
	END
}

answers() { nfs-ls "$URL$ARGS" >"$WORK/ls" 2>&1; }
answers_or_gone() { answers || is_gone "$server"; }

start_server() {
	ganesha.nfsd -F -f "$WORK/ganesha.conf" -L "$WORK/ganesha.log" -p "$WORK/ganesha.pid" \
		-N EVENT >"$WORK/ganesha.out" 2>&1 &
	server=$!
	wait_until "ganesha answers" answers_or_gone
	answers || fail "ganesha: $(tail -n 20 "$WORK/ganesha.log") $(cat "$WORK/ls")"
}

end_server() {
	kill "$server"
	wait "$server" || true
	server=
}

exchange() {
	mkdir -p "$MNT/dir/below"
	start_server
	cp "$WORK/data" "$MNT/dir/below/data"
	nfs-cp "$WORK/note" "$URL/dir/below/note$ARGS" >"$WORK/cp" || fail "nfs-cp"
	cmp "$WORK/note" "$MNT/dir/below/note"
	forget_cached
	nfs-cat "$URL/dir/below/data$ARGS" | cmp - "$WORK/data"
	mv "$MNT/dir/below" "$MNT/moved"
	forget_cached
	nfs-cat "$URL/moved/data$ARGS" | cmp - "$WORK/data"
	nfs-ls -R "$URL$ARGS" | grep -q data || fail "nfs-ls"
	end_server
}

head -c 5000000 /dev/urandom >"$WORK/data"
# nfs-cp of Debian 12 cannot write large files over NFS 4, whatever the file system.
head -c 1000 "$WORK/data" >"$WORK/note"
mkdir -p "$WORK/recovery"
write_config
in_each_cache_mode exchange
finish
