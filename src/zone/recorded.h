/*
 * recorded - of which zone files an apply is recorded in a state folder
 *
 * The folder is read once, and asked for many zones.
 *
 * Use:
 *	struct recorded r;
 *	if (recorded_read(&r, state, &e) == 0) {
 *		if (recorded_has(&r, "example.com")) ...
 *		recorded_release(&r);
 *	}
 */
#ifndef FMX_ZONE_RECORDED_H
#define FMX_ZONE_RECORDED_H

#include "zone/history.h"

struct recorded {
	char folder[2048];
	char **names; /* of the records, sorted */
	size_t count;
};

/* No folder is no record. After an error nothing is to be released. */
FMX_MUST_CHECK int recorded_read(struct recorded *ret, const char *state,
				 struct error *e);
void recorded_release(struct recorded *r);

/* Of any file of that zone. */
bool recorded_has(const struct recorded *r, const char *origin);

/* Every record that can be read, in the order of their names: without the bytes. */
typedef void recorded_told_fn(void *arg, const struct history *h, const char *record);
void recorded_each(const struct recorded *r, recorded_told_fn *told, void *arg);

/* The last apply to a file of that zone that is not there any more: its path. */
FMX_MUST_CHECK bool recorded_moved(const struct recorded *r, const char *origin,
				   char *ret_path, size_t size);

#endif
