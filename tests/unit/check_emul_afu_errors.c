/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong commands and wrong register accesses on the emulated AFU. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emul/adapter.h"
#include "support/emul_host.h"

static const char *const kinds[] = {
	"size=1G,mode=sq,bs=4096",
	"size=1G,mode=ioarrin,bs=4096,cmdroom=16",
	"size=1G,mode=sq,bs=512",
	"size=1G,mode=ioarrin,bs=512,cmdroom=16",
};

#define NR_KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))
#define QUEUE    32

static struct emul_host host;
static uint8_t *buf;

static void start(int kind)
{
	emul_host_make(&host, kinds[kind]);
	emul_host_attach(&host, QUEUE, QUEUE + 1);
	buf = aligned_alloc(4096, 256 * 4096);
	memset(buf, 0x11, 256 * 4096);
}

static void forget_audit(void)
{
	emul_audit_clear(((struct emul_path *)host.dp)->ad);
}

static void stop(void)
{
	free(buf);
	emul_host_destroy(&host);
}

static uint64_t blocks(uint64_t lbas)
{
	return lbas * (SISL_LBA_BYTES / host.block_bytes);
}

/* ---- commands ---- */

/** A command with one mistake. */
struct mistake {
	const char *name;
	bool physical;
	bool write;
	uint64_t lba, nr_blocks; /* of 4096 bytes; beyond: device blocks */
	uint64_t more_blocks;
	int64_t data_len; /* bytes instead of those of the CDB; -1 */
	void (*spoil)(struct sisl_ioarcb *ioarcb);
	uint32_t ioasc; /* flags, afu_rc, scsi_rc, fc_rc */
	uint32_t sense; /* key, asc, ascq */
};

static void spoil_ctx(struct sisl_ioarcb *ioarcb)
{
	ioarcb->ctx_id ^= 0x100;
}

static void spoil_opcode(struct sisl_ioarcb *ioarcb)
{
	ioarcb->cdb[0] = 0x12; /* INQUIRY */
}

static void spoil_opcode_unmap(struct sisl_ioarcb *ioarcb)
{
	ioarcb->cdb[0] = 0x93; /* WRITE SAME(16) */
	ioarcb->cdb[1] = 0x08;
}

static void spoil_opcode_short_read(struct sisl_ioarcb *ioarcb)
{
	ioarcb->cdb[0] = 0x28; /* READ(10) */
}

static void spoil_afu_command(struct sisl_ioarcb *ioarcb)
{
	ioarcb->req_flags |= SISL_REQ_AFU_CMD;
}

static void spoil_tmf(struct sisl_ioarcb *ioarcb)
{
	ioarcb->req_flags |= SISL_REQ_TMF;
}

static void spoil_by_port(struct sisl_ioarcb *ioarcb)
{
	ioarcb->req_flags &= (uint16_t)~SISL_REQ_RES_HNDL;
}

static void spoil_list(struct sisl_ioarcb *ioarcb)
{
	ioarcb->ioadl_len = 16;
}

static void spoil_handle_unused(struct sisl_ioarcb *ioarcb)
{
	ioarcb->res_hndl += 5;
}

static void spoil_handle_beyond(struct sisl_ioarcb *ioarcb)
{
	ioarcb->res_hndl = 4096;
}

static void spoil_handle_far(struct sisl_ioarcb *ioarcb)
{
	ioarcb->res_hndl = UINT32_MAX;
}

static void spoil_direction(struct sisl_ioarcb *ioarcb)
{
	ioarcb->req_flags ^= SISL_REQ_HOST_WRITE;
}

static void spoil_data(struct sisl_ioarcb *ioarcb)
{
	ioarcb->data_ea = 0x1000;
}

static void spoil_suppress(struct sisl_ioarcb *ioarcb)
{
	ioarcb->req_flags |= SISL_REQ_SUPPRESS_UNDERRUN;
}

#define ILLEGAL_FIELD 0x052400
#define OUT_OF_RANGE  0x052100

