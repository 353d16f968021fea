/*
 * Revert of a file that somebody changed after apply: what apply did goes where it
 * is still as apply left it, what somebody did stays and is said; and what a failed
 * apply or revert leaves of its record.
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
#include "job_rig.h"
#include "zone/recorded.h"

#define TOP(serial)                                                                      \
	"$TTL 3600\n@ IN SOA ns1 host " serial " 3600 600 86400 300\n NS ns1\n"
#define MAIL "ns1 A 8.8.8.2\nmail A 8.8.8.1\n"
#define FAKE "fake1\tIN\tA\t8.8.8.30\nfake1\tIN\tAAAA\t2001:4860::30\n"
#define TLSA "_25._tcp.mail TLSA 3 1 1 aabb\n"

/* clang-format off */
static const struct {
	const char *story;
	int ttl; /* -1: as it is */
	bool renumber;
	const char *zone;
	const char *from, *to; /* what somebody writes into the applied zone, for what */
	const char *want;      /* after revert, with serial 9 */
	const char *note;      /* a part of it; "": nothing is to be said */
} rows[] = {
	{ "a line more", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "ns1 A", "www A 8.8.8.9\nns1 A",
	  TOP("9") "@ MX 10 mail\nwww A 8.8.8.9\n" MAIL, "" },
	{ "with TLSA", -1, false, TOP("7") "@ MX 10 mail\n" MAIL TLSA, "ns1 A", "www A 8.8.8.9\nns1 A",
	  TOP("9") "@ MX 10 mail\nwww A 8.8.8.9\n" MAIL TLSA, "" },
	{ "the decoy has another address now", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "8.8.8.30", "8.8.8.31",
	  TOP("9") "@ MX 10 mail\n" MAIL "fake1\tIN\tA\t8.8.8.31\n", "fake1.example.com keeps its address 8.8.8.31: it is not what apply added" },
	{ "written otherwise, the same", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "2001:4860::30", "2001:4860:0:0::0030",
	  TOP("9") "@ MX 10 mail\n" MAIL, "" },
	{ "a follower has the decoy's name", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "2001:4860::30\n", "2001:4860::30\n TXT mine\n",
	  TOP("9") "@ MX 10 mail\n" MAIL "fake1 TXT mine\n", "" },
	{ "and stands beyond an $ORIGIN", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "2001:4860::30\n", "2001:4860::30\n$ORIGIN sub\n TXT mine\n",
	  TOP("9") "@ MX 10 mail\n" MAIL "$ORIGIN sub\nfake1.example.com. TXT mine\n", "" },
	{ "the MX record went by hand", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "@ MX 20 fake1\n", "",
	  TOP("9") "@ MX 10 mail\n" MAIL, "" },
	{ "the record stands twice", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "fake1\tIN\tAAAA", "fake1 A 8.8.8.30\nfake1\tIN\tAAAA",
	  TOP("9") "@ MX 10 mail\n" MAIL, "" },
	{ "a TTL for all comes back", 300, false, TOP("7") "@ MX 10 mail\n@ MX 20 b\n" MAIL, "ns1 A", "www A 8.8.8.9\nns1 A",
	  TOP("9") "@ 3600 MX 10 mail\n@ 3600 MX 20 b\nwww A 8.8.8.9\n" MAIL, "" },
	{ "but not where it was changed", 300, false, TOP("7") "@ MX 10 mail\n" MAIL, "300 MX 10", "200 MX 10",
	  TOP("9") "@ 200 MX 10 mail\n" MAIL, "the TTL of the MX records stays at 200 s" },
	{ "the numbers come back", -1, true, TOP("7") "@ MX 0 mail\n@ MX 5 b\n" MAIL, "ns1 A", "www A 8.8.8.9\nns1 A",
	  TOP("9") "@ MX 0 mail\n@ MX 5 b\nwww A 8.8.8.9\n" MAIL, "" },
	{ "but not where somebody stands between", -1, true, TOP("7") "@ MX 0 mail\n@ MX 5 b\n" MAIL, "ns1 A", "@ MX 2 c\nns1 A",
	  TOP("9") "@ MX 10 mail\n@ MX 20 b\n@ MX 2 c\n" MAIL, "the real hosts stay at the preferences that apply gave them" },
	{ "the address was there before", -1, false, TOP("7") "@ MX 10 mail\n" MAIL "fake1 A 8.8.8.30\n", "ns1 A", "www A 8.8.8.9\nns1 A",
	  TOP("9") "@ MX 10 mail\nwww A 8.8.8.9\n" MAIL "fake1 A 8.8.8.30\n", "fake1.example.com keeps its address 8.8.8.30" },
	{ "no mail any more, but a decoy's address", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "@ MX 10 mail\n@ MX 20 fake1\n", "@ MX 0 .\n",
	  TOP("9") "@ MX 0 .\n" MAIL, "" },
	{ "the address stands in an include now", -1, false, TOP("7") "@ MX 10 mail\n" MAIL, "fake1\tIN\tA\t8.8.8.30\n", "$INCLUDE decoy.inc\n",
	  TOP("9") "@ MX 10 mail\n" MAIL "$INCLUDE decoy.inc\n", "it stands in an $INCLUDE" },
};
/* clang-format on */

