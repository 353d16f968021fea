#include "journal_case.h"

#include "journal/take/coverage.h"

/* ---- lines of a story, and the spans that they become ---- */

enum {
	W,
	P,
	F,
	O,
	G,
	V,
	B
}; /* watermark, good probe, failed one, outage, gap, visits, bad */
#define S STAMP_SECOND
#define M STAMP_MINUTE
#define H STAMP_HOUR

struct step {
	int what;
	uint16_t host;
	int64_t from, to; /* after T0; of V and B: how many */
};

enum { STEPS = 24 };

struct story {
	const char *name;
	struct step steps[STEPS];
	const char *watched, *well; /* of the real host, seconds after T0 */
	int64_t frontier;           /* seconds after T0; -1 never */
	int asked_again;
};

static const struct story stories[] = {
	{ "the first watermark begins, the next ones go on",
	  { { W, REAL, 0, 0 }, { W, REAL, 0, 60 * S }, { W, REAL, 0, 90 * S } },
	  "0-90",
	  "0-90",
	  -1,
	  0 },
	{ "the frontier is that of the slowest host",
	  { { W, REAL, 0, 90 * S }, { W, HIGH, 0, 30 * S }, { W, LOW, 0, 60 * S } },
	  "",
	  "",
	  30,
	  0 },
	{ "a real host's last good probe is in the frontier",
	  { { W, REAL, 0, 0 },
	    { W, HIGH, 0, 300 * S },
	    { W, LOW, 0, 300 * S },
	    { P, REAL, 0, 60 * S },
	    { P, REAL, 0, 120 * S },
	    { F, REAL, 0, 180 * S },
	    { W, REAL, 0, 300 * S } },
	  "0-300",
	  "0-120",
	  120,
	  0 },
	{ "unwell from the last good probe to six hours after the next",
	  { { P, REAL, 0, 0 },
	    { P, REAL, 0, 60 * S },
	    { F, REAL, 0, 120 * S },
	    { F, REAL, 0, 180 * S },
	    { P, REAL, 0, 240 * S },
	    { P, REAL, 0, 300 * S },
	    { P, REAL, 0, 240 * S + 6 * H },
	    { P, REAL, 0, 300 * S + 6 * H } },
	  "",
	  "0-60 21840-21900",
	  -1,
	  0 },
	{ "three hours of outage are nothing to ask again",
	  { { P, REAL, 0, 60 * S },
	    { F, REAL, 0, 1 * H },
	    { F, REAL, 0, 2 * H },
	    { F, REAL, 0, 3 * H },
	    { W, REAL, 0, 3 * H },
	    { W, HIGH, 0, 3 * H },
	    { W, LOW, 0, 3 * H },
	    { P, REAL, 0, 4 * H } },
	  "",
	  "",
	  10800,
	  0 },
	{ "an outage that the log tells is as a failed probe of then",
	  { { P, REAL, 0, 0 },
	    { P, REAL, 0, 60 * S },
	    { P, REAL, 0, 120 * S },
	    { P, REAL, 0, 180 * S },
	    { O, REAL, 0, 90 * S },
	    { P, REAL, 0, 240 * S },
	    { P, REAL, 0, 180 * S + 6 * H } },
	  "",
	  "0-60 21720-21780",
	  -1,
	  0 },
	{ "an outage before the next probe came",
	  { { P, REAL, 0, 0 },
	    { P, REAL, 0, 60 * S },
	    { O, REAL, 0, 90 * S },
	    { P, REAL, 0, 120 * S },
	    { P, REAL, 0, 150 * S + 6 * H } },
	  "",
	  "0-60 21720-21750",
	  -1,
	  0 },
	{ "without probes it is well from the last visit before an outage no more",
	  { { W, REAL, 0, 0 },
	    { W, REAL, 0, 60 * M },
	    { V, REAL, 20 * M, 5 },
	    { O, REAL, 0, 60 * M },
	    { W, REAL, 0, 70 * M },
	    { W, REAL, 0, 8 * H } },
	  "0-28800",
	  "0-1200 25200-28800",
	  -1,
	  0 },
	{ "a gap is unwatched, and told up to its end",
	  { { W, REAL, 0, 0 },
	    { W, REAL, 0, 60 * S },
	    { G, REAL, -1, 120 * S },
	    { W, REAL, 0, 180 * S } },
	  "0-60 120-180",
	  "0-60 120-180",
	  -1,
	  0 },
	{ "a gap of the past takes away what was watched",
	  { { W, REAL, 0, 0 },
	    { W, HIGH, 0, 300 * S },
	    { W, LOW, 0, 300 * S },
	    { W, REAL, 0, 300 * S },
	    { G, REAL, 60 * S, 120 * S } },
	  "0-60 120-300",
	  "0-60 120-300",
	  300,
	  1 },
	{ "a feed's first word says since when",
	  { { G, REAL, -1, 120 * S }, { W, REAL, 0, 180 * S } },
	  "120-180",
	  "120-180",
	  -1,
	  0 },
	{ "four of twenty known ones sent away in ten minutes",
	  { { W, REAL, 0, 0 },
	    { V, REAL, 1 * H + 4 * M, 10 },
	    { V, REAL, 1 * H + 6 * M, 10 },
	    { B, REAL, 1 * H + 4 * M, 2 },
	    { B, REAL, 1 * H + 6 * M, 2 },
	    { W, HIGH, 0, 9 * H },
	    { W, LOW, 0, 9 * H },
	    { W, REAL, 0, 9 * H } },
	  "0-32400",
	  "0-3600 25800-32400",
	  32400,
	  0 },
	{ "three of twenty are no trouble",
	  { { W, REAL, 0, 0 },
	    { V, REAL, 1 * H, 20 },
	    { B, REAL, 1 * H, 3 },
	    { W, HIGH, 0, 9 * H },
	    { W, LOW, 0, 9 * H },
	    { W, REAL, 0, 9 * H } },
	  "0-32400",
	  "0-32400",
	  32400,
	  0 },
	{ "four of nineteen are too few",
	  { { W, REAL, 0, 0 },
	    { V, REAL, 1 * H, 19 },
	    { B, REAL, 1 * H, 4 },
	    { W, HIGH, 0, 9 * H },
	    { W, LOW, 0, 9 * H },
	    { W, REAL, 0, 9 * H } },
	  "0-32400",
	  "0-32400",
	  32400,
	  0 },
	{ "strangers may be sent away all day",
	  { { W, REAL, 0, 0 },
	    { V, REAL, 1 * H, 20 },
	    { B, REAL, 1 * H, -20 },
	    { W, HIGH, 0, 9 * H },
	    { W, LOW, 0, 9 * H },
	    { W, REAL, 0, 9 * H } },
	  "0-32400",
	  "0-32400",
	  32400,
	  0 },
};

