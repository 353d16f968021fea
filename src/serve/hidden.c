#include "serve/hidden.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "journal/upkeep/upkeep.h"
#include "serve/alarm/alarm_raise.h"

/* A host that stands in a private network is visited from there. */
static bool is_outside(const struct host *h)
{
	for (size_t i = 0; i < h->address_count; i++) {
		if (addr_kind(h->addresses[i].addr) == ADDR_PRIVATE)
			return false;
	}
	return true;
}

struct allowed {
	struct addr client;
	bool is_it;
};

static int on_allow(void *arg, const struct allow_entry *entry)
{
	struct allowed *a = arg;
	struct prefix prefix;
	a->is_it = prefix_parse(entry->text, &prefix) && prefix_has(prefix, a->client);
	return a->is_it;
}

static bool is_veil(struct engine *n, const struct visit *v)
{
	const struct sites *s = writer_sites(n->writer);
	const struct host *h = sites_host_of(s, v->host);
	struct allowed a = { .client = v->client };
	struct error e;
	if (addr_kind(v->client) != ADDR_PRIVATE || !h || h->role != ROLE_REAL ||
	    !is_outside(h) || sites_is_own(s, v->client) ||
	    !sites_has_domain(s, v->site, v->recipient_domain))
		return false;
	/* In doubt it is one. */
	return allow_each(writer_db(n->writer), on_allow, &a, &e) < 0 || !a.is_it;
}

static void tell(struct engine *n, uint16_t host, bool is_over, const char *text)
{
	const char *name = alarm_raise_host_name(n, host);
	alarm_raise_trouble(n, ALARM_SOURCE, host, is_over, text);
	if (is_over)
		log_info("trouble-over host=%s reason=\"%s\"", name, text);
	else
		log_warning("trouble host=%s reason=\"%s\"", name, text);
}

static void position_name(uint16_t host, char *to, size_t size)
{
	(void)snprintf(to, size, "hidden:%u", host);
}

/* For the next start; not for each visit. */
static void keep(struct engine *n, uint16_t host)
{
	char name[32], position[32];
	position_name(host, name, sizeof(name));
	(void)snprintf(position, sizeof(position), "%lld",
		       (long long)n->hosts[host].hidden_until);
	struct line l = {
		.kind = LINE_POSITION, .host = host, .text = name, .position = position
	};
	writer_add(n->writer, &l);
	n->hosts[host].hidden_kept = n->hosts[host].hidden_until;
}

static void hide(struct engine *n, uint16_t host, const struct visit *v)
{
	char text[ALARM_TEXT_MAX], address[ADDR_TEXT_MAX];
	int64_t now = writer_now(n->writer);
	int64_t told = watermarks_told(n->watermarks, host);
	bool is_news = n->hosts[host].hidden_until == 0;
	n->hosts[host].hidden_until = now + HIDDEN_FOR;
	if (n->hosts[host].hidden_until - n->hosts[host].hidden_kept > STAMP_HOUR)
		keep(n, host);
	if (!is_news)
		return;
	struct line l = { .kind = LINE_GAP,
			  .host = host,
			  .since = v->time < told ? v->time : told,
			  .time = now };
	writer_add(n->writer, &l);
	watermarks_blind(n->watermarks, host, true);
	(void)snprintf(text, sizeof(text),
		       "its log hides who comes: %s, a private address, brought mail for "
		       "us, as behind Docker's userland proxy; nobody is judged by it. "
		       "Let the container see clients (ip6tables, or the host's "
		       "network); if it is a machine of yours: fakemx allow %s",
		       addr_text(v->client, address), address);
	tell(n, host, false, text);
}

void hidden_visit(struct engine *n, const struct visit *v)
{
	uint16_t log = watch_log(n->watch, v->host);
	const struct sites *s = writer_sites(n->writer);
	if (!log || !is_veil(n, v))
		return;
	for (size_t i = 0; i < s->host_count; i++) {
		if (watch_log(n->watch, s->hosts[i].host) == log)
			hide(n, s->hosts[i].host, v);
	}
}

void hidden_begin(struct engine *n)
{
	const struct sites *s = writer_sites(n->writer);
	int64_t now = writer_now(n->writer);
	for (size_t i = 0; i < s->host_count; i++) {
		uint16_t host = s->hosts[i].host;
		char name[32], position[32];
		position_name(host, name, sizeof(name));
		int64_t until = strtoll(take_position(writer_take(n->writer), name,
						      position, sizeof(position)),
					NULL, 10);
		if (until <= now || until > now + HIDDEN_FOR ||
		    !watch_log(n->watch, host))
			continue;
		n->hosts[host].hidden_until = n->hosts[host].hidden_kept = until;
		watermarks_blind(n->watermarks, host, true);
		tell(
		    n, host, false,
		    "its log hid who comes before this start: a private address brought "
		    "mail for us, as behind Docker's userland proxy; nobody is judged by "
		    "it until a day has passed without such mail");
	}
}

bool hidden_is(const struct engine *n, uint16_t host)
{
	return n->hosts[host].hidden_until != 0;
}

void hidden_tick(struct engine *n)
{
	const struct sites *s = writer_sites(n->writer);
	int64_t now = writer_now(n->writer);
	for (size_t i = 0; i < s->host_count; i++) {
		uint16_t host = s->hosts[i].host;
		if (!hidden_is(n, host) || now < n->hosts[host].hidden_until)
			continue;
		n->hosts[host].hidden_until = 0;
		watermarks_blind(n->watermarks, host, false);
		tell(n, host, true, "for a day its log hid nobody");
	}
}
