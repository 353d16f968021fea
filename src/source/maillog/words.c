#include "source/maillog/words.h"

enum { NUMBER_MAX = 9 };

bool words_is_number(struct slice in)
{
	for (const char *p = in.at; p < in.end; p++)
		if (!words_is_digit(*p))
			return false;
	return slice_len(in) > 0;
}

bool words_number(struct slice *in, uint32_t *ret_value)
{
	uint32_t n = 0;
	const char *p = in->at;
	while (p < in->end && words_is_digit(*p) && p - in->at < NUMBER_MAX)
		n = n * 10 + (uint32_t)(*p++ - '0');
	if (p == in->at || (p < in->end && words_is_digit(*p)))
		return false;
	*ret_value = n;
	in->at = p;
	return true;
}

const char *words_find(struct slice in, const char *text)
{
	return slice_len(in) ? memmem(in.at, slice_len(in), text, strlen(text)) : NULL;
}

const char *words_find_last(struct slice in, const char *text)
{
	size_t len = strlen(text);
	if (slice_len(in) < len)
		return NULL;
	for (const char *p = in.end - len; p >= in.at; p--)
		if (memcmp(p, text, len) == 0)
			return p;
	return NULL;
}

bool words_ends_with(struct slice in, const char *text)
{
	size_t len = strlen(text);
	return slice_len(in) >= len && memcmp(in.end - len, text, len) == 0;
}

bool words_skip_to(struct slice *in, const char *text)
{
	const char *at = words_find(*in, text);
	if (!at)
		return false;
	in->at = at + strlen(text);
	return true;
}

bool words_split_last(struct slice in, const char *text, struct slice *ret_before,
		      struct slice *ret_behind)
{
	const char *at = words_find_last(in, text);
	if (!at)
		return false;
	*ret_before = (struct slice){ in.at, at };
	*ret_behind = (struct slice){ at + strlen(text), in.end };
	return true;
}

bool words_split_once(struct slice in, const char *text, struct slice *ret_before,
		      struct slice *ret_behind)
{
	return words_find(in, text) == words_find_last(in, text) &&
	       words_split_last(in, text, ret_before, ret_behind);
}

bool words_address(struct slice *in, struct addr *ret_addr, uint32_t *ret_port)
{
	struct slice rest = *in, address;
	uint32_t number;
	if (!slice_take(&rest, '[') || !slice_take_until(&rest, ']', &address) ||
	    !addr_parse_n(address.at, slice_len(address), ret_addr))
		return false;
	struct slice port = rest;
	if (slice_take(&port, ':') && words_number(&port, &number)) {
		rest = port;
		if (ret_port)
			*ret_port = number;
	}
	*in = rest;
	return true;
}

bool words_mailbox(struct slice *in, char end, struct slice *ret_mailbox)
{
	bool is_quoted = false;
	for (const char *p = in->at; p < in->end; p++) {
		if (*p == '\\' && is_quoted && p + 1 < in->end) {
			p++;
		} else if (*p == '"') {
			is_quoted = !is_quoted;
		} else if (*p == end && !is_quoted) {
			*ret_mailbox = (struct slice){ in->at, p };
			in->at = p + 1;
			return true;
		}
	}
	return false;
}

static bool is_text_end(struct slice s)
{
	return slice_take(&s, '>') &&
	       (s.at == s.end || *s.at == ' ' || slice_take_text(&s, ", "));
}

bool words_text(struct slice in, const char *key, struct slice *ret_text)
{
	size_t len = strlen(key);
	*ret_text = (struct slice){ in.at, in.at };
	if (slice_len(in) < len)
		return false;
	const char *lt = in.end; /* the key's last byte */
	while ((lt = memrchr(in.at, '<', (size_t)(lt - in.at))) != NULL) {
		struct slice text = { lt + 1, lt + 1 };
		if ((size_t)(text.at - in.at) < len ||
		    memcmp(text.at - len, key, len) != 0)
			continue;
		const char *end = text.at;
		while (end < in.end && (end = memchr(end, '>', (size_t)(in.end - end)))) {
			if (is_text_end((struct slice){ end, in.end })) {
				text.end = end;
				break;
			}
			end++;
		}
		*ret_text = text;
		return true;
	}
	return false;
}
