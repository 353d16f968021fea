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
	if (!j->job->check || !j->job->check[0])
		return 0;
	return command_run(j->job->check, j->job->origin, temp, e);
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
			     struct zone_file *old, uint32_t serial, struct error *e)
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
		zone_file_close(&now);
	}
	if (rc != 0)
		return error_set(e, rc,
				 "%s; and the former zone could not be restored: %s",
				 refused.text, why.text);
	rc = command_run(job->reload, job->origin, job->path, &why);
	return error_set(
	    e, FMX_EREFUSED, "%s; the former zone was restored with serial %u%s%s",
	    refused.text, newer,
	    rc == 0 ? "" : ", and reloading that failed too: ", rc == 0 ? "" : why.text);
}

static int reload(struct job_worker *w, const struct job *job, struct zone_file *old,
		  uint32_t serial, struct error *e)
{
	if (!job->reload || !job->reload[0])
		return 0;
	int rc = command_run(job->reload, job->origin, job->path, e);
	return rc == 0 ? 0 : undo_after_reload(w, job, old, serial, e);
}

/* Once the file is replaced, the zone is changed: a folder that cannot be synced
 * must not keep the server from loading it. */
static int write_and_reload(struct job_worker *w, const struct job *job,
			    struct zone_file *f, struct job_result *ret)
{
	struct error unsynced = { 0 };
	int rc = write_zone(w, job, f, &ret->error);
	if (rc != 0 && !f->is_replaced)
		return rc;
	if (rc != 0)
		unsynced = ret->error;
	int reloaded = reload(w, job, f, ret->serial, &ret->error);
	if (reloaded != 0 || rc == 0)
		return reloaded;
	return error_set(&ret->error, rc,
			 "%s is changed (serial %u)%s, but it is not sure that this "
			 "outlives a power cut: %s. Look at the disk, then run `sync`",
			 job->path, ret->serial,
			 job->reload && job->reload[0] ? " and loaded" : "",
			 unsynced.text);
}

/* Clean: `before` holds no decoy of ours, so giving it back undoes all. A zone
 * that is as the last apply left it keeps the first `before`. */
static void find_before(const struct job *job, const struct zone_file *f,
			const struct zone_facts *facts, struct history *past,
			struct history *h)
{
	struct error ignored; /* no past is a normal case */
	h->before = f->text;
	h->before_len = f->len;
	h->is_clean = true;
	for (uint32_t i = 0; i < facts->mx_count && i < ZONE_MAX_MX; i++)
		h->is_clean &= !plan_is_decoy(job->want, facts->mx[i].exchange);
	if (history_load(job->state, job->origin, f->path, past, &ignored) != 0)
		return;
	bool unbroken =
	    past->after_len == f->len && memcmp(past->after, f->text, f->len) == 0;
	if (!unbroken)
		return;
	h->before = past->before;
	h->before_len = past->before_len;
	h->is_clean = past->is_clean;
}

static int remember(struct job_worker *w, const struct job *job,
		    const struct zone_file *f, struct error *e)
{
	struct history h = { .layout = job->want->layout,
			     .ttl = w->study->plan.ttl_before,
			     .applied = job->now };
	struct history past = { 0 };
	(void)str_copy(h.origin, sizeof(h.origin), job->origin);
	(void)str_copy(h.path, sizeof(h.path), f->path);
	history_note_decoys(&h, job->want);
	find_before(job, f, &w->study->facts, &past, &h);
	h.after = w->study->text.data;
	h.after_len = w->study->text.len;
	int rc = history_save(job->state, &h, e);
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
			rc = remember(w, job, &f, &ret->error);
			if (rc == 0)
				rc = write_and_reload(w, job, &f, ret);
		}
		zone_file_close(&f);
	}
	end(w, ret, rc);
}

/* ---- revert ---- */

static uint32_t longest_ttl(const struct zone_facts *facts)
{
	uint32_t ttl = 0;
	for (uint32_t i = 0; i < facts->mx_count && i < ZONE_MAX_MX; i++)
		if (facts->mx[i].ttl > ttl)
			ttl = facts->mx[i].ttl;
	return ttl;
}

/* Of an unchanged file the former bytes; of a changed one, the plan for none. */
static int study_revert(struct job_worker *w, const struct job *job,
			const struct zone_file *f, const struct history *h,
			struct job_result *ret)
{
	struct plan_want none = { .layout = LAYOUT_NONE, .ttl = -1 };
	for (size_t i = 0; i < h->decoy_count; i++)
		(void)str_copy(none.former[none.former_count++], NAME_TEXT_MAX,
			       h->decoys[i]);
	struct zone_input in = input_of(job, f->text, f->len);
	struct study_serials serials = serials_of(job);
	int rc = study_plan(w->study, &in, &none, &ret->error);
	if (rc == 0)
		rc = check_dynamic(job, &in, w->study->facts.serial, &ret->error);
	ret->gone_by = job->now + (int64_t)longest_ttl(&w->study->facts) * STAMP_SECOND;
	bool unchanged = h->after_len == f->len && memcmp(h->after, f->text, f->len) == 0;
	if (rc == 0 && unchanged && h->is_clean) {
		struct zone_input before = input_of(job, h->before, h->before_len);
		uint32_t now = w->study->facts.serial;
		rc = study_restore(w->study, &before,
				   study_next_serial(&serials, now, now), &ret->error);
		ret->was_restored = rc == 0;
	} else if (rc == 0) {
		rc = study_edit(w->study, &in, &serials, &ret->error);
	}
	ret->serial = w->study->serial;
	return rc;
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
	rc = history_load(job->state, job->origin, f.path, &h, &ret->error);
	if (rc == -ENOENT) {
		(void)str_copy(ret->note, sizeof(ret->note), ret->error.text);
		rc = write ? history_drop(job->state, job->origin, f.path, &ret->error)
			   : 0; /* what is left of a killed run goes */
		goto out;
	}
	if (rc != 0)
		goto out;
	struct job here = *job;
	(void)str_copy(here.path, sizeof(here.path), f.path);
	rc = study_revert(w, &here, &f, &h, ret);
	if (rc == 0 && ret->serial) {
		ret->outcome = JOB_CHANGED;
		show(w, &here, f.text, f.len);
		if (write)
			rc = write_and_reload(w, &here, &f, ret);
	}
	if (rc == 0 && write)
		rc = history_drop(job->state, job->origin, f.path, &ret->error);
out:
	zone_file_close(&f);
	history_release(&h);
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
