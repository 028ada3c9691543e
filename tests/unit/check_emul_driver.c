/* SPDX-License-Identifier: Apache-2.0 */
/* The ioctls of the emulated driver, row by row: outputs, errnos, order of checks. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/emul_rig.h"

#define CHUNK 65536ull /* of 4,096-byte blocks */

static const uint8_t unknown_wwid[DK_WWID_LEN] = { 0x60, 0x01 };

#define TIMEOUT 300 /* seconds; for slow machines and valgrind */

static struct emul_rig rig;

static struct emul_lun *lun_of(unsigned lun)
{
	return &emul_rig_shm(&rig)->lun[lun];
}

/* ---- ATTACH ---- */

START_TEST(test_attach_tells_the_adapter)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "size=1G");
	attach = emul_rig_attach(rig.dp);
	ck_assert_uint_eq(attach.hdr.return_flags,
			  DK_RF_APP_CLOSE_ADAP_FD | DK_RF_CONTEXT_SQ_CMD_MODE);
	ck_assert_uint_eq(attach.mmio_size, 0x10000);
	ck_assert_uint_eq(attach.block_size, 4096);
	ck_assert_uint_eq(attach.last_lba, (1 << 18) - 1);
	ck_assert_uint_eq(attach.max_xfer, 4096);
	ck_assert_uint_lt(attach.context_id & UINT32_MAX, SISL_MAX_CONTEXTS);
	ck_assert_uint_ne(attach.context_id >> 32, 0);
	ck_assert_int_eq(fcntl((int)attach.adap_fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl((int)attach.adap_fd, F_GETFL) & O_NONBLOCK, 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_attach_on_512_byte_blocks_without_sq)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "size=1G,bs=512,mode=ioarrin");
	attach = emul_rig_attach(rig.dp);
	ck_assert_uint_eq(attach.hdr.return_flags, DK_RF_APP_CLOSE_ADAP_FD);
	ck_assert_uint_eq(attach.block_size, 512);
	ck_assert_uint_eq(attach.last_lba, (1 << 21) - 1);
	ck_assert_uint_eq(attach.max_xfer, 32768);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_attach_refuses_five_interrupts)
{
	struct dk_attach attach = { .num_interrupts = 5, .adap_fd = 77 };

	emul_rig_open(&rig, "");
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, DK_IOCTL_ATTACH, &attach), -EINVAL);
	ck_assert_uint_eq(attach.adap_fd, 77);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_attach_mode_limits_every_handle)
{
	static const uint8_t perms[] = { EMUL_PERM_READ, EMUL_PERM_WRITE,
					 EMUL_PERM_READ | EMUL_PERM_WRITE, 0 };

	emul_rig_open(&rig, "");
	for (uint64_t flags = 0; flags < 4; flags++) {
		struct dk_attach attach;
		struct dk_uvirtual uvirtual;
		struct emul_rht *rht;

		ck_assert_int_eq(dk_attach(rig.dp, flags, &attach), 0);
		ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 1, 0, &uvirtual), 0);
		rht = emul_rht_at(emul_rig_ad(&rig),
				  &emul_rig_shm(&rig)->pe[(uint32_t)attach.context_id], 0);
		ck_assert_uint_eq(rht->fp, perms[flags]);
		emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	}
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_attach_reuse_gives_no_fd)
{
	struct dk_attach first, second, third;
	struct devport *other;

	emul_rig_open(&rig, "luns=2");
	other = emul_rig_path(&rig, "lun=1");
	first = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_attach_reuse(other, first.context_id, &second), 0);
	ck_assert_uint_eq(second.adap_fd, UINT64_MAX);
	ck_assert_uint_eq(second.context_id, first.context_id);
	ck_assert_uint_eq(second.hdr.return_flags, DK_RF_CONTEXT_SQ_CMD_MODE);
	ck_assert_int_eq(dk_attach_reuse(other, first.context_id, &third), -EINVAL);
	ck_assert_int_eq(dk_attach_reuse(rig.dp, first.context_id, &third), -EINVAL);
	ck_assert_int_eq(dk_attach_reuse(rig.dp, first.context_id + (1ull << 32), &third), -EINVAL);
	ck_assert_int_eq(dk_attach_reuse(rig.dp, 600, &third), -EINVAL);
	/* The context exists until its last LUN is detached. */
	ck_assert_int_eq(dk_detach(rig.dp, first.context_id), 0);
	ck_assert_int_eq(dk_detach(rig.dp, first.context_id), -EINVAL);
	emul_rig_detach(other, first.context_id, first.adap_fd);
	ck_assert_int_eq(dk_detach(other, first.context_id), -EINVAL);
	other->ops->close(other);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_attach_without_a_process_element_is_enodev)
{
	struct dk_attach one, two, three;

	emul_rig_open(&rig, "ctx=2");
	one = emul_rig_attach(rig.dp);
	two = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &three), -ENODEV);
	/* A detached context holds its process element until fd2 is closed. */
	ck_assert_int_eq(dk_detach(rig.dp, one.context_id), 0);
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &three), -ENODEV);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, one.adap_fd), 0);
	three = emul_rig_attach(rig.dp);
	ck_assert_uint_eq((uint32_t)three.context_id, (uint32_t)one.context_id);
	ck_assert_uint_ne(three.context_id, one.context_id);
	emul_rig_detach(rig.dp, two.context_id, two.adap_fd);
	emul_rig_detach(rig.dp, three.context_id, three.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_attach_without_a_descriptor_is_enodev)
{
	struct rlimit limit, none;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ 3, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &attach), -ENODEV);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	attach = emul_rig_attach(rig.dp);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* ---- the common path ---- */

