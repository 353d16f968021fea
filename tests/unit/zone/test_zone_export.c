#include "zone/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct plan plan;
static struct zone_mx before[4];
static struct export x;

static void begin(const char *zone, const char *domain)
{
	plan_clear(&plan);
	x = (struct export){
		.zone = zone, .domain = domain, .before = before, .plan = &plan
	};
}

static void had(uint16_t preference, const char *host, uint32_t ttl)
{
	struct zone_mx *mx = &before[x.before_count++];
	*mx = (struct zone_mx){ .preference = preference, .ttl = ttl };
	(void)snprintf(mx->exchange, sizeof(mx->exchange), "%s", host);
}

static void gets(uint16_t preference, const char *host, uint32_t ttl)
{
	struct zone_mx *mx = &plan.after[plan.after_count++];
	*mx = (struct zone_mx){ .preference = preference, .ttl = ttl };
	(void)snprintf(mx->exchange, sizeof(mx->exchange), "%s", host);
}

static void change_mx(enum edit_action action, uint16_t preference, const char *host)
{
	struct zone_change *c = plan_add(&plan, action, EDIT_MX, x.domain, 300, NULL);
	c->preference = preference;
	(void)snprintf(c->target, sizeof(c->target), "%s", host);
}

/* The usual one: a decoy with an address behind one real host. */
static void high(void)
{
	begin("example.com", "example.com");
	had(10, "mail.example.com", 300);
	gets(10, "mail.example.com", 300);
	gets(20, "fake1.mx.example.com", 300);
	change_mx(EDIT_ADD, 20, "fake1.mx.example.com");
	(void)plan_add(&plan, EDIT_ADD, EDIT_A, "fake1.mx.example.com", 300,
		       "192.0.2.30");
}

static void assert_writes(enum export_format f, const char *want)
{
	struct buf out = BUF_INIT(64 * 1024);
	struct error e;
	assert_int_equal(export_write(f, &x, &out, &e), 0);
	if (!strstr(buf_text(&out), want))
		fail_msg("%s: got\n%s\nwant\n%s", export_format_name(f), buf_text(&out),
			 want);
	buf_release(&out);
}

static void a_table_has_what_is_typed_and_what_stays(void **state)
{
	(void)state;
	high();
	assert_writes(
	    EXPORT_TABLE,
	    "  add     A     fake1.mx             192.0.2.30                  300\n"
	    "  leave   MX    @                10  mail.example.com            300\n"
	    "  add     MX    @                20  fake1.mx.example.com        300\n");
	assert_writes(EXPORT_TABLE, "  remove  MX    @                20  "
				    "fake1.mx.example.com\nand 600 seconds");
}

static void a_line_that_is_edited_is_one_line(void **state)
{
	(void)state;
	begin("example.com", "example.com");
	had(0, "mail.example.com", 300);
	gets(10, "mail.example.com", 300);
	change_mx(EDIT_REMOVE, 0, "mail.example.com");
	change_mx(EDIT_ADD, 10, "mail.example.com");
	assert_writes(EXPORT_TABLE, "VALUE                       TTL\n"
				    "  change  MX    @                10  "
				    "mail.example.com            300\n\nNAME");
	assert_writes(EXPORT_TABLE,
		      "take it back:\n  change  MX    @                 0  ");
	assert_writes(EXPORT_NSUPDATE,
		      "prereq yxrrset example.com. IN MX 0 mail.example.com.\n"
		      "update delete example.com. IN MX 0 mail.example.com.\n"
		      "update add example.com. 300 IN MX 10 mail.example.com.\nsend\n");
}

static void a_name_from_the_dns_is_no_command(void **state)
{
	(void)state;
	begin("example.com", "example.com");
	had(10, "a'$(id)'.example.com", 300);
	change_mx(EDIT_REMOVE, 10, "a'$(id)'.example.com");
	assert_writes(EXPORT_KNOTC, "knotc zone-unset example.com. example.com. MX "
				    "'10 a'\\''$(id)'\\''.example.com.'\n");
}

/* PowerDNS replaces whole sets: a second address, which somebody else gave the
 * decoy's name, must be in it. */
