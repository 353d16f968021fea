#include "serve/metrics/metrics.h"

#include <stdio.h>

#include "base/log.h"
#include "base/whole.h"

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
	add_host(n, row, h, out);
	buf_addf(out, ",role=\"%s\"} %llu\n", role_name(h->role),
		 (unsigned long long)n->hosts[h->id].visits);
}

static void fill_visits(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	each_host(n, row, out, visits_of);
}

static void age_of(const struct engine *n, const struct metric_row *row,
		   const struct host *h, struct buf *out)
{
	int64_t upto = n->hosts[h->id].upto;
	if (upto == 0)
		upto = watermarks_told(n->watermarks, h->id);
	if (upto == 0)
		return; /* it never had one */
	add_host(n, row, h, out);
	buf_addf(out, "} %.1f\n",
		 (double)(writer_now(n->writer) - upto) / (double)STAMP_SECOND);
}

static void fill_ages(const struct engine *n, const struct metric_row *row,
		      struct buf *out)
{
	each_host(n, row, out, age_of);
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
	if (n->metrics.is_counted)
		fill_one(row, n->metrics.senders, out);
}

static void fill_listed(const struct engine *n, const struct metric_row *row,
			struct buf *out)
{
	if (n->metrics.is_counted)
		fill_one(row, n->metrics.listed, out);
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
	fill_one(row, c.over_connections + c.over_client, out);
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
	{ "fakemx_visits_total", "counter", "site,host,role", "Visits since the start.",
	  fill_visits },
	{ "fakemx_watermark_age_seconds", "gauge", "site,host",
	  "How long ago the moment is up to which all visits are known.", fill_ages },
	{ "fakemx_host_well", "gauge", "site,host",
	  "1: the last health probe of the real host succeeded.", fill_well },
	{ "fakemx_alarm", "gauge", "kind,host",
	  "1: the alarm is on. For senders and the journal host is empty.", fill_alarms },
	{ "fakemx_at_risk_senders", "gauge", "", "Known senders with an alarm.",
	  fill_at_risk },
	{ "fakemx_senders", "gauge", "",
	  "Senders that the journal knows; counted every five minutes.", fill_senders },
	{ "fakemx_listed", "gauge", "",
	  "Senders on the list, or in observe those that would be.", fill_listed },
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
	{ "fakemx_decoy_reset_total", "counter", "",
	  "Connections reset for connections or connections_per_client.", fill_reset },
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

void metrics_write(struct engine *n)
{
	struct error e;
	if (!*n->config.metrics || !n->writer)
		return;
	uint64_t senders, listed;
	if (journal_counts_get(n->journal_counts, &senders, &listed)) {
		n->metrics.is_counted = true;
		n->metrics.senders = senders;
		n->metrics.listed = listed;
	}
	struct buf out = BUF_INIT(METRICS_MAX);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_addf(&out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name,
			 rows[i].meaning, rows[i].name, rows[i].type);
		rows[i].fill(n, &rows[i], &out);
	}
	int rc =
	    buf_failed(&out)
		? error_set(&e, FMX_ETOOBIG, "more than %d bytes", METRICS_MAX)
		: whole_write(n->config.metrics, buf_text(&out), out.len, FILE_MODE, &e);
	if (rc < 0 && !n->is_metrics_failing)
		log_warning("metrics-not-written reason=\"%s\"", e.text);
	else if (rc == 0 && n->is_metrics_failing)
		log_info("metrics-written path=%s", n->config.metrics);
	n->is_metrics_failing = rc < 0;
	buf_release(&out);
}
