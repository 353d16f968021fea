#include "journal/take/budget.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "journal/take/take.h"

enum { ROWS = 2, COUNTERS = 65536 };

struct decoy {
	uint16_t host;
	int64_t day;
	int64_t visits;
};

struct budget {
	struct db *db;
	struct decoy *decoys;
	size_t count;
	int64_t day; /* of the clients' counters */
	uint16_t clients[ROWS][COUNTERS];
};

struct budget *budget_new(struct db *db)
{
	struct budget *b = xcalloc(1, sizeof(*b));
	b->db = db;
	return b;
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	free(b->decoys);
	free(b);
}

/* What the day has seen before a restart. */
static int64_t kept_since(struct budget *b, uint16_t host, int64_t day)
{
	sqlite3_stmt *s =
	    db_query(b->db, "SELECT sum(visits) FROM slot WHERE host = ?1 AND five >= ?2",
		     DB(host), DB(day));
	int64_t visits = db_step(b->db, s, NULL) > 0 ? sqlite3_column_int64(s, 0) : 0;
	db_done(s);
	return visits;
}

static struct decoy *find_decoy(struct budget *b, uint16_t host, int64_t day)
{
	size_t at = 0;
	while (at < b->count && b->decoys[at].host != host)
		at++;
	if (at == b->count) {
		b->decoys = xrealloc(b->decoys, ++b->count, sizeof(*b->decoys));
		b->decoys[at] = (struct decoy){ host, day, kept_since(b, host, day) };
	} else if (day > b->decoys[at].day) {
		b->decoys[at] = (struct decoy){ host, day, 0 };
	}
	return &b->decoys[at];
}

static unsigned count_client(struct budget *b, uint16_t host, struct addr client)
{
	struct {
		struct addr client;
		uint8_t host[2];
	} key = { client, { (uint8_t)host, (uint8_t)(host >> 8) } };
	uint64_t hash = hash_bytes(&key, sizeof(key));
	unsigned least = UINT16_MAX;
	for (size_t i = 0; i < ROWS; i++) {
		uint16_t *n = &b->clients[i][(hash >> (32 * i)) % COUNTERS];
		*n = *n < UINT16_MAX ? (uint16_t)(*n + 1) : UINT16_MAX;
		least = *n < least ? *n : least;
	}
	return least;
}

/* Who has an IPv6 address has a /64 of them, which has a budget, too. */
static bool is_client_over(struct budget *b, uint16_t host, struct addr client)
{
	if (count_client(b, host, client) > TAKE_CLIENT_BUDGET)
		return true;
	return !addr_is_v4(client) &&
	       count_client(b, host, prefix_of(client, 64).addr) > TAKE_PREFIX_BUDGET;
}

bool budget_take(struct budget *b, uint16_t host, struct addr client, bool is_knock,
		 int64_t day)
{
	if (day > b->day) {
		memset(b->clients, 0, sizeof(b->clients));
		b->day = day;
	}
	struct decoy *d = find_decoy(b, host, day);
	int64_t most = is_knock ? TAKE_KNOCK_BUDGET : TAKE_DECOY_BUDGET;
	if (d->visits >= most || is_client_over(b, host, client))
		return false;
	d->visits++;
	return true;
}
