#include "serve/marks.h"

#include "base/mem.h"

struct mark {
	uint16_t host;
	bool has_source;
	size_t want;             /* of its group, index in wants */
	int64_t noted, noted_at; /* the source's last, and when it came; 0 none */
	int64_t written, written_at;
};

/* The visits of a group that wait for watermarks to pass them by `confirm`:
 * the first is served before the last one counts, else a busy site would put
 * its own judgement off for ever. */
struct want {
	uint16_t group;
	bool is_unmet;       /* while drop_met() counts */
	int64_t first, last; /* 0: none */
};

struct marks {
	struct mark *marks;
	struct want *wants; /* one per group */
	size_t count, want_count;
	int64_t confirm;
	uint16_t *at; /* host id -> index in marks + 1; 0 is none */
};

enum { IDS = UINT16_MAX + 1 };

struct marks *marks_new(void)
{
	struct marks *m = xcalloc(1, sizeof(*m));
	m->at = xcalloc(IDS, sizeof(*m->at));
	return m;
}

void marks_free(struct marks *m)
{
	if (!m)
		return;
	free(m->marks);
	free(m->wants);
	free(m->at);
	free(m);
}

static struct mark *find(const struct marks *m, uint16_t host)
{
	return m->at[host] ? &m->marks[m->at[host] - 1] : NULL;
}

static size_t want_of_group(struct marks *m, const struct marks *old, uint16_t group)
{
	for (size_t i = 0; i < m->want_count; i++) {
		if (m->wants[i].group == group)
			return i;
	}
	struct want *w = &m->wants[m->want_count];
	w->group = group;
	for (size_t i = 0; i < old->want_count; i++) {
		if (old->wants[i].group == group)
			*w = old->wants[i];
	}
	return m->want_count++;
}

void marks_set(struct marks *m, const struct marks_host *hosts, size_t count,
	       int64_t confirm)
{
	struct marks now = { .confirm = confirm };
	now.marks = xcalloc(count + 1, sizeof(*now.marks));
	now.wants = xcalloc(count + 1, sizeof(*now.wants));
	now.at = xcalloc(IDS, sizeof(*now.at));
	for (size_t i = 0; i < count && i < UINT16_MAX; i++) {
		struct mark *n = &now.marks[now.count++];
		const struct mark *old = find(m, hosts[i].host);
		if (old)
			*n = *old;
		n->host = hosts[i].host;
		n->has_source = hosts[i].has_source;
		n->want = want_of_group(&now, m, hosts[i].group);
		now.at[n->host] = (uint16_t)now.count;
	}
	free(m->marks);
	free(m->wants);
	free(m->at);
	*m = now;
}

void marks_note(struct marks *m, uint16_t host, int64_t upto, int64_t now)
{
	struct mark *k = find(m, host);
	if (!k)
		return;
	if (upto > k->noted)
		k->noted = upto;
	k->noted_at = now;
}

void marks_past(struct marks *m, uint16_t host, int64_t upto, int64_t seen)
{
	struct mark *k = find(m, host);
	if (!k)
		return;
	k->written = upto;
	k->written_at = seen;
}

void marks_visit(struct marks *m, uint16_t host, int64_t time)
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

static int64_t interval(const struct marks *m)
{
	int64_t slowest = (int64_t)m->count * STAMP_SECOND / 10;
	return slowest > MARKS_INTERVAL ? slowest : MARKS_INTERVAL;
}

static bool is_due(const struct marks *m, const struct mark *k, int64_t now,
		   enum marks_need need)
{
	if (k->noted <= k->written)
		return false;
	if (need == MARKS_EACH || now - k->written_at >= interval(m))
		return true;
	const struct want *w = &m->wants[k->want];
	return w->first && k->written < w->first && k->noted >= w->first;
}

static void write_mark(struct mark *k, int64_t now, marks_write_fn write, void *arg)
{
	k->written = k->noted;
	k->written_at = now;
	write(arg, k->host, k->noted);
}

/* A want is met once all hosts of the group that are seen at all are past it. */
static void drop_met(struct marks *m)
{
	for (size_t i = 0; i < m->want_count; i++)
		m->wants[i].is_unmet = false;
	for (size_t i = 0; i < m->count; i++) {
		const struct mark *k = &m->marks[i];
		if (k->noted && k->written < m->wants[k->want].first)
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

static size_t write_oldest(struct marks *m, int64_t now, marks_write_fn write, void *arg)
{
	struct mark *oldest = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct mark *k = &m->marks[i];
		if (k->noted && (!oldest || k->written_at < oldest->written_at))
			oldest = k;
	}
	if (!oldest)
		return 0;
	write_mark(oldest, now, write, arg);
	return 1;
}

size_t marks_write(struct marks *m, int64_t now, enum marks_need need,
		   marks_write_fn write, void *arg)
{
	size_t written = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (!is_due(m, &m->marks[i], now, need))
			continue;
		write_mark(&m->marks[i], now, write, arg);
		written++;
	}
	if (written == 0 && need == MARKS_ONE)
		written = write_oldest(m, now, write, arg);
	drop_met(m);
	return written;
}

bool marks_are_fresh(const struct marks *m, int64_t since)
{
	for (size_t i = 0; i < m->count; i++) {
		if (m->marks[i].has_source && m->marks[i].noted_at < since)
			return false;
	}
	return true;
}
