/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to note changes for another process.
 *
 *	journal [SECONDS]
 *
 * For each case SECONDS (1): how many nanoseconds a record of 80 bytes takes, from one thread and
 * from two; how many files are created and deleted in a tree per second, without a journal and
 * with one, alternately. Another process reads the journal, and repeats the changes on a replica.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "support/load.h"
#include "tree/change.h"

#define JOURNAL_BYTES ((size_t)16 << 20)
#define RECORD_BYTES  80
#define NR_NAMES      1000
#define NR_ROUNDS     5

static double seconds = 1;
static _Atomic bool stop;

/* ---- the reader ---- */

static void no_payload(void *arg, void *payload)
{
	(void)arg;
	(void)payload;
}

static const struct tree_config plain = { .root_mode = 0755, .payload_free = no_payload };

static struct tree *make_tree(const struct tree_config *config)
{
	struct tree *tree;

	load_need(tree_new(config, &tree) == 0, "tree");
	return tree;
}

static void replay(struct tree *replica, const void *data, size_t bytes)
{
	struct tree_change change;
	size_t used;

	load_need(tree_change_decode(data, bytes, &change, &used) == 0, "decode");
	load_need(tree_replay(replica, &change) == 0, "replay");
}

/* @replica: NULL: only take the records */
static void follow(struct journal *journal, struct tree *replica)
{
	struct pollfd pollfd = { .fd = journal_fds(journal).wake, .events = POLLIN };
	const void *data;
	size_t bytes;

	for (;;) {
		while (journal_read(journal, false, &data, &bytes) == 1)
			if (replica)
				replay(replica, data, bytes);
		(void)poll(&pollfd, 1, journal_prepare_wait(journal));
		journal_end_wait(journal);
	}
}

static pid_t start_reader(struct journal *journal, bool replays)
{
	pid_t pid = fork();

	load_need(pid >= 0, "fork");
	if (pid == 0)
		follow(journal, replays ? make_tree(&plain) : NULL);
	return pid;
}

static void stop_reader(pid_t pid)
{
	load_need(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "reader");
}

static struct journal *make_journal(void)
{
	struct journal *journal;

	load_need(journal_new(JOURNAL_BYTES, &journal) == 0, "journal");
	return journal;
}

/* ---- records ---- */

static void *write_records(void *arg)
{
	static const char bytes[RECORD_BYTES];
	_Thread_local static unsigned long nr;

	for (nr = 0; !stop; nr++) {
		struct journal_entry entry;

		journal_begin(arg, RECORD_BYTES, &entry);
		memcpy(entry.data, bytes, RECORD_BYTES);
		journal_commit(arg, &entry);
	}
	return (void *)nr;
}

static void measure_records(const char *name, int nr_threads)
{
	struct journal *journal = make_journal();
	pid_t reader = start_reader(journal, false);
	double start = load_now(), nr = 0;
	pthread_t threads[2];
	void *result;

	stop = false;
	for (int i = 0; i < nr_threads; i++)
		load_need(!pthread_create(&threads[i], NULL, write_records, journal), "thread");
	usleep((useconds_t)(seconds * 1e6));
	stop = true;
	for (int i = 0; i < nr_threads; i++) {
		pthread_join(threads[i], &result);
		nr += (double)(unsigned long)result;
	}
	load_print(name, "-ns", (load_now() - start) * 1e9 / nr);
	stop_reader(reader);
	journal_free(journal);
}

/* ---- a tree ---- */

static void write_change(void *arg, const struct tree_change *change)
{
	char buf[TREE_CHANGE_MAX_BYTES];
	size_t bytes = tree_change_encode(change, buf);
	struct journal_entry entry;

	journal_begin(arg, bytes, &entry);
	memcpy(entry.data, buf, bytes);
	journal_commit(arg, &entry);
}

static void create_and_delete(struct tree *tree)
{
	const struct tree_caller caller = { .uid = 1000, .gid = 1000, .now = { .tv_sec = 1 } };
	struct tree_inode *root = tree_get(tree, TREE_ROOT_INO), *inode;
	char name[32];

	for (int i = 0; i < NR_NAMES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		load_need(!tree_mknod(tree, root, name, 0644, 0, &caller, &inode), "mknod");
	}
	for (int i = 0; i < NR_NAMES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		load_need(!tree_unlink(tree, root, name, &caller, NULL), "unlink");
	}
}

/* Return: files created and deleted per second. */
static double measure_tree(struct journal *journal)
{
	struct tree_config config = plain;
	double start, now, nr = 0;
	struct tree *tree;

	config.changed = journal ? write_change : NULL;
	config.changed_arg = journal;
	tree = make_tree(&config);
	start = load_now();
	do {
		create_and_delete(tree);
		nr += NR_NAMES;
		now = load_now();
	} while (now - start < seconds);
	tree_free(tree);
	return nr / (now - start);
}

static void measure_trees(void)
{
	double without[NR_ROUNDS], with[NR_ROUNDS];

	for (int i = 0; i < NR_ROUNDS; i++) {
		struct journal *journal = make_journal();
		pid_t reader = start_reader(journal, true);

		with[i] = measure_tree(journal);
		stop_reader(reader);
		journal_free(journal);
		without[i] = measure_tree(NULL);
	}
	load_print("files-without-journal", "-per-second", load_median(without, NR_ROUNDS));
	load_print("files-with-journal", "-per-second", load_median(with, NR_ROUNDS));
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seconds = (double)load_number(argv[1]);
	measure_records("record-1-thread", 1);
	measure_records("record-2-threads", 2);
	measure_trees();
	return 0;
}
