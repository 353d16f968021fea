/* SPF against answers that the rows make up. */
#include "source/name/names_spf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

/* ---- a made-up DNS ---- */

struct row {
	const char *name;
	enum rr_type type;
	const char *data;
};

/* Lists end with a NULL name. "SERVFAIL" as data is that; a name without any row
 * does not exist. */
struct answers {
	struct answer a;
	uint8_t bytes[64][600];
};

static void put_text(struct answers *to, const char *text)
{
	uint8_t *b = to->bytes[to->a.count];
	size_t len = strlen(text), at = 0;
	for (size_t i = 0; i < len || i == 0; i += 255) {
		size_t n = len - i < 255 ? len - i : 255;
		assert_true(at + n + 1 <= sizeof(to->bytes[0]));
		b[at++] = (uint8_t)n;
		memcpy(b + at, text + i, n);
		at += n;
	}
	to->a.records[to->a.count++] = (struct rdata){ b, (uint16_t)at };
}

static void put_name(struct answers *to, const char *name, bool has_preference)
{
	uint8_t *b = to->bytes[to->a.count];
	size_t len, skip = has_preference ? 2 : 0;
	memset(b, 0, 2);
	assert_true(name_to_wire(name, b + skip, &len));
	to->a.records[to->a.count++] = (struct rdata){ b, (uint16_t)(len + skip) };
}

static void put_addr(struct answers *to, const char *text)
{
	struct addr a;
	bool is_v4 = strchr(text, '.');
	assert_true(addr_parse(text, &a));
	uint8_t *b = to->bytes[to->a.count];
	memcpy(b, a.bytes + (is_v4 ? 12 : 0), is_v4 ? 4 : 16);
	to->a.records[to->a.count++] = (struct rdata){ b, is_v4 ? 4 : 16 };
}

static void look_up(const struct row *zone, const struct names_spf_question *q,
		    struct answers *to)
{
	bool exists = false;
	to->a.count = 0;
	to->a.status = LOOKUP_NXDOMAIN;
	for (const struct row *r = zone; r->name; r++) {
		if (strcmp(r->name, q->name) != 0)
			continue;
		exists = true;
		if (r->type != q->type || to->a.count == 64)
			continue;
		if (strcmp(r->data, "SERVFAIL") == 0) {
			to->a.count = 0;
			to->a.status = LOOKUP_SERVFAIL;
			return;
		}
		if (r->type == RR_TXT)
			put_text(to, r->data);
		else if (r->type == RR_A || r->type == RR_AAAA)
			put_addr(to, r->data);
		else
			put_name(to, r->data, r->type == RR_MX);
	}
	if (exists)
		to->a.status = to->a.count ? LOOKUP_OK : LOOKUP_NODATA;
}

static enum names_spf_state check(const struct row *zone, const char *client,
				  const char *from, unsigned *ret_asked)
{
	static struct answers answers;
	struct names_spf_question q;
	struct addr a;
	enum names_spf_state state;
	assert_true(addr_parse(client, &a));
	struct names_spf *s = names_spf_new(a, from);
	*ret_asked = 0;
	if (!s)
		return NAMES_SPF_DOES_NOT;
	while ((state = names_spf_step(s, &q)) == NAMES_SPF_ASKS) {
		++*ret_asked;
		assert_true(*ret_asked <= NAMES_SPF_QUESTIONS);
		look_up(zone, &q, &answers);
		names_spf_answer(s, &answers.a);
	}
	names_spf_free(s);
	return state;
}

/* ---- rows ---- */

