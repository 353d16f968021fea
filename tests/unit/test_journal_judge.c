/* The journal with a real judge: what serve and report do with both. */
#include "journal_folder.h"
#include "world.h"

#include <unistd.h>

#include "base/stamp.h"

/* A story with something of everything, so that state of every kind is open
 * wherever it is cut. */
static const char *const chapters[] = {
	"X:L@-30m X:R@-1795 B:R@-20m Y:L@-900 Y:R@-899 W@-10m",
	"A:L@0 A:R@0.2 B:H@10 V:H@20 Z:L@30 Z:H@31 W@95",
	"V:H@70m W@4300 X:R~@5000 X:H@5001 l@5100 X:l@5100 C@5200 W@5400",
	"F@2h P@121m Y:R@3h W@14h V:H@15h W@56000 ]@57000 [@57100 W@60000",
	"V:H@20h^21h Z:R@22h A:R@1d W@2d V:R@3d^4d W@6d T@7d",
};

struct live {
	struct world world;
	struct journal *journal;
	uint64_t next_seq;
	struct buf marks; /* "SEQ LENGTH-OF-LOG" before each record */
};

/* Every byte the journal gets went through the judge first, and the reverse. */
static void to_journal(void *arg, const struct record *r)
{
	struct live *l = arg;
	append(l->journal, *r);
	buf_addf(&l->marks, "%llu %zu\n", (unsigned long long)l->next_seq++,
		 l->world.log.len);
}

static void live_through(struct live *l, const char *path)
{
	*l = (struct live){ .next_seq = 1, .marks = BUF_INIT(1 << 20) };
	l->journal = opened(path, JOURNAL_WRITE);
	world_init(&l->world);
	l->world.also = to_journal;
	l->world.also_arg = l;
	world_begin(&l->world);
	world_name(&l->world, 'V', "secret-mail.example", "secret-mail.example", true,
		   false, true);
	for (size_t i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++) {
		world_play(&l->world, chapters[i]);
		commit(l->journal, NULL);
	}
}

static void release_live(struct live *l)
{
	world_release(&l->world);
	buf_release(&l->marks);
	journal_close(l->journal);
}

/* Length of the live log before record seq was fed. */
static size_t log_before(const struct live *l, uint64_t seq)
{
	const char *at = buf_text(&l->marks);
	for (uint64_t i = 1; i < seq; i++)
		at = strchr(at, '\n') + 1;
	return (size_t)strtoull(strchr(at, ' '), NULL, 10);
}

/* A world whose judge is fed from a journal, up to a seq. */
struct replay {
	struct world world;
	uint64_t upto;
};

static int feed(void *arg, const struct record *r, struct error *e)
{
	struct replay *p = arg;
	if (r->seq > p->upto)
		return STOPPED;
	return judge_feed(p->world.judge, r, e);
}

static int load(void *arg, const void *data, size_t len, struct error *e)
{
	struct replay *p = arg;
	return judge_load(p->world.judge, data, len, e);
}

static void replay(struct replay *p, struct journal *j, uint64_t upto)
{
	struct error e;
	p->upto = upto;
	world_init(&p->world);
	int rc = journal_replay(j, load, feed, p, &e);
	if (rc != 0 && rc != STOPPED)
		fail_msg("%s", e.text);
}

static void a_replay_gives_the_verdicts_that_were_given_live(void **state)
{
	struct folder *p = *state;
	struct live l;
	struct replay again;
	live_through(&l, p->path);
	replay(&again, l.journal, UINT64_MAX);
	judge_advance(again.world.judge, WORLD_ZERO + 7 * STAMP_DAY);
	assert_true(l.world.log.len > 2000);
	assert_string_equal(buf_text(&again.world.log), buf_text(&l.world.log));
	world_release(&again.world);
	release_live(&l);
}

/* Deletes the records up to upto, keeping what a judge makes of them. */
static void retain(struct journal *j, uint64_t upto)
{
	struct replay past;
	struct buf saved = BUF_INIT(1 << 24);
	struct error e;
	replay(&past, j, upto);
	judge_save(past.world.judge, &saved);
	assert_true(journal_retain(j, upto, saved.data, saved.len, &e) >= 0);
	buf_release(&saved);
	world_release(&past.world);
}

static void whatever_was_deleted_the_verdicts_stay_the_same(void **state)
{
	struct folder *p = *state;
	struct live l;
	live_through(&l, p->path);
	/* each cut continues from the checkpoint of the one before */
	for (uint64_t upto = 3; upto < l.next_seq; upto += 4) {
		struct replay rest;
		retain(l.journal, upto);
		replay(&rest, l.journal, UINT64_MAX);
		judge_advance(rest.world.judge, WORLD_ZERO + 7 * STAMP_DAY);
		const char *want = buf_text(&l.world.log) + log_before(&l, upto + 1);
		assert_string_equal(buf_text(&rest.world.log), want);
		world_release(&rest.world);
	}
	release_live(&l);
}

static void a_checkpoint_forgets_too(void **state)
{
	struct folder *p = *state;
	struct live l;
	struct error e;
	live_through(&l, p->path);
	retain(l.journal, l.next_seq - 1);
	assert_true(folder_holds(p, "secret-mail.example"));
	assert_int_equal(
	    journal_forget(l.journal, "30.1.1.1", WORLD_ZERO + 8 * STAMP_DAY, &e), 0);
	assert_true(folder_holds(p, "secret-mail.example"));
	char client[ADDR_TEXT_MAX];
	(void)addr_text(world_client('V'), client);
	assert_int_equal(
	    journal_forget(l.journal, client, WORLD_ZERO + 8 * STAMP_DAY, &e), 0);
	assert_false(folder_holds(p, "secret-mail.example"));

	struct replay after;
	replay(&after, l.journal, UINT64_MAX);
	assert_true(judge_counts(after.world.judge).senders > 0);
	world_release(&after.world);
	release_live(&l);
	uint64_t n = 0;
	assert_int_equal(journal_verify(p->path, &n, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_replay_gives_the_verdicts_that_were_given_live),
		TEST(whatever_was_deleted_the_verdicts_stay_the_same),
		TEST(a_checkpoint_forgets_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
