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

void visits_object(const struct visit *v, const struct book_host *host, int64_t seen,
		   struct buf *out)
{
	char text[STAMP_TEXT_MAX];
	char address[ADDR_TEXT_MAX];

	buf_addf(out, "{\"time\": \"%s\"", stamp_text(v->time, text));
	add(out, "seen", seen != 0 ? stamp_text(seen, text) : NULL);
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
	buf_adds(out, "}");
}

void visits_watermark(int64_t upto, const char *host, struct buf *out)
{
	char text[STAMP_TEXT_MAX];
	buf_addf(out, "{\"watermark\": \"%s\"", stamp_text(upto, text));
	add(out, "host", host);
	buf_adds(out, "}");
}
