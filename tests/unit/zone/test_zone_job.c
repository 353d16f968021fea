#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "job_rig.h"
#include "zone/command.h"
#include "zone/diff.h"
#include "zone/file.h"

static const char zone_text[] =
    "$TTL 3600 ; an hour\n"
    "@\tIN SOA ns1 host (\n\t2026010101 ; serial\n\t3600 600 86400 300 )\n"
    "\tIN NS ns1\n\tIN MX 10 mail\n; the end\n"
    "ns1 A 8.8.8.2\nmail A 8.8.8.1\n";

static void file_is(const char *path, const char *want)
{
	char *got = read_file(path);
	assert_string_equal(got, want);
	free(got);
}

static int begin(void **state)
{
	struct spot *p = xcalloc(1, sizeof(*p));
	(void)str_copy(p->folder, sizeof(p->folder), "/tmp/fakemx-zone-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(p->path, sizeof(p->path), "%s/db.example.com", p->folder);
	(void)snprintf(p->state, sizeof(p->state), "%s/state", p->folder);
	write_file(p->path, zone_text);
	p->want = (struct plan_want){ .layout = LAYOUT_HIGH, .ttl = -1 };
	(void)str_copy(p->want.high.name, NAME_TEXT_MAX, "fake1.mx.example.com");
	assert_true(addr_parse("8.8.8.30", &p->want.high.addresses[0]));
	p->want.high.address_count = 1;
	p->job =
	    (struct job){ .want = &p->want,
			  .check = "",
			  .reload = "",
			  .state = p->state,
			  .now = stamp_civil(2026, 11, 23, 12, 0, 0) * STAMP_SECOND };
	(void)str_copy(p->job.origin, NAME_TEXT_MAX, "example.com");
	(void)str_copy(p->job.path, sizeof(p->job.path), p->path);
	p->worker = job_worker_new();
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct spot *p = *state;
	char command[256];
	job_worker_free(p->worker);
	(void)snprintf(command, sizeof(command), "rm -r %s", p->folder);
	int rc = system(command); /* NOLINT(cert-env33-c): our own folder */
	free(p);
	return rc;
}

static void apply(struct spot *p)
{
	job_apply(p->worker, &p->job, &p->result);
	if (p->result.outcome != JOB_CHANGED)
		fail_msg("%s: %s", job_outcome_name(p->result.outcome),
			 p->result.error.text);
}

/* Nothing but the zone and our folder: no temporary file is left. */
static void folder_is_clean(struct spot *p)
{
	char command[256];
	(void)snprintf(command, sizeof(command),
		       "test -z \"$(find %s -name '.*fakemx*')\"", p->folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

static void a_plan_shows_the_diff_and_writes_nothing(void **state)
{
	struct spot *p = *state;
	job_plan(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_non_null(strstr(p->result.diff, "+\tIN MX 20 fake1.mx\n"));
	assert_non_null(
	    strstr(p->result.diff, "-\t2026010101 ; serial\n+\t2026112300 ; serial\n"));
	file_is(p->path, zone_text);
	assert_int_equal(access(p->state, F_OK), -1);
}

static void applying_twice_changes_once(void **state)
{
	struct spot *p = *state;
	apply(p);
	char *after = read_file(p->path);
	job_apply(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_SAME);
	file_is(p->path, after);
	free(after);
	folder_is_clean(p);
}

static void reverting_gives_every_byte_back_but_the_serial(void **state)
{
	struct spot *p = *state;
	char want[sizeof(zone_text)];
	(void)str_copy(want, sizeof(want), zone_text);
	apply(p);
	p->want.layout = LAYOUT_HIGH;
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_true(p->result.was_restored);
	assert_int_equal(p->result.serial, 2026112301);
	assert_int_equal(p->result.gone_by, p->job.now + 3600 * STAMP_SECOND);
	memcpy(strstr(want, "2026010101"), "2026112301", 10);
	file_is(p->path, want);
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_SAME); /* nothing is left to undo */
	assert_non_null(strstr(p->result.note, "no record of an apply to example.com"));
}

static void a_changed_file_is_planned_back_to_none(void **state)
{
	struct spot *p = *state;
	apply(p);
	char *text = read_file(p->path);
	struct buf changed = BUF_INIT(1 << 20);
	buf_addf(&changed, "%swww A 8.8.8.9\n", text);
	write_file(p->path, buf_text(&changed));
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_false(p->result.was_restored);
	char *after = read_file(p->path);
	assert_null(strstr(after, "MX 20"));
	assert_non_null(strstr(after, "www A 8.8.8.9\n"));
	free(after);
	free(text);
	buf_release(&changed);
}

static void a_second_apply_still_reverts_to_the_first_before(void **state)
{
	struct spot *p = *state;
	apply(p);
	p->want.layout = LAYOUT_BOTH;
	(void)str_copy(p->want.low.name, NAME_TEXT_MAX, "fake0.mx.example.com");
	assert_true(addr_parse("8.8.8.20", &p->want.low.addresses[0]));
	p->want.low.address_count = 1;
	apply(p);
	job_revert(p->worker, &p->job, &p->result);
	assert_true(p->result.was_restored);
	char *after = read_file(p->path);
	assert_null(strstr(after, "fake"));
	free(after);
}

static void two_files_of_one_zone_are_undone_apart(void **state)
{
	struct spot *p = *state;
	char copy[160];
	(void)snprintf(copy, sizeof(copy), "%s/copy", p->folder);
	write_file(copy, zone_text);
	apply(p);
	(void)str_copy(p->job.path, sizeof(p->job.path), copy);
	apply(p);
	job_revert(p->worker, &p->job, &p->result);
	assert_true(p->result.was_restored);
	(void)str_copy(p->job.path, sizeof(p->job.path), p->path);
	job_revert(p->worker, &p->job, &p->result);
	assert_true(p->result.was_restored);
}

static void a_serial_seen_at_a_server_is_exceeded(void **state)
{
	struct spot *p = *state;
	p->job.serial_floor = 2026112350;
	p->job.has_serial_floor = true;
	apply(p);
	assert_int_equal(p->result.serial, 2026112351);
}

static void a_serial_at_the_top_goes_round_and_is_no_standstill(void **state)
{
	struct spot *p = *state;
	write_file(p->path, "$TTL 3600\n@ IN SOA ns1 host 4294967295 3600 600 86400 300\n"
			    "\tIN NS ns1\n\tIN MX 10 mail\n"
			    "ns1 A 8.8.8.2\nmail A 8.8.8.1\n");
	apply(p);
	assert_int_equal(p->result.serial, 1);
	char *after = read_file(p->path);
	assert_non_null(strstr(after, "host 1 3600"));
	free(after);
}

static void what_the_check_refuses_is_not_written(void **state)
{
	struct spot *p = *state;
	p->job.check = "grep -q 'MX 20' %f && echo bad zone %z && false";
	job_apply(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_FAILED);
	assert_non_null(strstr(p->result.error.text, "bad zone example.com"));
	file_is(p->path, zone_text);
	folder_is_clean(p);
}

static void after_a_failed_reload_the_bytes_return_with_a_newer_serial(void **state)
{
	struct spot *p = *state;
	char want[sizeof(zone_text)];
	(void)str_copy(want, sizeof(want), zone_text);
	p->job.reload = "! grep -q 'MX 20' %f";
	job_apply(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_FAILED);
	assert_non_null(strstr(p->result.error.text, "restored with serial 2026112301"));
	memcpy(strstr(want, "2026010101"), "2026112301", 10);
	file_is(p->path, want);
}

static void a_link_is_followed_and_kept_and_so_is_the_mode(void **state)
{
	struct spot *p = *state;
	char link_path[128];
	(void)snprintf(link_path, sizeof(link_path), "%s/link", p->folder);
	assert_int_equal(symlink(p->path, link_path), 0);
	assert_int_equal(chmod(p->path, 0604), 0);
	(void)str_copy(p->job.path, sizeof(p->job.path), link_path);
	apply(p);
	struct stat st;
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
}

static int change_meanwhile(void *arg, const char *temp, const char *text, size_t len,
			    struct error *e)
{
	(void)temp;
	(void)text;
	(void)len;
	(void)e;
	write_file(arg, "; somebody else\n");
	return 0;
}

static void a_change_by_somebody_else_is_never_overwritten(void **state)
{
	struct spot *p = *state;
	struct zone_file f;
	struct error e;
	assert_int_equal(zone_file_open(p->path, &f, &e), 0);
	assert_int_equal(zone_file_replace(&f, "x\n", 2, change_meanwhile, p->path, &e),
			 FMX_ECONFLICT);
	zone_file_close(&f);
	file_is(p->path, "; somebody else\n");
	folder_is_clean(p);
}

/* clang-format off */
static const struct {
	const char *story, *zone, *beside, *want;
} refusals[] = {
	{ "not a zone", "hello world\n", NULL, "line 1" },
	{ "no SOA", "@ 60 IN MX 10 mail\n", NULL, "0 SOA records" },
	{ "signed", "@ 60 IN SOA a b 1 2 3 4 5\n@ 60 IN MX 10 m\n"
	  "@ 60 IN RRSIG MX 13 2 60 20300101000000 20200101000000 1 @ AAAA\n", NULL, "signed zone" },
	{ "a dynamic zone", zone_text, ".jnl", "update" },
	{ "an editor's mark", "\xef\xbb\xbf@ 60 IN SOA a b 1 2 3 4 5\n@ 60 IN MX 10 m\n", NULL, "begins with a byte order mark" },
	{ "UTF-16", "\xff\xfe@", NULL, "is UTF-16: save it" },
	{ "packed", "\x1f\x8b\x08", NULL, "is packed by gzip: unpack it first" },
	{ "nothing at all", "", NULL, "is empty: is this the zone's file?" },
	{ "an include that is missing", "@ 60 IN SOA a b 1 2 3 4 5\n$INCLUDE nowhere\n", NULL, "nowhere" },
};
/* clang-format on */

static void what_must_not_be_changed_is_refused_with_a_sentence(void **state)
{
	struct spot *p = *state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		char beside[160] = "";
		write_file(p->path, refusals[i].zone);
		if (refusals[i].beside) {
			(void)snprintf(beside, sizeof(beside), "%s%s", p->path,
				       refusals[i].beside);
			write_file(beside, "");
		}
		job_apply(p->worker, &p->job, &p->result);
		if (p->result.outcome < JOB_REFUSED ||
		    !strstr(p->result.error.text, refusals[i].want))
			fail_msg("%s: got %s: %s, want %s", refusals[i].story,
				 job_outcome_name(p->result.outcome),
				 p->result.error.text, refusals[i].want);
		file_is(p->path, refusals[i].zone);
		if (beside[0])
			assert_int_equal(unlink(beside), 0);
	}
}

static void write_journal(const char *path, uint8_t serial)
{
	uint8_t header[64] = ";BIND LOG V9\n";
	header[27] = serial;
	header[26] = 0x01;
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(header, 1, sizeof(header), f), sizeof(header));
	assert_int_equal(fclose(f), 0);
}

/* As `ixfr-from-differences` leaves one; and as an update does, beside the link
 * or what it points at. */
static void a_journal_that_leads_to_the_file_is_no_hindrance(void **state)
{
	struct spot *p = *state;
	char link[160], journal[200];
	static const char zone[] = "@ 60 IN SOA a b 257 2 3 4 5\n@ 60 MX 10 mail\n";
	(void)snprintf(link, sizeof(link), "%s/link", p->folder);
	assert_int_equal(symlink(p->path, link), 0);
	write_file(p->path, zone);
	for (int beside_link = 0; beside_link < 2; beside_link++) {
		(void)snprintf(journal, sizeof(journal), "%s.jnl",
			       beside_link ? link : p->path);
		(void)str_copy(p->job.path, sizeof(p->job.path), link);
		write_journal(journal, 2);
		job_plan(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_REFUSED);
		assert_non_null(strstr(p->result.error.text, journal));
		write_journal(journal, 1);
		job_plan(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_CHANGED);
	}
}

/* `rndc sync` without -clean: the journal leads to the file, which BIND wrote. */
static void a_file_that_bind_wrote_from_updates_is_refused(void **state)
{
	struct spot *p = *state;
	char journal[200];
	write_file(p->path,
		   "$ORIGIN .\n$TTL 60\t; 1 minute\nexample.com\t\tIN SOA\ta. b. (\n"
		   "\t\t\t\t257 2 3 4 5 )\n\t\t\tMX\t10 mail.example.com.\n");
	(void)snprintf(journal, sizeof(journal), "%s.jnl", p->path);
	write_journal(journal, 1);
	job_plan(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_REFUSED);
	assert_non_null(strstr(p->result.error.text, "was written by BIND itself"));
	p->job.dynamic.is_static = true; /* named.conf says that it takes no updates */
	job_plan(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_int_equal(unlink(journal), 0); /* nor is it dynamic without a journal */
	p->job.dynamic.is_static = false;
	job_plan(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
}

static void a_path_of_any_bytes_can_be_undone(void **state)
{
	struct spot *p = *state;
	(void)snprintf(p->job.path, sizeof(p->job.path), "%s/caf\xe9 100%%41", p->folder);
	write_file(p->job.path, zone_text);
	apply(p);
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_true(p->result.was_restored);
}

/* Only what revert undoes is undone: here, a TTL. */
static void a_ttl_alone_is_undone_too(void **state)
{
	struct spot *p = *state;
	p->want = (struct plan_want){ .layout = LAYOUT_NONE, .ttl = 60 };
	apply(p);
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_true(p->result.was_restored);
}

static void a_zone_that_takes_no_mail_is_none_of_our_business(void **state)
{
	static const char *const zones[] = { "@ 60 IN SOA a b 1 2 3 4 5\n",
					     "@ 60 IN SOA a b 1 2 3 4 5\n@ 60 MX 0 .\n" };
	struct spot *p = *state;
	for (size_t i = 0; i < 2; i++) {
		write_file(p->path, zones[i]);
		job_apply(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_NO_MAIL);
		file_is(p->path, zones[i]);
	}
}

static void an_mx_in_an_include_is_refused_by_its_name(void **state)
{
	struct spot *p = *state;
	char path[160];
	(void)snprintf(path, sizeof(path), "%s/mx.inc", p->folder);
	write_file(path, "@ MX 10 mail\n");
	write_file(p->path,
		   "@ 60 IN SOA a b 1 2 3 4 5\n$INCLUDE mx.inc\nmail A 8.8.8.1\n");
	job_apply(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_REFUSED);
	assert_non_null(strstr(p->result.error.text, "mx.inc"));
}

static void no_name_can_add_to_a_command(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(1000);
	command_fill("check %z %f 100%%", "a'; rm x; '", "/z/f", &b);
	assert_string_equal(buf_text(&b), "check 'a'\\''; rm x; '\\''' '/z/f' 100%");
	buf_release(&b);
}

static void diffs_are_unified(void **state)
{
	(void)state;
	static const char a[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
			  b[] = "1\n2\n3\n4\nx\n6\n7\n8\n9\n10\n";
	struct buf out = BUF_INIT(1000);
	diff_unified("f", a, strlen(a), b, strlen(b), &out);
	assert_string_equal(
	    buf_text(&out),
	    "--- f\n+++ f (planned)\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5\n+x\n"
	    " 6\n 7\n 8\n 9\n+10\n");
	buf_clear(&out);
	diff_unified("f", "; a\0b\n1\n", 8, "; a\0b\n2\n", 8, &out);
	assert_non_null(strstr(buf_text(&out), "\n ; a?b\n-1\n+2\n"));
	buf_clear(&out);
	diff_unified("f", a, strlen(a), a, strlen(a), &out);
	assert_string_equal(buf_text(&out), "");
	diff_unified("f", "a", 1, "a\nb", 3, &out);
	assert_non_null(strstr(buf_text(&out), "\\ No newline at end of file\n"));
	buf_release(&out);
}

#define zone_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		zone_test(a_plan_shows_the_diff_and_writes_nothing),
		zone_test(applying_twice_changes_once),
		zone_test(reverting_gives_every_byte_back_but_the_serial),
		zone_test(a_changed_file_is_planned_back_to_none),
		zone_test(a_second_apply_still_reverts_to_the_first_before),
		zone_test(two_files_of_one_zone_are_undone_apart),
		zone_test(a_serial_seen_at_a_server_is_exceeded),
		zone_test(a_serial_at_the_top_goes_round_and_is_no_standstill),
		zone_test(what_the_check_refuses_is_not_written),
		zone_test(after_a_failed_reload_the_bytes_return_with_a_newer_serial),
		zone_test(a_link_is_followed_and_kept_and_so_is_the_mode),
		zone_test(a_change_by_somebody_else_is_never_overwritten),
		zone_test(what_must_not_be_changed_is_refused_with_a_sentence),
		zone_test(a_journal_that_leads_to_the_file_is_no_hindrance),
		zone_test(a_file_that_bind_wrote_from_updates_is_refused),
		zone_test(a_path_of_any_bytes_can_be_undone),
		zone_test(a_ttl_alone_is_undone_too),
		zone_test(a_zone_that_takes_no_mail_is_none_of_our_business),
		zone_test(an_mx_in_an_include_is_refused_by_its_name),
		cmocka_unit_test(no_name_can_add_to_a_command),
		cmocka_unit_test(diffs_are_unified),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
