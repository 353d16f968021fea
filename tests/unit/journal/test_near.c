/*
 * A list of many is told as each of them is told alone: what is read side by side hides
 * nothing that one by one would be found.
 */
#include "journal_case.h"

#include "journal/ask/ask.h"
#include "journal/take/take.h"

enum { LISTED = 12000 };
#define NOW (T0 + 10 * STAMP_DAY)

/* What may keep a sender off, one in so many. */
static uint64_t state = 0x9e3779b97f4a7c15;

static unsigned draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 11) % below;
}

static struct addr client(unsigned i)
{
	struct addr a = { { [10] = 0xff, [11] = 0xff, [12] = 30 } };
	unsigned n = i * 40;
	if (i % 8 == 0)
		a = (struct addr){ { 0x2a, 0x01 } };
	a.bytes[i % 8 ? 13 : 5] = (uint8_t)(n >> 16);
	a.bytes[i % 8 ? 14 : 6] = (uint8_t)(n >> 8);
	a.bytes[i % 8 ? 15 : 7] = (uint8_t)n;
	return a;
}

static void execute(struct db *db, const char *sql)
{
	if (sqlite3_exec(db_sqlite(db), sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db_sqlite(db)));
}

static void write_run(struct db *db, enum run_kind kind, struct addr a, int64_t began,
		      uint32_t visits, enum tier tier, uint64_t hash)
{
	struct error e;
	struct run r = { .kind = kind,
			 .group = 1,
			 .client = a,
			 .began = began,
			 .last = began,
			 .high = kind == RUN_DECOY ? began : MOMENT_NONE,
			 .low = MOMENT_NONE,
			 .accepted = kind == RUN_REAL && draw(2) ? began : MOMENT_NONE,
			 .clean = MOMENT_NONE,
			 .unjudged = MOMENT_NONE,
			 .visits = visits,
			 .depth = DEPTH_RCPT,
			 .envelopes = { hash },
			 .envelope_count = hash != 0,
			 .told = TOLD_NONE };
	if (kind == RUN_DECOY) {
		r.told.is_told = true;
		r.told.fate = FATE_STOPPED;
		r.told.tier = (uint8_t)tier;
	}
	ok(db_write_run(db, &r, &e), &e);
}

