#include "old/row.h"

#include <assert.h>
#include <string.h>

/* The places of ROW_COLUMNS; parameters of ROW_INSERT count from 1. */
enum column {
	COLUMN_SEQ,
	COLUMN_KIND,
	COLUMN_SEEN,
	COLUMN_TIME,
	COLUMN_SITE,
	COLUMN_HOST,
	COLUMN_CLIENT,
	COLUMN_DEPTH,
	COLUMN_OUTCOME,
	COLUMN_SOURCE,
	COLUMN_FLAGS,
	COLUMN_PRECISION,
	COLUMN_ANSWERED,
	COLUMN_ENDED,
	COLUMN_HELO,
	COLUMN_MAIL_FROM,
	COLUMN_DOMAIN,
	COLUMN_NAME,
	COLUMN_TEXT,
	COLUMN_NOTE,
};

/* Stored: never change one. */
enum {
	FLAG_OK = 1,
	FLAG_SPAM = 2,
	FLAG_CONFIRMED = 4,
	FLAG_GENERIC = 8,
	FLAG_SPF = 16,
};

enum { V4_AT = 12, V4_LENGTH = 4, V6_LENGTH = 16 };

/*
 * Binding fails only for a wrong index (our bug) or a text above SQLite's
 * limit of 1 GB, which the batch's own limit is far below.
 */
static void bind_number(sqlite3_stmt *s, enum column c, int64_t value)
{
	int rc = sqlite3_bind_int64(s, (int)c + 1, value);
	assert(rc == SQLITE_OK);
	(void)rc;
}

static void bind_text(sqlite3_stmt *s, enum column c, const char *text)
{
	if (text[0] == '\0')
		return;
	int rc = sqlite3_bind_text(s, (int)c + 1, text, -1, SQLITE_STATIC);
	assert(rc == SQLITE_OK);
	(void)rc;
}

static void bind_addr(sqlite3_stmt *s, const struct addr *a)
{
	bool is_v4 = addr_is_v4(*a);
	int rc = sqlite3_bind_blob(s, COLUMN_CLIENT + 1, a->bytes + (is_v4 ? V4_AT : 0),
				   is_v4 ? V4_LENGTH : V6_LENGTH, SQLITE_STATIC);
	assert(rc == SQLITE_OK);
	(void)rc;
}

static void bind_visit(sqlite3_stmt *s, const struct visit *v)
{
	bind_number(s, COLUMN_SITE, v->site);
	bind_number(s, COLUMN_HOST, v->host);
	bind_addr(s, &v->client);
	bind_number(s, COLUMN_DEPTH, v->depth);
	if (v->outcome != OUTCOME_NONE)
		bind_number(s, COLUMN_OUTCOME, v->outcome);
	bind_number(s, COLUMN_SOURCE, v->source);
	if (v->spam == SPAM_YES)
		bind_number(s, COLUMN_FLAGS, FLAG_SPAM);
	bind_number(s, COLUMN_PRECISION, v->precision_us);
	if (v->answered != 0)
		bind_number(s, COLUMN_ANSWERED, v->answered - v->time);
	if (v->ended != 0)
		bind_number(s, COLUMN_ENDED, v->ended - v->time);
	bind_text(s, COLUMN_HELO, v->helo);
	bind_text(s, COLUMN_MAIL_FROM, v->mail_from);
	bind_text(s, COLUMN_DOMAIN, v->recipient_domain);
	bind_text(s, COLUMN_NAME, v->name);
}

static void bind_name(sqlite3_stmt *s, const struct record_name *n)
{
	int flags = (n->is_confirmed ? FLAG_CONFIRMED : 0) |
		    (n->is_generic ? FLAG_GENERIC : 0) | (n->spf_passes ? FLAG_SPF : 0);

	bind_addr(s, &n->client);
	bind_number(s, COLUMN_FLAGS, flags);
	bind_text(s, COLUMN_NAME, n->name);
	bind_text(s, COLUMN_DOMAIN, n->domain);
}

void row_bind(sqlite3_stmt *s, const struct record *r, uint64_t seq, int64_t seen)
{
	(void)sqlite3_clear_bindings(s); /* always SQLITE_OK */
	bind_number(s, COLUMN_SEQ, (int64_t)seq);
	bind_number(s, COLUMN_KIND, r->kind);
	bind_number(s, COLUMN_SEEN, seen);
	bind_number(s, COLUMN_TIME, r->time);
	if (r->kind == RECORD_VISIT) {
		bind_visit(s, &r->visit);
	} else if (r->kind == RECORD_NAME) {
		bind_name(s, &r->name);
	} else {
		bind_number(s, COLUMN_SITE, r->site);
		bind_number(s, COLUMN_HOST, r->host);
		bind_number(s, COLUMN_FLAGS, r->is_ok ? FLAG_OK : 0);
		bind_text(s, COLUMN_TEXT, r->text);
		bind_text(s, COLUMN_NOTE, r->note);
	}
}

