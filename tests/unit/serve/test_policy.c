/* Postfix's policy protocol: requests read from any bytes in any pieces, and
 * what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/policy/policy.h"

/* As Postfix 3.7 sends it. */
static const char whole[] = "request=smtpd_access_policy\n"
			    "protocol_state=RCPT\n"
			    "protocol_name=ESMTP\n"
			    "client_address=203.0.114.9\n"
			    "client_name=out.good.example\n"
			    "client_port=40321\n"
			    "reverse_client_name=out.good.example\n"
			    "server_address=192.0.3.25\n"
			    "server_port=25\n"
			    "helo_name=out.good.example\n"
			    "sender=a=b@good.example\n"
			    "recipient=Info@Shop.Example\n"
			    "recipient_count=0\n"
			    "queue_id=\n"
			    "instance=5a1.65f0.8d9.0\n"
			    "size=0\n"
			    "etrn_domain=\n"
			    "stress=\n"
			    "sasl_method=\n"
			    "sasl_username=\n"
			    "sasl_sender=\n"
			    "ccert_subject=\n"
			    "ccert_issuer=\n"
			    "ccert_fingerprint=\n"
			    "ccert_pubkey_fingerprint=\n"
			    "encryption_protocol=\n"
			    "encryption_cipher=\n"
			    "encryption_keysize=0\n"
			    "policy_context=\n"
			    "compatibility_level=0\n"
			    "mail_version=3.7.11\n"
			    "\n";

/* From the heap, to the byte: reading behind it is found. */
static enum policy_next read_n(struct policy_reader *r, const char *data, size_t len,
			       size_t *ret_used)
{
	char *exact = malloc(len ? len : 1);
	assert_non_null(exact);
	memcpy(exact, data, len);
	enum policy_next next = policy_read(r, exact, len, ret_used);
	free(exact);
	return next;
}

static enum policy_next read_text(struct policy_reader *r, const char *text)
{
	size_t used;
	*r = (struct policy_reader){ .is_done = true };
	return read_n(r, text, strlen(text), &used);
}

static void assert_is_whole(const struct policy_request *r)
{
	struct addr client, server;
	assert_true(addr_parse("203.0.114.9", &client));
	assert_true(addr_parse("192.0.3.25", &server));
	assert_true(r->is_access && r->has_client && r->has_server);
	assert_true(addr_equal(r->client, client) && addr_equal(r->server, server));
	assert_int_equal(r->client_port, 40321);
	assert_int_equal(r->depth, DEPTH_RCPT);
	assert_true(r->takes_header);
	assert_false(r->is_authenticated);
	assert_string_equal(r->helo, "out.good.example");
	assert_string_equal(r->sender, "a=b@good.example");
	assert_string_equal(r->recipient_domain, "shop.example");
	assert_string_equal(r->instance, "5a1.65f0.8d9.0");
}

static void a_request_of_postfix_is_read(void **state)
{
	(void)state;
	struct policy_reader r;
	assert_int_equal(read_text(&r, whole), POLICY_REQUEST);
	assert_is_whole(&r.request);
	assert_false(policy_is_within(&r));
}

static void where_it_is_cut_changes_nothing(void **state)
{
	(void)state;
	size_t len = sizeof(whole) - 1, used;
	for (size_t cut = 0; cut < len; cut++) {
		struct policy_reader r = { 0 };
		assert_int_equal(read_n(&r, whole, cut, &used), POLICY_MORE);
		assert_int_equal(used, cut);
		assert_int_equal(policy_is_within(&r), cut > 0);
		assert_int_equal(read_n(&r, whole + cut, len - cut, &used),
				 POLICY_REQUEST);
		assert_int_equal(used, len - cut);
		assert_is_whole(&r.request);
	}
	struct policy_reader r = { 0 };
	for (size_t i = 0; i < len; i++)
		assert_int_equal(read_n(&r, whole + i, 1, &used),
				 i + 1 < len ? POLICY_MORE : POLICY_REQUEST);
	assert_is_whole(&r.request);
}

