/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_BYTES 1024

/* Set by log_open() before threads start, read-only afterwards. */
static struct log_config config = {
	.target = LOG_TARGET_STDERR,
	.level = LOG_LEVEL_NOTICE,
	.ident = "cxlfs",
};

static int emergency_fd = -1; /* as config */

/* clang-format off */
static const struct {
	const char *name;
	unsigned mask;
} categories[] = {
	{ "fs", LOGC_FS },
	{ "tree", LOGC_TREE },
	{ "data", LOGC_DATA },
	{ "superpipe", LOGC_SUPERPIPE },
	{ "emul", LOGC_EMUL },
	{ "daemon", LOGC_DAEMON },
	{ "all", LOGC_ALL },
};
/* clang-format on */

#define NR_CATEGORIES (sizeof(categories) / sizeof(categories[0]))

/* syslog(3) may not be called from a signal handler, so that has a socket of its own. */
static void open_emergency(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = _PATH_LOG };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		fd = -1;
	}
	if (emergency_fd >= 0)
		close(emergency_fd);
	emergency_fd = fd;
}

void log_open(const struct log_config *wanted)
{
	if (config.target == LOG_TARGET_SYSLOG)
		closelog();
	config = *wanted;
	if (config.target != LOG_TARGET_SYSLOG)
		return;
	openlog(config.ident, LOG_PID, LOG_DAEMON);
	open_emergency();
}

static void add_part(struct iovec *part, const char *text)
{
	part->iov_base = (void *)(uintptr_t)text;
	part->iov_len = strlen(text);
}

void log_emergency(const char *text)
{
	bool to_syslog = config.target == LOG_TARGET_SYSLOG;
	int fd = to_syslog ? emergency_fd : STDERR_FILENO, saved_errno = errno;
	struct iovec parts[4];

	/* A facility and level as in syslog(3): daemon, error. */
	add_part(&parts[0], to_syslog ? "<27>" : "");
	add_part(&parts[1], config.ident);
	add_part(&parts[2], ": ");
	add_part(&parts[3], text);
	(void)!writev(fd, parts, 4);
	if (!to_syslog)
		(void)!write(fd, "\n", 1);
	errno = saved_errno;
}

void log_set_debug_categories(unsigned categories)
{
	__atomic_store_n(&config.debug_categories, categories, __ATOMIC_RELAXED);
}

unsigned log_debug_categories(void)
{
	return __atomic_load_n(&config.debug_categories, __ATOMIC_RELAXED);
}

void log_print_categories(unsigned mask, char ret_list[LOG_LIST_BYTES])
{
	size_t length = 0;

	strcpy(ret_list, mask ? "" : "none");
	for (size_t i = 0; i < NR_CATEGORIES; i++)
		if (mask & categories[i].mask && categories[i].mask != LOGC_ALL)
			length += (size_t)snprintf(ret_list + length, LOG_LIST_BYTES - length,
						   "%s%s", length ? "," : "", categories[i].name);
}

static unsigned find_category(const char *name, size_t length)
{
	for (size_t i = 0; i < NR_CATEGORIES; i++) {
		if (strlen(categories[i].name) == length &&
		    memcmp(categories[i].name, name, length) == 0)
			return categories[i].mask;
	}
	return 0;
}

int log_parse_categories(const char *list, unsigned *ret_mask)
{
	unsigned mask = 0;

	if (!strcmp(list, "none")) {
		*ret_mask = 0;
		return 0;
	}
	for (;;) {
		size_t length = strcspn(list, ",");
		unsigned one = find_category(list, length);

		if (!one)
			return -EINVAL;
		mask |= one;
		if (list[length] == '\0')
			break;
		list += length + 1;
	}
	*ret_mask = mask;
	return 0;
}

/* One write(2) for each line, so that lines of several threads and processes do not mix. */
static void write_stderr(const char *prefix, const char *text)
{
	char line[LOG_LINE_BYTES + 64];
	int length = snprintf(line, sizeof(line), "%s: %s%s\n", config.ident, prefix, text);
	ssize_t written;

	if (length < 0)
		return;
	if ((size_t)length >= sizeof(line)) {
		length = sizeof(line) - 1;
		line[length - 1] = '\n';
	}
	do {
		written = write(STDERR_FILENO, line, (size_t)length);
	} while (written < 0 && errno == EINTR);
}

static void emit(enum log_level level, const char *prefix, const char *text)
{
	if (config.target == LOG_TARGET_SYSLOG)
		syslog((int)level, "%s%s", prefix, text);
	else
		write_stderr(prefix, text);
}

void log_vmessage(enum log_level level, const char *format, va_list ap)
{
	int saved_errno = errno;
	char text[LOG_LINE_BYTES];

	if (level > config.level)
		return;
	(void)vsnprintf(text, sizeof(text), format, ap);
	text[strcspn(text, "\n")] = '\0'; /* some libraries add a newline */
	emit(level, level == LOG_LEVEL_WARNING ? "warning: " : "", text);
	errno = saved_errno;
}

void log_message(enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_vmessage(level, format, ap);
	va_end(ap);
}

bool log_debug_enabled(enum log_category category)
{
	return (log_debug_categories() & category) != 0;
}

static const char *category_name(enum log_category category)
{
	for (size_t i = 0; i < NR_CATEGORIES; i++) {
		if (categories[i].mask == (unsigned)category)
			return categories[i].name;
	}
	return "debug";
}

void log_debug_message(enum log_category category, const char *format, ...)
{
	int saved_errno = errno;
	char text[LOG_LINE_BYTES];
	char prefix[32];
	va_list ap;

	if (!log_debug_enabled(category))
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)snprintf(prefix, sizeof(prefix), "%s: ", category_name(category));
	emit(LOG_LEVEL_DEBUG, prefix, text);
	errno = saved_errno;
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint32_t *ret_nr_dropped)
{
	uint64_t start = __atomic_load_n(&limit->window_start_ms, __ATOMIC_RELAXED);

	/* If several threads find the window over, one of them opens the next. */
	if (start == 0 || (now_ms > start && now_ms - start >= LOG_LIMIT_SECONDS * 1000u)) {
		if (__atomic_compare_exchange_n(&limit->window_start_ms, &start, now_ms, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			__atomic_store_n(&limit->nr_printed, 0, __ATOMIC_RELAXED);
	}
	if (__atomic_load_n(&limit->nr_printed, __ATOMIC_RELAXED) >= LOG_LIMIT_BURST ||
	    __atomic_fetch_add(&limit->nr_printed, 1, __ATOMIC_RELAXED) >= LOG_LIMIT_BURST) {
		__atomic_fetch_add(&limit->nr_dropped, 1, __ATOMIC_RELAXED);
		return false;
	}
	*ret_nr_dropped = __atomic_exchange_n(&limit->nr_dropped, 0, __ATOMIC_RELAXED);
	return true;
}

static uint64_t monotonic_ms(void)
{
	return clock_now_ms() + 1u;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	uint32_t nr_dropped;
	va_list ap;

	if (!log_limit_pass(limit, monotonic_ms(), &nr_dropped))
		return;
	if (nr_dropped)
		log_message(level, "%u messages like the next one were left out", nr_dropped);
	errno = saved_errno;
	va_start(ap, format);
	log_vmessage(level, format, ap);
	va_end(ap);
	errno = saved_errno;
}