/* Clients 192.0.2.0 to .99 had mail accepted a month ago; the others did not. */
static struct addr known(int64_t i)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "192.0.2.%d", (int)i);
	return address(text);
}

static void know_clients(struct db *db)
{
	struct error e = { 0, "" };
	for (int i = 0; i < 100; i++) {
		struct run r = { .kind = RUN_REAL,
				 .group = 1,
				 .client = known(i),
				 .began = T0 - 30 * STAMP_DAY,
				 .last = T0 - 30 * STAMP_DAY,
				 .high = MOMENT_NONE,
				 .low = MOMENT_NONE,
				 .accepted = T0 - 30 * STAMP_DAY,
				 .visits = 1 };
		ok(db_write_run(db, &r, &e), &e);
	}
}

static void take_step(struct db *db, struct coverage *c, const struct step *s)
{
	struct error e = { 0, "" };
	int64_t to = T0 + s->to;
	struct slot slot = { .host = s->host,
			     .five = slot_of(T0 + s->from),
			     .visits = (uint32_t)s->to };
	switch (s->what) {
	case W: ok(coverage_watermark(c, s->host, to, &e), &e); break;
	case P: ok(coverage_probe(c, s->host, to, true, &e), &e); break;
	case F: ok(coverage_probe(c, s->host, to, false, &e), &e); break;
	case O: ok(coverage_outage(c, s->host, to, &e), &e); break;
	case G:
		ok(coverage_gap(c, s->host, s->from < 0 ? 0 : T0 + s->from, to, &e), &e);
		break;
	case V: ok(slot_add(db, &slot, &e), &e); break;
	default:
		for (int64_t i = 0; i < s->to || i < -s->to; i++)
			ok(slot_refused(db, s->host, T0 + s->from,
					known(s->to < 0 ? 100 + i : i), &e),
			   &e);
	}
}

static const char *spans_text(const struct spans *s, char text[256])
{
	size_t n = 0;
	text[0] = '\0';
	for (size_t i = 0; i < s->count; i++)
		n += (size_t)snprintf(text + n, 256 - n, "%s%d-%d", i ? " " : "",
				      (int)((s->at[i].since - T0) / S),
				      (int)((s->at[i].until - T0) / S));
	return text;
}

