#include "zone/job.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "mx/seen.h"
#include "zone/command.h"
#include "zone/diff.h"
#include "zone/file.h"
#include "zone/recorded.h"
#include "zone/serial.h"
#include "zone/study.h"

struct job_worker {
	struct study *study;
	struct plan_want want; /* the job's, and what was wanted before */
	struct buf diff;
};

struct job_worker *job_worker_new(void)
{
	struct job_worker *w = xcalloc(1, sizeof(*w));
	w->study = study_new();
	w->diff.limit = 64 << 20;
	return w;
}

void job_worker_free(struct job_worker *w)
{
	if (!w)
		return;
	study_free(w->study);
	buf_release(&w->diff);
	free(w);
}

const char *job_outcome_name(enum job_outcome o)
{
	switch (o) {
	case JOB_SAME: return "same";
	case JOB_NO_MAIL: return "no-mail";
	case JOB_CHANGED: return "changed";
	case JOB_REFUSED: return "refused";
	case JOB_FAILED: return "failed";
	}
	assert(false);
	return "failed";
}

static void begin(struct job_worker *w, struct job_result *ret)
{
	study_clear(w->study);
	buf_clear(&w->diff);
	*ret = (struct job_result){ .plan = &w->study->plan,
				    .facts = &w->study->facts,
				    .ranges = &w->study->ranges,
				    .diff = "" };
}

static void end(struct job_worker *w, struct job_result *ret, int rc)
{
	if (rc == 0 && ret->outcome == JOB_SAME && w->study->plan.is_no_mail)
		ret->outcome = JOB_NO_MAIL;
	if (rc == FMX_EREFUSED || rc == FMX_ECONFLICT)
		ret->outcome = JOB_REFUSED;
	else if (rc < 0)
		ret->outcome = JOB_FAILED;
	ret->diff = buf_text(&w->diff);
}

static struct zone_input input_of(const struct job *job, const char *text, size_t len)
{
	return (struct zone_input){ .path = job->path,
				    .text = text,
				    .len = len,
				    .origin = job->origin,
				    .include_base =
					job->include_base[0] ? job->include_base : NULL };
}

static struct study_serials serials_of(const struct job *job)
{
	return (struct study_serials){ job->now, job->serial_floor,
				       job->has_serial_floor };
}

/* ---- plan ---- */

/* Decoys of an earlier apply are no real hosts, whatever is wanted now. */
static void want_with_former(struct job_worker *w, const struct job *job)
{
	char *resolved = job->is_unrecorded ? NULL : realpath(job->path, NULL);
	w->want = *job->want;
	if (resolved)
		history_add_former(job->state, job->origin, resolved, &w->want);
	free(resolved);
}

static int study(struct job_worker *w, const struct job *job, const struct zone_input *in,
		 struct job_result *ret)
{
	struct study_serials serials = serials_of(job);
	want_with_former(w, job);
	ret->want = &w->want;
	int rc = study_plan(w->study, in, &w->want, &ret->error);
	if (rc == 0 && !job->needs_no_diff)
		ret->lacking = study_lacking(w->study, in);
	if (rc == 0 && w->study->plan.count)
		rc =
		    dynamic_check(&job->dynamic, in, w->study->facts.serial, &ret->error);
	if (rc == 0)
		rc = study_edit(w->study, in, &serials, &ret->error);
	ret->serial = w->study->serial;
	return rc;
}

static void show(struct job_worker *w, const struct job *job, const char *text,
		 size_t len)
{
	if (!job->needs_no_diff)
		diff_unified(job->path, text, len, buf_text(&w->study->text),
			     w->study->text.len, &w->diff);
}

void job_plan(struct job_worker *w, const struct job *job, struct job_result *ret)
{
	char *text;
	size_t len;
	begin(w, ret);
	int rc = zone_read_file(job->path, &text, &len, &ret->error);
	if (rc == -ENOENT)
		rc = error_cannot_read(&ret->error, ENOENT, job->path, ZONE_FILE_MISSING,
				       NULL);
	if (rc == 0) {
		struct zone_input in = input_of(job, text, len);
		rc = study(w, job, &in, ret);
		if (rc == 0 && ret->serial) {
			ret->outcome = JOB_CHANGED;
			show(w, job, text, len);
		}
		free(text);
	}
	end(w, ret, rc);
}

