/* Names of clients against a name server of our own, on the same loop. */
#include "source/name/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dns/name.h"
#include "name_rig.h"

/* ---- the world of one test ---- */

enum { HEARD_MAX = 64 };

struct heard {
	char client[ADDR_TEXT_MAX], name[NAME_TEXT_MAX], domain[NAME_TEXT_MAX];
	bool is_confirmed, is_generic;
	bool is_spf; /* not a name, but that SPF passes for the domain */
};

struct world {
	uv_loop_t loop;
	struct name_rig server;
	struct names *names;
	struct names_options options;
	volatile int64_t offset;
	struct heard heard[HEARD_MAX];
	size_t heard_count;
	unsigned troubles, ends;
	struct addr known; /* in an earlier run, at known_at */
	int64_t known_at;
};

static void on_learnt(void *arg, const struct name_fact *n)
{
	struct world *w = arg;
	struct heard *h = &w->heard[w->heard_count++ % HEARD_MAX];
	(void)addr_text(n->client, h->client);
	assert_true(str_copy(h->name, sizeof(h->name), n->name));
	assert_true(str_copy(h->domain, sizeof(h->domain), n->domain));
	h->is_confirmed = n->is_confirmed;
	h->is_generic = n->is_generic;
	h->is_spf = false;
}

static int64_t when_known(void *arg, struct addr client)
{
	struct world *w = arg;
	return addr_equal(client, w->known) ? w->known_at : 0;
}

static void on_passed(void *arg, struct addr client, const char *domain)
{
	struct world *w = arg;
	struct heard *h = &w->heard[w->heard_count++ % HEARD_MAX];
	*h = (struct heard){ .is_spf = true };
	(void)addr_text(client, h->client);
	assert_true(str_copy(h->domain, sizeof(h->domain), domain));
}

static void on_trouble(void *arg, bool is_over, const char *sentence)
{
	struct world *w = arg;
	assert_true(*sentence);
	*(is_over ? &w->ends : &w->troubles) += 1;
}

static void set_up(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	name_rig_open(&w->server, &w->loop);
	struct names_sink sink = { on_learnt, when_known, on_passed, on_trouble, w };
	w->names = names_new(&w->loop, (struct stamp_clock){ &w->offset }, &sink);
	w->options = (struct names_options){ .is_on = true,
					     .has_resolver = true,
					     .port = w->server.port };
	assert_true(addr_parse("127.0.0.1", &w->options.resolver));
	names_apply(w->names, &w->options);
}

