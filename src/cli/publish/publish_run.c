/* publish - the lists of the configuration, once or again and again. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/program.h"
#include "cli/archive.h"
#include "cli/publish/publish_lists.h"
#include "cli/publish/publish_shut_in.h"
#include "cli/verbs.h"
#include "outlet/json.h"
#include "outlet/publish_state.h"
#include "serve/alarm/alarm_command.h"

enum { EVERY_SECONDS = 10, MOST_SECONDS = 25, PATH_ROOM = CONFIG_TEXT_MAX + 32 };

struct publishing {
	const struct cli *c;
	struct archive archive; /* found, not open: the journal may be gone */
	int64_t stale;
	bool is_following;
	char path[PATH_ROOM]; /* of the state; its time: when we were here */
	struct publish_state state;
	char (
	    *failures)[sizeof(((struct error *)NULL)->text)]; /* said, of each section */
	struct publish_lists lists;
	json_t *results; /* of --json */
};

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
	(void)number;
	is_over = 1;
}

/* ---- said once ---- */

/* Its time is new each time: --empty --stale looks at it. */
static void write_state(const struct publishing *p)
{
	struct error e;
	if (publish_state_write(p->path, &p->archive.config, &p->state, &e) != 0)
		cli_warn(p->c, "cannot note that lists were published: %s", e.text);
}

static void raise_alarm(const struct publishing *p, const char *text, bool is_alarm_over)
{
	uv_loop_t loop;
	if (!*p->archive.config.alarm || uv_loop_init(&loop) != 0)
		return;
	struct alarm_command *c = alarm_command_new(&loop);
	struct alarm a = { .key = alarm_key(ALARM_LISTS, ""),
			   .state = ALARM_ON,
			   .since = archive_now(&p->archive.config) };
	(void)str_copy(a.text, sizeof(a.text), text);
	alarm_command_set(c, p->archive.config.alarm);
	alarm_command_run(c, &a, is_alarm_over);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	alarm_command_stop(c);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	alarm_command_free(c);
	(void)uv_loop_close(&loop); /* nothing is open in it any more */
}

/* why "": the lists have again who is listed. */
static void say_why(struct publishing *p, const char *why, bool is_alarming)
{
	struct publish_state *s = &p->state;
	if (strcmp(s->why, why) == 0)
		return;
	bool was_empty = *s->why != '\0';
	(void)str_copy(s->why, sizeof(s->why), why);
	if (*why)
		cli_warn(p->c, "all lists are emptied: %s", why);
	else if (was_empty)
		cli_warn(p->c, "the lists are filled again");
	if (is_alarming != s->is_alarming)
		raise_alarm(p, *why ? why : "the lists are filled again", !is_alarming);
	s->is_alarming = is_alarming;
}

/* ---- results ---- */

static json_t *result_json(const struct publish_result *r)
{
	json_t *o = json_object();
	json_add(o, "name", json_text(r->section->name));
	json_add(o, "format",
		 json_text(list_format_name((enum list_format)r->section->format)));
	json_add(o, "file", json_text_or_null(r->section->file));
	json_add(o, "zone", json_text_or_null(r->section->zone));
	json_add(o, "listed", json_count(r->listed));
	json_add(o, "changes", json_count(r->changes));
	json_add(o, "error", json_text_or_null(r->has_failed ? r->error.text : ""));
	return o;
}

static void count(struct publishing *p, const struct publish_result *r)
{
	size_t at = (size_t)(r->section - p->archive.config.publish);
	struct publish_count *n = &p->state.counts[at];
	n->is_failing = r->has_failed;
	n->failures += r->has_failed;
	if (r->has_failed)
		return;
	n->right_at = archive_now(&p->archive.config);
	n->listed = r->listed;
	n->changes += r->changes;
}

