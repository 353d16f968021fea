/*
 * Names of clients against a name server of our own, on the same loop: what it
 * answers is a row of the test.
 */
#include "source/names.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dns/message.h"
#include "source/names_cache.h"

/* ---- the name server ---- */

struct record_row {
	const char *owner;
	enum rr_type type;
	const char *data; /* an address, or a name */
};

/* Of these the answer is made: all whose owner was asked for, and what their
 * CNAMEs lead to. An owner that is in none of them does not exist. */
static const struct record_row zone[] = {
	{ "1.2.0.10.in-addr.arpa", RR_PTR, "good.example.com" },
	{ "good.example.com", RR_A, "10.0.2.1" },
	{ "2.2.0.10.in-addr.arpa", RR_PTR, "host-10-0-2-2.isp.example" },
	{ "host-10-0-2-2.isp.example", RR_A, "10.0.2.2" },
	{ "3.2.0.10.in-addr.arpa", RR_PTR, "liar.example.com" },
	{ "liar.example.com", RR_A, "10.9.9.9" },
	{ "4.2.0.10.in-addr.arpa", RR_PTR, "nowhere.example.com" },
	/* several, in an order that DNS may turn around */
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "z.example.com" },
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "b.example.com" },
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "10-0-2-5.isp.example" },
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "a.example.com" },
	{ "10-0-2-5.isp.example", RR_A, "10.0.2.5" },
	{ "b.example.com", RR_A, "10.0.2.7" },
	{ "b.example.com", RR_A, "10.0.2.5" },
	{ "z.example.com", RR_A, "10.0.2.5" },
	/* a piece of a /24 that another zone has (RFC 2317) */
	{ "6.2.0.10.in-addr.arpa", RR_CNAME, "6.0-127.2.0.10.in-addr.arpa" },
	{ "6.0-127.2.0.10.in-addr.arpa", RR_PTR, "Mixed.Example.CO.UK" },
	{ "mixed.example.co.uk", RR_A, "10.0.2.6" },
	/* hostile */
	{ "7.2.0.10.in-addr.arpa", RR_CNAME, "loop.example.com" },
	{ "loop.example.com", RR_CNAME, "7.2.0.10.in-addr.arpa" },
	{ "8.2.0.10.in-addr.arpa", RR_PTR, "\\000\\255\\010evil\\\".example.com" },
	{ "9.2.0.10.in-addr.arpa", RR_PTR, "192.0.2.1" },
	{ "10.2.0.10.in-addr.arpa", RR_PTR, "localhost" },
	{ "11.2.0.10.in-addr.arpa", RR_PTR, "" },
	{ "12.2.0.10.in-addr.arpa", RR_PTR,
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  ".\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001"
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  ".example.com" },
	{ "13.2.0.10.in-addr.arpa", RR_A, "10.0.2.13" }, /* exists, without a PTR */
	{ "14.2.0.10.in-addr.arpa", RR_PTR, "unsure.servfail.example" },
	/* IPv6 */
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
	  RR_PTR, "six.example.com" },
	{ "six.example.com", RR_AAAA, "fd00::1" },
};
enum { ZONE = sizeof(zone) / sizeof(zone[0]) };

struct server {
	uv_udp_t udp;
	uint16_t port;
	unsigned asked;
	bool is_dead;
	uint8_t in[2048];
};

struct message {
	uint8_t bytes[8192];
	size_t len;
	unsigned answers;
};

