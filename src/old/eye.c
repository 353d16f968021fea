#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "old/judge_internal.h"

static struct eye *eye_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->eyes, id);
}

/* What a record says of the future is no knowledge: at most until now. */
static int64_t past(const struct judge *j, int64_t time)
{
	return earlier(time_clamp(time), j->now);
}

bool group_is_measurable(const struct judge *j, uint16_t group)
{
	const struct group *g = &j->groups[group];
	for (size_t i = 0; i < g->eye_count; i++)
		if (!eye_at(j, g->eyes[i])->is_watched)
			return false;
	return g->eye_count > 0;
}

bool judge_is_measurable(const struct judge *j, uint16_t site_id, char *ret_why,
			 size_t size)
{
	if (!judge_site_is_configured(j, site_id)) {
		(void)snprintf(ret_why, size, "the site is not configured");
		return false;
	}
	uint16_t group = j->sites[j->site_by_id[site_id] - 1]->group;
	const struct group *g = &j->groups[group];
	for (size_t i = 0; i < g->eye_count; i++) {
		const struct eye *eye = eye_at(j, g->eyes[i]);
		const struct host *h = judge_host(j, eye->host_id, NULL);
		if (eye->is_watched)
			continue;
		(void)snprintf(ret_why, size, "%s is not watched",
			       h ? h->name : "a real host");
		return false;
	}
	(void)snprintf(ret_why, size, "%s", g->eye_count ? "" : "it has no real host");
	return g->eye_count > 0;
}

/* A moment can be decided once every real host's source has passed it by
 * `confirm`, and every real host was probed after it. */
void group_frontier(struct judge *j, uint16_t group)
{
	struct group *g = &j->groups[group];
	int64_t frontier = g->eye_count ? INT64_MAX : -1;
	for (size_t i = 0; i < g->eye_count; i++) {
		const struct eye *eye = eye_at(j, g->eyes[i]);
		frontier = earlier(frontier, eye->watermark - j->rules.confirm);
		frontier = earlier(frontier, eye->probed - 1);
	}
	g->frontier = frontier;
	uint32_t at, id;
	while (frontier >= 0 && dues_pop(&g->waits, second_down(frontier), &at, &id)) {
		dues_fetch(j, &g->waits);
		struct sender *s = id < j->senders.top ? sender_at(j, id) : NULL;
		struct walk *w = s && s->flags & SENDER_USED ? walk_at(j, s->walk) : NULL;
		if (!w || s->group != group || w->need != at)
			continue; /* stale: it waits for something else now */
		w->need = 0;
		settle(j, id);
	}
}

void eye_watermark(struct judge *j, const struct record *r)
{
	struct eye *eye = eye_of_host(j, r->host);
	int64_t time = past(j, r->time);
	if (!eye || time <= eye->watermark)
		return;
	eye->watermark = time;
	if (eye->is_real)
		group_frontier(j, eye->group);
}

/* What was decided inside the span is decided again, softer. */
void group_blind(struct judge *j, uint16_t group, struct spans *s, int64_t from,
		 int64_t to)
{
	const struct spans *const known[] = { s };
	int64_t until = earlier(to, j->groups[group].decided + 1);
	bool is_news = until > from && spans_cover(known, 1, from, until) < until - from;
	spans_add(s, from, to);
	if (!is_news)
		return;
	for (uint32_t i = 0; i < j->walks.top; i++) {
		const struct walk *w = walk_at(j, i);
		if (w->began == 0 || sender_at(j, w->sender)->group != group)
			continue;
		if (w->shown.order == ORDER_BACKDOOR || w->shown.fate == FATE_STOPPED)
			settle(j, w->sender);
	}
	listing_blind(j, group, from, to);
}

/*
 * A host that fails a probe was well at the last good one, and nobody knows
 * since when it no longer was; one that succeeds again has senders that
 * remember for hours that it did not.
 */
static void probe_failed(struct judge *j, struct eye *eye, int64_t time)
{
	int64_t from =
	    eye->good ? earlier(eye->good, time - j->rules.probe_interval) : eye->defined;
	if (!eye->is_down || time < eye->down_from)
		eye->down_from = from;
	eye->is_down = time >= eye->good;
	group_blind(j, eye->group, &j->groups[eye->group].unwell, from,
		    time + j->rules.unwell_tail);
}

static void probe_succeeded(struct judge *j, struct eye *eye, int64_t time)
{
	struct spans *unwell = &j->groups[eye->group].unwell;
	if (eye->good == 0) /* nothing was known before */
		group_blind(j, eye->group, unwell, earlier(eye->defined, time), time);
	if (eye->is_down && time > eye->probed) {
		group_blind(j, eye->group, unwell, eye->down_from,
			    time + j->rules.unwell_tail);
		eye->is_down = false;
	}
	eye->good = later(eye->good, time);
}

/* Who came by a low decoy since its last watermark may not have been seen. */
static void decoy_lost(struct judge *j, const struct eye *eye, int64_t time)
{
	struct group *g = &j->groups[eye->group];
	for (size_t i = 0; i < g->low_count; i++)
		if (eye_at(j, g->lows[i]) == eye && eye->watermark < time)
			spans_add(&g->lost, eye->watermark, time);
}

void eye_health(struct judge *j, const struct record *r)
{
	struct eye *eye = eye_of_host(j, r->host);
	if (!eye)
		return;
	int64_t time = past(j, r->time);
	if (!eye->is_real) {
		if (!r->is_ok)
			decoy_lost(j, eye, time);
		return;
	}
	if (!r->is_ok)
		probe_failed(j, eye, time);
	else if (time > eye->probed || eye->good == 0)
		probe_succeeded(j, eye, time);
	eye->probed = later(eye->probed, time);
	group_frontier(j, eye->group);
}

