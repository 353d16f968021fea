#include "zone/job.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/command.h"
#include "zone/diff.h"
#include "zone/file.h"
#include "zone/serial.h"

struct job_worker {
	struct digest_reader *reader;
	struct zone_facts facts;
	struct zone_ranges ranges;
	struct plan plan;
	struct zone_digest before, wanted;
	bool ttl_differs; /* not every server reads the same TTLs: prove_rest() */
	struct buf text;  /* the new zone */
	struct buf diff;
	char names[PLAN_MAX_NAMES + PLAN_MAX_ABOVE][NAME_TEXT_MAX];
};

struct job_worker *job_worker_new(void)
{
	struct job_worker *w = xcalloc(1, sizeof(*w));
	w->reader = digest_reader_new();
	w->text.limit = UINT32_MAX;
	w->diff.limit = 64 << 20;
	return w;
}

void job_worker_free(struct job_worker *w)
{
	if (!w)
		return;
	digest_reader_free(w->reader);
	ranges_release(&w->ranges);
	plan_clear(&w->plan);
	buf_release(&w->text);
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
	ranges_release(&w->ranges);
	buf_clear(&w->text);
	buf_clear(&w->diff);
	plan_clear(&w->plan);
	w->facts.mx_count = 0;
	*ret = (struct job_result){
		.plan = &w->plan, .facts = &w->facts, .ranges = &w->ranges, .diff = ""
	};
}

