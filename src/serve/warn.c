/*
 * What raises alarms, and whom they reach: the log, the alarm command, the
 * metrics. Those that were told stand in STATE/alarms, so that a restart does
 * not tell them again, and says when one is over.
 */
#include "serve/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/whole.h"

enum { FILE_MODE = 0640 };

static bool file_path(const struct engine *n, char *to, size_t size)
{
	int len = snprintf(to, size, "%s/alarms", n->config.state);
	return len > 0 && (size_t)len < size;
}

static void tell(void *arg, const struct alarm *a, bool is_over)
{
	struct engine *n = arg;
	char address[ADDR_TEXT_MAX] = "-";
	const char *kind = alarm_rows()[a->key.kind].name;
	if (a->key.kind == ALARM_SENDER)
		(void)addr_text(a->key.client, address);
	if (is_over)
		log_info("alarm-over kind=%s host=%s address=%s text=\"%s\"", kind,
			 a->key.host, address, a->text);
	else
		log_warning("alarm kind=%s host=%s address=%s text=\"%s\"", kind,
			    a->key.host, address, a->text);
	caller_call(n->caller, a, is_over);
}

/* ---- the file ---- */

static void load(struct engine *n)
{
	char path[CONFIG_TEXT_MAX + 32], piece[65536];
	if (!file_path(n, path, sizeof(path)))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* as a rule there is none yet */
	struct buf text = BUF_INIT(ALARM_SAVED_MAX);
	ssize_t got;
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&text, piece, (size_t)got);
	(void)close(fd); /* only read */
	alarms_load(n->alarms, buf_text(&text), stamp_clock_now(n->clock.clock));
	buf_release(&text);
}

void warn_save(struct engine *n)
{
	char path[CONFIG_TEXT_MAX + 32];
	struct error e;
	if (!alarms_has_changed(n->alarms) || !file_path(n, path, sizeof(path)))
		return;
	struct buf text = BUF_INIT(ALARM_SAVED_MAX);
	alarms_save(n->alarms, &text);
	bool was_failing = n->is_alarms_failing;
	n->is_alarms_failing =
	    whole_write(path, buf_text(&text), text.len, FILE_MODE, &e) < 0;
	if (n->is_alarms_failing && !was_failing)
		log_warning("alarms-not-saved reason=\"%s\" note=\"a restart may tell "
			    "them again\"",
			    e.text);
	buf_release(&text);
}

void warn_start(struct engine *n)
{
	n->alarms = alarms_new(tell, n);
	load(n);
}

/* ---- senders ---- */

static void on_verdict(void *arg, const struct verdict *v, const char *site)
{
	struct engine *n = arg;
	if (v->fate != FATE_STOPPED || v->tier != TIER_KNOWN)
		return;
	char text[ALARM_TEXT_MAX], address[ADDR_TEXT_MAX], began[STAMP_TEXT_MAX];
	struct alarm_key key = alarm_key(ALARM_SENDER, site);
	key.client = v->client;
	(void)snprintf(text, sizeof(text),
		       "%s is a known sender, and has gone to decoys only since %s; see "
		       "fakemx explain %s",
		       addr_text(v->client, address), stamp_text(v->began, began),
		       address);
	alarms_raise(n->alarms, &key, text, ledger_now(n->ledger));
}

/* Somebody has looked at it. Whoever was allowed before and is stopped still
 * raises one. */
static void acknowledge(struct engine *n, const struct record *r, bool is_past)
{
	struct prefix prefix;
	bool is_prefix = prefix_parse(r->text, &prefix);
	const struct alarm *a;
	if (!is_prefix)
		n->names_allowed = r->seen;
	for (size_t i = 0; (a = alarms_at(n->alarms, i)); i++) {
		if (a->key.kind != ALARM_SENDER || r->seen < a->since)
			continue;
		bool is_it = is_prefix
				 ? prefix_has(prefix, a->key.client)
				 : !is_past && judge_is_allowed(ledger_judge(n->ledger),
								a->key.client);
		if (is_it)
			alarms_acknowledge(n->alarms, &a->key, "it is on the allow list");
	}
}

static void on_record(void *arg, const struct record *r)
{
	if (r->kind == RECORD_ALLOW && r->is_ok)
		acknowledge(arg, r, false);
}

void warn_past(struct engine *n, const struct record *r)
{
	if (r->kind == RECORD_ALLOW && r->is_ok)
		acknowledge(n, r, true);
}

/* Of names that were allowed while we were down only the judge can tell whom
 * they mean, and it was not complete before. */
