#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "zone/plan.h"

/* "10 mail 20 backup": names below example.com; returns how many. */
static uint32_t read_mx(const char *text, struct zone_mx *out)
{
	uint32_t n = 0;
	unsigned preference;
	char host[64];
	int used;
	for (; sscanf(text, "%u %63s %n", &preference, host, &used) == 2;
	     text += used, n++) {
		out[n] =
		    (struct zone_mx){ .preference = (uint16_t)preference, .ttl = 3600 };
		if (strcmp(host, "NULL") != 0)
			(void)snprintf(out[n].exchange, NAME_TEXT_MAX, "%s.example.com",
				       host);
	}
	return n;
}

/* "mail=192.0.2.25 fake1=CNAME:x _25._tcp.mail=TLSA:3 1 1 ab". */
static size_t read_records(const char *text, struct record_range *out)
{
	size_t n = 0;
	char name[64], rdata[64];
	int used;
	for (; sscanf(text, "%63[^=]=%63s %n", name, rdata, &used) == 2;
	     text += used, n++) {
		static char kept[16][64];
		out[n] = (struct record_range){ .type = RANGE_A, .rdata = kept[n] };
		(void)snprintf(out[n].owner, NAME_TEXT_MAX, "%s.example.com", name);
		if (strncmp(rdata, "CNAME:", 6) == 0)
			out[n].type = RANGE_CNAME;
		else if (strncmp(rdata, "TLSA:", 5) == 0)
			out[n].type = RANGE_TLSA;
		else if (strcmp(rdata, "NS") == 0)
			out[n].type = RANGE_NS;
		else if (strcmp(rdata, "DNAME") == 0)
			out[n].type = RANGE_DNAME;
		else
			assert_true(addr_parse(rdata, &out[n].addr));
		const char *colon = strchr(rdata, ':');
		(void)str_copy(kept[n], sizeof(kept[n]), colon ? colon + 1 : rdata);
	}
	return n;
}

static void set_decoy(struct plan_decoy *d, const char *name, const char *address)
{
	(void)snprintf(d->name, sizeof(d->name), "%s", name);
	if (address)
		assert_true(addr_parse(address, &d->addresses[d->address_count++]));
}

static void write_plan(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		char mx[CHANGE_MX_TEXT_MAX];
		buf_addf(out, "%c%s %s %s|", c->action == EDIT_ADD ? '+' : '-',
			 edit_type_name(c->type), c->owner, zone_change_rdata(c, mx));
	}
	if (p->refusal[0])
		buf_addf(out, "!%s", p->refusal);
}

