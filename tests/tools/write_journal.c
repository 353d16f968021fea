/*
 * write_journal - lines into a journal, for tests from outside
 *
 * Use: write_journal FILE < LINES. A line is an object: "kind" is site, start, rules,
 * visit, watermark, gap (since), health, name, allow, mx (domain, is_ok: ours among its
 * hosts) or compared (zone, answer 0 no, 1 yes, 2 not known); "time" and "seen" (seconds
 * since 1970, seen is time unless given); and what else there is of it, addresses as
 * text, hosts and sites by number. They go the way of serve's: through take, and due
 * looks at them after each hour of `seen`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "journal/ask/due.h"
#include "journal/take/take.h"
#include "journal/upkeep/upkeep.h"

#define STEP STAMP_HOUR

struct writing {
	struct db *db;
	struct take *take;
	struct due *due;
	struct rules rules;
	struct site site;
	int64_t seen, stepped;
};

static void fail(const char *what, const char *line)
{
	(void)fprintf(stderr, "write_journal: %s: %s\n", what, line);
	exit(1);
}

static void check(int rc, const struct error *e, const char *line)
{
	if (rc < 0)
		fail(e->text, line);
}

static int64_t moment(const json_t *o, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(o, key);
	return value ? (int64_t)(json_number_value(value) * (double)STAMP_SECOND)
		     : otherwise;
}

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));
	return value ? value : "";
}

static bool is_kind(const json_t *o, const char *kind)
{
	return strcmp(text(o, "kind"), kind) == 0;
}

static bool flag(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static uint16_t id(const json_t *o, const char *key)
{
	return (uint16_t)json_integer_value(json_object_get(o, key));
}

static enum spam spam_of(const json_t *o)
{
	const json_t *spam = json_object_get(o, "is_spam");
	return !spam ? SPAM_UNKNOWN : json_is_true(spam) ? SPAM_YES : SPAM_NO;
}

static void fill_visit(const json_t *o, struct visit *v, const char *line)
{
	v->time = moment(o, "time", 0);
	v->site = id(o, "site");
	v->host = id(o, "host");
	v->spam = spam_of(o);
	v->precision_us =
	    (uint32_t)json_integer_value(json_object_get(o, "precision_us"));
	v->precision_us = v->precision_us ? v->precision_us : 1;
	v->answered = moment(o, "answered", 0);
	v->ended = moment(o, "ended", 0);
	v->helo = text(o, "helo");
	v->mail_from = text(o, "mail_from");
	v->recipient_domain = text(o, "recipient_domain");
	v->name = text(o, "name");
	const json_t *to = json_object_get(o, "envelopes");
	for (size_t i = 0; i < json_array_size(to); i++)
		visit_add_envelope(
		    v, envelope_hash(v->mail_from,
				     json_string_value(json_array_get(to, i))));
	if (!addr_parse(text(o, "client"), &v->client) ||
	    !depth_parse(text(o, "depth"), &v->depth) ||
	    !visit_source_parse(text(o, "source"), &v->source) ||
	    (text(o, "outcome")[0] && !outcome_parse(text(o, "outcome"), &v->outcome)))
		fail("visit", line);
}

static void define(struct writing *w, const json_t *o, bool is_started, const char *line)
{
	struct error e;
	int64_t time = moment(o, "time", 0);
	if (!is_started) {
		site_release(&w->site);
		if (site_parse(text(o, "text"), &w->site, &e) != 0)
			fail(e.text, line);
		(void)site_set_places(&w->site); /* as in a configuration */
		for (size_t i = 0; i < w->site.host_count; i++)
			w->site.hosts[i].id = 0;
		w->site.id = 0;
	}
	check(take_commit(w->take, &e), &e, line);
	check(sites_define(w->db, &w->site, w->site.host_count > 0, &w->rules, time,
			   is_started, &e),
	      &e, line);
	check(take_sites(w->take, &e), &e, line);
}

