#include <string.h>

#include "base/hash.h"
#include "old/judge_internal.h"

/* Over this, letters of which nobody has heard for the longest time go. */
static uint32_t room(const struct judge *j)
{
	uint32_t part = j->rules.max_senders / LETTER_SHARE;
	return part > LETTER_MIN ? part : LETTER_MIN;
}

static struct letter *letter_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->letters, id);
}

static struct writer *writer_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->writers, id);
}

/* FNV-1a: kept across processes, as name_mark(). Who makes two letters collide
 * only excuses himself. */
static uint64_t mark_text(uint64_t h, const char *text)
{
	for (const char *p = text;; p++) {
		unsigned char c = (unsigned char)*p;
		c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
		h = (h ^ c) * UINT64_C(1099511628211);
		if (!c)
			return h;
	}
}

static uint64_t mark_of(const char *mail_from, const char *domain)
{
	uint64_t h = UINT64_C(14695981039346656037);
	return mark_text(mark_text(h, mail_from), domain);
}

uint64_t letter_hash(const void *table, uint32_t id)
{
	const struct letter *l = slab_get(table, id);
	return hash_bytes(&l->mark, sizeof(l->mark));
}

static bool same(const void *table, uint32_t id, const void *key)
{
	const struct letter *l = slab_get(table, id), *want = key;
	return l->mark == want->mark && l->group == want->group;
}

static uint32_t find(const struct judge *j, uint64_t mark, uint16_t group)
{
	struct letter key = { .mark = mark, .group = group };
	return index_find(&j->letter_index, hash_bytes(&mark, sizeof(mark)), same,
			  &j->letters, &key);
}

/* ---- by age ---- */

static void unlink_letter(struct judge *j, const struct letter *l)
{
	if (l->older == NOTHING)
		j->oldest_letter = l->newer;
	else
		letter_at(j, l->older)->newer = l->newer;
	if (l->newer == NOTHING)
		j->newest_letter = l->older;
	else
		letter_at(j, l->newer)->older = l->older;
}

static void link_newest(struct judge *j, uint32_t id)
{
	struct letter *l = letter_at(j, id);
	l->older = j->newest_letter;
	l->newer = NOTHING;
	if (l->older == NOTHING)
		j->oldest_letter = id;
	else
		letter_at(j, l->older)->newer = id;
	j->newest_letter = id;
}

static void drop(struct judge *j, uint32_t id)
{
	struct letter *l = letter_at(j, id);
	while (l->first != NOTHING) {
		uint32_t writer = l->first;
		l->first = writer_at(j, writer)->next;
		slab_give(&j->writers, writer);
	}
	unlink_letter(j, l);
	index_remove(&j->letter_index, letter_hash(&j->letters, id), id, letter_hash,
		     &j->letters);
	slab_give(&j->letters, id);
}

/* The letter of a visit's sender to that domain, as the newest. */
static uint32_t take(struct judge *j, const struct step *st, const char *domain)
{
	uint64_t mark = mark_of(st->v->mail_from, domain);
	uint32_t id = find(j, mark, st->group);
	if (id != NOTHING) {
		unlink_letter(j, letter_at(j, id));
	} else {
		if (j->letters.count >= room(j))
			drop(j, j->oldest_letter);
		id = slab_take(&j->letters);
		struct letter *l = letter_at(j, id);
		l->mark = mark;
		l->group = st->group;
		l->first = NOTHING;
		index_add(&j->letter_index, letter_hash(&j->letters, id), id, letter_hash,
			  &j->letters);
	}
	link_newest(j, id);
	letter_at(j, id)->seen = second_down(j->now);
	return id;
}

void letter_sweep(struct judge *j)
{
	while (j->oldest_letter != NOTHING) {
		int64_t seen =
		    (int64_t)letter_at(j, j->oldest_letter)->seen * STAMP_SECOND;
		if (seen + j->rules.final > j->now)
			return;
		drop(j, j->oldest_letter);
	}
}

/* ---- who wrote it ---- */

