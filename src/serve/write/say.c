#include "serve/write/say.h"

#include "base/stamp.h"

static void add_time(struct buf *out, const char *key, int64_t t)
{
	char text[STAMP_TEXT_MAX];
	buf_addf(out, " %s=%s", key, stamp_text(t, text));
}

static void add_flag(struct buf *out, const char *key, bool is_set)
{
	buf_addf(out, " %s=%s", key, is_set ? "yes" : "no");
}

static void add_seconds(struct buf *out, const char *key, int64_t us)
{
	buf_addf(out, " %s=%lld.%06d", key, (long long)(us / STAMP_SECOND),
		 (int)(us % STAMP_SECOND));
}

static void add_what(struct buf *out, const char *event, struct addr client,
		     const char *site_name)
{
	char address[ADDR_TEXT_MAX];
	buf_addf(out, "%s address=%s site=%s", event, addr_text(client, address),
		 site_name);
}

void say_verdict(const struct verdict *v, const struct told *before,
		 const char *site_name, struct buf *out)
{
	add_what(out, "verdict", v->client, site_name);
	buf_addf(out, " order=%s fate=%s reason=\"%s\" fate_reason=\"%s\"",
		 order_name(v->order), fate_name(v->fate), reason_text(v->order_reason),
		 reason_text(v->fate_reason));
	add_time(out, "began", v->began);
	add_flag(out, "final", v->is_final);
	add_flag(out, "revised", verdict_corrects(before, v));
	add_flag(out, "returned_later", v->returned_later);
	add_flag(out, "message_missing", v->missing != 0);
	buf_addf(out, " tier=%s", tier_name(v->tier));
	if (v->delay_us >= 0) {
		add_seconds(out, "delay", v->delay_us);
		add_seconds(out, "delay_error", v->delay_error_us);
	}
}

void say_listing(const struct listing *l, const char *site_name, struct buf *out)
{
	add_what(out, "listing", l->client, site_name);
	add_flag(out, "listed", l->is_listed);
	buf_addf(out, " visits=%u reason=\"%s\"", l->counted_visits,
		 reason_text(l->reason));
	add_time(out, "at", l->at);
	if (l->is_listed)
		add_time(out, "until", l->until);
}

bool say_is_news(const struct verdict *v, const struct told *before)
{
	return v->order != ORDER_UNKNOWN || v->fate == FATE_REACHED ||
	       v->fate == FATE_STOPPED || v->missing || verdict_corrects(before, v);
}