START_TEST(test_header_is_checked_and_nothing_copied_back)
{
	union {
		struct dk_hdr hdr;
		uint8_t bytes[256];
	} arg, before;

	emul_rig_open(&rig, "");
	for (unsigned bad = 0; bad < 5; bad++) {
		memset(&arg, 0, sizeof(arg));
		memset(arg.bytes + sizeof(arg.hdr), 0xa5, sizeof(arg) - sizeof(arg.hdr));
		arg.hdr.version = bad == 0;
		arg.hdr.rsvd[0] = bad == 1;
		arg.hdr.rsvd[1] = bad == 2;
		arg.hdr.rsvd[2] = bad == 3;
		arg.hdr.return_flags = bad == 4;
		before = arg;
		ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, dk_all_ioctls[_i], &arg), -EINVAL);
		ck_assert_mem_eq(&arg, &before, sizeof(arg));
	}
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_bad_address_is_efault)
{
	emul_rig_open(&rig, "");
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, dk_all_ioctls[_i], NULL), -EFAULT);
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, dk_all_ioctls[_i], (void *)8), -EFAULT);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_unknown_ioctl_is_einval)
{
	struct dk_attach arg = { 0 };

	emul_rig_open(&rig, "");
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, _IOWR(0xca, 0x8a, struct dk_attach), &arg),
			 -EINVAL);
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, 0, &arg), -EINVAL);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_lun_in_legacy_mode_is_einval)
{
	uint8_t arg[256] = { 0 };

	emul_rig_open(&rig, "");
	ck_assert_int_eq(dk_manage_lun(rig.dp, lun_of(0)->wwid, DK_MLF_DISABLE_SUPERPIPE), 0);
	if (dk_all_ioctls[_i] != DK_IOCTL_MANAGE_LUN) {
		ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, dk_all_ioctls[_i], arg), -EINVAL);
		/* checked before the structure */
		ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, dk_all_ioctls[_i], NULL), -EINVAL);
	}
	emul_rig_close(&rig);
}
END_TEST

/* ---- USER_VIRTUAL and VLUN_RESIZE ---- */

