#include "serve/metrics/publish_metrics.h"

#include <sys/stat.h>

#include "outlet/publish_state.h"

/* publish replaces a file when its content changed. */
void publish_metrics_files(const struct engine *n, const struct metric_row *row,
			   struct buf *out)
{
	struct stat st;
	for (size_t i = 0; i < n->config.publish_count; i++) {
		const struct config_publish *p = &n->config.publish[i];
		if (*p->file && stat(p->file, &st) == 0)
			buf_addf(out, "%s{list=\"%s\"} %lld\n", row->name, p->name,
				 (long long)st.st_mtim.tv_sec);
	}
}

static void each_published(const struct engine *n, const struct metric_row *row,
			   void (*fn)(const struct metric_row *row, const char *list,
				      const struct publish_count *c, struct buf *out),
			   struct buf *out)
{
	char path[CONFIG_TEXT_MAX + 32];
	struct publish_state s;
	if (!publish_state_path(&n->config, path, sizeof(path)))
		return;
	publish_state_read(path, &n->config, &s);
	for (size_t i = 0; s.is_there && i < n->config.publish_count; i++)
		fn(row, n->config.publish[i].name, &s.counts[i], out);
	publish_state_release(&s);
}

static void right_of(const struct metric_row *row, const char *list,
		     const struct publish_count *c, struct buf *out)
{
	if (c->right_at)
		buf_addf(out, "%s{list=\"%s\"} %.3f\n", row->name, list,
			 (double)c->right_at / (double)STAMP_SECOND);
}

void publish_metrics_right(const struct engine *n, const struct metric_row *row,
			   struct buf *out)
{
	each_published(n, row, right_of, out);
}

static void fill_of_list(const struct metric_row *row, const char *list, uint64_t value,
			 struct buf *out)
{
	buf_addf(out, "%s{list=\"%s\"} %llu\n", row->name, list,
		 (unsigned long long)value);
}

static void senders_of(const struct metric_row *row, const char *list,
		       const struct publish_count *c, struct buf *out)
{
	if (c->right_at)
		fill_of_list(row, list, c->listed, out);
}

void publish_metrics_senders(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	each_published(n, row, senders_of, out);
}

static void changes_of(const struct metric_row *row, const char *list,
		       const struct publish_count *c, struct buf *out)
{
	fill_of_list(row, list, c->changes, out);
}

void publish_metrics_changes(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	each_published(n, row, changes_of, out);
}

static void failures_of(const struct metric_row *row, const char *list,
			const struct publish_count *c, struct buf *out)
{
	fill_of_list(row, list, c->failures, out);
}

void publish_metrics_failures(const struct engine *n, const struct metric_row *row,
			      struct buf *out)
{
	each_published(n, row, failures_of, out);
}

static void failing_of(const struct metric_row *row, const char *list,
		       const struct publish_count *c, struct buf *out)
{
	fill_of_list(row, list, c->is_failing, out);
}

void publish_metrics_failing(const struct engine *n, const struct metric_row *row,
			     struct buf *out)
{
	each_published(n, row, failing_of, out);
}
