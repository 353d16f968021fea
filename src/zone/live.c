#include "zone/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/live_internal.h"
#include "zone/undo.h"

static void start_more(struct live *l);
static void look_again(struct live_zone *z);

static bool reverts(const struct live_zone *z)
{
	return z->live->options->does == LIVE_REVERT ||
	       z->live->options->does == LIVE_PLAN_REVERT;
}

static bool writes(const struct live_zone *z)
{
	return z->live->options->does == LIVE_REVERT ||
	       z->live->options->does == LIVE_APPLY;
}

/* ---- the end ---- */

static void free_zone(struct live_zone *z)
{
	struct live *l = z->live;
	ranges_release(&z->ranges);
	plan_clear(&z->plan);
	history_release(&z->history);
	free(z->names);
	free(z);
	l->under_way--;
	start_more(l);
}

static void on_timer_closed(uv_handle_t *h)
{
	free_zone(h->data);
}

static int64_t second_step_at(int64_t first, uint32_t ttl)
{
	return first + 2 * (int64_t)ttl * STAMP_SECOND;
}

/* How long caches may still name the decoys, counted from now. */
static uint32_t longest_ttl(const struct live_zone *z)
{
	return z->plan.ttl_before ? z->plan.ttl_before : z->history.ttl;
}

static bool takes_addresses_away(const struct plan *p)
{
	return p->count && p->changes[0].type != EDIT_MX;
}

/* Such as apply added: what else the decoys' names have stays. */
static bool has_decoy_records(const struct live_zone *z)
{
	for (size_t i = 0; i < z->ranges.record_count; i++) {
		const struct record_range *r = &z->ranges.records[i];
		if (plan_is_of_decoy(z->want, r) && undo_is_added(&z->undo, r))
			return true;
	}
	return false;
}

/* Reverted, but for what caches may still ask for. */
static void note_rest(struct live_zone *z, struct job_result *r)
{
	char text[STAMP_TEXT_MAX];
	const struct history *h = &z->history;
	if (!reverts(z) || r->outcome >= JOB_REFUSED || !has_decoy_records(z) ||
	    takes_addresses_away(&z->plan))
		return;
	if (r->outcome == JOB_SAME && h->layout == LAYOUT_NONE)
		r->again_at = second_step_at(h->applied, h->ttl);
	else /* now; or somebody took the MX records out, nobody knows when */
		r->again_at = second_step_at(z->job->now, longest_ttl(z));
	if (r->again_at && !r->note[0])
		(void)snprintf(
		    r->note, sizeof(r->note),
		    "the decoys' addresses stay until caches have forgotten the "
		    "MX records: revert once more after %s, or now with --wait",
		    stamp_text(r->again_at / STAMP_SECOND * STAMP_SECOND, text));
}

/* The zone is done: tells, frees, starts the next. */
static void end_zone(struct live_zone *z, enum job_outcome outcome)
{
	struct job_result r = { .outcome = outcome,
				.error = z->error,
				.plan = &z->plan,
				.want = reverts(z) ? NULL : z->want,
				.facts = &z->facts,
				.ranges = &z->ranges,
				.serial = outcome == JOB_CHANGED ? z->facts.serial : 0,
				.diff = "" };
	r.gone_by = z->job->now + (int64_t)z->plan.ttl_before * STAMP_SECOND;
	r.lags = z->lags;
	r.is_left = z->is_left;
	(void)str_copy(r.note, sizeof(r.note),
		       z->lags            ? z->error.text
		       : z->is_unrecorded ? z->note
					  : z->plan.note);
	note_rest(z, &r);
	z->live->options->done(z->live->options->arg, z->index, &r);
	if (z->has_timer)
		uv_close((uv_handle_t *)&z->timer, on_timer_closed);
	else
		free_zone(z);
}

static void end_failed(struct live_zone *z)
{
	int code = z->error.code;
	end_zone(z, code == FMX_EREFUSED || code == FMX_ECONFLICT ? JOB_REFUSED
								  : JOB_FAILED);
}

/* ---- after the update ---- */