START_TEST(test_virtual_takes_the_lowest_handle)
{
	struct dk_attach attach;
	struct dk_uvirtual uvirtual;

	emul_rig_open(&rig, "handles=16");
	attach = emul_rig_attach(rig.dp);
	for (uint64_t i = 0; i < 16; i++) {
		ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 0, 0, &uvirtual), 0);
		ck_assert_uint_eq(uvirtual.rsrc_handle, i);
		ck_assert_uint_eq(uvirtual.last_lba, UINT64_MAX);
		ck_assert_uint_eq(uvirtual.hdr.return_flags, DK_RF_ALL_PORTS_ACTIVE);
	}
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 0, 0, &uvirtual), -EMFILE);
	ck_assert_uint_eq(lun_of(0)->users, 16);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 7), 0);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 0, 0, &uvirtual), 0);
	ck_assert_uint_eq(uvirtual.rsrc_handle, 7);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_virtual_with_one_port_is_not_all_ports_active)
{
	struct dk_attach attach;
	struct dk_uvirtual uvirtual;

	emul_rig_open(&rig, "ports=1");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 1, 0, &uvirtual), 0);
	ck_assert_uint_eq(uvirtual.hdr.return_flags, 0);
	ck_assert_uint_eq(uvirtual.last_lba, CHUNK - 1);
	/* single-port LUNs fill the LUN table from its end */
	ck_assert_uint_eq(lun_of(0)->table_index, 255);
	ck_assert_int_eq(emul_lun_in_table(emul_rig_ad(&rig), 0, 255), 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_virtual_needs_a_whole_chunk)
{
	struct dk_attach attach;
	struct dk_uvirtual uvirtual;

	emul_rig_open(&rig, "size=255M");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 0, 0, &uvirtual), -ENOMEM);
	ck_assert_uint_eq(lun_of(0)->mode, EMUL_LUN_NONE);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_lxt_entry_names_chunk_lun_and_ports)
{
	struct dk_attach attach;
	struct emul_adapter *ad;
	struct emul_rht *rht;

	emul_rig_open(&rig, "");
	ad = emul_rig_ad(&rig);
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 3);
	rht = emul_rht_at(ad, &ad->shm->pe[(uint32_t)attach.context_id], 0);
	ck_assert_uint_eq(rht->nmask, 16);
	ck_assert_uint_eq(*emul_lxt_at(ad, rht->lxt, 2), 2ull << 16 | 0 << 8 | 3 << 4 | 3);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_resize_rounds_up_to_chunks)
{
	static const struct {
		uint64_t asked, chunks;
	} rows[] = {
		{ 1, 1 },
		{ CHUNK, 1 },
		{ CHUNK + 1, 2 },
		{ 3 * CHUNK, 3 },
		{ 2 * CHUNK, 2 },
		{ 0, 0 },
		{ 9 * CHUNK, 9 },
		{ 17 * CHUNK, 17 },
		{ 16 * CHUNK, 16 },
		{ 1ull << 52, 0 }, /* the product wraps */
		{ UINT64_MAX, 4096 },
		{ (1ull << 52) + 1, 1 },
	};
	struct dk_attach attach;
	struct dk_resize resize;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, rows[i].asked, &resize),
				 0);
		ck_assert_uint_eq(resize.last_lba, rows[i].chunks * CHUNK - 1);
		ck_assert_uint_eq(lun_of(0)->free_chunks, 4096 - rows[i].chunks);
	}
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_resize_counts_in_4k_on_512_byte_blocks)
{
	struct dk_attach attach;
	struct dk_resize resize;

	emul_rig_open(&rig, "bs=512,size=1G");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 8193, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, 2 * 8192 - 1);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, UINT64_MAX, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, 32 * 8192 - 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_growth_gives_what_there_is)
{
	struct dk_attach attach;
	struct dk_resize resize;

	emul_rig_open(&rig, "size=1G");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 3);
	emul_rig_virtual(rig.dp, attach.context_id, 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 1, 3 * CHUNK, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, CHUNK - 1);
	resize.last_lba = 5;
	resize.hdr.return_flags = 0;
	resize.req_size = 2 * CHUNK;
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, DK_IOCTL_VLUN_RESIZE, &resize), -ENOSPC);
	ck_assert_uint_eq(resize.last_lba, 5);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_chunks_come_in_the_drivers_order)
{
	struct dk_attach attach;
	struct dk_resize resize;
	uint64_t chunks[200];

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 64); /* word 0 */
	emul_rig_virtual(rig.dp, attach.context_id, 2);  /* 64, 65 */
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), 0);
	/* The search goes on from word 1; what is free in word 0 comes after the last word. */
	emul_rig_virtual(rig.dp, attach.context_id, 63);
	ck_assert_uint_eq(emul_rig_chunks(&rig, attach.context_id, 0, chunks, 200), 63);
	ck_assert_uint_eq(chunks[0], 66);
	ck_assert_uint_eq(chunks[62], 128);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 1, UINT64_MAX, &resize), 0);
	emul_rig_virtual(rig.dp, attach.context_id, 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 2, CHUNK, &resize), -ENOSPC);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 62 * CHUNK, &resize), 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 2, CHUNK, &resize), 0);
	ck_assert_uint_eq(emul_rig_chunks(&rig, attach.context_id, 2, chunks, 200), 1);
	ck_assert_uint_eq(chunks[0], 128);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_resize_keeps_chunks_in_place)
{
	struct dk_attach attach;
	struct dk_resize resize;
	uint64_t before[300], after[300];

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 5);
	emul_rig_virtual(rig.dp, attach.context_id, 5);
	for (unsigned n = 6; n < 300; n += 13) {
		unsigned have = emul_rig_chunks(&rig, attach.context_id, 0, before, 300);

		ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, n * CHUNK, &resize), 0);
		ck_assert_uint_eq(emul_rig_chunks(&rig, attach.context_id, 0, after, 300), n);
		ck_assert_mem_eq(before, after, have * sizeof(before[0]));
	}
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_resize_checks_mode_context_handle)
{
	struct dk_attach attach, reuse;
	struct dk_resize resize;
	struct devport *other;

	emul_rig_open(&rig, "luns=2");
	other = emul_rig_path(&rig, "lun=1");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_attach_reuse(other, attach.context_id, &reuse), 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 1, &resize), -EINVAL);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_virtual(other, attach.context_id, 1);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id ^ 1ull << 40, 0, 1, &resize), -EINVAL);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 1, 1, &resize), -EINVAL);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 2, 1, &resize), -EINVAL);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 4096, 1, &resize), -EINVAL);
	/* only 32 bits of a handle count */
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 1ull << 32, 1, &resize), 0);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 1), -EINVAL);
	ck_assert_int_eq(dk_release(other, attach.context_id, 0), -EINVAL);
	ck_assert_int_eq(dk_detach(other, attach.context_id), 0);
	ck_assert_uint_eq(lun_of(1)->mode, EMUL_LUN_NONE);
	ck_assert_uint_eq(lun_of(0)->users, 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	other->ops->close(other);
	emul_rig_close(&rig);
}
END_TEST

