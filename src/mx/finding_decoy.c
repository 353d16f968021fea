/* The rules that speak of one decoy. */
#include <stdio.h>
#include <string.h>

#include "mx/finding.h"

#define WORDS(...) (&(struct finding_words){ __VA_ARGS__ })

/* "dead: no answer to SYN" */
static const char *state_text(const struct seen_address *a, char text[SEEN_TEXT_MAX + 32])
{
	(void)snprintf(text, SEEN_TEXT_MAX + 32, "%s%s%s", state_name(a->state),
		       *a->reply ? ": " : "", a->reply);
	return text;
}

/* ---- one decoy's address ---------------------------------------------- */

/* What the state of a low decoy means; FINDING_COUNT when it is as it should. */
static enum finding_id low_state(enum state state)
{
	switch (state) {
	case STATE_CLOSED:
	case STATE_RESET: return FINDING_COUNT;
	case STATE_DEAD:
	case STATE_SILENT: return FINDING_LOW_DROPS;
	case STATE_UNREACHABLE: return FINDING_LOW_UNREACHABLE;
	case STATE_OPEN:
	case STATE_BUSY:
	case STATE_REJECT:
	case STATE_BANNER_CLOSE:
	case STATE_DEFER_HELO:
	case STATE_DEFER_MAIL:
	case STATE_DEFER_RCPT: return FINDING_LOW_ANSWERS;
	}
	return FINDING_COUNT;
}

static enum finding_id high_state(enum state state)
{
	switch (state) {
	case STATE_CLOSED:
	case STATE_RESET:
	case STATE_BUSY:
	case STATE_UNREACHABLE:
	case STATE_DEFER_MAIL:
	case STATE_DEFER_RCPT: return FINDING_COUNT;
	case STATE_DEAD:
	case STATE_SILENT: return FINDING_HIGH_DROPS;
	case STATE_REJECT: return FINDING_HIGH_REJECTS;
	case STATE_BANNER_CLOSE: return FINDING_HIGH_CLOSES;
	case STATE_DEFER_HELO: return FINDING_HIGH_HELO;
	case STATE_OPEN: return FINDING_HIGH_OPEN;
	}
	return FINDING_COUNT;
}

static bool shows_reply_alone(enum finding_id id)
{
	return id == FINDING_HIGH_REJECTS || id == FINDING_HIGH_HELO ||
	       id == FINDING_HIGH_CLOSES || id == FINDING_HIGH_OPEN;
}

static void rule_decoy_state(const struct seen *s, const struct seen_host *h,
			     struct findings *f)
{
	for (size_t i = 0; i < h->address_count; i++) {
		const struct seen_address *a = &h->addresses[i];
		if (!a->is_known || h->place == PLACE_REAL)
			continue;
		enum finding_id id =
		    h->place == PLACE_LOW ? low_state(a->state) : high_state(a->state);
		char address[ADDR_TEXT_MAX], detail[SEEN_TEXT_MAX + 32];
		if (id != FINDING_COUNT)
			findings_add(f, s, id,
				     WORDS(.host = h->name,
					   .address = addr_text(a->addr, address),
					   .detail = shows_reply_alone(id)
							 ? a->reply
							 : state_text(a, detail)));
	}
}

static void rule_low_cost(const struct seen *s, const struct seen_host *h,
			  struct findings *f)
{
	if (h->place != PLACE_LOW)
		return;
	size_t v4 = 0, v6 = 0;
	for (size_t i = 0; i < h->address_count; i++)
		*(addr_is_v4(h->addresses[i].addr) ? &v4 : &v6) += 1;
	if (v4 > 1 || v6 > 0) {
		char detail[64];
		(void)snprintf(detail, sizeof(detail), "%zu IPv4 and %zu IPv6 addresses",
			       v4, v6);
		findings_add(f, s, FINDING_LOW_ADDRESSES,
			     WORDS(.host = h->name, .detail = detail));
	}
	findings_add(f, s, FINDING_LOW_DIRECT, WORDS(.host = h->name));
	findings_add(f, s, FINDING_LOW_REPUTATION, WORDS(.host = h->name));
}

static void rule_decoy_place(const struct seen *s, const struct seen_host *h,
			     struct findings *f)
{
	if (h->place != PLACE_REAL)
		return;
	char detail[16];
	(void)snprintf(detail, sizeof(detail), "%u", h->preference);
	bool has_real = false;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct seen_host *o = &s->hosts[i];
		has_real = has_real || o->role == ROLE_REAL;
		if (o->role == ROLE_REAL && o->preference == h->preference) {
			findings_add(f, s, FINDING_DECOY_EQUAL,
				     WORDS(.host = h->name, .detail = detail));
			return;
		}
	}
	if (has_real)
		findings_add(f, s, FINDING_DECOY_BETWEEN,
			     WORDS(.host = h->name, .detail = detail));
}