static int begin(void **state)
{
	struct spot *p = xcalloc(1, sizeof(*p));
	char include[160];
	(void)str_copy(p->folder, sizeof(p->folder), "/tmp/fakemx-undo-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(p->path, sizeof(p->path), "%s/zone", p->folder);
	(void)snprintf(p->state, sizeof(p->state), "%s/state", p->folder);
	(void)snprintf(include, sizeof(include), "%s/decoy.inc", p->folder);
	write_file(include, "fake1 A 8.8.8.30\n");
	p->want = (struct plan_want){ .layout = LAYOUT_HIGH, .ttl = -1 };
	(void)str_copy(p->want.high.name, NAME_TEXT_MAX, "fake1.example.com");
	assert_true(addr_parse("8.8.8.30", &p->want.high.addresses[0]));
	assert_true(addr_parse("2001:4860::30", &p->want.high.addresses[1]));
	p->want.high.address_count = 2;
	p->job = (struct job){ .want = &p->want,
			       .check = "",
			       .reload = "",
			       .state = p->state,
			       .now = stamp_civil(2026, 11, 30, 0, 0, 0) * STAMP_SECOND };
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

static void apply(struct spot *p, const char *story)
{
	job_apply(p->worker, &p->job, &p->result);
	if (p->result.outcome != JOB_CHANGED)
		fail_msg("%s: apply: %s", story, p->result.error.text);
}

static void replace(const struct spot *p, const char *story, const char *from,
		    const char *to)
{
	char *text = read_file(p->path), *at = strstr(text, from);
	if (!at)
		fail_msg("%s: no \"%s\" in\n%s", story, from, text);
	struct buf changed = BUF_INIT(1 << 20);
	buf_add(&changed, text, (size_t)(at - text));
	buf_addf(&changed, "%s%s", to, at + strlen(from));
	write_file(p->path, buf_text(&changed));
	buf_release(&changed);
	free(text);
}

static bool has_record(const struct spot *p)
{
	char command[256];
	(void)snprintf(command, sizeof(command), "ls %s/zones 2>/dev/null | grep -q .",
		       p->state);
	return system(command) == 0; /* NOLINT(cert-env33-c): our own folder */
}

static void run_row(struct spot *p, size_t i)
{
	struct job_result *r = &p->result;
	const char *story = rows[i].story;
	p->want.ttl = rows[i].ttl;
	p->want.renumber = rows[i].renumber;
	bool has_ipv4_only = !strstr(rows[i].from, "2001") && !strstr(story, "twice");
	p->want.high.address_count = has_ipv4_only ? 1 : 2;
	write_file(p->path, rows[i].zone);
	apply(p, story);
	replace(p, story, rows[i].from, rows[i].to);
	job_revert(p->worker, &p->job, r);
	if (r->outcome != JOB_CHANGED || r->was_restored)
		fail_msg("%s: %s: %s", story, job_outcome_name(r->outcome),
			 r->error.text);
	char *got = read_file(p->path);
	if (strcmp(got, rows[i].want) != 0)
		fail_msg("%s:\ngot:\n%s\nwant:\n%s", story, got, rows[i].want);
	free(got);
	if (rows[i].note[0] ? !strstr(r->note, rows[i].note) : r->note[0])
		fail_msg("%s: got note \"%s\", want \"%s\"", story, r->note,
			 rows[i].note);
	assert_false(has_record(p));
	job_revert(p->worker, &p->job, r); /* once more: nothing */
	assert_int_equal(r->outcome, JOB_SAME);
	assert_false(r->is_left);
}

static void what_apply_did_goes_and_what_somebody_did_stays(void **state)
{
	struct spot *p = *state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(p, i);
}

/* Two applies with somebody's change between them: both are known. */
static void what_two_applies_did_goes(void **state)
{
	struct spot *p = *state;
	p->want.high.address_count = 1;
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	apply(p, "first");
	replace(p, "first", "ns1 A", "www A 8.8.8.9\nns1 A");
	(void)str_copy(p->want.high.name, NAME_TEXT_MAX, "fake2.example.com");
	assert_true(addr_parse("8.8.8.32", &p->want.high.addresses[0]));
	p->want.ttl = 60;
	apply(p, "second");
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	char *got = read_file(p->path);
	assert_string_equal(got, TOP("10") "@ 3600 MX 10 mail\nwww A 8.8.8.9\n" MAIL);
	free(got);
}

static void a_failed_apply_leaves_no_record(void **state)
{
	struct spot *p = *state;
	static const char *const checks[] = { "false", "" }, *const reloads[] = {
		"", "false"
	};
	for (size_t i = 0; i < 2; i++) {
		write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
		p->job.check = checks[i];
		p->job.reload = reloads[i];
		job_apply(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_FAILED);
		assert_false(has_record(p));
	}
}

/* A zone with an apply behind it: the record of that one stays good, also when the
 * file came back with a newer serial. */
static void a_failed_second_apply_leaves_the_first_ones_record(void **state)
{
	struct spot *p = *state;
	static const char *const checks[] = { "false", "" }, *const reloads[] = {
		"", "false"
	};
	for (size_t i = 0; i < 2; i++) {
		write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
		p->job.check = p->job.reload = "";
		p->want.ttl = -1;
		apply(p, "first");
		p->want.ttl = 60;
		p->job.check = checks[i];
		p->job.reload = reloads[i];
		job_apply(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_FAILED);
		p->job.check = p->job.reload = "";
		job_revert(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_CHANGED);
		assert_true(p->result.was_restored);
	}
}

static void which_command_failed_is_said_and_no_colon_ends_it(void **state)
{
	struct spot *p = *state;
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	p->job.check = "false";
	job_apply(p->worker, &p->job, &p->result);
	assert_non_null(strstr(p->result.error.text,
			       "for the check command `false` failed (exit 1)"));
	assert_null(strstr(p->result.error.text, "(exit 1):"));
	p->job.check = "";
	p->job.reload = "false";
	job_apply(p->worker, &p->job, &p->result);
	assert_non_null(strstr(p->result.error.text,
			       "the reload command `false` failed (exit 1); the former"));
}

static void a_failed_revert_can_be_run_again(void **state)
{
	struct spot *p = *state;
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	apply(p, "first");
	p->job.reload = "grep -q fake1 %f";
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_FAILED);
	assert_non_null(strstr(p->result.error.text, "the former zone was restored"));
	p->job.reload = "";
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_true(p->result.was_restored);
}

/* The former zone cannot come back, for its folder is gone. */
static void a_zone_that_stays_changed_is_said_to_be(void **state)
{
	struct spot *p = *state;
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	p->job.reload = "mv %f %f.away; false";
	job_apply(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_FAILED);
	assert_non_null(strstr(p->result.error.text, "is changed (serial 8), but not "
						     "loaded"));
	assert_non_null(strstr(p->result.error.text, "load it by hand, or revert"));
	assert_true(has_record(p));
}

static void another_state_folder_knows_nothing_and_says_what_to_do(void **state)
{
	struct spot *p = *state;
	char other[160];
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	apply(p, "first");
	char *applied = read_file(p->path);
	(void)snprintf(other, sizeof(other), "%s/other", p->folder);
	p->job.state = other;
	for (int write = 0; write < 2; write++) {
		if (write)
			job_revert(p->worker, &p->job, &p->result);
		else
			job_plan_revert(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_SAME);
		assert_true(p->result.is_left);
		assert_non_null(strstr(p->result.note, other));
		assert_non_null(
		    strstr(p->result.note, "MX 20 fake1.example.com is still"));
		assert_non_null(strstr(p->result.note, "--layout none --decoy fake1"));
	}
	char *text = read_file(p->path);
	assert_string_equal(text, applied);
	free(text);
	free(applied);
	/* what is typed then does it */
	p->want.layout = LAYOUT_NONE;
	apply(p, "by hand");
	job_revert(p->worker, &p->job, &p->result);
	p->job.state = p->state;
}

struct told {
	char origin[NAME_TEXT_MAX], path[4096], record[4096];
	size_t count;
};

static void on_record(void *arg, const struct history *h, const char *record)
{
	struct told *t = arg;
	t->count++;
	(void)str_copy(t->origin, sizeof(t->origin), h->origin);
	(void)str_copy(t->path, sizeof(t->path), h->path);
	(void)str_copy(t->record, sizeof(t->record), record);
}

static size_t count_records(const char *folder, struct told *t)
{
	struct recorded r;
	struct error e;
	t->count = 0;
	assert_int_equal(recorded_read(&r, folder, &e), 0);
	recorded_each(&r, on_record, t);
	assert_int_equal(recorded_has(&r, "example.com"), t->count > 0);
	assert_false(recorded_has(&r, "example.co"));
	recorded_release(&r);
	return t->count;
}

static void records_are_found_without_their_zone_files(void **state)
{
	struct spot *p = *state;
	struct told t = { .count = 0 };
	assert_int_equal(count_records("/nowhere", &t), 0);
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	apply(p, "first");
	char *applied = read_file(p->path);
	assert_return_code(unlink(p->path), 0);
	assert_int_equal(count_records(p->job.state, &t), 1);
	assert_string_equal(t.origin, "example.com");
	assert_non_null(strstr(t.path, strrchr(p->path, '/')));
	assert_return_code(access(t.record, R_OK), 0);
	write_file(p->path, applied);
	free(applied);
	job_revert(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.outcome, JOB_CHANGED);
	assert_int_equal(count_records(p->job.state, &t), 0);
}

/* A renamed file is undone under its new name, and that is said. */
static void a_renamed_file_is_undone(void **state)
{
	struct spot *p = *state;
	static const char *const meanwhile[] = { "", "www A 192.0.2.80\n" };
	for (size_t i = 0; i < 2; i++) {
		char path[sizeof(p->job.path)];
		struct told t = { .count = 0 };
		write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
		apply(p, "before it is renamed");
		char *applied = read_file(p->path);
		(void)snprintf(path, sizeof(path), "%s.renamed", p->path);
		assert_return_code(unlink(p->path), 0);
		struct buf text = BUF_INIT(4096);
		buf_addf(&text, "%s%s", applied, meanwhile[i]);
		write_file(path, buf_text(&text));
		(void)str_copy(p->job.path, sizeof(p->job.path), path);
		job_plan_revert(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_CHANGED);
		job_revert(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_CHANGED);
		assert_non_null(strstr(p->result.note, "the file was renamed"));
		char *reverted = read_file(path);
		assert_null(strstr(reverted, "fake1"));
		assert_non_null(strstr(reverted, meanwhile[i]));
		assert_int_equal(count_records(p->job.state, &t), 0);
		job_revert(p->worker, &p->job, &p->result);
		assert_int_equal(p->result.outcome, JOB_SAME);
		assert_return_code(unlink(path), 0);
		(void)str_copy(p->job.path, sizeof(p->job.path), p->path);
		buf_release(&text);
		free(reverted);
		free(applied);
	}
}

/* A copy that is gone does not make another file its successor, unless the decoys are
 * in it; and a second decoy does not take the first for a real host. */
static void the_decoy_of_before_is_no_real_host(void **state)
{
	struct spot *p = *state;
	write_file(p->path, TOP("7") "@ MX 10 mail\n" MAIL);
	apply(p, "the first decoy");
	(void)str_copy(p->want.high.name, sizeof(p->want.high.name), "fake2.example.com");
	job_plan(p->worker, &p->job, &p->result);
	assert_int_equal(p->result.plan->after_count, 2);
	apply(p, "another");
	char *text = read_file(p->path);
	assert_null(strstr(text, "MX 20 fake1"));
	assert_non_null(strstr(text, "MX 20 fake2"));
	job_revert(p->worker, &p->job, &p->result);
	free(text);
	text = read_file(p->path);
	assert_null(strstr(text, "fake")); /* nor any address of either */
	free(text);
}

#define undo_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		undo_test(what_apply_did_goes_and_what_somebody_did_stays),
		undo_test(a_renamed_file_is_undone),
		undo_test(the_decoy_of_before_is_no_real_host),
		undo_test(what_two_applies_did_goes),
		undo_test(a_failed_apply_leaves_no_record),
		undo_test(a_failed_second_apply_leaves_the_first_ones_record),
		undo_test(which_command_failed_is_said_and_no_colon_ends_it),
		undo_test(a_failed_revert_can_be_run_again),
		undo_test(a_zone_that_stays_changed_is_said_to_be),
		undo_test(records_are_found_without_their_zone_files),
		undo_test(another_state_folder_knows_nothing_and_says_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