/* ---- modes ---- */

START_TEST(test_lun_has_one_mode_at_a_time)
{
	struct dk_attach attach;
	struct dk_udirect udirect;
	struct dk_uvirtual uvirtual;

	emul_rig_open(&rig, "size=1G");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), 0);
	ck_assert_uint_eq(udirect.last_lba, (1 << 18) - 1);
	ck_assert_uint_eq(udirect.rsrc_handle, 0);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 1, 0, &uvirtual), -EINVAL);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), 0);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), 0);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 1, 0, &uvirtual), -EINVAL);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 1), 0);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 1, 0, &uvirtual), 0);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), -EINVAL);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_failed_open_gives_the_mode_back)
{
	struct dk_attach attach;
	struct dk_udirect udirect;
	struct dk_uvirtual uvirtual;

	emul_rig_open(&rig, "");
	/* Before the first ATTACH the driver does not know how large the LUN is. */
	ck_assert_int_eq(dk_user_virtual(rig.dp, 5, 1, 0, &uvirtual), -ENOMEM);
	attach = emul_rig_attach(rig.dp);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	ck_assert_int_eq(dk_user_direct(rig.dp, 5, &udirect), -EINVAL);
	ck_assert_uint_eq(lun_of(0)->mode, EMUL_LUN_NONE);
	ck_assert_int_eq(dk_user_virtual(rig.dp, 5, 1, 0, &uvirtual), -EINVAL);
	ck_assert_uint_eq(lun_of(0)->mode, EMUL_LUN_NONE);
	ck_assert_uint_eq(lun_of(0)->users, 0);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_physical_entry_is_format_1)
{
	struct dk_attach attach;
	struct dk_udirect udirect;
	struct devport *port1;
	uint8_t *bytes;

	emul_rig_open(&rig, "luns=2");
	port1 = emul_rig_path(&rig, "lun=1,port=1");
	attach = emul_rig_attach(port1);
	ck_assert_int_eq(dk_user_direct(port1, attach.context_id, &udirect), 0);
	bytes = (uint8_t *)emul_rht_at(emul_rig_ad(&rig),
				       &emul_rig_shm(&rig)->pe[(uint32_t)attach.context_id], 0);
	ck_assert_uint_eq(*(uint64_t *)bytes, 1ull << 48);
	ck_assert_uint_eq(bytes[0x08], 0x80);
	ck_assert_uint_eq(bytes[0x0e], 0x13);
	ck_assert_uint_eq(bytes[0x0f], 0x02);
	ck_assert_int_eq(emul_lun_of_id(emul_rig_ad(&rig), 1ull << 48), 1);
	emul_rig_detach(port1, attach.context_id, attach.adap_fd);
	port1->ops->close(port1);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_last_release_forgets_all_allocation)
{
	struct dk_attach attach;
	uint64_t chunk;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 10);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), 0);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), -EINVAL);
	ck_assert_uint_eq(lun_of(0)->mode, EMUL_LUN_NONE);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_chunks(&rig, attach.context_id, 0, &chunk, 1);
	ck_assert_uint_eq(chunk, 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* ---- VERIFY ---- */

START_TEST(test_verify_judges_sense)
{
	static const struct {
		uint8_t code, key, asc;
		bool nothing_to_do; /* the driver then returns success and copies nothing back */
		int rc;
	} rows[] = {
		{ 0x70, 0x0, 0x00, true, 0 },        { 0x70, 0x1, 0x00, true, 0 },
		{ 0x70, 0x2, 0x04, true, 0 },        { 0x70, 0x3, 0x11, false, -EIO },
		{ 0x70, 0x5, 0x20, false, -EIO },    { 0x70, 0x6, 0x29, false, 0 },
		{ 0x70, 0x6, 0x2a, false, 0 },       { 0x70, 0x6, 0x3f, true, 0 },
		{ 0x70, 0x6, 0x28, false, -EIO },    { 0x71, 0x6, 0x29, false, 0 },
		{ 0x00, 0x6, 0x29, false, -EINVAL }, { 0x0f, 0x0, 0x00, false, -EINVAL },
	};
	bool bugs = _i;
	struct dk_attach attach;
	struct dk_verify verify;

	emul_rig_open(&rig, bugs ? "" : "bugs=off");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t sense[DK_VERIFY_SENSE_LEN] = {
			rows[i].code, 0, rows[i].key, 0, 0, 0, 0, 10, 0, 0, 0, 0, rows[i].asc
		};

		ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, sense, &verify),
				 rows[i].rc);
		ck_assert_uint_eq(verify.last_lba, rows[i].rc || (bugs && rows[i].nothing_to_do)
							   ? 0
							   : 2 * CHUNK - 1);
	}
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 1, NULL, &verify), -EINVAL);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id + 1, 0, NULL, &verify), -EINVAL);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_verify_reads_descriptor_sense)
{
	static const uint8_t attention[DK_VERIFY_SENSE_LEN] = { 0x72, 0x06, 0x2a, 0x09 };
	static const uint8_t other[DK_VERIFY_SENSE_LEN] = { 0x72, 0x06, 0x28, 0x00 };
	struct dk_attach attach;
	struct dk_verify verify;
	struct dk_udirect udirect;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), 0);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, attention, &verify), 0);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, other, &verify), -EIO);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_verify_finds_a_grown_lun)
{
	static const uint8_t sense[DK_VERIFY_SENSE_LEN] = { 0x70, 0, 6, 0, 0, 0,    0,
							    10,   0, 0, 0, 0, 0x2a, 0x09 };
	struct dk_attach attach;
	struct dk_udirect udirect;
	struct dk_verify verify;

