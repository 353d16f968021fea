#include "source/maillog/frame_json.h"

#include <stdint.h>

#include "source/maillog/words.h"

static const char *const keys[JSON_KEYS] = {
	[JSON_LOG] = "log",
	[JSON_TIME] = "time",
	[JSON_MESSAGE] = "MESSAGE",
	[JSON_HOST] = "_HOSTNAME",
	[JSON_IDENTIFIER] = "SYSLOG_IDENTIFIER",
	[JSON_COMM] = "_COMM",
	[JSON_SYSLOG_PID] = "SYSLOG_PID",
	[JSON_PID] = "_PID",
	[JSON_RECEIVED] = "__REALTIME_TIMESTAMP",
	[JSON_WRITTEN] = "_SOURCE_REALTIME_TIMESTAMP",
	[JSON_CONTAINER] = "CONTAINER_NAME",
	[JSON_CONTAINER_ID] = "CONTAINER_ID",
	[JSON_PARTIAL] = "CONTAINER_PARTIAL_MESSAGE",
};

/* What was decoded so far, and how much of it there may be. */
struct room {
	char *at, *end;
};

static void put(struct room *r, char c)
{
	if (r->at < r->end)
		*r->at++ = c;
}

static void put_utf8(struct room *r, uint32_t c)
{
	if (c < 0x80) {
		put(r, (char)c);
	} else if (c < 0x800) {
		put(r, (char)(0xc0 | c >> 6));
		put(r, (char)(0x80 | (c & 0x3f)));
	} else {
		put(r, (char)(0xe0 | c >> 12));
		put(r, (char)(0x80 | (c >> 6 & 0x3f)));
		put(r, (char)(0x80 | (c & 0x3f)));
	}
}

static bool read_hex(struct slice *in, uint32_t *ret_value)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t n = 0;
	for (int i = 0; i < 4; i++) {
		if (in->at == in->end)
			return false;
		const char *d = memchr(digits, *in->at | 0x20, sizeof(digits) - 1);
		if (!d)
			return false;
		n = n << 4 | (uint32_t)(d - digits);
		in->at++;
	}
	*ret_value = n;
	return true;
}

/* Behind a backslash. A pair of surrogates becomes two marks, which no mail
 * program's words need. */
static bool read_escape(struct slice *in, struct room *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t c;
	if (in->at == in->end)
		return false;
	const char *p = memchr(from, *in->at, sizeof(from) - 1);
	if (p) {
		in->at++;
		put(r, to[p - from]);
		return true;
	}
	if (!slice_take(in, 'u') || !read_hex(in, &c))
		return false;
	put_utf8(r, c >= 0xd800 && c < 0xe000 ? '?' : c);
	return true;
}

static bool read_string(struct slice *in, struct room *r, struct slice *ret_text)
{
	char *begin = r->at;
	if (!slice_take(in, '"'))
		return false;
	for (;;) {
		const char *p = in->at;
		while (p < in->end && *p != '"' && *p != '\\')
			p++;
		size_t len = (size_t)(p - in->at), room = (size_t)(r->end - r->at);
		len = len < room ? len : room;
		memmove(r->at, in->at, len);
		r->at += len;
		in->at = p;
		if (in->at == in->end)
			return false;
		if (slice_take(in, '"'))
			break;
		in->at++;
		if (!read_escape(in, r))
			return false;
	}
	*ret_text = (struct slice){ begin, r->at };
	return true;
}

static void skip_blanks(struct slice *in)
{
	while (slice_take(in, ' ') || slice_take(in, '\t'))
		;
}

/* What is not text is an array of bytes: [27,91,51]. */
static bool read_bytes(struct slice *in, struct room *r, struct slice *ret_text)
{
	char *begin = r->at;
	uint32_t byte;
	if (!slice_take(in, '['))
		return false;
	while (words_number(in, &byte) && byte < 256) {
		put(r, (char)byte);
		(void)slice_take(in, ',');
		skip_blanks(in);
	}
	*ret_text = (struct slice){ begin, r->at };
	return slice_take(in, ']');
}

/* A number, true, null; or an object or array, to its end. */
static bool skip_value(struct slice *in, struct slice *ret_text)
{
	const char *begin = in->at;
	char scratch[1];
	struct slice text;
	int depth = 0;
	while (in->at < in->end) {
		char c = *in->at;
		if (c == '"') {
			struct room none = { scratch, scratch };
			if (!read_string(in, &none, &text))
				return false;
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}'))
			break;
		depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
		in->at++;
	}
	*ret_text = (struct slice){ begin, in->at };
	return in->at < in->end && in->at > begin;
}

static bool read_value(struct slice *in, struct room *r, bool is_wanted,
		       struct slice *ret_text)
{
	if (in->at == in->end)
		return false;
	if (*in->at == '"')
		return read_string(in, r, ret_text);
	return is_wanted && *in->at == '[' ? read_bytes(in, r, ret_text)
					   : skip_value(in, ret_text);
}

static struct slice *place_of(struct frame_json *j, struct slice key)
{
	for (size_t i = 0; i < JSON_KEYS; i++)
		if (slice_is(key, keys[i]))
			return j->at[i].at == j->at[i].end ? &j->at[i] : NULL;
	return NULL;
}

bool frame_json_read(struct slice in, char *room, size_t size,
		     struct frame_json *ret_fields)
{
	struct room r = { room, room + size };
	struct frame_json j;
	for (size_t i = 0; i < JSON_KEYS; i++)
		j.at[i] = (struct slice){ room, room };
	if (!slice_take(&in, '{'))
		return false;
	for (bool is_more = true; is_more;) {
		struct slice key, value;
		char *kept = r.at;
		skip_blanks(&in);
		if (!read_string(&in, &r, &key))
			return false;
		struct slice *place = place_of(&j, key);
		r.at = kept;
		skip_blanks(&in);
		if (!slice_take(&in, ':'))
			return false;
		skip_blanks(&in);
		if (!read_value(&in, &r, place != NULL, &value))
			return false;
		if (place)
			*place = value;
		else
			r.at = kept;
		skip_blanks(&in);
		is_more = slice_take(&in, ',');
	}
	*ret_fields = j;
	return slice_take(&in, '}');
}
