/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: modes, owners, sticky and set-id bits, umask, groups. Runs as root. */
#include "claim.h"

#include <grp.h>
#include <sys/fsuid.h>

#define ALICE 12001
#define BOB   12002
#define STAFF 12010

static mode_t mode_of(const char *name)
{
	return claim_stat(name).st_mode & 07777;
}

static void own(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	claim_need(chown(name, uid, gid) == 0 && chmod(name, mode) == 0);
}

static void as_bob_closed_doors(void)
{
	claim_errno(EACCES, open("private", O_RDONLY));
	claim_errno(EACCES, open("dir/x", O_RDONLY));
	claim_errno(EACCES, open("listable/x", O_RDONLY));
	claim_errno(EACCES, open("searchable", O_RDONLY));
	claim(claim_file_is("searchable/x", "x"));
	claim_errno(EACCES, open("searchable/new", O_WRONLY | O_CREAT, 0644));
	claim_errno(EACCES, unlink("searchable/x"));
	claim_errno(EPERM, chmod("private", 0777));
	claim_errno(EPERM, chown("private", BOB, BOB));
	claim_errno(EACCES, truncate("readable", 0));
	claim(claim_file_is("readable", "r"));
	claim_errno(EACCES, execl("./readable", "readable", NULL));
}

static void test_strangers_meet_closed_doors(void)
{
	static const char *const dirs[] = { "dir", "listable", "searchable" };
	static const mode_t modes[] = { 0700, 0744, 0711 };
	char path[32];

	claim_make_file("private", "p");
	own("private", ALICE, ALICE, 0600);
	claim_make_file("readable", "r");
	own("readable", ALICE, ALICE, 0644);
	for (int i = 0; i < 3; i++) {
		claim_need(mkdir(dirs[i], 0755) == 0);
		snprintf(path, sizeof(path), "%s/x", dirs[i]);
		claim_make_file(path, "x");
		own(dirs[i], ALICE, ALICE, modes[i]);
	}
	claim_as(BOB, BOB, as_bob_closed_doors);
}

static void as_owner_chmod(void)
{
	claim(chmod("mine", 0751) == 0 && mode_of("mine") == 0751);
	claim(chmod("mine", 06755) == 0 && mode_of("mine") == 06755);
	claim(chown("mine", -1, ALICE) == 0);
	claim_errno(EPERM, chown("mine", BOB, -1));
	claim_errno(EPERM, chown("mine", -1, STAFF));
	claim(chmod("foreigngroup", 02755) == 0 && mode_of("foreigngroup") == 0755);
}

static void test_owner_changes_the_mode_and_not_the_owner(void)
{
	claim_make_file("mine", "m");
	own("mine", ALICE, ALICE, 0600);
	claim_make_file("foreigngroup", "m");
	own("foreigngroup", ALICE, STAFF, 0755);
	claim_as(ALICE, ALICE, as_owner_chmod);
}

static void as_alice_with_staff(void)
{
	claim(claim_file_is("shared", "s"));
	claim(chown("mine", -1, STAFF) == 0 && claim_stat("mine").st_gid == STAFF);
	claim(chmod("mine", 02755) == 0 && mode_of("mine") == 02755);
}

static void test_supplementary_groups_count(void)
{
	const gid_t groups[] = { STAFF };

	claim_make_file("shared", "s");
	own("shared", 0, STAFF, 0640);
	claim_make_file("mine", "m");
	own("mine", ALICE, ALICE, 0644);
	claim_need(setgroups(1, groups) == 0);
	claim_as(ALICE, ALICE, as_alice_with_staff);
	claim_need(setgroups(0, NULL) == 0);
}

static void as_bob_in_sticky(void)
{
	claim_errno(EPERM, unlink("tmp/alice"));
	claim_errno(EPERM, rename("tmp/alice", "tmp/stolen"));
	claim_errno(EPERM, rmdir("tmp/alicedir"));
	claim_make_file("tmp/bob", "b");
	claim_errno(EPERM, rename("tmp/bob", "tmp/alice"));
	claim(rename("tmp/bob", "tmp/bob2") == 0 && unlink("tmp/bob2") == 0);
}

static void test_sticky_directory_protects_its_entries(void)
{
	claim_need(mkdir("tmp", 0777) == 0);
	own("tmp", 0, 0, 01777);
	claim_make_file("tmp/alice", "a");
	own("tmp/alice", ALICE, ALICE, 0666);
	claim_need(mkdir("tmp/alicedir", 0777) == 0);
	own("tmp/alicedir", ALICE, ALICE, 0777);
	claim_as(BOB, BOB, as_bob_in_sticky);
	claim(access("tmp/alice", F_OK) == 0);
}

static void as_alice_in_setgid(void)
{
	claim_make_file("team/f", "f");
	claim_need(mkdir("team/d", 0755) == 0);
	claim(claim_stat("team/f").st_gid == STAFF && claim_stat("team/f").st_uid == ALICE);
	claim(claim_stat("team/d").st_gid == STAFF && mode_of("team/d") == 02755);
	claim(mknod("team/s", S_IFREG | 02755, 0) == 0 && mode_of("team/s") == 0755);
	claim(symlink("f", "team/l") == 0 && claim_stat("team/l").st_gid == STAFF);
}

