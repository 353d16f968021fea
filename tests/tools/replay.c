/*
 * replay - the verdicts and listings of a journal, as serve logs them
 *
 * Use: replay [--records] JOURNAL
 *
 * Another process than serve folds the same records and prints the same
 * lines, without time and level, each led by the number of the record that
 * brought it: what was logged live must be among them, in this order. With
 * --records the records themselves are printed, one a line, judged or not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "old/journal.h"
#include "serve/say.h"

struct replay {
	bool is_records;
	struct judge *judge;
	uint64_t seq;
	struct buf line;
};

static const char *site_name(const struct replay *p, uint16_t id)
{
	for (size_t i = 0; i < judge_site_count(p->judge); i++) {
		if (judge_site(p->judge, i)->id == id)
			return judge_site(p->judge, i)->name;
	}
	return "?";
}

static void print(struct replay *p)
{
	(void)printf("%llu %s\n", (unsigned long long)p->seq, buf_text(&p->line));
	buf_clear(&p->line);
}

static void print_record(struct replay *p, const struct record *r)
{
	const struct visit *v = &r->visit;
	char time[STAMP_TEXT_MAX], client[ADDR_TEXT_MAX];
	buf_addf(&p->line, "record kind=%s time=%s host=%u", record_kind_name(r->kind),
		 stamp_text(r->time, time), r->kind == RECORD_VISIT ? v->host : r->host);
	if (r->kind == RECORD_VISIT)
		buf_addf(&p->line, " address=%s depth=%s source=%s outcome=%s",
			 addr_text(v->client, client), depth_name(v->depth),
			 visit_source_name(v->source),
			 v->outcome == OUTCOME_NONE ? "none" : outcome_name(v->outcome));
	if (r->kind == RECORD_HEALTH)
		buf_addf(&p->line, " ok=%s", r->is_ok ? "yes" : "no");
	if (r->kind == RECORD_SITE)
		buf_addf(&p->line, " site=%u", r->site);
	print(p);
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct replay *p = arg;
	say_verdict(v, site_name(p, v->site), &p->line);
	print(p);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct replay *p = arg;
	say_listing(l, site_name(p, l->site), &p->line);
	print(p);
}

static int on_checkpoint(void *arg, const void *data, size_t len, struct error *e)
{
	struct replay *p = arg;
	return judge_load(p->judge, data, len, e);
}

static int on_record(void *arg, const struct record *r, struct error *e)
{
	struct replay *p = arg;
	struct error why;
	(void)e;
	p->seq = r->seq;
	if (p->is_records) {
		print_record(p, r);
		return 0;
	}
	if (judge_feed(p->judge, r, &why) < 0)
		(void)fprintf(stderr, "replay: record %llu: %s\n",
			      (unsigned long long)r->seq, why.text);
	return 0;
}

int main(int argc, char **argv)
{
	struct replay p = { .line = BUF_INIT(SAY_MAX) };
	struct journal *j;
	struct error e;
	p.is_records = argc == 3 && strcmp(argv[1], "--records") == 0;
	if (argc != 2 && !p.is_records) {
		(void)fprintf(stderr, "replay: [--records] JOURNAL\n");
		return 64;
	}
	if (journal_open(argv[argc - 1], JOURNAL_READ, &j, &e) < 0) {
		(void)fprintf(stderr, "replay: %s\n", e.text);
		return 1;
	}
	p.judge = judge_new(on_verdict, on_listing, &p);
	int r = journal_replay(j, on_checkpoint, on_record, &p, &e);
	if (r < 0)
		(void)fprintf(stderr, "replay: %s\n", e.text);
	judge_free(p.judge);
	buf_release(&p.line);
	journal_close(j);
	return r < 0 ? 1 : 0;
}
