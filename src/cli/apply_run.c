/* apply - the DNS change, done: planned for all zones first, then written. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "cli/cli.h"
#include "cli/domain_run.h"
#include "cli/verbs.h"
#include "cli/zone_run.h"
#include "cli/zone_show.h"

enum { MAX_CHANGE_DEFAULT = 30, MAX_CHANGE_FROM = 10, DIFFS_MAX = 20 };

/* One verb's way through plan, question and change; apply and revert alike. */
struct changing {
	struct cli *c;
	struct zone_work work;
	enum zone_does plans, does;
	const char *plans_what, *does_what;
	size_t *chosen; /* the zones that will change */
	size_t chosen_count;
	struct zone_totals planned, done;
	size_t endangered; /* zones with an error finding: apply refuses them */
	bool interrupted;
	size_t json_told;
};

static void say_problem(const struct changing *ch, const struct zone_outcome *o)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "%sfakemx: %s: %s%s\n", cli_style(stderr, CLI_BAD),
		      ch->work.items[o->index].zone->origin, o->error.text,
		      cli_style(stderr, CLI_PLAIN));
}

static void tell_json(struct changing *ch, const struct zone_outcome *o)
{
	struct buf problem = BUF_INIT(64 * 1024);
	const char *text = buf_text(&o->text);
	if (!*text) {
		zone_json_problem(&ch->work, o, &problem);
		text = buf_text(&problem);
	}
	(void)printf("%s%s", ch->json_told++ ? "," : "", text);
	buf_release(&problem);
}

static void tell_planned(struct zone_run *run, const struct zone_outcome *o)
{
	struct changing *ch = run->arg;
	if (ch->c->json)
		tell_json(ch, o);
	else if (o->outcome < JOB_REFUSED &&
		 (ch->work.count <= DIFFS_MAX || ch->c->verbose))
		(void)fputs(buf_text(&o->text), stdout);
	if (o->outcome >= JOB_REFUSED) {
		say_problem(ch, o);
	} else if (o->outcome == JOB_CHANGED && o->worst == SEVERITY_ERROR &&
		   run->does == ZONE_PLAN) {
		struct zone_outcome refused = { .index = o->index };
		(void)error_set(&refused.error, FMX_EREFUSED, "refused: %s",
				o->worst_text);
		say_problem(ch, &refused);
		ch->endangered++;
	} else if (o->outcome == JOB_CHANGED) {
		ch->chosen[ch->chosen_count++] = o->index;
	}
}

static void tell_done(struct zone_run *run, const struct zone_outcome *o)
{
	struct changing *ch = run->arg;
	if (o->outcome >= JOB_REFUSED)
		say_problem(ch, o);
}

static void plan_all(struct changing *ch)
{
	struct zone_run run = { .work = &ch->work,
				.cli = ch->c,
				.does = ch->plans,
				.what = ch->plans_what,
				.render =
				    ch->c->json ? zone_render_json : zone_render_text,
				.tell = tell_planned,
				.arg = ch };
	if (ch->c->json)
		(void)printf("{\"version\":1,\"zones\":[");
	zone_run_all(&run);
	ch->planned = run.totals;
	ch->interrupted = run.interrupted;
}

static void change(struct changing *ch, size_t from, size_t count)
{
	struct zone_run run = { .work = &ch->work,
				.cli = ch->c,
				.does = ch->does,
				.what = ch->does_what,
				.chosen = ch->chosen + from,
				.chosen_count = count,
				.tell = tell_done,
				.arg = ch };
	run.totals = ch->done;
	zone_run_all(&run);
	ch->done = run.totals;
	ch->interrupted |= run.interrupted;
}

/* before and after stand around "N zones". */
static bool asks(const char *before, size_t zones, const char *after)
{
	char line[16];
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s %zu zone%s%s [y/N] ", before, zones,
		      zones == 1 ? "" : "s", after);
	(void)fflush(stderr);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* A mistake in a configuration shows as a change of very many zones. */
static int check_max_change(const struct changing *ch)
{
	uint64_t most = MAX_CHANGE_DEFAULT;
	int code = cli_number(ch->c, "max-change", 0, 100, &most);
	if (code != CLI_DONE)
		return code;
	size_t zones = ch->planned.zones;
	if (zones < MAX_CHANGE_FROM || ch->chosen_count * 100 <= most * zones)
		return CLI_DONE;
	struct error e;
	(void)error_set(
	    &e, FMX_EREFUSED,
	    "%zu of %zu zones would change, more than %d %% of them: nothing was "
	    "changed. "
	    "If that is meant, say --max-change 100; --sample 3 tries three first",
	    ch->chosen_count, zones, (int)most);
	return cli_fail(ch->c, &e);
}

