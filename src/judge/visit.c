#include "judge/visit.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

static const char *const depths[] = {
	[DEPTH_KNOCK] = "knock", [DEPTH_CONNECT] = "connect", [DEPTH_HELO] = "helo",
	[DEPTH_MAIL] = "mail",   [DEPTH_RCPT] = "rcpt",       [DEPTH_DATA] = "data",
};

static const char *const outcomes[] = {
	[OUTCOME_NONE] = NULL,           [OUTCOME_ACCEPTED] = "accepted",
	[OUTCOME_DEFERRED] = "deferred", [OUTCOME_REJECTED] = "rejected",
	[OUTCOME_ABORTED] = "aborted",
};

static const char *const sources[] = {
	[VISIT_SOURCE_DECOY] = "decoy",     [VISIT_SOURCE_KNOCK] = "knock",
	[VISIT_SOURCE_MAILLOG] = "maillog", [VISIT_SOURCE_POLICY] = "policy",
	[VISIT_SOURCE_FEED] = "feed",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The index of text in names, or -1. */
static int find_word(const char *const *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (names[i] && strcmp(names[i], text) == 0)
			return (int)i;
	return -1;
}

const char *depth_name(enum depth d)
{
	assert((size_t)d < COUNT(depths));
	return depths[d];
}

const char *outcome_name(enum outcome o)
{
	assert((size_t)o < COUNT(outcomes));
	return outcomes[o];
}

const char *visit_source_name(enum visit_source s)
{
	assert((size_t)s < COUNT(sources));
	return sources[s];
}

bool depth_parse(const char *text, enum depth *ret_depth)
{
	int i = find_word(depths, COUNT(depths), text);
	if (i >= 0)
		*ret_depth = (enum depth)i;
	return i >= 0;
}

bool outcome_parse(const char *text, enum outcome *ret_outcome)
{
	int i = find_word(outcomes, COUNT(outcomes), text);
	if (i >= 0)
		*ret_outcome = (enum outcome)i;
	return i >= 0;
}

bool visit_source_parse(const char *text, enum visit_source *ret_source)
{
	int i = find_word(sources, COUNT(sources), text);
	if (i >= 0)
		*ret_source = (enum visit_source)i;
	return i >= 0;
}

uint64_t envelope_hash(const char *sender, const char *recipient)
{
	static const struct hash_key fixed = { 0x66616b656d78, 0x656e76656c6f7065 };
	char text[2 * VISIT_TEXT_MAX];
	size_t n = 0;
	/* The NUL between them is part of what is hashed. */
	for (const char *at = sender; n < VISIT_TEXT_MAX; at++) {
		text[n++] = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
		if (!*at)
			break;
	}
	for (const char *at = recipient; *at && n < sizeof(text); at++)
		text[n++] = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
	return hash_keyed(&fixed, text, n);
}

bool visit_is_sent_away(const struct visit *v)
{
	return v->depth >= DEPTH_CONNECT && v->depth < DEPTH_MAIL &&
	       (v->outcome == OUTCOME_DEFERRED || v->outcome == OUTCOME_ABORTED);
}

void visit_add_envelope(struct visit *v, uint64_t hash)
{
	for (size_t i = 0; i < v->envelope_count && i < VISIT_ENVELOPES; i++)
		if (v->envelopes[i] == hash)
			return;
	if (v->envelope_count < VISIT_ENVELOPES)
		v->envelopes[v->envelope_count++] = hash;
	else
		v->envelope_count = VISIT_ENVELOPES_MANY;
}