static void requests_at_once_are_read_one_by_one(void **state)
{
	(void)state;
	char text[3 * sizeof(whole)];
	(void)snprintf(text, sizeof(text), "%s%s", whole,
		       "request=smtpd_access_policy\nclient_address=2001:db9::1\n\nreq");
	struct policy_reader r = { 0 };
	size_t used, at = 0;
	assert_int_equal(read_n(&r, text, strlen(text), &used), POLICY_REQUEST);
	assert_is_whole(&r.request);
	at += used;
	assert_int_equal(read_n(&r, text + at, strlen(text) - at, &used), POLICY_REQUEST);
	assert_true(r.request.has_client && !r.request.has_server);
	assert_string_equal(r.request.helo, ""); /* nothing of the one before */
	assert_string_equal(r.request.instance, "");
	at += used;
	assert_int_equal(read_n(&r, text + at, strlen(text) - at, &used), POLICY_MORE);
	assert_int_equal(used, 3);
}

/* clang-format off */
static const struct {
	const char *story, *attribute;
	bool has_client, is_authenticated;
	uint16_t port;
	enum depth depth;
	const char *domain;
} odd[] = {
	{ "unknown attributes", "=\na=b\n==\nclient=1.1.1.1\nclient_addressx=1.1.1.1", false, false, 0, DEPTH_CONNECT, "" },
	{ "the client is not known", "client_address=unknown", false, false, 0, DEPTH_CONNECT, "" },
	{ "told twice, the last counts", "client_address=x\nclient_address=192.0.3.1", true, false, 0, DEPTH_CONNECT, "" },
	{ "an address with a zone", "client_address=fe80::1%eth0", false, false, 0, DEPTH_CONNECT, "" },
	{ "a user", "sasl_username=me", false, true, 0, DEPTH_CONNECT, "" },
	{ "lines that end as on the wire", "client_address=192.0.3.1\r\nsasl_username=\r", true, false, 0, DEPTH_CONNECT, "" },
	{ "ports that are none", "client_port=65536", false, false, 0, DEPTH_CONNECT, "" },
	{ "ports with a sign", "client_port=-1", false, false, 0, DEPTH_CONNECT, "" },
	{ "the port is not known", "client_port=unknown", false, false, 0, DEPTH_CONNECT, "" },
	{ "the greatest port", "client_port=65535", false, false, 65535, DEPTH_CONNECT, "" },
	{ "greeted", "protocol_state=EHLO", false, false, 0, DEPTH_HELO, "" },
	{ "sender told", "protocol_state=MAIL", false, false, 0, DEPTH_MAIL, "" },
	{ "message told", "protocol_state=END-OF-MESSAGE", false, false, 0, DEPTH_DATA, "" },
	{ "a state of a later Postfix", "protocol_state=NEW", false, false, 0, DEPTH_CONNECT, "" },
	{ "a state that went back", "protocol_state=DATA\nprotocol_state=VRFY", false, false, 0, DEPTH_CONNECT, "" },
	{ "a recipient without domain", "recipient=postmaster", false, false, 0, DEPTH_CONNECT, "" },
	{ "a recipient with two @", "recipient=\"a@b\"@Shop.Example.", false, false, 0, DEPTH_CONNECT, "shop.example" },
	{ "a recipient of nothing", "recipient=@", false, false, 0, DEPTH_CONNECT, "" },
};
/* clang-format on */

static void odd_values_are_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct policy_reader r;
		char text[512];
		(void)snprintf(text, sizeof(text), "%s\n\n", odd[i].attribute);
		enum policy_next next = read_text(&r, text);
		const struct policy_request *q = &r.request;
		if (next != POLICY_REQUEST || q->has_client != odd[i].has_client ||
		    q->is_authenticated != odd[i].is_authenticated ||
		    q->client_port != odd[i].port || q->depth != odd[i].depth ||
		    strcmp(q->recipient_domain, odd[i].domain) != 0)
			fail_msg("%s: got next %d client %d user %d port %d depth %d "
				 "domain %s",
				 odd[i].story, next, q->has_client, q->is_authenticated,
				 q->client_port, q->depth, q->recipient_domain);
	}
}

