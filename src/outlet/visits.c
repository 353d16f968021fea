#include "outlet/visits.h"

#include "base/stamp.h"

static void add(struct buf *out, const char *key, const char *text)
{
	buf_addf(out, ", \"%s\": ", key);
	if (text && text[0])
		buf_add_json(out, text);
	else
		buf_adds(out, "null");
}

/* 0 is unknown. */
static void add_time(struct buf *out, const char *key, int64_t time)
{
	char text[STAMP_TEXT_MAX];
	add(out, key, time != 0 ? stamp_text(time, text) : NULL);
}

void visits_object(const struct visit *v, const struct book_host *host, int64_t seen,
		   struct buf *out)
{
	char text[STAMP_TEXT_MAX];
	char address[ADDR_TEXT_MAX];

	buf_addf(out, "{\"time\": \"%s\"", stamp_text(v->time, text));
	add_time(out, "seen", seen);
	add(out, "site", host ? host->site : NULL);
	add(out, "host", host ? host->name : NULL);
	add(out, "role", host ? role_name(host->role) : NULL);
	add(out, "address", addr_text(v->client, address));
	add(out, "depth", depth_name(v->depth));
	add(out, "outcome", outcome_name(v->outcome));
	add(out, "helo", v->helo);
	add(out, "sender", v->mail_from);
	add(out, "recipient_domain", v->recipient_domain);
	add(out, "name", v->name);
	add(out, "source", visit_source_name(v->source));
	buf_addf(out, ", \"precision_seconds\": %u.%06u",
		 v->precision_us / (unsigned)STAMP_SECOND,
		 v->precision_us % (unsigned)STAMP_SECOND);
	add_time(out, "answered", v->answered);
	add_time(out, "ended", v->ended);
	buf_addf(out, ", \"spam\": %s}",
		 v->spam == SPAM_YES  ? "true"
		 : v->spam == SPAM_NO ? "false"
				      : "null");
}

void visits_mark(const char *kind, int64_t time, const char *host, struct buf *out)
{
	char text[STAMP_TEXT_MAX];
	buf_addf(out, "{\"%s\": ", kind);
	if (time == INT64_MIN)
		buf_adds(out, "null");
	else
		buf_addf(out, "\"%s\"", stamp_text(time, text));
	add(out, "host", host);
	buf_adds(out, "}");
}
