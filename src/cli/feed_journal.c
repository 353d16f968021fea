#include "cli/feed_journal.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "cli/archive.h"
#include "outlet/visits.h"

enum { POLL_US = 200000, LINE_MAX_BYTES = 64 * 1024 };

struct sending {
	const struct cli *c;
	struct visits_log *v;
	struct archive archive;
	struct ask_visits which;
	uint16_t group;
	struct buf line;
};

static void print_line(struct sending *s)
{
	buf_adds(&s->line, "\n");
	(void)fwrite(buf_text(&s->line), 1, s->line.len, s->v->out);
	buf_clear(&s->line);
}

static int on_visit(void *arg, const struct ask_visit *v)
{
	struct sending *s = arg;
	struct visits_host host;
	s->which.after = v->id;
	visits_line(&v->visit,
		    visits_host_of(ask_sites(s->archive.ask), v->visit.host, &host),
		    v->seen, &s->line);
	print_line(s);
	return ferror(s->v->out);
}

/* What this machine's serve hears from another one must not go back there. */
static int check_own(const struct sending *s)
{
	const struct config *c = &s->archive.config;
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			const struct host *h = &c->sites[i].hosts[k];
			if (strcasecmp(h->name, s->v->host) != 0)
				continue;
			if (h->role != ROLE_REAL && h->is_elsewhere)
				return cli_usage(s->c,
						 "by the configuration another machine "
						 "is %s and sends what came to it; on "
						 "that machine the file has the line "
						 "here = \"%s\"",
						 h->name, h->name);
			if (host_watches(h, "stream"))
				return cli_usage(s->c,
						 "the configuration takes %s from the "
						 "stream; send what its mail log says "
						 "(--maillog WHERE)",
						 h->name);
		}
	}
	return CLI_DONE;
}

static int find_host(struct sending *s)
{
	const struct sites *all = ask_sites(s->archive.ask);
	for (size_t i = 0; i < all->host_count; i++) {
		const struct host *h = sites_host_of(all, all->hosts[i].host);
		if (!h || strcasecmp(h->name, s->v->host) != 0)
			continue;
		s->which.host = h->id;
		s->group = all->hosts[i].group;
		return CLI_DONE;
	}
	return cli_usage(s->c, "the journal knows no host '%s'", s->v->host);
}

static void print_gap(struct sending *s, int64_t from, int64_t to)
{
	visits_gap(from, to, s->v->host, &s->line);
	print_line(s);
}

/* What the journal saw of the host since `told`, after its visits. */
static void print_coverage(struct sending *s, const struct view_host *h)
{
	int64_t told = s->v->told;
	for (size_t i = 0; i < h->lost.count; i++) {
		const struct span *lost = &h->lost.at[i];
		if (lost->until > told)
			print_gap(s, lost->since > told ? lost->since : told,
				  lost->until);
	}
	for (size_t i = 0; i < h->watched.count; i++) {
		const struct span *watched = &h->watched.at[i];
		if (watched->until <= s->v->told)
			continue;
		if (watched->since > s->v->told)
			print_gap(s, s->v->told, watched->since);
		s->v->told = watched->until;
	}
	if (s->v->told == told)
		return;
	visits_watermark(s->v->told, archive_now(&s->archive.config), s->v->host,
			 &s->line);
	print_line(s);
}

/* Visits and how far they are complete, of one moment. */
static int tell_moment(struct sending *s, struct error *e)
{
	const struct view *view;
	int rc = ask_begin(s->archive.ask, e);
	if (rc < 0)
		return rc;
	rc = ask_visits(s->archive.ask, &s->which, on_visit, s, e);
	if (rc == 0)
		rc = ask_view(s->archive.ask, s->group, &view, e);
	const struct view_host *h = rc == 0 ? view_host(view, s->which.host) : NULL;
	if (h)
		print_coverage(s, h);
	ask_end(s->archive.ask);
	return rc;
}

static int go_on(struct sending *s, struct error *e)
{
	int rc = tell_moment(s, e);
	while (rc == 0 && fflush(s->v->out) == 0) {
		(void)usleep(POLL_US);
		ask_close(s->archive.ask);
		s->archive.ask = NULL;
		rc = ask_open(s->archive.db, s->archive.now, &s->archive.ask, e);
		if (rc == 0)
			rc = tell_moment(s, e);
	}
	return rc;
}

int feed_journal_follow(const struct cli *c, struct visits_log *v)
{
	struct sending s = { .c = c,
			     .v = v,
			     .which = { .since = v->span.since, .until = STAMP_NEVER },
			     .line = BUF_INIT(LINE_MAX_BYTES) };
	struct error e;
	int code = archive_open(&s.archive, c, DB_READ);
	if (code != CLI_DONE)
		return code;
	code = check_own(&s);
	if (code == CLI_DONE)
		code = find_host(&s);
	if (code == CLI_DONE) {
		v->told = v->span.since;
		visits_mark(VISITS_SINCE, v->complete ? v->complete : v->span.since,
			    v->host, &s.line);
		print_line(&s);
		if (go_on(&s, &e) < 0)
			code = cli_fail(c, &e);
	}
	buf_release(&s.line);
	archive_close(&s.archive);
	return code;
}
