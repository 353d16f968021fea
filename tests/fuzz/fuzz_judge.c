/*
 * The input is a history: the first byte picks a site, each four of the others are a line
 * that one of its hosts tells. It is told to a journal three times: whole, without its
 * knocks, without what was told late. No bytes may hurt; a knock accuses nobody and
 * changes no contact; a late line only softens.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "../oracle/fresh.h"
#include "journal/ask/ask.h"
#include "journal/ask/due.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 64 };
enum part { WHOLE, WITHOUT_KNOCKS, WITHOUT_LATE };

struct said {
	struct verdict walks[2 * LINES];
	enum run_kind kinds[2 * LINES];
	size_t count;
	struct listing listings[LINES];
	size_t listing_count;
};

/* ---- bytes to lines ---- */

static void read_visit(struct history *h, const uint8_t *at, struct line *l)
{
	static const int64_t before[] = { 0, 0, STAMP_SECOND, 45 * STAMP_MINUTE };
	static const int64_t lasts[] = { 0, STAMP_SECOND, 130 * STAMP_SECOND,
					 50 * STAMP_MINUTE };
	const struct host *x = &h->hosts[at[2] % h->host_count];
	bool is_real = x->role == ROLE_REAL;
	l->visit = (struct visit){
		.client = history_client(at[1] % HISTORY_CLIENTS),
		.site = h->site.id,
		.host = x->id,
		.source = is_real ? VISIT_SOURCE_FEED : VISIT_SOURCE_DECOY,
		.precision_us = is_real ? 1000000 : 1,
		.earlier_us = is_real && at[3] & 0x80 ? 3000000 : 0,
		.time = l->time - before[at[1] >> 6],
		.depth = (enum depth)(at[2] / 8 % 6),
		.helo = "",
		.mail_from = "",
		.recipient_domain = at[3] & 1 ? ORACLE_DOMAIN : "",
		.name = "",
	};
	struct visit *v = &l->visit;
	l->time = v->time;
	int64_t last = lasts[at[3] / 2 % 4];
	v->ended = last ? v->time + last : 0;
	if (is_real && v->depth == DEPTH_KNOCK)
		v->depth = DEPTH_CONNECT;
	if (is_real) {
		v->outcome = (enum outcome)(OUTCOME_ACCEPTED + at[3] / 8 % 4);
		v->spam = (enum spam)(at[1] / 8 % 3);
	}
	if (v->depth >= DEPTH_RCPT && at[3] & 0x40)
		visit_add_envelope(v, ORACLE_ENVELOPE + at[2] % 3);
}

static void read_line(struct history *h, const uint8_t *at)
{
	static const int64_t steps[] = { 0,
					 STAMP_SECOND / 2,
					 7 * STAMP_SECOND,
					 61 * STAMP_SECOND,
					 31 * STAMP_MINUTE,
					 3 * STAMP_HOUR,
					 25 * STAMP_HOUR,
					 0 };
	static const enum line_kind kinds[] = { LINE_VISIT, LINE_VISIT,  LINE_VISIT,
						LINE_VISIT, LINE_VISIT,  LINE_WATERMARK,
						LINE_PROBE, LINE_OUTAGE, LINE_GAP,
						LINE_LOST };
	size_t kind = at[0] / 8U;
	h->now += steps[at[0] % 8];
	if (kind >= 16) {
		history_tell_all(h);
		return;
	}
	struct line *l = &h->lines[h->count++];
	*l = (struct line){ .kind = kinds[kind % 10],
			    .host = h->hosts[at[2] % h->host_count].id,
			    .time = h->now,
			    .seen = h->now,
			    .is_ok = at[3] & 1 };
	l->since = l->time - (at[1] + 1) * STAMP_MINUTE;
	if (l->kind == LINE_VISIT)
		read_visit(h, at, l);
}

static void read_history(struct history *h, const uint8_t *data, size_t size)
{
	h->now += STAMP_MINUTE;
	history_tell_all(h);
	h->now += 2 * STAMP_DAY;
	for (size_t i = 1; i + 4 <= size && h->count < LINES; i += 4)
		read_line(h, data + i);
	h->now += STAMP_HOUR;
	history_tell_all(h);
}

/* ---- one telling ---- */

static bool is_told(const struct history *h, size_t i, enum part part)
{
	const struct line *l = &h->lines[i];
	if (l->kind != LINE_VISIT)
		return true;
	if (part == WITHOUT_KNOCKS)
		return l->visit.depth != DEPTH_KNOCK;
	return part == WHOLE ||
	       l->visit.time >= oracle_told_until(h->lines, i, l->visit.host);
}

