#include "serve/metrics/metrics.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "base/log.h"
#include "serve/metrics/publish_metrics.h"
#include "serve/metrics/report_metrics.h"

enum { METRICS_MAX = 4 * 1024 * 1024, FILE_MODE = 0644 };

typedef void (*host_fn)(const struct engine *n, const struct metric_row *row,
			const struct host *h, struct buf *out);

static void each_host(const struct engine *n, const struct metric_row *row,
		      struct buf *out, host_fn fn)
{
	for (size_t i = 0; i < n->config.site_count; i++) {
		const struct site *s = &n->config.sites[i];
		for (size_t k = 0; k < s->host_count; k++)
			fn(n, row, &s->hosts[k], out);
	}
}

/* Names of hosts and sites are letters, digits and ._- alone, and need no
 * escape. A host of several sites is one line for each: the site tells. */
static const char *site_of(const struct engine *n, const struct host *h)
{
	for (size_t i = 0; i < n->config.site_count; i++) {
		const struct site *s = &n->config.sites[i];
		if (h >= s->hosts && h < s->hosts + s->host_count)
			return s->name;
	}
	return "";
}

static void add_host(const struct engine *n, const struct metric_row *row,
		     const struct host *h, struct buf *out)
{
	buf_addf(out, "%s{site=\"%s\",host=\"%s\"", row->name, site_of(n, h), h->name);
}

static void fill_one(const struct metric_row *row, uint64_t value, struct buf *out)
{
	buf_addf(out, "%s %llu\n", row->name, (unsigned long long)value);
}

static void visits_of(const struct engine *n, const struct metric_row *row,
		      const struct host *h, struct buf *out)
{
	for (int d = DEPTH_KNOCK; d <= DEPTH_DATA; d++) {
		for (int o = OUTCOME_NONE; o <= OUTCOME_ABORTED; o++) {
			uint64_t visits = n->hosts[h->id].visits[d][o];
			/* A decoy's has no outcome, and what never was is no line. */
			if (visits == 0 && (o != OUTCOME_NONE || d != DEPTH_CONNECT))
				continue;
			add_host(n, row, h, out);
			buf_addf(out, ",role=\"%s\",depth=\"%s\",outcome=\"%s\"} %llu\n",
				 role_name(h->role), depth_name((enum depth)d),
				 o == OUTCOME_NONE ? "" : outcome_name((enum outcome)o),
				 (unsigned long long)visits);
		}
	}
}

static void fill_visits(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	each_host(n, row, out, visits_of);
}

static void fill_moment(const struct metric_row *row, int64_t moment, struct buf *out)
{
	buf_addf(out, "%s %.3f\n", row->name, (double)moment / (double)STAMP_SECOND);
}

static void watermark_of(const struct engine *n, const struct metric_row *row,
			 const struct host *h, struct buf *out)
{
	int64_t upto = n->hosts[h->id].upto;
	if (upto == 0)
		upto = watermarks_told(n->watermarks, h->id);
	if (upto == 0)
		return; /* it never had one */
	add_host(n, row, h, out);
	buf_addf(out, "} %.3f\n", (double)upto / (double)STAMP_SECOND);
}

static void fill_watermarks(const struct engine *n, const struct metric_row *row,
			    struct buf *out)
{
	each_host(n, row, out, watermark_of);
}

static void fill_build(const struct engine *n, const struct metric_row *row,
		       struct buf *out)
{
	(void)n;
	buf_addf(out, "%s{version=\"" FMX_VERSION "\"} 1\n", row->name);
}

static void fill_written(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	int64_t at = writer_counts(n->writer).committed_at;
	if (at > 0)
		fill_moment(row, at, out);
}

static void fill_now(const struct engine *n, const struct metric_row *row,
		     struct buf *out)
{
	fill_moment(row, writer_now(n->writer), out);
}

static void fill_commits(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	struct writer_counts c = writer_counts(n->writer);
	buf_addf(out, "%s_sum %.6f\n%s_count %llu\n", row->name,
		 (double)c.commit_us / (double)STAMP_SECOND, row->name,
		 (unsigned long long)c.commits);
}

static void fill_bytes(const struct engine *n, const struct metric_row *row,
		       struct buf *out)
{
	static const char *const files[] = { "", "-wal" };
	char path[CONFIG_TEXT_MAX + 32];
	struct stat st;
	uint64_t bytes = 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", db_path(writer_db(n->writer)),
			       files[i]);
		bytes += stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
	}
	fill_one(row, bytes, out);
}