static void add_writer(struct judge *j, struct letter *l, struct addr client)
{
	unsigned count = 0;
	for (uint32_t at = l->first; at != NOTHING; at = writer_at(j, at)->next) {
		if (addr_equal(writer_at(j, at)->client, client))
			return;
		count++;
	}
	if (count >= LETTER_WRITERS || j->writers.count >= room(j))
		return;
	uint32_t id = slab_take(&j->writers);
	*writer_at(j, id) = (struct writer){ client, l->first, true };
	l->first = id;
}

void letter_forget(struct judge *j, struct addr client)
{
	for (uint32_t id = 0; id < j->writers.top; id++) {
		struct writer *w = writer_at(j, id);
		if (w->is_used && addr_equal(w->client, client))
			w->client = (struct addr){ { 0 } };
	}
}

static void merge_into(struct judge *j, struct letter *into, const struct letter *from)
{
	for (int family = 0; family < 2; family++) {
		run_merge(&into->met[family], from->met[family]);
		if (from->accepted[family] > into->accepted[family])
			into->accepted[family] = from->accepted[family];
	}
	for (uint32_t at = from->first; at != NOTHING; at = writer_at(j, at)->next)
		add_writer(j, into, writer_at(j, at)->client);
}

void letter_regroup(struct judge *j, uint16_t from, uint16_t to)
{
	for (uint32_t id = j->oldest_letter, next; id != NOTHING; id = next) {
		struct letter *l = letter_at(j, id);
		next = l->newer;
		if (l->group != from)
			continue;
		uint32_t other = find(j, l->mark, to);
		if (other == NOTHING) {
			l->group = to;
			continue;
		}
		merge_into(j, letter_at(j, other), l);
		drop(j, id);
	}
}

/* ---- what it excuses ---- */

/* Bounces have no sender to tell them by; before RCPT there is no recipient. */
static bool is_letter(const struct step *st)
{
	return st->v->depth >= DEPTH_RCPT && st->v->mail_from[0];
}

void letter_met(struct judge *j, const struct step *st, const struct contact *c,
		uint8_t flags)
{
	if (!is_letter(st))
		return;
	bool family = addr_is_v4(st->v->client);
	struct letter *l = letter_at(j, take(j, st, st->v->recipient_domain));
	struct run with = { c->from, c->to };
	uint32_t accepted = st->v->outcome == OUTCOME_ACCEPTED ? c->to : 0;
	/* Never begun anew, as a pool's: who names the letter later may have been
	 * accused long before. */
	run_merge(&l->met[family], with);
	if (accepted > l->accepted[family])
		l->accepted[family] = accepted;
	for (uint32_t at = l->first; at != NOTHING; at = writer_at(j, at)->next) {
		struct addr client = writer_at(j, at)->client;
		uint32_t twin = addr_is_v4(client) == family
				    ? NOTHING
				    : sender_find(j, client, st->group);
		if (twin != NOTHING && pool_excuse(j, twin, with, accepted))
			pool_ask_twins(j, twin, c, flags);
	}
}

static bool name_one(struct judge *j, uint32_t sender, const struct step *st,
		     const char *domain)
{
	struct letter *l = letter_at(j, take(j, st, domain));
	bool other = !addr_is_v4(st->v->client);
	struct contact c = { sender, l->met[other].from, l->met[other].to, true };
	add_writer(j, l, st->v->client);
	if (c.to == 0 || !pool_excuse(j, sender, l->met[other], l->accepted[other]))
		return false;
	listing_late_contact(j, sender_at(j, sender), &c);
	pool_ask_twins(j, sender, &c, POOL_STOPPED | POOL_LISTED | POOL_ACCUSED);
	return true;
}

/* A real host's log may tell the recipient too late, when the mail is delivered
 * and the session over: so a letter is also named without its domain. */
bool letter_named(struct judge *j, uint32_t sender, const struct step *st)
{
	if (!is_letter(st) || !st->v->recipient_domain[0])
		return false;
	bool is_news = name_one(j, sender, st, st->v->recipient_domain);
	return name_one(j, sender, st, "") || is_news;
}
