#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "old/judge_internal.h"

static void set_empty(struct judge *j)
{
	j->rules = rules_default();
	j->eyes = (struct slab)SLAB_INIT(sizeof(struct eye));
	j->spots = (struct slab)SLAB_INIT(sizeof(struct spot));
	j->senders = (struct slab)SLAB_INIT(sizeof(struct sender));
	j->walks = (struct slab)SLAB_INIT(sizeof(struct walk));
	j->marks = (struct slab)SLAB_INIT(sizeof(struct mark));
	j->pools = (struct slab)SLAB_INIT(sizeof(struct pool));
	j->names = (struct slab)SLAB_INIT(sizeof(struct name));
	j->domains = (struct slab)SLAB_INIT(sizeof(struct domain));
	j->letters = (struct slab)SLAB_INIT(sizeof(struct letter));
	j->writers = (struct slab)SLAB_INIT(sizeof(struct writer));
	j->oldest_letter = j->newest_letter = NOTHING;
}

struct judge *judge_new(judge_verdict_fn on_verdict, judge_listing_fn on_listing,
			void *arg)
{
	struct judge *j = xcalloc(1, sizeof(*j));
	*j = (struct judge){ .on_verdict = on_verdict,
			     .on_listing = on_listing,
			     .arg = arg };
	set_empty(j);
	return j;
}

static void release_sites(struct judge *j)
{
	for (size_t i = 0; i < j->site_count; i++) {
		struct group *g = &j->groups[i];
		free(g->eyes);
		free(g->lows);
		spans_release(&g->unwell);
		spans_release(&g->unwatched);
		spans_release(&g->changed);
		spans_release(&g->lost);
		dues_release(&g->waits);
		site_release(&j->sites[i]->site);
		free(j->sites[i]);
	}
	for (uint32_t i = 0; i < j->eyes.top; i++)
		free(((struct eye *)slab_get(&j->eyes, i))->minutes);
	free(j->sites);
	free(j->groups);
	free(j->eye_of);
	free(j->site_of);
	free(j->site_by_id);
	slab_release(&j->eyes);
	slab_release(&j->spots);
	index_release(&j->spot_index);
}

static void release_names(struct judge *j)
{
	for (uint32_t i = 0; i < j->names.top; i++)
		free(((struct name *)slab_get(&j->names, i))->text);
	for (uint32_t i = 0; i < j->domains.top; i++)
		free(((struct domain *)slab_get(&j->domains, i))->text);
	for (size_t i = 0; i < j->allowed_count; i++)
		free(j->allowed[i].text);
	free(j->allowed);
	slab_release(&j->names);
	slab_release(&j->domains);
	index_release(&j->name_index);
	index_release(&j->domain_index);
}

void judge_reset(struct judge *j)
{
	release_sites(j);
	release_names(j);
	slab_release(&j->senders);
	slab_release(&j->walks);
	slab_release(&j->marks);
	slab_release(&j->pools);
	slab_release(&j->letters);
	slab_release(&j->writers);
	index_release(&j->letter_index);
	index_release(&j->sender_index);
	index_release(&j->pool_index);
	dues_release(&j->dues);
	spans_release(&j->gaps);
	spans_release(&j->grace);
	*j = (struct judge){ .on_verdict = j->on_verdict,
			     .on_listing = j->on_listing,
			     .arg = j->arg };
	set_empty(j);
}

void judge_free(struct judge *j)
{
	if (!j)
		return;
	judge_reset(j);
	free(j);
}

static void fire(struct judge *j, uint32_t id)
{
	struct sender *s = id < j->senders.top ? sender_at(j, id) : NULL;
	if (!s || !(s->flags & SENDER_USED))
		return; /* the sender was dropped meanwhile */
	s->flags &= (uint8_t)~SENDER_TIMED;
	listing_expire(j, s);
	settle_final(j, id);
}

/* Fires one thing after the other in the order of their times, however far the
 * steps of the caller: so it does not matter when a live process asked. */