/* While following, news alone: what changed, and a failure once. */
static void on_result(void *arg, const struct publish_result *r)
{
	struct publishing *p = arg;
	char *failure = p->failures[r->section - p->archive.config.publish];
	count(p, r);
	struct buf text = BUF_INIT(4096);
	publish_result_text(r, &text);
	bool is_news =
	    r->has_failed ? strcmp(failure, r->error.text) != 0 : *failure || r->changes;
	(void)str_copy(failure, sizeof(r->error.text),
		       r->has_failed ? r->error.text : "");
	if (p->results)
		json_push(p->results, result_json(r));
	if (r->has_failed && is_news)
		(void)fprintf(stderr, "fakemx: %s\n", buf_text(&text));
	else if (!r->has_failed && !p->results && !p->c->quiet &&
		 (is_news || !p->is_following))
		(void)printf("%s\n", buf_text(&text));
	(void)fflush(stdout);
	buf_release(&text);
}

/* ---- once ---- */

static size_t publish_empty(struct publishing *p, const char *why)
{
	struct publish_source s = { .head = { .note = why } };
	s.head.now = archive_now(&p->archive.config);
	s.head.serial = (uint32_t)(s.head.now / STAMP_SECOND);
	return publish_lists(&p->lists, &s, on_result, p);
}

static size_t publish_of(struct publishing *p, struct ask *ask, struct gate *gate)
{
	struct publish_source s = { .ask = ask,
				    .head = gate_head(gate, ask),
				    .filter = gate_filter(gate) };
	const char *why = s.head.note          ? s.head.note
			  : s.head.is_enforced ? ""
					       : "mode = observe";
	say_why(p, why, gate->is_alarming);
	return publish_lists(&p->lists, &s, on_result, p);
}

/* The journal is opened anew each time: it may be replaced. */
static size_t publish_of_journal(struct publishing *p)
{
	struct error e;
	struct db *db = NULL;
	struct ask *ask = NULL;
	struct gate gate;
	int64_t now = archive_now(&p->archive.config);
	size_t failed;
	int rc = db_open(p->archive.path, DB_READ, &db, &e);
	if (rc == 0)
		rc = ask_open(db, now, &ask, &e);
	if (rc == 0)
		rc = gate_open(&gate, &p->archive.config, db, ask, now, p->stale, &e);
	if (rc == 0) {
		failed = publish_of(p, ask, &gate);
		gate_close(&gate);
	} else {
		const char *why = "the journal cannot be read";
		if (strcmp(p->state.why, why) != 0)
			cli_warn(p->c, "%s", e.text);
		say_why(p, why, true);
		failed = publish_empty(p, why);
	}
	ask_close(ask);
	db_close(db);
	return failed;
}

/* After `off` nobody is alarmed that the journal is gone, too. */
static size_t publish_once(struct publishing *p)
{
	const char *off = gate_off_note(&p->archive.config);
	size_t failed;
	if (off) {
		say_why(p, off, false);
		failed = publish_empty(p, off);
	} else {
		failed = publish_of_journal(p);
	}
	write_state(p);
	return failed;
}

static void follow(struct publishing *p)
{
	struct sigaction a = { .sa_handler = on_signal };
	(void)sigaction(SIGTERM, &a, NULL);
	(void)sigaction(SIGINT, &a, NULL);
	while (!is_over) {
		int64_t began = stamp_monotonic();
		(void)publish_once(p); /* said; the next time may be better */
		int64_t took = (stamp_monotonic() - began) / STAMP_SECOND;
		int64_t rest = 3 * took > EVERY_SECONDS ? 3 * took : EVERY_SECONDS;
		rest = rest > MOST_SECONDS ? MOST_SECONDS : rest;
		for (int64_t i = 0; i < rest && !is_over; i++)
			(void)sleep(1);
	}
}

/* Nobody published for so long, though lists may have somebody. */
static bool is_abandoned(const struct publishing *p)
{
	struct stat st;
	if (stat(p->path, &st) != 0)
		return true;
	int64_t age = stamp_now() - (int64_t)st.st_mtime * STAMP_SECOND;
	return age >= p->stale || age < -STAMP_MINUTE;
}