/* clang-format off */
static const struct {
	const char *story;
	const char *mx, *records;
	enum layout layout;
	bool renumber;
	const char *want; /* the beginning of a refusal is enough */
} rows[] = {
	{ "part one of the article", "10 mail 20 backup", "mail=8.8.8.1 ", LAYOUT_HIGH, false,
	  "+MX example.com 30 fake1.example.com.|+A fake1.example.com 8.8.8.30|" },
	{ "nothing to do", "10 mail 30 fake1", "fake1=8.8.8.30 ", LAYOUT_HIGH, false, "" },
	{ "part two", "10 mail", "", LAYOUT_BOTH, false,
	  "+MX example.com 0 fake0.example.com.|+MX example.com 20 fake1.example.com.|"
	  "+A fake0.example.com 8.8.8.20|+A fake1.example.com 8.8.8.30|" },
	{ "back to none", "0 fake0 10 mail 30 fake1", "", LAYOUT_NONE, false,
	  "-MX example.com 0 fake0.example.com.|-MX example.com 30 fake1.example.com.|" },
	{ "from both to high", "0 fake0 10 mail 30 fake1", "fake1=8.8.8.30 ", LAYOUT_HIGH, false,
	  "-MX example.com 0 fake0.example.com.|" },
	{ "a decoy that stands too low moves", "10 fake1 20 mail", "fake1=8.8.8.30 ", LAYOUT_HIGH, false,
	  "-MX example.com 10 fake1.example.com.|+MX example.com 30 fake1.example.com.|" },
	{ "digit count is kept", "5 mail", "fake1=8.8.8.30 ", LAYOUT_HIGH, false, "+MX example.com 9 fake1.example.com.|" },
	{ "digit count is kept at 95", "95 mail", "fake1=8.8.8.30 ", LAYOUT_HIGH, false, "+MX example.com 99 fake1.example.com.|" },
	{ "no greater one of that count", "99 mail", "fake1=8.8.8.30 ", LAYOUT_HIGH, false, "+MX example.com 109 fake1.example.com.|" },
	{ "no room at all", "65535 mail", "fake1=8.8.8.30 ", LAYOUT_HIGH, false, "*the real hosts of example.com stand at preference 65535" },
	{ "a real host at 0", "0 mail", "fake0=8.8.8.20 ", LAYOUT_LOW, false, "*a real host of example.com stands at preference 0" },
	{ "renumbered when asked", "0 mail 0 mail2 5 backup", "fake0=8.8.8.20 ", LAYOUT_LOW, true,
	  "-MX example.com 0 mail.example.com.|-MX example.com 0 mail2.example.com.|-MX example.com 5 backup.example.com.|"
	  "+MX example.com 10 mail.example.com.|+MX example.com 10 mail2.example.com.|+MX example.com 20 backup.example.com.|"
	  "+MX example.com 0 fake0.example.com.|" },
	{ "no MX", "", "", LAYOUT_HIGH, false, "(no mail)" },
	{ "a null MX", "0 NULL", "", LAYOUT_HIGH, false, "(no mail)" },
	{ "a null MX beside a real one", "0 NULL 10 mail", "", LAYOUT_HIGH, false, "*example.com has a null MX" },
	{ "the decoy's name is delegated", "10 mail", "fake1=NS ", LAYOUT_HIGH, false, "*fake1.example.com is delegated" },
	{ "only a decoy", "30 fake1", "", LAYOUT_HIGH, false, "*example.com has no MX record of a real host" },
	{ "an alias", "10 mail", "fake1=CNAME:x ", LAYOUT_HIGH, false, "*fake1.example.com is an alias" },
	{ "another address", "10 mail", "fake1=8.8.8.31 ", LAYOUT_HIGH, false, "*fake1.example.com already has the address 8.8.8.31" },
	{ "a real host's address", "10 mail", "mail=8.8.8.30 ", LAYOUT_HIGH, false, "*the decoy's address 8.8.8.30 is that of mail.example.com" },
	{ "TLSA as the real host's", "10 mail", "_25._tcp.mail=TLSA:3 fake1=8.8.8.30 ", LAYOUT_HIGH, false,
	  "+MX example.com 20 fake1.example.com.|+TLSA _25._tcp.fake1.example.com 3|" },
	{ "TLSA is there", "10 mail", "_25._tcp.mail=TLSA:3 _25._tcp.fake1=TLSA:2 fake1=8.8.8.30 ", LAYOUT_HIGH, false,
	  "+MX example.com 20 fake1.example.com.|" },
};
/* clang-format on */

static void plans_reconcile(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct zone_mx mx[ZONE_MAX_MX];
		static struct record_range records[16];
		static struct plan plan;
		struct plan_want want = { .layout = rows[i].layout,
					  .ttl = -1,
					  .renumber = rows[i].renumber };
		set_decoy(&want.low, "fake0.example.com", "8.8.8.20");
		set_decoy(&want.high, "fake1.example.com", "8.8.8.30");
		struct plan_zone zone = { .origin = "example.com",
					  .mx = mx,
					  .records = records };
		zone.mx_count = read_mx(rows[i].mx, mx);
		zone.record_count = read_records(rows[i].records, records);
		plan_make(&zone, &want, &plan);
		struct buf got = BUF_INIT(8192);
		write_plan(&plan, &got);
		if (plan.is_no_mail)
			buf_adds(&got, "(no mail)");
		bool ok = rows[i].want[0] == '*'
			      ? strncmp(plan.refusal, rows[i].want + 1,
					strlen(rows[i].want + 1)) == 0
			      : strcmp(buf_text(&got), rows[i].want) == 0;
		if (!ok)
			fail_msg("%s:\ngot  %s\nwant %s", rows[i].story, buf_text(&got),
				 rows[i].want);
		buf_release(&got);
		plan_clear(&plan);
	}
}

