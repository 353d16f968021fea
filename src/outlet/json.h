/*
 * json - the values of our JSON documents, on top of jansson
 *
 * Unknown is null, times are RFC 3339 UTC, durations are seconds. Allocation
 * failures abort, as everywhere (mem.h).
 *
 * Ownership: json_add() and json_push() take the value's reference.
 */
#ifndef FMX_OUTLET_JSON_H
#define FMX_OUTLET_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

void json_add(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);

/* Bytes that are not UTF-8 become U+FFFD: texts may come from the network. */
json_t *json_text(const char *text);
json_t *json_text_or_null(const char *text); /* null for "" and NULL */
json_t *json_count(uint64_t n);
json_t *json_stamp(int64_t t);
json_t *json_seconds(int64_t us);
json_t *json_addr(struct addr a);

/* The document, indented, in the order in which keys were added, with a final
 * newline. */
void json_print(const json_t *document, struct buf *out);
/* In one line, without newline. Takes the reference. */
void json_line(json_t *document, struct buf *out);

#endif