static size_t empty(struct publishing *p)
{
	bool is_by_timer = cli_option(p->c, "stale") != NULL;
	const char *why = "fakemx publish is not running";
	if (is_by_timer && !is_abandoned(p))
		return 0;
	if (is_by_timer)
		say_why(p, why, true);
	size_t failed = publish_empty(p, why);
	if (is_by_timer && !failed)
		write_state(p);
	return failed;
}

/* ---- the verb ---- */

static int parse(struct publishing *p)
{
	const char *stale = cli_option(p->c, "stale");
	p->stale = GATE_STALE;
	p->is_following = cli_flag(p->c, "follow");
	if (p->is_following && cli_flag(p->c, "empty"))
		return cli_usage(p->c, "--follow and --empty contradict each other");
	if (p->is_following && p->c->json)
		return cli_usage(p->c, "--follow and --json contradict each other");
	if (stale && (!stamp_parse_duration(stale, &p->stale) || p->stale < STAMP_SECOND))
		return cli_usage(
		    p->c,
		    "--stale is a time such as 15m, one second at least, not "
		    "'%s'",
		    stale);
	return CLI_DONE;
}

static int begin(struct publishing *p)
{
	int code = parse(p);
	if (code == CLI_DONE)
		code = archive_find(&p->archive, p->c);
	if (code != CLI_DONE)
		return code;
	const struct config *c = &p->archive.config;
	bool is_short = publish_state_path(c, p->path, sizeof(p->path));
	if (c->publish_count == 0 || !is_short) {
		code = is_short ? cli_usage(p->c,
					    "%s has no publish section: fakemx.conf(5) "
					    "has an example",
					    p->c->config_path)
				: cli_usage(p->c, "the state folder's name is too long");
		archive_close(&p->archive);
		return code;
	}
	p->failures = xcalloc(c->publish_count, sizeof(*p->failures));
	p->results = p->c->json ? json_array() : NULL;
	publish_lists_init(&p->lists, c);
	publish_state_read(p->path, c, &p->state);
	return CLI_DONE;
}

/* To empty the lists reads nothing of strangers, and is what must not fail. */
static int shut_in_for(const struct publishing *p, bool is_emptying, struct error *e)
{
	int rc = publish_shut_in(p->c, &p->archive.config, e);
	if (rc == 0 || !is_emptying)
		return rc;
	cli_warn(p->c,
		 "publish could not give up the rights that it does not need (%s); it "
		 "empties the lists all the same",
		 e->text);
	return 0;
}

static void print_results(struct publishing *p)
{
	if (!p->results)
		return;
	json_t *document = json_object();
	json_add(document, "version", json_integer(1));
	json_add(document, "note", json_text_or_null(p->state.why));
	json_add(document, "published", p->results);
	archive_print_json(document);
}

int publish_run(struct cli *c, int argc, char **argv)
{
	struct publishing p = { .c = c };
	size_t failed = 0;
	(void)argc, (void)argv;
	int code = begin(&p);
	if (code != CLI_DONE)
		return code;
	bool is_emptying = cli_flag(c, "empty");
	struct error e;
	if (!p.archive.config.is_active)
		cli_warn(
		    c, "active = false: this machine is a standby and publishes nothing");
	else if (shut_in_for(&p, is_emptying, &e) != 0)
		failed = (size_t)cli_fail(c, &e);
	else if (is_emptying)
		failed = empty(&p);
	else if (p.is_following)
		follow(&p);
	else
		failed = publish_once(&p);
	print_results(&p);
	publish_lists_release(&p.lists);
	publish_state_release(&p.state);
	free(p.failures);
	program_join();
	archive_close(&p.archive);
	return failed ? CLI_FAILED : CLI_DONE;
}
