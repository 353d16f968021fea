#include "cli/check_senders.h"

#include <stdlib.h>

#include "base/mem.h"

struct check_senders_store {
	struct predict_host hosts[SEEN_HOSTS_MAX];
	struct senders_label labels[SEEN_HOSTS_MAX];
	struct predict_address addresses[PREDICT_ADDRESSES_MAX];
	const char *texts[PREDICT_ADDRESSES_MAX];
	char text[PREDICT_ADDRESSES_MAX][ADDR_TEXT_MAX];
	size_t used;
};

/* What a sender would meet at this address; false when nobody knows. */
static bool state_at(const struct seen_host *h, size_t at, enum state *ret_state)
{
	const struct seen_address *a = &h->addresses[at];
	for (size_t i = 0; !a->is_known && i < h->address_count; i++)
		a = &h->addresses[i];
	if (!a->is_known)
		return false;
	bool greets = h->role == ROLE_DECOY && a->state == STATE_OPEN;
	*ret_state = greets ? STATE_DEFER_RCPT : a->state;
	return true;
}

static void add_host(struct check_senders *cs, const struct seen *s,
		     const struct seen_host *h)
{
	struct check_senders_store *st = cs->store;
	size_t at = cs->senders.hosts_len++, first = st->used;
	for (size_t i = 0; i < h->address_count && st->used < PREDICT_ADDRESSES_MAX;
	     i++) {
		enum state state;
		if (!state_at(h, i, &state))
			continue;
		struct addr a = h->addresses[i].addr;
		st->addresses[st->used] =
		    (struct predict_address){ .state = state, .is_v6 = !addr_is_v4(a) };
		st->texts[st->used] = addr_text(a, st->text[st->used]);
		st->used++;
	}
	st->hosts[at] = (struct predict_host){
		.preference = h->preference,
		.is_outside_sts = s->sts == STS_ENFORCE && !seen_sts_lists(s, h->name),
		.addresses = st->addresses + first,
		.addresses_len = st->used - first,
	};
	st->labels[at] =
	    (struct senders_label){ .host = h->name, .addresses = st->texts + first };
}

bool check_senders_init(struct check_senders *cs, const struct seen *s)
{
	*cs = (struct check_senders){ .store = xcalloc(1, sizeof(*cs->store)) };
	cs->senders.hosts = cs->store->hosts;
	cs->senders.labels = cs->store->labels;
	for (size_t i = 0; i < s->host_count; i++)
		add_host(cs, s, &s->hosts[i]);
	/* With a blocked port 25 every state is ours, not theirs. */
	return cs->store->used > 0 && s->vantage != TRI_NO;
}

void check_senders_release(struct check_senders *cs)
{
	free(cs->store);
	cs->store = NULL;
}
