#include "source/feed/feed_line.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"

/* The widest that a source may leave open; syslog has seconds. */
enum { PRECISION_LONGEST_S = 3600, ENVELOPE_DIGITS = 16 };

static int bad(struct error *e, const char *key, const char *what)
{
	return error_set(e, FMX_EMALFORMED, "%s %s", key, what);
}

/* *ret_text is NULL where the key is absent or null. */
static int get_text(const json_t *o, const char *key, const char **ret_text,
		    struct error *e)
{
	const json_t *v = json_object_get(o, key);
	if (v && !json_is_string(v) && !json_is_null(v))
		return bad(e, key, "must be a text in quotes");
	*ret_text = json_string_value(v);
	return 0;
}

/* As RFC 3339, after 1970; *ret_time is left alone where it is null. */
static int get_time(const json_t *o, const char *key, int64_t *ret_time,
		    int64_t *ret_precision, struct error *e)
{
	const char *text = NULL;
	int64_t t = 0;
	int rc = get_text(o, key, &text, e);
	if (rc < 0 || !text)
		return rc;
	if (!stamp_parse(text, &t, ret_precision) || t <= 0)
		return bad(e, key, "must be a time like \"2026-11-30T10:00:00Z\"");
	*ret_time = t;
	return 0;
}

static int get_host(const json_t *o, struct feed_line *l, struct error *e)
{
	const char *text = NULL;
	int rc = get_text(o, "host", &text, e);
	if (rc < 0)
		return rc;
	if (!text || !*text || !str_copy(l->host, sizeof(l->host), text))
		return bad(e, "host", "must be a host name");
	for (char *c = l->host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return 0;
}

static void set_domain(struct feed_line *l, const char *text)
{
	/* What is too long is cut. */
	size_t len = text ? strnlen(text, VISIT_TEXT_MAX - 1) : 0;
	for (size_t i = 0; i < len; i++)
		l->texts[FEED_DOMAIN][i] = (char)tolower((unsigned char)text[i]);
	l->texts[FEED_DOMAIN][len] = '\0';
}

/* What a line of that kind says besides. */
static int parse_mark_more(const json_t *o, struct feed_line *l, struct error *e)
{
	const char *domain = NULL;
	l->from = l->sent = 0;
	if (l->kind == FEED_GAP)
		return get_time(o, "from", &l->from, NULL, e);
	if (l->kind == FEED_WATERMARK)
		return get_time(o, "sent", &l->sent, NULL, e);
	if (l->kind != FEED_DELIVERED)
		return 0;
	int rc = get_text(o, "domain", &domain, e);
	if (rc == 0 && (!domain || !*domain))
		rc = bad(e, "domain", "must be a domain name");
	if (rc == 0)
		set_domain(l, domain);
	return rc;
}

/* A line of one of the other kinds; 1: it is none. */
static int parse_mark(const json_t *o, struct feed_line *l, struct error *e)
{
	static const struct {
		const char *key;
		enum feed_kind kind;
	} kinds[] = { { "watermark", FEED_WATERMARK },
		      { "outage", FEED_OUTAGE },
		      { "since", FEED_SINCE },
		      { "gap", FEED_GAP },
		      { "delivered", FEED_DELIVERED } };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!json_object_get(o, kinds[i].key))
			continue;
		l->kind = kinds[i].kind;
		l->time = INT64_MIN;
		int rc = get_time(o, kinds[i].key, &l->time, NULL, e);
		if (rc == 0 && l->time == INT64_MIN && l->kind != FEED_SINCE)
			rc = bad(e, kinds[i].key, "must be a time, not null");
		return rc == 0 ? parse_mark_more(o, l, e) : rc;
	}
	return 1;
}

static int parse_client(const json_t *o, struct visit *v, struct error *e)
{
	const char *text = NULL;
	int rc = get_text(o, "address", &text, e);
	if (rc == 0 && (!text || !addr_parse(text, &v->client)))
		rc = bad(e, "address", "must be an IPv4 or IPv6 address");
	return rc;
}

