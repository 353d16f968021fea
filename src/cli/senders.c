#include "cli/senders.h"

#include <string.h>

#include "cli/cli.h"
#include "outlet/json.h"

static size_t profiles_shown(const struct senders *s)
{
	return s->with_bots ? PROFILE_COUNT : PROFILE_SENDERS;
}

static enum state tried_state(const struct senders *s, struct predict_tried t)
{
	return s->hosts[t.host].addresses[t.address].state;
}

static json_t *tried_json(const struct senders *s, struct predict_tried t)
{
	json_t *o = json_object();
	json_add(o, "preference", json_integer(s->hosts[t.host].preference));
	json_add(o, "host", json_text(s->labels[t.host].host));
	json_add(o, "address", json_text(s->labels[t.host].addresses[t.address]));
	json_add(o, "state", json_text(state_name(tried_state(s, t))));
	return o;
}

static json_t *sender_json(const struct senders *s, const struct profile *p)
{
	struct prediction r;
	json_t *o = json_object(), *tried = json_array();
	predict(&r, p, s->hosts, s->hosts_len);
	for (size_t t = 0; t < r.tried_len; t++)
		json_push(tried, tried_json(s, r.tried[t]));
	json_add(o, "sender", json_text(p->name));
	json_add(o, "outcome", json_text(predict_outcome_name(r.outcome)));
	json_add(o, "delay_seconds",
		 r.delay_seconds < 0 ? json_null() : json_real(r.delay_seconds));
	json_add(o, "tried", tried);
	json_add(o, "note", json_text(r.note));
	return o;
}

json_t *senders_json(const struct senders *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < profiles_shown(s); i++)
		json_push(list, sender_json(s, &profile_table[i]));
	return list;
}

/* Long walks are cut: the sentence beside them says what matters. */
static void tried_text(struct buf *b, const struct senders *s, const struct prediction *r)
{
	enum { SHOWN_MOST = 6 };

	for (size_t t = 0; t < r->tried_len; t++) {
		if (t + 1 == SHOWN_MOST && r->tried_len > SHOWN_MOST) {
			buf_addf(b, " and %zu more", r->tried_len - t);
			return;
		}
		buf_addf(b, "%s%u=%s", t ? " " : "",
			 s->hosts[r->tried[t].host].preference,
			 state_name(tried_state(s, r->tried[t])));
	}
	if (r->tried_len == 0)
		buf_adds(b, "-");
}

static const char *delay_text(const struct prediction *r, char *text, size_t size)
{
	if (r->delay_seconds < 0)
		(void)snprintf(text, size, "-");
	else
		(void)snprintf(text, size, "%.10g s", r->delay_seconds);
	return text;
}

static enum cli_style outcome_style(const struct prediction *r)
{
	switch (r->outcome) {
	case PREDICT_DELIVERED: return r->delay_seconds < 10 ? CLI_GOOD : CLI_WARN;
	case PREDICT_DELAYED: return CLI_WARN;
	case PREDICT_NEVER:
	case PREDICT_BOUNCED: return CLI_BAD;
	}
	return CLI_PLAIN;
}

void senders_table(FILE *stream, const struct senders *s)
{
	struct prediction rows[PROFILE_COUNT];
	struct buf tried[PROFILE_COUNT];
	size_t n = profiles_shown(s), widest = strlen("TRIED");

	for (size_t i = 0; i < n; i++) {
		predict(&rows[i], &profile_table[i], s->hosts, s->hosts_len);
		tried[i] = (struct buf)BUF_INIT(1024);
		tried_text(&tried[i], s, &rows[i]);
		widest = tried[i].len > widest ? tried[i].len : widest;
	}
	(void)fprintf(stream, "%s%-17s  %-9s  %7s  %-*s  %s%s\n",
		      cli_style(stream, CLI_BOLD), "SENDER", "OUTCOME", "DELAY",
		      (int)widest, "TRIED", "NOTE", cli_style(stream, CLI_PLAIN));
	for (size_t i = 0; i < n; i++) {
		char delay[32];
		bool has_note = rows[i].note[0];
		(void)fprintf(
		    stream, "%-17s  %s%-9s%s  %7s  %-*s%s%s\n", profile_table[i].name,
		    cli_style(stream, outcome_style(&rows[i])),
		    predict_outcome_name(rows[i].outcome), cli_style(stream, CLI_PLAIN),
		    delay_text(&rows[i], delay, sizeof(delay)),
		    has_note ? (int)widest : 0, buf_text(&tried[i]), has_note ? "  " : "",
		    rows[i].note);
		buf_release(&tried[i]);
	}
}
