/*
 * take_case - lines for tests of take, and what they became
 */
#ifndef FMX_TESTS_UNIT_TAKE_CASE_H
#define FMX_TESTS_UNIT_TAKE_CASE_H

#include "journal/take/take.h"
#include "journal_case.h"

static inline struct line a_visit(uint16_t host, const char *client, int64_t time)
{
	return (struct line){
		.kind = LINE_VISIT,
		.visit = { .client = address(client),
			   .host = host,
			   .depth = DEPTH_RCPT,
			   .outcome = host == REAL ? OUTCOME_DEFERRED : OUTCOME_NONE,
			   .precision_us = 1,
			   .time = time,
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "example.example",
			   .name = "" },
	};
}

static inline struct line a_word(enum line_kind kind, uint16_t host, int64_t since,
				 int64_t time)
{
	return (struct line){
		.kind = kind, .host = host, .since = since, .time = time, .is_ok = true
	};
}

static inline struct take *a_take(struct db *db)
{
	struct error e = { 0, "" };
	struct take *t = NULL;
	ok(take_new(db, &t, &e), &e);
	return t;
}

static inline void give(struct take *t, struct line l, int64_t seen)
{
	struct error e = { 0, "" };
	l.seen = seen;
	take_add(t, &l);
	ok(take_commit(t, &e), &e);
}

/* Everything that the lines say: rows, but for numbers of visits and what was told. */
static inline char *facts_of(struct db *db)
{
	static const char *const tables[] = {
		"SELECT kind, grp, hex(client), began, width, earlier, answered, last, "
		"high, "
		"high_width, low, low_width, accepted, clean, unjudged, rcpt_hours, "
		"hex(envelopes), half_hours, hosts, visits, depth FROM run ORDER BY "
		"1,2,3,4",
		"SELECT grp, hash, told4, told6, real4, real6, real4_last, real6_last, "
		"accepted FROM envelope WHERE told4 OR told6 ORDER BY 1, 2",
		"SELECT * FROM slot ORDER BY 1, 2",
		"SELECT host, five, hex(client), count FROM refusal ORDER BY 1, 2, 3",
		"SELECT * FROM span ORDER BY 1, 2, 3, 4",
		"SELECT id, told, probed, probe_ok, good, unwell_until, judged, tells "
		"FROM "
		"host ORDER BY 1",
		"SELECT id, frontier FROM grp ORDER BY 1",
		"SELECT host, time, ok FROM probe ORDER BY 1, 2",
		"SELECT time, hex(client), host, depth, outcome, late, ours, spam, "
		"ended, "
		"hex(envelopes) FROM visit ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
		"SELECT hex(client), name, domain, generic, confirmed_at FROM name",
	};
	struct buf out = BUF_INIT(256 * 1024 * 1024);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		sqlite3_stmt *s = NULL;
		if (sqlite3_prepare_v2(db_sqlite(db), tables[i], -1, &s, NULL) !=
		    SQLITE_OK)
			fail_msg("%s: %s", tables[i], sqlite3_errmsg(db_sqlite(db)));
		buf_addf(&out, "table %zu\n", i);
		while (sqlite3_step(s) == SQLITE_ROW) {
			for (int c = 0; c < sqlite3_column_count(s); c++) {
				const unsigned char *text = sqlite3_column_text(s, c);
				buf_addf(&out, "%s ", text ? (const char *)text : "-");
			}
			buf_adds(&out, "\n");
		}
		assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
	}
	return buf_take(&out);
}

static inline void assert_same_facts(const char *got, const char *want, const char *what)
{
	const char *line = want;
	if (strcmp(got, want) == 0)
		return;
	size_t at = 0;
	for (; got[at] && got[at] == want[at]; at++)
		if (want[at] == '\n')
			line = want + at + 1;
	fail_msg("%s: got %.200s\nwant %.200s", what, got + (line - want), line);
}

#endif