/* Something took the connection, and does not say the decoy's name as a decoy
 * of fakemx does. */
static bool answers_as_another(const struct seen_host *h, const struct seen_address *a)
{
	if (!a->is_known)
		return false;
	switch (a->state) {
	case STATE_CLOSED:
	case STATE_DEAD:
	case STATE_UNREACHABLE:
	case STATE_RESET: return false;
	case STATE_OPEN:
	case STATE_BUSY:
	case STATE_REJECT:
	case STATE_BANNER_CLOSE:
	case STATE_SILENT:
	case STATE_DEFER_HELO:
	case STATE_DEFER_MAIL:
	case STATE_DEFER_RCPT: break;
	}
	return !strcasestr(a->reply, h->name);
}

static void compare_address(const struct seen *s, const struct seen_host *h,
			    const struct seen_address *a, struct findings *f)
{
	char address[ADDR_TEXT_MAX];
	(void)addr_text(a->addr, address);
	for (size_t i = 0; i < s->host_count; i++)
		for (size_t j = 0; j < s->hosts[i].address_count; j++) {
			const struct seen_host *o = &s->hosts[i];
			if (o == h || !addr_equal(o->addresses[j].addr, a->addr))
				continue;
			if (o->role == ROLE_REAL)
				findings_add(f, s, FINDING_DECOY_IS_REAL,
					     WORDS(.host = h->name, .address = address,
						   .detail = o->name));
			else if (h->place == PLACE_HIGH && o->place == PLACE_LOW)
				findings_add(f, s, FINDING_DECOYS_SHARED,
					     WORDS(.host = h->name, .address = address));
		}
	char detail[SEEN_TEXT_MAX + 32];
	if (a->is_own && answers_as_another(h, a))
		findings_add(f, s, FINDING_DECOY_OWN,
			     WORDS(.host = h->name, .address = address,
				   .detail = state_text(a, detail)));
}

static bool owner_is_ours(const struct seen *s, const struct seen_host *decoy)
{
	if (strcmp(decoy->owner, s->owner) == 0)
		return true;
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].role == ROLE_REAL &&
		    strcmp(s->hosts[i].owner, decoy->owner) == 0)
			return true;
	return false;
}

static void rule_decoy_owner(const struct seen *s, const struct seen_host *h,
			     struct findings *f)
{
	for (size_t i = 0; i < h->address_count; i++)
		compare_address(s, h, &h->addresses[i], f);
	bool is_foreign = *h->owner && *s->owner && !owner_is_ours(s, h);
	bool is_elsewhere = h->is_elsewhere && h->address_count;
	char address[ADDR_TEXT_MAX], detail[2 * SEEN_TEXT_MAX] = "";
	if (!is_foreign && !is_elsewhere)
		return;
	if (is_elsewhere)
		(void)snprintf(detail, sizeof(detail),
			       " This plan does not publish its address %s: that is for "
			       "whoever keeps the zone of %s.",
			       addr_text(h->addresses[0].addr, address), h->owner);
	size_t n = strlen(detail);
	if (is_foreign)
		(void)snprintf(
		    detail + n, sizeof(detail) - n,
		    " It is neither yours nor the owner's of a real host: whoever "
		    "holds it gets your senders, and your mail on the day it "
		    "answers.");
	findings_add(f, s, FINDING_DECOY_FOREIGN,
		     WORDS(.host = h->name, .detail = *h->owner ? h->owner : h->name,
			   .address = detail));
}

static void rule_decoy_secure(const struct seen *s, const struct seen_host *h,
			      struct findings *f)
{
	if (h->is_secure != TRI_YES || h->has_tlsa != TRI_NO)
		return;
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].role == ROLE_REAL && s->hosts[i].has_tlsa == TRI_YES) {
			findings_add(f, s, FINDING_DANE_DECOY, WORDS(.host = h->name));
			return;
		}
}

void finding_rules_of_decoy(const struct seen *s, const struct seen_host *h,
			    struct findings *f)
{
	rule_decoy_state(s, h, f);
	rule_decoy_place(s, h, f);
	rule_low_cost(s, h, f);
	rule_decoy_owner(s, h, f);
	rule_decoy_secure(s, h, f);
}