static void after_agreement(struct live_zone *z)
{
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < z->server_count; i++) {
		const struct live_server *s = &z->servers[i];
		if (s->agrees)
			continue;
		(void)error_set(
		    &z->error, -ETIMEDOUT,
		    "it is changed (serial %u), but the name server %s%s%s@%u %s: see "
		    "why its "
		    "transfers lag",
		    z->facts.serial, s->name, s->name[0] ? " " : "",
		    addr_text(s->at.addr, text), s->at.port,
		    s->answered ? "still has an older serial" : "does not answer");
		z->lags = true;
		break;
	}
	end_zone(z, JOB_CHANGED);
}

/* The update was made; nothing may hide that. */
static void end_changed_but(struct live_zone *z, const char *what_failed)
{
	struct error why = z->error;
	(void)error_set(&z->error, why.code == FMX_EREFUSED ? -EIO : why.code,
			"it is changed, but %s: %s", what_failed, why.text);
	end_zone(z, JOB_FAILED);
}

static void after_new_serial(struct live_zone *z)
{
	if (z->has_mx_failed)
		end_changed_but(
		    z, "the name servers could not be asked whether they have it");
	else
		live_agree(z, after_agreement);
}

static int remember(struct live_zone *z)
{
	struct history h = { .layout = z->want->layout,
			     .ttl = longest_ttl(z),
			     .applied = z->job->now }; /* no bytes: the server has them */
	(void)str_copy(h.origin, sizeof(h.origin), z->job->origin);
	history_note_decoys(&h, z->want);
	history_note_past(&h, &z->history);
	if (reverts(z)) /* the MX records are taken back now, the addresses later */
		history_forget_mx(&h);
	else
		history_note_changes(&h, z->plan.changes, z->plan.count);
	int rc = history_save(z->job->state, &h, &z->error);
	history_release(&h);
	return rc;
}

/* Nothing was done: what is remembered must be what was before. */
static void forget_attempt(struct live_zone *z)
{
	struct error e; /* the server's sentence matters more than this one */
	if (reverts(z))
		return;
	if (z->has_history)
		(void)!history_save(z->job->state, &z->history, &e);
	else
		(void)!history_drop(z->job->state, z->job->origin, "", &e);
}

/* Once also the addresses are gone there is nothing to remember. */
static int note_done(struct live_zone *z)
{
	if (reverts(z) && !plan_changes_mx(&z->plan))
		return history_drop(z->job->state, z->job->origin, "", &z->error);
	return reverts(z) ? remember(z) : 0;
}

static void after_update(struct live_zone *z, const struct update_result *r)
{
	if (r->outcome == UPDATE_RACE && z->races++ < LIVE_RACES) {
		look_again(z);
		return;
	}
	z->error = r->error;
	if (r->outcome == UPDATE_REFUSED || r->outcome == UPDATE_RACE)
		forget_attempt(z);
	if (r->outcome != UPDATE_DONE) {
		end_failed(z);
	} else if (note_done(z) != 0) {
		end_changed_but(z, "what is left to undo could not be recorded, so run "
				   "this again when that is mended");
	} else {
		z->then = after_new_serial;
		live_ask(z, z->job->origin, RR_SOA);
	}
}

/* ---- plan ---- */

/* Two TTLs after its MX record went, nobody asks for a decoy any more. */
static void plan_undo(struct live_zone *z, const struct plan_zone *zone)
{
	const struct history *h = &z->history;
	z->undo.keeps_addresses = true;
	undo_make(zone, z->want, &z->plan);
	if (z->plan.count || z->plan.refusal[0] || h->layout != LAYOUT_NONE ||
	    z->job->now < second_step_at(h->applied, h->ttl))
		return;
	z->undo.keeps_addresses = false;
	undo_make(zone, z->want, &z->plan);
}

/* Where the MX records went without us, their time begins now; where nothing is
 * left, nothing is to be remembered. */
static int end_undone(struct live_zone *z)
{
	if (!reverts(z) || !writes(z))
		return 0;
	if (!has_decoy_records(z))
		return history_drop(z->job->state, z->job->origin, "", &z->error);
	return z->history.layout == LAYOUT_NONE ? 0 : remember(z);
}

