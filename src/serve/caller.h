/*
 * caller - runs the alarm command, once for each alarm that begins or is over
 *
 * By /bin/sh in a process group of its own, without input and output. What the
 * alarm is stands in the environment (FAKEMX_ALARM and FAKEMX_ALARM_KIND, _HOST,
 * _ADDRESS, _TEXT, _SINCE), never in the command. Calls for one alarm never
 * run side by side; a begin that still waits when its alarm is over is not run,
 * nor is the over.
 *
 * Use:
 *	struct caller *c = caller_new(loop);
 *	caller_set(c, "mail -s \"fakemx: $FAKEMX_ALARM_KIND\" root");	// or ""
 *	caller_call(c, &alarm, is_over);
 *	caller_stop(c);		// then uv_run(), then caller_free(c)
 *
 * Ownership: copies all it is given.
 *
 * Limits: CALLER_AT_ONCE run at a time, CALLER_MAX_WAITING wait, more are left
 * out, which is logged. A command that runs for CALLER_LONGEST_MS gets SIGTERM, and
 * SIGKILL two seconds later; so do those that run when serve stops.
 */
#ifndef FMX_SERVE_CALLER_H
#define FMX_SERVE_CALLER_H

#include <uv.h>

#include "serve/alarm.h"

enum {
	CALLER_AT_ONCE = 4,
	CALLER_MAX_WAITING = 256,
	CALLER_LONGEST_MS = 60 * 1000,
	CALLER_KILL_MS = 2000,
};

struct caller;
struct caller *caller_new(uv_loop_t *loop);
void caller_set(struct caller *c, const char *command); /* "": none */
void caller_call(struct caller *c, const struct alarm *a, bool is_over);
void caller_stop(struct caller *c);
void caller_free(struct caller *c); /* NULL is fine */

#endif