static struct minute *minute_at(struct eye *eye, uint32_t minute)
{
	return &eye->minutes[minute % EYE_MINUTES];
}

/* Is any stretch of WELL_MINUTES that holds this minute, and that has been
 * seen to its end, a bad one? Returns its last minute, or 0. */
static uint32_t bad_stretch(struct eye *eye, uint32_t minute)
{
	for (uint32_t last = minute; last < minute + WELL_MINUTES && last <= eye->newest;
	     last++) {
		uint32_t visits = 0, bad = 0;
		for (uint32_t back = 0; back < WELL_MINUTES && back <= last; back++) {
			const struct minute *m = minute_at(eye, last - back);
			if (m->minute != last - back)
				continue;
			visits += m->visits;
			bad += m->bad;
		}
		if (visits >= UNWELL_MIN_VISITS && bad * 100 >= visits * UNWELL_PERCENT)
			return last;
	}
	return 0;
}

/*
 * Only visits that meant mail count: those that were deferred, and those that
 * got to MAIL. Our own health probes and the world's scanners leave before
 * that, and would make every quiet host look unwell.
 */
void eye_visit(struct judge *j, const struct step *st)
{
	bool is_deferred = st->v->outcome == OUTCOME_DEFERRED;
	bool is_bad = is_deferred || st->v->outcome == OUTCOME_ABORTED;
	if (!is_deferred && st->v->depth < DEPTH_MAIL)
		return;
	if (!is_bad && st->time < st->eye->watermark)
		return; /* late: it must not make a bad share look small */
	uint32_t minute = second_down(st->time) / 60;
	struct minute *m = minute_at(st->eye, minute);
	if (m->minute != minute)
		*m = (struct minute){ .minute = minute };
	if (m->visits == UINT16_MAX) {
		m->visits /= 2;
		m->bad /= 2;
	}
	m->visits++;
	st->eye->newest = minute > st->eye->newest ? minute : st->eye->newest;
	if (is_bad) {
		m->bad++;
		st->eye->newest_bad =
		    minute > st->eye->newest_bad ? minute : st->eye->newest_bad;
	}
	if (minute >= st->eye->newest_bad + WELL_MINUTES)
		return;
	uint32_t last = bad_stretch(st->eye, minute);
	if (last == 0)
		return;
	int64_t end = ((int64_t)last + 1) * STAMP_MINUTE;
	group_blind(j, st->group, &j->groups[st->group].unwell,
		    end - WELL_MINUTES * STAMP_MINUTE - j->rules.probe_interval,
		    end + j->rules.unwell_tail);
}

/* After a kill there is no STOP: we were alive when we last wrote something. */
void judge_start(struct judge *j, const struct record *r)
{
	int64_t time = time_clamp(r->time);
	int64_t from = j->started == 0 ? 0 : j->is_running ? j->alive : j->down_from;
	int64_t to = later(time, j->now);
	spans_add(&j->gaps, earlier(from, time), to);
	spans_add(&j->grace, earlier(time, j->now), to + j->rules.grace);
	if (j->started == 0)
		j->started = to;
	j->is_running = true;
}

void judge_stop(struct judge *j)
{
	if (j->is_running)
		j->down_from = j->now;
	j->is_running = false;
}

enum reason group_excuse(const struct judge *j, uint16_t group, int64_t from, int64_t to)
{
	const struct group *g = &j->groups[group];
	int64_t confirmed = to + j->rules.confirm;
	if (spans_meet(&j->grace, from, to))
		return REASON_GRACE;
	/* A host that is new and not watched says nothing of what was before it. */
	if (confirmed >= g->open_from || (!j->is_running && confirmed >= j->down_from) ||
	    spans_meet(&j->gaps, from, confirmed) ||
	    spans_meet(&g->unwatched, from, confirmed))
		return REASON_NOT_WATCHED;
	if (spans_meet(&g->changed, from, to))
		return REASON_HOSTS_CHANGED;
	if (spans_meet(&g->unwell, from, to))
		return REASON_NOT_WELL;
	return REASON_NONE;
}

static int64_t seen_part(const struct judge *j, const struct group *g, int64_t from,
			 int64_t to, bool is_well)
{
	const struct spans *const sets[] = { &j->gaps, &g->unwatched, &g->unwell };
	to = earlier(to, g->open_from);
	if (!j->is_running)
		to = earlier(to, j->down_from);
	return to <= from ? 0 : to - from - spans_cover(sets, is_well ? 3 : 2, from, to);
}

int64_t group_well_time(const struct judge *j, uint16_t group, int64_t from, int64_t to)
{
	const struct group *g = &j->groups[group];
	return seen_part(j, g, from, earlier(to, g->frontier), true);
}

int64_t group_watched_time(const struct judge *j, uint16_t group)
{
	if (j->started == 0)
		return 0;
	const struct group *g = &j->groups[group];
	return seen_part(j, g, j->started, g->frontier, false);
}

double judge_coverage(const struct judge *j, uint16_t site_id, int64_t since,
		      int64_t until)
{
	if (!judge_site_is_configured(j, site_id) || until <= since)
		return 0;
	uint16_t group = j->sites[j->site_by_id[site_id] - 1]->group;
	int64_t from = time_clamp(since), to = time_clamp(until);
	if (from >= to)
		return 0;
	/* The frontier always lags a little; that is no lack of sight. */
	const struct group *g = &j->groups[group];
	int64_t lag = j->rules.confirm + 2 * j->rules.probe_interval;
	int64_t known = g->frontier < 0 ? 0 : earlier(to, g->frontier + lag);
	return (double)seen_part(j, g, from, known, true) / (double)(to - from);
}