static void probes_of(const struct engine *n, const struct metric_row *row,
		      const struct host *h, struct buf *out)
{
	const struct engine_host *to = &n->hosts[h->id];
	if (h->role != ROLE_REAL)
		return;
	add_host(n, row, h, out);
	buf_addf(out, ",result=\"good\"} %llu\n", (unsigned long long)to->probes_good);
	add_host(n, row, h, out);
	buf_addf(out, ",result=\"bad\"} %llu\n", (unsigned long long)to->probes_bad);
}

static void fill_probes(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	each_host(n, row, out, probes_of);
}

static void fill_answers(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	struct policy_answer_counts c = policy_answers_counts(n->answers);
	const struct {
		const char *name;
		uint64_t count;
	} all[] = { { "header", c.headers },
		    { "defer", c.deferred },
		    { "dunno", c.dunno } };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_addf(out, "%s{answer=\"%s\"} %llu\n", row->name, all[i].name,
			 (unsigned long long)all[i].count);
}

static void fill_answer_time(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	struct policy_answer_counts c = policy_answers_counts(n->answers);
	unsigned long long count = c.headers;
	count += c.deferred + c.dunno;
	buf_addf(out, "%s_sum %.6f\n%s_count %llu\n", row->name,
		 (double)c.took_us / (double)STAMP_SECOND, row->name, count);
}

static void well_of(const struct engine *n, const struct metric_row *row,
		    const struct host *h, struct buf *out)
{
	if (h->role != ROLE_REAL || !n->hosts[h->id].is_probed)
		return;
	add_host(n, row, h, out);
	buf_addf(out, "} %d\n", n->hosts[h->id].is_unwell ? 0 : 1);
}

static void fill_well(const struct engine *n, const struct metric_row *row,
		      struct buf *out)
{
	each_host(n, row, out, well_of);
}

static void add_alarm(const struct engine *n, const struct metric_row *row,
		      enum alarm_kind kind, const char *host, struct buf *out)
{
	buf_addf(out, "%s{kind=\"%s\",host=\"%s\"} %d\n", row->name,
		 alarm_rows()[kind].name, host, alarms_is_on(n->alarms, kind, host));
}

/* A name that several sites have is one alarm, and must be one line. */
static bool is_first_of_name(const struct engine *n, const struct host *h)
{
	for (size_t i = 0; i < n->config.site_count; i++) {
		const struct site *s = &n->config.sites[i];
		for (size_t k = 0; k < s->host_count; k++) {
			if (strcmp(s->hosts[k].name, h->name) == 0)
				return &s->hosts[k] == h;
		}
	}
	return true;
}

static void alarms_of(const struct engine *n, const struct metric_row *row,
		      const struct host *h, struct buf *out)
{
	bool is_real = h->role == ROLE_REAL;
	if (!is_first_of_name(n, h))
		return;
	if (is_real)
		add_alarm(n, row, ALARM_HOST, h->name, out);
	if (is_real || h->posture == POSTURE_CLOSED)
		add_alarm(n, row, ALARM_SOURCE, h->name, out);
	if (!is_real && h->posture == POSTURE_CLOSED)
		add_alarm(n, row, ALARM_DECOY, h->name, out);
}

static void fill_alarms(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	each_host(n, row, out, alarms_of);
	buf_addf(out, "%s{kind=\"%s\",host=\"\"} %d\n", row->name,
		 alarm_rows()[ALARM_SENDER].name,
		 alarms_count(n->alarms, ALARM_SENDER) > 0);
	add_alarm(n, row, ALARM_JOURNAL, "", out);
}

static void fill_at_risk(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	fill_one(row, alarms_count(n->alarms, ALARM_SENDER), out);
}

static void fill_senders(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	const struct journal_numbers *j = journal_counts_get(n->journal_counts);
	if (j)
		fill_one(row, j->senders, out);
}

static void fill_listed(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	const struct journal_numbers *j = journal_counts_get(n->journal_counts);
	if (j)
		fill_one(row, j->listed, out);
}

static void fill_would(const struct engine *n, const struct metric_row *row,
		       struct buf *out)
{
	const struct journal_numbers *j = journal_counts_get(n->journal_counts);
	if (j)
		fill_one(row, j->would_be, out);
}

static void fill_counted(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	const struct journal_numbers *j = journal_counts_get(n->journal_counts);
	if (j)
		fill_moment(row, j->counted_at, out);
}

