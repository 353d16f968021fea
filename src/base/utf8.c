#include "base/utf8.h"

#include <string.h>

#include "base/attr.h"

/* Length that the first byte of a UTF-8 sequence announces, 0 if none. */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The second byte excludes overlong forms, surrogates and what is beyond
 * U+10FFFF (RFC 3629 4). */
static bool utf8_second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0: return second >= 0xa0;
	case 0xed: return second <= 0x9f;
	case 0xf0: return second >= 0x90;
	case 0xf4: return second <= 0x8f;
	default: return true;
	}
}

size_t utf8_mark(const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t n = sizeof(mark) - 1;
	return len >= n && memcmp(text, mark, n) == 0 ? n : 0;
}

size_t utf8_length(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = utf8_announced(p[0]);
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n > 1 && !utf8_second_fits(p[0], p[1]) ? 0 : n;
}

uint32_t utf8_next(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	size_t n = utf8_length(*text);
	*text += n ? n : 1;
	if (n <= 1)
		return n ? p[0] : UTF8_BAD;
	uint32_t code = p[0] & (0xffU >> (n + 1));
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3f);
	return code;
}

bool utf8_is_deceptive(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x0, 0x1f },           { 0x7f, 0xa0 },     { 0xad, 0xad },
		{ 0x61c, 0x61c },        { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f },      { 0x2000, 0x200f }, { 0x2028, 0x202f },
		{ 0x205f, 0x206f },      { 0x3000, 0x3000 }, { 0x3164, 0x3164 },
		{ 0xd800, 0xdfff },      { 0xfdd0, 0xfdef }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },      { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0xe0000, UINT32_MAX },
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe; /* the two that end each plane */
}

void utf8_make_safe(char *text)
{
	for (const char *next = text; *text;) {
		uint32_t c = utf8_next(&next);
		bool is_unsafe = c == UTF8_BAD || utf8_is_deceptive(c);
		for (; text < next; text++)
			*text = is_unsafe ? '?' : *text;
	}
}