/* The vLUN has one chunk; the LUN has 1 GiB. */
static const struct mistake mistakes[] = {
	{ "nothing wrong", false, false, 0, 1, 0, -1, NULL, 0, 0 },
	{ "last block of the chunk", false, true, 0, 1, 65535, -1, NULL, 0, 0 },
	{ "no blocks", false, false, 3, 0, 0, -1, NULL, 0, 0 },
	{ "inquiry", false, false, 0, 1, 0, -1, spoil_opcode, 0x00210000, 0 },
	{ "write same", false, true, 0, 1, 0, -1, spoil_opcode_unmap, 0x00210000, 0 },
	{ "read(10)", false, false, 0, 1, 0, -1, spoil_opcode_short_read, 0x00210000, 0 },
	{ "context of another", false, false, 0, 1, 0, -1, spoil_ctx, 0x00210000, 0 },
	{ "afu command", false, false, 0, 1, 0, -1, spoil_afu_command, 0x00210000, 0 },
	{ "task management", false, false, 0, 1, 0, -1, spoil_tmf, 0x00210000, 0 },
	{ "by port and LUN id", false, false, 0, 1, 0, -1, spoil_by_port, 0x00210000, 0 },
	{ "scatter list", false, false, 0, 1, 0, -1, spoil_list, 0x00210000, 0 },
	{ "handle never opened", false, false, 0, 1, 0, -1, spoil_handle_unused, 0x00050000, 0 },
	{ "handle beyond the RHT", false, false, 0, 1, 0, -1, spoil_handle_beyond, 0x00030000, 0 },
	{ "handle of all ones", false, true, 0, 1, 0, -1, spoil_handle_far, 0x00030000, 0 },
	{ "first block behind", false, false, 0, 1, 65536, -1, NULL, 0x00130000, 0 },
	{ "far behind", false, true, 0, 1, 1ull << 60, -1, NULL, 0x00130000, 0 },
	{ "two blocks of a vLUN", false, false, 0, 2, 0, -1, NULL, 0x00130000, 0 },
	{ "two blocks, length of one", false, false, 0, 2, 0, 4096, NULL, 0x00130000, 0 },
	{ "a megabyte of a vLUN", false, true, 0, 256, 0, -1, NULL, 0x00130000, 0 },
	{ "half the data", false, false, 0, 1, 0, 2048, NULL, 0xa0000200, ILLEGAL_FIELD },
	{ "no data", false, true, 0, 1, 0, 0, NULL, 0xa0000200, ILLEGAL_FIELD },
	{ "more data", false, false, 0, 1, 0, 8192, NULL, 0x1000005a, 0 },
	{ "more data, not to be told", false, false, 0, 1, 0, 8192, spoil_suppress, 0, 0 },
	{ "read flag on a write", false, true, 0, 1, 0, -1, spoil_direction, 0x00000058, 0 },
	{ "write flag on a read", false, false, 0, 1, 0, -1, spoil_direction, 0x00000058, 0 },
	{ "no memory at the data", false, true, 0, 1, 0, -1, spoil_data, 0x00310000, 0 },
	{ "no memory to read into", false, false, 0, 1, 0, -1, spoil_data, 0x00310000, 0 },
	{ "physical, nothing wrong", true, true, 5, 16, 0, -1, NULL, 0, 0 },
	{ "physical, no blocks", true, false, 0, 0, 0, -1, NULL, 0, 0 },
	{ "physical, last block", true, false, 262143, 1, 0, -1, NULL, 0, 0 },
	{ "physical, out of range", true, false, 262144, 1, 0, -1, NULL, 0x80000200, OUT_OF_RANGE },
	{ "physical, runs over", true, false, 262143, 2, 0, -1, NULL, 0x80000200, OUT_OF_RANGE },
	{ "physical, LBA of all ones", true, false, 0, 1, UINT64_MAX, -1, NULL, 0x80000200,
	  OUT_OF_RANGE },
	{ "physical, more blocks than data", true, false, 0, 2, 0, 4096, NULL, 0xa0000200,
	  ILLEGAL_FIELD },
	{ "physical, half the data", true, false, 0, 1, 0, 2048, NULL, 0xa0000200, ILLEGAL_FIELD },
	{ "physical, no data", true, true, 0, 1, 0, 0, NULL, 0xa0000200, ILLEGAL_FIELD },
	{ "physical, too large", true, false, 0, 4097, 0, -1, NULL, 0x80000200, ILLEGAL_FIELD },
	{ "physical, handle never opened", true, false, 0, 1, 0, -1, spoil_handle_unused,
	  0x00050000, 0 },
	{ "physical, direction", true, true, 0, 1, 0, -1, spoil_direction, 0x00000058, 0 },
};

