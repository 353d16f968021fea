/* visits - the visits, one JSON object a line. */
#include <stdio.h>
#include <unistd.h>

#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "outlet/book.h"
#include "outlet/visits.h"

enum { POLL_US = 200000, LINE_MAX_BYTES = 64 * 1024 };

struct printing {
	struct report_span span;
	struct book *book;
	struct buf line;
};

static void print_line(struct buf *line)
{
	buf_adds(line, "\n");
	(void)fwrite(buf_text(line), 1, line->len, stdout); /* asked by is_broken() */
	buf_clear(line);
}

/* Nobody reads on, or the disk is full: main() says so. */
static bool is_broken(void)
{
	return ferror(stdout) != 0;
}

enum { STOP = 1 };

static int on_record(void *arg, const struct record *r, struct error *e)
{
	struct printing *p = arg;
	(void)e;
	book_record(p->book, r);
	if (r->kind != RECORD_VISIT || r->time < p->span.since ||
	    r->time >= p->span.until)
		return 0;
	visits_object(&r->visit, book_host(p->book, r->visit.host), r->seen, &p->line);
	print_line(&p->line);
	return is_broken() ? STOP : 0;
}

/* Asks again and again: a commit is at most a second apart, and asking costs
 * one row. */
static int follow(struct archive *a, struct printing *p, struct error *e)
{
	int rc = 0;
	while (rc == 0 && fflush(stdout) == 0) {
		(void)usleep(POLL_US);
		rc = journal_follow(a->journal, on_record, p, e);
	}
	return rc;
}

static int print_visits(const struct cli *c, struct archive *a, struct printing *p)
{
	struct error e;
	int rc = journal_checkpoint(a->journal, book_load, p->book, &e);
	if (rc == 0)
		rc = journal_replay(a->journal, NULL, on_record, p, &e);
	if (rc == 0 && cli_flag(c, "follow"))
		rc = follow(a, p, &e);
	return rc < 0 ? cli_fail(c, &e) : CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	struct printing p = { .line = BUF_INIT(LINE_MAX_BYTES) };

	(void)argc, (void)argv;
	int code = archive_open(&a, c, JOURNAL_READ);
	if (code)
		return code;
	code = archive_span(c, a.now, &p.span);
	if (code == CLI_DONE) {
		p.book = book_new();
		code = print_visits(c, &a, &p);
		book_free(p.book);
		buf_release(&p.line);
	}
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	{ .name = "follow", .meaning = "Go on with what comes, until interrupted." },
	ARCHIVE_SINCE,
	ARCHIVE_UNTIL,
	{ 0 },
};

const struct verb verb_visits = {
	.name = "visits",
	.run = run,
	.synopsis = "[--follow] [--since TIME] [--until TIME]",
	.summary = "the visits, one JSON object a line",
	.help = "In the order in which they were seen. What is not known is null.\n\n"
		"  fakemx visits --since 1h | jq -r 'select(.role == \"decoy\") | "
		".address'\n"
		"  fakemx visits --follow",
	.options = options,
};