	emul_rig_open(&rig, "size=1G");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_user_direct(rig.dp, attach.context_id, &udirect), 0);
	ck_assert_int_eq(emul_adapter_grow_lun(emul_rig_ad(&rig), 0, 1 << 19), 0);
	ck_assert_int_eq(emul_adapter_grow_lun(emul_rig_ad(&rig), 0, 1 << 18), -EINVAL);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, NULL, &verify), 0);
	ck_assert_uint_eq(verify.last_lba, (1 << 18) - 1);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, sense, &verify), 0);
	ck_assert_uint_eq(verify.last_lba, (1 << 19) - 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* ---- MANAGE_LUN ---- */

START_TEST(test_manage_lun_disables_only_what_is_unused)
{
	struct dk_attach attach;
	uint8_t wwid[DK_WWID_LEN];

	emul_rig_open(&rig, "");
	memcpy(wwid, lun_of(0)->wwid, sizeof(wwid));
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	ck_assert_int_eq(dk_manage_lun(rig.dp, wwid, DK_MLF_DISABLE_SUPERPIPE), -EBUSY);
	ck_assert_int_eq(dk_manage_lun(rig.dp, wwid, 0), 0);
	ck_assert_int_eq(dk_manage_lun(rig.dp, unknown_wwid, 0), 0);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), 0);
	/* With a context attached but no handle it works, and DETACH finds no LUN. */
	ck_assert_int_eq(dk_manage_lun(rig.dp, wwid, DK_MLF_DISABLE_SUPERPIPE), 0);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), -EINVAL);
	ck_assert_uint_eq(lun_of(0)->port_sel, 2);
	ck_assert_int_eq(
		dk_manage_lun(rig.dp, wwid, DK_MLF_ENABLE_SUPERPIPE | DK_MLF_DISABLE_SUPERPIPE), 0);
	ck_assert_uint_eq(lun_of(0)->port_sel, 3);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_manage_lun_believes_a_wrong_wwid)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	/* The mode of the WWID given is asked, not that of the disk: it goes under its user. */
	ck_assert_int_eq(dk_manage_lun(rig.dp, unknown_wwid, DK_MLF_DISABLE_SUPERPIPE), 0);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), -EINVAL);
	ck_assert_int_eq(dk_manage_lun(rig.dp, lun_of(0)->wwid, DK_MLF_ENABLE_SUPERPIPE), 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

static void add_attach(Suite *suite)
{
	TCase *tc = tcase_create("attach");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_attach_tells_the_adapter);
	tcase_add_test(tc, test_attach_on_512_byte_blocks_without_sq);
	tcase_add_test(tc, test_attach_refuses_five_interrupts);
	tcase_add_test(tc, test_attach_mode_limits_every_handle);
	tcase_add_test(tc, test_attach_reuse_gives_no_fd);
	tcase_add_test(tc, test_attach_without_a_process_element_is_enodev);
	tcase_add_test(tc, test_attach_without_a_descriptor_is_enodev);
	suite_add_tcase(suite, tc);
}

