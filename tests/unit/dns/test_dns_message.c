#include "dns/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A small maker of answers: names without compression, records by hand. */
struct maker {
	uint8_t bytes[4096];
	size_t len;
};

static void put(struct maker *m, const void *data, size_t len)
{
	assert_true(m->len + len <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
}

static void put16(struct maker *m, unsigned v)
{
	put(m, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void put_name(struct maker *m, const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t len;
	assert_true(name_to_wire(name, wire, &len));
	put(m, wire, len);
}

static void begin(struct maker *m, const char *name, enum rr_type type, unsigned flags,
		  unsigned answers)
{
	m->len = 0;
	put16(m, 1);
	put16(m, 0x8000 | flags);
	put16(m, 1);
	put16(m, answers);
	put16(m, 0);
	put16(m, 0);
	put_name(m, name);
	put16(m, type);
	put16(m, 1);
}

static void put_record(struct maker *m, const char *owner, enum rr_type type,
		       unsigned ttl, const void *rdata, size_t len)
{
	put_name(m, owner);
	put16(m, type);
	put16(m, 1);
	put16(m, 0);
	put16(m, ttl);
	put16(m, (unsigned)len);
	put(m, rdata, len);
}

static void put_alias(struct maker *m, const char *owner, const char *target)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t len;
	assert_true(name_to_wire(target, wire, &len));
	put_record(m, owner, RR_CNAME, 60, wire, len);
}

static struct answer answer;

static void read_back(struct maker *m, const char *name, enum rr_type type)
{
	answer_read(&answer, m->bytes, m->len, name, type);
}

enum { AA = 0x0400, AD = 0x0020 };

static void the_records_of_the_type_are_found(void **state)
{
	(void)state;
	struct maker m;
	begin(&m, "example.com", RR_MX, AD, 2);
	put_record(&m, "Example.com", RR_MX, 300, "\0\12\4Mail\7example\3com", 20);
	put_record(&m, "example.com", RR_MX, 60, "\0\0\0", 3);
	read_back(&m, "example.com", RR_MX);
	assert_int_equal(answer.status, LOOKUP_OK);
	assert_int_equal(answer.count, 2);
	assert_int_equal(answer.ttl, 60);
	assert_true(answer.is_authentic);
	assert_false(answer.is_authoritative);
	uint16_t preference;
	char exchange[NAME_TEXT_MAX];
	assert_true(rdata_mx(answer.records[0], &preference, exchange));
	assert_int_equal(preference, 10);
	assert_string_equal(exchange, "mail.example.com");
	assert_true(rdata_mx(answer.records[1], &preference, exchange));
	assert_string_equal(exchange, "");
}

static void a_chain_is_followed_in_any_order(void **state)
{
	(void)state;
	struct maker m;
	begin(&m, "a.example", RR_A, AA, 4);
	put_record(&m, "c.example", RR_A, 60, "\300\0\2\1", 4);
	put_alias(&m, "b.example", "c.example");
	put_alias(&m, "a.example", "b.example");
	put_record(&m, "other.example", RR_A, 60, "\300\0\2\2", 4);
	read_back(&m, "a.example", RR_A);
	assert_int_equal(answer.status, LOOKUP_OK);
	assert_int_equal(answer.count, 1);
	assert_true(answer.is_alias && answer.is_authoritative);
	assert_string_equal(answer.owner, "c.example");
	struct addr got, want;
	assert_true(rdata_addr(answer.records[0], &got));
	assert_true(addr_parse("192.0.2.1", &want));
	assert_true(addr_equal(got, want));
}

/* As `check` does: it asks for each host's address while it reads the MX set. */
static void a_question_made_meanwhile_leaves_the_answer_alone(void **state)
{
	(void)state;
	struct maker m;
	uint8_t wire[MESSAGE_QUERY_MAX], rdata[3 + NAME_WIRE_MAX] = { 0, 10 };
	char exchange[NAME_TEXT_MAX];
	uint16_t preference;
	size_t len;
	begin(&m, "example.com", RR_MX, 0, 20);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(exchange, sizeof(exchange), "mx%u.example.com", i);
		assert_true(name_to_wire(exchange, rdata + 2, &len));
		put_record(&m, "example.com", RR_MX, 60, rdata, len + 2);
	}
	read_back(&m, "example.com", RR_MX);
	assert_int_equal(answer.count, 20);
	for (size_t i = 0; i < answer.count; i++) {
		char want[64];
		assert_true(rdata_mx(answer.records[i], &preference, exchange));
		(void)snprintf(want, sizeof(want), "mx%zu.example.com", i);
		assert_string_equal(exchange, want);
		assert_true(message_ask(exchange, RR_A, MESSAGE_RECURSE, 1, wire, &len));
	}
}

static void a_chain_that_loops_is_garbage(void **state)
{
	(void)state;
	struct maker m;
	begin(&m, "a.example", RR_A, 0, 2);
	put_alias(&m, "a.example", "b.example");
	put_alias(&m, "b.example", "a.example");
	read_back(&m, "a.example", RR_A);
	assert_int_equal(answer.status, LOOKUP_GARBAGE);
}

/* Class NONE may have no data at all, which says nothing of the packet before. */
static void an_alias_of_another_class_is_none(void **state)
{
	(void)state;
	struct maker m;
	begin(&m, "a.example", RR_A, 0, 1);
	put_alias(&m, "a.example", "stale.example");
	read_back(&m, "a.example", RR_A);
	assert_string_equal(answer.owner, "stale.example");
	begin(&m, "a.example", RR_A, 0, 1);
	put_record(&m, "a.example", RR_CNAME, 60, "", 0);
	m.bytes[m.len - 7] = 0xfe; /* of the class, which is 254 now */
	m.bytes[m.len - 8] = 0;
	read_back(&m, "a.example", RR_A);
	assert_false(answer.is_alias);
	assert_string_not_equal(answer.owner, "stale.example");
}

static void return_codes_become_states(void **state)
{
	(void)state;
	static const enum lookup_status want[] = { LOOKUP_NODATA,   LOOKUP_REFUSED,
						   LOOKUP_SERVFAIL, LOOKUP_NXDOMAIN,
						   LOOKUP_REFUSED,  LOOKUP_REFUSED };
	for (unsigned code = 0; code < 6; code++) {
		struct maker m;
		begin(&m, "example.com", RR_MX, code, 0);
		read_back(&m, "example.com", RR_MX);
		assert_int_equal(answer.status, want[code]);
		assert_int_equal(answer.count, 0);
	}
}

static void every_cut_answer_is_survived(void **state)
{
	(void)state;
	struct maker m;
	begin(&m, "example.com", RR_MX, 0, 1);
	put_record(&m, "example.com", RR_MX, 300, "\0\12\4mail\7example\3com", 20);
	for (size_t len = 0; len < m.len; len++) {
		struct maker cut = m;
		answer_read(&answer, cut.bytes, len, "example.com", RR_MX);
		assert_int_equal(answer.status, LOOKUP_GARBAGE);
	}
}

static void more_records_than_we_keep_are_cut(void **state)
{
	(void)state;
	struct maker m;
	begin(&m, "a.example", RR_A, 0, ANSWER_RECORDS_MAX + 5);
	for (uint8_t i = 0; i < ANSWER_RECORDS_MAX + 5; i++)
		put_record(&m, "a.example", RR_A, 60, (uint8_t[]){ 192, 0, 2, i }, 4);
	read_back(&m, "a.example", RR_A);
	assert_int_equal(answer.count, ANSWER_RECORDS_MAX);
	assert_true(answer.is_cut);
}

static void a_question_carries_do_and_reads_as_one(void **state)
{
	(void)state;
	uint8_t wire[MESSAGE_QUERY_MAX];
	size_t len;
	assert_true(
	    message_ask("example.com", RR_TLSA, MESSAGE_RECURSE, 0x1234, wire, &len));
	assert_int_equal(len, 12 + 13 + 4 + 11);
	assert_memory_equal(wire, "\x12\x34\x01\x00\0\1\0\0\0\0\0\1", 12);
	/* OPT: root, type 41, 1232 bytes, DO */
	assert_memory_equal(wire + len - 11, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
	assert_false(message_ask("a..b", RR_A, MESSAGE_PLAIN, 1, wire, &len));
	answer_read(&answer, wire, 40, "example.com", RR_TLSA);
	assert_int_equal(answer.status, LOOKUP_GARBAGE); /* not a response */
}

static void text_is_joined_and_made_printable(void **state)
{
	(void)state;
	char text[RDATA_TEXT_MAX];
	static const uint8_t spf[] = "\7v=spf1 \3mx\x07";
	assert_true(rdata_text((struct rdata){ spf, sizeof(spf) - 1 }, text));
	assert_string_equal(text, "v=spf1 mx?");
	assert_false(rdata_text((struct rdata){ spf, 4 }, text));
}

static void the_serial_stands_before_the_timers(void **state)
{
	(void)state;
	uint8_t soa[22] = { 0, 0, 0x78, 0xc5, 0xa2, 0x01 };
	uint32_t serial;
	assert_true(rdata_serial((struct rdata){ soa, sizeof(soa) }, &serial));
	assert_int_equal(serial, 0x78c5a201);
	assert_false(rdata_serial((struct rdata){ soa, 21 }, &serial));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_records_of_the_type_are_found),
		cmocka_unit_test(a_chain_is_followed_in_any_order),
		cmocka_unit_test(a_question_made_meanwhile_leaves_the_answer_alone),
		cmocka_unit_test(a_chain_that_loops_is_garbage),
		cmocka_unit_test(an_alias_of_another_class_is_none),
		cmocka_unit_test(return_codes_become_states),
		cmocka_unit_test(every_cut_answer_is_survived),
		cmocka_unit_test(more_records_than_we_keep_are_cut),
		cmocka_unit_test(a_question_carries_do_and_reads_as_one),
		cmocka_unit_test(text_is_joined_and_made_printable),
		cmocka_unit_test(the_serial_stands_before_the_timers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