static void after_names(struct live_zone *z)
{
	if (z->has_mx_failed) {
		end_failed(z);
		return;
	}
	struct plan_zone zone = { .origin = z->job->origin,
				  .mx = z->facts.mx,
				  .mx_count = z->facts.mx_count,
				  .records = z->ranges.records,
				  .record_count = z->ranges.record_count };
	if (reverts(z))
		plan_undo(z, &zone);
	else
		plan_make(&zone, z->want, &z->plan);
	if (z->plan.refusal[0]) {
		(void)error_set(&z->error, FMX_EREFUSED, "%s", z->plan.refusal);
		end_zone(z, JOB_REFUSED);
	} else if (z->plan.count == 0) {
		end_zone(z, end_undone(z) == 0 ? JOB_SAME : JOB_FAILED);
	} else if (!writes(z)) {
		end_zone(z, JOB_CHANGED);
	} else if (!reverts(z) && remember(z) != 0) {
		end_zone(z, JOB_FAILED);
	} else {
		live_send(z, after_update);
	}
}

/* Nothing is known of an apply, and nothing is undone; but is a decoy there? */
static void end_unrecorded(struct live_zone *z)
{
	z->is_left = !z->has_mx_failed &&
		     job_note_left(z->job->want, &z->facts, z->note, sizeof(z->note));
	zone_facts_clear(&z->facts); /* nothing is planned, or forecast */
	end_zone(z, JOB_SAME);
}

static void after_zone(struct live_zone *z)
{
	if (z->is_unrecorded)
		end_unrecorded(z);
	else if (z->has_mx_failed)
		end_failed(z);
	else
		live_ask_names(z, after_names);
}

static void look_again(struct live_zone *z)
{
	live_ask_zone(z, after_zone);
}

/* ---- many ---- */

static int want_of(struct live_zone *z)
{
	struct error none_yet;
	z->want = z->job->want;
	if (!reverts(z)) {
		z->has_history = history_load(z->job->state, z->job->origin, "",
					      &z->history, &none_yet) == 0;
		z->own = *z->job->want;
		if (z->has_history)
			history_want_former(&z->history, &z->own);
		z->want = &z->own;
		return 0;
	}
	int rc = history_load(z->job->state, z->job->origin, "", &z->history, &z->error);
	z->is_unrecorded = rc == -ENOENT; /* undone already, or never done */
	(void)str_copy(z->note, sizeof(z->note), z->is_unrecorded ? z->error.text : "");
	if (rc != 0)
		return z->is_unrecorded ? 0 : rc;
	z->undo.changes = z->history.changes;
	z->undo.count = z->history.change_count;
	z->own = (struct plan_want){ .layout = LAYOUT_NONE, .ttl = -1, .undo = &z->undo };
	for (size_t i = 0; i < z->history.decoy_count; i++)
		(void)str_copy(z->own.former[z->own.former_count++], NAME_TEXT_MAX,
			       z->history.decoys[i]);
	z->want = &z->own;
	return 0;
}

static void start_one(struct live *l)
{
	struct live_zone *z = xcalloc(1, sizeof(*z));
	z->live = l;
	z->index = l->next++;
	z->job = &l->jobs[z->index];
	l->under_way++;
	if (want_of(z) != 0)
		end_zone(z, JOB_FAILED);
	else
		look_again(z);
}

/* end_zone() of a job that fails at once comes back here: the loop, not the
 * call, must start the next. */
static void start_more(struct live *l)
{
	if (l->is_starting)
		return;
	l->is_starting = true;
	unsigned most = l->options->at_once ? l->options->at_once : LIVE_AT_ONCE;
	while (l->under_way < most && l->next < l->count)
		start_one(l);
	l->is_starting = false;
}

int live_run(const struct live_options *o, const struct job *jobs, size_t count,
	     struct error *e)
{
	struct live l = { .options = o, .jobs = jobs, .count = count };
	int rc = uv_loop_init(&l.loop);
	if (rc < 0)
		return error_set(e, rc, "cannot begin to ask: %s", uv_strerror(rc));
	rc = resolver_new(&l.loop, &o->resolver, &l.resolver, e);
	if (rc == 0) {
		start_more(&l);
		(void)uv_run(&l.loop, UV_RUN_DEFAULT);
		resolver_free(l.resolver);
	}
	(void)uv_run(&l.loop, UV_RUN_DEFAULT); /* handles close */
	(void)uv_loop_close(&l.loop);
	return rc;
}