void warn_listen(struct engine *n)
{
	struct ledger_listener listener = { on_verdict, on_record, n };
	const struct alarm *a;
	for (size_t i = 0; (a = alarms_at(n->alarms, i)); i++) {
		if (a->key.kind == ALARM_SENDER && a->since < n->names_allowed &&
		    judge_is_allowed(ledger_judge(n->ledger), a->key.client))
			alarms_acknowledge(n->alarms, &a->key, "it is on the allow list");
	}
	ledger_listen(n->ledger, &listener);
}

static const struct site *site_named(const struct judge *j, const char *name)
{
	for (size_t i = 0; i < judge_site_count(j); i++) {
		const struct site *s = judge_site(j, i);
		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

/* NULL: it is at risk still. */
static const char *why_over(const struct engine *n, const struct alarm *a)
{
	const struct judge *j = ledger_judge(n->ledger);
	const struct site *s = site_named(j, a->key.host);
	enum fate fate;
	if (!s || !judge_fate(j, a->key.client, s->id, &fate))
		return "nothing is known of it any more";
	switch (fate) {
	case FATE_REACHED: return "it came to a real host";
	case FATE_UNKNOWN: return "nothing can be said of it any more";
	case FATE_STOPPED:
	case FATE_PENDING: break;
	}
	return NULL;
}

static void look_after_senders(struct engine *n)
{
	const struct alarm *a;
	for (size_t i = 0; (a = alarms_at(n->alarms, i));) {
		struct alarm_key key = a->key;
		const char *why = key.kind == ALARM_SENDER ? why_over(n, a) : NULL;
		if (why)
			alarms_clear(n->alarms, &key, why); /* another is at i now */
		else
			i++;
	}
}

/* ---- hosts ---- */

static void set(struct engine *n, enum alarm_kind kind, uint16_t host, bool is_on,
		const char *text)
{
	struct alarm_key key = alarm_key(kind, input_host_name(n, host));
	if (n->is_stopping)
		return; /* what sources say at their end is no news of the host */
	if (is_on)
		alarms_raise(n->alarms, &key, text, ledger_now(n->ledger));
	else
		alarms_clear(n->alarms, &key, text);
}

static bool is_stalled(const struct engine *n, uint16_t host)
{
	uint16_t log = watch_log(n->watch, host);
	return log && n->is_log_stalled[log];
}

/* kind: ALARM_DECOY or ALARM_SOURCE. */
void warn_trouble(struct engine *n, enum alarm_kind kind, uint16_t host, bool is_over,
		  const char *sentence)
{
	uint16_t *troubles = &n->hosts[host].troubles[kind];
	if (!is_over)
		++*troubles;
	else if (*troubles > 0)
		--*troubles;
	bool is_on = *troubles > 0 || (kind == ALARM_SOURCE && is_stalled(n, host));
	set(n, kind, host, is_on, sentence);
}

/* A source that goes on sees, whatever it had to say of the past. */
void warn_watermark(struct engine *n, uint16_t host, int64_t upto)
{
	uint16_t *troubles = &n->hosts[host].troubles[ALARM_SOURCE];
	bool goes_on = upto > n->hosts[host].upto;
	if (!goes_on)
		return;
	n->hosts[host].upto = upto;
	*troubles = 0;
	if (alarms_count(n->alarms, ALARM_KINDS) > 0 && !is_stalled(n, host))
		set(n, ALARM_SOURCE, host, false, "its source goes on");
}

void warn_stalled(struct engine *n, uint16_t log, bool is_stalled_now)
{
	if (is_stalled_now)
		set(n, ALARM_SOURCE, log, true,
		    "our own probes no longer appear in its log; nobody is judged by it");
	else if (n->hosts[log].troubles[ALARM_SOURCE] == 0)
		set(n, ALARM_SOURCE, log, false, "our own probes appear in its log");
}

void warn_health(struct engine *n, uint16_t host, bool is_well, const char *reply)
{
	char text[ALARM_TEXT_MAX];
	n->hosts[host].is_probed = true;
	n->hosts[host].is_unwell = !is_well;
	(void)snprintf(text, sizeof(text), "it %s mail: %.300s",
		       is_well ? "takes" : "does not take", reply);
	set(n, ALARM_HOST, host, !is_well, text);
}

void warn_tick(struct engine *n)
{
	look_after_senders(n);
	alarms_tick(n->alarms, ledger_now(n->ledger));
	warn_save(n);
}
