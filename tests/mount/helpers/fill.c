/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write files until nothing fits any more; all that was accepted must be there, byte for byte.
 *
 *	fill DIRECTORY direct|sync|buffered MIB
 *
 * Each file is to have MIB mebibytes; the last one gets what is left.
 * Prints the number of bytes kept and how the end was told. Bytes accepted into the page cache
 * only count once fsync() has said so.
 */
#include "claim.h"

#define PIECE (1 << 20)

static unsigned char *buffer, *wanted;
static int flags;
static off_t each;
static off_t kept[1000];
static int nr_files;

static void pattern(unsigned char *to, int file, off_t at, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = ((uint64_t)file << 48) + (uint64_t)at + i;

		memcpy(to + i, &word, 8);
	}
}

static const char *name_of(int file)
{
	static char name[32];

	snprintf(name, sizeof(name), "full-%d", file);
	return name;
}

/* Return: whether there was room for all of the file. */
static bool write_file(int file)
{
	int fd = open(name_of(file), O_WRONLY | O_CREAT | O_EXCL | flags, 0600);
	ssize_t n = 0;
	off_t at = 0;

	claim_need(fd >= 0);
	while (at < each) {
		pattern(buffer, file, at, PIECE);
		n = write(fd, buffer, PIECE);
		if (n <= 0)
			break;
		at += n;
		if (n % 4096 && flags)
			break;
	}
	if (n < 0)
		claim_need(errno == ENOSPC);
	if (fsync(fd)) {
		claim_need(errno == ENOSPC || errno == EIO);
		printf("fsync: %s\n", strerror(errno));
		at = 0;
	}
	close(fd);
	kept[file] = at;
	return at >= each;
}

static void read_back(int file)
{
	int fd = open(name_of(file), O_RDONLY);
	ssize_t n;

	claim_need(fd >= 0);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (off_t at = 0; at < kept[file]; at += n) {
		n = pread(fd, buffer, PIECE, at);
		claim_need(n > 0);
		pattern(wanted, file, at, (size_t)(n + 7) & ~7u);
		if (at + n > kept[file])
			n = kept[file] - at;
		claim_need(!memcmp(buffer, wanted, (size_t)n));
	}
	close(fd);
}

int main(int argc, char **argv)
{
	long long total = 0;

	if (argc != 4 || chdir(argv[1])) {
		fprintf(stderr, "usage: %s DIRECTORY direct|sync|buffered MIB\n", argv[0]);
		return 2;
	}
	flags = !strcmp(argv[2], "direct") ? O_DIRECT : !strcmp(argv[2], "sync") ? O_SYNC : 0;
	each = strtoll(argv[3], NULL, 10) << 20;
	claim_need(posix_memalign((void **)&buffer, 4096, PIECE) == 0);
	claim_need(posix_memalign((void **)&wanted, 4096, PIECE) == 0);
	while (nr_files < 1000 && write_file(nr_files))
		nr_files++;
	claim_need(nr_files++ < 1000);
	for (int i = 0; i < nr_files; i++) {
		read_back(i);
		total += kept[i];
	}
	printf("%lld\n", total);
	return claim_failures > 0;
}
