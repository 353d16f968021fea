#include "outlet/past.h"

static void on_verdict(void *arg, const struct verdict *v)
{
	struct past *p = arg;
	if (p->on_verdict)
		p->on_verdict(p->arg, v);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct past *p = arg;
	if (p->on_listing)
		p->on_listing(p->arg, l);
}

static int on_checkpoint(void *arg, const void *data, size_t len, struct error *e)
{
	struct past *p = arg;
	return judge_load(p->judge, data, len, e);
}

static int on_record(void *arg, const struct record *r, struct error *e)
{
	struct past *p = arg;
	int rc = judge_feed(p->judge, r, e);
	if (rc == FMX_EMALFORMED)
		rc = 0; /* it changes nothing, as in serve, which said so */
	if (rc != 0)
		return rc;
	if (p->first_seen == 0)
		p->first_seen = r->seen;
	if (p->now < r->seen)
		p->now = r->seen;
	if (p->on_record)
		p->on_record(p->arg, r);
	return 0;
}

int past_open(struct past *p, struct journal *j, int64_t now, struct error *e)
{
	p->judge = judge_new(on_verdict, on_listing, p);
	p->first_seen = 0;
	p->now = now;
	int rc = journal_replay(j, on_checkpoint, on_record, p, e);
	if (rc != 0) {
		past_release(p);
		return rc;
	}
	judge_advance(p->judge, p->now);
	return 0;
}

void past_release(struct past *p)
{
	judge_free(p->judge);
	p->judge = NULL;
}
