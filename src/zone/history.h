/*
 * history - what fakemx did to a zone file, kept so that it can be undone
 *
 * One file for each zone and zone file (views, and copies for a trial, share a
 * zone's name) below the state folder, never beside a globbed zone: a line
 * of JSON, then the bytes before and after. It is on disk before the zone file
 * is replaced, so whatever happens in between, undoing knows what was there.
 *
 * Whoever saves or loads holds the zone file's lock (file.h).
 *
 * Ownership: history_release frees the bytes.
 */
#ifndef FMX_ZONE_HISTORY_H
#define FMX_ZONE_HISTORY_H

#include "base/buf.h"
#include "zone/plan.h"

enum { HISTORY_MAX_CHANGES = 4 * PLAN_MAX_EDITS };

struct history {
	char origin[NAME_TEXT_MAX];
	char path[4096]; /* of the zone file, resolved */
	enum layout layout;
	uint32_t ttl;    /* the longest TTL that caches may hold the MX set for */
	int64_t applied; /* microseconds since 1970 */
	bool is_clean;   /* `before` is the zone as it was without fakemx's records */
	char decoys[PLAN_MAX_FORMER][NAME_TEXT_MAX];
	size_t decoy_count;
	/* All that apply did since, run once or more often. */
	struct zone_change *changes;
	size_t change_count;
	char *before, *after;
	size_t before_len, after_len;
};

/* The decoys that are wanted, and were: what a revert takes out. */
void history_note_decoys(struct history *h, const struct plan_want *want);

/* Adds a plan to the changes; what takes an earlier one back leaves neither. */
void history_note_changes(struct history *h, const struct zone_change *changes,
			  size_t count);

/* Goes on from an earlier record: first this, then the new plan. */
void history_note_past(struct history *h, const struct history *past);

/* Of what is taken back in two steps, what the first leaves. */
void history_forget_mx(struct history *h);

/* Creates the folders. A sentence that names the file on failure. */
FMX_MUST_CHECK int history_save(const char *state, const struct history *h,
				struct error *e);
/* path: of the zone file, resolved; "" of live DNS. -ENOENT: fakemx never changed
 * that zone there. FMX_EFOREIGN: damaged. After an error nothing is to be released. */
FMX_MUST_CHECK int history_load(const char *state, const char *origin, const char *path,
				struct history *ret, struct error *e);
/* Once undone there is nothing to undo. */
FMX_MUST_CHECK int history_drop(const char *state, const char *origin, const char *path,
				struct error *e);
void history_release(struct history *h);

/* Without the bytes before and after. False: no record, or a damaged one. */
FMX_MUST_CHECK bool history_read_header(const char *record, struct history *ret);
/* Its decoys are none of the real hosts, whatever is wanted now. */
void history_want_former(const struct history *h, struct plan_want *want);
/* Likewise of the record of that zone and path, if there is one. */
void history_add_former(const char *state, const char *origin, const char *path,
			struct plan_want *want);
/* How a record's file name begins. */
void history_file_name(const char *origin, struct buf *out);

#endif
