#include "serve/alarm/alarm_raise.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/name.h"
#include "journal/alarms.h"
#include "journal/ask/ask.h"
#include "journal/upkeep/upkeep.h"

enum { SENDERS_A_TICK = 16 };

const char *alarm_raise_host_name(const struct engine *n, uint16_t host)
{
	const struct host *h = sites_host_of(writer_sites(n->writer), host);
	return h ? h->name : "?";
}

const char *alarm_raise_site_name(const struct engine *n, uint16_t site)
{
	const struct site *s = sites_find(writer_sites(n->writer), site);
	return s ? s->name : "?";
}

static void tell(void *arg, const struct alarm *a, bool is_over)
{
	struct engine *n = arg;
	char address[ADDR_TEXT_MAX] = "-";
	const char *kind = alarm_rows()[a->key.kind].name;
	const char *host = *a->key.host ? a->key.host : "-";
	if (a->key.kind == ALARM_SENDER)
		(void)addr_text(a->key.client, address);
	if (is_over)
		log_info("alarm-over kind=%s host=%s address=%s text=\"%s\"", kind, host,
			 address, a->text);
	else
		log_warning("alarm kind=%s host=%s address=%s text=\"%s\"", kind, host,
			    address, a->text);
	alarm_command_run(n->alarm_command, a, is_over);
}

/* ---- kept over a restart ---- */

static void on_kept(void *arg, const struct alarms_kept *k)
{
	struct engine *n = arg;
	struct alarm_key key = alarm_key(ALARM_SENDER, k->host);
	key.client = k->client;
	for (size_t i = 0; i < ALARM_KINDS; i++) {
		key.kind = (enum alarm_kind)i;
		if (strcmp(alarm_rows()[i].name, k->kind) == 0)
			alarms_keep(n->alarms, &key, k->is_quiet, k->since, k->text,
				    writer_now(n->writer));
	}
}

void alarm_raise_start(struct engine *n)
{
	struct error e;
	n->alarms = alarms_new(tell, n);
	if (alarms_each(writer_db(n->writer), on_kept, n, &e) < 0)
		log_warning("alarms-unknown reason=\"%s\" note=\"those that were told "
			    "before are told again\"",
			    e.text);
}

void alarm_raise_save(struct engine *n)
{
	struct error e;
	if (writer_is_failing(n->writer) || !alarms_has_changed(n->alarms))
		return;
	struct alarms_kept *all = NULL;
	size_t count = 0;
	const struct alarm *a;
	for (size_t i = 0; (a = alarms_at(n->alarms, i)); i++) {
		/* That the journal cannot be written is nobody's to remember. */
		if (a->state == ALARM_WAITING || a->key.kind == ALARM_JOURNAL)
			continue;
		all = xrealloc(all, count + 1, sizeof(*all));
		all[count++] =
		    (struct alarms_kept){ .kind = alarm_rows()[a->key.kind].name,
					  .host = a->key.host,
					  .client = a->key.client,
					  .since = a->since,
					  .is_quiet = a->state == ALARM_QUIET,
					  .text = a->text };
	}
	bool was_failing = n->is_alarms_failing;
	n->is_alarms_failing = alarms_put(writer_db(n->writer), all, count, &e) < 0;
	if (n->is_alarms_failing && !was_failing)
		log_warning("alarms-not-saved reason=\"%s\" note=\"a restart may tell "
			    "them again\"",
			    e.text);
	free(all);
}

/* ---- senders ---- */

static bool is_at_risk(const struct verdict *v)
{
	return v->tier == TIER_KNOWN && (v->fate == FATE_STOPPED || v->missing);
}

/* What is done of itself, and how to do the rest. */
static const char *rest_of(const struct engine *n)
{
	static const char *const rests[] = {
		[ON_RISK_HOLD] = ("; until this is over nobody new is listed and its "
				  "pool is off the lists"),
		[ON_RISK_EMPTY] = "; until this is over the lists are empty",
		[ON_RISK_OFF] = "",
	};
	return rests[n->config.on_risk];
}

