#include "cli/import_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "source/feed/feed_line.h"

enum { STEP = 5000 /* lines from one look at the clock to the next */ };

/* A host by its name; of one in several sites each has a row, the first site's first. */
struct row {
	const struct host *host;
	uint16_t site;
	size_t order;
};

struct importing {
	const struct archive *a;
	const char *name; /* of the file, for sentences */
	struct import *import;
	struct row *rows; /* by name */
	size_t row_count;
	uint64_t number; /* of the line */
	struct feed_line line;
	struct progress progress;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int by_name = strcasecmp(x->host->name, y->host->name);
	return by_name != 0 ? by_name : (x->order > y->order) - (x->order < y->order);
}

/* After import_begin() has given the ids. */
static void find_rows(struct importing *im)
{
	const struct config *c = &im->a->config;
	size_t cap = 0;
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			im->rows =
			    xroom(im->rows, im->row_count, &cap, sizeof(*im->rows));
			im->rows[im->row_count] =
			    (struct row){ &c->sites[i].hosts[k], c->sites[i].id,
					  im->row_count };
			im->row_count++;
		}
	}
	if (im->row_count > 0)
		qsort(im->rows, im->row_count, sizeof(*im->rows), compare_rows);
}

/* The first row of that name, and in *ret_count how many there are. */
static const struct row *rows_of(const struct importing *im, const char *name,
				 size_t *ret_count)
{
	size_t low = 0, high = im->row_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcasecmp(im->rows[middle].host->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_count = 0;
	while (low + *ret_count < im->row_count &&
	       strcasecmp(im->rows[low + *ret_count].host->name, name) == 0)
		++*ret_count;
	return &im->rows[low];
}

FMX_PRINTF(3, 4)
static int refuse(const struct importing *im, struct error *e, const char *fmt, ...)
{
	char why[400];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return error_set(e, FMX_EMALFORMED, "%s, line %" PRIu64 ": %s", im->name,
			 im->number, why);
}

/* A visit is one host's; the other lines hold for the host in each of its sites. */
static int take_visit(struct importing *im, const struct row *row, struct error *e)
{
	struct feed_line *f = &im->line;
	struct line l = { .kind = LINE_VISIT, .visit = f->visit };
	if (f->has_role && f->role != row->host->role)
		return refuse(im, e,
			      "%s has the role %s in the configuration, and the role %s "
			      "here",
			      row->host->name, role_name(row->host->role),
			      role_name(f->role));
	l.host = l.visit.host = row->host->id;
	l.visit.site = row->site;
	l.visit.source = f->source;
	l.time = l.visit.time;
	return import_line(im->import, &l, e);
}

static int take_mark(struct importing *im, const struct row *row, struct error *e)
{
	static const enum line_kind kinds[] = { [FEED_WATERMARK] = LINE_WATERMARK,
						[FEED_OUTAGE] = LINE_OUTAGE,
						[FEED_SINCE] = LINE_GAP,
						[FEED_GAP] = LINE_GAP,
						[FEED_DELIVERED] = LINE_WROTE };
	bool is_wrote = im->line.kind == FEED_DELIVERED;
	struct line l = { .kind = kinds[im->line.kind],
			  .host = row->host->id,
			  .since = im->line.from,
			  .time = im->line.time,
			  .text = is_wrote ? im->line.texts[FEED_DOMAIN] : NULL };
	return import_line(im->import, &l, e);
}

static int take_line(struct importing *im, const char *text, size_t len, struct error *e)
{
	struct error why;
	size_t count;
	im->number++;
	if (feed_parse(text, len, &im->line, &why) < 0)
		return refuse(im, e, "%s", why.text);
	const struct row *rows = rows_of(im, im->line.host, &count);
	if (count == 0)
		return refuse(im, e, "the configuration has no host '%s'", im->line.host);
	if (im->line.kind == FEED_VISIT)
		return take_visit(im, rows, e);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = take_mark(im, &rows[i], e);
	return rc;
}

static int read_lines(struct importing *im, FILE *from, struct error *e)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int rc = 0;
	while (rc == 0 && (len = getline(&text, &size, from)) > 0) {
		len -= text[len - 1] == '\n';
		size_t mark = im->number == 0 ? utf8_mark(text, (size_t)len) : 0;
		if (len > 0)
			rc = take_line(im, text + mark, (size_t)len - mark, e);
		else
			im->number++;
		if (im->number % STEP == 0)
			progress_set(&im->progress, im->number, 0, NULL);
	}
	free(text);
	if (rc == 0 && ferror(from))
		rc = error_set(e, -EIO, "cannot read %s: %s", im->name, strerror(errno));
	return rc;
}

static int import_from(struct importing *im, const struct cli *c, FILE *from,
		       struct import_counts *ret_counts, struct error *e)
{
	const struct config *config = &im->a->config;
	int rc = import_begin(im->a->path, config->sites, config->site_count,
			      &config->rules, &im->import, e);
	if (rc != 0)
		return rc;
	find_rows(im);
	rc = import_allow(im->import, (const char *const *)config->allow,
			  config->allow_count, archive_now(config), e);
	if (rc == 0) {
		progress_begin(&im->progress, c, "lines");
		rc = read_lines(im, from, e);
		progress_end(&im->progress);
	}
	if (rc == 0) {
		progress_begin(&im->progress, c, "walks judged");
		rc = import_end(im->import, archive_progress, &im->progress, ret_counts,
				e);
		progress_end(&im->progress);
	}
	import_free(im->import);
	free(im->rows);
	return rc;
}

int import_lines(const struct cli *c, struct archive *a, const char *file,
		 struct import_counts *ret_counts)
{
	struct error e;
	bool is_stdin = strcmp(file, "-") == 0;
	struct importing im = { .a = a, .name = is_stdin ? "standard input" : file };
	FILE *from = is_stdin ? stdin : fopen(file, "re");
	int rc = from ? 0
		      : error_cannot_read(&e, errno, file,
					  "A file that can be imported is what `fakemx "
					  "visits` or `fakemx feed` printed; - is "
					  "standard input",
					  NULL);
	if (rc == 0)
		rc = import_from(&im, c, from, ret_counts, &e);
	if (from && !is_stdin)
		(void)fclose(from); /* it was read only */
	return rc == 0 ? CLI_DONE : cli_fail(c, &e);
}