static void fill_dropped(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	fill_one(row, take_counts(writer_take(n->writer)).dropped, out);
}

static void fill_over_budget(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	fill_one(row, take_counts(writer_take(n->writer)).over_budget, out);
}

static void fill_records(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	fill_one(row, take_counts(writer_take(n->writer)).lines, out);
}

static void fill_pending(const struct engine *n, const struct metric_row *row,
			 struct buf *out)
{
	fill_one(row, take_counts(writer_take(n->writer)).pending, out);
}

static void fill_connections(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	fill_one(row, decoy_counts(n->decoys).open, out);
}

static void fill_reset(const struct engine *n, const struct metric_row *row,
		       struct buf *out)
{
	struct decoy_counts c = decoy_counts(n->decoys);
	const struct {
		const char *name;
		uint64_t count;
	} all[] = { { "connections", c.over_connections },
		    { "connections_per_client", c.over_client },
		    { "time", c.over_time },
		    { "commands", c.over_commands },
		    { "output", c.over_output },
		    { "descriptors", c.accept_failed } };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_addf(out, "%s{limit=\"%s\"} %llu\n", row->name, all[i].name,
			 (unsigned long long)all[i].count);
}

struct lines_fill {
	const struct metric_row *row;
	struct buf *out;
	bool is_unread;
};

static void lines_of(void *arg, const char *host, const struct watch_counts *c)
{
	const struct lines_fill *f = arg;
	buf_addf(f->out, "%s{host=\"%s\"} %llu\n", f->row->name, host,
		 (unsigned long long)(f->is_unread ? c->unread : c->lines));
}

static void fill_lines(const struct engine *n, const struct metric_row *row,
		       struct buf *out)
{
	struct lines_fill f = { row, out, false };
	watch_each(n->watch, lines_of, &f);
}

static void fill_unread(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	struct lines_fill f = { row, out, true };
	watch_each(n->watch, lines_of, &f);
}

