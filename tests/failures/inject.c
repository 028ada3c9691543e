/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library for LD_PRELOAD that makes one call of a program fail.
 *
 * INJECT_GROUP names the kind of calls: memory, map, descriptor, thread, ioctl, media, message or
 * init. A message does not fail: the process is killed before it sends or receives it. The first
 * of init is before the INIT request of the kernel is read, the second after that, the third before
 * the answer is written, the fourth after that; the process is killed there.
 * INJECT_CONTROL is a file with one 64-bit number. A call of the group decrements it while it is
 * above 0, and the call that makes it 0 fails. So 0 means that the call has come, or none is to.
 * A test writes the number at the moment that it chooses.
 *
 * INJECT_DIES_OF is the number of an error: the process crashes before it gives it as the answer to
 * a request.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic int64_t *control;
static const char *chosen;
static pid_t loader; /* the process that was started */
static int dies_of;  /* 0: nothing */

__attribute__((constructor)) static void load(void)
{
	const char *path = getenv("INJECT_CONTROL"), *error = getenv("INJECT_DIES_OF");
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	dies_of = error ? atoi(error) : 0;
	if (fd < 0)
		return;
	map = (void *)syscall(SYS_mmap, NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, 0);
	(void)syscall(SYS_close, fd);
	loader = getpid();
	chosen = getenv("INJECT_GROUP");
	if (chosen && map != MAP_FAILED)
		control = map;
}

/* Return: whether this call is the one; errno is then @err. */
static bool fails(const char *group, int err)
{
	int64_t left;

	if (!control || strcmp(group, chosen))
		return false;
	left = atomic_load(control);
	while (left > 0 && !atomic_compare_exchange_weak(control, &left, left - 1))
		;
	if (left == 1)
		errno = err;
	return left == 1;
}

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t nr, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
	return fails("memory", ENOMEM) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t nr, size_t bytes)
{
	return fails("memory", ENOMEM) ? NULL : __libc_calloc(nr, bytes);
}

void *realloc(void *old, size_t bytes)
{
	return fails("memory", ENOMEM) ? NULL : __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	return fails("memory", ENOMEM) ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **ret_memory, size_t alignment, size_t bytes)
{
	void *memory = fails("memory", ENOMEM) ? NULL : __libc_memalign(alignment, bytes);

	if (!memory)
		return ENOMEM;
	*ret_memory = memory;
	return 0;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (fails("map", ENOMEM))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	if (fails("descriptor", EMFILE))
		return -1;
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat(AT_FDCWD, path, flags, mode);
}

/* The function of libc that ours stands in front of. */
static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

FILE *fopen(const char *path, const char *mode)
{
	union {
		void *symbol;
		FILE *(*call)(const char *, const char *);
	} real = { .symbol = next("fopen") };

	return fails("descriptor", EMFILE) ? NULL : real.call(path, mode);
}

DIR *opendir(const char *path)
{
	union {
		void *symbol;
		DIR *(*call)(const char *);
	} real = { .symbol = next("opendir") };

	return fails("descriptor", EMFILE) ? NULL : real.call(path);
}

int pipe2(int ret_fds[2], int flags)
{
	return fails("descriptor", EMFILE) ? -1 : (int)syscall(SYS_pipe2, ret_fds, flags);
}

int socketpair(int domain, int type, int protocol, int ret_fds[2])
{
	if (fails("descriptor", EMFILE))
		return -1;
	return (int)syscall(SYS_socketpair, domain, type, protocol, ret_fds);
}

int eventfd(unsigned count, int flags)
{
	return fails("descriptor", EMFILE) ? -1 : (int)syscall(SYS_eventfd2, count, flags);
}

int memfd_create(const char *name, unsigned flags)
{
	return fails("descriptor", EMFILE) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
		   void *arg)
{
	union {
		void *symbol;
		int (*call)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	} real = { .symbol = next("pthread_create") };

	return fails("thread", EAGAIN) ? EAGAIN : real.call(thread, attributes, run, arg);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fails("ioctl", EIO) ? -1 : (int)syscall(SYS_ioctl, fd, request, arg);
}

int ftruncate(int fd, off_t bytes)
{
	return fails("media", EIO) ? -1 : (int)syscall(SYS_ftruncate, fd, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return fails("media", ENOSPC) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
}

ssize_t pread(int fd, void *buf, size_t bytes, off_t offset)
{
	return fails("media", EIO) ? -1 : syscall(SYS_pread64, fd, buf, bytes, offset);
}

ssize_t pwrite(int fd, const void *buf, size_t bytes, off_t offset)
{
	return fails("media", EIO) ? -1 : syscall(SYS_pwrite64, fd, buf, bytes, offset);
}

ssize_t preadv(int fd, const struct iovec *parts, int nr, off_t offset)
{
	return fails("media", EIO) ? -1 : syscall(SYS_preadv, fd, parts, nr, offset, 0);
}

ssize_t pwritev(int fd, const struct iovec *parts, int nr, off_t offset)
{
	return fails("media", EIO) ? -1 : syscall(SYS_pwritev, fd, parts, nr, offset, 0);
}

/* The names under which they are called where files may be large. */
void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));
ssize_t pread64(int fd, void *buf, size_t bytes, off_t offset) __attribute__((alias("pread")));
ssize_t pwrite64(int fd, const void *buf, size_t bytes, off_t offset)
	__attribute__((alias("pwrite")));

/* ---- messages ---- */

/* Not in children of the program, which have messages of their own. */
static void die_of_message(void)
{
	if (getpid() == loader && fails("message", 0))
		(void)kill(getpid(), SIGKILL);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	die_of_message();
	return syscall(SYS_sendmsg, fd, msg, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	die_of_message();
	return syscall(SYS_recvmsg, fd, msg, flags);
}

/* ---- INIT ---- */

static _Atomic uint64_t init_unique; /* of the request; 0: it has not been read */

static bool is_dev_fuse(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(10, 229);
}

static void die_at_init(void)
{
	if (fails("init", 0))
		(void)kill(getpid(), SIGKILL);
}

ssize_t read(int fd, void *buf, size_t bytes)
{
	const struct fuse_in_header *header = buf;
	bool awaits_init = control && !init_unique && is_dev_fuse(fd);
	ssize_t got;

	if (awaits_init)
		die_at_init();
	got = syscall(SYS_read, fd, buf, bytes);
	if (awaits_init && got >= (ssize_t)sizeof(*header) && header->opcode == FUSE_INIT) {
		init_unique = header->unique;
		die_at_init();
	}
	return got;
}

/* ---- answers ---- */

ssize_t writev(int fd, const struct iovec *parts, int nr)
{
	const struct fuse_out_header *header =
		nr > 0 && parts[0].iov_len == sizeof(*header) ? parts[0].iov_base : NULL;
	bool answers_init = header && init_unique && header->unique == init_unique;
	ssize_t written;

	if (dies_of && header && header->len == sizeof(*header) && header->error == -dies_of)
		abort();
	if (answers_init)
		die_at_init();
	written = syscall(SYS_writev, fd, parts, nr);
	if (answers_init)
		die_at_init();
	return written;
}