static void what_somebody_else_put_there_stays(void **state)
{
	(void)state;
	char ours[] = "192.0.2.30", theirs[] = "192.0.2.77", six[] = "2001:db8::30";
	struct record_range there[] = { { .type = RANGE_A, .rdata = ours },
					{ .type = RANGE_A, .rdata = theirs },
					{ .type = RANGE_AAAA, .rdata = six } };
	begin("example.com", "example.com");
	had(10, "mail.example.com", 300);
	gets(10, "mail.example.com", 300);
	for (size_t i = 0; i < 3; i++)
		(void)snprintf(there[i].owner, NAME_TEXT_MAX, "fake1.mx.example.com");
	x.records = there;
	x.record_count = 3;
	(void)plan_add(&plan, EDIT_REMOVE, EDIT_A, "fake1.mx.example.com", 300, ours);
	(void)plan_add(&plan, EDIT_REMOVE, EDIT_AAAA, "fake1.mx.example.com", 300, six);
	assert_writes(
	    EXPORT_POWERDNS,
	    "{\"rrsets\":[{\"name\":\"fake1.mx.example.com.\",\"type\":\"A\",\"ttl\":300,"
	    "\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"192.0.2.77\","
	    "\"disabled\":false}]},{\"name\":\"fake1.mx.example.com.\",\"type\":\"AAAA\","
	    "\"changetype\":\"DELETE\"}]}\n");
}

static void dnscontrol_can_only_add(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(64 * 1024);
	struct error e;
	high();
	assert_writes(EXPORT_DNSCONTROL,
		      "D_EXTEND(\"example.com\",\n"
		      "    MX(\"@\", 20, \"fake1.mx.example.com.\", TTL(300)),\n"
		      "    A(\"fake1.mx\", \"192.0.2.30\", TTL(300))\n);\n");
	change_mx(EDIT_REMOVE, 10, "mail.example.com");
	assert_int_equal(export_write(EXPORT_DNSCONTROL, &x, &out, &e), FMX_EREFUSED);
	assert_non_null(strstr(e.text, "can only add"));
	assert_string_equal(buf_text(&out), "");
}

static void octodns_wants_natural_order(void **state)
{
	(void)state;
	high();
	(void)plan_add(&plan, EDIT_ADD, EDIT_A, "fake10.example.com", 300, "192.0.2.31");
	(void)plan_add(&plan, EDIT_ADD, EDIT_A, "0fake.example.com", 300, "192.0.2.32");
	struct buf out = BUF_INIT(64 * 1024);
	struct error e;
	static const char *const keys[] = { "\n\"\":\n", "\n\"0fake\":\n",
					    "\n\"fake1.mx\":\n", "\n\"fake10\":\n" };
	assert_int_equal(export_write(EXPORT_OCTODNS, &x, &out, &e), 0);
	const char *last = buf_text(&out);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *at = strstr(last, keys[i]);
		if (!at)
			fail_msg("%s is not where it should be:\n%s", keys[i],
				 buf_text(&out));
		last = at;
	}
	buf_release(&out);
}

static void a_name_below_the_zone_has_its_own_name(void **state)
{
	(void)state;
	char text[NAME_TEXT_MAX];
	begin("example.com", "lists.example.com");
	assert_string_equal(export_name(&x, "lists.example.com", text), "lists");
	assert_string_equal(export_name(&x, "example.com", text), "@");
	assert_string_equal(export_name(&x, "mx.other.example", text),
			    "mx.other.example");
	assert_string_equal(export_name(&x, "notexample.com", text), "notexample.com");
}

static void no_set_after_may_end_the_real_hosts(void **state)
{
	(void)state;
	uint32_t count = 0;
	high();
	assert_non_null(export_after(&x, &count));
	(void)snprintf(plan.refusal, sizeof(plan.refusal), "no");
	assert_null(export_after(&x, &count));
	begin("example.com", "example.com");
	had(0, "", 300);
	plan.is_no_mail = true;
	const struct zone_mx *after = export_after(&x, &count);
	assert_int_equal(count, 1);
	assert_string_equal(after[0].exchange, "");
	plan.is_no_mail = false;
}

static void each_format_has_a_name(void **state)
{
	(void)state;
	enum export_format f;
	char all[200] = "";
	for (enum export_format i = 0; i < EXPORT_FORMATS; i++) {
		assert_true(export_format_parse(export_format_name(i), &f) && f == i);
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			       i ? "|" : "", export_format_name(i));
	}
	assert_string_equal(all, EXPORT_FORMAT_NAMES);
	assert_false(export_format_parse("bind", &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_what_is_typed_and_what_stays),
		cmocka_unit_test(a_line_that_is_edited_is_one_line),
		cmocka_unit_test(a_name_from_the_dns_is_no_command),
		cmocka_unit_test(what_somebody_else_put_there_stays),
		cmocka_unit_test(dnscontrol_can_only_add),
		cmocka_unit_test(octodns_wants_natural_order),
		cmocka_unit_test(a_name_below_the_zone_has_its_own_name),
		cmocka_unit_test(no_set_after_may_end_the_real_hosts),
		cmocka_unit_test(each_format_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
