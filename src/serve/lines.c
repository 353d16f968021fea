#include "serve/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/mem.h"
#include "journal/ask/evidence.h"
#include "journal/probe.h"
#include "serve/alarm/alarm_raise.h"
#include "serve/hidden.h"

enum { PAST_PROBES = 8 }; /* of a host: its log lags behind by a minute or two */

static const char *host_name(const struct engine *n, uint16_t host)
{
	return alarm_raise_host_name(n, host);
}

static const struct host_place *place_of(const struct engine *n, uint16_t host)
{
	return sites_host(writer_sites(n->writer), host);
}

/* ---- visits ---- */

/* Our probes are known by the log that shows them, whichever of its hosts they
 * went to. */
static bool is_own_probe(struct engine *n, const struct visit *v)
{
	struct visit at_log = *v;
	uint16_t log = watch_log(n->watch, v->host);
	at_log.host = log ? log : v->host;
	return self_probe_explains(n->self_probes, &at_log);
}

/* `fakemx check` and whoever else asks from here what the world sees: of one of our
 * hosts' addresses, and without a message. In a trial loopback is where senders live. */
static bool is_from_here(const struct engine *n, const struct visit *v)
{
	bool is_loopback = addr_kind(v->client) == ADDR_LOOPBACK;
	if (is_loopback)
		return !n->config.lab;
	return v->depth <= DEPTH_HELO && sites_is_own(writer_sites(n->writer), v->client);
}

/* A clock that jumped leaves its error open. */
static void widen(const struct engine *n, struct visit *v)
{
	int64_t by = n->clock_watch ? clock_watch_jump(n->clock_watch) : 0;
	uint32_t width =
	    by < -UINT32_MAX || by > UINT32_MAX ? UINT32_MAX : (uint32_t)llabs(by);
	if (by > 0 && v->precision_us < width)
		v->precision_us = width;
	if (by < 0 && v->earlier_us < width)
		v->earlier_us = width;
}

static void add_visit(struct engine *n, const struct visit *v)
{
	const struct host_place *p = place_of(n, v->host);
	struct line l = {
		.kind = LINE_VISIT, .host = v->host, .time = v->time, .visit = *v
	};
	n->visits++;
	n->hosts[v->host].visits[v->depth][v->outcome]++;
	widen(n, &l.visit);
	writer_add(n->writer, &l);
	watermarks_visit(n->watermarks, v->host, v->time);
	names_visit(n->names, v, p && p->role != ROLE_REAL);
	asks_visit(n->asks, v, p && p->role == ROLE_DECOY);
	hidden_visit(n, v);
}

static void on_visit(void *arg, const struct visit *v)
{
	struct engine *n = arg;
	/* Logs are read again after a restart, and show our probes; the others
	 * tell of this moment. */
	bool is_live = v->source == VISIT_SOURCE_DECOY ||
		       v->source == VISIT_SOURCE_KNOCK ||
		       v->source == VISIT_SOURCE_POLICY;
	if (!is_live && take_has(writer_take(n->writer), v))
		n->old_visits++;
	else if ((!is_live && is_own_probe(n, v)) || is_from_here(n, v))
		n->own_visits++;
	else
		add_visit(n, v);
}

/* ---- watermarks ---- */

/* What a log says is believed as far as it has shown our probes (self_probe.h). */
static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct engine *n = arg;
	uint16_t log = watch_log(n->watch, host); /* 0: a decoy, which sees for itself */
	int64_t proven = log ? self_probe_proven(n->self_probes, log) : STAMP_NEVER;
	int64_t at = writer_now(n->writer);
	bool is_ahead = upto > proven;
	/* What it says of now it has looked at only as far as the probe it showed. */
	watermarks_note(n->watermarks, host, is_ahead ? proven : upto,
			is_ahead ? proven : at);
	if (!hidden_is(n, host))
		alarm_raise_watermark(n, host, is_ahead ? proven : upto);
}

/* Says once when a log stops showing our probes, and once when it shows them
 * again. */
static void check_log(struct engine *n, uint16_t host)
{
	uint16_t log = watch_log(n->watch, host);
	bool *was_missing = &n->hosts[log].is_log_stalled;
	if (!log)
		return;
	bool is_missing = self_probe_is_missing(
	    n->self_probes, log, n->config.rules.probe_interval, writer_now(n->writer));
	if (is_missing && !*was_missing)
		log_warning(
		    "log-stalled host=%s reason=\"our own probes no longer appear "
		    "in its log; nobody is judged by it\"",
		    host_name(n, log));
	else if (!is_missing && *was_missing)
		log_info("log-resumed host=%s", host_name(n, log));
	bool is_news = is_missing != *was_missing;
	*was_missing = is_missing;
	if (is_news)
		alarm_raise_stalled(n, log, is_missing);
}

