#include "source/maillog/logsession.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

enum { BUCKETS = 4096 };

struct logsessions {
	logsession_visit_fn fn;
	void *arg;
	struct logsession *buckets[BUCKETS];
	struct logtie *ties[BUCKETS];
	struct logsession *oldest, *latest; /* in order of the first line */
	size_t count;
	uint64_t given;
	uint32_t open;
	int64_t lag;
	bool has_filter; /* it has given a verdict */
};

uint64_t logsession_key(struct slice host, struct slice own)
{
	/* A sum of keyed hashes is as hard to hit as each of them; the factor
	 * keeps host and own apart. */
	uint64_t key =
	    hash_bytes(host.at, slice_len(host)) * 3 + hash_bytes(own.at, slice_len(own));
	return key ? key : 1;
}

/* Texts */

void logsession_text(char **to, struct slice text)
{
	if (*to || slice_len(text) == 0)
		return;
	size_t len = slice_len(text);
	if (len > VISIT_TEXT_MAX - 1)
		len = VISIT_TEXT_MAX - 1;
	*to = xcalloc(len + 1, 1);
	for (size_t i = 0; i < len; i++)
		(*to)[i] = text.at[i] ? text.at[i] : '?';
}

void logsession_domain(char **to, struct slice address)
{
	const char *at =
	    slice_len(address) ? memrchr(address.at, '@', slice_len(address)) : NULL;
	if (!at || *to)
		return;
	logsession_text(to, (struct slice){ at + 1, address.end });
	for (char *p = *to; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

/* Ties */

void logsession_untie(struct logsessions *t, struct logtie *tie)
{
	struct logtie **at = &t->ties[tie->hash % BUCKETS];
	if (tie->hash == 0)
		return;
	while (*at != tie)
		at = &(*at)->next;
	*at = tie->next;
	tie->hash = 0;
	tie->is_awaited = false;
}

struct logtie *logsession_tied(const struct logsessions *t, uint64_t key)
{
	struct logtie *found = NULL;
	for (struct logtie *tie = t->ties[key % BUCKETS]; tie; tie = tie->next)
		if (tie->hash == key)
			found = tie;
	return found;
}

struct logtie *logsession_tie(struct logsessions *t, struct logsession *s, uint64_t key)
{
	struct logtie *tie = &s->ties[s->tie_count++ % LOGSESSION_TIES_MAX];
	logsession_untie(t, tie);
	tie->hash = key;
	tie->session = s;
	tie->next = t->ties[key % BUCKETS];
	t->ties[key % BUCKETS] = tie;
	return tie;
}

bool logsession_is_awaited(const struct logsession *s)
{
	for (size_t i = 0; i < LOGSESSION_TIES_MAX; i++)
		if (s->ties[i].is_awaited)
			return true;
	return false;
}

/* Sessions */

struct logsession *logsession_find(const struct logsessions *t, uint64_t key)
{
	struct logsession *s = t->buckets[key % BUCKETS];
	while (s && (s->key != key || s->is_over))
		s = s->next;
	return s;
}

static void free_session(struct logsessions *t, struct logsession *s)
{
	/* not by a walk: one client may have thousands, all in one bucket */
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	*(s->newer ? &s->newer->older : &t->latest) = s->older;
	*(s->older ? &s->older->newer : &t->oldest) = s->newer;
	t->count--;
	for (size_t i = 0; i < LOGSESSION_TIES_MAX; i++)
		logsession_untie(t, &s->ties[i]);
	free(s->helo);
	free(s->mail_from);
	free(s->recipient_domain);
	free(s->name);
	free(s);
}

static enum outcome outcome_of(const struct logsession *s)
{
	if (s->is_queued || (s->is_data_ok && logsession_is_awaited(s)))
		return OUTCOME_ACCEPTED;
	if (s->is_refused_4)
		return OUTCOME_DEFERRED;
	if (s->is_refused_5)
		return OUTCOME_REJECTED;
	if (s->is_lost || !s->has_quit || !s->is_rcpt_answered)
		return OUTCOME_ABORTED;
	return OUTCOME_REJECTED; /* refused without a line that says how */
}

static void give(struct logsessions *t, struct logsession *s)
{
	static const struct addr none;
	if (s->is_given)
		return;
	struct visit v = { .client = s->client,
			   .depth = s->depth,
			   .outcome = outcome_of(s),
			   .source = VISIT_SOURCE_MAILLOG,
			   .spam = s->has_clean  ? SPAM_NO
				   : s->has_spam ? SPAM_YES
						 : SPAM_UNKNOWN,
			   .precision_us = s->precision_us,
			   .time = s->time,
			   .ended = s->ended,
			   .helo = text_or_empty(s->helo),
			   .mail_from = text_or_empty(s->mail_from),
			   .recipient_domain = text_or_empty(s->recipient_domain),
			   .name = text_or_empty(s->name) };
	s->is_given = true;
	t->open--;
	if (s->is_user || s->is_hint)
		return;
	t->given++;
	t->fn(t->arg, &v, addr_equal(s->local, none) ? NULL : &s->local);
}

void logsession_finish(struct logsessions *t, struct logsession *s)
{
	give(t, s);
	free_session(t, s);
}

void logsession_settle(struct logsessions *t, struct logsession *s, int64_t now)
{
	bool is_judged = s->has_spam || s->has_clean;
	if (!t->has_filter || !s->is_queued || is_judged || s->is_given) {
		logsession_finish(t, s);
		return;
	}
	s->is_over = true;
	s->due = now + LOGSESSION_VERDICT_WAIT;
}

void logsessions_verdict(struct logsessions *t, uint64_t key, bool is_spam)
{
	struct logtie *tie = key ? logsession_tied(t, key) : NULL;
	t->has_filter = true;
	if (!tie)
		return;
	struct logsession *s = tie->session;
	*(is_spam ? &s->has_spam : &s->has_clean) = true;
	if (s->is_over && s->is_queued)
		logsession_finish(t, s);
}

bool logsessions_has_filter(const struct logsessions *t)
{
	return t->has_filter;
}

void logsession_drop(struct logsessions *t, struct logsession *s)
{
	if (!s->is_given)
		t->open--;
	free_session(t, s);
}

struct logsession *logsession_begin(struct logsessions *t, uint64_t key,
				    const struct logline *l, struct addr client)
{
	if (t->count >= LOGSESSION_MAX)
		logsession_finish(t, t->oldest);
	struct logsession *s = xcalloc(1, sizeof(*s));
	s->key = key;
	s->client = client;
	s->time = l->time;
	s->precision_us = l->precision_us;
	s->due = s->ripe = STAMP_NEVER;
	s->depth = DEPTH_CONNECT;
	s->at = &t->buckets[key % BUCKETS];
	s->next = *s->at;
	if (s->next)
		s->next->at = &s->next;
	*s->at = s;
	s->older = t->latest;
	*(t->latest ? &t->latest->newer : &t->oldest) = s;
	t->latest = s;
	t->count++;
	t->open++;
	return s;
}

void logsession_reach(struct logsession *s, enum depth d)
{
	if (s->depth < d)
		s->depth = d;
}

void logsession_began_before(struct logsessions *t, struct logsession *s, int64_t us)
{
	s->time -= us;
	s->precision_us += (uint32_t)us;
	if (t->lag < us)
		t->lag = us;
}

struct logsession *logsession_next(const struct logsessions *t, uint64_t key,
				   const struct logsession *s)
{
	struct logsession *next = s ? s->next : t->buckets[key % BUCKETS];
	while (next && next->key != key)
		next = next->next;
	return next;
}

/* The table */

void logsessions_advance(struct logsessions *t, int64_t now)
{
	struct logsession *newer;
	for (struct logsession *s = t->oldest; s; s = newer) {
		newer = s->newer;
		if (now >= s->due || now - s->time >= LOGSESSION_KEPT_MAX)
			logsession_finish(t, s);
		else if (now >= s->ripe || now - s->time >= LOGSESSION_OPEN_MAX)
			give(t, s);
	}
}

void logsessions_finish(struct logsessions *t)
{
	while (t->oldest)
		logsession_finish(t, t->oldest);
	t->lag = 0;
}

int64_t logsessions_held(const struct logsessions *t)
{
	int64_t held = STAMP_NEVER;
	for (const struct logsession *s = t->oldest; s; s = s->newer)
		if (!s->is_given && s->time < held)
			held = s->time;
	return held;
}

int64_t logsessions_lag(const struct logsessions *t)
{
	return t->lag;
}

uint64_t logsessions_given(const struct logsessions *t)
{
	return t->given;
}

uint32_t logsessions_open(const struct logsessions *t)
{
	return t->open;
}

struct logsessions *logsessions_new(logsession_visit_fn fn, void *arg)
{
	struct logsessions *t = xcalloc(1, sizeof(*t));
	t->fn = fn;
	t->arg = arg;
	return t;
}

void logsessions_free(struct logsessions *t)
{
	if (!t)
		return;
	while (t->oldest)
		free_session(t, t->oldest);
	free(t);
}