static void tear_down(struct world *w)
{
	names_stop(w->names);
	name_rig_close(&w->server);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	names_free(w->names);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void settle(struct world *w)
{
	for (;;) {
		struct names_counts c = names_counts(w->names);
		if (c.open + c.waiting == 0)
			return;
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	}
}

static void visit_from(struct world *w, const char *client, enum depth depth,
		       const char *from)
{
	struct visit v = { .depth = depth,
			   .helo = "",
			   .mail_from = from,
			   .recipient_domain = "",
			   .name = "" };
	assert_true(addr_parse(client, &v.client));
	names_visit(w->names, &v, true);
}

static void visit(struct world *w, const char *client, enum depth depth)
{
	visit_from(w, client, depth, "");
}

/* ---- tests ---- */

static const struct {
	const char *client;
	const char *name; /* NULL: nothing is said */
	const char *domain;
	bool is_confirmed, is_generic;
} lookup_rows[] = {
	{ "10.0.2.1", "good.example.com", "example.com", true, false },
	{ "10.0.2.2", "host-10-0-2-2.isp.example", "isp.example", true, true },
	{ "10.0.2.3", "liar.example.com", "", false, false },
	{ "10.0.2.4", "nowhere.example.com", "", false, false },
	{ "10.0.2.5", "b.example.com", "example.com", true, false },
	{ "10.0.2.6", "mixed.example.co.uk", "example.co.uk", true, false },
	{ "10.0.2.7", NULL, "", false, false },
	{ "10.0.2.8", "", "", false, false },
	{ "10.0.2.9", "", "", false, false },
	{ "10.0.2.10", "", "", false, false },
	{ "10.0.2.11", "", "", false, false },
	{ "10.0.2.12", "", "", false, false },
	{ "10.0.2.13", "", "", false, false },
	{ "10.0.2.14", NULL, "", false, false },
	{ "10.0.2.99", "", "", false, false },
	{ "10.1.0.1", "n0.many.example", "", false, false },
	{ "fd00::1", "six.example.com", "example.com", true, false },
	{ "fd00::2", "", "", false, false },
};

static void a_name_counts_if_it_leads_back(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	for (size_t i = 0; i < sizeof(lookup_rows) / sizeof(lookup_rows[0]); i++) {
		size_t before = w.heard_count;
		const char *client = lookup_rows[i].client, *name = lookup_rows[i].name;
		visit(&w, client, DEPTH_CONNECT);
		assert_int_equal(w.heard_count, before);
		settle(&w);
		const struct heard *h = &w.heard[before];
		if (w.heard_count != before + (name != NULL))
			fail_msg("%s: got %zu records", client, w.heard_count - before);
		if (name &&
		    (strcmp(h->client, client) != 0 || strcmp(h->name, name) != 0 ||
		     strcmp(h->domain, lookup_rows[i].domain) != 0 ||
		     h->is_confirmed != lookup_rows[i].is_confirmed ||
		     h->is_generic != lookup_rows[i].is_generic))
			fail_msg("%s: got %s of %s%s%s", client, h->name, h->domain,
				 h->is_confirmed ? ", confirmed" : "",
				 h->is_generic ? ", generic" : "");
	}
	tear_down(&w);
}

static void a_client_is_asked_about_once_a_day(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	visit(&w, "10.0.2.1", DEPTH_RCPT); /* while the first is under way */
	settle(&w);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	w.offset += NAMES_FRESH - STAMP_MINUTE;
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(w.heard_count, 1);
	w.offset += 2 * STAMP_MINUTE;
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(w.heard_count, 2);
	assert_int_equal(names_counts(w.names).asked, 2);
	tear_down(&w);
}

static void what_dns_did_not_answer_is_asked_again_in_an_hour(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	visit(&w, "10.0.2.14", DEPTH_CONNECT);
	settle(&w);
	w.offset += NAMES_RETRY - STAMP_MINUTE;
	visit(&w, "10.0.2.14", DEPTH_CONNECT);
	assert_int_equal(names_counts(w.names).asked, 1);
	w.offset += 2 * STAMP_MINUTE;
	visit(&w, "10.0.2.14", DEPTH_CONNECT);
	settle(&w);
	struct names_counts c = names_counts(w.names);
	assert_int_equal(c.asked, 2);
	assert_int_equal(c.failed, 2);
	assert_int_equal(w.heard_count, 0);
	tear_down(&w);
}

static void knocks_and_addresses_of_nobody_ask_nothing(void **state)
{
	(void)state;
	static const char *const not_public[] = { "10.0.2.1", "127.0.0.1",   "192.0.2.1",
						  "fd00::1",  "2001:db8::1", "fe80::1" };
	struct world w;
	set_up(&w);
	visit(&w, "10.0.2.1", DEPTH_KNOCK);
	w.options.has_resolver = false;
	names_apply(w.names, &w.options);
	for (size_t i = 0; i < sizeof(not_public) / sizeof(not_public[0]); i++)
		visit(&w, not_public[i], DEPTH_RCPT);
	w.options = (struct names_options){ .is_on = false };
	names_apply(w.names, &w.options);
	visit(&w, "10.0.2.1", DEPTH_RCPT);
	assert_int_equal(names_counts(w.names).asked, 0);
	assert_int_equal(names_counts(w.names).waiting, 0);
	tear_down(&w);
}

static void what_an_earlier_run_learnt_is_not_asked_again(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	assert_true(addr_parse("10.0.2.1", &w.known));
	w.known_at = stamp_now() - NAMES_FRESH + STAMP_HOUR;
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	visit(&w, "10.0.2.2", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(names_counts(w.names).asked, 1);
	w.offset += 2 * STAMP_HOUR;
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(names_counts(w.names).asked, 2);
	tear_down(&w);
}

static void what_is_forgotten_is_asked_again(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	settle(&w);
	names_forget(w.names);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(w.heard_count, 2);
	tear_down(&w);
}

static void only_senders_at_decoys_are_asked_about_by_spf(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	struct visit v = { .depth = DEPTH_RCPT, .mail_from = "a@pass.example" };
	assert_true(addr_parse("10.0.2.20", &v.client));
	names_visit(w.names, &v, false);
	settle(&w);
	assert_int_equal(names_counts(w.names).spf_asked, 0);
	names_visit(w.names, &v, true);
	settle(&w);
	assert_int_equal(names_counts(w.names).spf_passed, 1);
	tear_down(&w);
}

/* One record for the name, one for the pass; other results are no news, and what
 * was asked is not asked again. */
static void a_sender_at_a_decoy_is_asked_about_by_spf(void **state)
{
	(void)state;
	static const struct {
		const char *client, *from;
		enum depth depth;
		size_t records;
		uint64_t asked, passed;
	} steps[] = {
		{ "10.0.2.20", "a@pass.example", DEPTH_HELO, 1, 0, 0 },
		{ "10.0.2.20", "a@fail.example", DEPTH_RCPT, 1, 1, 0 },
		{ "10.0.2.20", "b@fail.example", DEPTH_RCPT, 1, 1, 0 },
		{ "10.0.2.20", "a@pass.example", DEPTH_MAIL, 2, 2, 1 },
		{ "10.0.2.20", "x@PASS.example", DEPTH_DATA, 2, 2, 1 },
		{ "10.0.2.20", "a@servfail.example", DEPTH_DATA, 2, 3, 1 },
		{ "10.0.2.20", "", DEPTH_DATA, 2, 3, 1 },
		{ "10.0.2.21", "a@pass.example", DEPTH_DATA, 4, 4, 2 },
		{ "10.0.2.40", "a@pass.example", DEPTH_DATA, 5, 5, 2 },
	};
	struct world w;
	set_up(&w);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		visit_from(&w, steps[i].client, steps[i].depth, steps[i].from);
		settle(&w);
		struct names_counts c = names_counts(w.names);
		if (w.heard_count != steps[i].records || c.spf_asked != steps[i].asked ||
		    c.spf_passed != steps[i].passed)
			fail_msg("step %zu: %zu records, %llu asked, %llu passed", i,
				 w.heard_count, (unsigned long long)c.spf_asked,
				 (unsigned long long)c.spf_passed);
	}
	assert_false(w.heard[0].is_spf);
	assert_string_equal(w.heard[0].name, "spf.example.com");
	assert_true(w.heard[1].is_spf);
	assert_string_equal(w.heard[1].domain, "pass.example");
	assert_false(w.heard[2].is_spf);
	assert_true(w.heard[3].is_spf);
	assert_string_equal(w.heard[3].client, "10.0.2.21");
	/* Both are asked again a day later. */
	w.offset += NAMES_FRESH + STAMP_MINUTE;
	visit(&w, "10.0.2.20", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(w.heard_count, 6);
	assert_false(w.heard[5].is_spf);
	visit_from(&w, "10.0.2.20", DEPTH_DATA, "a@pass.example");
	settle(&w);
	assert_true(w.heard[6].is_spf);
	tear_down(&w);
}

static struct addr nth(unsigned i)
{
	struct addr a;
	assert_true(addr_parse("10.64.0.0", &a));
	a.bytes[13] = (uint8_t)(64 + (i >> 16));
	a.bytes[14] = (uint8_t)(i >> 8);
	a.bytes[15] = (uint8_t)i;
	return a;
}

static void visit_nth(struct world *w, unsigned i)
{
	struct visit v = { .client = nth(i), .depth = DEPTH_RCPT, .mail_from = "" };
	names_visit(w->names, &v, true);
}

/* A hundred thousand clients without a name: each is asked about once, each is
 * said to have none. */
static void a_hundred_thousand_without_a_name(void **state)
{
	(void)state;
	enum { CLIENTS = 100000, STEP = 5000 };
	struct world w;
	set_up(&w);
	for (unsigned i = 0; i < CLIENTS; i++) {
		visit_nth(&w, i);
		if (i % STEP == STEP - 1)
			settle(&w);
		assert_true(names_counts(w.names).open <= NAMES_OPEN_MAX);
	}
	settle(&w);
	struct names_counts c = names_counts(w.names);
	assert_int_equal(c.asked, CLIENTS);
	assert_int_equal(c.learnt + c.failed, CLIENTS);
	assert_int_equal(c.learnt, w.heard_count);
	assert_int_equal(c.dropped, 0);
	for (size_t i = 0; i < HEARD_MAX; i++) {
		assert_string_equal(w.heard[i].name, "");
		assert_false(w.heard[i].is_confirmed);
	}
	tear_down(&w);
}

/* Nobody answers: the queue is full soon, the rest is dropped, and one sentence
 * says so. Then the resolver is back. */
static void a_dead_resolver_costs_nothing_but_names(void **state)
{
	(void)state;
	enum { CLIENTS = 100000 };
	struct world w;
	set_up(&w);
	struct names_options dead = w.options;
	dead.port = 1; /* nobody there */
	names_apply(w.names, &dead);
	for (unsigned i = 0; i < CLIENTS; i++)
		visit_nth(&w, i);
	struct names_counts c = names_counts(w.names);
	assert_int_equal(c.open, NAMES_OPEN_MAX);
	assert_int_equal(c.waiting, NAMES_QUEUE_MAX);
	assert_int_equal(c.dropped, CLIENTS - NAMES_OPEN_MAX - NAMES_QUEUE_MAX);
	settle(&w);
	c = names_counts(w.names);
	assert_int_equal(c.failed, NAMES_OPEN_MAX + NAMES_QUEUE_MAX);
	assert_int_equal(w.heard_count, 0);
	assert_int_equal(w.troubles, 1);
	assert_int_equal(w.ends, 0);
	names_apply(w.names, &w.options);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	visit_nth(&w, NAMES_OPEN_MAX); /* failed a moment ago, by the other's fault */
	settle(&w);
	assert_int_equal(w.heard_count, 2);
	tear_down(&w);
}

/* What was under way with the old resolver is given up, and asked again. */
static void a_reload_may_change_the_resolver(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	w.server.is_dead = true;
	for (unsigned i = 0; i < 100; i++)
		visit_nth(&w, i);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	struct names_options off = { .is_on = false };
	names_apply(w.names, &off);
	assert_int_equal(names_counts(w.names).open + names_counts(w.names).waiting, 0);
	w.server.is_dead = false;
	names_apply(w.names, &w.options);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(w.heard_count, 1);
	/* And what is under way when serve stops ends without a word. */
	w.server.is_dead = true;
	visit(&w, "10.0.2.2", DEPTH_CONNECT);
	tear_down(&w);
	assert_int_equal(w.heard_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_counts_if_it_leads_back),
		cmocka_unit_test(a_client_is_asked_about_once_a_day),
		cmocka_unit_test(what_dns_did_not_answer_is_asked_again_in_an_hour),
		cmocka_unit_test(knocks_and_addresses_of_nobody_ask_nothing),
		cmocka_unit_test(what_an_earlier_run_learnt_is_not_asked_again),
		cmocka_unit_test(what_is_forgotten_is_asked_again),
		cmocka_unit_test(only_senders_at_decoys_are_asked_about_by_spf),
		cmocka_unit_test(a_sender_at_a_decoy_is_asked_about_by_spf),
		cmocka_unit_test(a_hundred_thousand_without_a_name),
		cmocka_unit_test(a_dead_resolver_costs_nothing_but_names),
		cmocka_unit_test(a_reload_may_change_the_resolver),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
