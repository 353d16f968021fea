/*
 * The rules that must hold (DESIGN section 3), each over thousands of random
 * histories. FMX_SEED chooses the first seed; a failure names its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "history.h"
#include "world.h"

enum { HISTORIES = 1500, LENGTH = 240 };

static uint64_t first_seed = 1;

/* What was ever said of each client, and the lines of it all. */
struct told {
	struct judge *judge;
	struct buf log;
	bool is_quiet; /* keep no lines */
	/* by client and walk: the latest */
	struct verdict last[HISTORY_CLIENTS][64];
	unsigned walks[HISTORY_CLIENTS];
	int64_t first_told[HISTORY_CLIENTS][64];
	bool ever_backdoor[HISTORY_CLIENTS];
	bool was_listed[HISTORY_CLIENTS];
	bool was_backdoor[HISTORY_CLIENTS], was_stopped[HISTORY_CLIENTS]; /* forgotten */
	unsigned listed_now, wrong;
	const char *why;
};

static unsigned number_of(struct addr a)
{
	for (unsigned i = 0; i < HISTORY_CLIENTS; i++)
		if (addr_equal(history_client(i), a))
			return i;
	fail();
	return 0;
}

static void complain(struct told *t, const char *why)
{
	t->wrong++;
	t->why = why;
}

static bool is_decided(const struct verdict *v)
{
	return v->order_reason != REASON_UNDECIDED &&
	       v->order_reason != REASON_KNOCKS_ONLY &&
	       v->order_reason != REASON_LOW_ONLY &&
	       v->order_reason != REASON_CONTROL_ONLY && v->order_reason != REASON_LATE;
}

/* Rules about what follows what. */
static void check_step(struct told *t, const struct verdict *old, const struct verdict *v)
{
	bool is_accusation = v->order == ORDER_BACKDOOR && old->order != ORDER_BACKDOOR;
	if (v->at < old->at)
		complain(t, "time went back");
	if (is_accusation && is_decided(old))
		complain(t, "a decided order became an accusation");
	if (old->fate == FATE_REACHED && v->fate != FATE_REACHED)
		complain(t, "who came has not come");
	if (old->fate == FATE_STOPPED && v->fate != FATE_STOPPED && !v->revised)
		complain(t, "a correction without its mark");
	if (old->fate == FATE_STOPPED && v->fate == FATE_STOPPED && v->tier < old->tier)
		complain(t, "who may have been good may no longer have been");
	if (old->is_final && v->fate == FATE_STOPPED && !v->is_final)
		complain(t, "final, and then not");
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct told *t = arg;
	unsigned n = number_of(v->client);
	struct verdict *last = &t->last[n][v->walk % 64];
	if (last->walk == v->walk && last->began && last->site == v->site &&
	    last->at != v->at)
		check_step(t, last, v);
	if (v->delay_us < -1 || (v->tier != TIER_NONE && v->fate != FATE_STOPPED))
		complain(t, "an impossible verdict");
	*last = *v;
	if (v->walk > t->walks[n])
		t->first_told[n][v->walk % 64] = v->at;
	t->walks[n] = v->walk > t->walks[n] ? v->walk : t->walks[n];
	t->ever_backdoor[n] |= v->order == ORDER_BACKDOOR;
	if (t->is_quiet)
		return;
	buf_addf(&t->log, "%u %u %u %lld %lld %s %d %s %d %d %d %d %d %d %s %lld %lld\n",
		 n, v->site, v->walk, (long long)v->began, (long long)v->at,
		 order_name(v->order), v->order_reason, fate_name(v->fate),
		 v->fate_reason, v->is_final, v->revised, v->returned_later,
		 v->only_knocked, v->only_control, tier_name(v->tier),
		 (long long)v->delay_us, (long long)v->delay_error_us);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct told *t = arg;
	unsigned n = number_of(l->client);
	t->was_listed[n] |= l->is_listed;
	t->listed_now += l->is_listed;
	if (!t->is_quiet)
		buf_addf(&t->log, "listing %u %u %d %d %u %lld %lld\n", n, l->site,
			 l->is_listed, l->reason, l->counted_visits, (long long)l->at,
			 (long long)l->until);
}