static void tell(const struct story *story, const struct journal_case *file,
		 size_t commit_each)
{
	char text[256];
	struct error e = { 0, "" };
	struct db *db = case_open(file, DB_WRITE);
	define_example(db);
	know_clients(db);
	struct sites sites;
	ok(sites_load(db, &sites, &e), &e);
	struct coverage *c = coverage_new(db, &sites);
	for (size_t i = 0; i < STEPS; i++) {
		const struct step *s = &story->steps[i];
		if (s->host)
			take_step(db, c, s);
		if ((i + 1) % commit_each == 0 || i + 1 == STEPS)
			ok(coverage_move(c, T0 + i, &e), &e);
	}
	const struct view *v;
	ok(coverage_view(c, 1, 0, &v, &e), &e);
	const struct view_host *h = view_host(v, REAL);
	if (strcmp(spans_text(&h->watched, text), story->watched) != 0)
		fail_msg("%s: watched %s, want %s", story->name, text, story->watched);
	if (strcmp(spans_text(&h->well, text), story->well) != 0)
		fail_msg("%s: well %s, want %s", story->name, text, story->well);
	int64_t frontier = v->frontier == VIEW_NEVER ? -1 : (v->frontier - T0) / S;
	if (frontier != story->frontier)
		fail_msg("%s: frontier %d, want %d", story->name, (int)frontier,
			 (int)story->frontier);
	if (commit_each == 1 &&
	    strtol(asked(db, "SELECT resweep FROM grp"), NULL, 10) != story->asked_again)
		fail_msg("%s: asks %s times again", story->name,
			 asked(db, "SELECT resweep FROM grp"));
	coverage_free(c);
	sites_release(&sites);
	db_close(db);
}

static void spans_are_as_the_stories_say(void **state)
{
	static const size_t each[] = { 1, 7, STEPS };
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			struct journal_case *file = NULL;
			assert_int_equal(case_setup((void **)&file), 0);
			tell(&stories[i], file, each[k]);
			assert_int_equal(case_teardown((void **)&file), 0);
		}
	(void)state;
}

static void a_frontier_never_moves_back(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	define_example(db);
	struct sites sites;
	const struct view *v;
	ok(sites_load(db, &sites, &e), &e);
	struct coverage *c = coverage_new(db, &sites);
	for (uint16_t host = REAL; host <= LOW; host++)
		ok(coverage_watermark(c, host, T0, &e), &e);
	ok(coverage_move(c, T0, &e), &e);
	ok(coverage_probe(c, REAL, T0 + M, false, &e), &e); /* the first of all */
	for (uint16_t host = REAL; host <= LOW; host++)
		ok(coverage_watermark(c, host, T0 + H, &e), &e);
	ok(coverage_move(c, T0, &e), &e);
	ok(coverage_view(c, 1, 0, &v, &e), &e);
	assert_int_equal(v->frontier, T0);
	assert_true(view_host(v, REAL)->is_down);
	coverage_free(c);
	sites_release(&sites);
	db_close(db);
}

static void a_host_without_a_source_is_never_watched(void **state)
{
	static const struct host_row rows[] = {
		{ ROLE_REAL, 10, "mail", "198.51.100.25", true },
		{ ROLE_DECOY, 20, "high", "198.51.100.30", false },
	};
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct site s = a_site("a", rows, 2);
	struct sites sites;
	const struct view *v;
	define(db, &s, 1, T0 - STAMP_DAY);
	ok(sites_load(db, &sites, &e), &e);
	struct coverage *c = coverage_new(db, &sites);
	ok(coverage_watermark(c, 1, T0, &e), &e);
	ok(coverage_watermark(c, 1, T0 + M, &e), &e);
	ok(coverage_watermark(c, 2, T0 + H, &e), &e);
	ok(coverage_move(c, T0, &e), &e);
	ok(coverage_view(c, 1, T0 + 5, &v, &e), &e);
	assert_int_equal(view_host(v, 1)->watched.count, 0);
	assert_int_equal(v->frontier, T0 + H);
	assert_int_equal(v->now, T0 + 5);
	assert_true(coverage_told_until(c, 1) == VIEW_NEVER);
	coverage_free(c);
	sites_release(&sites);
	site_release(&s);
	db_close(db);
}

