/*
 * command - run the administrator's check or reload command of a zone
 *
 * The command is a line for /bin/sh in which %z is the zone, %f the file and
 * %% a percent sign; zone and file are quoted, so that no name can add to the
 * line.
 *
 * Limits: COMMAND_TIMEOUT_SECONDS, then it is killed and has failed. Of its
 * output the last line that says something is kept for the sentence.
 */
#ifndef FMX_ZONE_COMMAND_H
#define FMX_ZONE_COMMAND_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/error.h"

enum { COMMAND_TIMEOUT_SECONDS = 60 };

/* 0 when it exited with 0. FMX_ECOMMAND: it exited otherwise; its words are in
 * the sentence. */
FMX_MUST_CHECK int command_run(const char *line, const char *zone, const char *file,
			       struct error *e);

/* Likewise; out gets all that it printed, also where it failed; asks its limit. */
FMX_MUST_CHECK int command_read(const char *line, const char *zone, const char *file,
				struct buf *out, struct error *e);

/* The line with %z and %f filled in, for showing and for tests. */
void command_fill(const char *line, const char *zone, const char *file, struct buf *out);

#endif
