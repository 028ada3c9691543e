/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/oom_score.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "/proc/self/oom_score_adj"

void oom_score_get(char *ret_score)
{
	int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? 0 : read(fd, ret_score, OOM_SCORE_BYTES - 1);

	ret_score[bytes > 0 ? bytes : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

void oom_score_set(const char *score)
{
	int fd = open(FILE_NAME, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, score, strlen(score));
	close(fd);
}
