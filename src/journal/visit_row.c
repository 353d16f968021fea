#include "journal/visit_row.h"

static void read_envelopes(sqlite3_stmt *s, int column, struct visit *v)
{
	size_t count = db_read_hashes(s, column, v->envelopes, VISIT_ENVELOPES);
	v->envelope_count = (uint8_t)count;
}

/* What is known of it is kept as microseconds after `time`. */
static int64_t moment(sqlite3_stmt *s, int column, int64_t time)
{
	int64_t after = db_moment(s, column);
	return after == MOMENT_NONE ? 0 : time + after;
}

static int64_t after(int64_t t, int64_t time)
{
	return t == 0 ? MOMENT_NONE : t - time;
}

void visit_read(sqlite3_stmt *s, struct ask_visit *ret_visit)
{
	int64_t time = sqlite3_column_int64(s, 2);
	*ret_visit = (struct ask_visit){
		.id = sqlite3_column_int64(s, 0),
		.seen = sqlite3_column_int64(s, 1),
		.group = (uint16_t)sqlite3_column_int(s, 5),
		.role = (enum role)sqlite3_column_int(s, 7),
		.is_late = sqlite3_column_int(s, 10) != 0,
		.names_ours = sqlite3_column_int(s, 11) != 0,
		.visit = { .client = db_addr(s, 4),
			   .host = (uint16_t)sqlite3_column_int(s, 6),
			   .depth = (enum depth)sqlite3_column_int(s, 8),
			   .outcome = (enum outcome)sqlite3_column_int(s, 9),
			   .source = (enum visit_source)sqlite3_column_int(s, 20),
			   .spam = (enum spam)sqlite3_column_int(s, 12),
			   .precision_us = (uint32_t)sqlite3_column_int64(s, 3),
			   .earlier_us = (uint32_t)sqlite3_column_int64(s, 13),
			   .time = time,
			   .answered = moment(s, 14, time),
			   .ended = moment(s, 15, time),
			   .helo = db_text(s, 16),
			   .mail_from = db_text(s, 17),
			   .recipient_domain = db_text(s, 18),
			   .name = db_text(s, 19) },
	};
	read_envelopes(s, 21, &ret_visit->visit);
}

/* What is absent is NULL. */
static int64_t known(int64_t number)
{
	return number ? number : MOMENT_NONE;
}

static const char *some(const char *text)
{
	return text && text[0] ? text : NULL;
}

static void bind_envelopes(sqlite3_stmt *s, int at, const struct visit *v)
{
	static const uint64_t many[VISIT_ENVELOPES_MANY];
	bool is_many = v->envelope_count > VISIT_ENVELOPES;
	db_bind_hashes(s, at, is_many ? many : v->envelopes, v->envelope_count);
}

int visit_write(struct db *db, const struct visit *v, const struct run_where *w,
		int64_t seen, struct error *e)
{
	sqlite3_stmt *s = db_query(
	    db,
	    "INSERT INTO visit(id, seen, time, width, client, grp, host, role, depth, "
	    "outcome, late, ours, spam, earlier, answered, ended, helo, mail_from, "
	    "domain, name, source, envelopes) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
	    "?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)",
	    DB(w->id), DB(seen), DB(v->time), DB(v->precision_us), DB(v->client),
	    DB(w->group), DB(v->host), DB(w->role), DB(v->depth),
	    DB_MOMENT(known(v->outcome)), DB(w->is_late), DB(w->names_ours),
	    DB_MOMENT(known(v->spam)), DB_MOMENT(known(v->earlier_us)),
	    DB_MOMENT(after(v->answered, v->time)), DB_MOMENT(after(v->ended, v->time)),
	    DB(some(v->helo)), DB(some(v->mail_from)), DB(some(v->recipient_domain)),
	    DB(some(v->name)), DB(v->source));
	bind_envelopes(s, 22, v);
	return db_run(db, s, e);
}
