/*
 * write_journal - appends records to a journal, for tests from outside
 *
 * Use: write_journal FILE < RECORDS. A record is a line of JSON: "kind" is the
 * name of a kind (record.h); "time" and "seen" (seconds since 1970, seen is
 * time unless given); and the fields of the record and its visit or name as
 * they are called there, addresses as text. Committed in batches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/stamp.h"
#include "old/journal.h"

enum { BATCH = 10000 };

static void fail(const char *what, const char *line)
{
	(void)fprintf(stderr, "write_journal: %s: %s\n", what, line);
	exit(1);
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

static bool flag(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static uint16_t id(const json_t *o, const char *key)
{
	return (uint16_t)json_integer_value(json_object_get(o, key));
}

static void fill_visit(const json_t *o, struct visit *v, const char *line)
{
	v->site = id(o, "site");
	v->host = id(o, "host");
	v->spam = flag(o, "is_spam") ? SPAM_YES : SPAM_UNKNOWN;
	v->precision_us =
	    (uint32_t)json_integer_value(json_object_get(o, "precision_us"));
	v->precision_us = v->precision_us ? v->precision_us : 1;
	v->answered = moment(o, "answered", 0);
	v->ended = moment(o, "ended", 0);
	v->helo = text(o, "helo");
	v->mail_from = text(o, "mail_from");
	v->recipient_domain = text(o, "recipient_domain");
	v->name = text(o, "name");
	if (!addr_parse(text(o, "client"), &v->client) ||
	    !depth_parse(text(o, "depth"), &v->depth) ||
	    !visit_source_parse(text(o, "source"), &v->source) ||
	    (text(o, "outcome")[0] && !outcome_parse(text(o, "outcome"), &v->outcome)))
		fail("visit", line);
}

static void fill_name(const json_t *o, struct record_name *n, const char *line)
{
	n->is_confirmed = flag(o, "is_confirmed");
	n->is_generic = flag(o, "is_generic");
	n->spf_passes = flag(o, "spf_passes");
	n->name = text(o, "name");
	n->domain = text(o, "domain");
	if (!addr_parse(text(o, "client"), &n->client))
		fail("name", line);
}

static enum record_kind kind_of(const json_t *o, const char *line)
{
	for (int kind = RECORD_START; kind <= RECORD_UNSITE; kind++)
		if (strcmp(record_kind_name((enum record_kind)kind), text(o, "kind")) ==
		    0)
			return (enum record_kind)kind;
	fail("kind", line);
	return RECORD_START;
}

static void add(struct journal *j, const json_t *o, const char *line)
{
	struct record r = { .kind = kind_of(o, line) };
	r.time = r.visit.time = moment(o, "time", 0);
	r.seen = moment(o, "seen", r.time);
	r.is_ok = flag(o, "is_ok");
	r.text = text(o, "text");
	r.note = text(o, "note");
	if (r.kind == RECORD_VISIT) {
		fill_visit(o, &r.visit, line);
	} else if (r.kind == RECORD_NAME) {
		fill_name(o, &r.name, line);
	} else {
		r.site = id(o, "site");
		r.host = id(o, "host");
	}
	if (journal_append(j, &r) != 0)
		fail("too many", line);
}

int main(int argc, char **argv)
{
	struct journal *j;
	struct error e;
	char *line = NULL;
	size_t size = 0;

	if (argc != 2)
		fail("use", "write_journal FILE < RECORDS");
	if (journal_open(argv[1], JOURNAL_WRITE, &j, &e) != 0)
		fail(argv[1], e.text);
	for (size_t n = 1; getline(&line, &size, stdin) > 0; n++) {
		json_t *o = json_loads(line, 0, NULL);
		if (!o)
			fail("not JSON", line);
		add(j, o, line);
		json_decref(o);
		if (n % BATCH == 0 && journal_commit(j, NULL, NULL, &e) != 0)
			fail(argv[1], e.text);
	}
	free(line);
	if (journal_commit(j, NULL, NULL, &e) != 0)
		fail(argv[1], e.text);
	journal_close(j);
	return 0;
}
