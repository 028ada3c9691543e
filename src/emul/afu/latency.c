/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/afu/latency.h"

#define CYCLE_NS 4 /* of the AFU's clock, for timeouts in cycles */

void latency_init(struct latency *latency, const struct emul_geometry *geometry)
{
	*latency = (struct latency){
		.latency_ns = { geometry->read_ns, geometry->write_ns },
		.slot_ns = { geometry->riops ? 1000000000 / geometry->riops : 0,
			     geometry->wiops ? 1000000000 / geometry->wiops : 0 },
		.jitter = geometry->seed | 1,
	};
}

bool latency_is_set(const struct latency *latency)
{
	return latency->latency_ns[0] | latency->latency_ns[1] | latency->slot_ns[0] |
	       latency->slot_ns[1];
}

/* Uses an xorshift generator, so the same commands on the same adapter get the same times. */
static uint64_t jittered(struct latency *latency, uint64_t latency_ns)
{
	latency->jitter ^= latency->jitter << 13;
	latency->jitter ^= latency->jitter >> 7;
	latency->jitter ^= latency->jitter << 17;
	if (latency_ns < 16)
		return latency_ns;
	return latency_ns - latency_ns / 16 + latency->jitter % (latency_ns / 8);
}

static uint64_t model_ns(struct latency *latency, const struct emul_command *cmd, uint64_t now_ns)
{
	uint64_t *slot = &latency->next_slot_ns[cmd->lun][cmd->write];
	uint64_t start = *slot > now_ns ? *slot : now_ns;

	*slot = start + latency->slot_ns[cmd->write];
	return start + jittered(latency, latency->latency_ns[cmd->write]);
}

static uint64_t timeout_ns(const struct sisl_ioarcb *ioarcb)
{
	switch (ioarcb->req_flags & SISL_REQ_TIMEOUT_UNIT_MASK) {
	case SISL_REQ_TIMEOUT_MSECS:
		return ioarcb->timeout * 1000000ull;
	case SISL_REQ_TIMEOUT_USECS:
		return ioarcb->timeout * 1000ull;
	case SISL_REQ_TIMEOUT_CYCLES:
		return ioarcb->timeout * (uint64_t)CYCLE_NS;
	default:
		return ioarcb->timeout * 1000000000ull;
	}
}

uint64_t latency_due_ns(struct latency *latency, const struct sisl_ioarcb *ioarcb,
			struct emul_command *cmd, uint64_t now_ns)
{
	uint64_t due = model_ns(latency, cmd, now_ns);
	uint64_t timeout = timeout_ns(ioarcb);

	if (!timeout || due - now_ns <= timeout)
		return due;
	cmd->expired = true;
	return now_ns + timeout;
}