static void told_init(struct told *t)
{
	*t = (struct told){ .log = BUF_INIT(64 << 20) };
	t->judge = judge_new(on_verdict, on_listing, t);
}

static void told_release(struct told *t)
{
	judge_free(t->judge);
	buf_release(&t->log);
}

static bool has_order(const struct told *t, unsigned client, enum order order)
{
	for (unsigned w = 0; w < 64; w++)
		if (t->last[client][w].began && t->last[client][w].order == order)
			return true;
	return false;
}

static bool has_fate(const struct told *t, unsigned client, enum fate fate)
{
	for (unsigned w = 0; w < 64; w++)
		if (t->last[client][w].began && t->last[client][w].fate == fate)
			return true;
	return false;
}

/* Walks are counted from 1 again. */
static void forget(struct told *t)
{
	for (unsigned c = 0; c < HISTORY_CLIENTS; c++) {
		t->was_backdoor[c] |= has_order(t, c, ORDER_BACKDOOR);
		t->was_stopped[c] |= has_fate(t, c, FATE_STOPPED);
	}
	memset(t->last, 0, sizeof(t->last));
}

static void feed(struct told *t, const struct record *r)
{
	struct error e;
	if (judge_feed(t->judge, r, &e) != 0 && r->kind != RECORD_VISIT)
		fail_msg("%s", e.text);
	if (r->kind == RECORD_FORGET)
		forget(t);
}

static void feed_all(struct told *t, const struct history *h, size_t from)
{
	for (size_t i = from; i < h->count; i++)
		feed(t, &h->records[i]);
}

static void check_same(const struct told *a, const struct told *b, uint64_t seed,
		       const char *what)
{
	const char *x = buf_text(&a->log), *y = buf_text(&b->log);
	if (strcmp(x, y) == 0)
		return;
	while (*x == *y) {
		x++;
		y++;
	}
	fail_msg("seed %llu: %s: \"%.80s\" is not \"%.80s\"", (unsigned long long)seed,
		 what, x, y);
}

typedef void (*property_fn)(uint64_t seed);

static void for_each_seed(property_fn property)
{
	for (uint64_t i = 0; i < HISTORIES; i++)
		property(first_seed + i);
}

/* Live asks what became due whenever it likes; a replay never does. */
static void replay_equals_live(uint64_t seed)
{
	struct history h;
	struct told live, replay;
	history_make(&h, seed, LENGTH);
	told_init(&live);
	told_init(&replay);
	feed_all(&replay, &h, 0);
	for (size_t i = 0; i < h.count; i++) {
		int64_t now = i ? h.records[i - 1].seen : h.records[i].seen;
		int64_t span = h.records[i].seen - now;
		while (i && span > 0 && history_random(&h, 3) != 0) {
			int64_t step = (int64_t)history_random(&h, (uint64_t)span + 1);
			now += step;
			span -= step;
			judge_advance(live.judge, now);
		}
		feed(&live, &h.records[i]);
	}
	check_same(&live, &replay, seed, "live and replay differ");
	for (int64_t t = h.now; t < h.now + 12 * STAMP_DAY; t += 5 * STAMP_HOUR)
		judge_advance(live.judge, t);
	judge_advance(replay.judge, h.now + 12 * STAMP_DAY);
	judge_advance(live.judge, h.now + 12 * STAMP_DAY);
	check_same(&live, &replay, seed, "live and replay differ in the end");
	if (live.wrong)
		fail_msg("seed %llu: %s", (unsigned long long)seed, live.why);
	told_release(&live);
	told_release(&replay);
	history_release(&h);
}

static void replay_gives_the_verdicts_that_were_given_live(void **state)
{
	(void)state;
	for_each_seed(replay_equals_live);
}

