/* apply - the DNS change, done: planned for all zones first, then written. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "cli/cli.h"
#include "cli/domain_run.h"
#include "cli/verbs.h"
#include "cli/zone_gone.h"
#include "cli/zone_run.h"
#include "cli/zone_show.h"
#include "zone/serials.h"

enum { MAX_CHANGE_DEFAULT = 30, MAX_CHANGE_FROM = 10, DIFFS_MAX = 20 };

/* One verb's way through plan, question and change; apply and revert alike. */
struct changing {
	struct cli *c;
	struct zone_work work;
	enum zone_does plans, does;
	const char *plans_what, *does_what;
	uint64_t max_change, sample; /* sample 0: all */
	size_t *chosen;              /* the zones that will change */
	size_t chosen_count;
	struct zone_totals planned, done;
	size_t endangered; /* zones with an error finding: apply refuses them */
	bool interrupted;
	size_t json_told;
	/* Zone files that a server was told to load: do all name servers have them? */
	struct zone_serial *loaded;
	size_t loaded_count;
	size_t lagging;
	size_t gone; /* recorded, but the zone file is not there any more */
	/* Zone files that no server was told to load. */
	size_t unloaded_count;
	const struct zone_item *unloaded; /* one of them */
	/* Zones whose second step of a revert is due later. */
	size_t *waiting;
	size_t waiting_count;
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

/* Of many zones only what must be read is told. */
static void note_must_be_read(const struct changing *ch, const struct zone_outcome *o)
{
	bool is_shown = ch->c->json || ch->c->verbose || ch->work.count <= DIFFS_MAX;
	if (!is_shown && (o->is_left || (o->outcome == JOB_CHANGED && o->note[0])))
		cli_warn(ch->c, "%s: %s", ch->work.items[o->index].zone->origin, o->note);
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
	} else if (o->again_at) {
		ch->waiting[ch->waiting_count++] = o->index;
	}
	note_must_be_read(ch, o);
}

static void say_lagging(struct changing *ch, const char *origin, const char *words)
{
	ch->lagging++;
	(void)fflush(stdout);
	(void)fprintf(stderr, "%sfakemx: %s: %s%s\n", cli_style(stderr, CLI_WARN), origin,
		      words, cli_style(stderr, CLI_PLAIN));
}

static void tell_done(struct zone_run *run, const struct zone_outcome *o)
{
	struct changing *ch = run->arg;
	if (o->again_at)
		ch->waiting[ch->waiting_count++] = o->index;
	const struct zone_work_item *item = &ch->work.items[o->index];
	if (o->outcome >= JOB_REFUSED)
		say_problem(ch, o);
	else if (o->lags)
		say_lagging(ch, item->zone->origin, o->note);
	else if (o->outcome == JOB_CHANGED && !item->update && item->reload[0])
		ch->loaded[ch->loaded_count++] =
		    (struct zone_serial){ .origin = item->zone->origin,
					  .wanted = o->serial };
	else if (o->outcome == JOB_CHANGED && !item->update) {
		ch->unloaded_count++;
		ch->unloaded = item->zone;
	}
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
		zone_show_json_begin();
	zone_run_all(&run);
	ch->planned = run.totals;
	ch->interrupted = run.interrupted;
}

