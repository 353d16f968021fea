/*
 * archive - what the verbs that read or keep the journal have in common
 *
 * Use:
 *	struct archive a;
 *	int code = archive_open(&a, c, DB_READ);
 *	if (code)
 *		return code;
 *	...a.db, a.ask...
 *	archive_close(&a);
 *
 * Ownership: the archive owns the journal, the ask and the configuration.
 */
#ifndef FMX_CLI_ARCHIVE_H
#define FMX_CLI_ARCHIVE_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "config/config.h"
#include "journal/ask/ask.h"
#include "outlet/report/report.h"

struct archive {
	struct config config;
	char path[CONFIG_TEXT_MAX + 32];
	struct db *db;           /* NULL after archive_find() */
	struct ask *ask;         /* NULL for who writes */
	int64_t now;             /* the trial's clock if it has one */
	struct report_span span; /* after archive_open_period() */
};

/* The configuration and the journal's path alone. CLI_DONE, or what was said.
 */
FMX_MUST_CHECK int archive_find(struct archive *a, const struct cli *c);
/* The journal must exist, also to be written: serve makes it, as the user that
 * it runs as. */
FMX_MUST_CHECK int archive_open(struct archive *a, const struct cli *c,
				enum db_mode mode);
/* The trial's clock, if it has one, else the machine's. */
int64_t archive_now(const struct config *config);
/* To read, with --since and --until, which are looked at before the journal is. */
FMX_MUST_CHECK int archive_open_period(struct archive *a, const struct cli *c);
/* An upkeep_progress_fn; arg is a struct progress. */
void archive_progress(void *arg, uint64_t done, uint64_t total);
void archive_close(struct archive *a);

/*
 * A moment from an option: RFC 3339, a date, or a duration, which is that long
 * before now. CLI_DONE with *value left alone if the option was not given, or
 * CLI_USAGE after saying what is wrong.
 */
FMX_MUST_CHECK int archive_moment(const struct cli *c, const char *option, int64_t now,
				  int64_t *value);
/* --since and --until; CLI_USAGE too when the one is not before the other. */
FMX_MUST_CHECK int archive_span(const struct cli *c, int64_t now,
				struct report_span *span);

/* The rows of these options, for the verbs' tables. */
#define ARCHIVE_SINCE                                                                    \
	{                                                                                \
		.name = "since", .argument = "TIME",                                     \
		.meaning = "From then on: a time as in RFC 3339, a date, or how long "   \
			   "ago, such as 7d."                                            \
	}
#define ARCHIVE_UNTIL                                                                    \
	{                                                                                \
		.name = "until", .argument = "TIME", .meaning = "Before then."           \
	}

#define ARCHIVE_HTML                                                                     \
	{                                                                                \
		.name = "html", .argument = "FILE",                                      \
		.meaning = "Write the report as one page with charts; - is standard "    \
			   "output."                                                     \
	}

/* To stdout. Releases the buffer; the document's reference is taken. */
void archive_print(struct buf *b);
void archive_print_json(json_t *document);
/*
 * A page to a file, which is the old or the new one whatever happens, or to stdout if
 * path is "-"; or the report as one. Releases the buffer. CLI_DONE, or what was said.
 */
FMX_MUST_CHECK int archive_write_html(const struct cli *c, struct buf *page,
				      const char *path);
FMX_MUST_CHECK int archive_write_page(const struct cli *c, const struct report *r,
				      const char *path);
/* A file can be made there: asked before the work, not after it. CLI_DONE, or said. */
FMX_MUST_CHECK int archive_check_folder(const struct cli *c, const char *path);
/* --html can be written, and "-" leaves no room for what else goes to stdout. */
FMX_MUST_CHECK int archive_check_page(const struct cli *c);
/* Texts for stdout: coloured if it is a terminal. */
struct text_style archive_style(void);

#endif
