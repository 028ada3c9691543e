/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - messages on stderr or in syslog.
 *
 * log_open() sets target, level and debug categories once, before threads start. Until then errors,
 * warnings and notices go to stderr.
 *
 * Layers below fuse return errors and log only at debug level. The code that handles an error logs
 * it.
 * Every function preserves errno and may be called from any thread; only log_emergency() may be
 * called from a signal handler.
 */
#ifndef CXLFS_BASE_LOG_H
#define CXLFS_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* The numbers are those of syslog(3). */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* What --debug selects; a mask. */
enum log_category {
	LOGC_FS = 1 << 0,
	LOGC_TREE = 1 << 1,
	LOGC_DATA = 1 << 2,
	LOGC_SUPERPIPE = 1 << 3,
	LOGC_EMUL = 1 << 4,
	LOGC_DAEMON = 1 << 5,
	LOGC_ALL = (1 << 6) - 1,
};

enum log_target {
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG,
};

struct log_config {
	enum log_target target;
	enum log_level level;      /* messages above it are dropped; debug goes by category alone */
	unsigned debug_categories; /* mask of enum log_category */
	const char *ident;         /* starts every line; not copied */
};

/** log_open() - choose target, level and categories; before threads start. */
void log_open(const struct log_config *config);

/** log_set_debug_categories() - change what is logged at debug level; any thread */
void log_set_debug_categories(unsigned categories);
unsigned log_debug_categories(void);

#define LOG_LIST_BYTES 64

/** log_print_categories() - write a list that log_parse_categories() reads */
void log_print_categories(unsigned categories, char ret_list[LOG_LIST_BYTES]);

/**
 * log_parse_categories() - read a list as in --debug=fs,data; "all" is every category, "none" none
 * Return: 0; -EINVAL for an unknown or empty name, *ret_mask untouched.
 */
int log_parse_categories(const char *list, unsigned *ret_mask);

/** log_message() - log a message; text without newline. */
void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** log_emergency() - log a message at level error. Async-signal-safe. */
void log_emergency(const char *text);

/** log_vmessage() - the same for a va_list, for the log hooks of libraries. */
void log_vmessage(enum log_level level, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));

#define log_err(...)     log_message(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_message(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)

/** log_debug_enabled() - cheap enough for hot paths. */
bool log_debug_enabled(enum log_category category);

void log_debug_message(enum log_category category, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The arguments are not evaluated unless the category is on. */
#define log_debug(category, ...)                                  \
	do {                                                      \
		if (log_debug_enabled(category))                  \
			log_debug_message(category, __VA_ARGS__); \
	} while (0)

/**
 * struct log_limit - rate limit of a message
 *
 * Each LOG_LIMIT_SECONDS the first LOG_LIMIT_BURST messages are printed. The next message that is
 * printed says how many were dropped. All zeros is ready for use.
 */
struct log_limit {
	uint64_t window_start_ms; /* atomic */
	uint32_t nr_printed;      /* atomic */
	uint32_t nr_dropped;      /* atomic */
};

#define LOG_LIMIT_BURST   5
#define LOG_LIMIT_SECONDS 10

/** log_limited() - log_message(), rate-limited by @limit. */
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * log_limit_pass() - return true if log_limited() may log now
 * @now_ms:         any monotonic clock that is not 0
 * @ret_nr_dropped: messages dropped since the last one that passed
 */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint32_t *ret_nr_dropped);

#endif