static void position_name(uint16_t host, char *to, size_t size)
{
	(void)snprintf(to, size, "host:%u", host);
}

static void write_position(struct engine *n, uint16_t host, int64_t at)
{
	char name[32], position[32];
	position_name(host, name, sizeof(name));
	(void)snprintf(position, sizeof(position), "%lld", (long long)at);
	struct line p = {
		.kind = LINE_POSITION, .host = host, .text = name, .position = position
	};
	writer_add(n->writer, &p);
}

static void write_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_WATERMARK, .host = host, .time = upto };
	writer_add(n->writer, &l);
	if (!watch_log(n->watch, host))
		return;
	write_position(n, host, upto);
}

static void speak(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct engine *n = arg;
	struct line gap = { .kind = LINE_GAP,
			    .host = host,
			    .since = from,
			    .time = to,
			    .is_spoken = true };
	writer_add(n->writer, &gap); /* a watermark too */
}

void lines_watermarks(struct engine *n, bool is_all)
{
	struct watermarks_sink sink = { write_watermark, speak, n };
	(void)watermarks_write(n->watermarks, writer_now(n->writer), is_all, &sink);
}

void lines_absent(struct engine *n, uint16_t host)
{
	int64_t now = writer_now(n->writer);
	struct line l = { .kind = LINE_GAP,
			  .host = host,
			  .since = watermarks_told(n->watermarks, host),
			  .time = now };
	writer_add(n->writer, &l);
}

static int64_t read_position(const struct engine *n, uint16_t host)
{
	char name[32], position[32];
	position_name(host, name, sizeof(name));
	return strtoll(
	    take_position(writer_take(n->writer), name, position, sizeof(position)), NULL,
	    10);
}

/* Of a feed the other machine knows where it goes on. */
static bool begins_here(const struct engine *n, const struct host *h)
{
	return watch_log(n->watch, h->id) != 0 && !host_watches(h, "feed") &&
	       !host_watches(h, "stream") &&
	       watermarks_noted(n->watermarks, h->id) == 0 &&
	       read_position(n, h->id) == 0;
}

void lines_begin(struct engine *n, const struct config *c, int64_t at)
{
	bool is_any = false;
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			const struct host *h = &c->sites[i].hosts[k];
			if (!begins_here(n, h))
				continue;
			write_position(n, h->id, at - at % STAMP_SECOND);
			is_any = true;
		}
	}
	if (is_any)
		(void)writer_commit(n->writer); /* said and tried again if it fails */
}

bool lines_since(void *arg, uint16_t host, int64_t *ret_since)
{
	struct engine *n = arg;
	int64_t noted = watermarks_noted(n->watermarks, host);
	if (noted == 0)
		noted = read_position(n, host);
	if (noted <= 0)
		return false;
	take_reread(writer_take(n->writer), host, noted);
	self_probe_reread(n->self_probes, host, noted);
	*ret_since = noted;
	return true;
}

/* ---- what sources have to say of themselves ---- */

static void take_trouble(struct engine *n, enum alarm_kind kind, uint16_t host,
			 bool is_over, const char *sentence)
{
	alarm_raise_trouble(n, kind, host, is_over, sentence);
	if (is_over)
		log_info("trouble-over host=%s reason=\"%s\"", host_name(n, host),
			 sentence);
	else
		log_warning("trouble host=%s reason=\"%s\"", host_name(n, host),
			    sentence);
}

static void on_source_trouble(void *arg, uint16_t host, bool is_over,
			      const char *sentence)
{
	take_trouble(arg, ALARM_SOURCE, host, is_over, sentence);
}

static void on_decoy_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	take_trouble(arg, ALARM_DECOY, host, is_over, sentence);
}

/* Of the decoys: their troubles are those of a closed one that is not. Of real
 * hosts: their source does not see. */
static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	const struct host_place *p = place_of(arg, host);
	if (p && p->role != ROLE_REAL)
		on_decoy_trouble(arg, host, is_over, sentence);
	else
		on_source_trouble(arg, host, is_over, sentence);
}

static void on_outage(void *arg, uint16_t host, int64_t until)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_OUTAGE, .host = host, .time = until };
	writer_add(n->writer, &l);
	log_warning("health host=%s well=no reply=\"its log says that it was started\"",
		    host_name(n, host));
}

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_GAP, .host = host, .since = from, .time = to };
	char since[STAMP_TEXT_MAX], until[STAMP_TEXT_MAX];
	writer_add(n->writer, &l);
	if (watermarks_told(n->watermarks, host) == 0)
		return; /* it has only begun to be watched */
	log_warning("gap host=%s since=%s until=%s reason=\"nobody saw who came to it; "
		    "nobody is judged by that time\"",
		    host_name(n, host), stamp_text(from, since), stamp_text(to, until));
}

