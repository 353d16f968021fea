/*
 * For any zone: apply and revert give the original bytes but for the serial,
 * and the record sets differ by the plan only. The zones are drawn from seeds
 * and use every construct of master files; how often each was used is printed,
 * and one that was not used is a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/job.h"

enum { ZONES = 1500 };

/* clang-format off */
enum construct {
	DEFAULT_TTL, ORIGIN_CHANGE, INCLUDE, GENERATE, PARENTHESES, QUOTES, ESCAPES, COMMENTS,
	AT_SIGN, BLANK_OWNER, ABSOLUTE, RELATIVE, CLASS_THEN_TTL, TTL_THEN_CLASS, NO_TTL, NO_CLASS,
	TTL_UNITS, CRLF, NO_FINAL_NEWLINE, UTF8, TABS, UPPER_CASE, WILDCARD_MX, OTHER_MX, SEVERAL_MX,
	MX_BEFORE_SOA_FOLLOWERS, TLSA, CONSTRUCT_COUNT
};
static const char *const construct_names[CONSTRUCT_COUNT] = {
	"$TTL", "$ORIGIN", "$INCLUDE", "$GENERATE", "parentheses", "quotes", "escapes", "comments",
	"@", "blank owner", "absolute names", "relative names", "class then TTL", "TTL then class",
	"no TTL", "no class", "TTL units", "CRLF", "no final newline", "UTF-8", "tabs", "upper case",
	"wildcard MX", "other MX", "several MX", "records that follow an MX without owner", "TLSA",
};
/* clang-format on */
static unsigned used[CONSTRUCT_COUNT];

struct maker {
	uint64_t state;
	struct buf text;
	bool crlf, has_default_ttl, at_sub_origin;
	char folder[64];
};

static unsigned draw(struct maker *m, unsigned below)
{
	m->state =
	    m->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(m->state >> 33) % below;
}

static bool chance(struct maker *m, unsigned percent, enum construct c)
{
	bool yes = draw(m, 100) < percent;
	used[c] += yes;
	return yes;
}

static void gap(struct maker *m)
{
	static const char *const gaps[] = { " ", "  ", "\t", "\t\t", " \t " };
	unsigned n = draw(m, 5);
	used[TABS] += n >= 2;
	buf_adds(&m->text, gaps[n]);
}

static void line_end(struct maker *m)
{
	static const char *const comments[] = { "; a ( comment \" with signs", ";",
						"; gr\xc3\xbc\xc3\x9f dich" };
	if (chance(m, 25, COMMENTS)) {
		unsigned n = draw(m, 3);
		used[UTF8] += n == 2;
		gap(m);
		buf_adds(&m->text, comments[n]);
	}
	buf_adds(&m->text, m->crlf ? "\r\n" : "\n");
}

/* TTL and class, in either order or missing. */
static void ttl_and_class(struct maker *m)
{
	static const char *const ttls[] = { "3600", "1h", "60m", "1H" };
	bool ttl = !m->has_default_ttl || !chance(m, 60, NO_TTL);
	bool class_ = !chance(m, 40, NO_CLASS);
	bool class_first = draw(m, 2);
	unsigned n = draw(m, 4);
	if (ttl && class_)
		used[class_first ? CLASS_THEN_TTL : TTL_THEN_CLASS]++;
	used[TTL_UNITS] += ttl && n > 0;
	if (class_ && class_first) {
		buf_adds(&m->text, draw(m, 2) ? "IN" : "in");
		gap(m);
	}
	if (ttl) {
		buf_adds(&m->text, ttls[n]);
		gap(m);
	}
	if (class_ && !class_first) {
		buf_adds(&m->text, "IN");
		gap(m);
	}
}

/* The apex, as the origin in force allows to write it. */
static void apex(struct maker *m)
{
	if (m->at_sub_origin || chance(m, 20, ABSOLUTE)) {
		bool upper = chance(m, 30, UPPER_CASE);
		buf_adds(&m->text, upper ? "Example.COM." : "example.com.");
	} else {
		used[AT_SIGN]++;
		buf_adds(&m->text, "@");
	}
}

static void host_name(struct maker *m, const char *name)
{
	if (m->at_sub_origin || chance(m, 30, ABSOLUTE)) {
		buf_addf(&m->text, "%s.example.com.", name);
	} else {
		used[RELATIVE]++;
		buf_adds(&m->text, name);
	}
}

static void soa(struct maker *m)
{
	apex(m);
	gap(m);
	ttl_and_class(m);
	buf_adds(&m->text, draw(m, 2) ? "SOA" : "soa");
	gap(m);
	buf_adds(&m->text, "ns1.example.com. hostmaster.example.com. ");
	if (chance(m, 60, PARENTHESES)) {
		buf_adds(&m->text, "(");
		line_end(m);
		buf_adds(&m->text, "  2026010101");
		line_end(m);
		buf_adds(&m->text, "  3600 600 ; retry )\n  604800 300 )");
	} else {
		buf_adds(&m->text, "2026010101 3600 600 604800 300");
	}
	line_end(m);
}

