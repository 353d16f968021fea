/* What a request asks for, and who is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "outlet/web/route.h"

static const struct config_web web = { .names = { "fakemx.example.com" },
				       .name_count = 1 };

static struct route asked(const char *method, const char *path, const char *host)
{
	struct route_request q = { .method = method, .path = path, .host = host };
	return route_of(&web, &q);
}

static void each_address_has_its_answer(void **state)
{
	static const struct {
		const char *path;
		enum route_kind kind;
		int status;
		const char *name;
	} rows[] = {
		{ "/", ROUTE_REPORT, 200, "" },
		{ "/site/example", ROUTE_REPORT, 200, "example" },
		{ "/sender/192.0.2.7", ROUTE_SENDER, 200, "" },
		{ "/sender/2001:db8::7", ROUTE_SENDER, 200, "" },
		{ "/sender/mail.example", ROUTE_NOTHING, 400, "" },
		{ "/sender", ROUTE_NOTHING, 400, "" },
		{ "/sender/", ROUTE_NOTHING, 404, "" },
		{ "/list/rspamd", ROUTE_LIST, 200, "rspamd" },
		{ "/list/", ROUTE_NOTHING, 404, "" },
		{ "/metrics", ROUTE_METRICS, 200, "" },
		{ "/metrics/", ROUTE_NOTHING, 404, "" },
		{ "/healthz", ROUTE_HEALTH, 200, "" },
		{ "", ROUTE_NOTHING, 404, "" },
		{ "//", ROUTE_NOTHING, 404, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route r = asked("GET", rows[i].path, "localhost");
		if (r.kind != rows[i].kind || r.status != rows[i].status ||
		    strcmp(r.name, rows[i].name) != 0)
			fail_msg("%s: got kind %d, status %d, name '%s'", rows[i].path,
				 (int)r.kind, r.status, r.name);
		assert_int_equal(r.kind == ROUTE_NOTHING, r.sentence[0] != '\0');
	}
}

static void names_that_are_not_ours_are_refused(void **state)
{
	static const struct {
		const char *host;
		int status;
	} rows[] = {
		{ "localhost", 200 },
		{ "LocalHost:8025", 200 },
		{ "localhost.", 200 },
		{ "127.0.0.1:8025", 200 },
		{ "127.9.9.9", 200 },
		{ "[::1]:8025", 200 },
		{ "[::1]", 200 },
		{ "fakemx.example.com", 200 },
		{ "FAKEMX.example.com:443", 200 },
		{ "evil.example", 403 },
		{ "localhost.evil.example", 403 },
		{ "fakemx.example.com.evil.example", 403 },
		{ "192.0.2.1", 403 },
		{ "[::1", 403 },
		{ "::1", 403 },
		{ "localhost:", 200 },
		{ "localhost:80x", 403 },
		{ "localhost@evil.example", 403 },
		{ "", 403 },
		{ NULL, 400 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct route r = asked("GET", "/healthz", rows[i].host);
		if (r.status != rows[i].status)
			fail_msg("'%s': got %d, want %d",
				 rows[i].host ? rows[i].host : "none", r.status,
				 rows[i].status);
	}
	char longest[400];
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(asked("GET", "/", longest).status, 403);
}

static void only_questions_are_answered(void **state)
{
	(void)state;
	assert_int_equal(asked("HEAD", "/", "localhost").status, 200);
	assert_int_equal(asked("POST", "/", "localhost").status, 405);
	assert_int_equal(asked("get", "/", "localhost").status, 405);
	struct route_request q = {
		.method = "GET", .path = "/", .host = "localhost", .has_body = true
	};
	assert_int_equal(route_of(&web, &q).status, 413);
}

static void a_period_is_one_of_the_table(void **state)
{
	struct route_request q = { .method = "GET", .path = "/", .host = "localhost" };
	(void)state;
	assert_int_equal(route_of(&web, &q).period, PAGE_PERIOD_WEEK);
	q.period = "30d";
	assert_int_equal(route_of(&web, &q).period, PAGE_PERIOD_MONTH);
	q.period = "";
	assert_int_equal(route_of(&web, &q).status, 400);
}

static void a_form_leads_to_the_senders_page(void **state)
{
	struct route_request q = { .method = "GET",
				   .path = "/sender",
				   .host = "localhost",
				   .address = " ::ffff:192.0.2.7\t" };
	char text[ADDR_TEXT_MAX];
	(void)state;
	struct route r = route_of(&web, &q);
	assert_int_equal(r.kind, ROUTE_SEND_ON);
	assert_int_equal(r.status, 303);
	assert_string_equal(addr_text(r.client, text), "192.0.2.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_has_its_answer),
		cmocka_unit_test(names_that_are_not_ours_are_refused),
		cmocka_unit_test(only_questions_are_answered),
		cmocka_unit_test(a_period_is_one_of_the_table),
		cmocka_unit_test(a_form_leads_to_the_senders_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