/* A second high decoy is no real host: it stands behind the first, and goes with it. */
static void there_may_be_more_than_one_high_decoy(void **state)
{
	(void)state;
	static const struct {
		const char *mx;
		enum layout layout;
		const char *want;
	} high[] = {
		{ "10 mail", LAYOUT_HIGH,
		  "+MX example.com 20 fake1.example.com.|"
		  "+MX example.com 30 fake2.example.com.|" },
		{ "10 mail 20 fake1 30 fake2", LAYOUT_HIGH, "" },
		{ "10 mail 30 fake1 40 fake2", LAYOUT_NONE,
		  "-MX example.com 30 fake1.example.com.|"
		  "-MX example.com 40 fake2.example.com.|" },
		{ "10 mail 30 fake1 25 fake2", LAYOUT_HIGH,
		  "-MX example.com 25 fake2.example.com.|"
		  "+MX example.com 40 fake2.example.com.|" },
	};
	for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
		static struct zone_mx mx[ZONE_MAX_MX];
		static struct record_range records[16];
		static struct plan plan;
		struct plan_want want = { .layout = high[i].layout, .ttl = -1 };
		set_decoy(&want.high, "fake1.example.com", "8.8.8.30");
		set_decoy(&want.also[want.also_count++], "fake2.example.com", "8.8.8.32");
		struct plan_zone zone = { .origin = "example.com",
					  .mx = mx,
					  .records = records };
		zone.mx_count = read_mx(high[i].mx, mx);
		zone.record_count =
		    read_records("fake1=8.8.8.30 fake2=8.8.8.32 ", records);
		plan_make(&zone, &want, &plan);
		struct buf got = BUF_INIT(8192);
		write_plan(&plan, &got);
		if (strcmp(buf_text(&got), high[i].want) != 0)
			fail_msg("%s:\ngot  %s\nwant %s", high[i].mx, buf_text(&got),
				 high[i].want);
		buf_release(&got);
		plan_clear(&plan);
	}
}

/* What a plan leaves behind needs no plan: for any preferences. */
static void a_plan_is_idempotent(void **state)
{
	(void)state;
	unsigned seed = 99;
	for (int round = 0; round < 5000; round++) {
		static struct zone_mx mx[ZONE_MAX_MX];
		static struct plan plan, again;
		struct plan_want want = { .ttl = -1, .renumber = true };
		seed = seed * 1103515245U + 12345U;
		want.layout = (enum layout)(seed >> 16 & 3);
		set_decoy(&want.low, "fake0.example.com", "8.8.8.20");
		set_decoy(&want.high, "fake1.example.com", "8.8.8.30");
		want.also_count = seed >> 18 & 1;
		set_decoy(&want.also[0], "fake2.example.com", "8.8.8.32");
		struct plan_zone zone = { .origin = "example.com", .mx = mx };
		for (zone.mx_count = 0; zone.mx_count < 1 + (seed >> 20 & 3);
		     zone.mx_count++) {
			seed = seed * 1103515245U + 12345U;
			struct zone_mx *m = &mx[zone.mx_count];
			*m = (struct zone_mx){ .preference =
						   (uint16_t)((seed >> 8) % 3
								  ? (seed >> 16) % 120
								  : seed >> 16),
					       .ttl = 300 + (seed >> 12 & 1) };
			(void)snprintf(m->exchange, NAME_TEXT_MAX, "mail%u.example.com",
				       zone.mx_count);
		}
		plan_make(&zone, &want, &plan);
		if (plan.refusal[0])
			continue;
		struct plan_zone after = zone;
		after.mx = plan.after;
		after.mx_count = plan.after_count;
		static struct record_range records[8];
		after.records = records;
		for (size_t i = 0; i < plan.count; i++) {
			if (plan.changes[i].type != EDIT_A)
				continue;
			struct record_range *r = &records[after.record_count++];
			*r = (struct record_range){ .type = RANGE_A };
			(void)str_copy(r->owner, sizeof(r->owner), plan.changes[i].owner);
			assert_true(addr_parse(plan.changes[i].rdata, &r->addr));
		}
		plan_make(&after, &want, &again);
		assert_int_equal(again.count, 0);
		assert_string_equal(again.refusal, "");
		plan_clear(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_reconcile),
		cmocka_unit_test(there_may_be_more_than_one_high_decoy),
		cmocka_unit_test(a_plan_is_idempotent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
