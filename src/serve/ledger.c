#include "serve/ledger.h"

#include "base/log.h"
#include "base/mem.h"
#include "serve/say.h"

struct ledger {
	struct journal *journal;
	struct judge *judge;
	struct stamp_clock clock;
	struct buf line;       /* reused for each line of the log */
	bool is_replaying;     /* old verdicts were logged when they were given */
	bool is_failing;       /* the last commit failed, and it was said */
	uint64_t dropped_then; /* journal's count when that began */
	int64_t last_seen;
	ledger_past_fn past;
	void *past_arg;
	struct ledger_listener listener; /* verdict NULL: none */
};

static const char *site_name(const struct ledger *l, uint16_t id)
{
	for (size_t i = 0; i < judge_site_count(l->judge); i++) {
		const struct site *s = judge_site(l->judge, i);
		if (s->id == id)
			return s->name;
	}
	return "?";
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct ledger *l = arg;
	if (l->is_replaying)
		return;
	buf_clear(&l->line);
	say_verdict(v, site_name(l, v->site), &l->line);
	if (say_is_news(v))
		log_info("%s", buf_text(&l->line));
	else
		log_debug("%s", buf_text(&l->line));
	if (l->listener.verdict)
		l->listener.verdict(l->listener.arg, v, site_name(l, v->site));
}

static void on_listing(void *arg, const struct listing *v)
{
	struct ledger *l = arg;
	if (l->is_replaying)
		return;
	buf_clear(&l->line);
	say_listing(v, site_name(l, v->site), &l->line);
	log_info("%s", buf_text(&l->line));
}

/* A record that the judge cannot read changes nothing, in a replay neither:
 * that is no reason to stop. */
static int feed(void *arg, const struct record *r, struct error *e)
{
	struct ledger *l = arg;
	struct error why;
	(void)e;
	if (judge_feed(l->judge, r, &why) < 0)
		log_warning("record-refused seq=%llu kind=%s reason=\"%s\"",
			    (unsigned long long)r->seq, record_kind_name(r->kind),
			    why.text);
	l->last_seen = r->seen;
	if (r->kind == RECORD_FORGET || (l->is_replaying && r->kind != RECORD_ALLOW))
		l->past(l->past_arg, r);
	if (l->listener.record)
		l->listener.record(l->listener.arg, r);
	return 0;
}

/* Retention leaves these in the file, so that none is lost in a checkpoint. */
static int past_allow(void *arg, const struct record *r, struct error *e)
{
	struct ledger *l = arg;
	(void)e;
	l->past(l->past_arg, r);
	return 0;
}

static int load(void *arg, const void *data, size_t len, struct error *e)
{
	struct ledger *l = arg;
	return judge_load(l->judge, data, len, e);
}

int ledger_open(const char *path, struct stamp_clock clock, ledger_past_fn past,
		void *arg, struct ledger **ret_ledger, struct error *e)
{
	struct ledger *l = xcalloc(1, sizeof(*l));
	l->line = (struct buf)BUF_INIT(SAY_MAX);
	l->clock = clock;
	l->past = past;
	l->past_arg = arg;
	int r = journal_open(path, JOURNAL_WRITE, &l->journal, e);
	if (r < 0)
		goto out;
	r = journal_lock(l->journal, e);
	if (r < 0)
		goto out;
	l->judge = judge_new(on_verdict, on_listing, l);
	l->is_replaying = true;
	r = journal_replay(l->journal, load, feed, l, e);
	l->is_replaying = false;
	if (r >= 0)
		r = journal_allowed(l->journal, past_allow, l, e);
out:
	if (r < 0) {
		ledger_close(l);
		return r;
	}
	*ret_ledger = l;
	return 0;
}

void ledger_listen(struct ledger *l, const struct ledger_listener *listener)
{
	l->listener = *listener;
}

void ledger_close(struct ledger *l)
{
	if (!l)
		return;
	journal_close(l->journal);
	if (l->judge)
		judge_free(l->judge);
	buf_release(&l->line);
	free(l);
}

void ledger_add(struct ledger *l, struct record *r)
{
	r->seen = ledger_now(l);
	if (r->time == 0)
		r->time = r->seen;
	/* What does not fit is counted by the journal and said when the disk
	 * takes records again. */
	(void)!journal_append(l->journal, r);
}

static void say_failing(struct ledger *l, const struct error *e)
{
	if (l->is_failing)
		return;
	l->is_failing = true;
	l->dropped_then = journal_counts(l->journal).dropped;
	log_error("journal-failed reason=\"%s\" note=\"serving goes on; up to %d records "
		  "wait in memory\"",
		  e->text, JOURNAL_MAX_PENDING);
}

static void say_recovered(struct ledger *l)
{
	if (!l->is_failing)
		return;
	l->is_failing = false;
	log_warning(
	    "journal-recovered lost=%llu",
	    (unsigned long long)(journal_counts(l->journal).dropped - l->dropped_then));
}

bool ledger_commit(struct ledger *l)
{
	struct error e;
	if (journal_commit(l->journal, feed, l, &e) < 0) {
		say_failing(l, &e);
		return false;
	}
	say_recovered(l);
	return true;
}

const struct judge *ledger_judge(const struct ledger *l)
{
	return l->judge;
}

uint64_t ledger_pending(const struct ledger *l)
{
	return journal_counts(l->journal).pending;
}

struct journal_counts ledger_counts(const struct ledger *l)
{
	return journal_counts(l->journal);
}

int64_t ledger_now(const struct ledger *l)
{
	return stamp_clock_now(l->clock);
}

int64_t ledger_last_seen(const struct ledger *l)
{
	return l->last_seen;
}

bool ledger_is_failing(const struct ledger *l)
{
	return l->is_failing;
}
