/*
 * log - one line per event, for the daemon's stderr and the systemd journal
 *
 * A line is `level event key=value ...`; values with spaces are quoted. Under
 * systemd (JOURNAL_STREAM set) a line starts with the <N> priority that
 * sd-daemon(3) defines; otherwise with the time.
 *
 * Each event is logged once, where it stops travelling: libraries return
 * struct error instead.
 */
#ifndef FMX_BASE_LOG_H
#define FMX_BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_init(enum log_level least_severe); /* what is shown; INFO at first */

FMX_PRINTF(1, 2) void log_error(const char *fmt, ...);
FMX_PRINTF(1, 2) void log_warning(const char *fmt, ...);
FMX_PRINTF(1, 2) void log_info(const char *fmt, ...);
FMX_PRINTF(1, 2) void log_debug(const char *fmt, ...);

#endif