/* ---- apply ---- */

struct judging {
	const struct buf *proven;
	const struct job *job;
};

/* The bytes as the disk gives them back are those that were proven; then the
 * administrator's own check. */
static int judge_written(void *arg, const char *temp, const char *text, size_t len,
			 struct error *e)
{
	const struct judging *j = arg;
	if (len != j->proven->len || memcmp(text, buf_text(j->proven), len) != 0)
		return error_set(
		    e, -EIO,
		    "%s does not hold what was written to it: is the disk well? "
		    "%s is as it was",
		    temp, j->job->path);
	struct error why;
	if (!j->job->check || !j->job->check[0])
		return 0;
	int rc = command_run(j->job->check, j->job->origin, temp, &why);
	return rc == 0 ? 0
		       : error_set(e, rc, "%s is as it was, for the check command %s",
				   j->job->path, why.text);
}

static int write_zone(struct job_worker *w, const struct job *job, struct zone_file *f,
		      struct error *e)
{
	struct judging j = { &w->study->text, job };
	return zone_file_replace(f, buf_text(j.proven), j.proven->len, judge_written, &j,
				 e);
}

/* The server would not load it: the former bytes return, with a newer serial,
 * for a secondary may have seen ours. */
static int undo_after_reload(struct job_worker *w, const struct job *job,
			     const struct zone_file *old, uint32_t serial,
			     bool *ret_is_restored, struct error *e)
{
	struct error refused = *e, why;
	struct zone_file now;
	struct study_serials serials = serials_of(job);
	uint32_t newer = study_next_serial(&serials, serial, serial);
	int rc = zone_file_open(job->path, &now, &why);
	if (rc == 0) {
		struct zone_input in = input_of(job, old->text, old->len);
		rc = study_restore(w->study, &in, newer, &why);
		if (rc == 0)
			rc = write_zone(w, job, &now, &why);
		*ret_is_restored = now.is_replaced;
		zone_file_close(&now);
	}
	if (rc != 0 && !*ret_is_restored)
		return error_set(
		    e, FMX_ECOMMAND,
		    "%s is changed (serial %u), but not loaded, and the "
		    "former zone could not be restored (%.150s): look why "
		    "the reload command %.200s, then load it by hand, or revert",
		    job->path, serial, why.text, refused.text);
	rc = command_run(job->reload, job->origin, job->path, &why);
	return error_set(
	    e, FMX_ECOMMAND,
	    "the reload command %.250s; the former zone was restored with serial "
	    "%u%s%.150s",
	    refused.text, newer,
	    rc == 0 ? " and loaded" : ", but must be loaded by hand: ",
	    rc == 0 ? "" : why.text);
}

static int reload(struct job_worker *w, const struct job *job,
		  const struct zone_file *old, uint32_t serial, bool *ret_is_restored,
		  struct error *e)
{
	if (!job->reload || !job->reload[0])
		return 0;
	int rc = command_run(job->reload, job->origin, job->path, e);
	return rc == 0 ? 0 : undo_after_reload(w, job, old, serial, ret_is_restored, e);
}

/* Once the file is replaced, the zone is changed: a folder that cannot be synced
 * must not keep the server from loading it. *ret_is_restored: the server would not
 * load it, and the file has its former text again, in w->study->text. */
static int write_and_reload(struct job_worker *w, const struct job *job,
			    struct zone_file *f, struct job_result *ret,
			    bool *ret_is_restored)
{
	struct error unsynced = { 0 };
	int rc = write_zone(w, job, f, &ret->error);
	if (rc != 0 && !f->is_replaced)
		return rc;
	if (rc != 0)
		unsynced = ret->error;
	int reloaded = reload(w, job, f, ret->serial, ret_is_restored, &ret->error);
	if (reloaded != 0 || rc == 0)
		return reloaded;
	return error_set(&ret->error, rc,
			 "%s is changed (serial %u)%s, but it is not sure that this "
			 "outlives a power cut: %s. Look at the disk, then run `sync`",
			 job->path, ret->serial,
			 job->reload && job->reload[0] ? " and loaded" : "",
			 unsynced.text);
}