/* Whose host it is, and who saw the visit. */
static int parse_origin(const json_t *o, struct feed_line *l, struct error *e)
{
	const char *role = NULL, *source = NULL;
	int rc = get_text(o, "role", &role, e);
	if (rc == 0)
		rc = get_text(o, "source", &source, e);
	if (rc < 0)
		return rc;
	l->has_role = role != NULL;
	l->source = VISIT_SOURCE_FEED;
	if (role && !role_parse(role, &l->role))
		return bad(e, "role", "must be real, decoy or control");
	if (source && !visit_source_parse(source, &l->source))
		return bad(e, "source", "must be decoy, knock, maillog, policy or feed");
	return 0;
}

static int parse_words(const json_t *o, struct visit *v, struct error *e)
{
	const char *depth = NULL, *outcome = NULL;
	int rc = get_text(o, "depth", &depth, e);
	if (rc == 0)
		rc = get_text(o, "outcome", &outcome, e);
	if (rc < 0)
		return rc;
	if (!depth || !depth_parse(depth, &v->depth))
		return bad(e, "depth",
			   "must be knock, connect, helo, mail, rcpt or data");
	if (outcome && !outcome_parse(outcome, &v->outcome))
		return bad(e, "outcome",
			   "must be accepted, deferred, rejected, aborted or null");
	const json_t *spam = json_object_get(o, "spam");
	if (spam && !json_is_boolean(spam) && !json_is_null(spam))
		return bad(e, "spam", "must be true, false or null");
	v->spam = json_is_true(spam)    ? SPAM_YES
		  : json_is_false(spam) ? SPAM_NO
					: SPAM_UNKNOWN;
	const json_t *unknown = json_object_get(o, "unknown_recipient");
	if (unknown && !json_is_boolean(unknown) && !json_is_null(unknown))
		return bad(e, "unknown_recipient", "must be true or false");
	v->unknown_recipient = json_is_true(unknown);
	return 0;
}

/* *ret_us is left alone where there is none. */
static int get_width(const json_t *o, const char *key, uint32_t *ret_us, struct error *e)
{
	const json_t *n = json_object_get(o, key);
	if (!n || json_is_null(n))
		return 0;
	double seconds = json_number_value(n);
	if (!json_is_number(n) || !(seconds >= 0 && seconds <= PRECISION_LONGEST_S))
		return bad(e, key, "must be a number of seconds, 0 or more");
	*ret_us = (uint32_t)(seconds * (double)STAMP_SECOND + 0.5);
	return 0;
}

static int parse_widths(const json_t *o, struct visit *v, struct error *e)
{
	int rc = get_width(o, "precision_seconds", &v->precision_us, e);
	if (rc == 0)
		rc = get_width(o, "earlier_seconds", &v->earlier_us, e);
	if (rc == 0 && v->precision_us == 0)
		rc = bad(e, "precision_seconds",
			 "must be a number of seconds greater than 0");
	return rc;
}

static bool parse_hash(const char *text, uint64_t *ret_hash)
{
	char *end;
	*ret_hash = strtoull(text, &end, 16);
	return strlen(text) == ENVELOPE_DIGITS && *end == '\0' &&
	       strspn(text, "0123456789abcdef") == ENVELOPE_DIGITS;
}

static int parse_envelopes(const json_t *o, struct visit *v, struct error *e)
{
	const json_t *list = json_object_get(o, "envelopes");
	if (list && !json_is_array(list) && !json_is_null(list))
		return bad(e, "envelopes", "must be a list of hashes");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		uint64_t hash;
		if (json_is_null(one)) /* and more */
			v->envelope_count = VISIT_ENVELOPES_MANY;
		else if (json_is_string(one) && parse_hash(json_string_value(one), &hash))
			visit_add_envelope(v, hash);
		else
			return bad(e, "envelopes",
				   "must hold hashes of 16 hexadecimal digits");
	}
	return 0;
}

