/* What sources and probes give, on its way to the ledger. */
#include "serve/internal.h"

#include "base/log.h"
#include "base/mem.h"

static void on_commit_due(uv_timer_t *t)
{
	engine_commit(t->data);
}

void input_add(struct engine *n, struct record *r)
{
	if (!r->text)
		r->text = "";
	if (!r->note)
		r->note = "";
	ledger_add(n->ledger, r);
	n->waiting++;
	/* While the journal cannot be written the tick tries again. */
	if (n->is_stopping || ledger_is_failing(n->ledger))
		return;
	/* Not here and now: a source's callback has no time for a commit. */
	if (n->waiting == 1)
		(void)uv_timer_start(&n->commit, on_commit_due, n->commit_delay_ms, 0);
	else if (n->waiting == COMMIT_BATCH)
		(void)uv_timer_start(&n->commit, on_commit_due, 0, 0);
}

/* Our probes are known by the log that shows them, whichever of its hosts they
 * went to. */
static bool is_own_visit(struct engine *n, const struct visit *v)
{
	struct visit at_log = *v;
	uint16_t log = watch_log(n->watch, v->host);
	at_log.host = log ? log : v->host;
	return own_explains(n->own, &at_log);
}

static void on_visit(void *arg, const struct visit *v)
{
	struct engine *n = arg;
	/* Logs are read again after a restart, and show our probes; the others
	 * tell of this moment. */
	bool is_live = v->source == VISIT_SOURCE_DECOY ||
		       v->source == VISIT_SOURCE_KNOCK ||
		       v->source == VISIT_SOURCE_POLICY;
	if (!is_live && past_has_visit(n->past, v)) {
		n->old_visits++;
		return;
	}
	if (!is_live && is_own_visit(n, v)) {
		n->own_visits++;
		return;
	}
	n->visits++;
	n->hosts[v->host].visits++;
	struct record r = { .kind = RECORD_VISIT, .time = v->time, .visit = *v };
	input_add(n, &r);
	marks_visit(n->marks, v->host, v->time);
	if (policy_server_counts(n->policy).listeners)
		desk_fresh(n->desk, v);
	names_visit(n->names, v);
}

/* What a log says is believed as far as it has shown our probes (own.h). */
static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct engine *n = arg;
	uint16_t log = watch_log(n->watch, host); /* 0: a decoy, which sees for itself */
	int64_t proven = log ? own_proven(n->own, log) : STAMP_NEVER;
	int64_t at = ledger_now(n->ledger);
	if (upto > proven)
		upto = at = proven;
	marks_note(n->marks, host, upto, at);
	warn_watermark(n, host, upto);
	if (log)
		past_mark(n->past, host, upto, at);
}

/* Says once when a log stops showing our probes, and once when it shows them
 * again. */
static void check_log(struct engine *n, uint16_t host)
{
	uint16_t log = watch_log(n->watch, host);
	bool *was_missing = &n->is_log_stalled[log];
	if (!log)
		return;
	bool is_missing = own_is_missing(n->own, log, n->config.rules.probe_interval,
					 ledger_now(n->ledger));
	if (is_missing && !*was_missing)
		log_warning(
		    "log-stalled host=%s reason=\"our own probes no longer appear "
		    "in its log; nobody is judged by it\"",
		    input_host_name(n, log));
	else if (!is_missing && *was_missing)
		log_info("log-resumed host=%s", input_host_name(n, log));
	bool is_news = is_missing != *was_missing;
	*was_missing = is_missing;
	if (is_news)
		warn_stalled(n, log, is_missing);
}

static void take_trouble(struct engine *n, enum alarm_kind kind, uint16_t host,
			 bool is_over, const char *sentence)
{
	warn_trouble(n, kind, host, is_over, sentence);
	if (is_over)
		log_info("trouble-over host=%s reason=\"%s\"", input_host_name(n, host),
			 sentence);
	else
		log_warning("trouble host=%s reason=\"%s\"", input_host_name(n, host),
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
	const struct engine *n = arg;
	const struct host *h = judge_host(ledger_judge(n->ledger), host, NULL);
	if (h && h->role != ROLE_REAL)
		on_decoy_trouble(arg, host, is_over, sentence);
	else
		on_source_trouble(arg, host, is_over, sentence);
}

/* As a probe that failed just before it was up again: what the real probes
 * around it cannot see. */
static void on_outage(void *arg, uint16_t host, int64_t until)
{
	struct engine *n = arg;
	struct record r = { .kind = RECORD_HEALTH, .host = host, .time = until };
	input_add(n, &r);
	log_warning("health host=%s well=no reply=\"its log says that it was started\"",
		    input_host_name(n, host));
}

/* As failed probes all through it: whoever was there is excused. What the judge
 * makes of a failed probe is in rules: it reaches from a probe interval before
 * to unwell_tail after. Of more than GAP_LONGEST ago nothing is undecided. */
#define GAP_LONGEST (6 * STAMP_DAY)
enum { GAP_RECORDS = 2000 }; /* with a short unwell_tail, a long gap gets holes */

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	struct engine *n = arg;
	const struct rules *rules = &n->config.rules;
	int64_t step = rules->unwell_tail + rules->probe_interval;
	int64_t first = past_began(n->past);
	char since[STAMP_TEXT_MAX], until[STAMP_TEXT_MAX];
	if (from < first)
		from = first;
	if (from < to - GAP_LONGEST)
		from = to - GAP_LONGEST;
	if (from >= to)
		return;
	if (step < (to - from) / GAP_RECORDS)
		step = (to - from) / GAP_RECORDS;
	for (int64_t t = from; t < to; t += step) {
		struct record r = { .kind = RECORD_HEALTH, .host = host, .time = t };
		input_add(n, &r);
	}
	log_warning("gap host=%s since=%s until=%s reason=\"nobody saw who came to it; "
		    "nobody is judged by that time\"",
		    input_host_name(n, host), stamp_text(from, since),
		    stamp_text(to, until));
}

