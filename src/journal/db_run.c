/*
 * A row of `run`. What is absent takes no byte but its type; moments are differences
 * from `began`; lists of visit numbers are differences, seven bits a byte.
 */
#include <assert.h>
#include <string.h>

#include "journal/db.h"
#include "judge/rule.h"

/* The order of DB_RUN_COLUMNS. */
enum {
	KIND,
	GRP,
	CLIENT,
	BEGAN,
	WIDTH,
	EARLIER,
	ANSWERED,
	LAST,
	HIGH,
	HIGH_WIDTH,
	LOW,
	LOW_WIDTH,
	ACCEPTED,
	CLEAN,
	UNJUDGED,
	RCPT_HOURS,
	ENVELOPES,
	HALF_HOURS,
	HOSTS,
	VISITS,
	DEPTH,
	IDS,
	TOLD,
	DELAY,
	DELAY_ERROR,
	MISSING,
	STOPPED_AT,
	CORRECTED_AT,
	NEED,
	WOKEN,
};

enum { ID_BYTES = 10, IDS_BYTES = 2 + 2 * RUN_IDS * ID_BYTES };
enum { SAME_IDS = 0x80 }; /* the greatest are the smallest, too */

/* ---- visit numbers ---- */

static size_t put_number(uint8_t *at, uint64_t n)
{
	size_t len = 0;
	for (; n >= 0x80; n >>= 7)
		at[len++] = (uint8_t)(n | 0x80);
	at[len++] = (uint8_t)n;
	return len;
}

static size_t put_ids(uint8_t *at, const int64_t *ids, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += put_number(at + len, (uint64_t)(ids[i] - (i ? ids[i - 1] : 0)));
	return len;
}

static size_t pack_ids(const struct run *r, uint8_t bytes[IDS_BYTES])
{
	size_t first = r->id_count[0], last = r->id_count[1];
	bool is_same = first == last && memcmp(r->first_ids, r->last_ids,
					       first * sizeof(r->first_ids[0])) == 0;
	bytes[0] = (uint8_t)(first | (is_same ? SAME_IDS : 0));
	size_t len = 1 + put_ids(bytes + 1, r->first_ids, first);
	if (is_same)
		return len;
	bytes[len++] = (uint8_t)last;
	return len + put_ids(bytes + len, r->last_ids, last);
}

/* Reads count numbers; at most RUN_IDS are wanted: what is not ours reads as fewer. */
static const uint8_t *get_ids(const uint8_t *at, const uint8_t *end, size_t count,
			      int64_t ids[RUN_IDS], uint8_t *ret_count)
{
	uint64_t id = 0;
	*ret_count = 0;
	for (size_t i = 0; i < count && i < RUN_IDS && at < end; i++) {
		uint64_t n = 0;
		for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
			n |= (uint64_t)(*at & 0x7f) << shift;
			if (!(*at++ & 0x80))
				break;
		}
		id += n;
		ids[(*ret_count)++] = (int64_t)id;
	}
	return at;
}

static void unpack_ids(sqlite3_stmt *s, struct run *r)
{
	const uint8_t *at = sqlite3_column_blob(s, IDS);
	const uint8_t *end = at ? at + sqlite3_column_bytes(s, IDS) : NULL;
	if (!at)
		return;
	uint8_t head = *at++;
	at = get_ids(at, end, head & 0x7f, r->first_ids, &r->id_count[0]);
	if (head & SAME_IDS) {
		memcpy(r->last_ids, r->first_ids, sizeof(r->last_ids));
		r->id_count[1] = r->id_count[0];
	} else if (at < end) {
		size_t count = *at++;
		(void)get_ids(at, end, count, r->last_ids, &r->id_count[1]);
	}
}

/* ---- envelopes ---- */

void db_bind_hashes(sqlite3_stmt *s, int at, const uint64_t *hashes, size_t count)
{
	uint8_t bytes[8 * RUN_ENVELOPES];
	assert(count <= RUN_ENVELOPES);
	for (size_t i = 0; i < 8 * count; i++)
		bytes[i] = (uint8_t)(hashes[i / 8] >> (56 - 8 * (i % 8)));
	if (count > 0)
		(void)sqlite3_bind_blob(s, at, bytes, (int)(8 * count), SQLITE_TRANSIENT);
}

size_t db_read_hashes(sqlite3_stmt *s, int column, uint64_t *ret_hashes, size_t most)
{
	const uint8_t *at = sqlite3_column_blob(s, column);
	size_t count = at ? (size_t)sqlite3_column_bytes(s, column) / 8 : 0;
	for (size_t i = 0; i < count && i < most; i++) {
		ret_hashes[i] = 0;
		for (size_t b = 0; b < 8; b++)
			ret_hashes[i] = ret_hashes[i] << 8 | at[8 * i + b];
	}
	return count;
}

/* ---- what was told ---- */