static bool is_as_left(const struct history *h, const struct zone_file *f)
{
	return h->after_len == f->len && memcmp(h->after, f->text, f->len) == 0;
}

static bool is_noted(const struct history *h, const char *exchange)
{
	for (size_t i = 0; i < h->decoy_count; i++)
		if (strcmp(h->decoys[i], exchange) == 0)
			return true;
	return false;
}

/* Clean: `before` holds no decoy of ours, so giving it back undoes all. A zone
 * that is as the last apply left it keeps the first `before`. */
static void find_before(const struct zone_file *f, const struct zone_facts *facts,
			const struct history *past, struct history *h)
{
	h->before = f->text;
	h->before_len = f->len;
	h->is_clean = true;
	for (uint32_t i = 0; i < facts->mx_count && i < ZONE_MAX_MX; i++)
		h->is_clean &= !is_noted(h, facts->mx[i].exchange);
	if (!past->after || !is_as_left(past, f))
		return;
	h->before = past->before;
	h->before_len = past->before_len;
	h->is_clean = past->is_clean;
}

/* *ret_past: what was recorded before; its after is NULL where nothing was. */
static int remember(struct job_worker *w, const struct job *job,
		    const struct zone_file *f, struct history *ret_past, struct error *e)
{
	struct error ignored; /* no past is a normal case */
	const struct plan *plan = &w->study->plan;
	struct history h = { .layout = job->want->layout,
			     .ttl = plan->ttl_before,
			     .applied = job->now };
	(void)!history_load(job->state, job->origin, f->path, ret_past, &ignored);
	(void)str_copy(h.origin, sizeof(h.origin), job->origin);
	(void)str_copy(h.path, sizeof(h.path), f->path);
	history_note_decoys(&h, job->want);
	history_note_past(&h, ret_past);
	history_note_changes(&h, plan->changes, plan->count);
	find_before(f, &w->study->facts, ret_past, &h);
	h.after = w->study->text.data;
	h.after_len = w->study->text.len;
	int rc = history_save(job->state, &h, e);
	h.before = h.after = NULL; /* lent */
	history_release(&h);
	return rc;
}

/* The file that was brought back is as apply left it, but for its serial. */
static void save_restored(struct job_worker *w, const struct job *job, struct history *h)
{
	struct error e; /* what failed before matters more */
	char *after = h->after;
	size_t len = h->after_len;
	h->after = w->study->text.data;
	h->after_len = w->study->text.len;
	(void)!history_save(job->state, h, &e);
	h->after = after;
	h->after_len = len;
}

/* Nothing was done: what is recorded must be what was before. */
static void forget_attempt(struct job_worker *w, const struct job *job,
			   const struct zone_file *f, bool is_restored,
			   struct history *past)
{
	struct error e; /* what failed matters more */
	if (!past->after)
		(void)!history_drop(job->state, job->origin, f->path, &e);
	else if (is_restored && is_as_left(past, f))
		save_restored(w, job, past);
	else
		(void)!history_save(job->state, past, &e);
}

static int apply_studied(struct job_worker *w, const struct job *job, struct zone_file *f,
			 struct job_result *ret)
{
	struct history past = { 0 };
	bool is_restored = false;
	int rc = remember(w, job, f, &past, &ret->error);
	if (rc == 0)
		rc = write_and_reload(w, job, f, ret, &is_restored);
	if (rc != 0 && (!f->is_replaced || is_restored))
		forget_attempt(w, job, f, is_restored, &past);
	history_release(&past);
	return rc;
}