#define TWO_HUNDRED                                                                      \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                             \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                             \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                             \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct row zone[] = {
	{ "ip.example", RR_TXT, "something else" },
	{ "ip.example", RR_TXT, "v=spf1 ip4:20.1.1.0/24 ip6:2a01:1::/64 -all" },
	{ "upper.example", RR_TXT, "V=SPF1 IP4:20.1.1.1 -ALL" },
	{ "a.example", RR_TXT, "v=spf1 a -all" },
	{ "a.example", RR_A, "20.1.1.9" },
	{ "a.example", RR_A, "20.1.1.1" },
	{ "a.example", RR_AAAA, "2a01:1::1" },
	{ "mx.example", RR_TXT, "v=spf1 mx/24 ~all" },
	{ "mx.example", RR_MX, "m1.mx.example" },
	{ "mx.example", RR_MX, "m2.mx.example" },
	{ "m2.mx.example", RR_A, "20.1.1.200" },
	{ "ptr.example", RR_TXT, "v=spf1 ptr -all" },
	{ "1.1.1.20.in-addr.arpa", RR_PTR, "out.ptr.example" },
	{ "out.ptr.example", RR_A, "20.1.1.1" },
	{ "include.example", RR_TXT, "v=spf1 include:none.example -all" },
	{ "deep.example", RR_TXT, "v=spf1 include:deep1.example -all" },
	{ "deep1.example", RR_TXT, "v=spf1 include:deep2.example -all" },
	{ "deep2.example", RR_TXT, "v=spf1 redirect=ip.example" },
	{ "exists.example", RR_TXT, "v=spf1 exists:%{ir}.%{v}.%{l}.ok.%{d} -all" },
	{ "1.1.1.20.in-addr.a.ok.exists.example", RR_A, "127.0.0.2" },
	{ "exp.example", RR_TXT,
	  "v=spf1 ip4:20.1.1.1 -all exp=%{S}%{s9999r-}.x.example" },
	{ "unknown.example", RR_TXT, "v=spf1 moo=%{H} ip4:20.1.1.1 -all" },
	{ "neutral.example", RR_TXT, "v=spf1 ?all" },
	{ "soft.example", RR_TXT, "v=spf1 ~all" },
	{ "plus.example", RR_TXT, "v=spf1 +all" },
	{ "none.example", RR_TXT, "v=spf2.0/pra +all" },
	{ "two.example", RR_TXT, "v=spf1 +all" },
	{ "two.example", RR_TXT, "v=spf1 ip4:20.1.1.1 -all" },
	{ "broken.example", RR_TXT, "v=spf1 ip4:20.1.1.999 +all" },
	{ "word.example", RR_TXT, "v=spf1 florble +all" },
	{ "self.example", RR_TXT, "v=spf1 include:self.example +all" },
	{ "loop1.example", RR_TXT, "v=spf1 include:loop2.example +all" },
	{ "loop2.example", RR_TXT, "v=spf1 include:loop1.example +all" },
	{ "away.example", RR_TXT, "v=spf1 redirect=away2.example" },
	{ "away2.example", RR_TXT, "v=spf1 redirect=away.example" },
	{ "url.example", RR_TXT, "v=spf1 exists:%{L}%{S}.x.example +all" },
	{ "trunc.example", RR_TXT, "v=spf1 exists:%{d127r}.x.example +all" },
	{ "odd.example", RR_TXT, "v=spf1 exists:%{i +all" },
	{ "percent.example", RR_TXT, "v=spf1 exists:%%%_%-.x.example +all" },
	{ "p.example", RR_TXT, "v=spf1 exists:%{p}.x.example +all" },
	{ "many.example", RR_TXT,
	  "v=spf1 exists:%{d}%{d}%{d}%{d}%{d}%{d}%{d}.x.example +all" },
	{ "long.example", RR_TXT, "v=spf1 exists:" TWO_HUNDRED ".x.example +all" },
	{ "binary.example", RR_TXT, "v=spf1 \xff\x01\xfe +all" },
	{ "servfail.example", RR_TXT, "SERVFAIL" },
	{ "later.example", RR_TXT, "v=spf1 a:broken-dns.example +all" },
	{ "broken-dns.example", RR_A, "SERVFAIL" },
	{ NULL, RR_A, NULL },
};