static void add_common(Suite *suite)
{
	TCase *tc = tcase_create("common");
	int nr = DK_NR_IOCTLS;

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_loop_test(tc, test_header_is_checked_and_nothing_copied_back, 0, nr);
	tcase_add_loop_test(tc, test_bad_address_is_efault, 0, nr);
	tcase_add_loop_test(tc, test_lun_in_legacy_mode_is_einval, 0, nr);
	tcase_add_test(tc, test_unknown_ioctl_is_einval);
	suite_add_tcase(suite, tc);
}

static void add_virtual(Suite *suite)
{
	TCase *tc = tcase_create("virtual");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_virtual_takes_the_lowest_handle);
	tcase_add_test(tc, test_virtual_with_one_port_is_not_all_ports_active);
	tcase_add_test(tc, test_virtual_needs_a_whole_chunk);
	tcase_add_test(tc, test_lxt_entry_names_chunk_lun_and_ports);
	tcase_add_test(tc, test_resize_rounds_up_to_chunks);
	tcase_add_test(tc, test_resize_counts_in_4k_on_512_byte_blocks);
	tcase_add_test(tc, test_growth_gives_what_there_is);
	tcase_add_test(tc, test_chunks_come_in_the_drivers_order);
	tcase_add_test(tc, test_resize_keeps_chunks_in_place);
	tcase_add_test(tc, test_resize_checks_mode_context_handle);
	suite_add_tcase(suite, tc);
}

static void add_modes(Suite *suite)
{
	TCase *tc = tcase_create("modes");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_lun_has_one_mode_at_a_time);
	tcase_add_test(tc, test_failed_open_gives_the_mode_back);
	tcase_add_test(tc, test_physical_entry_is_format_1);
	tcase_add_test(tc, test_last_release_forgets_all_allocation);
	tcase_add_loop_test(tc, test_verify_judges_sense, 0, 2);
	tcase_add_test(tc, test_verify_reads_descriptor_sense);
	tcase_add_test(tc, test_verify_finds_a_grown_lun);
	tcase_add_test(tc, test_manage_lun_disables_only_what_is_unused);
	tcase_add_test(tc, test_manage_lun_believes_a_wrong_wwid);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("emul_driver");

	add_attach(suite);
	add_common(suite);
	add_virtual(suite);
	add_modes(suite);
	return run_suite(suite);
}
