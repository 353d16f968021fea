#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/stamp.h"
#include "base/utf8.h"

static struct {
	enum log_level least_severe;
} sink = { LOG_LEVEL_INFO };

static const struct {
	const char *name;
	int syslog_priority; /* RFC 5424 6.2.1 severity */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

void log_init(enum log_level least_severe)
{
	sink.least_severe = least_severe;
}

/* One write() per line, so that lines of several processes do not mix. Bytes
 * that could end or forge a line are replaced. */
FMX_PRINTF(2, 0)
static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	if (level > sink.least_severe)
		return;
	char line[2048], when[STAMP_TEXT_MAX];
	int n;
	if (getenv("JOURNAL_STREAM"))
		n = snprintf(line, sizeof(line), "<%d>", levels[level].syslog_priority);
	else
		n = snprintf(line, sizeof(line), "%s %s ", stamp_text(stamp_now(), when),
			     levels[level].name);
	size_t start = (size_t)n;
	int m = vsnprintf(line + start, sizeof(line) - start - 1, fmt, ap);
	size_t len = start + (m < 0 ? 0 : (size_t)m);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\0';
	utf8_make_safe(line + start);
	line[len++] = '\n';
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written; /* where would we complain? */
}

#define LOG_FUNCTION(name, level)                                                        \
	void name(const char *fmt, ...)                                                  \
	{                                                                                \
		va_list ap;                                                              \
		va_start(ap, fmt);                                                       \
		log_line(level, fmt, ap);                                                \
		va_end(ap);                                                              \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