static void a_removed_host_is_unwatched_since_its_watermark(void **state)
{
	static const struct host_row rows[] = {
		{ ROLE_REAL, 10, "mail", "198.51.100.25", false },
		{ ROLE_REAL, 11, "mail2", "198.51.100.26", false },
	};
	char text[256];
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct site s = a_site("a", rows, 2);
	struct sites sites;
	const struct view *v;
	define(db, &s, 1, T0 - STAMP_DAY);
	ok(sites_load(db, &sites, &e), &e);
	struct coverage *c = coverage_new(db, &sites);
	for (int64_t t = 0; t <= 120; t += 60) {
		ok(coverage_watermark(c, 1, T0 + t * S, &e), &e);
		ok(coverage_watermark(c, 2, T0 + t * S, &e), &e);
	}
	ok(coverage_watermark(c, 1, T0 + 5 * H, &e), &e);
	ok(coverage_move(c, T0, &e), &e);
	site_release(&s);
	s = a_site("a", rows, 1);
	define(db, &s, 1, T0 + 4 * H);
	struct sites next;
	ok(sites_load(db, &next, &e), &e);
	coverage_sites(c, &next);
	ok(coverage_watermark(c, 2, T0 + 6 * H, &e), &e);
	ok(coverage_move(c, T0, &e), &e);
	ok(coverage_view(c, 1, T0, &v, &e), &e);
	assert_string_equal(spans_text(&view_host(v, 2)->watched, text), "0-120");
	assert_int_equal(view_host(v, 2)->until, T0 + 4 * H);
	assert_int_equal(v->frontier, T0 + 5 * H);
	assert_true(coverage_told_until(c, 2) == INT64_MAX); /* all is late */
	coverage_free(c);
	sites_release(&sites);
	sites_release(&next);
	site_release(&s);
	db_close(db);
}

/* Two sites name one machine: its log and its probes are told once. */
static void what_is_said_of_a_machine_is_said_of_all_its_hosts(void **state)
{
	static const struct host_row rows[][2] = {
		{ { ROLE_REAL, 10, "mail", "198.51.100.25", false },
		  { ROLE_DECOY, 20, "high", "198.51.100.30", false } },
		{ { ROLE_REAL, 10, "mx", "198.51.100.25", false },
		  { ROLE_DECOY, 20, "other", "198.51.100.31", false } },
	};
	char text[256];
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct site all[] = { a_site("a", rows[0], 2), a_site("b", rows[1], 2) };
	struct sites sites;
	const struct view *v;
	define(db, all, 2, T0 - STAMP_DAY);
	ok(sites_load(db, &sites, &e), &e);
	struct coverage *c = coverage_new(db, &sites);
	for (int64_t t = 0; t <= 120; t += 60) {
		ok(coverage_watermark(c, 1, T0 + t * S, &e), &e);
		ok(coverage_watermark(c, 2, T0 + t * S, &e), &e);
		ok(coverage_watermark(c, 4, T0 + t * S, &e), &e);
		ok(coverage_probe(c, 3, T0 + t * S, true, &e), &e);
	}
	ok(coverage_move(c, T0, &e), &e);
	ok(coverage_view(c, 1, T0, &v, &e), &e);
	assert_int_equal(v->host_count, 4);
	for (uint16_t host = 1; host <= 3; host += 2) {
		assert_string_equal(spans_text(&view_host(v, host)->watched, text),
				    "0-120");
		assert_string_equal(spans_text(&view_host(v, host)->well, text), "0-120");
		assert_true(view_host(v, host)->has_probes);
	}
	assert_int_equal(v->frontier, T0 + 120 * S);
	assert_int_equal(coverage_told_until(c, 3), T0 + 120 * S);
	coverage_free(c);
	sites_release(&sites);
	site_release(&all[0]);
	site_release(&all[1]);
	db_close(db);
}

static void another_process_sees_what_was_committed(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	define_example(db);
	struct db *reader = case_open(*state, DB_READ);
	struct sites sites;
	const struct view *v;
	ok(sites_load(db, &sites, &e), &e);
	struct coverage *c = coverage_new(db, &sites);
	struct coverage *r = coverage_new(reader, &sites);
	ok(coverage_view(r, 1, 0, &v, &e), &e);
	assert_true(v->frontier == VIEW_NEVER);
	for (uint16_t host = REAL; host <= LOW; host++)
		ok(coverage_watermark(c, host, T0, &e), &e);
	ok(coverage_move(c, T0 + 7, &e), &e);
	ok(coverage_view(r, 1, 0, &v, &e), &e);
	assert_int_equal(v->frontier, T0);
	assert_int_equal(v->now, T0 + 7);
	coverage_free(c);
	coverage_free(r);
	sites_release(&sites);
	db_close(reader);
	db_close(db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_as_the_stories_say),
		CASE(a_frontier_never_moves_back),
		CASE(a_host_without_a_source_is_never_watched),
		CASE(a_removed_host_is_unwatched_since_its_watermark),
		CASE(what_is_said_of_a_machine_is_said_of_all_its_hosts),
		CASE(another_process_sees_what_was_committed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