/* Who this site writes to may write back: a sign that its mail is wanted. */
static void on_delivered(void *arg, uint16_t host, const char *domain, int64_t time)
{
	struct engine *n = arg;
	struct line l = {
		.kind = LINE_WROTE, .host = host, .time = time, .text = domain
	};
	writer_add(n->writer, &l);
}

/* In the batch of the lines before it: exactly once, also after a crash. */
static void on_position(void *arg, struct stream_place place)
{
	char position[48];
	(void)snprintf(position, sizeof(position), "%lld:%lld", (long long)place.sequence,
		       (long long)place.stored);
	struct line p = { .kind = LINE_POSITION,
			  .text = LINES_STREAM,
			  .position = position };
	writer_add(((struct engine *)arg)->writer, &p);
}

struct stream_place lines_place(struct engine *n)
{
	struct stream_place place = { 0, 0 };
	char position[48], *rest;
	(void)take_position(writer_take(n->writer), LINES_STREAM, position,
			    sizeof(position));
	place.sequence = strtoll(position, &rest, 10);
	if (*rest == ':')
		place.stored = strtoll(rest + 1, NULL, 10);
	return place;
}

static int64_t on_reading(void *arg)
{
	const struct engine *n = arg;
	return writer_reading(n->writer);
}

struct source_sink lines_sink(struct engine *n)
{
	return (struct source_sink){ .visit = on_visit,
				     .watermark = on_watermark,
				     .trouble = on_trouble,
				     .outage = on_outage,
				     .gap = on_gap,
				     .delivered = on_delivered,
				     .position = on_position,
				     .reading = on_reading,
				     .arg = n };
}

/* A low decoy's knocks may be missing: nobody is said to have left it out. */
static void on_blind(void *arg, uint16_t host, int64_t until, const char *why)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_LOST,
			  .host = host,
			  .since = watermarks_told(n->watermarks, host),
			  .time = until };
	writer_add(n->writer, &l);
	char name[32];
	(void)snprintf(name, sizeof(name), TAKE_BLIND, host);
	struct line p = {
		.kind = LINE_POSITION, .host = host, .text = name, .position = why
	};
	writer_add(n->writer, &p);
	watermarks_blind(n->watermarks, host, *why != '\0');
}

struct knock_sink lines_knock_sink(struct engine *n)
{
	struct source_sink source = lines_sink(n);
	source.trouble = on_source_trouble;
	return (struct knock_sink){ .source = source,
				    .blind = on_blind,
				    .drops = on_decoy_trouble };
}

/* ---- names ---- */

static void on_name(void *arg, const struct name_fact *name)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_NAME,
			  .time = writer_now(n->writer),
			  .client = name->client,
			  .name = *name };
	char client[ADDR_TEXT_MAX];
	writer_add(n->writer, &l);
	log_debug("name client=%s name=%s confirmed=%s generic=%s",
		  addr_text(name->client, client), *name->name ? name->name : "-",
		  name->is_confirmed ? "yes" : "no", name->is_generic ? "yes" : "no");
}

static int64_t when_learnt(void *arg, struct addr client)
{
	const struct engine *n = arg;
	return sender_learnt(writer_db(n->writer), client);
}

static void on_spf(void *arg, struct addr client, const char *domain)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_SPF,
			  .time = writer_now(n->writer),
			  .client = client,
			  .text = domain };
	char text[ADDR_TEXT_MAX];
	writer_add(n->writer, &l);
	log_debug("spf client=%s domain=%s", addr_text(client, text), domain);
}

static void on_names_trouble(void *arg, bool is_over, const char *sentence)
{
	(void)arg;
	if (is_over)
		log_info("names-resumed reason=\"%s\"", sentence);
	else
		log_warning("names-stalled reason=\"%s\"", sentence);
}

struct names_sink lines_names_sink(struct engine *n)
{
	return (struct names_sink){ .learnt = on_name,
				    .known = when_learnt,
				    .passed = on_spf,
				    .trouble = on_names_trouble,
				    .arg = n };
}

/* ---- what the report compares ---- */

static void on_mx(void *arg, uint16_t site, const char *domain, bool has_decoy,
		  const char *hosts)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_MX,
			  .host = site,
			  .time = writer_now(n->writer),
			  .is_ok = has_decoy,
			  .text = domain,
			  .position = hosts };
	writer_add(n->writer, &l);
}