static void put(struct message *m, const void *data, size_t len)
{
	assert_true(m->len + len <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
}

static void put16(struct message *m, unsigned v)
{
	put(m, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void put_name(struct message *m, const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t len;
	assert_true(name_to_wire(name, wire, &len));
	put(m, wire, len);
}

static void put_record(struct message *m, const struct record_row *row)
{
	size_t at;
	struct addr a;
	put_name(m, row->owner);
	put16(m, row->type);
	put16(m, 1);
	put16(m, 0);
	put16(m, 3600);
	at = m->len;
	put16(m, 0);
	if (row->type == RR_A || row->type == RR_AAAA) {
		assert_true(addr_parse(row->data, &a));
		put(m, a.bytes + (row->type == RR_A ? 12 : 0),
		    row->type == RR_A ? 4 : 16);
	} else {
		put_name(m, row->data);
	}
	m->bytes[at] = (uint8_t)((m->len - at - 2) >> 8);
	m->bytes[at + 1] = (uint8_t)(m->len - at - 2);
	m->answers++;
}

/* Returns the RCODE. */
static unsigned put_answers(struct message *m, const char *name, enum rr_type type)
{
	char owner[NAME_TEXT_MAX];
	bool exists = false;
	if (strstr(name, "servfail"))
		return 2;
	/* Each client of 10.1.0.0/16 has many names, none of which is true. */
	if (strstr(name, ".1.10.in-addr.arpa"))
		for (unsigned i = 0; i < 20; i++) {
			char many[64];
			(void)snprintf(many, sizeof(many), "n%u.many.example", i);
			put_record(m, &(struct record_row){ name, RR_PTR, many });
			exists = true;
		}
	assert_true(str_copy(owner, sizeof(owner), name));
	for (int link = 0; link < 3; link++) {
		const char *next = NULL;
		for (size_t i = 0; i < ZONE; i++) {
			if (strcmp(zone[i].owner, owner) != 0)
				continue;
			exists = true;
			if (zone[i].type == type || zone[i].type == RR_CNAME)
				put_record(m, &zone[i]);
			if (zone[i].type == RR_CNAME)
				next = zone[i].data;
		}
		if (!next)
			break;
		assert_true(str_copy(owner, sizeof(owner), next));
	}
	return exists ? 0 : 3;
}

static void give_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct server *s = h->data;
	(void)size;
	*buf = uv_buf_init((char *)s->in, sizeof(s->in));
}

static void on_question(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf,
			const struct sockaddr *from, unsigned flags)
{
	struct server *s = udp->data;
	struct message m = { .len = 0 };
	char name[NAME_TEXT_MAX];
	(void)flags, (void)buf;
	if (n < 17 || !from)
		return;
	s->asked++;
	if (s->is_dead)
		return;
	assert_true(name_from_wire(s->in + 12, name));
	size_t end = 12;
	while (s->in[end])
		end += s->in[end] + 1u;
	end += 5;
	put(&m, s->in, end);
	unsigned type = (unsigned)(s->in[end - 4] << 8 | s->in[end - 3]);
	unsigned rcode = put_answers(&m, name, (enum rr_type)type);
	m.bytes[2] = 0x84;
	m.bytes[3] = (uint8_t)(0x80 | rcode);
	m.bytes[6] = 0;
	m.bytes[7] = (uint8_t)m.answers;
	memset(m.bytes + 8, 0, 4);
	uv_buf_t out = uv_buf_init((char *)m.bytes, (unsigned)m.len);
	(void)uv_udp_try_send(udp, &out, 1, from);
}

/* ---- the world of one test ---- */

enum { HEARD_MAX = 64 };

struct heard {
	char client[ADDR_TEXT_MAX], name[NAME_TEXT_MAX], domain[NAME_TEXT_MAX];
	bool is_confirmed, is_generic;
};

struct world {
	uv_loop_t loop;
	struct server server;
	struct names *names;
	struct names_options options;
	volatile int64_t offset;
	struct heard heard[HEARD_MAX];
	size_t heard_count;
	unsigned troubles, ends;
};

static void on_learnt(void *arg, const struct record_name *n)
{
	struct world *w = arg;
	struct heard *h = &w->heard[w->heard_count++ % HEARD_MAX];
	(void)addr_text(n->client, h->client);
	assert_true(str_copy(h->name, sizeof(h->name), n->name));
	assert_true(str_copy(h->domain, sizeof(h->domain), n->domain));
	h->is_confirmed = n->is_confirmed;
	h->is_generic = n->is_generic;
}

static void on_trouble(void *arg, bool is_over, const char *sentence)
{
	struct world *w = arg;
	assert_true(*sentence);
	*(is_over ? &w->ends : &w->troubles) += 1;
}

static void set_up(struct world *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int len = sizeof(sa);
	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	assert_int_equal(uv_udp_init(&w->loop, &w->server.udp), 0);
	w->server.udp.data = &w->server;
	assert_int_equal(uv_udp_bind(&w->server.udp, (const struct sockaddr *)&sa, 0), 0);
	assert_int_equal(uv_udp_getsockname(&w->server.udp, (struct sockaddr *)&sa, &len),
			 0);
	w->server.port = ntohs(sa.sin_port);
	assert_int_equal(uv_udp_recv_start(&w->server.udp, give_room, on_question), 0);
	struct names_sink sink = { on_learnt, on_trouble, w };
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
	uv_close((uv_handle_t *)&w->server.udp, NULL);
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

static void visit(struct world *w, const char *client, enum depth depth)
{
	struct visit v = { .depth = depth,
			   .helo = "",
			   .mail_from = "",
			   .recipient_domain = "",
			   .name = "" };
	assert_true(addr_parse(client, &v.client));
	names_visit(w->names, &v);
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

static void what_the_journal_knows_is_not_asked_again(void **state)
{
	(void)state;
	struct world w;
	set_up(&w);
	int64_t now = stamp_now();
	struct record_name fresh = { .name = "a.example.com",
				     .domain = "example.com",
				     .is_confirmed = true };
	struct record_name none = { .name = "", .domain = "" };
	struct record_name old = fresh;
	assert_true(addr_parse("10.0.2.1", &fresh.client));
	assert_true(addr_parse("10.0.2.2", &none.client));
	assert_true(addr_parse("10.0.2.3", &old.client));
	names_known(w.names, &fresh, now - STAMP_HOUR);
	names_known(w.names, &none, now - STAMP_HOUR);
	names_known(w.names, &old, now - 25 * STAMP_HOUR);
	visit(&w, "10.0.2.1", DEPTH_CONNECT);
	visit(&w, "10.0.2.2", DEPTH_CONNECT);
	visit(&w, "10.0.2.3", DEPTH_CONNECT);
	settle(&w);
	assert_int_equal(w.heard_count, 1);
	assert_string_equal(w.heard[0].client, "10.0.2.3");
	/* Forgotten is forgotten, by address and by domain. */
	names_forget(w.names, "10.0.2.2");
	names_forget(w.names, "example.com");
	assert_int_equal(names_counts(w.names).known, 0);
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
	struct visit v = { .client = nth(i), .depth = DEPTH_RCPT };
	names_visit(w->names, &v);
}

/* A hundred thousand clients without a name: each is asked about once, each is
 * said to have none, and no more are remembered than may be. */
static void a_hundred_thousand_without_a_name(void **state)
{
	(void)state;
	enum { CLIENTS = NAMES_CACHE_MAX + 1000, STEP = 5000 };
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
	assert_int_equal(c.known, NAMES_CACHE_MAX);
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
	settle(&w);
	assert_int_equal(w.heard_count, 1);
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

static void the_longest_known_goes_first(void **state)
{
	(void)state;
	struct names_cache *c = names_cache_new(3);
	struct record_name got;
	for (unsigned i = 0; i < 3; i++)
		names_cache_learnt(c,
				   &(struct record_name){ .client = nth(i),
							  .is_confirmed = true,
							  .name = "a.b.example",
							  .domain = "b.example" },
				   1000);
	names_cache_failed(c, nth(0), 50); /* written again: now the newest */
	names_cache_asking(c, nth(3));
	assert_int_equal(names_cache_count(c), 3);
	assert_false(names_cache_get(c, nth(1), &got));
	assert_false(names_cache_get(c, nth(3), &got)); /* asked, nothing known */
	assert_true(names_cache_get(c, nth(0), &got));
	assert_string_equal(got.name, "a.b.example");
	assert_string_equal(got.domain, "b.example");
	assert_true(got.is_confirmed);
	assert_false(names_cache_is_due(c, nth(0), 49));
	assert_true(names_cache_is_due(c, nth(0), 50));
	assert_false(names_cache_is_due(c, nth(3), STAMP_NEVER - 1));
	assert_true(names_cache_is_due(c, nth(1), 0));
	names_cache_forget(c, "b.example");
	assert_int_equal(names_cache_count(c), 1);
	names_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_counts_if_it_leads_back),
		cmocka_unit_test(a_client_is_asked_about_once_a_day),
		cmocka_unit_test(what_dns_did_not_answer_is_asked_again_in_an_hour),
		cmocka_unit_test(knocks_and_addresses_of_nobody_ask_nothing),
		cmocka_unit_test(what_the_journal_knows_is_not_asked_again),
		cmocka_unit_test(a_hundred_thousand_without_a_name),
		cmocka_unit_test(a_dead_resolver_costs_nothing_but_names),
		cmocka_unit_test(a_reload_may_change_the_resolver),
		cmocka_unit_test(the_longest_known_goes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
