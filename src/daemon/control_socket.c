/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control_socket.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* An ordinary user may have no directory for sockets; the volume works without one. */
void control_socket_log_failure(const char *place, int err)
{
	if (geteuid() == 0)
		log_warning("%s: no control socket: %s", place, strerror(-err));
	else
		log_debug(LOGC_DAEMON, "%s: no control socket: %s", place, strerror(-err));
}

void control_socket_prepare(struct control_socket *control)
{
	int err = control_path_make(control->directory);

	if (!err)
		return;
	control_socket_log_failure(control->directory, err);
	*control->directory = '\0';
}

int control_socket_open(struct control_socket *control, const struct control_volume *volume)
{
	char path[CONTROL_PATH_BYTES];
	const struct control_config config = { .path = path,
					       .commands = control_commands,
					       .context = &control->volume };
	int err;

	/* The failure has been logged: no directory, or the mount was not found. */
	if (!*control->directory || !*volume->device)
		return 0;
	control->volume = *volume;
	err = control_path_join(control->directory, volume->device, path);
	return err ? err : control_server_start(&config, &control->server);
}

void control_socket_publish(struct control_socket *control)
{
	int err = control->server ? control_server_publish(control->server) : 0;

	if (err)
		control_socket_log_failure(control->volume.mountpoint, err);
}

void control_socket_hand_over(struct control_socket *control)
{
	control_server_hand_over(control->server);
	control->server = NULL;
}

void control_socket_close(struct control_socket *control)
{
	control_server_stop(control->server);
	control->server = NULL;
}
