/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer on files instead of invented inputs.
 *
 *	fuzz_NAME [FILE...]	without FILE: those in tests/fuzz/corpus/NAME
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

#define CORPUS "tests/fuzz/corpus/"

static int replay(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *data;
	struct stat st;
	size_t got;

	if (!file || fstat(fileno(file), &st)) {
		perror(path);
		return -1;
	}
	data = malloc((size_t)st.st_size + 1);
	got = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
	fclose(file);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, got);
	free(data);
	return 0;
}

/* Return: how many there were; -1 after a message. */
static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];
	int count = 0;

	if (!dir) {
		perror(folder);
		return -1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (replay(path))
			count = -1;
		else if (count >= 0)
			count++;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_");
	char folder[128];
	int count = argc - 1;

	for (int i = 1; i < argc; i++)
		if (replay(argv[i]))
			return EXIT_FAILURE;
	if (argc == 1 && name) {
		snprintf(folder, sizeof(folder), CORPUS "%s", name + strlen("fuzz_"));
		count = replay_folder(folder);
	}
	printf("%d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