static void mx(struct maker *m, unsigned preference, const char *host, bool first)
{
	if (!first && chance(m, 40, BLANK_OWNER))
		buf_adds(&m->text, "");
	else
		apex(m);
	gap(m);
	ttl_and_class(m);
	buf_adds(&m->text, draw(m, 3) ? "MX" : "Mx");
	gap(m);
	if (chance(m, 15, PARENTHESES)) {
		buf_addf(&m->text, "( %u", preference);
		line_end(m);
		buf_adds(&m->text, " ");
		host_name(m, host);
		buf_adds(&m->text, " )");
	} else {
		buf_addf(&m->text, "%u", preference);
		gap(m);
		host_name(m, host);
	}
	line_end(m);
}

static void other_record(struct maker *m)
{
	static const char *const rdata[] = {
		"A 192.0.2.7",
		"TXT \"semi;colon ( paren\" plain",
		"TXT \"q\\\"uote\\; \\100\"",
		"AAAA 2001:db8::7",
		"CNAME www.example.net.",
		"NS ns.example.net.",
	};
	unsigned n = draw(m, 6);
	used[QUOTES] += n == 1 || n == 2;
	if (chance(m, 15, ESCAPES))
		buf_addf(&m->text, "e\\.sc\\097ped%u", draw(m, 100000));
	else
		buf_addf(&m->text, "h%u", draw(m, 1000000));
	gap(m);
	ttl_and_class(m);
	buf_adds(&m->text, rdata[n]);
	line_end(m);
}

static void blank_or_directive(struct maker *m)
{
	if (chance(m, 10, ORIGIN_CHANGE)) {
		m->at_sub_origin = !m->at_sub_origin;
		buf_addf(&m->text, "$ORIGIN %s",
			 m->at_sub_origin ? "sub.example.com." : "example.com.");
		line_end(m);
	}
	if (chance(m, 10, GENERATE)) {
		buf_addf(&m->text, "$GENERATE 1-%u g%u-${0,2,d} A 10.0.0.$",
			 1 + draw(m, 9), draw(m, 100000));
		line_end(m);
		/* what follows must not rely on the owner before */
	}
	if (chance(m, 5, INCLUDE)) {
		buf_adds(&m->text, "$INCLUDE other.inc");
		if (draw(m, 2))
			buf_adds(&m->text, " inc.example.com.");
		line_end(m);
	}
	if (draw(m, 4) == 0)
		line_end(m);
}

static void some_others(struct maker *m)
{
	for (unsigned n = draw(m, 4); n > 0; n--) {
		blank_or_directive(m);
		other_record(m);
	}
	if (chance(m, 10, OTHER_MX)) {
		host_name(m, "elsewhere");
		buf_adds(&m->text, " 3600 IN MX 5 mail.example.com.");
		line_end(m);
	}
	if (chance(m, 5, WILDCARD_MX)) {
		host_name(m, "*");
		buf_adds(&m->text, " 3600 IN MX 5 mail.example.com.");
		line_end(m);
	}
}

static void make_zone(struct maker *m, const char *path)
{
	static const char *const hosts[] = { "mail", "backup", "third" };
	buf_clear(&m->text);
	m->crlf = chance(m, 20, CRLF);
	m->at_sub_origin = false;
	m->has_default_ttl = chance(m, 70, DEFAULT_TTL);
	if (m->has_default_ttl) {
		buf_adds(&m->text, "$TTL 3600");
		line_end(m);
	}
	soa(m);
	if (chance(m, 50, BLANK_OWNER)) {
		buf_adds(&m->text, "  3600 IN NS ns1.example.com.");
		line_end(m);
	}
	some_others(m);
	unsigned count = 1 + draw(m, 3);
	used[SEVERAL_MX] += count > 1;
	for (unsigned i = 0; i < count; i++) {
		mx(m, 10 * (i + 1), hosts[i], i == 0);
		if (chance(m, 20, MX_BEFORE_SOA_FOLLOWERS)) {
			buf_adds(&m->text, "\t3600 IN TXT \"of the apex too\"");
			line_end(m);
		}
	}
	some_others(m);
	buf_adds(&m->text, "ns1.example.com. 3600 A 192.0.2.2");
	line_end(m);
	buf_adds(&m->text, "mail.example.com. 3600 A 192.0.2.25");
	line_end(m);
	if (chance(m, 15, TLSA)) {
		buf_adds(
		    &m->text,
		    "_25._tcp.mail.example.com. 3600 TLSA 3 1 1 ( 00112233\n 44556677 )");
		line_end(m);
	}
	some_others(m);
	if (chance(m, 15, NO_FINAL_NEWLINE))
		while (m->text.len && strchr("\r\n", m->text.data[m->text.len - 1]))
			m->text.data[--m->text.len] = '\0';
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(m->text.data, 1, m->text.len, f), m->text.len);
	assert_int_equal(fclose(f), 0);
}

