#include "zone/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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
#include "zone/serial.h"
#include "zone/study.h"

struct job_worker {
	struct study *study;
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

/* ---- may this file be changed at all? ---- */

/* The serial that a BIND journal leads to: what its header says (lib/dns,
 * journal.c: 16 bytes of format, then serial and offset of begin and end). */
static bool journal_serial(const char *journal, uint32_t *ret)
{
	uint8_t header[64];
	int fd = open(journal, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, header, sizeof(header));
	if (fd >= 0)
		(void)close(fd);
	if (n != (ssize_t)sizeof(header) || memcmp(header, ";BIND LOG V9", 12) != 0)
		return false;
	*ret = (uint32_t)header[24] << 24 | (uint32_t)header[25] << 16 |
	       (uint32_t)header[26] << 8 | header[27];
	return true;
}

/* How BIND writes a zone down that it was given by updates or transfer. */
static bool is_written_by_bind(const char *text, size_t len)
{
	static const char head[] = "$ORIGIN .\n$TTL ";
	return len >= sizeof(head) - 1 && memcmp(text, head, sizeof(head) - 1) == 0;
}

/* BIND keeps updates in a journal beside the file, and would lose ours or
 * overwrite the file. Of a zone that it signs, or that it makes differences of,
 * the journal leads to what the file holds: that is no hindrance. So it does after
 * `rndc sync`, but then the file is one that BIND wrote. */
static int check_journal(const struct job *job, const char *path,
			 const struct zone_input *in, uint32_t serial, struct error *e)
{
	char journal[4200];
	uint32_t last;
	(void)snprintf(journal, sizeof(journal), "%s.jnl", path);
	if (access(journal, F_OK) != 0)
		return 0;
	bool is_all_here =
	    journal_serial(journal, &last) && !serial_is_newer(last, serial);
	if (is_all_here && (job->is_static || !is_written_by_bind(in->text, in->len)))
		return 0;
	if (is_all_here)
		return error_set(
		    e, FMX_EREFUSED,
		    "%s was written by BIND itself and has a journal (%s): its zone "
		    "takes updates, and a change of the file would not be seen. Use "
		    "`update { server = ...  key = ... }` in the configuration; or, if "
		    "no updates come any more, name the zone by BIND's own "
		    "configuration (--zone named.conf --origin %s)",
		    path, journal, job->origin);
	return error_set(
	    e, FMX_EREFUSED,
	    "%s is not all of its zone: its name server takes updates (%s holds newer "
	    "ones). Use `update { server = ...  key = ... }` in the configuration "
	    "instead of the file, or, if these updates are over, let the server write "
	    "them down first (rndc sync -clean)",
	    path, journal);
}

/* A server names the journal after the file that it was told; somebody may have
 * told it what the link points at. */
static int check_dynamic(const struct job *job, const struct zone_input *in,
			 uint32_t serial, struct error *e)
{
	int rc = check_journal(job, job->path, in, serial, e);
	struct stat st;
	bool is_link = lstat(job->path, &st) == 0 && S_ISLNK(st.st_mode);
	char *resolved = rc == 0 && is_link ? realpath(job->path, NULL) : NULL;
	if (resolved)
		rc = check_journal(job, resolved, in, serial, e);
	free(resolved);
	return rc;
}

static struct study_serials serials_of(const struct job *job)
{
	return (struct study_serials){ job->now, job->serial_floor,
				       job->has_serial_floor };
}

/* ---- plan ---- */

static int study(struct job_worker *w, const struct job *job, const struct zone_input *in,
		 struct job_result *ret)
{
	struct study_serials serials = serials_of(job);
	int rc = study_plan(w->study, in, job->want, &ret->error);
	if (rc == 0 && w->study->plan.count)
		rc = check_dynamic(job, in, w->study->facts.serial, &ret->error);
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
		rc = check_dynamic(job, &in, w->study->facts.serial, &ret->error);
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
		       struct job_result *ret)
{
	struct error why;
	int rc = history_drop(job->state, job->origin, f->path, &why);
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
	return rc == 0 && write ? drop_record(job, f, ret) : rc;
}

/* Nothing is known of an apply. A decoy that is still an MX host was put there by
 * hand, or with another state folder. */
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

static void revert(struct job_worker *w, const struct job *job, bool write,
		   struct job_result *ret)
{
	struct zone_file f;
	struct history h;
	begin(w, ret);
	int rc = zone_file_open(job->path, &f, &ret->error);
	if (rc != 0) {
		end(w, ret, rc);
		return;
	}
	struct job here = *job;
	(void)str_copy(here.path, sizeof(here.path), f.path);
	rc = history_load(job->state, job->origin, f.path, &h, &ret->error);
	if (rc == 0) {
		rc = revert_recorded(w, &here, &f, &h, write, ret);
		history_release(&h);
	} else if (rc == -ENOENT) {
		rc = look_unrecorded(w, &here, &f, ret);
	}
	zone_file_close(&f);
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
