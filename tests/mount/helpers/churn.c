/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Make, use and delete things, again and again, so that a leak of any of them adds up.
 *
 *	churn DIRECTORY CYCLES
 */
#include "claim.h"

#include <sys/xattr.h>

#define PIECE 20000

static void cycle_file(void)
{
	static const char text[PIECE] = "x";
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0644);

	claim_need(fd >= 0);
	claim_need(pwrite(fd, text, PIECE, 123) == PIECE && pwrite(fd, "y", 1, 1 << 20) == 1);
	claim_need(fsetxattr(fd, "user.a", text, 100, 0) == 0);
	claim_need(ftruncate(fd, 5000) == 0 && fsync(fd) == 0);
	claim_need(rename("f", "g") == 0 && link("g", "h") == 0 && unlink("g") == 0);
	claim_need(unlink("h") == 0);
	claim_need(pwrite(fd, "z", 1, 0) == 1 && close(fd) == 0);
}

static void cycle_names(void)
{
	claim_need(mkdir("d", 0755) == 0 && symlink("target", "d/l") == 0);
	claim_need(mkfifo("d/p", 0644) == 0 && access("d/none", F_OK) == -1);
	claim_need(unlink("d/l") == 0 && unlink("d/p") == 0 && rmdir("d") == 0);
}

int main(int argc, char **argv)
{
	if (argc != 3 || chdir(argv[1])) {
		fprintf(stderr, "usage: %s DIRECTORY CYCLES\n", argv[0]);
		return 2;
	}
	for (long left = strtol(argv[2], NULL, 10); left > 0; left--) {
		cycle_file();
		cycle_names();
	}
	return 0;
}