static void save_then_load(uint64_t seed)
{
	struct history h;
	struct told whole, rest;
	struct buf bytes = BUF_INIT(64 << 20), other = BUF_INIT(64 << 20);
	struct error e = { .text = "" };
	history_make(&h, seed, LENGTH);
	told_init(&whole);
	told_init(&rest);
	size_t cut = history_random(&h, h.count);
	for (size_t i = 0; i < cut; i++)
		feed(&whole, &h.records[i]);
	judge_save(whole.judge, &bytes);
	buf_clear(&whole.log);
	if (judge_load(rest.judge, bytes.data, bytes.len, &e) != 0)
		fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
	feed_all(&whole, &h, cut);
	feed_all(&rest, &h, cut);
	check_same(&whole, &rest, seed, "a loaded judge goes on differently");
	buf_clear(&bytes);
	judge_save(whole.judge, &bytes);
	judge_save(rest.judge, &other);
	assert_int_equal(bytes.len, other.len);
	assert_memory_equal(bytes.data, other.data, bytes.len);
	buf_release(&bytes);
	buf_release(&other);
	told_release(&whole);
	told_release(&rest);
	history_release(&h);
}

static void what_is_saved_goes_on_as_if_it_had_not_been(void **state)
{
	(void)state;
	for_each_seed(save_then_load);
}

static bool is_same_letter(const struct visit *a, const struct visit *b)
{
	return a->mail_from[0] && a->recipient_domain[0] && a->depth >= DEPTH_RCPT &&
	       b->depth >= DEPTH_RCPT && strcasecmp(a->mail_from, b->mail_from) == 0 &&
	       strcmp(a->recipient_domain, b->recipient_domain) == 0 &&
	       addr_is_v4(a->client) != addr_is_v4(b->client);
}

/* Did the client name the letter of this contact at a decoy of the first site, at
 * most a day away? Nothing that anybody asked to be forgotten counts. */
static bool is_twin(const struct history *h, const struct record *contact,
		    unsigned client)
{
	bool found = false;
	for (size_t i = 0; i < h->count; i++) {
		const struct record *r = &h->records[i];
		int64_t apart = r->time - contact->time;
		if (r->kind == RECORD_FORGET || r->kind == RECORD_SITE ||
		    r->kind == RECORD_UNSITE)
			found = found && i < 3; /* groups and pools are others now */
		if (r->kind == RECORD_VISIT &&
		    (r->visit.host == HOST_LOW || r->visit.host == HOST_HIGH) &&
		    addr_equal(r->visit.client, history_client(client)) &&
		    is_same_letter(&r->visit, &contact->visit) &&
		    (apart < 0 ? -apart : apart) < STAMP_DAY)
			found = true;
	}
	return found;
}

/* What the records told by then say themselves of one moment, by the book and slowly. */
static const char *excuse_of(const struct history *h, unsigned client, int64_t moment,
			     bool is_stop, int64_t told)
{
	int64_t until = is_stop ? INT64_MAX : moment + STAMP_MINUTE;
	for (size_t i = 0; i < h->count && h->records[i].seen <= told; i++) {
		const struct record *r = &h->records[i];
		const struct visit *v = &r->visit;
		bool is_real = r->kind == RECORD_VISIT && v->depth > DEPTH_KNOCK &&
			       (v->host == HOST_MAIL || v->host == HOST_BACKUP);
		if (is_real && addr_equal(v->client, history_client(client)) &&
		    v->time >= moment - (is_stop ? 0 : STAMP_DAY) && v->time <= until)
			return "it met a real host";
		if (is_real && history_same_pool(number_of(v->client), client) &&
		    !addr_equal(v->client, history_client(client)) &&
		    v->time >= moment - STAMP_DAY && v->time <= until && !is_stop)
			return "its pool met a real host";
		if (is_real && v->time >= moment - STAMP_DAY && v->time <= until &&
		    !is_stop && is_twin(h, r, client))
			return "the same letter came to a real host over the other "
			       "family";
		bool is_ours = r->host == HOST_MAIL || r->host == HOST_BACKUP;
		if (r->kind == RECORD_HEALTH && !r->is_ok && is_ours &&
		    moment >= r->time - STAMP_MINUTE &&
		    moment <= r->time + 6 * STAMP_HOUR)
			return "a real host failed its probe";
		if (r->kind == RECORD_START && moment >= r->time &&
		    moment <= r->time + STAMP_MINUTE)
			return "it was the grace after a start";
	}
	return NULL;
}

