/*
 * alarm_command - runs the alarm command, once for each alarm that begins or is over
 *
 * By /bin/sh in a process group of its own, without input and output. What the
 * alarm is stands in the environment (FAKEMX_ALARM and FAKEMX_ALARM_KIND, _HOST,
 * _ADDRESS, _TEXT, _SINCE), never in the command. Calls for one alarm never
 * run side by side; a begin that still waits when its alarm is over is not run,
 * nor is the over.
 *
 * Use:
 *	struct alarm_command *c = alarm_command_new(loop);
 *	alarm_command_set(c, "mail -s \"fakemx: $FAKEMX_ALARM_KIND\" root");	// or ""
 *	alarm_command_run(c, &alarm, is_over);
 *	alarm_command_stop(c);		// then uv_run(), then alarm_command_free(c)
 *
 * Ownership: copies all it is given.
 *
 * Limits: ALARM_COMMAND_AT_ONCE run at a time, ALARM_COMMAND_MAX_WAITING wait, more are
 * left out, which is logged. A command that runs for ALARM_COMMAND_LONGEST_MS gets
 * SIGTERM, and SIGKILL two seconds later; so do those that run when serve stops.
 */
#ifndef FMX_SERVE_ALARM_ALARM_COMMAND_H
#define FMX_SERVE_ALARM_ALARM_COMMAND_H

#include <uv.h>

#include "serve/alarm/alarm.h"

enum {
	ALARM_COMMAND_AT_ONCE = 4,
	ALARM_COMMAND_MAX_WAITING = 256,
	ALARM_COMMAND_LONGEST_MS = 60 * 1000,
	ALARM_COMMAND_KILL_MS = 2000,
};

struct alarm_command;
struct alarm_command *alarm_command_new(uv_loop_t *loop);
void alarm_command_set(struct alarm_command *c, const char *command); /* "": none */
void alarm_command_run(struct alarm_command *c, const struct alarm *a, bool is_over);
void alarm_command_stop(struct alarm_command *c);
void alarm_command_free(struct alarm_command *c); /* NULL is fine */

#endif
