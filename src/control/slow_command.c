/* SPDX-License-Identifier: Apache-2.0 */
#include "control/slow_command.h"

#include <errno.h>
#include <unistd.h>

#include "base/thread.h"
#include "control/request.h"

static void *run(void *arg)
{
	struct slow_command *slow = arg;
	const uint64_t one = 1;

	slow->result = slow->command->run(slow->context, &slow->request);
	atomic_store(&slow->done, true);
	(void)!write(slow->wake_fd, &one, sizeof(one));
	return NULL;
}

int slow_command_start(struct slow_command *slow, const struct control_command *command,
		       void *context, int wake_fd, struct control_request *request)
{
	int err;

	if (slow->running)
		return control_fail(request, -EBUSY, "the daemon is busy with '%s'",
				    slow->command->name);
	slow->command = command;
	slow->context = context;
	slow->wake_fd = wake_fd;
	slow->request = *request;
	atomic_store(&slow->done, false);
	err = thread_start(&slow->thread, run, slow, "cxlfs-command");
	slow->running = !err;
	return err;
}

char *slow_command_end(struct slow_command *slow)
{
	pthread_join(slow->thread, NULL);
	slow->running = false;
	return control_request_finish(&slow->request, slow->result);
}
