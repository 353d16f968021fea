#include "journal/take/reread.h"

#include <stdlib.h>

#include "base/mem.h"

struct given {
	uint16_t host;
	bool is_met;
	struct addr client;
	int64_t time;
};

struct reread {
	struct db *db;
	/* By host: from when on what it gave is to be looked up; INT64_MAX: not now. */
	int64_t since[UINT16_MAX + 1];
	bool has_begun; /* of a host at least */
	struct given *given;
	size_t count, cap;
};

struct reread *reread_new(struct db *db)
{
	struct reread *r = xcalloc(1, sizeof(*r));
	r->db = db;
	for (size_t i = 0; i <= UINT16_MAX; i++)
		r->since[i] = INT64_MAX;
	return r;
}

void reread_free(struct reread *r)
{
	if (!r)
		return;
	free(r->given);
	free(r);
}

void reread_begin(struct reread *r, uint16_t host, int64_t since)
{
	r->since[host] = since;
	r->has_begun = true;
}

static void add(struct reread *r, struct given g, int64_t width)
{
	if (r->since[g.host] == INT64_MAX || g.time + width < r->since[g.host] ||
	    r->count == REREAD_MOST)
		return;
	r->given = xroom(r->given, r->count, &r->cap, sizeof(*r->given));
	r->given[r->count++] = g;
}

static int compare(const void *a, const void *b)
{
	const struct given *x = a, *y = b;
	int order = (x->host > y->host) - (x->host < y->host);
	if (order == 0)
		order = (x->time > y->time) - (x->time < y->time);
	return order ? order : addr_compare(x->client, y->client);
}

/* What is known of those that begin anew is found again. */
static int64_t drop_begun(struct reread *r)
{
	int64_t least = INT64_MAX;
	size_t kept = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->since[r->given[i].host] == INT64_MAX)
			r->given[kept++] = r->given[i];
	r->count = kept;
	for (size_t i = 0; i <= UINT16_MAX; i++)
		least = r->since[i] < least ? r->since[i] : least;
	return least;
}

/* No line arrives before it happened, but for clocks that differ: what was seen long
 * before the least of these moments is of no account. */
static void read_rows(struct reread *r, int64_t least)
{
	sqlite3_stmt *s = db_statement(
	    r->db, "SELECT host, client, time, seen, width FROM visit ORDER BY id DESC");
	while (r->count < REREAD_MOST && db_step(r->db, s, NULL) > 0) {
		if (sqlite3_column_int64(s, 3) < least - REREAD_AHEAD)
			break;
		add(r,
		    (struct given){ .host = (uint16_t)sqlite3_column_int(s, 0),
				    .client = db_addr(s, 1),
				    .time = sqlite3_column_int64(s, 2) },
		    sqlite3_column_int64(s, 4));
	}
	db_done(s);
}

static void look_up(struct reread *r, const struct batch *waiting)
{
	int64_t least = drop_begun(r);
	for (size_t i = waiting->first; i < waiting->count; i++) {
		const struct item *it = &waiting->items[i];
		if (it->kind == LINE_VISIT)
			add(r,
			    (struct given){ .host = it->visit.host,
					    .client = it->visit.client,
					    .time = it->visit.time },
			    it->visit.precision_us);
	}
	read_rows(r, least);
	for (size_t i = 0; i <= UINT16_MAX; i++)
		r->since[i] = INT64_MAX;
	r->has_begun = false;
	if (r->count > 0)
		qsort(r->given, r->count, sizeof(*r->given), compare);
}

bool reread_has(struct reread *r, const struct batch *waiting, const struct visit *v)
{
	const struct given want = { .host = v->host,
				    .client = v->client,
				    .time = v->time };
	if (r->has_begun)
		look_up(r, waiting);
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare(&r->given[mid], &want) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < r->count && compare(&r->given[low], &want) == 0; low++)
		if (!r->given[low].is_met)
			return r->given[low].is_met = true;
	return false;
}