void alarm_raise_verdict(struct engine *n, const struct verdict *v)
{
	char text[ALARM_TEXT_MAX], address[ADDR_TEXT_MAX], began[STAMP_TEXT_MAX];
	if (!is_at_risk(v))
		return;
	struct alarm_key key = alarm_key(ALARM_SENDER, alarm_raise_site_name(n, v->site));
	key.client = v->client;
	(void)addr_text(v->client, address);
	(void)stamp_text(v->began, began);
	if (v->fate == FATE_STOPPED)
		(void)snprintf(text, sizeof(text),
			       "%s is a known sender, and has gone to decoys only since "
			       "%s; see fakemx explain %s%s; `fakemx off` undoes all",
			       address, began, address, rest_of(n));
	else
		(void)snprintf(text, sizeof(text),
			       "%s is a known sender, and a message that it named to a "
			       "decoy at %s was accepted by no mail server since; see "
			       "fakemx explain %s%s; `fakemx off` undoes all",
			       address, began, address, rest_of(n));
	alarms_raise(n->alarms, &key, text, writer_now(n->writer));
}

struct latest {
	uint16_t site;
	bool is_found, is_at_risk;
	enum fate fate;
};

/* Walks come by their beginning; the last that says something counts. */
static int on_walk(void *arg, const struct ask_walk *w)
{
	struct latest *l = arg;
	if (w->verdict.site != l->site || w->verdict.fate == FATE_PENDING)
		return 0;
	l->is_found = true;
	l->is_at_risk = is_at_risk(&w->verdict);
	l->fate = w->verdict.fate;
	return 0;
}

static uint16_t site_named(const struct sites *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++) {
		if (strcmp(all->all[i].name, name) == 0)
			return all->all[i].id;
	}
	return 0;
}

/* NULL: it is at risk still, or it cannot be said now. */
static const char *why_over(const struct engine *n, struct ask *ask,
			    const struct alarm_key *key)
{
	struct error e;
	struct latest l = { .site = site_named(writer_sites(n->writer), key->host) };
	if (ask_client(ask, key->client, on_walk, NULL, &l, &e) < 0)
		return NULL;
	if (!l.is_found)
		return "nothing is known of it any more";
	if (l.is_at_risk || l.fate == FATE_STOPPED)
		return NULL;
	return l.fate == FATE_UNKNOWN ? "nothing can be said of it any more"
				      : "it came to a real host";
}

static void look_after_senders(struct engine *n)
{
	struct ask *ask = NULL;
	struct error e;
	size_t all = alarms_count(n->alarms, ALARM_KINDS);
	for (size_t i = 0; i < SENDERS_A_TICK && i < all; i++) {
		const struct alarm *a = alarms_at(n->alarms, ++n->alarm_at);
		if (!a)
			a = alarms_at(n->alarms, n->alarm_at = 0);
		if (!a || a->key.kind != ALARM_SENDER)
			continue;
		if (!ask &&
		    ask_open(writer_db(n->writer), writer_now(n->writer), &ask, &e) < 0)
			return;
		struct alarm_key key = a->key;
		const char *why = why_over(n, ask, &key);
		if (why)
			alarms_clear(n->alarms, &key, why); /* another is at i now */
	}
	if (ask)
		ask_close(ask);
}

/* ---- acknowledged ---- */

struct allowed {
	const struct alarm *alarm;
	struct sender who;
	bool is_it;
};

/* Somebody has looked at it. Whoever was allowed before and is stopped still
 * raises one. */
static int on_allow(void *arg, const struct allow_entry *entry)
{
	struct allowed *a = arg;
	struct prefix prefix;
	if (entry->since < a->alarm->since)
		return 0;
	if (prefix_parse(entry->text, &prefix))
		a->is_it |= prefix_has(prefix, a->alarm->key.client);
	else
		a->is_it |=
		    a->who.is_confirmed && name_is_below(a->who.name, entry->text);
	return a->is_it;
}

