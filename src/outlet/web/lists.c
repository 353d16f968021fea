#include "outlet/web/lists.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "outlet/gate.h"
#include "outlet/web/question.h"

#define KEPT (5 * STAMP_SECOND)
enum { LONGER = 3 /* times what it took */, LIST_MAX = 1 << 30 };

struct kept {
	int64_t until; /* monotonic */
	int64_t modified;
	uint64_t hash;
	struct buf text;
};

struct lists {
	char *path;
	const struct config *config;
	struct stamp_clock clock;
	pthread_mutex_t lock;
	struct kept kept[LIST_FORMATS];
};

struct lists *lists_new(const char *journal, const struct config *config,
			struct stamp_clock clock)
{
	struct lists *all = xcalloc(1, sizeof(*all));
	all->path = xstrdup(journal);
	all->config = config;
	all->clock = clock;
	(void)pthread_mutex_init(&all->lock, NULL); /* cannot fail on Linux */
	for (size_t i = 0; i < LIST_FORMATS; i++)
		all->kept[i].text = (struct buf)BUF_INIT(LIST_MAX);
	return all;
}

void lists_free(struct lists *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < LIST_FORMATS; i++)
		buf_release(&all->kept[i].text);
	(void)pthread_mutex_destroy(&all->lock);
	free(all->path);
	free(all);
}

static void put(void *arg, const char *text, size_t len)
{
	buf_add(arg, text, len);
}

/* A list of nobody, and why. */
static void write_nobody(enum list_format f, int64_t now, const char *why,
			 struct buf *out)
{
	struct list_out to = { put, out };
	struct list_head head = { .note = why, .now = now };
	struct list_writer w;
	list_begin(&w, f, &head, &to);
	(void)list_end(&w); /* nothing was counted */
}

static int write_listed(const struct lists *all, enum list_format f,
			const struct question *q, struct buf *out, struct error *e)
{
	struct gate g;
	struct list_out to = { put, out };
	struct list_counts counts;
	int rc = gate_open(&g, all->config, q->db, q->ask, q->now, GATE_STALE, e);
	if (rc != 0)
		return rc;
	struct list_head head = gate_head(&g, q->ask);
	struct list_filter filter = gate_filter(&g);
	rc = list_ask(q->ask, f, &head, &filter, &to, &counts, e);
	gate_close(&g);
	return rc;
}

static void write_list(const struct lists *all, enum list_format f, struct buf *out)
{
	struct error e;
	struct question q;
	int rc = question_open(all->path, all->clock, &q, &e);
	if (rc == 0)
		rc = write_listed(all, f, &q, out, &e);
	if (rc != 0 || buf_failed(out)) {
		buf_release(out); /* nobody, rather than some */
		*out = (struct buf)BUF_INIT(LIST_MAX);
		write_nobody(f, q.now, rc != 0 ? e.text : "there are too many", out);
	}
	question_close(&q);
}

static void make(struct lists *all, enum list_format f, struct kept *k)
{
	int64_t began = stamp_monotonic();
	buf_clear(&k->text);
	write_list(all, f, &k->text);
	uint64_t hash = hash_bytes(buf_text(&k->text), k->text.len);
	if (k->until == 0 || hash != k->hash)
		k->modified = stamp_clock_now(all->clock);
	k->hash = hash;
	int64_t now = stamp_monotonic();
	k->until = now + stamp_later(KEPT, LONGER * (now - began));
}

bool lists_get(struct lists *all, const char *format, struct lists_text *ret_text,
	       struct buf *out)
{
	enum list_format f;
	if (!list_format_parse(format, &f))
		return false;
	struct kept *k = &all->kept[f];
	(void)pthread_mutex_lock(&all->lock);
	if (stamp_monotonic() >= k->until)
		make(all, f, k);
	buf_add(out, buf_text(&k->text), k->text.len);
	*ret_text = (struct lists_text){ list_format_type(f), k->modified };
	(void)pthread_mutex_unlock(&all->lock);
	return true;
}