#define NR_MISTAKES (int)(sizeof(mistakes) / sizeof(mistakes[0]))

static uint32_t sense_of(const struct sisl_ioasa *ioasa)
{
	if (!(ioasa->flags & SISL_IOASA_SENSE_VALID))
		return 0;
	ck_assert_uint_eq(ioasa->sense[0], 0x70);
	ck_assert_uint_eq(ioasa->sense[7], 10);
	return (uint32_t)ioasa->sense[2] << 16 | (uint32_t)ioasa->sense[12] << 8 | ioasa->sense[13];
}

static void make_mistake(const struct mistake *m, uint32_t handle)
{
	struct sisl_ioarcb *ioarcb =
		emul_host_fill(&host, 3, m->write, handle, blocks(m->lba) + m->more_blocks,
			       (uint32_t)blocks(m->nr_blocks), buf);
	uint32_t ioasc;

	if (m->more_blocks == 65535) { /* a single device block, so as not to cross */
		uint32_t one = htobe32(1);

		memcpy(ioarcb->cdb + 10, &one, sizeof(one));
		ioarcb->data_len = (uint32_t)host.block_bytes;
	}
	if (m->data_len >= 0)
		ioarcb->data_len = (uint32_t)m->data_len;
	if (m->spoil)
		m->spoil(ioarcb);
	emul_host_wild(m->spoil == spoil_data);
	ioasc = emul_host_do(&host, 3);
	emul_host_wild(false);
	ck_assert_msg(ioasc == m->ioasc, "%s: %08x, not %08x", m->name, ioasc, m->ioasc);
	ck_assert_msg(sense_of(&host.slots[3].ioasa) == m->sense, "%s: sense %06x", m->name,
		      sense_of(&host.slots[3].ioasa));
}

START_TEST(test_a_mistake_gets_its_code)
{
	bool physical = mistakes[_i % NR_MISTAKES].physical;
	uint32_t handle;

	start(_i / NR_MISTAKES);
	handle = physical ? emul_host_direct(&host) : emul_host_virtual(&host, 1);
	make_mistake(&mistakes[_i % NR_MISTAKES], handle);
	emul_host_io(&host, true, handle, 0, (uint32_t)blocks(1), buf); /* the context is well */
	forget_audit();
	stop();
}
END_TEST

START_TEST(test_a_vlun_without_chunks_has_no_block)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 0);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x00130000);
	stop();
}
END_TEST

START_TEST(test_a_short_command_may_not_cross_chunks)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 2);
	if (host.block_bytes == 512) {
		emul_host_fill(&host, 0, false, handle, 65535, 2, buf);
		ck_assert_uint_eq(emul_host_do(&host, 0), 0x00130000);
		emul_host_fill(&host, 0, false, handle, 65535, 1, buf);
		ck_assert_uint_eq(emul_host_do(&host, 0), 0);
		emul_host_fill(&host, 0, false, handle, 3, 8, buf); /* unaligned is allowed */
		ck_assert_uint_eq(emul_host_do(&host, 0), 0);
	}
	stop();
}
END_TEST

START_TEST(test_residuals_are_reported)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf)->data_len = 4096 + 96;
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x1000005a);
	ck_assert_uint_eq(host.slots[0].ioasa.resid, 96);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf)->data_len = 4000;
	ck_assert_uint_eq(emul_host_do(&host, 0), 0xa0000200);
	ck_assert_uint_eq(host.slots[0].ioasa.resid, 96);
	stop();
}
END_TEST

START_TEST(test_a_released_handle_is_free_again)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	emul_host_release(&host, handle);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x00050000);
	stop();
}
END_TEST

static const struct {
	uint64_t flags;
	bool read, write;
} modes[] = { { O_RDONLY, true, false }, { O_WRONLY, false, true }, { O_RDWR, true, true } };

