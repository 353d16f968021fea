#include "outlet/web/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "outlet/explain.h"
#include "outlet/list.h"
#include "outlet/web/lists.h"
#include "outlet/web/question.h"
#include "outlet/web/reports.h"

enum {
	LIST_SECONDS = 30, /* for which a list may be kept by who asked */
	BODY_MAX = 1 << 30,
};

struct answerer {
	char *journal, *metrics;
	struct stamp_clock clock;
	struct reports *reports;
	struct lists *lists;
};

struct answerer *answerer_new(const struct answerer_options *options)
{
	struct answerer *w = xcalloc(1, sizeof(*w));
	w->journal = xstrdup(options->journal);
	w->metrics = xstrdup(options->metrics);
	w->clock = options->clock;
	w->reports = reports_new(w->journal, options->config->half, w->clock);
	w->lists = lists_new(w->journal, options->config, w->clock);
	return w;
}

void answerer_free(struct answerer *w)
{
	if (!w)
		return;
	lists_free(w->lists);
	reports_free(w->reports);
	free(w->journal);
	free(w->metrics);
	free(w);
}

void answer_release(struct answer *a)
{
	buf_release(&a->body);
}

/* ---- refusals ---- */

static const char *title_of(int status)
{
	switch (status) {
	case 303: return "The sender has a page of its own";
	case 400: return "This cannot be answered";
	case 403: return "Not known by that name";
	case 404: return "There is no such page";
	case 405: return "This page can only be read";
	case 413: return "Too much";
	default: return "Nothing can be told now";
	}
}

static void say(struct answer *a, int status, const char *sentence)
{
	buf_release(&a->body);
	a->body = (struct buf)BUF_INIT(BODY_MAX);
	a->status = status;
	a->type = "text/html; charset=utf-8";
	a->is_page = true;
	page_message(title_of(status), sentence, &a->body);
}

static void say_plain(struct answer *a, int status, const char *sentence)
{
	buf_clear(&a->body);
	a->status = status;
	a->type = "text/plain; charset=utf-8";
	a->is_page = false;
	buf_addf(&a->body, "%s\n", sentence);
}

/* ---- answers ---- */

static void report(struct answerer *w, const struct route *route, struct answer *a)
{
	struct error e;
	const struct report *r;
	struct page_live live = { .period = route->period, .site = route->name };
	if (reports_get(w->reports, route->period, &r, &e) != 0) {
		say(a, 503, e.text);
		return;
	}
	if (*route->name && !page_has_site(r, route->name))
		say(a, 404, "No site of that name was served in this period.");
	else
		page_write_live(r, &live, &a->body);
	reports_done(w->reports, r);
}

static void sender(const struct answerer *w, const struct route *route, struct answer *a)
{
	struct error e;
	struct explain x;
	struct question q;
	int rc = question_open(w->journal, w->clock, &q, &e);
	if (rc == 0)
		rc = explain_make(q.ask, q.db, route->client, &x, &e);
	if (rc != 0) {
		say(a, 503, e.text);
	} else {
		page_sender(&x, &a->body);
		explain_release(&x);
	}
	question_close(&q);
}

static void send_on(const struct route *route, struct answer *a)
{
	char text[ADDR_TEXT_MAX];
	say(a, 303, "Look there.");
	(void)snprintf(a->location, sizeof(a->location), "/sender/%s",
		       addr_text(route->client, text));
}

static void health(const struct answerer *w, struct answer *a)
{
	struct error e;
	struct question q;
	int rc = question_open(w->journal, w->clock, &q, &e);
	if (rc == 0)
		rc = question_is_fresh(&q, &e);
	if (rc != 0)
		say_plain(a, 503, e.text);
	else
		say_plain(a, 200, "The journal can be read, and is being written to.");
	question_close(&q);
}

static int read_file(const char *path, struct buf *out)
{
	char part[16384];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(out, part, (size_t)n);
	int rc = n < 0 ? -errno : 0;
	(void)close(fd); /* only read */
	return rc;
}

static void metrics(const struct answerer *w, struct answer *a)
{
	char sentence[ROUTE_TEXT_MAX];
	a->type = "text/plain; version=0.0.4; charset=utf-8";
	a->is_page = false;
	int rc = read_file(w->metrics, &a->body);
	if (rc == 0)
		return;
	(void)snprintf(sentence, sizeof(sentence),
		       "`fakemx serve` writes the metrics into %s, and that file cannot "
		       "be read (%s): serve makes it when the configuration has a web "
		       "section.",
		       w->metrics, strerror(-rc));
	say_plain(a, 503, sentence);
}

static void list(struct answerer *w, const struct route *route, struct answer *a)
{
	char sentence[ROUTE_TEXT_MAX];
	struct lists_text text;
	if (!lists_get(w->lists, route->name, &text, &a->body)) {
		(void)snprintf(
		    sentence, sizeof(sentence),
		    "There is no list format '%.100s'; there are " LIST_FORMAT_NAMES ".",
		    route->name);
		say(a, 404, sentence);
		return;
	}
	a->type = text.type;
	a->is_page = false;
	a->modified = text.modified;
	a->seconds = LIST_SECONDS;
}

/* Of equal bytes the same, also after a restart. */
static void add_etag(struct answer *a)
{
	static const struct hash_key key = { 0x66616b656d782d77, 0x65622d6574616773 };
	uint64_t hash = hash_keyed(&key, buf_text(&a->body), a->body.len);
	(void)snprintf(a->etag, sizeof(a->etag), "\"%016" PRIx64 "\"", hash);
}

void answer_make(struct answerer *w, const struct route *route, struct answer *ret)
{
	struct answer *a = ret;
	*a = (struct answer){ .status = route->status,
			      .type = "text/html; charset=utf-8",
			      .is_page = true,
			      .body = BUF_INIT(BODY_MAX) };
	switch (route->kind) {
	case ROUTE_NOTHING: say(a, route->status, route->sentence); break;
	case ROUTE_REPORT: report(w, route, a); break;
	case ROUTE_SENDER: sender(w, route, a); break;
	case ROUTE_SEND_ON: send_on(route, a); break;
	case ROUTE_LIST: list(w, route, a); break;
	case ROUTE_METRICS: metrics(w, a); break;
	case ROUTE_HEALTH: health(w, a); break;
	}
	if (buf_failed(&a->body))
		say(a, 503,
		    "The page would be too large: `fakemx report --json` has all "
		    "of it.");
	if (a->status == 200)
		add_etag(a);
}
