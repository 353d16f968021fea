/*
 * words - pieces of text that the readers of mail logs have in common
 *
 * Each takes what it knows off the front of a slice, or leaves it where it was.
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_WORDS_H
#define FMX_SOURCE_MAILLOG_WORDS_H

#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"

static inline bool words_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool words_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Digits alone, at least one. */
bool words_is_number(struct slice in);
/* At most nine digits, so that it fits. */
FMX_MUST_CHECK bool words_number(struct slice *in, uint32_t *ret_value);

/* Where the text stands, first or last; NULL. */
const char *words_find(struct slice in, const char *text);
const char *words_find_last(struct slice in, const char *text);
bool words_ends_with(struct slice in, const char *text);
/* Behind the first such text. */
FMX_MUST_CHECK bool words_skip_to(struct slice *in, const char *text);

/* Splits at the last such text; or where there is only one. */
FMX_MUST_CHECK bool words_split_last(struct slice in, const char *text,
				     struct slice *ret_before, struct slice *ret_behind);
FMX_MUST_CHECK bool words_split_once(struct slice in, const char *text,
				     struct slice *ret_before, struct slice *ret_behind);

/* "[192.0.2.1]" or "[192.0.2.1]:4711"; ret_port may be NULL, and is left alone
 * where there is none. */
FMX_MUST_CHECK bool words_address(struct slice *in, struct addr *ret_addr,
				  uint32_t *ret_port);

/* "key=<text>" anywhere in it, the last one of its kind; text ends at "> ", at
 * ">, " or at the end. What a client wrote may look the same; it is its own text
 * that it then forges. */
bool words_text(struct slice in, const char *key, struct slice *ret_text);

/* A mailbox as RFC 5321 quotes it: up to the first `end` that is not within
 * quotes, and behind that. */
FMX_MUST_CHECK bool words_mailbox(struct slice *in, char end, struct slice *ret_mailbox);

#endif