void alarm_raise_changed(struct engine *n)
{
	struct error e;
	struct allowed a = { .alarm = NULL };
	struct lookup look = { .db = writer_db(n->writer),
			       .sites = writer_sites(n->writer) };
	for (size_t i = 0; (a.alarm = alarms_at(n->alarms, i)); i++) {
		a.is_it = false;
		if (a.alarm->key.kind != ALARM_SENDER ||
		    sender_find(&look, a.alarm->key.client, &a.who, &e) < 0 ||
		    allow_each(writer_db(n->writer), on_allow, &a, &e) < 0 || !a.is_it)
			continue;
		struct alarm_key key = a.alarm->key;
		alarms_acknowledge(n->alarms, &key, "it is on the allow list");
	}
}

/* ---- hosts ---- */

static void set(struct engine *n, enum alarm_kind kind, const char *host, bool is_on,
		const char *text)
{
	struct alarm_key key = alarm_key(kind, host);
	if (n->is_stopping)
		return; /* what sources say at their end is no news of the host */
	if (is_on)
		alarms_raise(n->alarms, &key, text, writer_now(n->writer));
	else
		alarms_clear(n->alarms, &key, text);
}

static bool is_stalled(const struct engine *n, uint16_t host)
{
	uint16_t log = watch_log(n->watch, host);
	return log && n->hosts[log].is_log_stalled;
}

void alarm_raise_trouble(struct engine *n, enum alarm_kind kind, uint16_t host,
			 bool is_over, const char *sentence)
{
	uint16_t *troubles = &n->hosts[host].troubles[kind];
	if (!is_over)
		++*troubles;
	else if (*troubles > 0)
		--*troubles;
	bool is_on = *troubles > 0 || (kind == ALARM_SOURCE && is_stalled(n, host));
	set(n, kind, alarm_raise_host_name(n, host), is_on, sentence);
}

void alarm_raise_journal(struct engine *n, bool is_over, const char *sentence)
{
	set(n, ALARM_JOURNAL, "", !is_over, sentence);
}

/* A source that goes on sees, whatever it had to say of the past. */
void alarm_raise_watermark(struct engine *n, uint16_t host, int64_t upto)
{
	uint16_t *troubles = &n->hosts[host].troubles[ALARM_SOURCE];
	bool goes_on = upto > n->hosts[host].upto;
	if (!goes_on)
		return;
	n->hosts[host].upto = upto;
	*troubles = 0;
	if (alarms_count(n->alarms, ALARM_KINDS) > 0 && !is_stalled(n, host))
		set(n, ALARM_SOURCE, alarm_raise_host_name(n, host), false,
		    "its source goes on");
}

void alarm_raise_stalled(struct engine *n, uint16_t log, bool is_stalled_now)
{
	const char *name = alarm_raise_host_name(n, log);
	if (is_stalled_now)
		set(n, ALARM_SOURCE, name, true,
		    "our own probes no longer appear in its log; nobody is judged by it");
	else if (n->hosts[log].troubles[ALARM_SOURCE] == 0)
		set(n, ALARM_SOURCE, name, false, "our own probes appear in its log");
}

void alarm_raise_health(struct engine *n, uint16_t host, bool is_well, const char *reply)
{
	char text[ALARM_TEXT_MAX];
	n->hosts[host].is_probed = true;
	n->hosts[host].is_unwell = !is_well;
	n->hosts[host].probes_good += is_well;
	n->hosts[host].probes_bad += !is_well;
	(void)snprintf(text, sizeof(text), "it %s mail: %.300s",
		       is_well ? "takes" : "does not take", reply);
	set(n, ALARM_HOST, alarm_raise_host_name(n, host), !is_well, text);
}

void alarm_raise_tick(struct engine *n)
{
	if (!writer_is_failing(n->writer))
		look_after_senders(n);
	alarms_tick(n->alarms, writer_now(n->writer));
	alarm_raise_save(n);
}