static void add_name(struct writing *w, const json_t *o, struct line *l, const char *line)
{
	struct name_fact *n = &l->name;
	l->kind = LINE_NAME;
	if (!addr_parse(text(o, "client"), &n->client))
		fail("name", line);
	n->is_confirmed = flag(o, "is_confirmed");
	n->is_generic = flag(o, "is_generic");
	(void)str_copy(n->name, sizeof(n->name), text(o, "name"));
	(void)str_copy(n->domain, sizeof(n->domain), text(o, "domain"));
	l->client = n->client;
	take_add(w->take, l);
	if (!flag(o, "spf_passes"))
		return;
	l->kind = LINE_SPF;
	l->text = n->domain;
	take_add(w->take, l);
}

/* What serve asked the DNS. */
static void add_asked(struct writing *w, const json_t *o, struct line *l,
		      const char *line)
{
	bool is_mx = is_kind(o, "mx");
	l->kind = is_mx ? LINE_MX : LINE_COMPARED;
	l->host = id(o, "site");
	l->is_ok = flag(o, "is_ok");
	l->answer = (enum compared)id(o, "answer");
	l->text = text(o, is_mx ? "domain" : "zone");
	l->position = l->is_ok ? "10 mail, 30 fake1" : "10 mail";
	if (!is_mx && !addr_parse(text(o, "client"), &l->client))
		fail("compared", line);
	take_add(w->take, l);
}

static void add_allow(struct writing *w, const json_t *o, const char *line)
{
	struct error e;
	check(take_commit(w->take, &e), &e, line);
	check(allow_set(w->db, text(o, "text"), text(o, "note"), flag(o, "is_ok"), false,
			moment(o, "time", 0), &e),
	      &e, line);
}

static void add(struct writing *w, const json_t *o, const char *line)
{
	struct error e;
	struct line l = { .time = moment(o, "time", 0), .host = id(o, "host") };
	l.seen = w->seen = moment(o, "seen", l.time);
	if (is_kind(o, "site") || is_kind(o, "start")) {
		define(w, o, is_kind(o, "start"), line);
	} else if (is_kind(o, "rules")) {
		check(rules_parse(text(o, "text"), &w->rules, &e), &e, line);
	} else if (is_kind(o, "visit")) {
		l.kind = LINE_VISIT;
		fill_visit(o, &l.visit, line);
		l.client = l.visit.client;
		take_add(w->take, &l);
	} else if (is_kind(o, "watermark")) {
		l.kind = LINE_WATERMARK;
		take_add(w->take, &l);
	} else if (is_kind(o, "gap")) {
		l.kind = LINE_GAP;
		l.since = moment(o, "since", 0);
		take_add(w->take, &l);
	} else if (is_kind(o, "health")) {
		l.kind = LINE_PROBE;
		l.is_ok = flag(o, "is_ok");
		take_add(w->take, &l);
	} else if (is_kind(o, "name")) {
		add_name(w, o, &l, line);
	} else if (is_kind(o, "mx") || is_kind(o, "compared")) {
		add_asked(w, o, &l, line);
	} else if (is_kind(o, "allow")) {
		add_allow(w, o, line);
	} else {
		fail("kind", line);
	}
}

static void settle(struct writing *w, const char *name)
{
	struct error e;
	check(take_commit(w->take, &e), &e, name);
	check(due_all(w->due, w->seen, &e), &e, name);
	w->stepped = w->seen;
}

int main(int argc, char **argv)
{
	struct writing w = { .rules = rules_default() };
	struct error e;
	char *line = NULL;
	size_t size = 0;

	if (argc != 2)
		fail("use", "write_journal FILE < LINES");
	check(db_open(argv[1], DB_WRITE, &w.db, &e), &e, argv[1]);
	check(take_new(w.db, &w.take, &e), &e, argv[1]);
	w.due = due_new(w.db, take_coverage(w.take), &(struct due_sink){ .arg = NULL });
	while (getline(&line, &size, stdin) > 0) {
		json_t *o = json_loads(line, 0, NULL);
		if (!o)
			fail("not JSON", line);
		add(&w, o, line);
		json_decref(o);
		if (w.seen - w.stepped >= STEP ||
		    take_counts(w.take).pending >= TAKE_BATCH)
			settle(&w, argv[1]);
	}
	settle(&w, argv[1]);
	free(line);
	site_release(&w.site);
	due_free(w.due);
	take_free(w.take);
	db_close(w.db);
	return 0;
}