static int on_walk(void *arg, const struct ask_walk *w)
{
	struct said *s = arg;
	s->kinds[s->count] = w->walk->main.kind;
	s->walks[s->count++] = w->verdict;
	return 0;
}

static int on_listing(void *arg, const struct listing *l)
{
	struct said *s = arg;
	s->listings[s->listing_count++] = *l;
	return 0;
}

static void say(struct history *h, struct db *db, enum part part, struct said *ret)
{
	struct error e;
	struct take *t;
	struct ask *a;
	struct ask_stream all = {
		.since = INT64_MIN, .until = INT64_MAX, .walk = on_walk, .arg = ret
	};
	*ret = (struct said){ .count = 0 };
	fresh_must(take_new(db, &t, &e), &e);
	struct due *d = due_new(db, take_coverage(t), NULL);
	for (size_t i = 0; i < h->count; i++)
		if (is_told(h, i, part))
			take_add(t, &h->lines[i]);
	fresh_must(take_commit(t, &e), &e);
	fresh_must(due_all(d, h->now, &e), &e);
	fresh_must(ask_open(db, h->now, &a, &e), &e);
	fresh_must(ask_walks(a, h->site.id, &all, &e), &e);
	fresh_must(ask_listed(a, true, on_listing, ret, &e), &e);
	ask_close(a);
	due_free(d);
	take_free(t);
}

/* ---- what must hold ---- */

/* Whatever `more` accuses a walk of, it is accused of without the lines in question, if
 * anything is said of it yet: a knock may be the low visit that is waited for. */
static bool is_softer(const struct verdict *more, const struct verdict *less)
{
	if (less->order_reason == REASON_UNDECIDED)
		return true;
	return (more->order != ORDER_BACKDOOR || less->order == ORDER_BACKDOOR) &&
	       (more->order != ORDER_SKIPPED || less->order == ORDER_SKIPPED) &&
	       (more->fate != FATE_STOPPED || less->fate == FATE_STOPPED) &&
	       (!more->missing || less->missing);
}

static bool has_walk(const struct said *s, const struct verdict *v, enum run_kind kind,
		     bool (*fits)(const struct verdict *, const struct verdict *))
{
	for (size_t i = 0; i < s->count; i++)
		if (addr_equal(s->walks[i].client, v->client) && s->kinds[i] == kind &&
		    s->walks[i].began == v->began)
			return fits(v, &s->walks[i]);
	return false;
}

static bool has_listing(const struct said *s, const struct listing *l)
{
	for (size_t i = 0; i < s->listing_count; i++)
		if (s->listings[i].since == l->since &&
		    addr_equal(s->listings[i].client, l->client))
			return true;
	return false;
}

static void show(const char *what, const struct verdict *v)
{
	char client[ADDR_TEXT_MAX];
	(void)printf("  %s: %s began %.1f: %s, %s (%s)%s\n", what,
		     addr_text(v->client, client),
		     (double)(v->began - HISTORY_BEGIN) / 1e6, order_name(v->order),
		     fate_name(v->fate), reason_text(v->fate_reason),
		     v->missing ? ", missing" : "");
	(void)fflush(stdout);
}

static void expect_softer(const struct history *h, const char *what,
			  const struct said *more, const struct said *less)
{
	assert(more->count == less->count);
	for (size_t i = 0; i < more->count; i++) {
		bool is_so = has_walk(less, &more->walks[i], more->kinds[i], is_softer);
		if (!is_so) {
			history_print(h);
			show("was said", &more->walks[i]);
			for (size_t k = 0; k < less->count; k++)
				show(what, &less->walks[k]);
		}
		assert(is_so);
	}
	for (size_t i = 0; i < more->listing_count; i++)
		assert(has_listing(less, &more->listings[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct said said[3];
	static struct history h;
	if (size == 0)
		return 0;
	for (enum part part = WHOLE; part <= WITHOUT_LATE; part++) {
		history_site(&h, data[0]);
		struct db *db = fresh_journal(&h);
		read_history(&h, data, size);
		say(&h, db, part, &said[part]);
	}
	expect_softer(&h, "without knocks", &said[WHOLE], &said[WITHOUT_KNOCKS]);
	expect_softer(&h, "without late lines", &said[WHOLE], &said[WITHOUT_LATE]);
	return 0;
}
