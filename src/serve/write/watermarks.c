#include "serve/write/watermarks.h"

#include "base/mem.h"

struct mark {
	uint16_t host;
	bool is_sent_on;
	bool has_source, is_blind;
	size_t want;             /* of its group, index in wants */
	int64_t noted, noted_at; /* the source's last, and when it came; 0 none */
	int64_t moved_at;        /* when it last came further */
	int64_t told, told_at;   /* written or spoken */
};

/* The visits of a group that wait for watermarks to pass them by `confirm`:
 * the first is served before the last one counts, else a busy site would put
 * its own judgement off for ever. */
struct want {
	uint16_t group;
	bool is_unmet;       /* while drop_met() counts */
	int64_t first, last; /* 0: none */
};

struct watermarks {
	struct mark *marks;
	struct want *wants; /* one per group */
	size_t count, want_count;
	int64_t confirm;
	uint16_t *at;      /* host id -> index in marks + 1; 0 is none */
	uint16_t *want_at; /* group -> index in wants + 1 */
};

enum { IDS = UINT16_MAX + 1 };

struct watermarks *watermarks_new(void)
{
	struct watermarks *m = xcalloc(1, sizeof(*m));
	m->at = xcalloc(IDS, sizeof(*m->at));
	m->want_at = xcalloc(IDS, sizeof(*m->want_at));
	return m;
}

void watermarks_free(struct watermarks *m)
{
	if (!m)
		return;
	free(m->marks);
	free(m->wants);
	free(m->at);
	free(m->want_at);
	free(m);
}

static struct mark *find(const struct watermarks *m, uint16_t host)
{
	return m->at[host] ? &m->marks[m->at[host] - 1] : NULL;
}

static size_t want_of_group(struct watermarks *m, const struct watermarks *old,
			    uint16_t group)
{
	if (m->want_at[group])
		return m->want_at[group] - 1u;
	struct want *w = &m->wants[m->want_count++];
	if (old->want_at[group])
		*w = old->wants[old->want_at[group] - 1];
	w->group = group;
	m->want_at[group] = (uint16_t)m->want_count;
	return m->want_count - 1;
}

void watermarks_set(struct watermarks *m, const struct watermarks_host *hosts,
		    size_t count, int64_t confirm, int64_t now)
{
	struct watermarks next = { .confirm = confirm };
	next.marks = xcalloc(count + 1, sizeof(*next.marks));
	next.wants = xcalloc(count + 1, sizeof(*next.wants));
	next.at = xcalloc(IDS, sizeof(*next.at));
	next.want_at = xcalloc(IDS, sizeof(*next.want_at));
	for (size_t i = 0; i < count && i < UINT16_MAX; i++) {
		struct mark *n = &next.marks[next.count++];
		const struct mark *old = find(m, hosts[i].host);
		if (old)
			*n = *old;
		else
			*n = (struct mark){ .moved_at = now, .told = hosts[i].told };
		n->host = hosts[i].host;
		n->has_source = hosts[i].has_source;
		n->is_sent_on = hosts[i].is_sent_on;
		n->want = want_of_group(&next, m, hosts[i].group);
		next.at[n->host] = (uint16_t)next.count;
	}
	free(m->marks);
	free(m->wants);
	free(m->at);
	free(m->want_at);
	*m = next;
}

void watermarks_note(struct watermarks *m, uint16_t host, int64_t upto, int64_t now)
{
	struct mark *k = find(m, host);
	if (!k)
		return;
	if (upto > k->noted) {
		k->noted = upto;
		k->moved_at = now;
	}
	k->noted_at = now;
}

void watermarks_blind(struct watermarks *m, uint16_t host, bool is_blind)
{
	struct mark *k = find(m, host);
	if (k)
		k->is_blind = is_blind;
}

void watermarks_visit(struct watermarks *m, uint16_t host, int64_t time)
{
	const struct mark *k = find(m, host);
	if (!k)
		return;
	struct want *w = &m->wants[k->want];
	/* The judge rounds to whole seconds, to the innocent side. */
	int64_t until = time + m->confirm + STAMP_SECOND;
	if (!w->first)
		w->first = until;
	if (until > w->last)
		w->last = until;
}

static int64_t interval(const struct watermarks *m)
{
	int64_t slowest = (int64_t)m->count * STAMP_SECOND / 10;
	return slowest > WATERMARKS_INTERVAL ? slowest : WATERMARKS_INTERVAL;
}

/* How far the host is by its source's word, or by ours when it says nothing;
 * *ret_is_ours says whose. */
static int64_t reach(const struct mark *k, int64_t now, bool *ret_is_ours)
{
	int64_t spoken = k->is_blind ? now
			 : k->has_source && now - k->moved_at >= WATERMARKS_SILENT
			     ? now - WATERMARKS_SILENT
			     : 0;
	*ret_is_ours = spoken > k->noted;
	return *ret_is_ours ? spoken : k->noted;
}

/* A clock that was set back makes nothing due. */
static bool is_due(const struct watermarks *m, const struct mark *k, int64_t upto,
		   int64_t now, bool is_all)
{
	if (upto <= k->told)
		return false;
	if (is_all || now - k->told_at >= (k->is_sent_on ? STAMP_SECOND : interval(m)))
		return true;
	const struct want *w = &m->wants[k->want];
	return w->first && k->told < w->first && upto >= w->first;
}

/* A want is met once all hosts of the group that are seen at all are past it. */
static void drop_met(struct watermarks *m)
{
	for (size_t i = 0; i < m->want_count; i++)
		m->wants[i].is_unmet = false;
	for (size_t i = 0; i < m->count; i++) {
		const struct mark *k = &m->marks[i];
		if ((k->noted || k->is_blind) && k->told < m->wants[k->want].first)
			m->wants[k->want].is_unmet = true;
	}
	for (size_t i = 0; i < m->want_count; i++) {
		struct want *w = &m->wants[i];
		if (w->is_unmet)
			continue;
		w->first = w->last > w->first ? w->last : 0;
		w->last = w->first;
	}
}

size_t watermarks_write(struct watermarks *m, int64_t now, bool is_all,
			const struct watermarks_sink *sink)
{
	size_t written = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct mark *k = &m->marks[i];
		bool is_ours;
		int64_t upto = reach(k, now, &is_ours);
		if (!is_due(m, k, upto, now, is_all))
			continue;
		int64_t from = k->told;
		k->told = upto;
		k->told_at = now;
		written++;
		if (is_ours)
			sink->speak(sink->arg, k->host, from, upto);
		else
			sink->write(sink->arg, k->host, upto);
	}
	drop_met(m);
	return written;
}

int64_t watermarks_noted(const struct watermarks *m, uint16_t host)
{
	const struct mark *k = find(m, host);
	return k ? k->noted : 0;
}

int64_t watermarks_told(const struct watermarks *m, uint16_t host)
{
	const struct mark *k = find(m, host);
	return k ? k->told : 0;
}

bool watermarks_are_fresh(const struct watermarks *m, int64_t since)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->marks[i].has_source && m->marks[i].noted_at < since)
			return false;
	}
	return true;
}
