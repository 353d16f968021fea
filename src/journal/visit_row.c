#include "journal/visit_row.h"

static const char *text(sqlite3_stmt *s, int column)
{
	const char *t = (const char *)sqlite3_column_text(s, column);
	return t ? t : "";
}

static void read_envelopes(sqlite3_stmt *s, int column, struct visit *v)
{
	const uint8_t *at = sqlite3_column_blob(s, column);
	size_t count = at ? (size_t)sqlite3_column_bytes(s, column) / 8 : 0;
	if (count > VISIT_ENVELOPES) {
		v->envelope_count = VISIT_ENVELOPES_MANY;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t hash = 0;
		for (size_t b = 0; b < 8; b++)
			hash = hash << 8 | at[8 * i + b];
		v->envelopes[v->envelope_count++] = hash;
	}
}

void visit_read(sqlite3_stmt *s, struct ask_visit *ret_visit)
{
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
			   .time = sqlite3_column_int64(s, 2),
			   .answered = sqlite3_column_int64(s, 14),
			   .ended = sqlite3_column_int64(s, 15),
			   .helo = text(s, 16),
			   .mail_from = text(s, 17),
			   .recipient_domain = text(s, 18),
			   .name = text(s, 19) },
	};
	read_envelopes(s, 21, &ret_visit->visit);
}
