#include "journal/tail.h"

#include <stdlib.h>

#include "base/mem.h"

struct entry {
	uint16_t host;
	struct addr client;
	int64_t time;
	bool is_met;
};

struct tail {
	struct db *db;
	int64_t last_id;
	int64_t *told; /* by host; INT64_MAX: not asked for */
	size_t hosts;
	struct entry *entries; /* sorted */
	size_t count;
	bool is_read;
};

struct tail *tail_new(struct db *db, const struct sites *s, struct coverage *c,
		      int64_t last_id)
{
	struct tail *t = xcalloc(1, sizeof(*t));
	t->db = db;
	t->last_id = last_id;
	t->hosts = s->host_count > 0 ? s->hosts[s->host_count - 1].host + (size_t)1 : 0;
	t->told = xcalloc(t->hosts + 1, sizeof(*t->told));
	for (size_t i = 0; i < t->hosts; i++)
		t->told[i] = INT64_MAX;
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].has_source)
			t->told[s->hosts[i].host] =
			    coverage_told_until(c, s->hosts[i].host);
	return t;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	free(t->told);
	free(t->entries);
	free(t);
}

static void add_entry(struct tail *t, sqlite3_stmt *s)
{
	if ((t->count & (t->count - 1)) == 0)
		t->entries = xrealloc(t->entries, t->count ? 2 * t->count : 1,
				      sizeof(*t->entries));
	t->entries[t->count++] = (struct entry){
		.host = (uint16_t)sqlite3_column_int(s, 0),
		.client = db_addr(s, 1),
		.time = sqlite3_column_int64(s, 2),
	};
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = (x->host > y->host) - (x->host < y->host);
	if (order == 0)
		order = (x->time > y->time) - (x->time < y->time);
	return order ? order : addr_compare(x->client, y->client);
}

/* Nothing is seen before it began: what was seen before the least of these is not of
 * account. */
static void read_entries(struct tail *t)
{
	int64_t least = INT64_MAX;
	sqlite3_stmt *s = db_statement(
	    t->db, "SELECT host, client, time, seen FROM visit WHERE id <= ?1 "
		   "ORDER BY id DESC LIMIT 200000");
	t->is_read = true;
	for (size_t i = 0; i < t->hosts; i++)
		least = t->told[i] < least ? t->told[i] : least;
	(void)sqlite3_bind_int64(s, 1, t->last_id);
	while (db_step(t->db, s, NULL) > 0 && sqlite3_column_int64(s, 3) >= least) {
		size_t host = (size_t)sqlite3_column_int(s, 0);
		if (host < t->hosts && sqlite3_column_int64(s, 2) >= t->told[host])
			add_entry(t, s);
	}
	db_done(s);
	if (t->count > 0)
		qsort(t->entries, t->count, sizeof(*t->entries), compare_entries);
}

bool tail_has(struct tail *t, const struct visit *v)
{
	struct entry want = { v->host, v->client, v->time, false };
	if (!t->is_read)
		read_entries(t);
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (compare_entries(&t->entries[mid], &want) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < t->count && compare_entries(&t->entries[low], &want) == 0; low++)
		if (!t->entries[low].is_met)
			return t->entries[low].is_met = true;
	return false;
}