void job_apply(struct job_worker *w, const struct job *job, struct job_result *ret)
{
	struct zone_file f;
	begin(w, ret);
	int rc = zone_file_open(job->path, &f, &ret->error);
	if (rc == 0) {
		struct zone_input in = input_of(job, f.text, f.len);
		rc = study(w, job, &in, ret);
		ret->gone_by =
		    job->now + (int64_t)w->study->plan.ttl_before * STAMP_SECOND;
		if (rc == 0 && ret->serial) {
			ret->outcome = JOB_CHANGED;
			show(w, job, f.text, f.len);
			rc = apply_studied(w, job, &f, ret);
		}
		zone_file_close(&f);
	}
	end(w, ret, rc);
}

/* ---- revert ---- */

bool job_note_left(const struct plan_want *want, const struct zone_facts *facts,
		   char *note, size_t size)
{
	struct buf left = BUF_INIT(4096), options = BUF_INIT(4096);
	unsigned count = 0;
	for (uint32_t i = 0; i < facts->mx_count && i < ZONE_MAX_MX; i++) {
		const struct zone_mx *mx = &facts->mx[i];
		if (!plan_is_decoy(want, mx->exchange) &&
		    !seen_is_called_decoy(mx->exchange))
			continue;
		buf_addf(&left, "%s%u %s", count ? ", MX " : "", mx->preference,
			 mx->exchange);
		if (count < 2) /* more decoys than two have no option */
			buf_addf(&options, " %s %s", count ? "--low" : "--decoy",
				 mx->exchange);
		count++;
	}
	size_t n = strlen(note);
	if (count)
		(void)snprintf(
		    note + n, size - n,
		    ", so nothing was undone, but MX %.300s %s still there. If apply was "
		    "given another configuration, and with it another state folder, give "
		    "revert the same (-c); else `fakemx apply --layout none%.300s` with "
		    "the same --zone or -c takes %s out",
		    buf_text(&left), count == 1 ? "is" : "are", buf_text(&options),
		    count == 1 ? "it" : "them");
	buf_release(&left);
	buf_release(&options);
	return count > 0;
}

static uint32_t longest_ttl(const struct zone_facts *facts)
{
	uint32_t ttl = 0;
	for (uint32_t i = 0; i < facts->mx_count && i < ZONE_MAX_MX; i++)
		if (facts->mx[i].ttl > ttl)
			ttl = facts->mx[i].ttl;
	return ttl;
}

/* Of an unchanged file the former bytes; of a changed one, what apply did is taken
 * back where it is still there. */
static int study_revert(struct job_worker *w, const struct job *job,
			const struct zone_file *f, const struct history *h,
			struct job_result *ret)
{
	struct plan_undo undo = { h->changes, h->change_count, false };
	struct plan_want none = { .layout = LAYOUT_NONE, .ttl = -1, .undo = &undo };
	for (size_t i = 0; i < h->decoy_count; i++)
		(void)str_copy(none.former[none.former_count++], NAME_TEXT_MAX,
			       h->decoys[i]);
	struct zone_input in = input_of(job, f->text, f->len);
	struct study_serials serials = serials_of(job);
	int rc = study_plan(w->study, &in, &none, &ret->error);
	if (rc == 0)
		rc = dynamic_check(&job->dynamic, &in, w->study->facts.serial,
				   &ret->error);
	ret->gone_by = job->now + (int64_t)longest_ttl(&w->study->facts) * STAMP_SECOND;
	if (rc == 0 && is_as_left(h, f) && h->is_clean) {
		struct zone_input before = input_of(job, h->before, h->before_len);
		uint32_t now = w->study->facts.serial;
		rc = study_restore(w->study, &before,
				   study_next_serial(&serials, now, now), &ret->error);
		ret->was_restored = rc == 0;
	} else if (rc == 0) {
		rc = study_edit(w->study, &in, &serials, &ret->error);
		(void)str_copy(ret->note, sizeof(ret->note), w->study->plan.note);
	}
	ret->serial = w->study->serial;
	return rc;
}

/* Whoever reads that this failed must know that the zone is changed. */
static int drop_record(const struct job *job, const struct zone_file *f,
		       const struct history *h, struct job_result *ret)
{
	struct error why;
	int rc = history_drop(job->state, job->origin, h->path, &why);
	if (rc == 0 || !f->is_replaced)
		return rc == 0 ? 0 : error_set(&ret->error, rc, "%s", why.text);
	return error_set(&ret->error, rc,
			 "%s is changed (serial %u) and reverted, but its record stays: "
			 "%s. Mend that, and run revert again",
			 job->path, ret->serial, why.text);
}

