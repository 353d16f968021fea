#include "source/maillog_postfix.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "source/postfix_line.h"

enum { BUCKETS = 4096 };

/* A queue id of a session, in the table that finds it. */
struct queue_id {
	uint64_t hash; /* of host and id; 0: none */
	struct session *session;
	struct queue_id *next;
};

/* From connect to disconnect, and a little longer while the queue manager's
 * line is awaited. */
struct session {
	uint64_t hash;        /* of host and process */
	uint64_t host;        /* of the host alone */
	struct session *next; /* of the bucket */
	struct session *older, *newer;
	struct addr client;
	int64_t time, ended;
	uint32_t precision_us;
	enum depth depth;
	bool is_given;  /* early; stays until its disconnect line */
	int64_t passed; /* when postscreen let it pass; 0: not, or not postscreen's */
	bool is_over;   /* disconnected; may wait for the queue manager */
	bool has_quit, is_lost, is_queued, is_refused_4, is_refused_5;
	bool is_rcpt_answered, is_data_ok;
	uint8_t queue_id_count; /* all of them */
	uint8_t waiting;        /* not queued or discarded yet */
	struct queue_id queue_ids[POSTFIX_QUEUE_IDS_MAX];
	char *helo, *mail_from, *recipient_domain, *name; /* NULL: none yet */
};

struct maillog_postfix {
	maillog_visit_fn fn;
	maillog_started_fn started;
	void *arg;
	struct logtime times;
	int64_t newest;
	struct session *sessions[BUCKETS];
	struct queue_id *queue_ids[BUCKETS];
	struct session *oldest, *latest; /* in order of the first line */
	size_t session_count, passed_count;
	struct maillog_postfix_counts counts;
};

static uint64_t hash_of(struct span host, struct span key)
{
	uint64_t h[2] = { hash_bytes(host.at, span_len(host)),
			  hash_bytes(key.at, span_len(key)) };
	uint64_t hash = hash_bytes(h, sizeof(h));
	return hash ? hash : 1;
}

/* Texts */

static void keep_first(char **to, struct span text)
{
	if (*to || span_len(text) == 0)
		return;
	size_t len = span_len(text);
	if (len > VISIT_TEXT_MAX - 1)
		len = VISIT_TEXT_MAX - 1;
	*to = xcalloc(len + 1, 1);
	for (size_t i = 0; i < len; i++)
		(*to)[i] = text.at[i] ? text.at[i] : '?';
}

