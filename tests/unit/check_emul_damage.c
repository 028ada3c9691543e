/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged state file: an adapter opens and works, or is refused with the name of the file. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emul/store/layout.h"
#include "support/emul_rig.h"

#define NR_MUTATIONS 400

static char dir[64], name[128];
static char message[512];
static struct emul_shm *good; /* what lies before the RHTs */
static size_t good_bytes;
static int file_fd;

static void hear(void *arg, const char *text)
{
	(void)arg;
	snprintf(message, sizeof(message), "%s", text);
}

static void write_at(uint64_t offset, const void *bytes, size_t nr)
{
	ck_assert_int_eq(pwrite(file_fd, bytes, nr, (off_t)offset), (ssize_t)nr);
}

/** An adapter that nobody has open; @good is as a process leaves it that is killed. */
static void make_adapter(void)
{
	struct emul_rig rig;
	struct dk_attach attach;
	struct emul_shm *shm;

	emul_rig_open(&rig, "size=4G,luns=2,handles=16");
	shm = emul_rig_shm(&rig);
	emul_rig_fault(&rig, "at=command n=1000000 action=attention asc=29");
	emul_rig_fault(&rig, "every=50s times=3 action=link-down port=1 ms=5");
	attach = emul_rig_attach(rig.dp);
	for (unsigned i = 0; i < 3; i++)
		(void)emul_rig_virtual(rig.dp, attach.context_id, 2);
	good_bytes = shm->head.chunk_offset;
	good = aligned_alloc(_Alignof(struct emul_shm), good_bytes);
	ck_assert_ptr_nonnull(good);
	memcpy(good, shm, good_bytes);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	snprintf(dir, sizeof(dir), "%s", rig.dir);
	rig.dp->ops->close(rig.dp);
	snprintf(name, sizeof(name), "%s/adapter", dir);
	file_fd = open(name, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(file_fd, 0);
}

static void remove_adapter(void)
{
	close(file_fd);
	free(good);
	emul_rig_remove(dir);
}

static void restore(void)
{
	write_at(0, good, good_bytes);
}

static void use(struct devport *dp)
{
	struct emul_adapter *ad = ((struct emul_path *)dp)->ad;
	struct dk_uvirtual uvirtual;
	struct dk_attach attach;
	FILE *out = fopen("/dev/null", "w");
	char text[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;

	ck_assert_ptr_nonnull(out);
	emul_status_print(ad, out);
	emul_audit_print(ad, out);
	fclose(out);
	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++)
		(void)emul_fault_print(&ad->shm->fault, i, text, &seen, &taken);
	if (dk_attach(dp, O_RDWR, &attach))
		return;
	(void)dk_user_virtual(dp, attach.context_id, 3 * SISL_CHUNK_DEV_BLOCKS, 0, &uvirtual);
	(void)dk_close_adap_fd(dp, attach.adap_fd);
}

/** Return: 0 it could be used; or what open said. */
static int try_to_use(void)
{
	char device[128];
	struct devport *dp;
	int rc;

	message[0] = '\0';
	snprintf(device, sizeof(device), "emul:%s", dir);
	rc = devport_emul_ops.open(device, hear, NULL, &dp);
	if (rc) {
		ck_assert_msg(rc == -EUCLEAN || rc == -EINVAL, "%d: %s", rc, message);
		ck_assert_ptr_nonnull(strstr(message, dir));
		return rc;
	}
	use(dp);
	dp->ops->close(dp);
	return 0;
}

#define OF(field) offsetof(struct emul_shm, field), sizeof(((struct emul_shm *)0)->field)

static const struct {
	const char *name;
	size_t offset, bytes;
	bool works; /* made anew */
} fields[] = {
	{ "lock", OF(lock), true },
	{ "sleepers", OF(nr_sleepers), true },
	{ "running", OF(driver.running), true },
	{ "recoverers", OF(driver.recoverers), true },
	{ "free lists", OF(driver.heap_free), true },
	{ "reserved", OF(driver.heap_reserved), true },
	{ "end of reset", OF(driver.reset_until_ns), true },
	{ "state", OF(driver.state), false },
	{ "generation", OF(driver.next_generation), false },
	{ "heap", OF(driver.heap_next[0]), false },
	{ "table from below", OF(driver.next_multi_port), false },
	{ "table from above", OF(driver.next_single_port[1]), false },
	{ "LUN table", OF(lun_table[0][3]), false },
	{ "blocks of a disk", OF(disk[1].nr_blocks), false },
	{ "record of a disk", OF(disk[0].record[0]), false },
	{ "mode", OF(lun[0].mode), false },
	{ "ports of a LUN", OF(lun[0].port_sel), false },
	{ "disk of a LUN", OF(lun[0].disk[1]), false },
	{ "index of a LUN", OF(lun[0].table_index), false },
	{ "chunks", OF(lun[0].nr_chunks), false },
	{ "free chunks", OF(lun[0].free_chunks), true },
	{ "search window", OF(lun[0].high_word), true },
	{ "context of a PE", OF(pe[1].ctx), false },
	{ "RHT of a PE", OF(pe[1].rht), false },
	{ "handles of a PE", OF(pe[1].rht_count), false },
	{ "copies of a PE", OF(pe[1].copies), true },
	{ "geometry", OF(head.geometry.nr_contexts), false },
};

START_TEST(test_each_field)
{
	uint8_t ones[4096];
	int rc;

	memset(ones, 0xff, sizeof(ones));
	make_adapter();
	restore();
	ck_assert_int_eq(try_to_use(), 0);
	restore();
	write_at(fields[_i].offset, ones, fields[_i].bytes);
	rc = try_to_use();
	ck_assert_msg(!rc == fields[_i].works, "%s: %d: %s", fields[_i].name, rc, message);
	remove_adapter();
}
END_TEST

static void expect_damage_at(uint64_t offset, const void *bytes, size_t nr)
{
	restore();
	write_at(offset, bytes, nr);
	ck_assert_int_eq(try_to_use(), -EUCLEAN);
	ck_assert_ptr_nonnull(strstr(message, name));
}

START_TEST(test_handles_of_a_dead_process)
{
	uint64_t rht, handle, lxt = UINT64_MAX / 2, many = 9;
	uint32_t count = 9, pe = EMUL_MAX_PES;
	uint8_t physical = EMUL_RHT_FORMAT_PHYSICAL, lun = EMUL_MAX_RECORDS + 1;

	make_adapter();
	rht = emul_shm_rht_offset(good, 0);
	handle = emul_shm_handle_offset(good, 0);
	expect_damage_at(rht + offsetof(struct emul_rht, lxt), &lxt, 8);
	lxt = good->head.heap_offset + 8; /* in the middle of a table */
	expect_damage_at(rht + offsetof(struct emul_rht, lxt), &lxt, 8);
	expect_damage_at(rht + offsetof(struct emul_rht, lxt_cnt), &count, 4);
	expect_damage_at(rht + offsetof(struct emul_rht, fp), &physical, 1);
	expect_damage_at(handle + offsetof(struct emul_handle, owned), &many, 8);
	expect_damage_at(handle + offsetof(struct emul_handle, lun), &lun, 1);
	expect_damage_at(good->head.ctx_offset + offsetof(struct emul_ctx, pe), &pe, 4);
	expect_damage_at(good->head.ctx_offset + offsetof(struct emul_ctx, prev_pe), &lxt, 4);
	expect_damage_at(good->head.ctx_offset + offsetof(struct emul_ctx, perm), &count, 4);
	remove_adapter();
}
END_TEST

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/** Somewhere that is in use, half of the time in what is small. */
static uint64_t random_place(void)
{
	const uint64_t starts[] = {
		offsetof(struct emul_shm, lock),
		offsetof(struct emul_shm, driver),
		offsetof(struct emul_shm, disk),
		offsetof(struct emul_shm, lun),
		offsetof(struct emul_shm, pe) + sizeof(struct emul_pe),
		offsetof(struct emul_shm, fault),
		good->head.ctx_offset,
		good->head.rht_offset,
		good->head.handle_offset,
	};
	uint64_t start = starts[next_random() % (sizeof(starts) / sizeof(starts[0]))];

	return start + next_random() % (next_random() & 1 ? 64 : 1024);
}

START_TEST(test_random_bytes)
{
	unsigned refused = 0;

	make_adapter();
	for (unsigned i = 0; i < NR_MUTATIONS; i++) {
		restore();
		for (uint64_t left = 1 + next_random() % 4; left; left--) {
			uint64_t bytes = next_random() & 1 ? UINT64_MAX : next_random();

			write_at(random_place(), &bytes, 1 + next_random() % 8);
		}
		refused += !!try_to_use();
	}
	ck_assert_uint_gt(refused, NR_MUTATIONS / 20);
	ck_assert_uint_lt(refused, NR_MUTATIONS);
	remove_adapter();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emul_damage");
	TCase *tc = tcase_create("state file");

	tcase_add_loop_test(tc, test_each_field, 0, sizeof(fields) / sizeof(fields[0]));
	tcase_add_test(tc, test_handles_of_a_dead_process);
	tcase_add_test(tc, test_random_bytes);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