static const struct {
	const char *client, *from;
	enum names_spf_state want;
} rows[] = {
	{ "20.1.1.1", "a@ip.example", NAMES_SPF_PASSES },
	{ "20.1.2.1", "a@ip.example", NAMES_SPF_DOES_NOT },
	{ "2a01:1::7", "a@IP.Example", NAMES_SPF_PASSES },
	{ "2a01:2::7", "a@ip.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@upper.example", NAMES_SPF_PASSES },
	{ "20.1.1.1", "a@a.example", NAMES_SPF_PASSES },
	{ "2a01:1::1", "a@a.example", NAMES_SPF_PASSES },
	{ "20.1.1.2", "a@a.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@mx.example", NAMES_SPF_PASSES },
	{ "20.1.2.1", "a@mx.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@ptr.example", NAMES_SPF_PASSES },
	{ "20.1.1.2", "a@ptr.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@deep.example", NAMES_SPF_PASSES },
	{ "20.1.2.1", "a@deep.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@exists.example", NAMES_SPF_PASSES },
	{ "20.1.1.1", "b@exists.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@exp.example", NAMES_SPF_PASSES },
	{ "20.1.1.2", "a@exp.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@unknown.example", NAMES_SPF_PASSES },
	{ "20.1.1.1", "a@plus.example", NAMES_SPF_PASSES },
	{ "20.1.1.1", "\"very odd\"@plus.example", NAMES_SPF_PASSES },
	{ "20.1.1.1", "a@neutral.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@soft.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@none.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@nowhere.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@m2.mx.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@include.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@two.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@broken.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@word.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@self.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@loop1.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@away.example", NAMES_SPF_DOES_NOT },
	/* not handed to libspf2 at all */
	{ "20.1.1.1", "a@url.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@trunc.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@odd.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@percent.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@p.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@many.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@long.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@binary.example", NAMES_SPF_DOES_NOT },
	/* DNS is at fault */
	{ "20.1.1.1", "a@servfail.example", NAMES_SPF_UNSURE },
	{ "20.1.1.1", "a@later.example", NAMES_SPF_UNSURE },
	/* nothing to ask */
	{ "127.0.0.1", "a@plus.example", NAMES_SPF_DOES_NOT },
	{ "::1", "a@plus.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "plus.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "@plus.example", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@localhost", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@[192.0.2.1]", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@192.0.2.1", NAMES_SPF_DOES_NOT },
	{ "20.1.1.1", "a@pl us.example", NAMES_SPF_DOES_NOT },
};

static void each_record_passes_or_does_not(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned asked;
		enum names_spf_state got =
		    check(zone, rows[i].client, rows[i].from, &asked);
		if (got != rows[i].want) {
			print_error("%s for %s: got %d, want %d (%u asked)\n",
				    rows[i].from, rows[i].client, got, rows[i].want,
				    asked);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static struct row *make_zone(unsigned count)
{
	return xcalloc(count + 1, sizeof(struct row));
}

static void add(struct row *to, unsigned *count, const char *name, enum rr_type type,
		const char *data)
{
	to[(*count)++] = (struct row){ xstrdup(name), type, xstrdup(data) };
}

static void free_zone(struct row *made)
{
	for (struct row *r = made; r->name; r++) {
		free((char *)(uintptr_t)r->name);
		free((char *)(uintptr_t)r->data);
	}
	free(made);
}

/* Ten includes in each of ten records: ten to the power of ten if nobody counts. */
static void includes_that_multiply_are_ended(void **state)
{
	(void)state;
	char name[64], text[512];
	unsigned n = 0, asked;
	struct row *made = make_zone(16);
	for (unsigned i = 0; i < 12; i++) {
		(void)snprintf(name, sizeof(name), "bomb%u.example", i);
		size_t at = (size_t)snprintf(text, sizeof(text), "v=spf1");
		for (int k = 0; k < 10; k++)
			at += (size_t)snprintf(text + at, sizeof(text) - at,
					       " include:bomb%u.example", i + 1);
		(void)snprintf(text + at, sizeof(text) - at, " ?all");
		add(made, &n, name, RR_TXT, i < 9 ? text : "v=spf1 -all");
	}
	assert_int_equal(check(made, "20.1.1.1", "a@bomb0.example", &asked),
			 NAMES_SPF_DOES_NOT);
	assert_true(asked <= 1 + NAMES_SPF_RECORDS);
	free_zone(made);
}

/* A chain, a fan, and names by the dozen: never more questions than allowed. */
static void nobody_makes_us_ask_more_than_the_limit(void **state)
{
	(void)state;
	char name[64], text[512];
	unsigned n = 0, asked;
	struct row *made = make_zone(200);
	for (unsigned i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "chain%u.example", i);
		(void)snprintf(text, sizeof(text), "v=spf1 redirect=chain%u.example",
			       i + 1);
		add(made, &n, name, RR_TXT, text);
		(void)snprintf(name, sizeof(name), "host%u.fan.example", i);
		add(made, &n, name, RR_A, "9.9.9.9");
		add(made, &n, "fan.example", RR_MX, name);
		add(made, &n, "1.1.1.20.in-addr.arpa", RR_PTR, name);
	}
	add(made, &n, "chain30.example", RR_TXT, "v=spf1 +all");
	add(made, &n, "fan.example", RR_TXT, "v=spf1 mx ptr +all");
	add(made, &n, "fanptr.example", RR_TXT, "v=spf1 ptr:host.example +all");
	static const char *const from[] = { "a@chain0.example", "a@fan.example",
					    "a@fanptr.example" };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(check(made, "20.1.1.1", from[i], &asked),
				 NAMES_SPF_DOES_NOT);
		assert_in_range(asked, 2, NAMES_SPF_QUESTIONS);
	}
	free_zone(made);
}

static void a_record_is_written_anew(void **state)
{
	(void)state;
	static const struct {
		const char *record, *want; /* NULL: refused */
	} texts[] = {
		{ "v=spf1 a  mx   -all ", "v=spf1 a mx -all " },
		{ "v=spf1", "v=spf1 " },
		{ "v=spf1 -all exp=%{Z}", "v=spf1 -all " },
		{ "v=spf1 x-y.z=%{q} redirect=%{d2r}.example",
		  "v=spf1 redirect=%{d2r}.example " },
		{ "v=spf1 exists:%{i}=x.example", "v=spf1 exists:%{i}=x.example " },
		{ "v=spf1 exists:%{ir-}.x", "v=spf1 exists:%{ir-}.x " },
		{ "v=spf10 -all", NULL },
		{ "v=spf1 exists:%{", NULL },
		{ "v=spf1 exists:%", NULL },
		{ "v=spf1 exists:%{i0}.x", NULL },
		{ "v=spf1 exists:%{i22}.x", NULL },
		{ "v=spf1 exists:%{I}.x", NULL },
		{ "v=spf1 exists:%{h}.x", NULL },
		{ "v=spf1 a\tmx", NULL },
		{ "v=spf1 \x7f", NULL },
		{ "", NULL },
	};
	char clean[NAMES_SPF_RECORD_MAX], big[NAMES_SPF_RECORD_MAX + 100];
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bool ok = names_spf_clean(texts[i].record, clean);
		if (ok != (texts[i].want != NULL) ||
		    (ok && strcmp(clean, texts[i].want) != 0))
			fail_msg("'%s': got '%s'", texts[i].record,
				 ok ? clean : "refused");
	}
	size_t at = (size_t)snprintf(big, sizeof(big), "v=spf1");
	for (unsigned i = 0; i < NAMES_SPF_TERMS; i++)
		at += (size_t)snprintf(big + at, sizeof(big) - at, " ip4:1.1.1.1");
	assert_true(names_spf_clean(big, clean));
	(void)snprintf(big + at, sizeof(big) - at, " -all");
	assert_false(names_spf_clean(big, clean));
	memset(big, ' ', sizeof(big));
	memcpy(big, "v=spf1", 6);
	big[sizeof(big) - 1] = '\0';
	assert_false(names_spf_clean(big, clean));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_passes_or_does_not),
		cmocka_unit_test(includes_that_multiply_are_ended),
		cmocka_unit_test(nobody_makes_us_ask_more_than_the_limit),
		cmocka_unit_test(a_record_is_written_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