static void change(struct changing *ch, const size_t *chosen, size_t count)
{
	struct zone_run run = { .work = &ch->work,
				.cli = ch->c,
				.does = ch->does,
				.what = ch->does_what,
				.chosen = chosen,
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
	return cli_confirm("%s %zu zone%s%s", before, zones, number_plural(zones), after);
}

static size_t sample_of(const struct changing *ch)
{
	return ch->sample && ch->sample < ch->chosen_count ? (size_t)ch->sample
							   : ch->chosen_count;
}

/* A mistake in a configuration shows as a change of very many zones. Of a sample
 * only so many change before somebody looks. */
static int check_max_change(const struct changing *ch)
{
	size_t zones = ch->planned.zones, most = (size_t)ch->max_change;
	if (zones < MAX_CHANGE_FROM || sample_of(ch) * 100 <= most * zones)
		return CLI_DONE;
	struct error e;
	(void)error_set(
	    &e, FMX_EREFUSED,
	    "%zu of %zu zones would change, more than %d %% of them: nothing was "
	    "changed. "
	    "If that is meant, say --max-change 100; --sample 3 tries three first",
	    sample_of(ch), zones, (int)most);
	return cli_fail(ch->c, &e);
}

static bool asked_before(const struct changing *ch)
{
	return ch->does == ZONE_REVERT || cli_flag(ch->c, "online");
}

/* Where the new serial exceeded all, a newer one only went on from it. */
static void say_ahead(const struct changing *ch, const struct zone_serial *z)
{
	cli_warn(ch->c,
		 "%s: the name server %s has a newer serial than the change (%u): either "
		 "it signs the zone and counts on its own, or it holds another version "
		 "and does not take this one; then `apply --online`, which exceeds it",
		 z->origin, z->ahead, z->wanted);
}

static void say_agreement(struct changing *ch, const struct zone_serial *z)
{
	char words[SERIALS_SERVER_MAX + 200];
	if (z->lagging[0]) {
		(void)snprintf(
		    words, sizeof(words),
		    "it is changed (serial %u), but the name server %s does not "
		    "have it: see why its transfers lag",
		    z->wanted, z->lagging);
		say_lagging(ch, z->origin, words);
	} else if (z->ahead[0] && !asked_before(ch)) {
		say_ahead(ch, z);
	}
}

/* Changed is changed; whether all name servers follow is told apart. Only where one
 * was told to load the zone is there anything to ask. */
static void ask_for_agreement(struct changing *ch)
{
	struct error e;
	size_t known = 0, agreed = 0, all = ch->loaded_count;
	if (all == 0)
		return;
	if (serials_agree(ch->loaded, all, &ch->work.resolver, &e) != 0) {
		cli_warn(ch->c, "the name servers could not be asked: %s", e.text);
		return;
	}
	for (size_t i = 0; i < all; i++) {
		const struct zone_serial *z = &ch->loaded[i];
		known += z->is_known;
		agreed +=
		    z->is_known && !z->lagging[0] && (!z->ahead[0] || asked_before(ch));
		say_agreement(ch, z);
	}
	FILE *to = ch->c->json ? stderr : stdout;
	if (!ch->c->quiet && agreed)
		(void)fprintf(
		    to, "All name servers that answered have the change of %zu zone%s.\n",
		    agreed, number_plural(agreed));
	if (!ch->c->quiet && known < all)
		(void)fprintf(
		    to,
		    "No name server of %zu zone%s answered, so whether they "
		    "have the change is not known; --resolver, or `resolver` in "
		    "the configuration, says who knows them.\n",
		    all - known, number_plural(all - known));
}

static int final_code(const struct changing *ch)
{
	if (ch->planned.failed || ch->done.failed || ch->interrupted)
		return CLI_FAILED;
	if (ch->planned.refused || ch->done.refused || ch->endangered)
		return CLI_REFUSED;
	return ch->lagging || ch->planned.left ? CLI_TELL : CLI_DONE;
}

/* A file that nobody loads changes nothing. */
static void say_reload(const struct changing *ch)
{
	char commands[4 * NAME_TEXT_MAX];
	bool is_one = ch->unloaded_count == 1;
	if (ch->unloaded_count == 0 || ch->c->quiet)
		return;
	zone_server_reload(ch->unloaded->server, is_one ? ch->unloaded->origin : NULL,
			   commands, sizeof(commands));
	(void)fprintf(ch->c->json ? stderr : stdout,
		      "The name server must still be told to load %s: %s. A `reload` "
		      "command in the `zone` section of a configuration does that, and "
		      "then all name servers are asked whether they have it.\n",
		      is_one ? "it" : "them", commands);
}

/* What caches hold decides by when everybody sees the change. */
static void say_when(const struct changing *ch, const struct zone_totals *t)
{
	FILE *to = ch->c->json ? stderr : stdout;
	char text[STAMP_TEXT_MAX];
	if (ch->c->quiet)
		return;
	if (ch->done.changed && ch->does == ZONE_REVERT)
		(void)fprintf(to,
			      "The decoys are gone everywhere by %s, when the last cache "
			      "has forgotten "
			      "them: keep their hosts as they are until then.\n",
			      stamp_second(t->gone_by, text));
	else if (ch->done.changed)
		(void)fprintf(
		    to,
		    "The change is seen everywhere by %s, when the last cache has "
		    "forgotten the MX records from before.\n",
		    stamp_second(t->gone_by, text));
	if (ch->done.again_at)
		(void)fprintf(to,
			      "The decoys' addresses stay while caches may still ask for "
			      "them: revert once more after %s.\n",
			      stamp_second(ch->done.again_at, text));
}

static void say_end(const struct changing *ch)
{
	struct zone_totals t = ch->done;
	t.zones = ch->planned.zones;
	t.same = ch->planned.same;
	t.no_mail = ch->planned.no_mail;
	t.refused += ch->planned.refused + ch->endangered;
	t.failed += ch->planned.failed;
	if (!ch->c->quiet)
		zone_show_summary(ch->c->json ? stderr : stdout, &t, "changed",
				  ch->does == ZONE_REVERT ? "with nothing to undo"
							  : "as wanted");
	if (!ch->c->quiet && ch->gone)
		(void)fprintf(ch->c->json ? stderr : stdout,
			      "Of %zu zone%s more that apply changed the file is not "
			      "there any more.\n",
			      ch->gone, number_plural(ch->gone));
	say_reload(ch);
	say_when(ch, &t);
	if (ch->interrupted)
		cli_warn(
		    ch->c,
		    "interrupted: %zu of %zu zones that were to change are changed, each "
		    "of them whole. Run it again to go on",
		    ch->done.changed, ch->chosen_count);
}

/* A sample first; the rest when told to go on. */
static int change_sampled(struct changing *ch, size_t sample)
{
	change(ch, ch->chosen, sample);
	ask_for_agreement(ch);
	size_t left = ch->chosen_count - sample;
	if (left == 0 || ch->interrupted || ch->done.failed || ch->done.refused)
		return final_code(ch);
	bool on_terminal = isatty(STDIN_FILENO) && !cli_flag(ch->c, "yes");
	if (on_terminal && asks("The sample is done. Go on with the other", left, "?")) {
		ch->loaded_count = 0;
		change(ch, ch->chosen + sample, left);
		ask_for_agreement(ch);
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
	int code = check_max_change(ch);
	if (code != CLI_DONE)
		return code;
	if (ch->chosen_count == 0)
		return final_code(ch);
	if (!cli_flag(ch->c, "yes") && !asks(question, ch->chosen_count, "?")) {
		cli_warn(ch->c, "nothing was changed");
		return CLI_TELL;
	}
	return change_sampled(ch, sample_of(ch));
}

/* Whoever says --wait need not come back for the addresses. Ctrl-C is safe: what
 * is left then, the next revert does. */
static void wait_for_second_step(struct changing *ch)
{
	int64_t due = ch->done.again_at > ch->planned.again_at ? ch->done.again_at
							       : ch->planned.again_at;
	char text[STAMP_TEXT_MAX];
	if (!ch->waiting_count || !cli_flag(ch->c, "wait"))
		return;
	if (!ch->c->quiet)
		(void)fprintf(
		    stderr,
		    "Waiting until %s, when no cache asks for the decoys any more. "
		    "Ctrl-C is safe: the next revert does the rest.\n",
		    stamp_second(due, text));
	while (stamp_now() <= due)
		(void)sleep(1);
	ch->work.now = stamp_now();
	size_t count = ch->waiting_count;
	size_t *chosen = ch->waiting;
	ch->waiting = xcalloc(ch->work.count, sizeof(*ch->waiting));
	ch->waiting_count = 0;
	ch->done.again_at = ch->planned.again_at = 0;
	change(ch, chosen, count);
	free(chosen);
}

/* The files that --zone names are there, or it is said. */
static void look_for_gone(struct changing *ch)
{
	if (ch->does == ZONE_REVERT && !cli_option(ch->c, "zone"))
		ch->gone = zone_gone_say(&ch->work, ch->c);
}

static int end_well(struct changing *ch)
{
	wait_for_second_step(ch);
	int code = final_code(ch);
	return code == CLI_DONE && ch->gone ? CLI_TELL : code;
}

/* apply is the way in again. */
static void end_off(const struct config *c)
{
	char path[CONFIG_TEXT_MAX + 8];
	if (config_off_path(c, path, sizeof(path)))
		(void)unlink(path); /* mostly not there */
}

/* The way back is not narrowed: revert takes these and passes them over. */
static int read_limits(struct changing *ch)
{
	ch->max_change = MAX_CHANGE_DEFAULT;
	int code = cli_number(ch->c, "max-change", 0, 100, &ch->max_change);
	if (code == CLI_DONE)
		code = cli_number(ch->c, "sample", 1, ZONE_LIST_MAX, &ch->sample);
	if (ch->does == ZONE_REVERT) {
		ch->max_change = 100;
		ch->sample = 0;
	}
	return code;
}

static int change_verb(struct changing *ch, const char *question)
{
	if (!cli_flag(ch->c, "yes") && !isatty(STDIN_FILENO))
		return cli_usage(
		    ch->c,
		    "nobody can be asked here (standard input is no terminal): --yes "
		    "says that the change is meant%s",
		    ch->does == ZONE_REVERT ? "" : "; `fakemx plan` shows it");
	int code = read_limits(ch);
	if (code == CLI_DONE)
		code = zone_work_collect(&ch->work, ch->c, ch->does == ZONE_REVERT);
	if (code != CLI_DONE)
		return code;
	if (asked_before(ch))
		zone_work_ask_serials(&ch->work, ch->does == ZONE_REVERT);
	ch->chosen = xcalloc(ch->work.count, sizeof(*ch->chosen));
	ch->waiting = xcalloc(ch->work.count, sizeof(*ch->waiting));
	ch->loaded = xcalloc(ch->work.count, sizeof(*ch->loaded));
	plan_all(ch);
	look_for_gone(ch);
	if (ch->chosen_count)
		zone_work_say_serials(&ch->work, ch->c);
	code = ask_and_change(ch, question);
	if (code == CLI_DONE)
		code = end_well(ch);
	if (ch->c->json)
		zone_show_json_end(&ch->planned, &ch->done);
	say_end(ch);
	if (ch->does == ZONE_APPLY && code == CLI_DONE && ch->work.has_config)
		end_off(&ch->work.config);
	free(ch->chosen);
	free(ch->loaded);
	free(ch->waiting);
	zone_work_release(&ch->work);
	return code;
}

int apply_run(struct cli *c, int argc, char **argv)
{
	if (argc > 0)
		return cli_usage(c,
				 "apply changes zone files (--zone) and the zones of the "
				 "configuration; of a domain that is kept elsewhere, "
				 "`fakemx plan %.200s` says what to type",
				 argv[0]);
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
	int code = domain_run_check_zones(c, true);
	if (code != CLI_DONE)
		return code;
	struct changing ch = { .c = c,
			       .plans = ZONE_PLAN_REVERT,
			       .does = ZONE_REVERT,
			       .plans_what = "zones planned",
			       .does_what = "zones reverted" };
	return change_verb(&ch, "Undo what fakemx did to");
}
