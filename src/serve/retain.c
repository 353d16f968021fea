#include "serve/retain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "old/journal.h"
#include "old/judge.h"

struct retain {
	uv_loop_t *loop;
	uv_work_t work;
	char *path;
	int64_t next; /* 0: not planned yet */
	bool is_busy;
	/* Between the loop and the worker: written before the work is queued and
	 * read after it is back, but for the flag, which may be late. */
	atomic_bool is_cancelled;
	int64_t before, deleted;
	struct error error;
};

struct past_judge {
	struct judge *judge;
	uint64_t upto;
	const atomic_bool *is_cancelled;
};

enum { REPLAY_ENOUGH = 1 };

static void no_verdict(void *arg, const struct verdict *v)
{
	(void)arg;
	(void)v;
}

static void no_listing(void *arg, const struct listing *l)
{
	(void)arg;
	(void)l;
}

static int load(void *arg, const void *data, size_t len, struct error *e)
{
	struct past_judge *p = arg;
	return judge_load(p->judge, data, len, e);
}

static int feed(void *arg, const struct record *r, struct error *e)
{
	struct past_judge *p = arg;
	struct error unreadable; /* as ledger.c: it changes nothing, and was said */
	if (p->is_cancelled && *p->is_cancelled)
		return error_set(e, -ECANCELED, "stopping");
	if (r->seq > p->upto)
		return REPLAY_ENOUGH;
	(void)!judge_feed(p->judge, r, &unreadable);
	return 0;
}

/* The state of a judge that was fed the records up to upto. */
static int state_at(struct journal *j, uint64_t upto, const atomic_bool *is_cancelled,
		    struct buf *out, struct error *e)
{
	struct past_judge p = { .judge = judge_new(no_verdict, no_listing, NULL),
				.upto = upto,
				.is_cancelled = is_cancelled };
	int r = journal_replay(j, load, feed, &p, e);
	if (r >= 0) {
		judge_save(p.judge, out);
		r = buf_failed(out) ? error_set(e, FMX_ETOOBIG,
						"the state of all senders is larger "
						"than a checkpoint may be")
				    : 0;
	}
	judge_free(p.judge);
	return r;
}

int64_t retain_run(const char *journal_path, int64_t before,
		   const atomic_bool *is_cancelled, struct error *e)
{
	struct journal *j;
	int r = journal_open(journal_path, JOURNAL_WRITE, &j, e);
	if (r < 0)
		return r;
	int64_t deleted = 0;
	uint64_t upto = journal_seq_before(j, before);
	if (upto > 0) {
		struct buf state = BUF_INIT(RETAIN_MAX_STATE);
		deleted = state_at(j, upto, is_cancelled, &state, e);
		if (deleted == 0)
			deleted = journal_retain(j, upto, buf_text(&state), state.len, e);
		buf_release(&state);
	}
	journal_close(j);
	return deleted;
}

static void on_worker(uv_work_t *w)
{
	struct retain *r = w->data;
	r->deleted = retain_run(r->path, r->before, &r->is_cancelled, &r->error);
}

static void on_back(uv_work_t *w, int status)
{
	struct retain *r = w->data;
	r->is_busy = false;
	if (status == UV_ECANCELED || r->deleted == -ECANCELED)
		return;
	if (r->deleted < 0)
		log_warning("retention-failed reason=\"%s\"", r->error.text);
	else if (r->deleted > 0)
		log_info("retention deleted=%lld", (long long)r->deleted);
}

struct retain *retain_new(uv_loop_t *loop, const char *journal_path)
{
	struct retain *r = xcalloc(1, sizeof(*r));
	r->loop = loop;
	r->path = xstrdup(journal_path);
	r->work.data = r;
	return r;
}

void retain_tick(struct retain *r, int64_t now, int64_t keep)
{
	if (!r->next)
		r->next = now + STAMP_HOUR;
	if (now < r->next || r->is_busy || r->is_cancelled)
		return;
	r->next = now + RETAIN_INTERVAL;
	r->before = now - keep;
	r->is_busy = uv_queue_work(r->loop, &r->work, on_worker, on_back) == 0;
}

bool retain_is_busy(const struct retain *r)
{
	return r->is_busy;
}

void retain_stop(struct retain *r)
{
	r->is_cancelled = true;
	if (r->is_busy)
		(void)uv_cancel(
		    (uv_req_t *)&r->work); /* too late: it looks at the flag */
}

void retain_free(struct retain *r)
{
	if (!r)
		return;
	assert(!r->is_busy);
	free(r->path);
	free(r);
}
