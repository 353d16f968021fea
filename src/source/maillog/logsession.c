#include "source/maillog/logsession.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "source/maillog/words.h"

enum { BUCKETS = 4096 };

/* Of a message whose id no session has yet. */
struct early_verdict {
	uint64_t own; /* 0: none */
	int64_t time;
	bool is_spam;
};

struct logsessions {
	logsession_visit_fn fn;
	logsession_delivered_fn delivered;
	void *arg;
	struct logsession *buckets[BUCKETS];
	struct logtie *ties[BUCKETS];
	struct logsession *oldest, *latest; /* in order of the first line */
	size_t count;
	uint64_t given;
	uint32_t open;
	int64_t lag;
	bool has_filter;  /* it has given a verdict, or will */
	int64_t verdicts; /* up to when it was heard; STAMP_NEVER: it is not elsewhere */
	struct early_verdict early[LOGSESSION_EARLY_MAX]; /* by its id */
};

static uint64_t hash_of(struct slice text)
{
	return hash_bytes(text.at, slice_len(text));
}

uint64_t logsession_key(struct slice host, struct slice own)
{
	/* A sum of keyed hashes is as hard to hit as each of them; the factor
	 * keeps host and own apart. */
	uint64_t key = hash_of(host) * 3 + hash_of(own);
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

void logsession_envelope(struct logsession *s, struct slice from, struct slice to)
{
	char *sender = NULL, *recipient = NULL;
	if (slice_len(to) == 0)
		return;
	logsession_text(&sender, from);
	logsession_text(&recipient, to);
	visit_add_envelope(&s->v, envelope_hash(sender ? sender : "", recipient));
	free(sender);
	free(recipient);
}

void logsession_sender(struct logtie *tie, struct slice from)
{
	static const char nobody[] = "";
	if (tie->from)
		return;
	logsession_text(&tie->from, from);
	if (!tie->from)
		tie->from = xstrdup(nobody);
	logsession_text(&tie->session->mail_from, from);
	for (size_t at = 0; at < tie->told_len; at += strlen(tie->told + at) + 1)
		visit_add_envelope(&tie->session->v,
				   envelope_hash(tie->from, tie->told + at));
	free(tie->told);
	tie->told = NULL;
	tie->told_len = 0;
}

void logsession_recipient(struct logtie *tie, struct slice to)
{
	char *recipient = NULL;
	logsession_domain(&tie->session->recipient_domain, to);
	logsession_text(&recipient, to);
	if (!recipient)
		return;
	size_t len = strlen(recipient) + 1;
	if (tie->from) {
		visit_add_envelope(&tie->session->v, envelope_hash(tie->from, recipient));
	} else if (tie->told_len + len <= LOGSESSION_TOLD_MAX) {
		tie->told = xrealloc(tie->told, tie->told_len + len, 1);
		memcpy(tie->told + tie->told_len, recipient, len);
		tie->told_len += len;
	} else {
		tie->session->v.envelope_count = VISIT_ENVELOPES_MANY;
	}
	free(recipient);
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

/* Ties */

void logsession_untie(struct logsessions *t, struct logtie *tie)
{
	struct logtie **at = &t->ties[tie->own % BUCKETS];
	if (tie->own == 0)
		return;
	while (*at != tie)
		at = &(*at)->next;
	*at = tie->next;
	free(tie->from);
	free(tie->told);
	*tie = (struct logtie){ .own = 0 };
}

struct logtie *logsession_tied(const struct logsessions *t, struct slice host,
			       struct slice own)
{
	struct logtie *found = NULL;
	uint64_t hash = hash_of(own) | 1, at = hash_of(host);
	for (struct logtie *tie = t->ties[hash % BUCKETS]; tie; tie = tie->next)
		if (tie->own == hash && tie->host == at)
			found = tie;
	return found;
}

/* Of whichever host; NULL if two sessions have it. */
static struct logtie *tied_anywhere(const struct logsessions *t, struct slice own)
{
	struct logtie *found = NULL;
	uint64_t hash = hash_of(own) | 1;
	for (struct logtie *tie = t->ties[hash % BUCKETS]; tie; tie = tie->next) {
		if (tie->own != hash)
			continue;
		if (found && found->session != tie->session)
			return NULL;
		found = tie;
	}
	return found;
}

static void take_early_verdict(struct logsessions *t, struct logtie *tie)
{
	struct logsession *s = tie->session;
	struct early_verdict *v = &t->early[tie->own % LOGSESSION_EARLY_MAX];
	if (v->own != tie->own || s->v.time - v->time > LOGSESSION_VERDICT_WAIT)
		return;
	*(v->is_spam ? &s->has_spam : &s->has_clean) = true;
	v->own = 0;
}

struct logtie *logsession_tie(struct logsessions *t, struct logsession *s,
			      struct slice host, struct slice own)
{
	struct logtie *tie = &s->ties[s->tie_count++ % LOGSESSION_TIES_MAX];
	logsession_untie(t, tie);
	tie->own = hash_of(own) | 1;
	tie->host = hash_of(host);
	tie->session = s;
	tie->next = t->ties[tie->own % BUCKETS];
	t->ties[tie->own % BUCKETS] = tie;
	take_early_verdict(t, tie);
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
	bool is_call_out = s->is_rcpt_taken && s->v.depth < DEPTH_DATA;
	if (s->is_lost || !s->has_quit || !s->is_rcpt_answered || is_call_out)
		return OUTCOME_ABORTED;
	return OUTCOME_REJECTED; /* refused without a line that says how */
}

static void give(struct logsessions *t, struct logsession *s)
{
	static const struct addr none;
	struct visit v = s->v;
	v.outcome = outcome_of(s);
	if (s->is_given && s->given_outcome == v.outcome)
		return;
	t->open -= !s->is_given;
	s->is_given = true;
	s->given_outcome = v.outcome;
	if (s->is_user || s->is_hint)
		return;
	v.source = VISIT_SOURCE_MAILLOG;
	v.unknown_recipient =
	    v.outcome == OUTCOME_REJECTED && s->unknown > 0 && s->unknown == s->refused_5;
	v.spam = s->has_clean ? SPAM_NO : s->has_spam ? SPAM_YES : SPAM_UNKNOWN;
	v.helo = text_or_empty(s->helo);
	v.mail_from = text_or_empty(s->mail_from);
	v.recipient_domain = text_or_empty(s->recipient_domain);
	v.name = text_or_empty(s->name);
	t->given++;
	t->fn(t->arg, &v, addr_equal(s->local, none) ? NULL : &s->local);
}

void logsession_finish(struct logsessions *t, struct logsession *s)
{
	give(t, s);
	free_session(t, s);
}

static bool is_telling(const struct logsession *s)
{
	for (size_t i = 0; i < LOGSESSION_TIES_MAX; i++)
		if (s->ties[i].is_telling)
			return true;
	return false;
}

void logsession_settle(struct logsessions *t, struct logsession *s)
{
	bool has_verdict = !t->has_filter || s->has_spam || s->has_clean;
	bool is_told = !is_telling(s);
	if (!s->is_queued || s->is_user || (is_told && has_verdict)) {
		logsession_finish(t, s);
		return;
	}
	s->is_over = true;
	s->is_unjudged = !has_verdict;
	s->due =
	    s->v.ended + (is_told ? LOGSESSION_VERDICT_WAIT : LOGSESSION_RECIPIENTS_WAIT);
}

void logsessions_verdict(struct logsessions *t, struct slice host, struct slice own,
			 bool is_spam, int64_t time)
{
	t->has_filter = true;
	if (slice_len(own) == 0)
		return;
	struct logtie *tie = logsession_tied(t, host, own);
	if (!tie)
		tie = tied_anywhere(t, own);
	if (!tie) {
		uint64_t hash = hash_of(own) | 1;
		t->early[hash % LOGSESSION_EARLY_MAX] = (struct early_verdict){
			.own = hash, .time = time, .is_spam = is_spam
		};
		return;
	}
	struct logsession *s = tie->session;
	*(is_spam ? &s->has_spam : &s->has_clean) = true;
	if (s->is_over && s->is_queued)
		logsession_settle(t, s);
}

void logsessions_verdicts(struct logsessions *t, int64_t upto)
{
	t->has_filter = true;
	t->verdicts = upto;
}

bool logsessions_may_have_filter(const struct logsessions *t)
{
	return t->has_filter || t->given < LOGSESSION_FIRST;
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
	s->v.client = client;
	s->v.time = l->time;
	s->v.precision_us = l->precision_us;
	s->v.depth = DEPTH_CONNECT;
	s->due = s->ripe = STAMP_NEVER;
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
	if (s->v.depth < d)
		s->v.depth = d;
}

void logsession_refuse(struct logsession *s, enum depth stage, int code)
{
	logsession_reach(s, stage);
	if (stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	*(code == 4 ? &s->is_refused_4 : &s->is_refused_5) = true;
	s->refused_5 += code != 4;
}

static bool begins_with_any(struct slice in)
{
	static const char *const words[] = { "User unknown",      "Unknown user",
					     "Unknown recipient", "Unrouteable address",
					     "Invalid recipient", "No such user",
					     "No such recipient" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (slice_len(in) >= strlen(words[i]) &&
		    strncasecmp(in.at, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* "550 5.1.1 <c@d.example>: Recipient address rejected: User unknown in ...", "550
 * Invalid recipient", ": Unrouteable address", "<c@d.example>... User unknown" */
static bool says_unknown(struct slice in)
{
	struct slice recipient;
	if (slice_len(in) > 4 && words_is_digit(in.at[0]) && in.at[3] == ' ')
		in.at += 4;
	if (slice_len(in) > 4 && words_is_digit(in.at[0]) && in.at[1] == '.')
		return slice_take_text(&in, "5.1.1") &&
		       (in.at == in.end || !words_is_digit(*in.at));
	if (slice_take(&in, '<') && !words_mailbox(&in, '>', &recipient))
		return false;
	while (slice_take(&in, ':') || slice_take(&in, '.') || slice_take(&in, ' '))
		;
	(void)slice_take_text(&in, "Recipient address rejected: ");
	return begins_with_any(in);
}

void logsession_worded(struct logsession *s, struct slice answer)
{
	s->unknown += s->v.depth >= DEPTH_RCPT && says_unknown(answer);
}

void logsession_began_before(struct logsessions *t, struct logsession *s, int64_t us)
{
	s->v.time -= us;
	s->v.precision_us += (uint32_t)us;
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
		int64_t at = s->is_unjudged && t->verdicts < now ? t->verdicts : now;
		newer = s->newer;
		if (at >= s->due || now - s->v.time >= LOGSESSION_KEPT_MAX)
			logsession_finish(t, s);
	}
}

void logsessions_show(struct logsessions *t, int64_t now)
{
	for (struct logsession *s = t->oldest; s; s = s->newer)
		if (!s->is_given &&
		    (now >= s->ripe || now - s->v.time >= LOGSESSION_OPEN_MAX))
			give(t, s);
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
		if (!s->is_given && s->v.time < held)
			held = s->v.time;
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

void logsessions_on_delivered(struct logsessions *t, logsession_delivered_fn fn)
{
	t->delivered = fn;
}

void logsessions_delivered(struct logsessions *t, struct slice to, int64_t time)
{
	char *domain = NULL;
	if (!t->delivered)
		return;
	logsession_domain(&domain, to);
	if (domain)
		t->delivered(t->arg, domain, time);
	free(domain);
}

struct logsessions *logsessions_new(logsession_visit_fn fn, void *arg)
{
	struct logsessions *t = xcalloc(1, sizeof(*t));
	t->fn = fn;
	t->arg = arg;
	t->verdicts = STAMP_NEVER;
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
