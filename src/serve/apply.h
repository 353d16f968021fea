/*
 * apply - makes the parts agree with a configuration: at the start, at a reload
 *
 * Use:
 *	apply_config(n, &n->config, true, &e);
 *	apply_reload(n);	// reads the file again; says what came of it
 *	apply_journal(n);	// the journal's file is gone: on with what lies there now
 */
#ifndef FMX_SERVE_APPLY_H
#define FMX_SERVE_APPLY_H

#include "serve/parts.h"
#include "serve/system/descriptors.h"

/* c stays the caller's. All or nothing: on error the parts are as before. */
FMX_MUST_CHECK int apply_config(struct engine *n, struct config *c, bool is_started,
				struct error *e);
/* How many open files there are for whom, with this configuration. */
FMX_MUST_CHECK int apply_descriptors(const struct config *c, size_t inherited,
				     struct descriptors *ret, struct error *e);
void apply_reload(struct engine *n);
void apply_journal(struct engine *n);

#endif
