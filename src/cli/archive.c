#include "cli/archive.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "cli/cli.h"
#include "outlet/json.h"
#include "outlet/page/page.h"
#include "serve/system/labclock.h"

/* What a text result may grow to; a result of that size is a mistake. */
enum { PRINT_MAX = 1 << 30 };

/* A trial's clock may be ahead; then "now" is its now. A clock file that is
 * not there (the trial is over) is no reason not to read the journal. */
int64_t archive_now(const struct config *config)
{
	struct labclock clock = LABCLOCK_REAL;
	if (labclock_open(config->clock, &clock, NULL) != 0)
		return stamp_now();
	int64_t now = stamp_clock_now(clock.clock);
	labclock_close(&clock);
	return now;
}

int archive_find(struct archive *a, const struct cli *c)
{
	struct error e;
	*a = (struct archive){ .db = NULL };
	int code = cli_config(c, &a->config);
	if (code)
		return code;
	a->now = archive_now(&a->config);
	if (config_journal_path(&a->config, a->path, sizeof(a->path)))
		return CLI_DONE;
	config_release(&a->config);
	(void)error_set(&e, FMX_EUSAGE, "the state folder's name is too long");
	return cli_fail(c, &e);
}

static int open_journal(struct archive *a, const struct cli *c, enum db_mode mode)
{
	struct error e;
	int rc = 0;
	if (access(a->path, F_OK) != 0)
		rc = error_set(&e, -errno, "cannot open the journal %s: %s%s", a->path,
			       strerror(errno),
			       errno == ENOENT ? " (`fakemx serve` makes it)"
			       : errno == EACCES
				   ? " (root and the user that serve runs as may)"
				   : "");
	if (rc == 0)
		rc = db_open(a->path, mode, &a->db, &e);
	if (rc == 0 && mode == DB_READ)
		rc = ask_open(a->db, a->now, &a->ask, &e);
	if (rc == 0)
		return CLI_DONE;
	archive_close(a);
	return cli_fail(c, &e);
}

int archive_open(struct archive *a, const struct cli *c, enum db_mode mode)
{
	int code = archive_find(a, c);
	return code ? code : open_journal(a, c, mode);
}

int archive_open_period(struct archive *a, const struct cli *c)
{
	int code = archive_find(a, c);
	if (code)
		return code;
	code = archive_span(c, a->now, &a->span);
	if (code == CLI_DONE)
		return open_journal(a, c, DB_READ);
	archive_close(a);
	return code;
}

void archive_progress(void *arg, uint64_t done, uint64_t total)
{
	struct progress *p = arg;
	if (done == total)
		progress_end(p);
	else
		progress_set(p, done, total, NULL);
}

void archive_close(struct archive *a)
{
	ask_close(a->ask);
	db_close(a->db);
	config_release(&a->config);
	*a = (struct archive){ .db = NULL };
}

int archive_moment(const struct cli *c, const char *option, int64_t now, int64_t *value)
{
	int64_t ago;
	int64_t t;
	const char *text = cli_option(c, option);
	if (!text)
		return CLI_DONE;
	char plain[STAMP_TEXT_MAX] = "";
	const char *end = strstr(text, " ago");
	if (end && !end[4] && (size_t)(end - text) < sizeof(plain))
		memcpy(plain, text, (size_t)(end - text)); /* "7d ago" */
	if (stamp_parse_duration(*plain ? plain : text, &ago))
		*value = now - ago;
	else if (stamp_parse(text, &t, NULL))
		*value = t;
	else
		return cli_usage(
		    c,
		    "--%s is a time such as 2026-11-23T14:00:00Z, a date, or "
		    "a duration such as 7d, not '%s'",
		    option, text);
	return CLI_DONE;
}

int archive_span(const struct cli *c, int64_t now, struct report_span *span)
{
	*span = (struct report_span){ REPORT_BEGIN, STAMP_NEVER, NULL };
	int code = archive_moment(c, "since", now, &span->since);
	if (code == CLI_DONE)
		code = archive_moment(c, "until", now, &span->until);
	if (code == CLI_DONE && span->since >= span->until)
		code = cli_usage(c, "--since is not before --until");
	return code;
}

void archive_print(struct buf *b)
{
	/* main() asks stdout whether all was written */
	(void)fwrite(buf_text(b), 1, b->len, stdout);
	buf_release(b);
}

void archive_print_json(json_t *document)
{
	struct buf b = BUF_INIT(PRINT_MAX);
	json_print(document, &b);
	json_decref(document);
	archive_print(&b);
}

/* As the shell would make a file. */
static mode_t new_mode(void)
{
	mode_t mask = umask(0);
	(void)umask(mask);
	return 0666 & ~mask;
}

int archive_check_folder(const struct cli *c, const char *path)
{
	char *copy = xstrdup(path);
	const char *folder = dirname(copy);
	struct error e;
	int code = CLI_DONE;
	if (access(folder, W_OK | X_OK) != 0) {
		(void)error_set(&e, -errno,
				"cannot write %s: no new file can be made in its folder: "
				"%s",
				path, strerror(errno));
		code = cli_fail(c, &e);
	}
	free(copy);
	return code;
}

int archive_check_page(const struct cli *c)
{
	const char *path = cli_option(c, "html");
	if (path && path[0] == '\0')
		return cli_usage(c, "--html needs a file, or - for standard output");
	if (path && strcmp(path, "-") == 0 && c->json)
		return cli_usage(c, "--html - and --json contradict each other: both go "
				    "to standard output");
	return path && strcmp(path, "-") != 0 ? archive_check_folder(c, path) : CLI_DONE;
}

int archive_write_html(const struct cli *c, struct buf *page, const char *path)
{
	struct error e;
	int rc = 0;
	if (buf_failed(page))
		rc = error_set(&e, FMX_ETOOBIG,
			       "the page would be larger than %d MB: take a shorter "
			       "period with --since and --until",
			       PAGE_MAX / 1024 / 1024);
	else if (strcmp(path, "-") == 0)
		archive_print(page);
	else
		rc = atomic_file_write(path, buf_text(page), page->len, new_mode(), &e);
	buf_release(page);
	return rc == 0 ? CLI_DONE : cli_fail(c, &e);
}

int archive_write_page(const struct cli *c, const struct report *r, const char *path)
{
	struct buf page = BUF_INIT(PAGE_MAX);
	page_write(r, &page);
	return archive_write_html(c, &page, path);
}

struct text_style archive_style(void)
{
	return (struct text_style){
		.bold = cli_style(stdout, CLI_BOLD),
		.good = cli_style(stdout, CLI_GOOD),
		.warn = cli_style(stdout, CLI_WARN),
		.bad = cli_style(stdout, CLI_BAD),
		.faint = cli_style(stdout, CLI_FAINT),
		.plain = cli_style(stdout, CLI_PLAIN),
	};
}
