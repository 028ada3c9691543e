/* SPDX-License-Identifier: Apache-2.0 */
/* flock(2), POSIX and open-file-description locks between processes. */
#include "claim.h"

#include <sys/file.h>

static int lock_range(int fd, int command, short type, off_t start, off_t length)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length
	};

	return fcntl(fd, command, &lock);
}

/* In another process: the errno of a try to lock, 0 when it got the lock. */
static int try_elsewhere(const char *name, int command, short type, off_t start, off_t length)
{
	pid_t pid = fork();
	int status, fd, ret;

	claim_need(pid >= 0);
	if (pid == 0) {
		fd = open(name, O_RDWR);
		if (command == LOCK_EX || command == LOCK_SH)
			ret = flock(fd, command | LOCK_NB);
		else
			ret = lock_range(fd, command, type, start, length);
		_exit(ret ? errno : 0);
	}
	claim_need(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_flock_excludes_other_processes(void)
{
	int fd;

	claim_make_file("f", "x");
	claim_need((fd = open("f", O_RDWR)) >= 0);
	claim(flock(fd, LOCK_EX) == 0);
	claim(try_elsewhere("f", LOCK_EX, 0, 0, 0) == EWOULDBLOCK);
	claim(flock(fd, LOCK_SH) == 0);
	claim(try_elsewhere("f", LOCK_SH, 0, 0, 0) == 0);
	claim(try_elsewhere("f", LOCK_EX, 0, 0, 0) == EWOULDBLOCK);
	claim(flock(fd, LOCK_UN) == 0);
	claim(try_elsewhere("f", LOCK_EX, 0, 0, 0) == 0);
	claim(flock(fd, LOCK_EX) == 0);
	close(fd);
	claim(try_elsewhere("f", LOCK_EX, 0, 0, 0) == 0);
}

static void test_posix_locks_are_ranges(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
	int fd;

	claim_make_file("f", "0123456789");
	claim_need((fd = open("f", O_RDWR)) >= 0);
	claim(lock_range(fd, F_SETLK, F_WRLCK, 10, 10) == 0);
	claim(try_elsewhere("f", F_SETLK, F_WRLCK, 0, 10) == 0);
	claim(try_elsewhere("f", F_SETLK, F_WRLCK, 20, 0) == 0);
	claim(try_elsewhere("f", F_SETLK, F_WRLCK, 5, 6) == EAGAIN);
	claim(try_elsewhere("f", F_SETLK, F_RDLCK, 19, 1) == EAGAIN);
	claim(lock_range(fd, F_SETLK, F_UNLCK, 12, 3) == 0);
	claim(try_elsewhere("f", F_SETLK, F_WRLCK, 12, 3) == 0);
	claim(try_elsewhere("f", F_SETLK, F_WRLCK, 12, 4) == EAGAIN);
	claim(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
	close(fd);
	claim(try_elsewhere("f", F_SETLK, F_WRLCK, 0, 0) == 0);
}

static void test_open_file_description_locks(void)
{
	int one, two;

	claim_make_file("f", "x");
	claim_need((one = open("f", O_RDWR)) >= 0 && (two = open("f", O_RDWR)) >= 0);
	claim(lock_range(one, F_OFD_SETLK, F_WRLCK, 0, 0) == 0);
	claim(lock_range(two, F_OFD_SETLK, F_WRLCK, 0, 0) == -1 && errno == EAGAIN);
	close(two);
	claim(try_elsewhere("f", F_OFD_SETLK, F_WRLCK, 0, 0) == EAGAIN);
	close(one);
	claim(try_elsewhere("f", F_OFD_SETLK, F_WRLCK, 0, 0) == 0);
}

static void test_waiting_for_a_lock_ends_when_it_is_given_up(void)
{
	int fd, ready[2], status;
	pid_t pid;
	char byte;

	claim_make_file("f", "x");
	claim_need((fd = open("f", O_RDWR)) >= 0 && pipe(ready) == 0);
	claim_need(lock_range(fd, F_SETLK, F_WRLCK, 0, 0) == 0);
	claim_need((pid = fork()) >= 0);
	if (pid == 0) {
		int mine = open("f", O_RDWR);

		if (write(ready[1], "r", 1) != 1 || lock_range(mine, F_SETLKW, F_WRLCK, 0, 0))
			_exit(1);
		_exit(pwrite(mine, "y", 1, 0) != 1);
	}
	claim_need(read(ready[0], &byte, 1) == 1);
	claim(claim_file_is("f", "x"));
	claim(lock_range(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
	claim(waitpid(pid, &status, 0) == pid && status == 0);
	claim(claim_file_is("f", "y"));
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

/* Several processes add one to a number in a file, each under the lock. */
static void count_under_lock(int times)
{
	int fd = open("counter", O_RDWR);
	long value;

	for (int i = 0; i < times; i++) {
		if (lock_range(fd, F_SETLKW, F_WRLCK, 0, 0) ||
		    pread(fd, &value, sizeof(value), 0) != sizeof(value))
			_exit(1);
		value++;
		if (pwrite(fd, &value, sizeof(value), 0) != sizeof(value) ||
		    lock_range(fd, F_SETLK, F_UNLCK, 0, 0))
			_exit(1);
	}
	_exit(0);
}

static void test_counter_under_locks_loses_nothing(void)
{
	enum { PROCESSES = 4, TIMES = 250 };
	long value = 0;
	int fd, status;

	claim_need((fd = open("counter", O_RDWR | O_CREAT, 0644)) >= 0);
	claim_need(write(fd, &value, sizeof(value)) == sizeof(value));
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		claim_need(pid >= 0);
		if (pid == 0)
			count_under_lock(TIMES);
	}
	for (int i = 0; i < PROCESSES; i++)
		claim(wait(&status) > 0 && status == 0);
	claim(pread(fd, &value, sizeof(value), 0) == sizeof(value) && value == PROCESSES * TIMES);
	close(fd);
}

static const struct claim_test tests[] = {
	{ "flock_excludes_other_processes", test_flock_excludes_other_processes },
	{ "posix_locks_are_ranges", test_posix_locks_are_ranges },
	{ "open_file_description_locks", test_open_file_description_locks },
	{ "waiting_for_a_lock_ends_when_it_is_given_up",
	  test_waiting_for_a_lock_ends_when_it_is_given_up },
	{ "counter_under_locks_loses_nothing", test_counter_under_locks_loses_nothing },
};
CLAIM_MAIN(tests)