static const struct metric_row rows[] = {
	{ "fakemx_build_info", "gauge", "version", "1: this version.", fill_build },
	{ "fakemx_visits_total", "counter", "site,host,role,depth,outcome",
	  "Visits since the start; outcome is empty at decoys, and where it is not "
	  "known.",
	  fill_visits },
	{ "fakemx_watermark_timestamp_seconds", "gauge", "site,host",
	  "The moment up to which all visits of the host are known.", fill_watermarks },
	{ "fakemx_written_timestamp_seconds", "gauge", "",
	  "When the journal was last written to.", fill_written },
	{ "fakemx_metrics_timestamp_seconds", "gauge", "",
	  "When these metrics were written; serve does so every 15 seconds.", fill_now },
	{ "fakemx_probes_total", "counter", "site,host,result",
	  "Health probes of the real host; result is good or bad.", fill_probes },
	{ "fakemx_host_well", "gauge", "site,host",
	  "1: the last health probe of the real host succeeded.", fill_well },
	{ "fakemx_alarm", "gauge", "kind,host",
	  "1: the alarm is on. For senders and the journal host is empty.", fill_alarms },
	{ "fakemx_at_risk_senders", "gauge", "", "Known senders with an alarm.",
	  fill_at_risk },
	{ "fakemx_senders", "gauge", "",
	  "Senders that the journal knows; counted every five minutes.", fill_senders },
	{ "fakemx_listed", "gauge", "", "Senders on the list.", fill_listed },
	{ "fakemx_would_be_listed", "gauge", "",
	  "Senders that would be listed but for mode = observe, watched days or a pause.",
	  fill_would },
	{ "fakemx_counted_timestamp_seconds", "gauge", "",
	  "When the senders, the list and the report of seven days were last counted.",
	  fill_counted },
	{ "fakemx_published_timestamp_seconds", "gauge", "list",
	  "When the file of the publish section last changed.", publish_metrics_files },
	{ "fakemx_publish_success_timestamp_seconds", "gauge", "list",
	  "When publish last saw to it that the list is as it should be, changed or not.",
	  publish_metrics_right },
	{ "fakemx_publish_senders", "gauge", "list", "Senders in the published list.",
	  publish_metrics_senders },
	{ "fakemx_publish_changes_total", "counter", "list",
	  "Changes that publish made: of a zone each name, of a file each time.",
	  publish_metrics_changes },
	{ "fakemx_publish_failures_total", "counter", "list",
	  "Times that the list could not be published.", publish_metrics_failures },
	{ "fakemx_publish_failing", "gauge", "list",
	  "1: the list could not be published the last time.", publish_metrics_failing },
	{ "fakemx_order_senders", "gauge", "site,order",
	  "Senders of the last seven days by the order in which they tried the hosts.",
	  report_metrics_orders },
	{ "fakemx_fate_senders", "gauge", "site,fate",
	  "Senders of the last seven days by what became of them.",
	  report_metrics_fates },
	{ "fakemx_stopped_senders_ratio", "gauge", "site",
	  "Stopped senders of those that were stopped or reached a real host, seven "
	  "days.",
	  report_metrics_stopped },
	{ "fakemx_spam_stopped_ratio", "gauge", "site",
	  "Attempts to bring spam that decoys stopped, of all, seven days.",
	  report_metrics_spam },
	{ "fakemx_coverage_ratio", "gauge", "site",
	  "Part of the last seven days in which all real hosts were watched and well.",
	  report_metrics_coverage },
	{ "fakemx_delay_seconds", "histogram", "site",
	  "Delays of good mail in the last seven days, at most; ask it without rate().",
	  report_metrics_delays },
	{ "fakemx_at_risk", "gauge", "site,tier",
	  "Stopped senders and missing messages of seven days that may have been good.",
	  report_metrics_tiers },
	{ "fakemx_messages_missing", "gauge", "site",
	  "Of those at risk, messages whose senders came with others.",
	  report_metrics_missing },
	{ "fakemx_policy_answers_total", "counter", "answer",
	  "Answers to Postfix: header, defer or dunno.", fill_answers },
	{ "fakemx_policy_answer_seconds", "summary", "",
	  "Time that answers to Postfix took.", fill_answer_time },
	{ "fakemx_journal_bytes", "gauge", "",
	  "Size of the journal with its write-ahead log.", fill_bytes },
	{ "fakemx_journal_commit_seconds", "summary", "",
	  "Time that commits of the journal took.", fill_commits },
	{ "fakemx_dropped_visits_total", "counter", "",
	  "Visits that found no room while the journal could not be written.",
	  fill_dropped },
	{ "fakemx_over_budget_visits_total", "counter", "",
	  "Visits at decoys beyond what a client or a day may write; counted only.",
	  fill_over_budget },
	{ "fakemx_records_total", "counter", "",
	  "Lines written to the journal since the start.", fill_records },
	{ "fakemx_records_pending", "gauge", "",
	  "Lines that wait to be written; it grows while the journal cannot be.",
	  fill_pending },
	{ "fakemx_decoy_connections", "gauge", "", "Connections open at the decoys.",
	  fill_connections },
	{ "fakemx_decoy_reset_total", "counter", "limit",
	  "Connections that a decoy refused or ended, by the limit they met.",
	  fill_reset },
	{ "fakemx_source_lines_total", "counter", "host",
	  "Lines of the log or feed; host is the first of those that share it.",
	  fill_lines },
	{ "fakemx_source_unread_lines_total", "counter", "host",
	  "Of these, lines that could not be read or were refused.", fill_unread },
};

const struct metric_row *metrics_rows(size_t *ret_count)
{
	*ret_count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

static int write_all(const struct engine *n, const struct buf *text, struct error *e)
{
	char path[CONFIG_TEXT_MAX + 32];
	int rc = 0;
	if (*n->config.metrics)
		rc = atomic_file_write(n->config.metrics, buf_text(text), text->len,
				       FILE_MODE, e);
	if (rc == 0 && n->config.web.is_there &&
	    config_metrics_path(&n->config, path, sizeof(path)))
		rc = atomic_file_write(path, buf_text(text), text->len, FILE_MODE, e);
	return rc;
}

void metrics_write(struct engine *n)
{
	struct error e;
	if ((!*n->config.metrics && !n->config.web.is_there) || !n->writer)
		return;
	struct buf out = BUF_INIT(METRICS_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_addf(&out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name,
			 rows[i].meaning, rows[i].name, rows[i].type);
		rows[i].fill(n, &rows[i], &out);
	}
	int rc = buf_failed(&out)
		     ? error_set(&e, FMX_ETOOBIG, "more than %d bytes", METRICS_MAX)
		     : write_all(n, &out, &e);
	if (rc < 0 && !n->is_metrics_failing)
		log_warning("metrics-not-written reason=\"%s\"", e.text);
	else if (rc == 0 && n->is_metrics_failing)
		log_info("metrics-written path=%s", n->config.metrics);
	n->is_metrics_failing = rc < 0;
	buf_release(&out);
}
