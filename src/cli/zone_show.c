#include "cli/zone_show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/utf8.h"

/* ---- JSON ---- */

void zone_show_json_begin(void)
{
	(void)printf("{\"version\":1,\"zones\":[");
}

/* The zones between stream by, an object each: of a hundred thousand no tree is made. */
void zone_show_json_end(const struct zone_totals *planned, const struct zone_totals *done)
{
	(void)printf("],\"changes\":%zu,", planned->changed);
	if (done)
		(void)printf("\"changed\":%zu,", done->changed);
	if (planned->worst)
		(void)printf("\"worst_severity\":\"%s\"}\n",
			     severity_name((enum severity)(planned->worst - 1)));
	else
		(void)printf("\"worst_severity\":null}\n");
}

static struct zone_shown shown_of(const struct zone_run *run, const struct job *job,
				  const struct job_result *r,
				  const struct zone_forecast *o)
{
	return (struct zone_shown){ .origin = job->origin,
				    .zone = job->origin,
				    .layout = job->want->layout,
				    .reverts = run->does == ZONE_REVERT ||
					       run->does == ZONE_PLAN_REVERT,
				    .result = r,
				    .forecast = o };
}

int zone_render_json(const struct zone_run *run, const struct job *job,
		     const struct job_result *r, const struct zone_forecast *o,
		     struct buf *out, struct error *e)
{
	struct zone_shown z = shown_of(run, job, r, o);
	(void)e;
	plan_json(&z, NULL, out);
	return 0;
}

void zone_json_problem(const struct zone_work *w, const struct zone_outcome *o,
		       struct buf *out)
{
	const struct zone_work_item *item = &w->items[o->index];
	plan_json_problem(item->zone->origin, item->want->plan.layout, o->outcome,
			  o->error.text, NULL, out);
}

/* ---- text ---- */

/* Of a file that others may have written nothing moves a terminal; elsewhere its bytes
 * are themselves, for programs that read a diff. */
static void add_shown(const char *line, size_t n, struct buf *out)
{
	if (!isatty(STDOUT_FILENO)) {
		buf_add(out, line, n);
		return;
	}
	struct buf copy = BUF_INIT(n + 1);
	buf_add(&copy, line, n && line[n - 1] == '\r' ? n - 1 : n);
	char *text = buf_take(&copy), *tab;
	for (char *piece = text; piece; piece = tab) {
		tab = strchr(piece, '\t');
		if (tab)
			*tab++ = '\0';
		utf8_make_safe(piece);
		buf_addf(out, "%s%s", piece, tab ? "\t" : "");
	}
	free(text);
}

static void text_diff(const char *diff, struct buf *out)
{
	for (const char *line = diff; *line;) {
		size_t n = strcspn(line, "\n");
		enum cli_style style = CLI_PLAIN;
		if (*line == '+')
			style = CLI_GOOD;
		else if (*line == '-')
			style = CLI_BAD;
		else if (*line == '@')
			style = CLI_FAINT;
		if (style != CLI_PLAIN)
			buf_adds(out, cli_style(stdout, style));
		add_shown(line, n, out);
		if (style != CLI_PLAIN)
			buf_adds(out, cli_style(stdout, CLI_PLAIN));
		buf_adds(out, "\n");
		line += n + (line[n] == '\n');
	}
}

/* Of live DNS there are no lines, only records. */
static void text_edits(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct zone_change *c = &p->changes[i];
		bool adds = c->action == EDIT_ADD;
		char mx[CHANGE_MX_TEXT_MAX];
		buf_addf(out, "%s%c %s. %u IN %s %s%s\n",
			 cli_style(stdout, adds ? CLI_GOOD : CLI_BAD), adds ? '+' : '-',
			 c->owner, c->ttl, edit_type_name(c->type),
			 zone_change_rdata(c, mx), cli_style(stdout, CLI_PLAIN));
	}
}

void zone_show_findings(const struct findings *f, struct buf *out)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *one = &f->items[i];
		enum cli_style style = one->severity == SEVERITY_ERROR     ? CLI_BAD
				       : one->severity == SEVERITY_WARNING ? CLI_WARN
									   : CLI_FAINT;
		buf_addf(out, "%s%s%s %s: %s\n", cli_style(stdout, style),
			 severity_name(one->severity), cli_style(stdout, CLI_PLAIN),
			 one->kind->id, one->text);
		if (one->fix[0])
			buf_addf(out, "  %s\n", one->fix);
	}
}

