/*
 * setup_log - where the mail log of this machine is, and what it holds
 *
 * Looks at the usual files, at systemd's journal, and at the containers that docker or
 * podman tell of, and counts the sessions of the last day in each.
 *
 * Use:
 *	struct setup_logs logs;
 *	setup_logs_find(&logs, &machine, stamp_now());
 *	logs.logs[0]		// the one with the most sessions, if count > 0
 *
 * Limits: SETUP_LOGS_MAX places. What may not be read holds nothing, and says so.
 */
#ifndef FMX_CLI_SETUP_SETUP_LOG_H
#define FMX_CLI_SETUP_SETUP_LOG_H

#include <stdint.h>

#include "cli/setup/setup_text.h"

enum { SETUP_LOGS_MAX = 16, SETUP_NOTE_MAX = 1024 };

struct setup_log {
	char watch[WATCH_MAX];               /* as the configuration has it */
	char container[SETUP_CONTAINER_MAX]; /* read by `docker logs` alone; else "" */
	char program[SETUP_PROGRAM_MAX];     /* "postfix"; "": nobody that is read */
	uint64_t sessions;                   /* in the last day */
	/* "cannot be read: ...", or a sentence of its own; "" when it can be read. */
	char trouble[SETUP_NOTE_MAX];
};

struct setup_logs {
	struct setup_log logs[SETUP_LOGS_MAX];
	size_t count;
	char note[SETUP_NOTE_MAX]; /* of a container whose log is nowhere to be read */
};

/* own: this machine, whose own look at port 25 is no session; NULL counts it. */
void setup_logs_find(struct setup_logs *l, const struct setup_machine *own, int64_t now);
/* A path, feed, or the journal: what a configuration may have. */
bool setup_log_is_place(const char *watch);
/* The log at a place that somebody named, counted. A file that is here becomes absolute;
 * feed has nothing to count. */
void setup_log_at(const char *where, const struct setup_machine *own, int64_t now,
		  struct setup_log *ret);
/* What was answered to the question for the log: the number of one of l, a path, journal,
 * journal:MATCH or feed. False: it is none of them, and why says so. */
FMX_MUST_CHECK bool setup_log_answer(const struct setup_logs *l, const char *answer,
				     const struct setup_machine *own, int64_t now,
				     struct setup_log *ret, char why[SETUP_NOTE_MAX]);

/*
 * A container in a line of `ENGINE inspect`, as SETUP_CONTAINER_FORMAT makes it: false
 * if it is no mail server's, or its log cannot be read from outside: then note says what
 * to do about it. Of one that `docker logs` alone can read, ret->container is set.
 */
#define SETUP_CONTAINER_FORMAT                                                           \
	"{{.Name}}|{{.Config.Image}}|{{.HostConfig.LogConfig.Type}}|"                    \
	"{{range .Mounts}}{{.Source}}={{.Destination}} {{end}}"
bool setup_log_of_container(const char *engine, const char *line, struct setup_log *ret,
			    char note[SETUP_NOTE_MAX]);

/* Where a log is, for people: its path, or whose container's it is. */
const char *setup_log_place(const struct setup_log *log, char *to, size_t size);

/* "Postfix" of "postfix". */
const char *setup_program_name(const char *program);

#endif