static void on_unnamed(void *arg, const char *site, const char *domain, const char *host)
{
	(void)arg;
	log_warning(
	    "host-unnamed site=%s domain=%s host=%s note=\"the DNS names it as a "
	    "host for mail, the site does not: a sender that delivers there looks "
	    "as if it never came; add a section host (FMX-HOST-UNNAMED)\"",
	    site, domain, host);
}

static void on_compared(void *arg, struct addr client, const char *zone,
			enum compared answer)
{
	struct engine *n = arg;
	struct line l = { .kind = LINE_COMPARED,
			  .time = writer_now(n->writer),
			  .client = client,
			  .text = zone,
			  .answer = answer };
	writer_add(n->writer, &l);
}

static bool is_compared(void *arg, struct addr client, const char *zone)
{
	struct engine *n = arg;
	return evidence_is_compared(writer_db(n->writer), client, zone);
}

struct asks_sink lines_asks_sink(struct engine *n)
{
	return (struct asks_sink){ on_mx, on_compared, on_unnamed, is_compared, n };
}

/* What serve costs, for the report: CPU, memory, and of how long. */
void lines_cost(struct engine *n)
{
	struct rusage used;
	char text[96];
	if (getrusage(RUSAGE_SELF, &used) != 0)
		return;
	int64_t cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * STAMP_SECOND +
		      used.ru_utime.tv_usec + used.ru_stime.tv_usec;
	(void)snprintf(text, sizeof(text), "%lld %lld %ld", (long long)cpu,
		       (long long)(writer_now(n->writer) - n->started), used.ru_maxrss);
	struct line l = { .kind = LINE_POSITION,
			  .text = EVIDENCE_COST,
			  .position = text };
	writer_add(n->writer, &l);
}

/* ---- probes ---- */

static uint64_t on_probe_began(void *arg, uint16_t host, struct addr from, int64_t now)
{
	struct engine *n = arg;
	return self_probe_began(n->self_probes, watch_log(n->watch, host), from, now);
}

static void on_probe_ended(void *arg, uint64_t probe, int64_t now, bool was_open)
{
	struct engine *n = arg;
	self_probe_ended(n->self_probes, probe, now, was_open);
}

static void on_probe_result(void *arg, uint16_t host,
			    const struct probe_schedule_result *p)
{
	struct engine *n = arg;
	struct line l = {
		.kind = LINE_PROBE, .host = host, .time = p->time, .is_ok = p->is_well
	};
	writer_add(n->writer, &l);
	check_log(n, host);
	/* What a stranger said must not look like a key of ours. */
	char reply[256];
	(void)str_copy(reply, sizeof(reply), p->reply);
	for (char *c = reply; *c; c++) {
		if (*c == '"')
			*c = '\'';
	}
	alarm_raise_health(n, host, p->is_well, reply);
	const char *name = host_name(n, host);
	if (!p->is_news)
		log_debug("probe host=%s well=%s reply=\"%s\"", name,
			  p->is_well ? "yes" : "no", reply);
	else if (p->is_well)
		log_info("health host=%s well=yes reply=\"%s\"", name, reply);
	else
		log_warning("health host=%s well=no reply=\"%s\"", name, reply);
}

struct probe_schedule_sink lines_probe_sink(struct engine *n)
{
	return (struct probe_schedule_sink){ .began = on_probe_began,
					     .ended = on_probe_ended,
					     .result = on_probe_result,
					     .arg = n };
}

static void on_past_probe(void *arg, uint16_t host, int64_t time)
{
	struct engine *n = arg;
	const struct host *h = sites_host_of(writer_sites(n->writer), host);
	uint16_t log = watch_log(n->watch, host);
	for (size_t i = 0; h && i < h->address_count; i++) {
		uint64_t probe = self_probe_began(
		    n->self_probes, log, self_probe_route(h->addresses[i].addr), time);
		self_probe_ended(n->self_probes, probe, time, false);
	}
}

void lines_past_probes(struct engine *n)
{
	struct error e;
	const struct sites *s = writer_sites(n->writer);
	for (size_t i = 0; i < s->host_count; i++) {
		uint16_t host = s->hosts[i].host;
		if (watch_log(n->watch, host) == 0)
			continue;
		if (probe_each_last(writer_db(n->writer), host, PAST_PROBES,
				    on_past_probe, n, &e) < 0)
			log_warning("probes-unknown reason=\"%s\" note=\"visits of our "
				    "own probes may be taken for those of a sender\"",
				    e.text);
	}
}
