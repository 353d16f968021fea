#include "outlet/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"

/* Only an allocation can fail: keys are ours, values are not NULL then. */
void json_add(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		abort();
}

void json_push(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		abort();
}

/* buf_add_json() has the rules for bytes that are not UTF-8, and its result is
 * a JSON string: it only has to be read back. */
static json_t *mended(const char *text)
{
	struct buf b = BUF_INIT(SIZE_MAX / 2);
	buf_add_json(&b, text);
	json_t *value = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
	buf_release(&b);
	return value;
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	return value ? value : mended(text);
}

json_t *json_text_or_null(const char *text)
{
	return text && text[0] ? json_text(text) : json_null();
}

json_t *json_count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *json_stamp(int64_t t)
{
	char text[STAMP_TEXT_MAX];
	return json_string(stamp_text(t, text));
}

json_t *json_seconds(int64_t us)
{
	return json_real((double)us / (double)STAMP_SECOND);
}

json_t *json_addr(struct addr a)
{
	char text[ADDR_TEXT_MAX];
	return json_string(addr_text(a, text));
}

/* 15 digits: 0.02 is printed as 0.02. What others sent stands in it, and a terminal obeys
 * more than ASCII's control characters. */
enum { PLAIN = JSON_REAL_PRECISION(15) | JSON_ENSURE_ASCII };

void json_print(const json_t *document, struct buf *out)
{
	char *text = json_dumps(document, JSON_INDENT(2) | PLAIN);
	if (!text)
		abort();
	buf_adds(out, text);
	buf_adds(out, "\n");
	free(text);
}

void json_line(json_t *document, struct buf *out)
{
	char *text = json_dumps(document, PLAIN);
	if (!text)
		abort();
	buf_adds(out, text);
	free(text);
	json_decref(document);
}