static bool may_forget(const struct record *r, unsigned client)
{
	struct addr a;
	return r->kind == RECORD_FORGET &&
	       (!addr_parse(r->text, &a) || addr_equal(a, history_client(client)));
}

/* The visit that the verdict's accusation is about: the walk's first contact in
 * time with the high decoy, or for `stopped` with any decoy. INT64_MAX: it cannot be
 * told, since some were forgotten. */
static int64_t moment_of(const struct history *h, unsigned client,
			 const struct verdict *v, bool is_stop)
{
	int64_t first = INT64_MAX, marks[WORLD_HOSTS] = { 0 };
	for (size_t i = 0; i < h->count; i++) {
		const struct record *r = &h->records[i];
		const struct visit *visit = &r->visit;
		if (may_forget(r, client) && v->began < r->seen)
			return INT64_MAX;
		if (r->kind == RECORD_WATERMARK && r->time > marks[r->host])
			marks[r->host] = r->time;
		if (r->kind != RECORD_VISIT || visit->depth == DEPTH_KNOCK ||
		    !addr_equal(visit->client, history_client(client)) ||
		    r->time < v->began || r->time < marks[visit->host])
			continue;
		bool is_it =
		    visit->host == HOST_HIGH || (is_stop && visit->host == HOST_LOW);
		first = is_it && r->time < first ? r->time : first;
	}
	return first;
}

/* What excuses the accusation; NULL. Once final, `stopped` stays. */
static const char *by_the_book(const struct history *h, unsigned client,
			       const struct verdict *v, bool is_stop)
{
	int64_t moment = moment_of(h, client, v, is_stop);
	int64_t told = is_stop && v->is_final ? v->at : INT64_MAX;
	return moment == INT64_MAX ? NULL : excuse_of(h, client, moment, is_stop, told);
}

/* The history with a record more, which was seen then. */
struct added {
	const struct history *history;
	int64_t seen;
	bool is_contact; /* with a real host */
};

/*
 * Is a walk that had begun when the record came held worse after than anything was
 * before? What begins later is judged on its own; nothing_excuses() looks after
 * that. So is what comes after a contact with a real host that ended a walk of
 * decoys only, which went on for days without it.
 *
 * Runs of contacts may grow over a gap (run_extend()), and excuse what lay in it. A
 * contact that begins a new run ends that: who was accused before as well is then
 * no longer excused by what never was. The book says if it was.
 */
static const char *worse(const struct told *before, const struct told *after, unsigned c,
			 const struct added *added)
{
	for (unsigned w = 0; w < 64; w++) {
		const struct verdict *v = &after->last[c][w];
		bool is_own = added->is_contact && after->first_told[c][w] > added->seen;
		if (!v->began || v->began > added->seen || is_own)
			continue;
		if (v->order == ORDER_BACKDOOR && !before->was_backdoor[c] &&
		    !has_order(before, c, ORDER_BACKDOOR) &&
		    (!before->ever_backdoor[c] ||
		     by_the_book(added->history, c, v, false)))
			return "backdoor";
		if (v->fate == FATE_STOPPED && !before->was_stopped[c] &&
		    !has_fate(before, c, FATE_STOPPED))
			return "stopped";
	}
	return after->was_listed[c] && !before->was_listed[c] ? "listed" : NULL;
}

static void compare(const struct history *h, const struct added *added, uint64_t seed,
		    unsigned exempt)
{
	struct told before, after;
	told_init(&before);
	told_init(&after);
	feed_all(&before, h, 0);
	feed_all(&after, added->history, 0);
	judge_advance(before.judge, h->now + 6 * STAMP_DAY);
	judge_advance(after.judge, h->now + 6 * STAMP_DAY);
	for (unsigned c = 0; c < HISTORY_CLIENTS; c++) {
		const char *how = c == exempt ? NULL : worse(&before, &after, c, added);
		if (how)
			fail_msg("seed %llu: client %u is now %s",
				 (unsigned long long)seed, c, how);
	}
	told_release(&before);
	told_release(&after);
}

