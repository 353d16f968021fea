#include "zone/domain_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What one name server has, and what of it differs from: 10 mail, 20 fake1 at
 * 192.0.2.30. An MX "10 mail"; an address "=192.0.2.30". */
static const struct {
	const char *story;
	const char *has;
	const char *want;
} rows[] = {
	{ "all of it", "10 mail;20 fake1;=192.0.2.30", "" },
	{ "in another order", "=192.0.2.30;20 fake1;10 mail", "" },
	{ "nothing typed yet", "10 mail",
	  "no MX 20 fake1.example.com, no address 192.0.2.30 for fake1.example.com" },
	{ "no address yet", "10 mail;20 fake1",
	  "no address 192.0.2.30 for fake1.example.com" },
	{ "another address", "10 mail;20 fake1;=192.0.2.31",
	  "no address 192.0.2.30 for fake1.example.com" },
	{ "an old host", "10 mail;15 old;20 fake1;=192.0.2.30",
	  "still MX 15 old.example.com" },
	{ "another preference", "10 mail;30 fake1;=192.0.2.30",
	  "no MX 20 fake1.example.com, still MX 30 fake1.example.com" },
};

static struct domain_told told[8];
static size_t told_count;

static void give(struct seen_server *v, const char *word)
{
	struct seen_mx mx = { .ttl = 300 };
	if (*word == '=') {
		struct domain_told *t = &told[told_count++];
		*t = (struct domain_told){ .server = 0, .type = RANGE_A };
		(void)snprintf(t->owner, sizeof(t->owner), "fake1.example.com");
		assert_true(addr_parse(word + 1, &t->addr));
		return;
	}
	char name[32];
	assert_int_equal(sscanf(word, "%hu %31s", &mx.preference, name), 2);
	(void)snprintf(mx.host, sizeof(mx.host), "%s.example.com", name);
	seen_add_mx(v, &mx);
}

static void after(struct plan *p, uint16_t preference, const char *host)
{
	struct zone_mx *mx = &p->after[p->after_count++];
	mx->preference = preference;
	(void)snprintf(mx->exchange, sizeof(mx->exchange), "%s", host);
}

static void each_server_says_what_differs(void **state)
{
	(void)state;
	static struct plan plan;
	static struct domain_result result;
	struct plan_want want = { .layout = LAYOUT_HIGH,
				  .high = { .name = "fake1.example.com",
					    .address_count = 1 } };
	assert_true(addr_parse("192.0.2.30", &want.high.addresses[0]));
	after(&plan, 10, "mail.example.com");
	after(&plan, 20, "fake1.example.com");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s;
		char words[128], *rest = words, *word;
		seen_init(&s, "example.com");
		(void)snprintf(s.zone, sizeof(s.zone), "example.com");
		struct seen_server *v =
		    seen_add_server(&s, "ns1.example.com", (struct endpoint){ 0 });
		v->state = SERVER_ANSWERS;
		v->has_mx = true;
		told_count = 0;
		(void)snprintf(words, sizeof(words), "%s", rows[i].has);
		while ((word = strsep(&rest, ";")))
			give(v, word);
		result.server_count = result.differing = 0;
		domain_differ(&(struct domain_known){ .seen = &s,
						      .want = &want,
						      .plan = &plan,
						      .told = told,
						      .told_count = told_count },
			      &result);
		assert_int_equal(result.server_count, 1);
		if (strcmp(result.servers[0].text, rows[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", rows[i].story,
				 result.servers[0].text, rows[i].want);
		assert_int_equal(result.differing, rows[i].want[0] != '\0');
		seen_release(&s);
	}
}

static void who_does_not_answer_is_not_counted(void **state)
{
	(void)state;
	static struct plan plan;
	static struct domain_result result;
	struct plan_want want = { .layout = LAYOUT_NONE };
	struct seen s;
	seen_init(&s, "example.com");
	(void)seen_add_server(&s, "ns1.example.com", (struct endpoint){ 0 });
	seen_add_server(&s, "ns2.example.com", (struct endpoint){ 0 })->state =
	    SERVER_SILENT;
	domain_differ(&(struct domain_known){ .seen = &s, .want = &want, .plan = &plan },
		      &result);
	assert_int_equal(result.server_count, 0);
	seen_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_server_says_what_differs),
		cmocka_unit_test(who_does_not_answer_is_not_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