static void keep_domain(char **to, struct span address)
{
	const char *at =
	    span_len(address) ? memrchr(address.at, '@', span_len(address)) : NULL;
	if (!at || *to)
		return;
	keep_first(to, (struct span){ at + 1, address.end });
	for (char *p = *to; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
}

static void keep_texts(struct session *s, const struct postfix_line *l)
{
	keep_first(&s->helo, l->helo);
	keep_first(&s->mail_from, l->from);
	keep_domain(&s->recipient_domain, l->to);
}

/* Queue ids */

static void forget_queue_id(struct maillog_postfix *p, struct queue_id *q)
{
	struct queue_id **at = &p->queue_ids[q->hash % BUCKETS];
	if (q->hash == 0)
		return;
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	q->hash = 0;
}

static struct queue_id *find_queue_id(struct maillog_postfix *p, uint64_t hash)
{
	struct queue_id *q = p->queue_ids[hash % BUCKETS];
	while (q && q->hash != hash)
		q = q->next;
	return q;
}

static void add_queue_id(struct maillog_postfix *p, struct session *s, uint64_t hash)
{
	struct queue_id *known = find_queue_id(p, hash);
	if (known && known->session == s)
		return;
	if (known) { /* reused: a short queue id is unique only while it lives */
		known->session->waiting--;
		forget_queue_id(p, known);
	}
	struct queue_id *q = &s->queue_ids[s->queue_id_count % POSTFIX_QUEUE_IDS_MAX];
	if (q->hash) {
		s->waiting--;
		forget_queue_id(p, q); /* of very many messages the last count */
	}
	q->hash = hash;
	q->session = s;
	q->next = p->queue_ids[hash % BUCKETS];
	p->queue_ids[hash % BUCKETS] = q;
	s->queue_id_count++;
	s->waiting++;
}

/* Sessions */

static struct session *find_session(struct maillog_postfix *p, uint64_t hash)
{
	struct session *s = p->sessions[hash % BUCKETS];
	while (s && (s->hash != hash || s->is_over))
		s = s->next;
	return s;
}

static void free_session(struct maillog_postfix *p, struct session *s)
{
	struct session **at = &p->sessions[s->hash % BUCKETS];
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	*(s->newer ? &s->newer->older : &p->latest) = s->older;
	*(s->older ? &s->older->newer : &p->oldest) = s->newer;
	p->session_count--;
	if (s->passed)
		p->passed_count--;
	for (size_t i = 0; i < POSTFIX_QUEUE_IDS_MAX; i++)
		forget_queue_id(p, &s->queue_ids[i]);
	free(s->helo);
	free(s->mail_from);
	free(s->recipient_domain);
	free(s->name);
	free(s);
}

static enum outcome outcome_of(const struct session *s)
{
	if (s->is_queued || (s->is_data_ok && s->waiting))
		return OUTCOME_ACCEPTED;
	if (s->is_refused_4)
		return OUTCOME_DEFERRED;
	if (s->is_refused_5)
		return OUTCOME_REJECTED;
	if (s->is_lost || !s->has_quit || !s->is_rcpt_answered)
		return OUTCOME_ABORTED;
	return OUTCOME_REJECTED; /* refused without a line that says how */
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void give(struct maillog_postfix *p, struct session *s)
{
	if (s->is_given)
		return;
	struct visit v = { .client = s->client,
			   .depth = s->depth,
			   .outcome = outcome_of(s),
			   .source = VISIT_SOURCE_MAILLOG,
			   .precision_us = s->precision_us,
			   .time = s->time,
			   .ended = s->ended,
			   .helo = text_or_empty(s->helo),
			   .mail_from = text_or_empty(s->mail_from),
			   .recipient_domain = text_or_empty(s->recipient_domain),
			   .name = text_or_empty(s->name) };
	s->is_given = true;
	p->counts.open--;
	p->counts.visits++;
	p->fn(p->arg, &v);
}

static void finish(struct maillog_postfix *p, struct session *s)
{
	give(p, s);
	free_session(p, s);
}

static struct session *begin(struct maillog_postfix *p, const struct postfix_line *l,
			     uint64_t hash)
{
	if (p->session_count >= POSTFIX_SESSIONS_MAX)
		finish(p, p->oldest);
	struct session *s = xcalloc(1, sizeof(*s));
	s->hash = hash;
	s->host = hash_of(l->host, l->host);
	s->client = l->client;
	s->time = l->time;
	s->precision_us = l->precision_us;
	s->depth = DEPTH_CONNECT;
	keep_first(&s->name, l->name);
	s->next = p->sessions[hash % BUCKETS];
	p->sessions[hash % BUCKETS] = s;
	s->older = p->latest;
	*(p->latest ? &p->latest->newer : &p->oldest) = s;
	p->latest = s;
	p->session_count++;
	p->counts.open++;
	return s;
}

/* The session that a line of smtpd's belongs to. A line of another client
 * shows that the end of the last session is missing. */
static struct session *session_of(struct maillog_postfix *p, const struct postfix_line *l)
{
	uint64_t hash = hash_of(l->host, l->process);
	struct session *s = find_session(p, hash);
	if (s && !addr_equal(s->client, l->client)) {
		finish(p, s);
		s = NULL;
	}
	return s ? s : begin(p, l, hash);
}

/* Lines */

static void reach(struct session *s, enum depth d)
{
	if (s->depth < d)
		s->depth = d;
}

/* smtpd's session of a client that postscreen let pass began with postscreen's,
 * which is no visit of its own then. */
static void join_passed(struct maillog_postfix *p, struct session *s)
{
	struct session *passed = p->passed_count ? p->oldest : NULL;
	while (passed &&
	       !(passed->passed && !passed->is_over && !passed->is_given &&
		 passed->host == s->host && addr_equal(passed->client, s->client)))
		passed = passed->newer;
	if (!passed)
		return;
	s->time = passed->time;
	s->precision_us = passed->precision_us;
	p->counts.open--;
	free_session(p, passed);
}

static void on_connect(struct maillog_postfix *p, const struct postfix_line *l)
{
	uint64_t hash = hash_of(l->host, l->process);
	struct session *s = find_session(p, hash);
	if (s)
		finish(p, s); /* its disconnect line is missing */
	s = begin(p, l, hash);
	if (*l->process.at != '[') /* not postscreen's own */
		join_passed(p, s);
}

static void on_passed(struct maillog_postfix *p, const struct postfix_line *l)
{
	struct session *s = session_of(p, l);
	if (!s->passed)
		p->passed_count++;
	s->passed = l->time;
}

static void count(struct session *s, const struct postfix_counts *c)
{
	if (!c->has_any) { /* before Postfix 3.0: lost, or it said QUIT */
		s->has_quit = !s->is_lost;
		s->is_data_ok = s->waiting && !s->is_lost;
		return;
	}
	reach(s, c->data   ? DEPTH_DATA
		 : c->rcpt ? DEPTH_RCPT
		 : c->mail ? DEPTH_MAIL
		 : c->helo ? DEPTH_HELO
			   : DEPTH_CONNECT);
	s->has_quit = c->quit > 0;
	s->is_rcpt_answered = c->rcpt > 0;
	/* BDAT counts chunks, not messages: ended by QUIT will do. */
	s->is_data_ok = c->data_ok > 0 || (c->bdat_ok > 0 && s->has_quit);
}

static void on_disconnect(struct maillog_postfix *p, const struct postfix_line *l)
{
	struct session *s = session_of(p, l);
	count(s, &l->counts);
	s->ended = l->time;
	s->is_over = true;
	if (s->is_given || s->is_queued || !s->is_data_ok || !s->waiting)
		finish(p, s);
}

static void on_client(struct maillog_postfix *p, const struct postfix_line *l)
{
	struct session *s = session_of(p, l);
	reach(s, DEPTH_RCPT);
	s->is_rcpt_answered = true;
	if (span_len(l->queue_id))
		add_queue_id(p, s, hash_of(l->host, l->queue_id));
}

static void on_refused(struct session *s, const struct postfix_line *l)
{
	reach(s, l->stage);
	if (l->stage >= DEPTH_RCPT)
		s->is_rcpt_answered = true;
	*(l->code == 4 ? &s->is_refused_4 : &s->is_refused_5) = true;
	keep_texts(s, l);
}

static void on_lost(struct maillog_postfix *p, const struct postfix_line *l)
{
	struct session *s = session_of(p, l);
	reach(s, l->stage);
	s->is_lost = true;
}

static void on_relayed(struct maillog_postfix *p, const struct postfix_line *l)
{
	struct session *s = session_of(p, l);
	reach(s, DEPTH_DATA);
	s->is_queued = true;
	keep_texts(s, l);
}

/* What cleanup, the queue manager and delivery say is tied by the queue id. */
static void on_queue_line(struct maillog_postfix *p, enum postfix_says says,
			  const struct postfix_line *l)
{
	struct queue_id *q = find_queue_id(p, hash_of(l->host, l->queue_id));
	if (!q)
		return; /* of a submission, of Postfix itself, or given already */
	struct session *s = q->session;
	if (says == POSTFIX_REFUSED)
		on_refused(s, l);
	else if (says != POSTFIX_DISCARDED)
		keep_texts(s, l);
	if (says == POSTFIX_QUEUED) {
		s->is_queued = true;
		reach(s, DEPTH_DATA);
	} else if (says != POSTFIX_DELIVERY) {
		s->waiting--;
		forget_queue_id(p, q);
	}
	if (s->is_over && (s->is_queued || !s->waiting))
		finish(p, s);
}

static void on_line(struct maillog_postfix *p, enum postfix_says says,
		    const struct postfix_line *l)
{
	/* smtpd's own refusals have a process to go by, cleanup's a queue id. */
	bool is_cleanup = says == POSTFIX_REFUSED && span_len(l->queue_id) &&
			  !find_session(p, hash_of(l->host, l->process));
	switch (says) {
	case POSTFIX_CONNECT: on_connect(p, l); break;
	case POSTFIX_DISCONNECT: on_disconnect(p, l); break;
	case POSTFIX_PASSED: on_passed(p, l); break;
	case POSTFIX_CLIENT: on_client(p, l); break;
	case POSTFIX_LOST: on_lost(p, l); break;
	case POSTFIX_RELAYED: on_relayed(p, l); break;
	case POSTFIX_REFUSED:
		if (is_cleanup)
			on_queue_line(p, says, l);
		else
			on_refused(session_of(p, l), l);
		break;
	case POSTFIX_QUEUED:
	case POSTFIX_DISCARDED:
	case POSTFIX_DELIVERY: on_queue_line(p, says, l); break;
	case POSTFIX_STARTED:
		if (p->started)
			p->started(p->arg, l->time);
		break;
	case POSTFIX_FOREIGN:
	case POSTFIX_GARBLED:
	case POSTFIX_NOTHING: break;
	}
}

void maillog_postfix_line(struct maillog_postfix *p, const char *line, size_t len,
			  int64_t now)
{
	struct postfix_line l;
	enum postfix_says says = postfix_read_line(&p->times, line, len, now, &l);
	p->counts.lines++;
	if (says == POSTFIX_GARBLED)
		p->counts.garbled++;
	else if (says == POSTFIX_FOREIGN)
		p->counts.foreign++;
	else
		p->counts.used++;
	if (says != POSTFIX_GARBLED && l.time > p->newest)
		p->newest = l.time;
	on_line(p, says, &l);
}

void maillog_postfix_advance(struct maillog_postfix *p, int64_t now)
{
	struct session *newer;
	for (struct session *s = p->oldest; s; s = newer) {
		newer = s->newer;
		if ((s->is_over && now - s->ended >= POSTFIX_QUEUE_WAIT) ||
		    (s->passed && now - s->passed >= POSTFIX_PASSED_WAIT))
			finish(p, s);
		else if (now - s->time >= POSTFIX_OPEN_MAX)
			give(p, s);
	}
}

void maillog_postfix_finish(struct maillog_postfix *p)
{
	while (p->oldest)
		finish(p, p->oldest);
}

int64_t maillog_postfix_held(const struct maillog_postfix *p)
{
	int64_t held = STAMP_NEVER;
	for (const struct session *s = p->oldest; s; s = s->newer)
		if (!s->is_given && s->time < held)
			held = s->time;
	return held;
}

int64_t maillog_postfix_newest(const struct maillog_postfix *p)
{
	return p->newest;
}

struct maillog_postfix_counts maillog_postfix_counts(const struct maillog_postfix *p)
{
	return p->counts;
}

struct maillog_postfix *maillog_postfix_new(maillog_visit_fn fn, void *arg)
{
	struct maillog_postfix *p = xcalloc(1, sizeof(*p));
	p->fn = fn;
	p->arg = arg;
	return p;
}

void maillog_postfix_on_started(struct maillog_postfix *p, maillog_started_fn fn)
{
	p->started = fn;
}

void maillog_postfix_free(struct maillog_postfix *p)
{
	if (!p)
		return;
	while (p->oldest)
		free_session(p, p->oldest);
	free(p);
}
