/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/found.h"

#include "fuse/transport/internal.h"

static void serve_alone(struct transport *transport, struct slot *slot)
{
	struct slot_front *front = slot_front(slot->payload);

	front->executing = slot_header(slot->payload)->unique;
	transport_serve_request(transport, slot);
	slot_put(slot);
	slot_await_free(slot);
	front->executing = 0;
}

void found_serve(struct transport *transport)
{
	struct slot *slot = NULL;

	while ((slot = slot_pool_next_found(transport->slots, slot)))
		serve_alone(transport, slot);
}