/* The permission of ATTACH goes with every handle of the context. */
START_TEST(test_permissions_of_the_attach_bind_the_commands)
{
	struct dk_attach attach = { .hdr.flags = modes[_i].flags, .num_interrupts = 4 };
	struct dk_detach detach = { 0 };
	struct emul_host other;
	uint32_t handle;

	start(0);
	other = host;
	ck_assert_int_eq(host.ops->ioctl(host.dp, DK_IOCTL_ATTACH, &attach), 0);
	other.cookie = detach.context_id = attach.context_id;
	other.adap_fd = (int)attach.adap_fd;
	ck_assert_int_eq(host.ops->map(host.dp, other.adap_fd, SISL_MMIO_BYTES, &other.mmio), 0);
	emul_host_setup(&other);
	handle = emul_host_virtual(&other, 1);
	emul_host_fill(&other, 0, false, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&other, 0), modes[_i].read ? 0 : 0x00050000);
	emul_host_fill(&other, 0, true, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&other, 0), modes[_i].write ? 0 : 0x00050000);
	ck_assert_int_eq(host.ops->ioctl(host.dp, DK_IOCTL_DETACH, &detach), 0);
	host.ops->unmap(other.mmio);
	ck_assert_int_eq(host.ops->close_adap_fd(host.dp, other.adap_fd), 0);
	stop();
}
END_TEST

/* ---- errors that end only with the context ---- */

static uint64_t rd(enum sisl_reg offset)
{
	return host.ops->read64(host.mmio, offset);
}

static void wr(enum sisl_reg offset, uint64_t value)
{
	host.ops->write64(host.mmio, offset, value);
}

static void *no_memory(void)
{
	return (void *)0x10000; /* below what mmap gives to anybody */
}

static void break_ioarcb_null(void)
{
	wr(host.sq_mode ? SISL_SQ_TAIL : SISL_IOARRIN, 0);
}

static void break_ioarcb_misaligned(void)
{
	wr(host.sq_mode ? SISL_SQ_TAIL : SISL_IOARRIN, (uintptr_t)&host.slots[0].ioarcb + 8);
}

static void break_ioarcb_unmapped(void)
{
	if (host.sq_mode) {
		wr(SISL_SQ_START, (uintptr_t)no_memory());
		wr(SISL_SQ_END, (uintptr_t)no_memory() + 64);
	} else {
		wr(SISL_IOARRIN, (uintptr_t)no_memory());
	}
}

static void break_tail_outside(void)
{
	wr(host.sq_mode ? SISL_SQ_TAIL : SISL_IOARRIN,
	   host.sq_mode ? (uintptr_t)&host.sq[QUEUE + 1] : 0x20);
}

static void break_mode(void)
{
	if (host.sq_mode)
		wr(SISL_IOARRIN, (uintptr_t)&host.slots[0].ioarcb);
	else
		wr(SISL_SQ_TAIL, (uintptr_t)host.sq);
}

static void break_rrq_unmapped(void)
{
	wr(SISL_RRQ_START, (uintptr_t)no_memory());
}

static void break_rrq_order(void)
{
	wr(SISL_RRQ_END, (uintptr_t)host.rrq - 8);
}

static void break_rrq_misaligned(void)
{
	wr(SISL_RRQ_START, (uintptr_t)host.rrq + 4);
}

static void break_rrq_missing(void)
{
	wr(SISL_RRQ_START, 0);
	emul_host_fill(&host, 0, false, 0, 0, 1, buf);
	emul_host_queue(&host, 0);
	emul_host_ring(&host);
}

static void break_ioasa(uint64_t ea)
{
	emul_host_fill(&host, 0, false, 0, 0, 1, buf)->ioasa_ea = ea;
	if (host.sq_mode) {
		emul_host_queue(&host, 0);
		emul_host_ring(&host);
	}
}

static void break_ioasa_null(void)
{
	break_ioasa(0);
}

static void break_ioasa_misaligned(void)
{
	break_ioasa((uintptr_t)&host.slots[0].ioasa + 4);
}

static void break_ioasa_unmapped(void)
{
	break_ioasa((uintptr_t)no_memory());
}

static void break_room(void)
{
	for (unsigned i = 0; !host.sq_mode && i < 17; i++) {
		emul_host_fill(&host, i, false, 0, 0, 1, buf);
		emul_host_queue(&host, i);
	}
}

#define ANY   3u
#define SQ    1u
#define ARRIN 2u