static int parse_times(const json_t *o, struct visit *v, struct error *e)
{
	int64_t precision = 1;
	int rc = get_time(o, "time", &v->time, &precision, e);
	if (rc == 0 && v->time == 0)
		rc = bad(e, "time", "must be a time, not null");
	v->precision_us = (uint32_t)precision;
	if (rc == 0)
		rc = parse_widths(o, v, e);
	if (rc == 0)
		rc = get_time(o, "answered", &v->answered, NULL, e);
	if (rc == 0)
		rc = get_time(o, "ended", &v->ended, NULL, e);
	if (rc < 0)
		return rc;
	/* The clock of that machine may have stepped: then it is not known. */
	if (v->answered < v->time)
		v->answered = 0;
	if (v->ended < v->time)
		v->ended = 0;
	return 0;
}

static int parse_texts(const json_t *o, struct feed_line *l, struct error *e)
{
	static const char *const keys[FEED_TEXTS] = { [FEED_HELO] = "helo",
						      [FEED_SENDER] = "sender",
						      [FEED_DOMAIN] = "recipient_domain",
						      [FEED_NAME] = "name" };
	for (size_t i = 0; i < FEED_TEXTS; i++) {
		const char *text = NULL;
		int rc = get_text(o, keys[i], &text, e);
		if (rc < 0)
			return rc;
		/* What is too long is cut. */
		size_t len = text ? strnlen(text, VISIT_TEXT_MAX - 1) : 0;
		memcpy(l->texts[i], text ? text : "", len);
		l->texts[i][len] = '\0';
	}
	set_domain(l, json_string_value(json_object_get(o, keys[FEED_DOMAIN])));
	l->visit.helo = l->texts[FEED_HELO];
	l->visit.mail_from = l->texts[FEED_SENDER];
	l->visit.recipient_domain = l->texts[FEED_DOMAIN];
	l->visit.name = l->texts[FEED_NAME];
	return 0;
}

static int parse_visit(const json_t *o, struct feed_line *l, struct error *e)
{
	l->kind = FEED_VISIT;
	l->visit = (struct visit){ .source = VISIT_SOURCE_FEED, .precision_us = 1 };
	int rc = parse_times(o, &l->visit, e);
	if (rc == 0)
		rc = parse_client(o, &l->visit, e);
	if (rc == 0)
		rc = parse_words(o, &l->visit, e);
	if (rc == 0)
		rc = parse_origin(o, l, e);
	if (rc == 0)
		rc = parse_envelopes(o, &l->visit, e);
	return rc < 0 ? rc : parse_texts(o, l, e);
}

static int parse_object(const json_t *o, struct feed_line *l, struct error *e)
{
	l->has_role = false;
	l->sequence = json_integer_value(json_object_get(o, "sequence"));
	l->missing = json_integer_value(json_object_get(o, "missing"));
	if (!json_is_object(o))
		return error_set(e, FMX_EMALFORMED,
				 "it must be a JSON object in { and }");
	int rc = get_time(o, "stored", &l->stored, NULL, e);
	if (rc == 0)
		rc = get_host(o, l, e);
	if (rc == 0)
		rc = parse_mark(o, l, e);
	return rc == 1 ? parse_visit(o, l, e) : rc;
}

int feed_parse(const char *line, size_t len, struct feed_line *ret_line, struct error *e)
{
	ret_line->sequence = ret_line->missing = ret_line->stored = 0;
	if (len > FEED_LINE_MAX)
		return error_set(e, FMX_EMALFORMED, "it is longer than %d bytes",
				 FEED_LINE_MAX);
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!o)
		return error_set(e, FMX_EMALFORMED, "it cannot be read as JSON");
	int rc = parse_object(o, ret_line, e);
	json_decref(o);
	return rc;
}

const char *feed_printable(const char *text, char *to, size_t size)
{
	size_t n = 0;
	for (; text[n] && n + 1 < size; n++) {
		unsigned char c = (unsigned char)text[n];
		to[n] = (char)(isalnum(c) || strchr("._-", c) ? c : '?');
	}
	to[n] = '\0';
	return to;
}