struct source_sink input_sink(struct engine *n)
{
	return (struct source_sink){ .visit = on_visit,
				     .watermark = on_watermark,
				     .trouble = on_trouble,
				     .outage = on_outage,
				     .gap = on_gap,
				     .arg = n };
}

static void on_name(void *arg, const struct record_name *name)
{
	struct record r = { .kind = RECORD_NAME, .name = *name };
	input_add(arg, &r);
	char client[ADDR_TEXT_MAX];
	log_debug("name client=%s name=%s confirmed=%s generic=%s spf=%s",
		  addr_text(name->client, client), *name->name ? name->name : "-",
		  name->is_confirmed ? "yes" : "no", name->is_generic ? "yes" : "no",
		  name->spf_passes ? "pass" : "-");
}

static void on_names_trouble(void *arg, bool is_over, const char *sentence)
{
	(void)arg;
	if (is_over)
		log_info("names-resumed reason=\"%s\"", sentence);
	else
		log_warning("names-stalled reason=\"%s\"", sentence);
}

struct names_sink input_names_sink(struct engine *n)
{
	return (struct names_sink){ .learnt = on_name,
				    .trouble = on_names_trouble,
				    .arg = n };
}

/* A decoy's own eye was shut: in the journal, for the judge and the report. */
static void on_blind(void *arg, uint16_t host, int64_t until, const char *why)
{
	struct record r = {
		.kind = RECORD_HEALTH, .host = host, .time = until, .text = why
	};
	input_add(arg, &r);
}

struct knock_sink input_knock_sink(struct engine *n)
{
	struct source_sink source = input_sink(n);
	source.trouble = on_source_trouble;
	return (struct knock_sink){ .source = source,
				    .blind = on_blind,
				    .drops = on_decoy_trouble };
}

static void write_mark(void *arg, uint16_t host, int64_t upto)
{
	struct record r = { .kind = RECORD_WATERMARK, .host = host, .time = upto };
	input_add(arg, &r);
}

void input_write_marks(struct engine *n, enum marks_need need)
{
	(void)marks_write(n->marks, ledger_now(n->ledger), need, write_mark, n);
}

static uint64_t on_probe_began(void *arg, uint16_t host, struct addr from, int64_t now)
{
	struct engine *n = arg;
	return own_began(n->own, watch_log(n->watch, host), from, now);
}

static void on_probe_ended(void *arg, uint64_t probe, int64_t now, bool was_open)
{
	struct engine *n = arg;
	own_ended(n->own, probe, now, was_open);
}

static void on_probe_result(void *arg, uint16_t host, const struct health_result *h)
{
	struct engine *n = arg;
	struct record r = {
		.kind = RECORD_HEALTH, .host = host, .time = h->time, .is_ok = h->is_well
	};
	input_add(n, &r);
	check_log(n, host);
	/* What a stranger said must not look like a key of ours. */
	char reply[256];
	(void)str_copy(reply, sizeof(reply), h->reply);
	for (char *c = reply; *c; c++) {
		if (*c == '"')
			*c = '\'';
	}
	warn_health(n, host, h->is_well, reply);
	const char *name = input_host_name(n, host);
	if (!h->is_news)
		log_debug("probe host=%s well=%s reply=\"%s\"", name,
			  h->is_well ? "yes" : "no", reply);
	else if (h->is_well)
		log_info("health host=%s well=yes reply=\"%s\"", name, reply);
	else
		log_warning("health host=%s well=no reply=\"%s\"", name, reply);
}

struct health_sink input_health_sink(struct engine *n)
{
	return (struct health_sink){ .began = on_probe_began,
				     .ended = on_probe_ended,
				     .result = on_probe_result,
				     .arg = n };
}

const char *input_host_name(const struct engine *n, uint16_t host)
{
	const struct host *h = judge_host(ledger_judge(n->ledger), host, NULL);
	return h ? h->name : "?";
}
