#include "dns/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One row, one thing people write; want NULL for what is refused. */
/* clang-format off */
static const struct {
	const char *input;
	const char *want;
	const char *said; /* part of the note, or of the refusal */
} cases[] = {
	{ "example.com",                   "example.com", "" },
	{ " Example.COM.\n",               "example.com", "" },
	{ "_dmarc.example.com",            "_dmarc.example.com", "" },
	{ "B\xc3\xbc" "cher.example",      "xn--bcher-kva.example", "" },
	{ "stra\xc3\x9f" "e.example",      "xn--strae-oqa.example", "" },
	{ "xn--bcher-kva.example",         "xn--bcher-kva.example", "" },
	{ "postmaster@example.com",        "example.com", "e-mail address" },
	{ "Joe <joe@example.com>",         "example.com", "e-mail address" },
	{ "mailto:joe@example.com?x=y",    "example.com", "e-mail address" },
	{ "https://www.example.com/a?b#c", "www.example.com", "URL" },
	{ "http://u:p@example.com:80",     "example.com", "URL" },
	{ "",                              NULL, "empty" },
	{ " . ",                           NULL, "empty" },
	{ "joe@",                          NULL, "empty" },
	{ "exa mple.com",                  NULL, "space inside" },
	{ "ex..ample",                     NULL, "empty label" },
	{ ".example",                      NULL, "empty label" },
	{ "192.0.2.1",                     NULL, "is an address" },
	{ "joe@[192.0.2.1]",               NULL, "is an address" },
	{ "2001:db8::1",                   NULL, "is an address" },
	{ "https://[2001:db8::1]/",        NULL, "is an address" },
	{ "example.com/path",              NULL, "'/' may not be" },
	{ "a\x01.example",                 NULL, "may not be" },
	{ "\xff\xfe.example",              NULL, "not a domain name" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
	                                   NULL, "" },
};
/* clang-format on */

static void a_domain_is_found_in_what_people_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[NAME_TEXT_MAX] = "untouched";
		struct name_note note;
		struct error e = { 0, "" };
		int r = name_read(cases[i].input, name, &note, &e);
		if ((r == 0) != (cases[i].want != NULL))
			fail_msg("'%s': got %d '%s' %s", cases[i].input, r, name, e.text);
		if (r != 0 && (r != FMX_EUSAGE || strcmp(name, "untouched") != 0))
			fail_msg("'%s': got %d and wrote '%s'", cases[i].input, r, name);
		if (r == 0 && strcmp(name, cases[i].want) != 0)
			fail_msg("'%s': got '%s'", cases[i].input, name);
		if (!strstr(r == 0 ? note.text : e.text, cases[i].said))
			fail_msg("'%s': said '%s'", cases[i].input,
				 r == 0 ? note.text : e.text);
	}
}

static void names_too_long_are_refused(void **state)
{
	(void)state;
	static char text[5000];
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 2 ? '.' : 'a';
	static const size_t lengths[] = { 255, 257, 2001, 4999 };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char name[NAME_TEXT_MAX];
		text[lengths[i]] = '\0';
		assert_int_equal(name_read(text, name, NULL, NULL), FMX_EUSAGE);
		text[lengths[i]] = '.';
	}
	char name[NAME_TEXT_MAX];
	text[253] = '\0';
	assert_int_equal(name_read(text, name, NULL, NULL), 0);
	assert_int_equal(strlen(name), 253);
}

static void a_name_survives_the_wire(void **state)
{
	(void)state;
	static const char *const names[] = { "", "com", "mail.example.com",
					     "a\\046b.example" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint8_t wire[NAME_WIRE_MAX];
		char back[NAME_TEXT_MAX];
		assert_true(name_to_wire(names[i], wire, NULL));
		assert_true(name_from_wire(wire, back));
		if (i < 3)
			assert_string_equal(back, names[i]);
	}
}

static void a_name_of_many_escapes_is_too_long_for_us(void **state)
{
	(void)state;
	uint8_t wire[NAME_WIRE_MAX] = { 63 };
	memset(wire + 1, 1, 63);
	wire[64] = 63;
	memset(wire + 65, 1, 63);
	char back[NAME_TEXT_MAX];
	assert_false(name_from_wire(wire, back));
}

static void a_name_lies_below_another_by_labels(void **state)
{
	(void)state;
	assert_true(name_is_below("a.example.com", "example.com"));
	assert_true(name_is_below("example.com", "example.com"));
	assert_true(name_is_below("example.com", ""));
	assert_false(name_is_below("badexample.com", "example.com"));
	assert_false(name_is_below("com", "example.com"));
}

static void host_names_and_literals_are_told(void **state)
{
	(void)state;
	assert_true(name_is_host("mail.example.com"));
	assert_false(name_is_host("localhost"));
	assert_false(name_is_host("a\\032b.example"));
	assert_true(name_is_literal("192.0.2.1"));
	assert_false(name_is_literal("192.0.2.com"));
}

static void the_registrable_domain_follows_the_list(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "mail.shop.example.co.uk", "example.co.uk" },
		{ "mail.example.com", "example.com" },
		{ "com", "com" },
		{ "a.b.blogspot.com", "b.blogspot.com" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char domain[NAME_TEXT_MAX];
		name_registrable(rows[i][0], domain);
		assert_string_equal(domain, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_is_found_in_what_people_write),
		cmocka_unit_test(names_too_long_are_refused),
		cmocka_unit_test(a_name_survives_the_wire),
		cmocka_unit_test(a_name_of_many_escapes_is_too_long_for_us),
		cmocka_unit_test(a_name_lies_below_another_by_labels),
		cmocka_unit_test(host_names_and_literals_are_told),
		cmocka_unit_test(the_registrable_domain_follows_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