static int64_t pack_told(const struct told *t)
{
	return t->order | t->fate << 4 | t->tier << 8 | (t->is_told ? DB_TOLD_TOLD : 0) |
	       (t->is_final ? DB_TOLD_FINAL : 0) | (t->is_sealed ? DB_TOLD_SEALED : 0) |
	       (t->returned_later ? DB_TOLD_RETURNED : 0) |
	       (t->order_excused ? DB_TOLD_ORDER_EXCUSED : 0) |
	       (t->fate_excused ? DB_TOLD_FATE_EXCUSED : 0) |
	       (int64_t)t->order_reason << 24 | (int64_t)t->fate_reason << 32;
}

static struct told unpack_told(sqlite3_stmt *s)
{
	int64_t bits = sqlite3_column_int64(s, TOLD);
	int64_t delay = db_moment(s, DELAY);
	return (struct told){
		.order = bits & 15,
		.fate = bits >> 4 & 15,
		.tier = bits >> 8 & 15,
		.order_reason = (uint8_t)(bits >> 24),
		.fate_reason = (uint8_t)(bits >> 32),
		.is_told = bits & DB_TOLD_TOLD,
		.is_final = bits & DB_TOLD_FINAL,
		.is_sealed = bits & DB_TOLD_SEALED,
		.returned_later = bits & DB_TOLD_RETURNED,
		.order_excused = bits & DB_TOLD_ORDER_EXCUSED,
		.fate_excused = bits & DB_TOLD_FATE_EXCUSED,
		.delay_us = delay == MOMENT_NONE ? -1 : delay,
		.delay_error_us = sqlite3_column_int64(s, DELAY_ERROR),
		.missing = (uint64_t)sqlite3_column_int64(s, MISSING),
		.stopped_at = sqlite3_column_int64(s, STOPPED_AT),
		.corrected_at = sqlite3_column_int64(s, CORRECTED_AT),
		.need = db_moment(s, NEED),
		.is_woken = sqlite3_column_int(s, WOKEN),
	};
}

/* ---- rows ---- */

/* Half hours are counted from that of `began`: most runs have one. */
static unsigned half_hour_of(int64_t began)
{
	return (unsigned)(began % STAMP_DAY / (30 * STAMP_MINUTE));
}

static int64_t after(sqlite3_stmt *s, int column, int64_t began)
{
	int64_t t = db_moment(s, column);
	return t == MOMENT_NONE ? t : began + t;
}

void db_read_run(sqlite3_stmt *s, struct run *ret_run)
{
	int64_t began = sqlite3_column_int64(s, BEGAN);
	int64_t answered = after(s, ANSWERED, began);
	*ret_run = (struct run){
		.kind = (enum run_kind)sqlite3_column_int(s, KIND),
		.group = (uint16_t)sqlite3_column_int(s, GRP),
		.client = db_addr(s, CLIENT),
		.began = began,
		.width = (uint32_t)sqlite3_column_int64(s, WIDTH),
		.earlier = (uint32_t)sqlite3_column_int64(s, EARLIER),
		.answered = answered == MOMENT_NONE ? 0 : answered,
		.last = after(s, LAST, began),
		.high = after(s, HIGH, began),
		.high_width = (uint32_t)sqlite3_column_int64(s, HIGH_WIDTH),
		.low = after(s, LOW, began),
		.low_width = (uint32_t)sqlite3_column_int64(s, LOW_WIDTH),
		.accepted = after(s, ACCEPTED, began),
		.clean = after(s, CLEAN, began),
		.unjudged = after(s, UNJUDGED, began),
		.rcpt_hours = (uint32_t)sqlite3_column_int64(s, RCPT_HOURS),
		.half_hours = (uint64_t)sqlite3_column_int64(s, HALF_HOURS)
			      << half_hour_of(began),
		.hosts = (uint64_t)sqlite3_column_int64(s, HOSTS),
		.visits = (uint32_t)sqlite3_column_int64(s, VISITS),
		.depth = (enum depth)sqlite3_column_int(s, DEPTH),
	};
	size_t count = db_read_hashes(s, ENVELOPES, ret_run->envelopes, RUN_ENVELOPES);
	ret_run->envelope_count =
	    (uint8_t)(count < RUN_ENVELOPES ? count : RUN_ENVELOPES);
	unpack_ids(s, ret_run);
	ret_run->told = TOLD_NONE;
	if (ret_run->kind == RUN_DECOY)
		ret_run->told = unpack_told(s);
}

static void bind_key(sqlite3_stmt *s, const struct run *r)
{
	(void)sqlite3_bind_int(s, 1 + KIND, (int)r->kind);
	(void)sqlite3_bind_int(s, 1 + GRP, r->group);
	db_bind_addr(s, 1 + CLIENT, r->client);
	(void)sqlite3_bind_int64(s, 1 + BEGAN, r->began);
}