static const struct {
	const char *name;
	void (*make)(void);
	unsigned modes;
	uint64_t status;
} breaks[] = {
	{ "no IOARCB", break_ioarcb_null, ANY, SISL_ISTATUS_IOARCB_READ },
	{ "misaligned IOARCB", break_ioarcb_misaligned, ANY, SISL_ISTATUS_IOARCB_READ },
	{ "IOARCB not in memory", break_ioarcb_unmapped, ANY, SISL_ISTATUS_IOARCB_READ },
	{ "tail outside the ring", break_tail_outside, ANY, SISL_ISTATUS_IOARCB_READ },
	{ "doorbell of the other mode", break_mode, ANY, SISL_ISTATUS_IOARCB_READ },
	{ "RRQ not in memory", break_rrq_unmapped, ANY, SISL_ISTATUS_RRQ_WRITE },
	{ "RRQ ends before it starts", break_rrq_order, ANY, SISL_ISTATUS_RRQ_WRITE },
	{ "misaligned RRQ", break_rrq_misaligned, ANY, SISL_ISTATUS_RRQ_WRITE },
	{ "no RRQ", break_rrq_missing, ANY, SISL_ISTATUS_RRQ_WRITE },
	{ "no IOASA", break_ioasa_null, SQ, SISL_ISTATUS_IOASA_WRITE },
	{ "misaligned IOASA", break_ioasa_misaligned, SQ, SISL_ISTATUS_IOASA_WRITE },
	{ "IOASA not in memory", break_ioasa_unmapped, SQ, SISL_ISTATUS_IOASA_WRITE },
	{ "more than command room", break_room, ARRIN, SISL_ISTATUS_CMD_ROOM },
};

#define NR_BREAKS (int)(sizeof(breaks) / sizeof(breaks[0]))

static void expect_event(unsigned lisn)
{
	struct cxl_evt evt[CXL_EVENT_READ_MIN / sizeof(struct cxl_evt) + 1];
	struct pollfd pfd = { .fd = host.ops->event_fd(host.mmio), .events = POLLIN };

	ck_assert_int_eq(poll(&pfd, 1, 5000), 1);
	ck_assert_int_eq(pfd.revents, POLLIN);
	ck_assert_int_eq(host.ops->event_read(host.mmio, evt, sizeof(evt)), 16);
	ck_assert_uint_eq(evt->header.type, CXL_EVT_AFU_INTERRUPT);
	ck_assert_uint_eq(evt->header.size, 16);
	ck_assert_uint_eq(evt->irq.irq, lisn);
	ck_assert_int_eq(host.ops->event_read(host.mmio, evt, sizeof(evt)), -EAGAIN);
	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
}

START_TEST(test_a_permanent_error_sets_its_bit_interrupts_and_halts)
{
	int which = _i % NR_BREAKS;

	start(_i / NR_BREAKS);
	if (breaks[which].modes & (host.sq_mode ? SQ : ARRIN)) {
		breaks[which].make();
		host.ops->run(host.mmio);
		ck_assert_msg(rd(SISL_INTR_STATUS) == breaks[which].status, "%s: %lx",
			      breaks[which].name, rd(SISL_INTR_STATUS));
		expect_event(SISL_LISN_SYNC_ERROR);
		wr(SISL_INTR_CLEAR, breaks[which].status);
		ck_assert_uint_eq(rd(SISL_INTR_STATUS), 0);
		emul_host_setup(&host);
		emul_host_fill(&host, 1, false, 0, 0, (uint32_t)blocks(1), buf);
		emul_host_queue(&host, 1);
		emul_host_ring(&host);
		ck_assert_uint_eq(host.ops->run(host.mmio), 0);
		ck_assert_uint_ge(emul_host_audit(&host, 0), 1);
		forget_audit();
	}
	stop();
}
END_TEST

START_TEST(test_masked_errors_interrupt_when_unmasked)
{
	_Alignas(8) char evt[CXL_EVENT_READ_MIN];

	start(_i);
	wr(SISL_INTR_MASK, UINT64_MAX);
	break_ioarcb_misaligned();
	ck_assert_int_eq(host.ops->event_read(host.mmio, evt, sizeof(evt)), -EAGAIN);
	wr(SISL_INTR_MASK, ~SISL_ISTATUS_MASK);
	expect_event(SISL_LISN_SYNC_ERROR);
	forget_audit();
	stop();
}
END_TEST

