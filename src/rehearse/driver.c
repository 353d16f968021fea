#include "rehearse/driver.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rehearse/call.h"
#include "rehearse/receiver.h"

/* One message under way. */
struct run {
	struct driver *driver;
	struct run *next, **link; /* the list of all */
	size_t message;
	uv_timer_t wait;                    /* what the program takes its time for */
	size_t host;                        /* where to after it */
	bool is_resting;                    /* ... which takes a while */
	struct call *calls[TRIP_MAX_HOSTS]; /* open ones, by host */
	uint8_t dialled;                    /* PICK_ALL: so many targets */
	char helo[64], mail_from[96];
};

struct driver {
	uv_loop_t *loop;
	struct stamp_clock clock;
	struct population *population;
	const struct driver_host *hosts;
	size_t host_count;
	struct driver_count *counts;
	struct driver_message *messages;
	size_t message_count;
	size_t *queue; /* of this round: places in messages */
	size_t queue_len, queue_at, done;
	unsigned active, resting; /* resting: of the active, those that wait */
	struct run *runs;
	const struct driver_host *refused;
	bool is_stopping;
};

static void fill_up(struct driver *d);
static void go_on(struct run *r);

static struct driver_message *message_of(const struct run *r)
{
	return &r->driver->messages[r->message];
}

static void on_run_closed(uv_handle_t *h)
{
	struct run *r = h->data;
	struct driver *d = r->driver;
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	free(r);
	d->active--;
	d->done++;
	fill_up(d);
}

static bool is_calling(const struct run *r)
{
	for (size_t i = 0; i < TRIP_MAX_HOSTS; i++)
		if (r->calls[i])
			return true;
	return false;
}

static void rest(struct run *r, bool is_resting)
{
	if (r->is_resting == is_resting)
		return;
	r->is_resting = is_resting;
	if (is_resting)
		r->driver->resting++;
	else
		r->driver->resting--;
}

static void finish(struct run *r, enum driver_fate fate)
{
	struct driver_message *m = message_of(r);
	rest(r, false);
	m->fate = fate;
	if (fate == DRIVER_DELIVERED)
		m->ended = stamp_clock_now(r->driver->clock);
	uv_close((uv_handle_t *)&r->wait, on_run_closed);
}

static void on_greeted(void *arg);
static void on_over(void *arg, size_t host, const struct call_result *result);

static void dial(struct run *r, size_t host)
{
	struct driver *d = r->driver;
	struct driver_message *m = message_of(r);
	if (!m->began)
		m->began = stamp_clock_now(d->clock);
	struct call_spec spec = {
		.from = d->population->senders[m->sender].addr,
		.to = d->hosts[host].at,
		.helo = r->helo,
		.mail_from = r->mail_from,
		.subject = m->trip.profile->is_bot ? RECEIVER_SPAM : "Minutes",
		.host = host,
		.on_greeted = on_greeted,
		.on_over = on_over,
		.arg = r,
	};
	r->calls[host] = call_begin(d->loop, &spec);
}

/*
 * A bot that dials all at once does not wait for one to take its message. It
 * does wait for the greeting: only then is it sure which host saw it first,
 * also on a machine that has other things to do.
 */
static void dial_next_of_all(struct run *r)
{
	const struct trip *t = &message_of(r)->trip;
	if (r->dialled < t->len && !r->driver->is_stopping)
		dial(r, t->targets[r->dialled++].host);
}

static void on_greeted(void *arg)
{
	struct run *r = arg;
	if (message_of(r)->trip.profile->pick == PICK_ALL)
		dial_next_of_all(r);
}

static void on_over(void *arg, size_t host, const struct call_result *result)
{
	struct run *r = arg;
	struct driver *d = r->driver;
	struct driver_message *m = message_of(r);
	r->calls[host] = NULL;
	/* A real host that is down refuses, too, and sees nobody. */
	bool has_refused =
	    d->hosts[host].role != ROLE_REAL && result->state == STATE_CLOSED;
	bool is_closed = d->hosts[host].posture == POSTURE_CLOSED;
	if (result->was_connected || (is_closed && has_refused))
		d->counts[m->sender].visits[host]++;
	else if (has_refused)
		d->refused = &d->hosts[host];
	if (result->state == STATE_OPEN)
		d->counts[m->sender].accepted++;
	trip_saw(&m->trip, host, result->state);
	bool is_all = m->trip.profile->pick == PICK_ALL;
	if (is_all && !result->was_greeted)
		dial_next_of_all(r);
	if (!is_calling(r))
		go_on(r);
}

static void on_waited(uv_timer_t *t)
{
	struct run *r = t->data;
	rest(r, false);
	dial(r, r->host);
}

static void go_on(struct run *r)
{
	struct driver *d = r->driver;
	struct driver_message *m = message_of(r);
	if (d->is_stopping) {
		finish(r, DRIVER_LOST);
		return;
	}
	int64_t wait_us;
	switch (trip_next(&m->trip, &r->host, &wait_us)) {
	case TRIP_TRY:
		(void)uv_timer_start(&r->wait, on_waited, (uint64_t)(wait_us / 1000), 0);
		rest(r, wait_us > 0);
		fill_up(d);
		break;
	case TRIP_DELIVERED: finish(r, DRIVER_DELIVERED); break;
	case TRIP_LATER: finish(r, DRIVER_WAITING); break;
	case TRIP_LOST: finish(r, DRIVER_LOST); break;
	}
}

