#include "outlet/visits.h"

#include <inttypes.h>
#include <stdio.h>

#include "outlet/json.h"

const struct visits_host *visits_host_of(const struct sites *s, uint16_t id,
					 struct visits_host *ret_host)
{
	const struct host_place *p = sites_host(s, id);
	const struct host *h = sites_host_of(s, id);
	const struct site *site = p ? sites_find(s, p->site) : NULL;
	if (!p || !h)
		return NULL;
	*ret_host = (struct visits_host){ .role = p->role,
					  .name = h->name,
					  .site = site ? site->name : "" };
	return ret_host;
}

/* 0 is unknown. */
static json_t *time_or_null(int64_t time)
{
	return time != 0 ? json_stamp(time) : json_null();
}

static json_t *envelopes(const struct visit *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->envelope_count && i < VISIT_ENVELOPES; i++) {
		char text[20];
		(void)snprintf(text, sizeof(text), "%016" PRIx64, v->envelopes[i]);
		json_push(list, json_string(text));
	}
	if (v->envelope_count == VISIT_ENVELOPES_MANY)
		json_push(list, json_null());
	return list;
}

json_t *visits_json(const struct visit *v, const struct visits_host *host, int64_t seen)
{
	json_t *o = json_object();
	json_add(o, "time", json_stamp(v->time));
	json_add(o, "seen", time_or_null(seen));
	json_add(o, "site", json_text_or_null(host ? host->site : NULL));
	json_add(o, "host", json_text_or_null(host ? host->name : NULL));
	json_add(o, "role", json_text_or_null(host ? role_name(host->role) : NULL));
	json_add(o, "address", json_addr(v->client));
	json_add(o, "depth", json_text(depth_name(v->depth)));
	json_add(o, "outcome", json_text_or_null(outcome_name(v->outcome)));
	json_add(o, "helo", json_text_or_null(v->helo));
	json_add(o, "sender", json_text_or_null(v->mail_from));
	json_add(o, "recipient_domain", json_text_or_null(v->recipient_domain));
	json_add(o, "name", json_text_or_null(v->name));
	json_add(o, "source", json_text(visit_source_name(v->source)));
	json_add(o, "precision_seconds", json_seconds(v->precision_us));
	json_add(o, "answered", time_or_null(v->answered));
	json_add(o, "ended", time_or_null(v->ended));
	json_add(o, "spam",
		 v->spam == SPAM_UNKNOWN ? json_null()
					 : json_boolean(v->spam == SPAM_YES));
	json_add(o, "envelopes", envelopes(v));
	json_add(o, "earlier_seconds", json_seconds(v->earlier_us));
	if (v->unknown_recipient)
		json_add(o, "unknown_recipient", json_true());
	return o;
}

void visits_line(const struct visit *v, const struct visits_host *host, int64_t seen,
		 struct buf *out)
{
	json_line(visits_json(v, host, seen), out);
}

static json_t *mark(const char *kind, int64_t time, const char *host)
{
	json_t *o = json_object();
	json_add(o, kind, time != INT64_MIN ? json_stamp(time) : json_null());
	json_add(o, "host", json_text(host));
	return o;
}

void visits_mark(const char *kind, int64_t time, const char *host, struct buf *out)
{
	json_line(mark(kind, time, host), out);
}

void visits_watermark(int64_t time, int64_t sent, const char *host, struct buf *out)
{
	json_t *o = mark("watermark", time, host);
	json_add(o, "sent", json_stamp(sent));
	json_line(o, out);
}

void visits_gap(int64_t from, int64_t to, const char *host, struct buf *out)
{
	json_t *o = mark("gap", to, host);
	json_add(o, "from", from > 0 ? json_stamp(from) : json_null());
	json_line(o, out);
}

void visits_delivered(const char *domain, int64_t time, const char *host, struct buf *out)
{
	json_t *o = mark("delivered", time, host);
	json_add(o, "domain", json_text(domain));
	json_line(o, out);
}
