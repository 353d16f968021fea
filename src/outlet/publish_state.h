/*
 * publish_state - what `publish` did last: a small file in the state folder
 *
 * publish writes it after each time, and reads it when it starts, so that counts go on
 * and what was said once is not said again. `publish --empty --stale` looks at its
 * time; serve's metrics tell of it. Text: "alarm" or "quiet"; why all lists are empty,
 * or an empty line; then a line a list: name, when it was last seen to be right (us),
 * senders, changes, failures, and whether it fails now, with tabs.
 *
 * Use:
 *	struct publish_state s;
 *	publish_state_read(path, &config, &s);
 *	...
 *	publish_state_write(path, &config, &s, &e);
 *	publish_state_release(&s);
 *
 * Limits: of sections that the configuration does not name any more nothing is kept.
 */
#ifndef FMX_OUTLET_PUBLISH_STATE_H
#define FMX_OUTLET_PUBLISH_STATE_H

#include "outlet/gate.h"

struct publish_count {
	int64_t right_at; /* 0: never */
	uint64_t listed, changes, failures;
	bool is_failing;
};

struct publish_state {
	bool is_there;
	bool is_alarming;
	char why[GATE_NOTE_MAX];      /* why all is empty; "": it is not */
	struct publish_count *counts; /* of the section with the same index */
};

FMX_MUST_CHECK bool publish_state_path(const struct config *c, char *to, size_t size);
/* What cannot be read was never written. */
void publish_state_read(const char *path, const struct config *c,
			struct publish_state *ret_state);
FMX_MUST_CHECK int publish_state_write(const char *path, const struct config *c,
				       const struct publish_state *s, struct error *e);
void publish_state_release(struct publish_state *s);

#endif