static int final_code(const struct changing *ch)
{
	if (ch->planned.failed || ch->done.failed || ch->interrupted)
		return CLI_FAILED;
	if (ch->planned.refused || ch->done.refused || ch->endangered)
		return CLI_REFUSED;
	return CLI_DONE;
}

static void say_end(const struct changing *ch)
{
	struct zone_totals t = ch->done;
	char text[STAMP_TEXT_MAX];
	t.zones = ch->planned.zones;
	t.same = ch->planned.same;
	t.no_mail = ch->planned.no_mail;
	t.refused += ch->planned.refused + ch->endangered;
	t.failed += ch->planned.failed;
	if (!ch->c->quiet)
		zone_show_summary(ch->c->json ? stderr : stdout, &t, true);
	if (ch->does == ZONE_REVERT && ch->done.changed && !ch->c->quiet)
		(void)fprintf(ch->c->json ? stderr : stdout,
			      "The decoys are gone everywhere by %s, when the last cache "
			      "has forgotten "
			      "them: keep their hosts as they are until then.\n",
			      stamp_text(t.gone_by / STAMP_SECOND * STAMP_SECOND, text));
	if (ch->interrupted)
		cli_warn(
		    ch->c,
		    "interrupted; what was done is done whole. Run it again to go on");
}

/* A sample first; the rest when told to go on. */
static int change_sampled(struct changing *ch, size_t sample)
{
	change(ch, 0, sample);
	size_t left = ch->chosen_count - sample;
	if (left == 0 || ch->interrupted || ch->done.failed || ch->done.refused)
		return final_code(ch);
	bool on_terminal = isatty(STDIN_FILENO) && !cli_flag(ch->c, "yes");
	if (on_terminal && asks("The sample is done. Go on with the other", left, "?")) {
		change(ch, sample, left);
		return final_code(ch);
	}
	cli_warn(ch->c,
		 "the sample of %zu is done; %zu more to change: run it again to go on",
		 sample, left);
	int code = final_code(ch);
	return code == CLI_DONE ? CLI_TELL : code;
}

static int ask_and_change(struct changing *ch, const char *question)
{
	if (ch->interrupted)
		return CLI_FAILED;
	uint64_t sample = ch->chosen_count;
	int code = check_max_change(ch);
	if (code == CLI_DONE)
		code = cli_number(ch->c, "sample", 1, ZONE_LIST_MAX, &sample);
	if (code != CLI_DONE)
		return code;
	if (ch->chosen_count == 0)
		return final_code(ch);
	if (!cli_flag(ch->c, "yes") && !asks(question, ch->chosen_count, "?")) {
		cli_warn(ch->c, "nothing was changed");
		return CLI_TELL;
	}
	return change_sampled(ch, sample < ch->chosen_count ? sample : ch->chosen_count);
}

static int change_verb(struct changing *ch, const char *question)
{
	if (!cli_flag(ch->c, "yes") && !isatty(STDIN_FILENO))
		return cli_usage(
		    ch->c,
		    "nobody can be asked here (standard input is no terminal): --yes "
		    "says that the change is meant%s",
		    ch->does == ZONE_REVERT ? "" : "; `fakemx plan` shows it");
	int code = zone_work_collect(&ch->work, ch->c, ch->does == ZONE_REVERT);
	if (code != CLI_DONE)
		return code;
	if (ch->does == ZONE_REVERT || cli_flag(ch->c, "online"))
		zone_work_ask_serials(&ch->work, ch->c);
	ch->chosen = xcalloc(ch->work.count, sizeof(*ch->chosen));
	plan_all(ch);
	code = ask_and_change(ch, question);
	if (ch->c->json)
		zone_show_json_end(&ch->planned, &ch->done);
	say_end(ch);
	free(ch->chosen);
	zone_work_release(&ch->work);
	return code;
}

int apply_run(struct cli *c, int argc, char **argv)
{
	(void)argc, (void)argv;
	struct changing ch = { .c = c,
			       .plans = ZONE_PLAN,
			       .does = ZONE_APPLY,
			       .plans_what = "zones planned",
			       .does_what = "zones changed" };
	return change_verb(&ch, "Change");
}

int revert_run(struct cli *c, int argc, char **argv)
{
	if (domain_run_is_meant(c, argc))
		return domain_run(c, argc, argv, true);
	struct changing ch = { .c = c,
			       .plans = ZONE_PLAN_REVERT,
			       .does = ZONE_REVERT,
			       .plans_what = "zones planned",
			       .does_what = "zones reverted" };
	return change_verb(&ch, "Undo what fakemx did to");
}
