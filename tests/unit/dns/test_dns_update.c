#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dns/tsig.h"
#include "dns/update.h"

/* clang-format off */
static const struct {
	uint16_t rcode, tsig_error;
	enum update_outcome outcome;
	const char *want;
} answers[] = {
	{ 0, 0, UPDATE_DONE, "" },
	{ 9, 16, UPDATE_REFUSED, "the secret of the key k. is not the one it knows (BADSIG)" },
	{ 9, 17, UPDATE_REFUSED, "does not know the key k." },
	{ 9, 18, UPDATE_REFUSED, "the clocks differ by more than five minutes (BADTIME)" },
	{ 9, 22, UPDATE_REFUSED, "a longer signature than the key k. gives (BADTRUNC)" },
	{ 9, 0, UPDATE_REFUSED, "is not authoritative for the zone (NOTAUTH)" },
	{ 8, 0, UPDATE_RACE, "NXRRSET" },
	{ 7, 0, UPDATE_RACE, "YXRRSET" },
	{ 6, 0, UPDATE_RACE, "YXDOMAIN" },
	{ 3, 0, UPDATE_RACE, "NXDOMAIN" },
	{ 5, 0, UPDATE_REFUSED, "allow it for the key k." },
	{ 10, 0, UPDATE_REFUSED, "NOTZONE" },
	{ 4, 0, UPDATE_REFUSED, "plan its zone file instead" },
	{ 1, 0, UPDATE_REFUSED, "FORMERR" },
	{ 2, 0, UPDATE_FAILED, "its log says why" },
	{ 15, 0, UPDATE_REFUSED, "RCODE 15" },
};
/* clang-format on */

static void every_answer_is_a_sentence_with_server_and_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct update_result r;
		update_explain(answers[i].rcode, answers[i].tsig_error, "192.0.2.53@53",
			       "k.", &r);
		bool says = strstr(r.error.text, answers[i].want) != NULL;
		bool names =
		    answers[i].rcode == 0 || strstr(r.error.text, "192.0.2.53@53");
		if (r.outcome != answers[i].outcome || !says || !names)
			fail_msg("RCODE %u, TSIG %u: got %u \"%s\", want %u \"%s\"",
				 answers[i].rcode, answers[i].tsig_error, r.outcome,
				 r.error.text, answers[i].outcome, answers[i].want);
	}
}

#define SECRET "c2VjcmV0IG9mIHRoZSB0ZXN0IGZvciBmYWtlbXg="

/* clang-format off */
static const struct {
	const char *story, *text, *name; /* name NULL: refused */
} keys[] = {
	{ "tsig-keygen", "key \"tsig-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n", "tsig-key." },
	{ "one line", "key k{algorithm hmac-sha512;secret \"" SECRET "\";};", "k." },
	{ "keymgr -t", "# hmac-sha256:fmx:" SECRET "\nkey:\n  - id: fmx\n    algorithm: hmac-sha256\n    secret: " SECRET "\n", "fmx." },
	{ "a name with dots", "key \"a.b.example\" { algorithm \"hmac-sha1\"; secret \"" SECRET "\"; };", "a.b.example." },
	{ "comments", "// my key\n# secret \"no\"\nkey k { algorithm hmac-sha256; secret \"" SECRET "\"; };", "k." },
	{ "no secret", "key k { algorithm hmac-sha256; };", NULL },
	{ "an algorithm that is none", "key k { algorithm rot13; secret \"" SECRET "\"; };", NULL },
	{ "a secret that is no base64", "key k { algorithm hmac-sha256; secret \"!!!\"; };", NULL },
	{ "a name that ends with id", "key \"update-id\" { algorithm hmac-sha256; secret \"" SECRET "\"; };", "update-id." },
	{ "a name like the secret's word", "key ddns-secret { algorithm hmac-sha256; secret \"" SECRET "\"; };", "ddns-secret." },
	{ "a name like the algorithm's word", "key:\n  - id: my-algorithm\n    algorithm: hmac-sha256\n    secret: " SECRET "\n", "my-algorithm." },
	{ "the words themselves", "key \"secret\" { algorithm hmac-sha256; secret \"" SECRET "\"; };", "secret." },
	{ "a name that is key", "key:\r\n - id: key\r\n   algorithm: hmac-sha256\r\n   secret: \"" SECRET "\"\r\n", "key." },
	{ "nothing", "", NULL },
	{ "prose", "the key is under the mat\n", NULL },
};
/* clang-format on */