/* Knocks with one client's address: whoever sends them, they change nothing
 * for anybody else. */
static void knocks_forged(uint64_t seed)
{
	struct history h, more;
	history_make(&h, seed, LENGTH);
	history_make(&more, seed, LENGTH);
	unsigned forged = (unsigned)history_random(&more, HISTORY_CLIENTS);
	for (unsigned i = 0; i < 12; i++) {
		size_t at = 8 + history_random(&more, more.count - 8);
		struct record r = history_visit(&more, more.records[at - 1].seen);
		r.visit.depth = DEPTH_KNOCK;
		r.visit.client = history_client(forged);
		history_insert(&more, at, r);
	}
	compare(&h, &(struct added){ &more, INT64_MAX, false }, seed, forged);
	history_release(&h);
	history_release(&more);
}

/* One client only ever knocks: nothing is held against it. */
static void only_knocks(uint64_t seed)
{
	struct history h;
	struct told t;
	history_make(&h, seed, LENGTH);
	unsigned c = (unsigned)history_random(&h, HISTORY_CLIENTS);
	for (size_t i = 0; i < h.count; i++)
		if (h.records[i].kind == RECORD_VISIT &&
		    addr_equal(h.records[i].visit.client, history_client(c)))
			h.records[i].visit.depth = DEPTH_KNOCK;
	told_init(&t);
	feed_all(&t, &h, 0);
	judge_advance(t.judge, h.now + 6 * STAMP_DAY);
	if (has_order(&t, c, ORDER_BACKDOOR) || has_fate(&t, c, FATE_STOPPED) ||
	    t.was_listed[c])
		fail_msg("seed %llu: client %u only knocked", (unsigned long long)seed,
			 c);
	told_release(&t);
	history_release(&h);
}

static void a_knock_never_accuses(void **state)
{
	(void)state;
	for_each_seed(only_knocks);
	for_each_seed(knocks_forged);
}

static int64_t mark_before(const struct history *h, size_t at, uint16_t host)
{
	int64_t mark = 0;
	for (size_t i = 0; i < at; i++)
		if (h->records[i].kind == RECORD_WATERMARK &&
		    h->records[i].host == host && h->records[i].time > mark)
			mark = h->records[i].time;
	return mark;
}

/* One visit is added that its source reports after it had called everything
 * until then complete. */
static void late_added(uint64_t seed)
{
	struct history h, more;
	history_make(&h, seed, LENGTH);
	history_make(&more, seed, LENGTH);
	size_t at = 8 + history_random(&more, more.count - 8);
	int64_t seen = more.records[at - 1].seen;
	struct record r = history_visit(
	    &more, seen - (int64_t)history_random(&more, 90000) * STAMP_SECOND);
	int64_t mark = mark_before(&more, at, r.visit.host);
	if (r.time >= mark)
		r.time = r.visit.time = mark - STAMP_SECOND;
	history_insert(&more, at, r);
	bool is_contact = r.visit.depth > DEPTH_KNOCK &&
			  (r.visit.host == HOST_MAIL || r.visit.host == HOST_BACKUP);
	compare(&h, &(struct added){ &more, seen, is_contact }, seed, HISTORY_CLIENTS);
	history_release(&h);
	history_release(&more);
}

static void a_late_record_only_softens(void **state)
{
	(void)state;
	for_each_seed(late_added);
}

static void nothing_excuses(uint64_t seed)
{
	struct history h;
	struct told t;
	history_make(&h, seed, LENGTH);
	told_init(&t);
	feed_all(&t, &h, 0);
	for (unsigned c = 0; c < HISTORY_CLIENTS; c++)
		for (unsigned w = 0; w < 64; w++) {
			const struct verdict *v = &t.last[c][w];
			const char *why = NULL;
			if (v->began && v->order == ORDER_BACKDOOR)
				why = by_the_book(&h, c, v, false);
			if (v->began && v->fate == FATE_STOPPED && !why)
				why = by_the_book(&h, c, v, true);
			if (why)
				fail_msg(
				    "seed %llu: client %u walk %u is accused, but %s",
				    (unsigned long long)seed, c, v->walk, why);
		}
	told_release(&t);
	history_release(&h);
}

