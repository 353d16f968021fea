/* The formats of a list: what a consumer reads, and what counts as the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/stamp.h"
#include "outlet/list.h"

enum { NOW = 1000 };

static void put(void *arg, const char *text, size_t len)
{
	buf_add(arg, text, len);
}

static struct listing listing(const char *address, int64_t until)
{
	struct listing l = { .is_listed = true,
			     .reason = REASON_LISTED,
			     .counted_visits = 2,
			     .since = 0,
			     .until = until * STAMP_SECOND };
	assert_true(addr_parse(address, &l.client));
	return l;
}

/* Two of each family, one of them by two sites. */
static const char *document(enum list_format f, const char *note, struct buf *to)
{
	struct list_head head = {
		.is_enforced = true, .note = note, .now = NOW * STAMP_SECOND, .serial = 7
	};
	struct list_out out = { put, to };
	struct list_writer w;
	struct listing all[] = { listing("127.0.0.1", 2000), listing("192.0.2.9", 1500),
				 listing("192.0.2.9", 2000),
				 listing("2001:db8::9", 3000) };
	buf_clear(to);
	list_begin(&w, f, &head, &out);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		list_add(&w, &all[i]);
	(void)list_end(&w);
	return buf_text(to);
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

static void each_address_stands_once_in_every_format(void **state)
{
	static const struct {
		enum list_format format;
		const char *four, *six;
	} rows[] = {
		{ LIST_PLAIN, "192.0.2.9\n", "2001:db8::9\n" },
		{ LIST_RSPAMD, "192.0.2.9 # until 1970-01-01T00:33:20Z: it went",
		  "2001:db8::9 # until" },
		{ LIST_POSTFIX_CIDR, "\n192.0.2.9 450 4.7.1 fakemx: it went",
		  "\n2001:db8::9 450 4.7.1" },
		{ LIST_NFT, "listed4 { 192.0.2.9 timeout 1000s } # until",
		  "listed6 { 2001:db8::9 timeout 2000s }" },
		{ LIST_RBLDNSD, "\n192.0.2.9 :127.0.0.2:fakemx: it went",
		  "\n2001:db8::9 :127.0.0.2:fakemx: it went" },
		{ LIST_DNSBL, "\n9.2.0.192 A 127.0.0.2\n TXT \"fakemx: it went",
		  "\n9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A "
		  "127.0.0.2\n" },
	};
	struct buf b = BUF_INIT(65536);
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = document(rows[i].format, NULL, &b);
		if (count_of(text, rows[i].four) != 1 || count_of(text, rows[i].six) != 1)
			fail_msg("%s: want \"%s\" and \"%s\" once, got\n%s",
				 list_format_name(rows[i].format), rows[i].four,
				 rows[i].six, text);
	}
	buf_release(&b);
}

static void a_dnsbl_lists_its_test_entries_and_never_127_0_0_1(void **state)
{
	struct buf b = BUF_INIT(65536);
	(void)state;
	for (int note = 0; note < 2; note++) {
		const char *zone = document(LIST_DNSBL, note ? "off" : NULL, &b);
		assert_int_equal(count_of(zone, "\n2.0.0.127 A 127.0.0.2\n"), 1);
		assert_int_equal(
		    count_of(zone,
			     "\n2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			     "0.0.0.0.0 A 127.0.0.2\n"),
		    1);
		assert_int_equal(count_of(zone, "1.0.0.127"), 0);
		assert_int_equal(count_of(zone, "9.2.0.192"), note ? 0 : 1);
		const char *set = document(LIST_RBLDNSD, note ? "off" : NULL, &b);
		assert_int_equal(count_of(set, "\n127.0.0.2 :"), 1);
		assert_int_equal(count_of(set, "\n::ffff:7f00:2 :"), 1);
		assert_int_equal(count_of(set, "127.0.0.1"), 0);
	}
	buf_release(&b);
}

static void an_empty_list_says_why(void **state)
{
	struct buf b = BUF_INIT(65536);
	(void)state;
	for (int f = LIST_RSPAMD; f < LIST_FORMATS; f++) {
		const char *text = document((enum list_format)f, "fakemx off", &b);
		assert_int_equal(count_of(text, " Nobody is listed: fakemx off.\n"), 1);
		assert_int_equal(count_of(text, "192.0.2.9"), 0);
		assert_int_equal(count_of(text, "2001:db8::9"), 0);
	}
	buf_release(&b);
}

static void a_serial_and_a_timeout_alone_are_no_change(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1\n", "192.0.2.1\n", true },
		{ "192.0.2.1\n", "192.0.2.10\n", false },
		{ "5 ; serial\n", "123 ; serial\n", true },
		{ "5 ; serials\n", "6 ; serials\n", false },
		{ "{ 192.0.2.1 timeout 5s } # until 3\n",
		  "{ 192.0.2.1 timeout 3600s } # until 3\n", true },
		{ "{ 192.0.2.1 timeout 5s } # until 3\n",
		  "{ 192.0.2.1 timeout 5s } # until 4\n", false },
		{ "", "192.0.2.1\n", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (list_is_same_line(rows[i].a, rows[i].b) != rows[i].same)
			fail_msg("\"%s\" and \"%s\": want %d", rows[i].a, rows[i].b,
				 rows[i].same);
}

static void each_name_is_that_of_its_format(void **state)
{
	enum list_format f;
	char names[] = LIST_FORMAT_NAMES, *rest = names;
	int i = 0;
	(void)state;
	for (char *name; (name = strsep(&rest, "|")); i++) {
		assert_true(list_format_parse(name, &f));
		assert_int_equal(f, i);
	}
	assert_int_equal(i, LIST_FORMATS);
	assert_false(list_format_parse("hosts", &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_stands_once_in_every_format),
		cmocka_unit_test(a_dnsbl_lists_its_test_entries_and_never_127_0_0_1),
		cmocka_unit_test(an_empty_list_says_why),
		cmocka_unit_test(a_serial_and_a_timeout_alone_are_no_change),
		cmocka_unit_test(each_name_is_that_of_its_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
