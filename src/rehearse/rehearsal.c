#include "rehearse/rehearsal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "mx/predict.h"
#include "rehearse/check.h"
#include "rehearse/driver.h"
#include "rehearse/fixture.h"
#include "rehearse/receiver.h"
#include "rehearse/scored.h"
#include "rehearse/serving.h"

enum {
	START_SECONDS = 20,    /* for fakemx-serve to be ready */
	ROUND_SECONDS = 60,    /* for all messages of a round, and one more... */
	SENDERS_A_SECOND = 50, /* ... for so many senders */
	CATCH_UP_SECONDS = 20, /* for serve to have seen everything */
	STOP_SECONDS = 10,
	LOOK_MS = 100, /* how often conditions and progress are looked at */
	SIGNALS = 3,
	/* Jumps of the clock: after the start, the first mail, each round, patience, the
	 * end. */
	OUTAGE = POPULATION_ROUNDS - 1, /* the round; who was listed by then stays so */
	STEPS = 2 + POPULATION_ROUNDS + POPULATION_RETRY_ROUNDS + 2,
};

/*
 * What passes on the clock. Rounds are over two hours apart, so that a
 * bot's hours count one by one for listing; then patience, then the final word. The
 * clock starts so far behind that it ends with the real time.
 */
#define SETTLE (5 * STAMP_MINUTE) /* the start-up grace, and probes */
#define BETWEEN_ROUNDS (130 * STAMP_MINUTE)
#define PATIENCE (5 * STAMP_HOUR)
#define FINAL (6 * STAMP_DAY)
#define WHOLE                                                                            \
	(SETTLE + (1 + POPULATION_ROUNDS + POPULATION_RETRY_ROUNDS) * BETWEEN_ROUNDS +   \
	 PATIENCE + FINAL)

struct rehearsal {
	const struct cli *cli;
	struct receiver_options hosts;
	bool has_outage;
	uv_loop_t loop;
	uv_signal_t signals[SIGNALS];
	uv_timer_t look;
	bool was_interrupted;
	struct population population;
	struct scored scored;
	struct fixture fixture;
	struct receiver *receivers[FIXTURE_HOSTS];
	struct serving serving;
	struct driver *driver;
	struct progress progress;
	int64_t ahead;
	unsigned step; /* these two for the progress line */
	const char *doing;
};

static void on_signal(uv_signal_t *s, int number)
{
	(void)number;
	struct rehearsal *r = s->data;
	r->was_interrupted = true;
}

/* Wakes the loop for those who wait, and shows where the rehearsal stands. */
static void on_look(uv_timer_t *t)
{
	struct rehearsal *r = t->data;
	size_t done = 0, total = 0;
	if (r->driver)
		driver_progress(r->driver, &done, &total);
	if (done < total)
		progress_say(&r->progress, "step %u of %d: %zu of %zu messages", r->step,
			     STEPS, done, total);
	else
		progress_say(&r->progress, "step %u of %d: %s", r->step, STEPS, r->doing);
}

typedef bool (*condition_fn)(const struct rehearsal *r);

static int serve_ended(const struct rehearsal *r, struct error *e)
{
	char *end = fixture_serve_log_end(&r->fixture);
	char *last = strrchr(end, '\n');
	if (last)
		*last = '\0'; /* the newline that ends the last line */
	last = strrchr(end, '\n');
	int rc =
	    error_set(e, -ECHILD, "fakemx-serve ended: %.300s", last ? last + 1 : end);
	free(end);
	return rc;
}

static int wait_for(struct rehearsal *r, condition_fn is_met, int seconds,
		    const char *what, struct error *e)
{
	int64_t until = stamp_monotonic() + seconds * STAMP_SECOND;
	while (!is_met(r)) {
		if (r->was_interrupted)
			return error_set(e, -EINTR, "interrupted");
		if (r->serving.is_gone)
			return serve_ended(r, e);
		if (stamp_monotonic() > until)
			return error_set(e, -ETIMEDOUT, "%s took longer than %d s", what,
					 seconds);
		(void)uv_run(&r->loop, UV_RUN_ONCE);
	}
	return 0;
}

