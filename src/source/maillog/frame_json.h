/*
 * frame_json - a log line that is a JSON object: docker's json-file, journalctl -o json
 *
 * Use:
 *	struct frame_json j;
 *	if (frame_json_read(line, room, sizeof(room), &j))
 *		...	// j.text and its fellows
 *
 * Ownership: texts stand in `room`.
 *
 * Limits: the first of two equal keys counts; what does not fit is cut.
 */
#ifndef FMX_SOURCE_MAILLOG_FRAME_JSON_H
#define FMX_SOURCE_MAILLOG_FRAME_JSON_H

#include "base/attr.h"
#include "base/slice.h"

enum frame_json_key {
	JSON_LOG, /* json-file */
	JSON_TIME,
	JSON_MESSAGE, /* the journal */
	JSON_HOST,
	JSON_IDENTIFIER,
	JSON_COMM,
	JSON_SYSLOG_PID,
	JSON_PID,
	JSON_RECEIVED,
	JSON_WRITTEN,
	JSON_CONTAINER,
	JSON_CONTAINER_ID,
	JSON_PARTIAL,
	JSON_KEYS
};

struct frame_json {
	struct slice at[JSON_KEYS]; /* empty: not there */
};

FMX_MUST_CHECK bool frame_json_read(struct slice in, char *room, size_t size,
				    struct frame_json *ret_fields);

#endif