static void start(struct driver *d, size_t message)
{
	struct run *r = xcalloc(1, sizeof(*r));
	r->driver = d;
	r->message = message;
	r->next = d->runs;
	r->link = &d->runs;
	if (r->next)
		r->next->link = &r->next;
	d->runs = r;
	d->active++;
	r->wait.data = r;
	(void)uv_timer_init(d->loop, &r->wait); /* cannot fail */

	struct driver_message *m = message_of(r);
	const struct trip *t = &m->trip;
	(void)snprintf(r->helo, sizeof(r->helo), "s%u.%s.example", m->sender,
		       t->profile->name);
	(void)snprintf(r->mail_from, sizeof(r->mail_from), "m%zu@%s", message, r->helo);
	m->fate = DRIVER_UNDER_WAY;
	if (t->profile->pick == PICK_ALL)
		dial_next_of_all(r);
	else
		go_on(r);
}

static void fill_up(struct driver *d)
{
	while (!d->is_stopping && d->queue_at < d->queue_len &&
	       d->active < DRIVER_AT_ONCE && d->active - d->resting < DRIVER_CALLING)
		start(d, d->queue[d->queue_at++]);
}

struct driver *driver_new(uv_loop_t *loop, struct stamp_clock clock,
			  struct population *population, const struct driver_host *hosts,
			  size_t count)
{
	struct driver *d = xcalloc(1, sizeof(*d));
	*d = (struct driver){ .loop = loop,
			      .clock = clock,
			      .population = population,
			      .hosts = hosts,
			      .host_count = count };
	d->counts = xcalloc(population->count, sizeof(*d->counts));
	d->messages =
	    xcalloc(population->count * (POPULATION_ROUNDS + 1), sizeof(*d->messages));
	d->queue =
	    xcalloc(population->count * (POPULATION_ROUNDS + 1), sizeof(*d->queue));
	return d;
}

static void begin_trip(struct driver *d, struct driver_message *m, bool is_before_decoys)
{
	struct trip_host known[TRIP_MAX_HOSTS];
	for (size_t i = 0; i < d->host_count; i++)
		known[i] = (struct trip_host){
			.preference = d->hosts[i].preference,
			.is_hidden = is_before_decoys && d->hosts[i].role != ROLE_REAL,
		};
	trip_begin(&m->trip, d->population->senders[m->sender].profile, known,
		   d->host_count, &d->population->random);
}

static void add_message(struct driver *d, size_t sender)
{
	d->messages[d->message_count] =
	    (struct driver_message){ .sender = (uint32_t)sender };
	d->queue[d->queue_len++] = d->message_count++;
}

/* Trips are begun in one order, so that what they draw follows from the seed. */
static void begin_round(struct driver *d, bool is_before_decoys)
{
	for (size_t i = 0; i < d->queue_len; i++)
		begin_trip(d, &d->messages[d->queue[i]], is_before_decoys);
	fill_up(d);
}

void driver_warm_up(struct driver *d)
{
	assert(d->active == 0);
	d->queue_len = d->queue_at = d->done = 0;
	for (size_t i = 0; i < d->population->count; i++)
		if (!d->population->senders[i].profile->is_bot)
			add_message(d, i);
	begin_round(d, true);
}

void driver_round(struct driver *d, unsigned round)
{
	assert(d->active == 0);
	d->queue_len = d->queue_at = d->done = 0;
	for (size_t i = 0; i < d->message_count; i++)
		if (d->messages[i].fate == DRIVER_WAITING)
			d->queue[d->queue_len++] = i;
	for (size_t i = 0; round < POPULATION_ROUNDS && i < d->population->count; i++)
		if (d->population->senders[i].sends[round])
			add_message(d, i);
	begin_round(d, false);
}

bool driver_is_over(const struct driver *d)
{
	return d->active == 0 && (d->is_stopping || d->queue_at == d->queue_len);
}

const struct driver_count *driver_counts(const struct driver *d)
{
	return d->counts;
}

const struct driver_message *driver_messages(const struct driver *d, size_t *ret_count)
{
	*ret_count = d->message_count;
	return d->messages;
}

void driver_progress(const struct driver *d, size_t *ret_done, size_t *ret_total)
{
	*ret_done = d->done;
	*ret_total = d->queue_len;
}

const struct driver_host *driver_refused(const struct driver *d)
{
	return d->refused;
}

void driver_stop(struct driver *d)
{
	d->is_stopping = true;
	for (struct run *r = d->runs; r; r = r->next) {
		for (size_t i = 0; i < TRIP_MAX_HOSTS; i++)
			if (r->calls[i])
				call_abort(r->calls[i]);
		if (is_calling(r) || uv_is_closing((uv_handle_t *)&r->wait))
			continue; /* its last call, or on_run_closed(), goes on */
		finish(r, DRIVER_LOST);
	}
}

void driver_free(struct driver *d)
{
	if (!d)
		return;
	assert(d->active == 0);
	free(d->counts);
	free(d->messages);
	free(d->queue);
	free(d);
}