/* Out of range becomes the sticky *is_bad, asked once per row. */
static int64_t number(sqlite3_stmt *s, enum column c, int64_t least, int64_t most,
		      bool *is_bad)
{
	int64_t value = sqlite3_column_int64(s, c);
	if (value < least || value > most) {
		*is_bad = true;
		return least;
	}
	return value;
}

static const char *text_of(sqlite3_stmt *s, enum column c)
{
	const char *text = (const char *)sqlite3_column_text(s, c);
	return text ? text : "";
}

static struct addr addr_of(sqlite3_stmt *s, bool *is_bad)
{
	struct addr a = { .bytes = { [10] = 0xff, [11] = 0xff } };
	const void *bytes = sqlite3_column_blob(s, COLUMN_CLIENT);
	int len = sqlite3_column_bytes(s, COLUMN_CLIENT);

	if (len == V4_LENGTH)
		memcpy(a.bytes + V4_AT, bytes, V4_LENGTH);
	else if (len == V6_LENGTH)
		memcpy(a.bytes, bytes, V6_LENGTH);
	else
		*is_bad = true;
	return a;
}

/* A moment kept as its distance from the beginning; NULL is unknown. */
static int64_t moment(sqlite3_stmt *s, enum column c, int64_t began)
{
	if (sqlite3_column_type(s, c) == SQLITE_NULL)
		return 0;
	return (int64_t)((uint64_t)began + (uint64_t)sqlite3_column_int64(s, c));
}

static void read_visit(sqlite3_stmt *s, int64_t time, struct visit *v, bool *is_bad)
{
	v->time = time;
	v->client = addr_of(s, is_bad);
	v->site = (uint16_t)number(s, COLUMN_SITE, 0, UINT16_MAX, is_bad);
	v->host = (uint16_t)number(s, COLUMN_HOST, 0, UINT16_MAX, is_bad);
	v->depth = (enum depth)number(s, COLUMN_DEPTH, DEPTH_KNOCK, DEPTH_DATA, is_bad);
	v->outcome = (enum outcome)number(s, COLUMN_OUTCOME, OUTCOME_NONE,
					  OUTCOME_ABORTED, is_bad);
	v->source = (enum visit_source)number(s, COLUMN_SOURCE, VISIT_SOURCE_DECOY,
					      VISIT_SOURCE_FEED, is_bad);
	v->spam = (sqlite3_column_int64(s, COLUMN_FLAGS) & FLAG_SPAM) != 0 ? SPAM_YES
									   : SPAM_UNKNOWN;
	v->precision_us = (uint32_t)number(s, COLUMN_PRECISION, 1, UINT32_MAX, is_bad);
	v->answered = moment(s, COLUMN_ANSWERED, time);
	v->ended = moment(s, COLUMN_ENDED, time);
	v->helo = text_of(s, COLUMN_HELO);
	v->mail_from = text_of(s, COLUMN_MAIL_FROM);
	v->recipient_domain = text_of(s, COLUMN_DOMAIN);
	v->name = text_of(s, COLUMN_NAME);
}

static void read_name(sqlite3_stmt *s, struct record_name *n, bool *is_bad)
{
	int64_t flags = sqlite3_column_int64(s, COLUMN_FLAGS);

	n->client = addr_of(s, is_bad);
	n->is_confirmed = (flags & FLAG_CONFIRMED) != 0;
	n->is_generic = (flags & FLAG_GENERIC) != 0;
	n->spf_passes = (flags & FLAG_SPF) != 0;
	n->name = text_of(s, COLUMN_NAME);
	n->domain = text_of(s, COLUMN_DOMAIN);
}

/* Texts are never NULL, also those that the kind does not use. */
static const struct record blank = {
	.text = "",
	.note = "",
	.visit = { .precision_us = 1,
		   .helo = "",
		   .mail_from = "",
		   .recipient_domain = "",
		   .name = "" },
	.name = { .name = "", .domain = "" },
};

bool row_read(sqlite3_stmt *s, struct record *r)
{
	bool is_bad = false;

	*r = blank;
	r->seq = (uint64_t)number(s, COLUMN_SEQ, 1, INT64_MAX, &is_bad);
	r->kind = (enum record_kind)number(s, COLUMN_KIND, RECORD_START, RECORD_UNSITE,
					   &is_bad);
	r->seen = sqlite3_column_int64(s, COLUMN_SEEN);
	r->time = sqlite3_column_int64(s, COLUMN_TIME);
	if (r->kind == RECORD_VISIT) {
		read_visit(s, r->time, &r->visit, &is_bad);
	} else if (r->kind == RECORD_NAME) {
		read_name(s, &r->name, &is_bad);
	} else {
		r->site = (uint16_t)number(s, COLUMN_SITE, 0, UINT16_MAX, &is_bad);
		r->host = (uint16_t)number(s, COLUMN_HOST, 0, UINT16_MAX, &is_bad);
		r->is_ok = (sqlite3_column_int64(s, COLUMN_FLAGS) & FLAG_OK) != 0;
		r->text = text_of(s, COLUMN_TEXT);
		r->note = text_of(s, COLUMN_NOTE);
	}
	return !is_bad;
}