static void set_up_job(struct job *job, struct plan_want *want, const char *folder,
		       const char *path, const char *state)
{
	(void)folder;
	*want = (struct plan_want){ .ttl = -1, .lab = true };
	(void)str_copy(want->low.name, NAME_TEXT_MAX, "fake0.mx.example.com");
	(void)str_copy(want->high.name, NAME_TEXT_MAX, "fake1.mx.example.com");
	assert_true(addr_parse("192.0.2.20", &want->low.addresses[0]));
	assert_true(addr_parse("192.0.2.30", &want->high.addresses[0]));
	want->low.address_count = want->high.address_count = 1;
	*job = (struct job){ .want = want,
			     .check = "",
			     .reload = "",
			     .state = state,
			     .now = stamp_civil(2026, 11, 23, 12, 0, 0) * STAMP_SECOND };
	(void)str_copy(job->origin, NAME_TEXT_MAX, "example.com");
	(void)str_copy(job->path, sizeof(job->path), path);
}

/* The same bytes, but for the ten digits of the serial. */
static void is_original_but_for_the_serial(const char *before, size_t len,
					   const char *path, uint32_t serial,
					   uint64_t seed)
{
	char *after, digits[16];
	size_t after_len;
	struct error e;
	assert_int_equal(zone_read_file(path, &after, &after_len, &e), 0);
	(void)snprintf(digits, sizeof(digits), "%u", serial);
	char *at = strstr(after, digits);
	if (at)
		memcpy(at, "2026010101", 10);
	if (after_len != len || memcmp(after, before, len) != 0)
		fail_msg("seed %llu: not the original bytes:\n%s\n--- original\n%s",
			 (unsigned long long)seed, after, before);
	free(after);
}

static void apply_and_revert(struct job_worker *w, const struct job *job,
			     const char *before, size_t len, uint64_t seed)
{
	struct job_result r;
	job_apply(w, job, &r);
	if (r.outcome != JOB_CHANGED)
		fail_msg("seed %llu: %s: %s\n%s", (unsigned long long)seed,
			 job_outcome_name(r.outcome), r.error.text, before);
	job_apply(w, job, &r);
	if (r.outcome != JOB_SAME)
		fail_msg("seed %llu: a second apply changes again: %s\n%s",
			 (unsigned long long)seed, r.error.text, before);
	job_revert(w, job, &r);
	if (r.outcome != JOB_CHANGED || !r.was_restored)
		fail_msg("seed %llu: revert: %s: %s", (unsigned long long)seed,
			 job_outcome_name(r.outcome), r.error.text);
	is_original_but_for_the_serial(before, len, job->path, r.serial, seed);
}

static void edit_and_revert_give_the_original_bytes_but_for_the_serial(void **state)
{
	(void)state;
	struct maker m = { .text = BUF_INIT(1 << 20) };
	struct plan_want want;
	struct job job;
	char path[128], inc[128], kept[128], command[128];
	(void)str_copy(m.folder, sizeof(m.folder), "/dev/shm/fakemx-props-XXXXXX");
	assert_non_null(mkdtemp(m.folder));
	(void)snprintf(path, sizeof(path), "%s/zone", m.folder);
	(void)snprintf(inc, sizeof(inc), "%s/other.inc", m.folder);
	(void)snprintf(kept, sizeof(kept), "%s/state", m.folder);
	FILE *f = fopen(inc, "w");
	assert_non_null(f);
	assert_true(fputs("i1 3600 A 192.0.2.8\n   3600 TXT \"same owner\"\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	struct job_worker *w = job_worker_new();
	for (uint64_t seed = 1; seed <= ZONES; seed++) {
		m.state = seed * 2654435761U;
		make_zone(&m, path);
		set_up_job(&job, &want, m.folder, path, kept);
		want.layout = (enum layout)(1 + seed % 3); /* high, low, both */
		apply_and_revert(w, &job, buf_text(&m.text), m.text.len, seed);
	}
	job_worker_free(w);
	buf_release(&m.text);
	(void)snprintf(command, sizeof(command), "rm -r %s", m.folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
	for (unsigned c = 0; c < CONSTRUCT_COUNT; c++) {
		print_message("%6u x %s\n", used[c], construct_names[c]);
		assert_true(used[c] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    edit_and_revert_give_the_original_bytes_but_for_the_serial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