static bool is_ready(const struct rehearsal *r)
{
	return r->serving.is_ready;
}

static bool is_round_over(const struct rehearsal *r)
{
	return driver_is_over(r->driver);
}

static bool has_caught_up(const struct rehearsal *r)
{
	return r->serving.has_caught_up && r->serving.caught_up_ahead == r->ahead;
}

/* serve has read what the senders did before anything else happens. */
static int catch_up(struct rehearsal *r, struct error *e)
{
	r->doing = "reading what was seen";
	r->serving.has_caught_up = false;
	serving_catch_up(&r->serving);
	return wait_for(r, has_caught_up, CATCH_UP_SECONDS, "catching up", e);
}

/* serve notices by itself, and catches up. */
static int jump_to(struct rehearsal *r, int64_t ahead, struct error *e)
{
	r->doing = "the clock jumps";
	r->serving.has_caught_up = false;
	r->ahead = ahead;
	r->step++;
	fixture_jump_to(&r->fixture, ahead);
	int rc = wait_for(r, has_caught_up, CATCH_UP_SECONDS, "the jump of the clock", e);
	if (rc == 0 && r->fixture.enforces)
		rc = scored_look(&r->scored, r->fixture.journal, rehearse_now(r), e);
	return rc;
}

static int listen_all(struct rehearsal *r, struct error *e)
{
	struct fixture *s = &r->fixture;
	for (size_t i = 0; i < s->host_count; i++) {
		struct driver_host *h = &s->hosts[i];
		if (h->role != ROLE_REAL)
			continue;
		int rc = receiver_new(&r->loop, s->clock, h->name, &h->at,
				      s->mail_logs[i], &r->hosts, &r->receivers[i], e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int start(struct rehearsal *r, struct error *e)
{
	r->ahead = -WHOLE;
	fixture_jump_to(&r->fixture, r->ahead);
	int rc = listen_all(r, e);
	if (rc == 0)
		rc = fixture_write_config(&r->fixture, e);
	if (rc == 0)
		rc = serving_start(&r->loop, r->fixture.config, r->fixture.serve_log,
				   &r->serving, e);
	if (rc == 0)
		rc = wait_for(r, is_ready, START_SECONDS, "the start of fakemx-serve", e);
	return rc == 0 ? jump_to(r, r->ahead + SETTLE, e) : rc;
}

static int check(const struct rehearsal *r, struct error *e)
{
	return rehearse_check_journal(r->fixture.journal, &r->population,
				      r->fixture.hosts, r->fixture.host_count,
				      driver_counts(r->driver), e);
}

/* Until what was sent is over and was read. */
static int finish_round(struct rehearsal *r, struct error *e)
{
	int most = ROUND_SECONDS + (int)(r->population.count / SENDERS_A_SECOND);
	if (driver_is_over(r->driver))
		return 0;
	int rc = wait_for(r, is_round_over, most, "a round of messages", e);
	return rc == 0 ? catch_up(r, e) : rc;
}

/* The site knows its senders from before the decoys. */
static int warm_up(struct rehearsal *r, struct error *e)
{
	driver_warm_up(r->driver);
	int rc = finish_round(r, e);
	return rc < 0 ? rc : jump_to(r, r->ahead + BETWEEN_ROUNDS, e);
}

/* Between two rounds: serve's probes see it when the clock has jumped at its end, so that
 * what came before still counts. */
static int begin_or_end_outage(struct rehearsal *r, unsigned round, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && r->has_outage && i < FIXTURE_HOSTS; i++) {
		if (r->receivers[i] && round + 1 == OUTAGE)
			receiver_stop(r->receivers[i]);
		if (r->receivers[i] && round == OUTAGE)
			rc = receiver_listen(r->receivers[i], &r->fixture.hosts[i].at, e);
	}
	return rc;
}

static int play_round(struct rehearsal *r, unsigned round, struct error *e)
{
	driver_round(r->driver, round);
	int rc = finish_round(r, e);
	const struct driver_host *refused = driver_refused(r->driver);
	if (rc == 0 && refused)
		return error_set(e, FMX_ECONFLICT,
				 "decoy %s refused a connection although its posture is "
				 "%s: nobody listens there",
				 refused->name, posture_name(refused->posture));
	if (rc == 0 && round == 0) /* a blind source is known at once */
		rc = check(r, e);
	if (rc == 0)
		rc = jump_to(r, r->ahead + BETWEEN_ROUNDS, e);
	return rc < 0 ? rc : begin_or_end_outage(r, round, e);
}

static int play(struct rehearsal *r, struct error *e)
{
	int rc = start(r, e);
	if (rc == 0)
		rc = warm_up(r, e);
	for (unsigned i = 0; rc == 0 && i < POPULATION_ROUNDS + POPULATION_RETRY_ROUNDS;
	     i++)
		rc = play_round(r, i, e);
	if (rc == 0)
		rc = jump_to(r, r->ahead + PATIENCE, e);
	if (rc == 0)
		rc = jump_to(r, 0, e);
	if (rc == 0)
		rc = rehearse_check_journal(r->fixture.journal, &r->population,
					    r->fixture.hosts, r->fixture.host_count,
					    driver_counts(r->driver), e);
	return rc;
}

static void show_serve_log(const struct rehearsal *r)
{
	char *end = fixture_serve_log_end(&r->fixture);
	(void)fprintf(stderr, "The end of what fakemx-serve logged:\n%s\n", end);
	free(end);
}

static void watch_signal(struct rehearsal *r, uv_signal_t *s, int number)
{
	s->data = r;
	int rc = uv_signal_init(&r->loop, s);
	if (rc == 0)
		rc = uv_signal_start(s, on_signal, number);
	assert(rc == 0); /* valid numbers, a loop of our own */
}

int rehearse_play(const struct cli *c, const struct rehearse_options *o,
		  struct rehearsal **ret_rehearsal, struct error *e)
{
	struct rehearsal *r = xcalloc(1, sizeof(*r));
	r->cli = c;
	r->hosts = o->hosts;
	r->has_outage = o->has_outage;
	int rc = uv_loop_init(&r->loop);
	if (rc < 0) {
		free(r);
		return error_set(e, rc, "cannot make an event loop: %s", uv_strerror(rc));
	}
	static const int numbers[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	for (size_t i = 0; i < SIGNALS; i++)
		watch_signal(r, &r->signals[i], numbers[i]);
	/* A reader of our output that goes away must not keep us from cleaning up. */
	(void)signal(SIGPIPE, SIG_IGN);
	r->look.data = r;
	(void)uv_timer_init(&r->loop, &r->look); /* cannot fail */
	(void)uv_timer_start(&r->look, on_look, LOOK_MS, LOOK_MS);
	r->doing = "starting";
	progress_begin(&r->progress, c, "messages");

	population_make(&r->population, o->senders, o->seed);
	scored_init(&r->scored, &r->population);
	rc = fixture_open(o->layout, o->low, &r->fixture, e);
	r->fixture.enforces = o->enforces;
	if (rc == 0) {
		r->driver = driver_new(&r->loop, r->fixture.clock, &r->population,
				       r->fixture.hosts, r->fixture.host_count);
		rc = play(r, e);
	}
	progress_end(&r->progress);
	if (rc < 0) {
		if (c->verbose && r->fixture.folder)
			show_serve_log(r);
		rehearse_free(r);
		return rc;
	}
	*ret_rehearsal = r;
	return 0;
}

const char *rehearse_journal(const struct rehearsal *r)
{
	return r->fixture.journal;
}

const char *rehearse_config(const struct rehearsal *r)
{
	return r->fixture.config;
}

int64_t rehearse_now(const struct rehearsal *r)
{
	return stamp_clock_now(r->fixture.clock);
}

void rehearse_stay(struct rehearsal *r)
{
	while (!r->was_interrupted && !r->serving.is_gone)
		(void)uv_run(&r->loop, UV_RUN_ONCE);
}

/* In the words of `predict`, for the hosts as they are here. */
static void explain_loss(const struct rehearsal *r, struct rehearse_population *p)
{
	struct predict_address addresses[FIXTURE_HOSTS];
	struct predict_host hosts[FIXTURE_HOSTS];
	for (size_t i = 0; i < r->fixture.host_count; i++) {
		const struct driver_host *h = &r->fixture.hosts[i];
		addresses[i] = (struct predict_address){
			.state =
			    h->role == ROLE_REAL ? STATE_OPEN : posture_state(h->posture),
		};
		hosts[i] = (struct predict_host){ .preference = h->preference,
						  .addresses = &addresses[i],
						  .addresses_len = 1 };
	}
	struct prediction prediction;
	predict(&prediction, p->profile, hosts, r->fixture.host_count);
	(void)str_copy(p->note, sizeof(p->note), prediction.note);
}

struct rehearse_population rehearse_population(const struct rehearsal *r, size_t index)
{
	struct rehearse_population p = {
		.profile = &profile_table[index], .p50_us = -1, .p95_us = -1, .max_us = -1
	};
	size_t count;
	const struct driver_message *m = driver_messages(r->driver, &count);
	int64_t *delays = xcalloc(count, sizeof(*delays));
	for (size_t i = 0; i < count; i++) {
		if (r->population.senders[m[i].sender].profile != p.profile)
			continue;
		p.messages++;
		if (m[i].fate != DRIVER_DELIVERED)
			continue;
		delays[p.delivered++] = m[i].ended - m[i].began;
		p.scored += scored_is(&r->scored, m[i].sender, m[i].ended);
	}
	for (size_t i = 0; i < r->population.count; i++)
		p.listed += r->population.senders[i].profile == p.profile &&
			    scored_was_listed(&r->scored, i);
	p.lost = p.messages - p.delivered;
	if (p.lost && !p.profile->is_bot)
		explain_loss(r, &p);
	if (p.delivered) {
		number_sort(delays, p.delivered);
		p.p50_us = number_percentile(delays, p.delivered, 50);
		p.p95_us = number_percentile(delays, p.delivered, 95);
		p.max_us = delays[p.delivered - 1];
	}
	free(delays);
	return p;
}

static void stop_serving(struct rehearsal *r)
{
	serving_stop(&r->serving);
	int64_t until = stamp_monotonic() + STOP_SECONDS * STAMP_SECOND;
	while (r->serving.pid > 0 && !r->serving.is_gone && stamp_monotonic() < until)
		(void)uv_run(&r->loop, UV_RUN_ONCE);
	serving_release(&r->serving);
}

void rehearse_free(struct rehearsal *r)
{
	if (!r)
		return;
	if (r->driver)
		driver_stop(r->driver);
	stop_serving(r);
	for (size_t i = 0; i < FIXTURE_HOSTS; i++)
		if (r->receivers[i])
			receiver_stop(r->receivers[i]);
	for (size_t i = 0; i < SIGNALS; i++)
		uv_close((uv_handle_t *)&r->signals[i], NULL);
	uv_close((uv_handle_t *)&r->look, NULL);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&r->loop);
	assert(rc == 0); /* every handle was ours and is closed */
	driver_free(r->driver);
	for (size_t i = 0; i < FIXTURE_HOSTS; i++)
		receiver_free(r->receivers[i]);
	fixture_close(&r->fixture);
	scored_release(&r->scored);
	population_release(&r->population);
	free(r);
}