static void keys_are_read_as_key_makers_write_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct tsig_key *key = NULL;
		struct error e = { 0 };
		bool ok = tsig_key_parse(keys[i].text, "the file", &key, &e) == 0;
		if (ok != !!keys[i].name ||
		    (ok && strcmp(tsig_key_name(key), keys[i].name) != 0))
			fail_msg("%s: got %s, want %s", keys[i].story,
				 ok ? tsig_key_name(key) : e.text,
				 keys[i].name ? keys[i].name : "refusal");
		if (!ok && (strstr(e.text, SECRET) || !strstr(e.text, "the file")))
			fail_msg(
			    "%s: a sentence with the secret, or without the file: %s",
			    keys[i].story, e.text);
		tsig_key_free(key);
	}
}

struct exchange {
	unsigned calls;
	struct update_result result;
};

static void on_done(const struct update_result *r, void *arg)
{
	struct exchange *x = arg;
	x->calls++;
	x->result = *r;
}

/* A server that accepts and then says `bytes`, whatever it was sent. */
static void on_client(uv_stream_t *listener, int status)
{
	assert_int_equal(status, 0);
	uv_tcp_t *client = xcalloc(1, sizeof(*client));
	uv_buf_t *bytes = listener->data;
	(void)uv_tcp_init(listener->loop, client);
	assert_int_equal(uv_accept(listener, (uv_stream_t *)client), 0);
	(void)uv_try_write((uv_stream_t *)client, bytes, 1);
	uv_close((uv_handle_t *)client, (uv_close_cb)free);
	uv_close((uv_handle_t *)listener, NULL);
}

static struct update_result talk_to(const char *bytes, size_t len)
{
	uv_loop_t loop;
	uv_tcp_t listener;
	struct sockaddr_storage sa;
	struct addr loopback;
	struct exchange x = { 0 };
	struct error e;
	uint16_t port;
	int size = sizeof(sa);
	uv_buf_t answer = { .base = xcalloc(len + 1, 1), .len = len };
	memcpy(answer.base, bytes, len);
	assert_true(addr_parse("127.0.0.1", &loopback));
	assert_int_equal(uv_loop_init(&loop), 0);
	(void)uv_tcp_init(&loop, &listener);
	listener.data = &answer;
	(void)addr_to_sockaddr(loopback, 0, &sa);
	assert_int_equal(uv_tcp_bind(&listener, (struct sockaddr *)&sa, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listener, 1, on_client), 0);
	assert_int_equal(uv_tcp_getsockname(&listener, (struct sockaddr *)&sa, &size), 0);
	(void)addr_from_sockaddr((struct sockaddr *)&sa, &port);
	struct update *u = update_new("example.com", NULL);
	update_require_none(u, "fake1.example.com", RR_A);
	assert_int_equal(update_send(u, &loop, loopback, port, on_done, &x, &e), 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(x.calls, 1);
	free(answer.base);
	return x.result;
}

static void what_is_no_answer_is_never_taken_for_one(void **state)
{
	(void)state;
	static const char garbage[] = "\0\x10garbage of 16 b.", cut[] = "\0\x40\1\2",
			  other_id[] = "\0\x0c\xff\xff\xa8\0\0\0\0\0\0\0\0\0",
			  empty[] = "\0\0";
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = { { garbage, sizeof(garbage) - 1 },
		     { cut, sizeof(cut) - 1 },
		     { other_id, sizeof(other_id) - 1 },
		     { empty, 2 },
		     { "", 0 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct update_result r = talk_to(rows[i].bytes, rows[i].len);
		assert_int_equal(r.outcome, UPDATE_FAILED);
		assert_true(strlen(r.error.text) > 20);
	}
}

static void a_name_that_is_none_is_refused_before_sending(void **state)
{
	(void)state;
	uv_loop_t loop;
	struct exchange x = { 0 };
	struct error e;
	struct addr loopback;
	assert_true(addr_parse("127.0.0.1", &loopback));
	assert_int_equal(uv_loop_init(&loop), 0);
	struct update *u = update_new("example.com", NULL);
	update_require_none(u, "two..dots", RR_A);
	assert_int_equal(update_send(u, &loop, loopback, 53, on_done, &x, &e),
			 FMX_EMALFORMED);
	assert_int_equal(x.calls, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_a_sentence_with_server_and_remedy),
		cmocka_unit_test(keys_are_read_as_key_makers_write_them),
		cmocka_unit_test(what_is_no_answer_is_never_taken_for_one),
		cmocka_unit_test(a_name_that_is_none_is_refused_before_sending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
