/* The verb `rehearse`: what is asked for, and what it prints. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/stamp.h"
#include "base/suggestion.h"
#include "cli/archive.h"
#include "cli/verbs.h"
#include "outlet/json.h"
#include "outlet/report/report.h"
#include "rehearse/rehearsal.h"

enum { DEFAULT_SENDERS = 300, REPORT_MOST = 4 * 1024 * 1024 };

static int parse_layout(const struct cli *c, enum layout *ret_layout)
{
	const char *text = cli_option(c, "layout");
	*ret_layout = cli_option(c, "low") ? LAYOUT_BOTH : LAYOUT_HIGH;
	if (!text || layout_parse(text, ret_layout))
		return CLI_DONE;
	struct suggestion n = suggestion_for(text);
	for (int l = LAYOUT_NONE; l <= LAYOUT_BOTH; l++)
		suggestion_offer(&n, layout_name((enum layout)l));
	if (n.best)
		return cli_usage(c, "unknown layout '%s'; did you mean '%s'?", text,
				 n.best);
	return cli_usage(c, "unknown layout '%s'; there are none, high, low and both",
			 text);
}

/* What the decoy that is tried first does. */
static int parse_low(const struct cli *c, enum layout layout, enum posture *ret_low)
{
	const char *text = cli_option(c, "low");
	*ret_low = POSTURE_CLOSED;
	if (!text)
		return CLI_DONE;
	if (!posture_parse(text, ret_low))
		return cli_usage(c, "unknown posture '%s'; there are closed and reset",
				 text);
	if (*ret_low != POSTURE_CLOSED && *ret_low != POSTURE_RESET)
		return cli_usage(c,
				 "--low is closed or reset: good senders that are tried "
				 "first by a decoy that answers (%s) lose mail",
				 text);
	if (layout != LAYOUT_LOW && layout != LAYOUT_BOTH)
		return cli_usage(c,
				 "--low needs --layout low or both: layout %s has no "
				 "decoy that is tried first",
				 layout_name(layout));
	return CLI_DONE;
}

static json_t *seconds_json(int64_t us)
{
	return us < 0 ? json_null() : json_real((double)us / (double)STAMP_SECOND);
}

static json_t *population_json(const struct rehearse_population *p, bool enforces)
{
	json_t *o = json_pack(
	    "{s:s, s:s, s:I, s:I, s:I, s:{s:o, s:o, s:o}}", "population",
	    p->profile->name, "kind", p->profile->is_bot ? "bot" : "good", "messages",
	    (json_int_t)p->messages, "delivered", (json_int_t)p->delivered, "lost",
	    (json_int_t)p->lost, "delay_seconds", "p50", seconds_json(p->p50_us), "p95",
	    seconds_json(p->p95_us), "max", seconds_json(p->max_us));
	json_add(o, "listed", enforces ? json_count(p->listed) : json_null());
	json_add(o, "scored", enforces ? json_count(p->scored) : json_null());
	return o;
}

static void print_json(const struct rehearsal *r, const struct rehearse_options *o,
		       const struct report *report)
{
	json_t *whole = report_json(report);
	json_t *populations = json_array();
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		struct rehearse_population p = rehearse_population(r, i);
		if (p.messages)
			(void)json_array_append_new(populations,
						    population_json(&p, o->enforces));
	}
	(void)json_object_set_new(whole, "populations", populations);
	(void)json_object_set_new(whole, "layout", json_text(layout_name(o->layout)));
	(void)json_object_set_new(whole, "senders", json_count(o->senders));
	(void)json_object_set_new(whole, "seed", json_count(o->seed));
	(void)json_dumpf(whole, stdout,
			 JSON_INDENT(2) | JSON_ENSURE_ASCII); /* main() asks stdout */
	(void)putchar('\n');
	json_decref(whole);
}

static void print_delay(int64_t us)
{
	char text[STAMP_TEXT_MAX];
	(void)printf(" %8s", us < 0 ? "-" : stamp_duration_text(us, text));
}

static void print_population(const struct rehearse_population *p)
{
	bool is_bad = !p->profile->is_bot && p->lost;
	(void)printf("  %-18s %-4s %9" PRIu64 " %9" PRIu64 " %s%6" PRIu64 "%s",
		     p->profile->name, p->profile->is_bot ? "bot" : "good", p->messages,
		     p->delivered, is_bad ? cli_style(stdout, CLI_BAD) : "", p->lost,
		     is_bad ? cli_style(stdout, CLI_PLAIN) : "");
	print_delay(p->p50_us);
	print_delay(p->p95_us);
	print_delay(p->max_us);
	(void)putchar('\n');
	if (*p->note)
		(void)printf("    %s\n", p->note);
}

static void print_text(const struct rehearsal *r, const struct rehearse_options *o,
		       const struct report *report)
{
	struct text_style style = archive_style();
	struct buf text = BUF_INIT(REPORT_MOST);
	report_text(report, &style, &text);
	(void)fputs(buf_text(&text), stdout);
	buf_release(&text);

	(void)printf("\n%sHow each population fared%s\n", style.bold, style.plain);
	(void)printf("  %-18s %-4s %9s %9s %6s %8s %8s %8s\n", "population", "kind",
		     "messages", "delivered", "lost", "p50", "p95", "longest");
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		struct rehearse_population p = rehearse_population(r, i);
		if (p.messages)
			print_population(&p);
	}
	(void)printf("\nSeed %" PRIu64
		     ": whoever gives the same options and --seed %" PRIu64
		     " sees the same senders do the same.\n",
		     o->seed, o->seed);
}