START_TEST(test_bad_data_address_is_a_data_storage_event)
{
	struct cxl_evt evt[CXL_EVENT_READ_MIN / sizeof(struct cxl_evt) + 1];
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	emul_host_fill(&host, 0, true, handle, 0, (uint32_t)blocks(1), no_memory());
	emul_host_wild(true);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x00310000);
	emul_host_wild(false);
	ck_assert_uint_eq(host.slots[0].ioasa.afu_extra, SISL_AFU_EXTRA_INVALID_EA);
	ck_assert_int_eq(host.ops->event_read(host.mmio, evt, sizeof(evt)), sizeof(struct cxl_evt));
	ck_assert_uint_eq(evt->header.type, CXL_EVT_DATA_STORAGE);
	ck_assert_uint_eq(evt->header.process_element, host.cookie & SISL_CTX_ID_MASK);
	ck_assert_uint_eq(evt->fault.addr, (uintptr_t)no_memory());
	forget_audit();
	stop();
}
END_TEST

START_TEST(test_misaligned_register_accesses_are_audited)
{
	start(_i);
	ck_assert_uint_eq(rd(4), 0);
	wr(SISL_MMIO_BYTES, 1);
	ck_assert_uint_eq(emul_host_audit(&host, 0), 2);
	ck_assert_uint_eq(emul_host_audit(&host, 1ull << EMUL_MMIO_MISALIGNED), 0);
	forget_audit();
	stop();
}
END_TEST

START_TEST(test_a_status_area_in_use_twice_is_audited)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	for (unsigned i = 0; i < 4; i++) {
		emul_host_fill(&host, 5, false, handle, 0, (uint32_t)blocks(1), buf);
		emul_host_queue(&host, 5);
		if (i == 1)
			continue; /* the second time it is still the device's */
		emul_host_ring(&host);
		host.ops->run(host.mmio);
		while (emul_host_reap(&host) >= 0)
			;
	}
	ck_assert_uint_eq(emul_host_audit(&host, 0), 1);
	ck_assert_uint_eq(emul_host_audit(&host, 1ull << EMUL_IOARCB_OVERLAP), 0);
	forget_audit();
	stop();
}
END_TEST

START_TEST(test_more_commands_than_completion_entries_are_audited)
{
	struct emul_host small;
	uint32_t handle;

	emul_host_make(&small, "size=1G,mode=sq");
	emul_host_attach(&small, 8, 33);
	buf = calloc(1, 4096);
	handle = emul_host_virtual(&small, 1);
	for (unsigned i = 0; i < 9; i++) {
		emul_host_fill(&small, i, false, handle, 0, 1, buf);
		emul_host_queue(&small, i);
	}
	emul_host_ring(&small);
	small.ops->run(small.mmio);
	ck_assert_uint_eq(emul_host_audit(&small, 0), 1);
	ck_assert_uint_eq(emul_host_audit(&small, 1ull << EMUL_RRQ_OVERRUN), 0);
	emul_audit_clear(((struct emul_path *)small.dp)->ad);
	free(buf);
	emul_host_destroy(&small);
}
END_TEST

/* ---- the host's disk ---- */

/* Replaces the medium by a symbolic link to another file. */
static void replace_medium(const char *target)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/lun0", host.dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(target, path), 0);
}

START_TEST(test_a_full_host_disk_is_a_medium_error_of_the_blocks_that_do_not_fit)
{
	char mnt[] = "/tmp/emul_full.XXXXXX", path[300];
	unsigned failed = 0;
	uint32_t handle;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(mnt));
	if (mount("emul-full", mnt, "tmpfs", 0, "size=64k") < 0) {
		rmdir(mnt);
		return; /* not allowed here */
	}
	emul_host_make(&host, kinds[0]);
	snprintf(path, sizeof(path), "%s/lun", mnt);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, 1 << 30), 0);
	close(fd);
	replace_medium(path);
	emul_host_attach(&host, QUEUE, QUEUE + 1);
	buf = malloc(24 * 4096);
	memset(buf, 1, 24 * 4096);
	handle = emul_host_virtual(&host, 1);
	for (unsigned i = 0; i < 24; i++) {
		emul_host_fill(&host, i, true, handle, i, 1, buf + i * 4096);
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
	ck_assert_uint_eq(host.ops->run(host.mmio), 24);
	for (unsigned i = 0; i < 24; i++) {
		ck_assert_int_eq(emul_host_reap(&host), (int)i);
		if (emul_host_ioasc(&host, i)) {
			ck_assert_uint_eq(emul_host_ioasc(&host, i), 0x80000200);
			ck_assert_uint_eq(sense_of(&host.slots[i].ioasa), 0x030c00);
			failed++;
		} else {
			ck_assert_uint_eq(failed, 0);
		}
	}
	ck_assert_uint_ge(failed, 8);
	ck_assert_uint_le(failed, 12);
	emul_host_io(&host, true, handle, 0, 1, buf); /* existing blocks can be overwritten */
	stop();
	ck_assert_int_eq(umount2(mnt, MNT_DETACH), 0);
	rmdir(mnt);
}
END_TEST