/* Most senders fare as before; those who do not are what the reader must see. */
void zone_show_senders(const struct zone_forecast *o, struct buf *out)
{
	size_t same = 0;
	for (size_t i = 0; i < PROFILE_SENDERS; i++) {
		const struct profile *p = &profile_table[i];
		struct prediction before, after;
		predict(&before, p, o->before.hosts, o->before.hosts_len);
		predict(&after, p, o->after.hosts, o->after.hosts_len);
		double extra = after.delay_seconds - before.delay_seconds;
		if (before.outcome == after.outcome && extra < 0.05 && extra > -0.05) {
			same++;
			continue;
		}
		buf_addf(out, "  %s: %s", p->title, predict_outcome_name(after.outcome));
		if (after.outcome == PREDICT_DELIVERED)
			buf_addf(out, " after %.1f s", after.delay_seconds);
		buf_addf(out, " (before: %s)%s%s\n", predict_outcome_name(before.outcome),
			 after.note[0] ? "; " : "", after.note);
	}
	buf_addf(out,
		 "%zu of %d mail programs deliver as before, with the real hosts up.\n",
		 same, PROFILE_SENDERS);
}

void zone_show_no_mail(const char *origin, const struct job_result *r, struct buf *out)
{
	buf_addf(out, "%s is no mail domain: it has %s. Nothing to do.\n", origin,
		 r->facts->mx_count ? "a null MX, which says that it takes no mail"
				    : "no MX record");
}

int zone_render_text(const struct zone_run *run, const struct job *job,
		     const struct job_result *r, const struct zone_forecast *o,
		     struct buf *out, struct error *e)
{
	struct zone_shown z = shown_of(run, job, r, o);
	(void)e;
	if (r->outcome == JOB_REFUSED)
		return 0; /* the sentence is told by itself */
	if (r->outcome == JOB_NO_MAIL) {
		zone_show_no_mail(job->origin, r, out);
		return 0;
	}
	if (r->outcome == JOB_SAME && z.reverts) {
		buf_addf(out, "%s: %s%s%s.\n", job->origin,
			 r->is_left ? "" : "nothing to undo",
			 r->note[0] && !r->is_left ? ": " : "", r->note);
		return 0;
	}
	if (r->outcome == JOB_SAME) {
		buf_addf(out, "%s is as wanted (layout %s): nothing to do.\n",
			 job->origin, layout_name(z.layout));
		zone_show_findings(&o->findings, out);
		return 0;
	}
	if (*r->diff)
		text_diff(r->diff, out);
	else
		text_edits(r->plan, out);
	if (z.reverts && r->note[0])
		buf_addf(out, "%s: %s.\n", job->origin, r->note);
	if (z.reverts)
		return 0;
	zone_show_findings(&o->findings, out);
	zone_show_senders(o, out);
	return 0;
}

/* ---- for people whose DNS lives elsewhere ---- */

int zone_show_export(enum export_format format, const struct zone_shown *z,
		     struct buf *out, struct error *e)
{
	struct export x = plan_json_export(z);
	return z->result->outcome == JOB_CHANGED ? export_write(format, &x, out, e) : 0;
}

int zone_render_export(const struct zone_run *run, const struct job *job,
		       const struct job_result *r, const struct zone_forecast *o,
		       struct buf *out, struct error *e)
{
	struct zone_shown z = shown_of(run, job, r, o);
	return zone_show_export(run->format, &z, out, e);
}

int zone_show_format(const struct cli *c, bool *ret_given, enum export_format *ret)
{
	const char *text = cli_option(c, "format");
	*ret_given = text != NULL;
	*ret = EXPORT_TABLE;
	if (text && c->json)
		return cli_usage(c, "--json and --format exclude each other");
	if (text && !export_format_parse(text, ret))
		return cli_usage(c, "--format %s: there are " EXPORT_FORMAT_NAMES, text);
	return CLI_DONE;
}

/* ---- the end ---- */

void zone_show_summary(FILE *to, const struct zone_totals *t, const char *changed,
		       const char *same)
{
	(void)fprintf(to, "%zu zone%s: %zu %s, %zu %s", t->zones, number_plural(t->zones),
		      t->changed, changed, t->same, same);
	if (t->no_mail)
		(void)fprintf(to, ", %zu without mail", t->no_mail);
	if (t->refused)
		(void)fprintf(to, ", %zu refused", t->refused);
	if (t->failed)
		(void)fprintf(to, ", %zu failed", t->failed);
	if (t->warned)
		(void)fprintf(to, "; %zu with warnings", t->warned);
	(void)fprintf(to, "\n");
}