static char *repeat(const char *before, char c, size_t count, const char *after)
{
	size_t len = strlen(before);
	char *text = calloc(len + count + strlen(after) + 1, 1);
	assert_non_null(text);
	memcpy(text, before, len);
	memset(text + len, c, count);
	memcpy(text + len + count, after, strlen(after));
	return text;
}

static void long_texts_are_cut_or_unknown(void **state)
{
	(void)state;
	struct policy_reader r;
	char *text = repeat("helo_name=", 'h', 2048, "\n\n");
	assert_int_equal(read_text(&r, text), POLICY_REQUEST);
	assert_int_equal(strlen(r.request.helo), VISIT_TEXT_MAX - 1);
	free(text);
	text = repeat("recipient=a@", 'd', 300, ".example\n\n");
	assert_int_equal(read_text(&r, text), POLICY_REQUEST);
	assert_string_equal(r.request.recipient_domain, "");
	free(text);
	text = repeat("instance=", '1', POLICY_INSTANCE_MAX, "\n\n");
	assert_int_equal(read_text(&r, text), POLICY_REQUEST);
	assert_string_equal(r.request.instance, "");
	free(text);
}

static void what_is_no_postfix_is_broken(void **state)
{
	(void)state;
	struct policy_reader r = { 0 };
	size_t used;
	assert_int_equal(read_text(&r, "GET / HTTP/1.1\n"), POLICY_BROKEN);
	assert_int_equal(read_text(&r, "\n"), POLICY_BROKEN);
	assert_int_equal(read_text(&r, "\r\n\r\n"), POLICY_BROKEN);
	r = (struct policy_reader){ 0 };
	assert_int_equal(read_n(&r, "helo_name=a\0b\n", 14, &used), POLICY_BROKEN);
	char *text = repeat("helo_name=", 'h', POLICY_LINE_MAX, "");
	assert_int_equal(read_text(&r, text), POLICY_BROKEN);
	free(text);
	/* byte by byte too */
	r = (struct policy_reader){ 0 };
	size_t count = 0;
	while (read_n(&r, "h", 1, &used) == POLICY_MORE)
		count++;
	assert_int_equal(count, POLICY_LINE_MAX - 1);
}

static void a_request_has_an_end(void **state)
{
	(void)state;
	struct policy_reader r = { 0 };
	size_t used, lines = 0;
	while (read_n(&r, "a=b\n", 4, &used) == POLICY_MORE)
		lines++;
	assert_int_equal(lines, POLICY_ATTRIBUTES_MAX);
	char *line = repeat("a=", 'b', 4000, "\n");
	r = (struct policy_reader){ 0 };
	size_t bytes = 0;
	while (read_n(&r, line, strlen(line), &used) == POLICY_MORE)
		bytes += strlen(line);
	assert_in_range(bytes, POLICY_REQUEST_MAX - 5000, POLICY_REQUEST_MAX);
	free(line);
}

/* Answers */