/* What the lists would have done to mail. */
static void print_scored(const struct rehearsal *r)
{
	struct rehearse_population all[2] = { { .listed = 0 } }; /* good, bots */
	const char *worst = NULL;
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		struct rehearse_population p = rehearse_population(r, i);
		struct rehearse_population *to = &all[p.profile->is_bot];
		to->messages += p.messages;
		to->delivered += p.delivered;
		to->listed += p.listed;
		to->scored += p.scored;
		if (!p.profile->is_bot && p.listed)
			worst = p.profile->name;
	}
	(void)printf("\nLists (mode = enforce): %" PRIu64
		     " bots were listed; of their %" PRIu64
		     " messages that got through %" PRIu64 " would have been scored.\n",
		     all[1].listed, all[1].delivered, all[1].scored);
	if (worst)
		(void)printf("%sGood mail would have been scored: %" PRIu64 " of %" PRIu64
			     " messages, of %" PRIu64 " senders, among them %s%s\n",
			     cli_style(stdout, CLI_BAD), all[0].scored, all[0].delivered,
			     all[0].listed, worst, cli_style(stdout, CLI_PLAIN));
	else
		(void)printf(
		    "No good mail would have been scored: of %" PRIu64
		    " messages of mail programs none came from a sender that was "
		    "listed.\n",
		    all[0].messages);
}

static int make_report(const struct rehearsal *r, struct report *ret_report,
		       struct error *e)
{
	struct db *db;
	struct ask *a = NULL;
	int rc = db_open(rehearse_journal(r), DB_READ, &db, e);
	if (rc < 0)
		return rc;
	struct report_span span = { .since = REPORT_BEGIN, .until = STAMP_NEVER };
	rc = ask_open(db, rehearse_now(r), &a, e);
	if (rc == 0)
		rc = report_make(a, &span, ret_report, e);
	ask_close(a);
	db_close(db);
	return rc;
}

/* CLI_DONE, or what was said. */
static int print(const struct cli *c, const struct rehearse_options *o,
		 const struct rehearsal *r)
{
	struct report report;
	struct error e;
	if (make_report(r, &report, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		print_json(r, o, &report);
	else
		print_text(r, o, &report);
	if (!c->json && o->enforces)
		print_scored(r);
	const char *page = cli_option(c, "html");
	int code = page ? archive_write_page(c, &report, page) : CLI_DONE;
	report_release(&report);
	return code;
}

/* argv[0] is the word that fakemx was called by. */
static void stay(struct rehearsal *r)
{
	const char *self = program_invocation_name;
	(void)fflush(stdout);
	(void)fprintf(stderr,
		      "\nEverything keeps running until Ctrl-C. Look at it with\n"
		      "  %s -c %s report\n"
		      "  %s -c %s visits\n"
		      "  %s -c %s list\n",
		      self, rehearse_config(r), self, rehearse_config(r), self,
		      rehearse_config(r));
	rehearse_stay(r);
}

static int read_options(const struct cli *c, struct rehearse_options *o)
{
	uint64_t senders = DEFAULT_SENDERS, seed = 1;
	const char *page = cli_option(c, "html");
	int code = cli_number(c, "senders", 1, POPULATION_MAX_SENDERS, &senders);
	if (code == CLI_DONE)
		code = cli_number(c, "seed", 0, INT64_MAX, &seed);
	if (code == CLI_DONE)
		code = parse_layout(c, &o->layout);
	if (code == CLI_DONE)
		code = parse_low(c, o->layout, &o->low);
	if (code == CLI_DONE && page && (page[0] == '\0' || strcmp(page, "-") == 0))
		code =
		    cli_usage(c, "--html needs a file: standard output has the report");
	o->senders = senders;
	o->seed = seed;
	o->enforces = cli_flag(c, "enforce");
	o->has_outage = cli_flag(c, "outage");
	o->hosts = (struct receiver_options){ .filters = !cli_flag(c, "no-filter"),
					      .greylists = cli_flag(c, "greylist") };
	return code == CLI_DONE ? archive_check_page(c) : code;
}

int rehearse_run(struct cli *c, int argc, char **argv)
{
	struct rehearse_options o;
	(void)argc, (void)argv;
	int code = read_options(c, &o);
	if (code)
		return code;
	struct error e;
	struct rehearsal *r;
	if (rehearse_play(c, &o, &r, &e) < 0) {
		struct error why;
		(void)error_set(&why, e.code, "the rehearsal failed: %.450s", e.text);
		return cli_fail(c, &why);
	}
	code = print(c, &o, r);
	if (code == CLI_DONE && !c->json && o.layout == LAYOUT_HIGH)
		(void)printf(
		    "\nWhat another decoy stops, which is tried first, and what it "
		    "costs:\n"
		    "  fakemx rehearse --layout both\n");
	if (code == CLI_DONE && cli_flag(c, "stay"))
		stay(r);
	rehearse_free(r);
	return code;
}
