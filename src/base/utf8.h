/*
 * utf8 - one character at a time from text that anybody may have written
 *
 * RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. Bytes
 * that are no such sequence are one bad character each.
 *
 * Use:
 *	while (*text) {
 *		uint32_t c = utf8_next(&text);
 *		...
 *	}
 */
#ifndef FMX_BASE_UTF8_H
#define FMX_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD 0xfffdU /* the replacement character */

/* The length of the byte order mark that some editors put before a text, or 0. */
size_t utf8_mark(const char *text, size_t len);
/* Length of the well-formed sequence that text begins with, 0 if there is
 * none. The final NUL is a sequence of one. */
size_t utf8_length(const char *text);
/* The character at *text, which is not at its end; moves past it. */
uint32_t utf8_next(const char **text);
/* Controls, what changes the direction of writing, what is invisible or looks
 * like a space, private use from plane 14 on: not to be shown as itself where a
 * stranger wrote it. */
bool utf8_is_deceptive(uint32_t c);
/* Bytes of such, and bytes that are no UTF-8, become "?", so that no terminal obeys
 * them. */
void utf8_make_safe(char *text);

#endif