/* clang-format off */
static const struct {
	const char *story;
	const char *attributes; /* behind a common beginning */
	struct ask_quick quick;
	struct policy_options options;
	const char *action;
} answers[] = {
	{ "in order, and the delay is known", "", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 10000 },
	  { .is_first = true }, "PREPEND X-FakeMX: order=straight delay=0.01" },
	{ "in order, no low decoy", "", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = -1 },
	  { .is_first = true }, "PREPEND X-FakeMX: order=straight" },
	{ "less than can be said", "", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 4999 },
	  { .is_first = true }, "PREPEND X-FakeMX: order=straight delay=0.00" },
	{ "skipped", "", { .quick.order = ORDER_SKIPPED, .quick.delay_us = -1 },
	  { .is_first = true }, "PREPEND X-FakeMX: order=skipped" },
	{ "the second recipient", "", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 10000 },
	  { .is_first = false }, "DUNNO" },
	{ "nothing is known", "", { .quick.order = ORDER_UNKNOWN, .quick.delay_us = -1 },
	  { .is_first = true }, "DUNNO" },
	{ "an own address", "", { .quick.order = ORDER_STRAIGHT, .is_own = true, .quick.delay_us = -1 },
	  { .is_first = true }, "DUNNO" },
	{ "a user of the server", "sasl_username=me\n", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 1 },
	  { .is_first = true }, "DUNNO" },
	{ "another kind of request", "request=junk\n", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 1 },
	  { .is_first = true }, "DUNNO" },
	{ "the message cannot be told from others", "instance=\n", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 1 },
	  { .is_first = true }, "DUNNO" },
	{ "before there is a message", "protocol_state=HELO\n", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 1 },
	  { .is_first = true }, "DUNNO" },
	{ "when the header is too late", "protocol_state=END-OF-MESSAGE\n", { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 1 },
	  { .is_first = true }, "DUNNO" },
	{ "listed, nobody asked to defer", "", { .is_listed = true, .quick.delay_us = -1, .until = STAMP_DAY },
	  { .is_first = true }, "DUNNO" },
	{ "listed", "", { .is_listed = true, .quick.delay_us = -1, .until = STAMP_DAY },
	  { .is_first = true, .defers = true },
	  "DEFER_IF_PERMIT 4.7.1 This address came to a fake MX of the domain and not to its mail "
	  "servers; until 1970-01-02T00:00:00Z mail from it has to wait" },
	{ "listed, the second recipient too", "", { .is_listed = true, .quick.delay_us = -1, .until = STAMP_DAY },
	  { .is_first = false, .defers = true },
	  "DEFER_IF_PERMIT 4.7.1 This address came to a fake MX of the domain and not to its mail "
	  "servers; until 1970-01-02T00:00:00Z mail from it has to wait" },
	{ "listed, but a user of the server", "sasl_username=me\n", { .is_listed = true, .until = STAMP_DAY },
	  { .defers = true }, "DUNNO" },
	{ "not listed", "", { .quick.order = ORDER_UNKNOWN, .quick.delay_us = -1 },
	  { .is_first = true, .defers = true }, "DUNNO" },
	{ "texts that try to be an answer", "helo_name=x action=REJECT\nsender=PREPEND X: y\n",
	  { .quick.order = ORDER_STRAIGHT, .quick.delay_us = 1500000 },
	  { .is_first = true }, "PREPEND X-FakeMX: order=straight delay=1.50" },
};
/* clang-format on */

static void an_answer_is_a_header_or_dunno_never_a_rejection(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct policy_reader r;
		char text[1024], action[POLICY_ACTION_MAX];
		(void)snprintf(text, sizeof(text),
			       "request=smtpd_access_policy\nprotocol_state=RCPT\n"
			       "client_address=192.0.3.1\ninstance=1.2.3\n%s\n",
			       answers[i].attributes);
		assert_int_equal(read_text(&r, text), POLICY_REQUEST);
		enum policy_action a = policy_answer(&r.request, &answers[i].quick,
						     &answers[i].options, action);
		if (strcmp(action, answers[i].action) != 0)
			fail_msg("%s: got %s, want %s", answers[i].story, action,
				 answers[i].action);
		assert_int_equal(a == POLICY_PREPEND, strncmp(action, "PREP", 4) == 0);
		assert_int_equal(a == POLICY_DEFER, strncmp(action, "DEFER", 5) == 0);
	}
	struct policy_reader r;
	char action[POLICY_ACTION_MAX];
	assert_int_equal(read_text(&r, whole), POLICY_REQUEST);
	struct policy_options options = { .is_first = true, .defers = true };
	assert_int_equal(policy_answer(&r.request, NULL, &options, action), POLICY_DUNNO);
	assert_string_equal(action, "DUNNO");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_of_postfix_is_read),
		cmocka_unit_test(where_it_is_cut_changes_nothing),
		cmocka_unit_test(requests_at_once_are_read_one_by_one),
		cmocka_unit_test(odd_values_are_unknown),
		cmocka_unit_test(long_texts_are_cut_or_unknown),
		cmocka_unit_test(what_is_no_postfix_is_broken),
		cmocka_unit_test(a_request_has_an_end),
		cmocka_unit_test(an_answer_is_a_header_or_dunno_never_a_rejection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