static void what_is_down_deferring_or_unwatched_excuses(void **state)
{
	(void)state;
	for_each_seed(nothing_excuses);
}

static void count_listed(void *arg, const struct listing *l)
{
	(void)l;
	(*(unsigned *)arg)++;
}

static unsigned ever_listed, ever_accused, ever_stopped;

static void listing_ends(uint64_t seed)
{
	struct history h;
	struct told t;
	unsigned left = 0;
	history_make(&h, seed, LENGTH);
	told_init(&t);
	feed_all(&t, &h, 0);
	ever_listed += t.listed_now;
	for (unsigned c = 0; c < HISTORY_CLIENTS; c++) {
		ever_accused += has_order(&t, c, ORDER_BACKDOOR);
		ever_stopped += has_fate(&t, c, FATE_STOPPED);
	}
	judge_advance(t.judge, h.now + 7 * STAMP_DAY);
	judge_each_listed(t.judge, count_listed, &left);
	if (left || judge_counts(t.judge).listed)
		fail_msg("seed %llu: %u are still listed", (unsigned long long)seed,
			 left);
	/* and with nothing happening, nothing is left to do */
	judge_advance(t.judge, h.now + 200 * STAMP_DAY);
	if (judge_counts(t.judge).senders || judge_next(t.judge) != STAMP_NEVER)
		fail_msg("seed %llu: senders are remembered for ever",
			 (unsigned long long)seed);
	told_release(&t);
	history_release(&h);
}

/* The counts show that the histories are worth their time: without accusations
 * none of these properties could fail. */
static void nothing_is_listed_for_ever(void **state)
{
	(void)state;
	for_each_seed(listing_ends);
	print_message("accused %u, stopped %u, listed %u times\n", ever_accused,
		      ever_stopped, ever_listed);
	assert_true(ever_accused > HISTORIES / 4);
	assert_true(ever_stopped > HISTORIES / 10);
	assert_true(ever_listed > HISTORIES / 50);
}

static void with_little_room(uint64_t seed)
{
	struct history h;
	struct told t;
	struct rules rules = rules_default();
	struct buf text = BUF_INIT(4096);
	history_make(&h, seed, LENGTH);
	rules.max_senders = 4;
	rules_text(&rules, &text);
	for (size_t i = 0; i < h.count; i++)
		if (h.records[i].kind == RECORD_RULES)
			h.records[i].text = buf_text(&text);
	told_init(&t);
	for (size_t i = 0; i < h.count; i++) {
		feed(&t, &h.records[i]);
		struct judge_counts c = judge_counts(t.judge);
		if (c.senders > 4 || c.walks_open > 9 * c.senders)
			fail_msg("seed %llu: %llu senders", (unsigned long long)seed,
				 (unsigned long long)c.senders);
	}
	buf_release(&text);
	told_release(&t);
	history_release(&h);
}

static void state_is_bounded(void **state)
{
	(void)state;
	for_each_seed(with_little_room);
}

int main(void)
{
	const char *seed = getenv("FMX_SEED");
	if (seed)
		first_seed = strtoull(seed, NULL, 10);
	print_message("seeds %llu to %llu\n", (unsigned long long)first_seed,
		      (unsigned long long)first_seed + HISTORIES - 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay_gives_the_verdicts_that_were_given_live),
		cmocka_unit_test(what_is_saved_goes_on_as_if_it_had_not_been),
		cmocka_unit_test(a_knock_never_accuses),
		cmocka_unit_test(a_late_record_only_softens),
		cmocka_unit_test(what_is_down_deferring_or_unwatched_excuses),
		cmocka_unit_test(nothing_is_listed_for_ever),
		cmocka_unit_test(state_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