static int revert_recorded(struct job_worker *w, const struct job *job,
			   struct zone_file *f, struct history *h, bool write,
			   struct job_result *ret)
{
	bool is_restored = false;
	int rc = study_revert(w, job, f, h, ret);
	if (rc == 0 && ret->serial) {
		ret->outcome = JOB_CHANGED;
		show(w, job, f->text, f->len);
		if (write)
			rc = write_and_reload(w, job, f, ret, &is_restored);
	}
	if (is_restored && is_as_left(h, f))
		save_restored(w, job, h);
	return rc == 0 && write ? drop_record(job, f, h, ret) : rc;
}

/* Nothing is known of an apply to this file. A decoy that is still an MX host was put
 * there by hand, or with another state folder. */
static int look_unrecorded(struct job_worker *w, const struct job *job,
			   const struct zone_file *f, struct job_result *ret)
{
	struct plan_want none = { .layout = LAYOUT_NONE, .ttl = -1 };
	struct zone_input in = input_of(job, f->text, f->len);
	struct error ignored; /* what is no zone has nothing to undo either */
	(void)str_copy(ret->note, sizeof(ret->note), ret->error.text);
	if (study_plan(w->study, &in, &none, &ignored) == 0)
		ret->is_left = job_note_left(job->want, &w->study->facts, ret->note,
					     sizeof(ret->note));
	plan_clear(&w->study->plan); /* nothing is planned, or forecast */
	zone_facts_clear(&w->study->facts);
	/* what is left of a killed run goes, whoever looks */
	return history_drop(job->state, job->origin, f->path, &ret->error);
}

/* A file of this zone that was changed, and is not there any more, is this one under
 * its former name, if the decoys are in it. */
static int load_moved(const struct job *job, struct history *h)
{
	struct recorded r;
	struct error ignored; /* then nothing is known of this file */
	char path[sizeof(h->path)];
	int rc = recorded_read(&r, job->state, &ignored);
	if (rc != 0)
		return rc;
	rc = recorded_moved(&r, job->origin, path, sizeof(path))
		 ? history_load(job->state, job->origin, path, h, &ignored)
		 : -ENOENT;
	recorded_release(&r);
	return rc;
}

static void note_moved(const struct history *h, struct job_result *ret)
{
	size_t n = strlen(ret->note);
	(void)snprintf(ret->note + n, sizeof(ret->note) - n,
		       "%sthe file was renamed: apply changed it as %.500s",
		       n ? "; " : "", h->path);
}

static int revert_opened(struct job_worker *w, const struct job *job, struct zone_file *f,
			 bool write, struct job_result *ret)
{
	struct history h;
	int rc = history_load(job->state, job->origin, f->path, &h, &ret->error);
	bool is_moved = false;
	if (rc == -ENOENT) {
		rc = look_unrecorded(w, job, f, ret);
		if (rc != 0 || !ret->is_left || load_moved(job, &h) != 0)
			return rc;
		begin(w, ret);
		is_moved = true;
	}
	if (rc != 0)
		return rc;
	rc = revert_recorded(w, job, f, &h, write, ret);
	if (is_moved)
		note_moved(&h, ret);
	history_release(&h);
	return rc;
}

static void revert(struct job_worker *w, const struct job *job, bool write,
		   struct job_result *ret)
{
	struct zone_file f;
	begin(w, ret);
	int rc = zone_file_open(job->path, &f, &ret->error);
	if (rc == 0) {
		rc = revert_opened(w, job, &f, write, ret);
		zone_file_close(&f);
	}
	end(w, ret, rc);
}

void job_revert(struct job_worker *w, const struct job *job, struct job_result *ret)
{
	revert(w, job, true, ret);
}

void job_plan_revert(struct job_worker *w, const struct job *job, struct job_result *ret)
{
	revert(w, job, false, ret);
}
