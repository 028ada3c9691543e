/* SPDX-License-Identifier: Apache-2.0 */
/* What programs have open goes on when another process takes over the volume. The environment's
 * UPGRADE is the command that makes it so. */
#include "claim.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#define PAGE 4096

static void upgrade(void)
{
	const char *command = getenv("UPGRADE");

	claim_need(command);
	claim_need(system(command) == 0);
}

static int must_open(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0644);

	claim_need(fd >= 0);
	return fd;
}

static void test_open_files(void)
{
	int at = must_open("at", O_RDWR | O_CREAT),
	    append = must_open("append", O_WRONLY | O_CREAT);
	int gone = must_open("gone", O_RDWR | O_CREAT);
	char text[8] = "";

	claim(fcntl(append, F_SETFL, O_APPEND) == 0);
	claim(write(at, "abc", 3) == 3 && write(append, "abc", 3) == 3);
	claim(write(gone, "gone", 4) == 4 && unlink("gone") == 0);
	upgrade();
	claim(write(at, "def", 3) == 3 && write(append, "def", 3) == 3);
	claim(claim_file_is("at", "abcdef") && claim_file_is("append", "abcdef"));
	claim(pread(gone, text, sizeof(text), 0) == 4 && !strcmp(text, "gone"));
	claim(pwrite(gone, "more", 4, 9000) == 4 && ftruncate(gone, 2) == 0);
	claim(!close(at) && !close(append) && !close(gone));
}

static void test_mapping(void)
{
	int fd = must_open("f", O_RDWR | O_CREAT);
	char text[2] = "";
	char *map;

	claim_need(ftruncate(fd, 8 * PAGE) == 0);
	map = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	map[0] = 'a';
	map[3 * PAGE] = 'b';
	upgrade();
	claim(map[0] == 'a' && map[3 * PAGE] == 'b' && map[7 * PAGE] == 0);
	map[5 * PAGE] = 'c';
	claim(msync(map, 8 * PAGE, MS_SYNC) == 0);
	upgrade();
	claim(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	claim(pread(fd, text, 1, 5 * PAGE) == 1 && text[0] == 'c');
	claim(pread(fd, text, 1, 3 * PAGE) == 1 && text[0] == 'b');
	claim(munmap(map, 8 * PAGE) == 0 && close(fd) == 0);
}

static void test_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = 10, .l_len = 5 };
	int fd = must_open("f", O_RDWR | O_CREAT), other = must_open("f", O_RDWR);

	claim(flock(fd, LOCK_EX) == 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0);
	upgrade();
	claim_errno(EWOULDBLOCK, flock(other, LOCK_EX | LOCK_NB));
	lock.l_start = 14;
	claim_errno(EAGAIN, fcntl(other, F_OFD_SETLK, &lock));
	lock.l_start = 15;
	claim(fcntl(other, F_OFD_SETLK, &lock) == 0);
	claim(flock(fd, LOCK_UN) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0);
	claim(!close(fd) && !close(other));
}

enum { NR_NAMES = 3000 };

static void make_names(void)
{
	char name[32];

	for (int i = 0; i < NR_NAMES; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		claim_need(!close(must_open(name, O_WRONLY | O_CREAT)));
	}
}

/* Reads @nr entries, or all that are left for -1, and counts how often each name comes. */
static void read_names(DIR *dir, int nr, int seen[NR_NAMES])
{
	struct dirent *entry;
	int number;

	while (nr-- && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "name%d", &number) == 1 && number < NR_NAMES)
			seen[number]++;
}

static void test_directories(void)
{
	static int seen[NR_NAMES];
	DIR *dir;

	claim_need(mkdir("d", 0755) == 0 && chdir("d") == 0);
	make_names();
	dir = opendir(".");
	claim_need(dir);
	read_names(dir, 1000, seen);
	upgrade();
	claim_make_file("late", "late");
	read_names(dir, -1, seen);
	for (int i = 0; i < NR_NAMES; i++)
		claim(seen[i] == 1);
	closedir(dir);
	claim(rename("late", "later") == 0 && claim_file_is("later", "late"));
	claim(chdir("..") == 0 && claim_file_is("d/later", "late"));
}

/* From the daemon, not from the kernel's cache. */
static struct statx get_attributes(const char *name)
{
	struct statx st = { 0 };

	claim(statx(AT_FDCWD, name, AT_STATX_FORCE_SYNC | AT_SYMLINK_NOFOLLOW,
		    STATX_BASIC_STATS | STATX_BTIME, &st) == 0);
	return st;
}

static void test_attributes(void)
{
	static const char *const names[] = { "f", "link", "soft", "fifo", "." };
	struct statx before[5], after;
	char value[16] = "";
	int fd = must_open("f", O_RDWR | O_CREAT);

	claim(pwrite(fd, "x", 1, 100 * PAGE) == 1 && fchmod(fd, 04711) == 0);
	claim(link("f", "link") == 0 && symlink("f", "soft") == 0 && mkfifo("fifo", 0600) == 0);
	claim(fsetxattr(fd, "user.colour", "red", 3, 0) == 0);
	for (int i = 0; i < 5; i++)
		before[i] = get_attributes(names[i]);
	upgrade();
	for (int i = 0; i < 5; i++) {
		after = get_attributes(names[i]);
		claim(!memcmp(&before[i], &after, sizeof(after)));
	}
	claim(getxattr("link", "user.colour", value, sizeof(value)) == 3 && !strcmp(value, "red"));
	claim(lseek(fd, 0, SEEK_END) == 100 * PAGE + 1);
	claim(close(fd) == 0 && unlink("f") == 0 && get_attributes("link").stx_nlink == 1);
}

static void test_a_file_without_a_name_gets_one(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	char path[64];

	if (fd < 0 && errno == EOPNOTSUPP)
		return; /* an older libfuse */
	claim_need(fd >= 0);
	claim(write(fd, "born", 4) == 4);
	upgrade();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	claim(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
	claim(claim_file_is("named", "born") && close(fd) == 0);
}

static const struct claim_test tests[] = {
	{ "open_files", test_open_files },
	{ "mapping", test_mapping },
	{ "locks", test_locks },
	{ "directories", test_directories },
	{ "attributes", test_attributes },
	{ "a_file_without_a_name_gets_one", test_a_file_without_a_name_gets_one },
};

CLAIM_MAIN(tests)
