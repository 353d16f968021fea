/* What is said besides results: mistakes, warnings, progress. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stamp.h"
#include "cli/cli.h"

int cli_fail(const struct cli *c, const struct error *e)
{
	(void)c;
	(void)fflush(stdout); /* what was printed before stands before it */
	(void)fprintf(stderr, "%sfakemx: %s%s\n", cli_style(stderr, CLI_BAD), e->text,
		      cli_style(stderr, CLI_PLAIN));
	switch (e->code) {
	case FMX_EREFUSED: return CLI_REFUSED;
	case FMX_EUSAGE: return CLI_USAGE;
	default: return CLI_FAILED;
	}
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct error e;
	(void)error_set(&e, FMX_EUSAGE, "%s", text);
	int code = cli_fail(c, &e);
	(void)fprintf(stderr, "for help: fakemx %s%s--help\n",
		      c->verb ? c->verb->name : "", c->verb ? " " : "");
	return code;
}

void cli_warn(const struct cli *c, const char *fmt, ...)
{
	if (c->quiet)
		return;
	struct error said; /* made safe and of one line, as an error's sentence is */
	va_list ap;
	va_start(ap, fmt);
	char text[sizeof(said.text)];
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)error_set(&said, 0, "%s", text);
	(void)fprintf(stderr, "%sfakemx: %s%s\n", cli_style(stderr, CLI_WARN), said.text,
		      cli_style(stderr, CLI_PLAIN));
}

const char *cli_style(FILE *stream, enum cli_style style)
{
	static const char *const escapes[] = {
		[CLI_PLAIN] = "\033[0m", [CLI_BOLD] = "\033[1m", [CLI_GOOD] = "\033[32m",
		[CLI_WARN] = "\033[33m", [CLI_BAD] = "\033[31m", [CLI_FAINT] = "\033[2m",
	};
	const char *no_color = getenv("NO_COLOR");
	if ((no_color && *no_color) || !isatty(fileno(stream)))
		return "";
	return escapes[style];
}

bool cli_confirm(const char *fmt, ...)
{
	char line[16];
	va_list ap;
	(void)fflush(stdout);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs(" [y/N] ", stderr);
	(void)fflush(stderr);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

void progress_begin(struct progress *p, const struct cli *c, const char *what)
{
	*p = (struct progress){ .is_shown = !c->quiet && isatty(STDERR_FILENO),
				.began = stamp_monotonic(),
				.what = what };
}

/* Is it time to draw? False within the first second, and within 0.2 s. */
static bool progress_is_due(struct progress *p, int64_t *ret_now)
{
	*ret_now = p->is_shown ? stamp_monotonic() : 0;
	if (!p->is_shown || *ret_now - p->began < STAMP_SECOND ||
	    *ret_now - p->drawn < STAMP_SECOND / 5)
		return false;
	p->drawn = *ret_now;
	(void)fputs("\r\033[K", stderr);
	return true;
}

void progress_set(struct progress *p, uint64_t done, uint64_t total, const char *note)
{
	int64_t now;
	if (!progress_is_due(p, &now))
		return;
	(void)fprintf(stderr, "%" PRIu64, done);
	if (total)
		(void)fprintf(stderr, " of %" PRIu64 " %s, %" PRIu64 " %%", total,
			      p->what, done * 100 / total);
	else
		(void)fprintf(stderr, " %s", p->what);
	double rate = (double)done * (double)STAMP_SECOND / (double)(now - p->began);
	(void)fprintf(stderr, ", %.*f/s%s%s", rate < 10 ? 1 : 0, rate, note ? ", " : "",
		      note ? note : "");
	(void)fflush(stderr);
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	int64_t now;
	if (!progress_is_due(p, &now))
		return;
	va_list ap;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		(void)fprintf(stderr, "\r\033[K");
	*p = (struct progress){ 0 };
}

void cli_folded(FILE *to, const char *text, size_t indent, size_t width)
{
	size_t column = indent;
	while (*text) {
		size_t word = strcspn(text, " ");
		if (column > indent && column + 1 + word > width) {
			(void)fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			(void)fputc(' ', to);
			column++;
		}
		(void)fprintf(to, "%.*s", (int)word, text);
		column += word;
		text += word + (text[word] == ' ');
	}
	(void)fputc('\n', to);
}