/* none: the value that is kept as NULL. */
static void bind_some(sqlite3_stmt *s, int column, int64_t value, int64_t none)
{
	db_bind_moment(s, 1 + column, value == none ? MOMENT_NONE : value);
}

static void bind_after(sqlite3_stmt *s, int column, int64_t t, int64_t began)
{
	db_bind_moment(s, 1 + column, t == MOMENT_NONE ? t : t - began);
}

static void bind_facts(sqlite3_stmt *s, const struct run *r)
{
	uint8_t ids[IDS_BYTES];
	bind_some(s, WIDTH, r->width, 0);
	bind_some(s, EARLIER, r->earlier, 0);
	bind_after(s, ANSWERED, r->answered ? r->answered : MOMENT_NONE, r->began);
	bind_after(s, LAST, r->last, r->began);
	bind_after(s, HIGH, r->high, r->began);
	bind_some(s, HIGH_WIDTH, r->high_width, 0);
	bind_after(s, LOW, r->low, r->began);
	bind_some(s, LOW_WIDTH, r->low_width, 0);
	bind_after(s, ACCEPTED, r->accepted, r->began);
	bind_after(s, CLEAN, r->clean, r->began);
	bind_after(s, UNJUDGED, r->unjudged, r->began);
	(void)sqlite3_bind_int64(s, 1 + RCPT_HOURS, r->rcpt_hours);
	db_bind_hashes(s, 1 + ENVELOPES, r->envelopes, r->envelope_count);
	(void)sqlite3_bind_int64(s, 1 + HALF_HOURS,
				 (int64_t)(r->half_hours >> half_hour_of(r->began)));
	(void)sqlite3_bind_int64(s, 1 + HOSTS, (int64_t)r->hosts);
	(void)sqlite3_bind_int64(s, 1 + VISITS, r->visits);
	(void)sqlite3_bind_int(s, 1 + DEPTH, (int)r->depth);
	if (r->id_count[0])
		(void)sqlite3_bind_blob(s, 1 + IDS, ids, (int)pack_ids(r, ids),
					SQLITE_TRANSIENT);
}

static void bind_told(sqlite3_stmt *s, const struct told *t)
{
	bind_some(s, TOLD, pack_told(t), 0);
	bind_some(s, DELAY, t->is_told ? t->delay_us : -1, -1);
	bind_some(s, DELAY_ERROR, t->delay_error_us, 0);
	bind_some(s, MISSING, (int64_t)t->missing, 0);
	bind_some(s, STOPPED_AT, t->stopped_at, 0);
	bind_some(s, CORRECTED_AT, t->corrected_at, 0);
	db_bind_moment(s, 1 + NEED, t->need);
}

int db_write_run(struct db *db, const struct run *r, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    db, "REPLACE INTO run(" DB_RUN_STORED ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,"
		"?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,"
		"?27,?28,?29)");
	bind_key(s, r);
	bind_facts(s, r);
	if (r->kind == RUN_DECOY)
		bind_told(s, &r->told);
	return db_run(db, s, e);
}

#define OF_RUN " WHERE kind = ?1 AND grp = ?2 AND client = ?3 AND began = ?4"

int db_write_facts(struct db *db, const struct run *r, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    db, "UPDATE run SET width = ?5, earlier = ?6, answered = ?7, last = ?8, "
		"high = ?9, high_width = ?10, low = ?11, low_width = ?12, "
		"accepted = ?13, clean = ?14, unjudged = ?15, rcpt_hours = ?16, "
		"envelopes = ?17, half_hours = ?18, hosts = ?19, visits = ?20, "
		"depth = ?21, ids = ?22" OF_RUN);
	bind_key(s, r);
	bind_facts(s, r);
	return db_run(db, s, e);
}

#define SET_TOLD                                                                         \
	"UPDATE run SET told = ?23, delay = ?24, delay_error = ?25, missing = ?26, "     \
	"stopped_at = ?27, corrected_at = ?28"

/* The indices have need. */
int db_write_told(struct db *db, const struct run *r, bool is_need_new, struct error *e)
{
	sqlite3_stmt *s = is_need_new ? db_statement(db, SET_TOLD ", need = ?29" OF_RUN)
				      : db_statement(db, SET_TOLD OF_RUN);
	bind_key(s, r);
	bind_told(s, &r->told);
	return db_run(db, s, e);
}

/* OF_RUN's */
#define KEY(r) DB((r)->kind), DB((r)->group), DB((r)->client), DB((r)->began)

int db_delete_run(struct db *db, const struct run *r, struct error *e)
{
	return db_change(db, e, "DELETE FROM run" OF_RUN, KEY(r));
}

int db_rest(struct db *db, const struct run *r, struct error *e)
{
	return db_change(
	    db, e, "DELETE FROM woken WHERE grp = ?2 AND client = ?3 AND began = ?4",
	    KEY(r));
}