START_TEST(test_a_read_only_medium_is_data_protect)
{
	char mnt[] = "/tmp/emul_ro.XXXXXX", path[300];
	uint32_t handle;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(mnt));
	if (mount("emul-ro", mnt, "tmpfs", 0, "size=64k") < 0) {
		rmdir(mnt);
		return;
	}
	snprintf(path, sizeof(path), "%s/lun", mnt);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, 1 << 30), 0);
	close(fd);
	ck_assert_int_eq(mount("emul-ro", mnt, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	emul_host_make(&host, kinds[0]);
	replace_medium(path);
	emul_host_attach(&host, QUEUE, QUEUE + 1);
	buf = calloc(1, 4096);
	handle = emul_host_virtual(&host, 1);
	emul_host_io(&host, false, handle, 0, 1, buf);
	emul_host_fill(&host, 0, true, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x80000200);
	ck_assert_uint_eq(sense_of(&host.slots[0].ioasa), 0x072700);
	stop();
	ck_assert_int_eq(umount2(mnt, MNT_DETACH), 0);
	rmdir(mnt);
}
END_TEST

START_TEST(test_a_missing_medium_is_a_check_condition)
{
	uint32_t handle;

	start(_i);
	replace_medium("/nonexistent/medium");
	handle = emul_host_virtual(&host, 1);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0x80000200);
	ck_assert_uint_eq(sense_of(&host.slots[0].ioasa), 0x044400);
	stop();
}
END_TEST

/* A program could leave a medium shorter than the LUN: what is not there has never been written. */
START_TEST(test_a_short_medium_reads_as_zeros_behind_its_end)
{
	char path[300];
	uint32_t handle;

	start(_i);
	snprintf(path, sizeof(path), "%s/lun0", host.dir);
	ck_assert_int_eq(truncate(path, 6144), 0);
	handle = emul_host_virtual(&host, 1);
	memset(buf, 0xff, 3 * 4096);
	for (unsigned i = 0; i < 3; i++)
		emul_host_io(&host, false, handle, blocks(i), (uint32_t)blocks(1), buf + i * 4096);
	for (unsigned i = 0; i < 3 * 4096; i++)
		ck_assert_uint_eq(buf[i], 0);
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emul_afu_errors");
	TCase *tc = tcase_create("errors");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_a_mistake_gets_its_code, 0, NR_KINDS * NR_MISTAKES);
	tcase_add_loop_test(tc, test_a_vlun_without_chunks_has_no_block, 0, NR_KINDS);
	tcase_add_loop_test(tc, test_a_short_command_may_not_cross_chunks, 0, NR_KINDS);
	tcase_add_loop_test(tc, test_residuals_are_reported, 0, NR_KINDS);
	tcase_add_loop_test(tc, test_a_released_handle_is_free_again, 0, NR_KINDS);
	tcase_add_loop_test(tc, test_permissions_of_the_attach_bind_the_commands, 0, 3);
	tcase_add_loop_test(tc, test_a_permanent_error_sets_its_bit_interrupts_and_halts, 0,
			    2 * NR_BREAKS);
	tcase_add_loop_test(tc, test_masked_errors_interrupt_when_unmasked, 0, 2);
	tcase_add_loop_test(tc, test_bad_data_address_is_a_data_storage_event, 0, NR_KINDS);
	tcase_add_loop_test(tc, test_misaligned_register_accesses_are_audited, 0, 2);
	tcase_add_loop_test(tc, test_a_status_area_in_use_twice_is_audited, 0, NR_KINDS);
	tcase_add_test(tc, test_more_commands_than_completion_entries_are_audited);
	tcase_add_test(tc, test_a_full_host_disk_is_a_medium_error_of_the_blocks_that_do_not_fit);
	tcase_add_test(tc, test_a_read_only_medium_is_data_protect);
	tcase_add_loop_test(tc, test_a_missing_medium_is_a_check_condition, 0, NR_KINDS);
	tcase_add_loop_test(tc, test_a_short_medium_reads_as_zeros_behind_its_end, 0, NR_KINDS);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