static void write_envelope(struct db *db, struct addr a, uint64_t hash, bool is_otherwise)
{
	char sql[400], hex[40];
	bool is_six = !addr_is_v4(a);
	for (size_t i = 0; i < sizeof(a.bytes); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", a.bytes[i]);
	(void)snprintf(
	    sql, sizeof(sql),
	    "INSERT INTO envelope(grp, hash, told%d, real%d, real%d_last, told_by) "
	    "VALUES (1, %lld, %lld, %lld, %lld, x'%s')",
	    is_six ? 6 : 4, is_six == is_otherwise ? 4 : 6,
	    is_six == is_otherwise ? 4 : 6, (long long)hash,
	    (long long)(NOW - 9 * STAMP_HOUR), (long long)(NOW - 9 * STAMP_HOUR),
	    (long long)(NOW - 9 * STAMP_HOUR), hex);
	execute(db, sql);
}

static void write_name(struct db *db, unsigned i, struct addr a)
{
	char name[64];
	struct error e;
	unsigned kind = draw(4);
	(void)snprintf(name, sizeof(name), "%s%u.isp.example",
		       kind == 3 ? "shared" : "own", kind == 3 ? draw(200) : i);
	sqlite3_stmt *s = db_statement(
	    db, "INSERT INTO name VALUES (?1, ?2, 'isp.example', ?3, ?4, 1)");
	db_bind_addr(s, 1, a);
	(void)sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int(s, 3, kind != 0);
	db_bind_moment(s, 4, kind == 1 ? MOMENT_NONE : NOW);
	ok(db_run(db, s, &e), &e);
}

static void write_listed(struct db *db, unsigned i)
{
	struct addr a = client(i), neighbour = a;
	int64_t since = NOW - 3 * STAMP_HOUR, first = since - 6 * STAMP_HOUR;
	uint64_t hash = 2 * i + 2;
	struct error e;
	enum tier tier = draw(40) ? TIER_NONE : TIER_WEAK;
	neighbour.bytes[15] ^= 1;
	write_run(db, RUN_DECOY, a, first, 1, tier, hash);
	write_run(db, RUN_DECOY, a, since - STAMP_HOUR, draw(60) ? 1 : 300, TIER_NONE, 0);
	if (draw(4))
		write_envelope(db, a, hash, draw(20) == 0);
	if (draw(30) == 0)
		write_run(db, draw(2) ? RUN_REAL : RUN_LATE, draw(2) ? a : neighbour,
			  NOW - draw(40) * STAMP_DAY, 1, TIER_NONE, 0);
	for (unsigned k = i % 3000 == 77 ? LOOKUP_MOST : 0; k > 0; k--)
		write_run(db, RUN_ASIDE, a, since - k * STAMP_MINUTE, 1, TIER_NONE, 0);
	if (draw(3) == 0)
		write_name(db, i, a);
	if (draw(50) == 0) {
		sqlite3_stmt *s =
		    db_statement(db, "INSERT INTO spf VALUES (?1, 'isp.example', ?2)");
		db_bind_addr(s, 1, a);
		(void)sqlite3_bind_int64(s, 2, first);
		ok(db_run(db, s, &e), &e);
	}
	sqlite3_stmt *s = db_statement(
	    db, "INSERT INTO listing(client, grp, since, until, first, at, why) "
		"VALUES (?1, 1, ?2, ?3, ?4, ?2, 0)");
	db_bind_addr(s, 1, a);
	(void)sqlite3_bind_int64(s, 2, since);
	(void)sqlite3_bind_int64(s, 3, since + STAMP_DAY);
	(void)sqlite3_bind_int64(s, 4, first);
	ok(db_run(db, s, &e), &e);
}

static void watch(struct db *db)
{
	static const char text[] = "site\t1\t1\thigh\thome\n"
				   "host\t1\treal\t-\t10\tmail\tlog\n"
				   "address\t5.9.1.1\t25\n"
				   "host\t2\tdecoy\tdefer\t30\tfake1\t\n"
				   "address\t5.9.1.3\t25\n"
				   "domain\texample.com\n";
	struct rules rules = rules_default();
	struct site site;
	struct take *take;
	struct error e;
	rules.enforce = rules.lab = true;
	ok(site_parse(text, &site, &e), &e);
	ok(sites_define(db, &site, 1, &rules, T0, false, &e), &e);
	site_release(&site);
	ok(take_new(db, &take, &e), &e);
	for (int64_t t = T0; t <= NOW; t += 10 * STAMP_MINUTE)
		for (uint16_t host = 1; host <= 2; host++) {
			struct line l = {
				.kind = LINE_WATERMARK, .host = host, .time = t, .seen = t
			};
			take_add(take, &l);
			l.kind = LINE_PROBE;
			l.is_ok = true;
			if (host == 1)
				take_add(take, &l);
		}
	ok(take_commit(take, &e), &e);
	take_free(take);
	/* Who makes more than half of them is a NAT. */
	execute(db,
		"INSERT INTO slot VALUES (2, 1796256000000000, 400, 0, 0, 0, 0, 0, 0, 0, "
		"0, 0)");
}

struct heard {
	struct addr at[LISTED];
	size_t count;
};

static int on_listed(void *arg, const struct listing *l)
{
	struct heard *t = arg;
	assert_true(l->is_listed);
	assert_true(t->count < LISTED);
	t->at[t->count++] = l->client;
	return 0;
}

/* allow: an entry of the allow list, or "". */
static void many_are_told_as_each_alone(struct journal_case *c, const char *allow)
{
	static struct heard told;
	struct error e;
	struct ask *a;
	size_t next = 0, off = 0, lone = 0;
	char sql[200];
	struct db *db = case_open(c, DB_WRITE);
	watch(db);
	ok(db_begin(db, &e), &e);
	for (unsigned i = 0; i < LISTED; i++)
		write_listed(db, i);
	(void)snprintf(sql, sizeof(sql), "INSERT INTO allow VALUES ('%s', '', 0, 0)",
		       allow);
	if (*allow)
		execute(db, sql);
	ok(db_commit(db, &e), &e);
	ok(ask_open(db, NOW, &a, &e), &e);
	told.count = 0;
	ok(ask_listed(a, false, on_listed, &told, &e), &e);
	for (unsigned i = 0; i < LISTED; i++) {
		unsigned at =
		    i < LISTED / 8 * 7 ? i / 7 * 8 + i % 7 + 1 : (i - LISTED / 8 * 7) * 8;
		struct listing l;
		ok(ask_listing(a, client(at), 1, &l, &e), &e);
		bool is_told = next < told.count && addr_equal(told.at[next], client(at));
		if (is_told != l.is_listed)
			fail_msg("sender %u: alone %s (%s), in the list %s", at,
				 l.is_listed ? "listed" : "not", reason_text(l.reason),
				 is_told ? "it is" : "it is not");
		next += is_told;
		off += !is_told;
		lone += is_told;
	}
	assert_int_equal(next, told.count);
	assert_true(off > LISTED / 20 && lone > LISTED / 2);
	ask_close(a);
	db_close(db);
}

static void a_list_of_many_is_each_of_them(void **state_)
{
	many_are_told_as_each_alone(*state_, "");
}

static void also_where_a_name_is_allowed(void **state_)
{
	many_are_told_as_each_alone(*state_, "isp.example");
}

static void also_where_a_network_is_allowed(void **state_)
{
	many_are_told_as_each_alone(*state_, "30.1.0.0/16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_list_of_many_is_each_of_them,
						case_setup, case_teardown),
		cmocka_unit_test_setup_teardown(also_where_a_name_is_allowed, case_setup,
						case_teardown),
		cmocka_unit_test_setup_teardown(also_where_a_network_is_allowed,
						case_setup, case_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