static void test_setgid_directory_hands_its_group_down(void)
{
	claim_need(mkdir("team", 0777) == 0);
	own("team", 0, STAFF, 02777);
	claim_as(ALICE, ALICE, as_alice_in_setgid);
}

static void as_alice_writes(void)
{
	int fd = open("suid", O_WRONLY);

	claim_need(fd >= 0);
	claim(mode_of("suid") == 06777);
	claim(write(fd, "x", 1) == 1);
	claim(mode_of("suid") == 0777);
	close(fd);
	claim(truncate("suid2", 0) == 0 && mode_of("suid2") == 0777);
	claim(mode_of("lockbit") == 02767);
	claim_need((fd = open("suid3", O_WRONLY | O_TRUNC)) >= 0);
	claim(mode_of("suid3") == 0777);
	close(fd);
}

static void test_writing_drops_set_id_bits(void)
{
	static const char *const names[] = { "suid", "suid2", "suid3" };

	for (int i = 0; i < 3; i++) {
		claim_make_file(names[i], "text");
		own(names[i], 0, 0, 06777);
	}
	claim_make_file("lockbit", "text");
	own("lockbit", 0, 0, 02767);
	claim_as(ALICE, ALICE, as_alice_writes);
}

static void test_chown_drops_set_id_bits(void)
{
	claim_make_file("f", "x");
	own("f", 0, 0, 06755);
	claim(chown("f", ALICE, ALICE) == 0 && mode_of("f") == 0755);
	own("f", 0, 0, 02745);
	claim(chown("f", ALICE, ALICE) == 0 && (mode_of("f") & 04000) == 0);
	claim_need(mkdir("d", 0755) == 0);
	own("d", 0, 0, 02755);
	claim(chown("d", ALICE, STAFF) == 0 && mode_of("d") == 02755);
}

static void test_umask_is_applied(void)
{
	umask(027);
	claim(close(open("f", O_WRONLY | O_CREAT, 0666)) == 0 && mode_of("f") == 0640);
	claim(mkdir("d", 0777) == 0 && mode_of("d") == 0750);
	claim(mkfifo("p", 0666) == 0 && mode_of("p") == 0640);
	umask(0);
	claim(close(open("g", O_WRONLY | O_CREAT, 0666)) == 0 && mode_of("g") == 0666);
	claim(mkdir("s", 01777) == 0 && mode_of("s") == 01777);
}

static void as_alice_mode_zero(void)
{
	int fd = open("locked", O_RDWR | O_CREAT, 0);

	claim_need(fd >= 0);
	claim(write(fd, "x", 1) == 1);
	close(fd);
	claim_errno(EACCES, open("locked", O_RDONLY));
}

static void test_creator_may_write_a_file_of_mode_zero(void)
{
	own(".", ALICE, ALICE, 0755);
	claim_as(ALICE, ALICE, as_alice_mode_zero);
}

static void as_bob_times(void)
{
	const struct timespec then[2] = { { .tv_sec = 5 }, { .tv_sec = 5 } };

	claim_errno(EPERM, utimensat(AT_FDCWD, "alice", then, 0));
	claim(utimensat(AT_FDCWD, "alice", NULL, 0) == 0);
	claim_errno(EACCES, utimensat(AT_FDCWD, "closed", NULL, 0));
}

static void test_times_belong_to_the_owner(void)
{
	claim_make_file("alice", "a");
	own("alice", ALICE, ALICE, 0666);
	claim_make_file("closed", "a");
	own("closed", ALICE, ALICE, 0644);
	claim_as(BOB, BOB, as_bob_times);
}

static void as_bob_hardlink(void)
{
	claim(link("dir/open", "dir/again") == 0 || errno == EPERM);
	claim_errno(EACCES, link("dir/open", "closed/again"));
}

static void test_linking_needs_a_writable_directory(void)
{
	claim_need(mkdir("dir", 0777) == 0 && mkdir("closed", 0755) == 0);
	own("dir", 0, 0, 0777);
	claim_make_file("dir/open", "o");
	own("dir/open", ALICE, ALICE, 0666);
	claim_as(BOB, BOB, as_bob_hardlink);
}

static const struct claim_test tests[] = {
	{ "strangers_meet_closed_doors", test_strangers_meet_closed_doors },
	{ "owner_changes_the_mode_and_not_the_owner",
	  test_owner_changes_the_mode_and_not_the_owner },
	{ "supplementary_groups_count", test_supplementary_groups_count },
	{ "sticky_directory_protects_its_entries", test_sticky_directory_protects_its_entries },
	{ "setgid_directory_hands_its_group_down", test_setgid_directory_hands_its_group_down },
	{ "writing_drops_set_id_bits", test_writing_drops_set_id_bits },
	{ "chown_drops_set_id_bits", test_chown_drops_set_id_bits },
	{ "umask_is_applied", test_umask_is_applied },
	{ "creator_may_write_a_file_of_mode_zero", test_creator_may_write_a_file_of_mode_zero },
	{ "times_belong_to_the_owner", test_times_belong_to_the_owner },
	{ "linking_needs_a_writable_directory", test_linking_needs_a_writable_directory },
};
CLAIM_MAIN(tests)