static void end(struct job_worker *w, struct job_result *ret, int rc)
{
	if (rc == 0 && ret->outcome == JOB_SAME && w->plan.is_no_mail)
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

static int check_signed(const struct job *job, const struct zone_facts *facts,
			struct error *e)
{
	static const char suffix[] = ".signed";
	size_t n = strlen(job->path), s = sizeof(suffix) - 1;
	bool by_name = n > s && strcmp(job->path + n - s, suffix) == 0;
	if (!by_name && !facts->has_rrsig)
		return 0;
	return error_set(e, FMX_EREFUSED,
			 "%s is a signed zone, made by a signer from another file: "
			 "change that one (%.*s%s) "
			 "instead",
			 job->path, (int)(by_name ? n - s : 0), job->path,
			 by_name ? "" : "the unsigned source");
}

/* A server that takes updates keeps them in a journal beside the file and
 * would overwrite the file, or ours would be ignored. */
static int check_dynamic(const struct job *job, struct error *e)
{
	char journal[4200];
	(void)snprintf(journal, sizeof(journal), "%s.jnl", job->path);
	if (access(journal, F_OK) != 0)
		return 0;
	return error_set(
	    e, FMX_EREFUSED,
	    "%s belongs to a zone that its server updates itself (%s is there): use "
	    "`update { server = ...  key = ... }` in the configuration instead of the "
	    "file",
	    job->path, journal);
}

static int check_zone(const struct job *job, const struct zone_facts *facts,
		      struct error *e)
{
	if (facts->soa_count != 1)
		return error_set(e, FMX_EMALFORMED,
				 "%s has %u SOA records at %s, where a zone has one: is "
				 "%s the right origin?",
				 job->path, facts->soa_count, job->origin, job->origin);
	int rc = check_signed(job, facts, e);
	return rc == 0 ? check_dynamic(job, e) : rc;
}

static bool has_mx(const struct zone_facts *facts, const struct mx_range *mx)
{
	for (uint32_t i = 0; i < facts->mx_count; i++)
		if (mx->preference == facts->mx[i].preference &&
		    strcmp(mx->exchange, facts->mx[i].exchange) == 0)
			return true;
	return false;
}

static bool has_range(const struct zone_ranges *ranges, const struct zone_mx *mx)
{
	for (uint32_t k = 0; k < ranges->mx_count; k++)
		if (ranges->mx[k].preference == mx->preference &&
		    strcmp(ranges->mx[k].exchange, mx->exchange) == 0)
			return true;
	return false;
}

/* Two readers, one truth: else the ranges are not what a server reads. */
static int check_ranges(const struct job *job, const struct zone_facts *facts,
			const struct zone_ranges *ranges, struct error *e)
{
	bool same = ranges->soa_count > 0;
	for (uint32_t i = 0; i < ranges->soa_count; i++)
		same &= ranges->soa[i].serial == facts->serial;
	for (uint32_t i = 0; i < facts->mx_count; i++)
		same &= has_range(ranges, &facts->mx[i]);
	for (uint32_t i = 0; i < ranges->mx_count; i++)
		same &= has_mx(facts, &ranges->mx[i]);
	if (same)
		return 0;
	return error_set(e, FMX_EREFUSED,
			 "%s: fakemx and libzscanner do not read the same MX records and "
			 "serial in it; "
			 "nothing is changed (please report this zone file)",
			 job->path);
}

static int read_ranges(struct job_worker *w, const struct zone_input *in,
		       const struct plan_want *want, struct error *e)
{
	const char *names[PLAN_MAX_NAMES + PLAN_MAX_ABOVE];
	size_t n =
	    plan_names(w->facts.mx, w->facts.mx_count, want, w->names, PLAN_MAX_NAMES);
	n += plan_names_above(want, in->origin, w->names + n);
	for (size_t i = 0; i < n; i++)
		names[i] = w->names[i];
	ranges_release(&w->ranges); /* of the text before, when two are read */
	return ranges_read(in, names, n, &w->ranges, e);
}

static int read_zone(struct job_worker *w, const struct job *job,
		     const struct zone_input *in, const struct plan_want *want,
		     struct error *e)
{
	int rc = digest_read(w->reader, in, &w->before, &w->facts, e);
	if (rc == 0)
		rc = check_zone(job, &w->facts, e);
	if (rc == 0 && w->facts.mx_count > ZONE_MAX_MX)
		rc = error_set(e, FMX_EREFUSED, "%s has more than %d MX records",
			       job->origin, ZONE_MAX_MX);
	if (rc == 0)
		rc = read_ranges(w, in, want, e);
	return rc == 0 ? check_ranges(job, &w->facts, &w->ranges, e) : rc;
}

/* ---- plan, edit, prove ---- */

static uint32_t next_serial(const struct job *job, uint32_t current, uint32_t highest)
{
	if (job->has_serial_floor && serial_is_newer(job->serial_floor, highest))
		highest = job->serial_floor;
	return serial_next(current, highest, job->now);
}

/* The records that a plan adds, or takes out, as libzscanner reads them. */
static int planned_records(struct job_worker *w, const struct job *job,
			   enum edit_action action, struct zone_digest *ret,
			   struct error *e)
{
	struct buf lines = BUF_INIT(PLAN_MAX_EDITS * LEX_ENTRY_MAX);
	*ret = (struct zone_digest){ 0, 0 };
	for (size_t i = 0; i < w->plan.count; i++)
		if (w->plan.changes[i].action == action)
			zone_change_line(&w->plan.changes[i], &lines);
	struct zone_input in = { .path = "the plan",
				 .text = buf_text(&lines),
				 .len = lines.len,
				 .origin = job->origin };
	int rc = lines.len ? digest_read(w->reader, &in, ret, NULL, e) : 0;
	buf_release(&lines);
	return rc;
}

static int planned_set(struct job_worker *w, const struct job *job, struct error *e)
{
	struct zone_digest added, removed;
	int rc = planned_records(w, job, EDIT_ADD, &added, e);
	if (rc == 0)
		rc = planned_records(w, job, EDIT_REMOVE, &removed, e);
	if (rc == 0)
		w->wanted = digest_add(digest_take(w->before, removed), added);
	return rc;
}

/* The owners whose records the plan changes, but for the apex. */
static int planned_owners(const struct job_worker *w, const struct job *job,
			  struct digest_names *ret, struct error *e)
{
	ret->count = 0;
	for (size_t i = 0; i < w->plan.count; i++) {
		const struct zone_change *c = &w->plan.changes[i];
		if (c->type == EDIT_MX || (i > 0 && strcmp(c->owner, c[-1].owner) == 0))
			continue;
		if (!digest_name(ret, c->owner))
			return error_set(e, FMX_EREFUSED, "%s: too many names change",
					 job->origin);
	}
	return 0;
}

/* Where servers do not read the same TTLs, also those that know only what is
 * written must see no other record change. */
static int prove_rest(struct job_worker *w, const struct job *job,
		      const struct zone_input *before, const struct zone_input *after,
		      struct error *e)
{
	static const char words[] =
	    "%s: the edited zone would change other records for name servers that take "
	    "TTLs as Knot and NSD do; write a $TTL at its beginning first; nothing is "
	    "changed";
	struct digest_names names;
	struct zone_digest a, b;
	int rc = planned_owners(w, job, &names, e);
	if (rc == 0)
		rc = digest_read_rest(w->reader, before, &names, &a, e);
	if (rc == 0)
		rc = digest_read_rest(w->reader, after, &names, &b, e);
	if (rc == 0 && !digest_equal(a, b))
		rc = error_set(e, FMX_EREFUSED, words, job->path);
	return rc;
}

static int prove(struct job_worker *w, const struct job *job, const char *text,
		 size_t len, uint32_t serial, struct error *e)
{
	struct zone_digest after;
	struct zone_facts facts;
	struct zone_input in = input_of(job, text, len);
	int rc = digest_read(w->reader, &in, &after, &facts, e);
	if (rc != 0)
		return rc;
	w->ttl_differs |= facts.ttl_differs;
	if (!digest_equal(after, w->wanted) || facts.serial != serial)
		return error_set(e, FMX_EREFUSED,
				 "%s: the edited zone would not be the old one plus the "
				 "plan (%llu records, "
				 "%llu wanted; serial %u, %u wanted); nothing is changed",
				 job->path, (unsigned long long)after.count,
				 (unsigned long long)w->wanted.count, facts.serial,
				 serial);
	return 0;
}

/* What is there, and what has to change. */
static int plan_text(struct job_worker *w, const struct job *job,
		     const struct zone_input *in, const struct plan_want *want,
		     struct error *e)
{
	int rc = read_zone(w, job, in, want, e);
	if (rc != 0)
		return rc;
	struct plan_zone zone = { .origin = job->origin,
				  .mx = w->facts.mx,
				  .mx_count = w->facts.mx_count,
				  .records = w->ranges.records,
				  .record_count = w->ranges.record_count,
				  .has_other_mx = w->facts.has_other_mx,
				  .has_wildcard_mx = w->facts.has_wildcard_mx };
	plan_make(&zone, want, &w->plan);
	return w->plan.refusal[0] ? error_set(e, FMX_EREFUSED, "%s", w->plan.refusal) : 0;
}

/* The plan as a new text for `in`, proven; *ret_serial 0 when nothing is to be
 * done. */
static int edit_text(struct job_worker *w, const struct job *job,
		     const struct zone_input *in, uint32_t *ret_serial, struct error *e)
{
	*ret_serial = 0;
	if (w->plan.count == 0)
		return 0;
	uint32_t serial = next_serial(job, w->facts.serial, w->facts.serial);
	w->ttl_differs = w->facts.ttl_differs;
	int rc = zone_edit(in, &w->ranges, w->plan.changes, w->plan.count, serial,
			   &w->text, e);
	if (rc != 0)
		return rc;
	struct zone_input after = input_of(job, w->text.data, w->text.len);
	rc = planned_set(w, job, e);
	if (rc == 0)
		rc = prove(w, job, after.text, after.len, serial, e);
	if (rc == 0 && w->ttl_differs)
		rc = prove_rest(w, job, in, &after, e);
	if (rc == 0)
		*ret_serial = serial;
	return rc;
}

static int study(struct job_worker *w, const struct job *job, const struct zone_input *in,
		 uint32_t *ret_serial, struct error *e)
{
	int rc = plan_text(w, job, in, job->want, e);
	return rc == 0 ? edit_text(w, job, in, ret_serial, e) : rc;
}

static void show(struct job_worker *w, const struct job *job, const char *text,
		 size_t len)
{
	diff_unified(job->path, text, len, buf_text(&w->text), w->text.len, &w->diff);
}

void job_plan(struct job_worker *w, const struct job *job, struct job_result *ret)
{
	char *text;
	size_t len;
	begin(w, ret);
	int rc = zone_read_file(job->path, &text, &len, &ret->error);
	if (rc == 0) {
		struct zone_input in = input_of(job, text, len);
		rc = study(w, job, &in, &ret->serial, &ret->error);
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
	struct job_worker *w;
	const struct job *job;
	uint32_t serial;
};

/* The bytes as the disk gives them back, then the administrator's own check. */
static int judge_written(void *arg, const char *temp, const char *text, size_t len,
			 struct error *e)
{
	struct judging *j = arg;
	int rc = prove(j->w, j->job, text, len, j->serial, e);
	if (rc == 0 && j->job->check && j->job->check[0])
		rc = command_run(j->job->check, j->job->origin, temp, e);
	return rc;
}

static int write_zone(struct job_worker *w, const struct job *job, struct zone_file *f,
		      uint32_t serial, struct error *e)
{
	struct judging j = { w, job, serial };
	return zone_file_replace(f, buf_text(&w->text), w->text.len, judge_written, &j,
				 e);
}

/* The bytes of `text` with only the serial changed, into w->text. */
static int with_serial(struct job_worker *w, const struct job *job, const char *text,
		       size_t len, uint32_t serial, struct error *e)
{
	struct zone_input in = input_of(job, text, len);
	int rc = read_zone(w, job, &in, job->want, e);
	if (rc != 0)
		return rc;
	buf_clear(&w->text);
	w->wanted = w->before;
	rc = zone_edit(&in, &w->ranges, NULL, 0, serial, &w->text, e);
	return rc == 0 ? prove(w, job, w->text.data, w->text.len, serial, e) : rc;
}

/* The server would not load it: the former bytes return, with a newer serial,
 * for a secondary may have seen ours. */
static int undo_after_reload(struct job_worker *w, const struct job *job,
			     struct zone_file *old, uint32_t serial, struct error *e)
{
	struct error refused = *e, why;
	struct zone_file now;
	uint32_t newer = next_serial(job, serial, serial);
	int rc = zone_file_open(job->path, &now, &why);
	if (rc == 0) {
		rc = with_serial(w, job, old->text, old->len, newer, &why);
		if (rc == 0)
			rc = write_zone(w, job, &now, newer, &why);
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

static void note_decoys(const struct plan_want *want, struct history *h)
{
	const struct plan_decoy *decoys[] = { &want->low, &want->high };
	for (size_t i = 0; i < 2; i++)
		if (decoys[i]->name[0] && h->decoy_count < PLAN_MAX_FORMER)
			(void)str_copy(h->decoys[h->decoy_count++], NAME_TEXT_MAX,
				       decoys[i]->name);
	for (size_t i = 0; i < want->former_count && h->decoy_count < PLAN_MAX_FORMER;
	     i++)
		(void)str_copy(h->decoys[h->decoy_count++], NAME_TEXT_MAX,
			       want->former[i]);
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
			     .ttl = w->plan.ttl_before,
			     .applied = job->now };
	struct history past = { 0 };
	(void)str_copy(h.origin, sizeof(h.origin), job->origin);
	(void)str_copy(h.path, sizeof(h.path), f->path);
	note_decoys(job->want, &h);
	find_before(job, f, &w->facts, &past, &h);
	h.after = w->text.data;
	h.after_len = w->text.len;
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
		rc = study(w, job, &in, &ret->serial, &ret->error);
		if (rc == 0 && ret->serial) {
			ret->outcome = JOB_CHANGED;
			show(w, job, f.text, f.len);
			rc = remember(w, job, &f, &ret->error);
			if (rc == 0)
				rc = write_zone(w, job, &f, ret->serial, &ret->error);
			if (rc == 0)
				rc = reload(w, job, &f, ret->serial, &ret->error);
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
	int rc = plan_text(w, job, &in, &none, &ret->error);
	ret->gone_by = job->now + (int64_t)longest_ttl(&w->facts) * STAMP_SECOND;
	bool unchanged = h->after_len == f->len && memcmp(h->after, f->text, f->len) == 0;
	if (rc != 0 || !unchanged || !h->is_clean)
		return rc == 0 ? edit_text(w, job, &in, &ret->serial, &ret->error) : rc;
	struct job same = *job;
	same.want = &none;
	uint32_t serial = next_serial(job, w->facts.serial, w->facts.serial);
	rc = with_serial(w, &same, h->before, h->before_len, serial, &ret->error);
	ret->was_restored = rc == 0;
	ret->serial = rc == 0 ? serial : 0;
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
	if (rc != 0) {
		zone_file_close(&f);
		history_release(&h);
		end(w, ret, rc);
		return;
	}
	struct job here = *job;
	(void)str_copy(here.path, sizeof(here.path), f.path);
	rc = study_revert(w, &here, &f, &h, ret);
	if (rc == 0 && ret->serial) {
		ret->outcome = JOB_CHANGED;
		show(w, &here, f.text, f.len);
		if (write)
			rc = write_zone(w, &here, &f, ret->serial, &ret->error);
		if (write && rc == 0)
			rc = reload(w, &here, &f, ret->serial, &ret->error);
	}
	if (rc == 0 && write)
		rc = history_drop(job->state, job->origin, f.path, &ret->error);
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