void judge_advance(struct judge *j, int64_t now)
{
	now = time_clamp(now);
	uint32_t until = second_down(now), at, id;
	if (now <= j->now)
		return;
	if (j->senders.count == 0) {
		j->next_sweep = until / 3600 * 3600 + 3600;
		j->next_sweep_all = until / 86400 * 86400 + 86400;
	}
	for (;;) {
		uint32_t stop = j->next_sweep < until ? j->next_sweep : until;
		while (dues_pop(&j->dues, stop, &at, &id)) {
			dues_fetch(j, &j->dues);
			j->now = later(j->now, (int64_t)at * STAMP_SECOND);
			fire(j, id);
		}
		if (j->next_sweep > until)
			break;
		j->now = later(j->now, (int64_t)j->next_sweep * STAMP_SECOND);
		judge_sweep(j);
	}
	j->now = now;
}

int64_t judge_next(const struct judge *j)
{
	uint32_t second = dues_next(&j->dues);
	return second == UINT32_MAX ? STAMP_NEVER : (int64_t)second * STAMP_SECOND;
}

static int take_rules(struct judge *j, const struct record *r, struct error *e)
{
	struct rules rules;
	int rc = rules_parse(r->text, &rules, e);
	if (rc != 0)
		return rc;
	bool was_enforced = j->rules.enforce;
	j->rules = rules;
	if (was_enforced && !rules.enforce)
		listing_mode_changed(j);
	return 0;
}

static int take(struct judge *j, const struct record *r, struct error *e)
{
	switch (r->kind) {
	case RECORD_START: judge_start(j, r); return 0;
	case RECORD_STOP: judge_stop(j); return 0;
	case RECORD_VISIT: return walk_visit(j, &r->visit, e);
	case RECORD_WATERMARK: eye_watermark(j, r); return 0;
	case RECORD_HEALTH: eye_health(j, r); return 0;
	case RECORD_SITE: return site_define(j, r, e);
	case RECORD_RULES: return take_rules(j, r, e);
	case RECORD_NAME: name_learn(j, &r->name); return 0;
	case RECORD_ALLOW: name_allow(j, r); return 0;
	case RECORD_FORGET: name_forget(j, r->text); return 0;
	case RECORD_UNSITE: site_undefine(j, r->site); return 0;
	}
	return error_set(e, FMX_EMALFORMED, "a record has the unknown kind %d",
			 (int)r->kind);
}

/* Not visits: anybody can cause one, and it must not make a gap look small. */
static bool is_sign_of_life(enum record_kind kind)
{
	return kind == RECORD_START || kind == RECORD_WATERMARK || kind == RECORD_HEALTH;
}

int judge_feed(struct judge *j, const struct record *r, struct error *e)
{
	judge_advance(j, r->seen);
	int rc = take(j, r, e);
	if (rc != 0)
		return rc;
	j->records++;
	if (is_sign_of_life(r->kind))
		j->alive = j->now;
	return 0;
}

const struct rules *judge_rules(const struct judge *j)
{
	return &j->rules;
}

struct judge_counts judge_counts(const struct judge *j)
{
	struct judge_counts c = {
		.records = j->records,
		.senders = j->senders.count,
		.walks_open = j->walks.count,
		.listed = j->listed,
		.dropped_senders = j->dropped,
	};
	const struct slab *const slabs[] = { &j->senders, &j->walks, &j->marks,
					     &j->pools,   &j->names, &j->domains,
					     &j->eyes,    &j->spots, &j->letters,
					     &j->writers };
	const struct index *const indexes[] = { &j->sender_index, &j->pool_index,
						&j->name_index,   &j->domain_index,
						&j->spot_index,   &j->letter_index };
	c.bytes = sizeof(*j) + j->name_bytes + dues_bytes(&j->dues);
	for (size_t i = 0; i < sizeof(slabs) / sizeof(slabs[0]); i++)
		c.bytes += slab_bytes(slabs[i]);
	for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++)
		c.bytes += indexes[i]->cap * sizeof(*indexes[i]->slots);
	for (size_t i = 0; i < j->site_count; i++)
		c.bytes += sizeof(struct site_slot) + sizeof(struct group) +
			   dues_bytes(&j->groups[i].waits);
	return c;
}
