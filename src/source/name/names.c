#include "source/name/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "dns/resolver.h"
#include "source/name/names_cache.h"
#include "source/name/names_generic.h"
#include "source/name/names_spf.h"

/* A client on its way: waiting, then looked up; its name first, then its SPF. */
struct job {
	struct job *next;
	struct names *names;
	struct addr client;
	bool wants_name;
	char *mail_from; /* NULL: no SPF is asked for */
	struct names_spf *spf;
	uint64_t spf_began; /* of the loop's clock, in milliseconds */
	/* Candidates, from the PTR answer on. */
	struct candidate *all;
	size_t count, at;
	bool is_unsure; /* a candidate's addresses could not be asked */
};

struct candidate {
	char name[NAME_TEXT_MAX];
	char domain[NAME_TEXT_MAX];
	bool is_generic;
};

struct names {
	uv_loop_t *loop;
	struct stamp_clock clock;
	struct names_sink sink;
	struct names_options options;
	struct resolver *resolver; /* made when first needed */
	struct names_cache *cache;
	struct job *first, **last; /* waiting */
	struct job *open;
	struct names_counts counts;
	unsigned silent; /* lookups in a row without an answer */
	bool is_stopping;
};

struct names *names_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct names_sink *sink)
{
	struct names *n = xcalloc(1, sizeof(*n));
	n->loop = loop;
	n->clock = clock;
	n->sink = *sink;
	n->cache = names_cache_new();
	n->last = &n->first;
	return n;
}

static void job_free(struct job *job)
{
	names_spf_free(job->spf);
	free(job->mail_from);
	free(job->all);
	free(job);
}

static void free_jobs(struct job *job)
{
	while (job) {
		struct job *next = job->next;
		job_free(job);
		job = next;
	}
}

/* Given up: their next visit asks again. */
static void drop_jobs(struct names *n, struct job *jobs)
{
	names_cache_clear(n->cache);
	free_jobs(jobs);
}

/* No callback comes any more. */
static void drop_resolver(struct names *n)
{
	if (n->resolver)
		resolver_free(n->resolver);
	n->resolver = NULL;
	drop_jobs(n, n->open);
	n->open = NULL;
	n->counts.open = 0;
	n->silent = 0;
}

static void drop_waiting(struct names *n)
{
	drop_jobs(n, n->first);
	n->first = NULL;
	n->last = &n->first;
	n->counts.waiting = 0;
}

static bool is_same(const struct names_options *a, const struct names_options *b)
{
	return a->is_on == b->is_on && a->has_resolver == b->has_resolver &&
	       (!a->has_resolver ||
		(addr_equal(a->resolver, b->resolver) && a->port == b->port));
}

void names_apply(struct names *n, const struct names_options *options)
{
	if (is_same(&n->options, options))
		return;
	n->options = *options;
	drop_resolver(n);
	drop_waiting(n);
}

/* ---- the end of a lookup ---- */

static void start_jobs(struct names *n);

static void job_end(struct job *job)
{
	struct names *n = job->names;
	struct job **at = &n->open;
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	n->counts.open--;
	job_free(job);
	start_jobs(n);
}

static void begin_spf(struct job *job);

static void end_name(struct job *job)
{
	if (job->mail_from)
		begin_spf(job);
	else
		job_end(job);
}

static void give(struct job *job, const struct candidate *c, bool is_confirmed)
{
	struct names *n = job->names;
	struct name_fact f = { .client = job->client,
			       .is_confirmed = is_confirmed,
			       .is_generic = c && c->is_generic };
	if (c)
		(void)str_copy(f.name, sizeof(f.name),
			       c->name); /* as long as a name may be */
	if (c && is_confirmed)
		(void)str_copy(f.domain, sizeof(f.domain), c->domain);
	names_cache_set(n->cache, job->client, "",
			stamp_clock_now(n->clock) + NAMES_FRESH);
	n->counts.learnt++;
	n->sink.learnt(n->sink.arg, &f);
	end_name(job);
}

static void fail(struct job *job)
{
	struct names *n = job->names;
	n->counts.failed++;
	names_cache_set(n->cache, job->client, "",
			stamp_clock_now(n->clock) + NAMES_RETRY);
	end_name(job);
}

static void note_silence(struct names *n)
{
	if (++n->silent == NAMES_SILENT)
		n->sink.trouble(n->sink.arg, false,
				"the resolver does not answer: names of clients are not "
				"learnt; see `resolver`, or /etc/resolv.conf");
}

static void note_answer(struct names *n)
{
	if (n->silent >= NAMES_SILENT)
		n->sink.trouble(n->sink.arg, true, "the resolver answers again");
	n->silent = 0;
}

/* Did anybody answer at all? */
static void look_at_resolver(struct names *n, enum lookup_status s)
{
	if (s == LOOKUP_TIMEOUT || s == LOOKUP_UNREACHABLE)
		note_silence(n);
	else
		note_answer(n);
}

/* ---- forward confirmation ---- */

static void ask_candidate(struct job *job);

static bool has_client(const struct answer *a, struct addr client)
{
	struct addr found;
	for (size_t i = 0; i < a->count; i++)
		if (rdata_addr(a->records[i], &found) && addr_equal(found, client))
			return true;
	return false;
}

static void on_addresses(const struct answer *a, void *arg)
{
	struct job *job = arg;
	look_at_resolver(job->names, a->status);
	if (a->status == LOOKUP_OK && has_client(a, job->client)) {
		give(job, &job->all[job->at], true);
		return;
	}
	job->is_unsure |= !lookup_is_sure(a->status) || a->is_cut;
	if (++job->at < job->count)
		ask_candidate(job);
	else if (job->is_unsure)
		fail(job);
	else
		give(job, &job->all[0], false);
}

static void ask_candidate(struct job *job)
{
	enum rr_type type = addr_is_v4(job->client) ? RR_A : RR_AAAA;
	resolver_ask(job->names->resolver, job->all[job->at].name, type, on_addresses,
		     job);
}

/* ---- reverse ---- */

/* DNS carries any bytes; what is no host name is no name of a mail server. */
static bool read_candidate(struct rdata r, struct addr client, struct candidate *ret)
{
	if (!rdata_name(r, ret->name) || !name_is_host(ret->name) ||
	    name_is_literal(ret->name))
		return false;
	name_registrable(ret->name, ret->domain);
	ret->is_generic = names_is_generic(ret->name, ret->domain, client);
	return true;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->is_generic != y->is_generic)
		return x->is_generic ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void take_candidates(struct job *job, const struct answer *a)
{
	job->all = xcalloc(a->count, sizeof(*job->all));
	for (size_t i = 0; i < a->count; i++)
		if (read_candidate(a->records[i], job->client, &job->all[job->count]))
			job->count++;
	qsort(job->all, job->count, sizeof(*job->all), compare_candidates);
	if (job->count > NAMES_PTR_MAX)
		job->count = NAMES_PTR_MAX;
}

static void on_reverse(const struct answer *a, void *arg)
{
	struct job *job = arg;
	look_at_resolver(job->names, a->status);
	if (a->status == LOOKUP_OK)
		take_candidates(job, a);
	if (!lookup_is_sure(a->status))
		fail(job);
	else if (job->count == 0)
		give(job, NULL, false);
	else
		ask_candidate(job);
}

/* ---- SPF ---- */

static void step_spf(struct job *job);

static void on_spf_answer(const struct answer *a, void *arg)
{
	struct job *job = arg;
	look_at_resolver(job->names, a->status);
	names_spf_answer(job->spf, a);
	step_spf(job);
}

static void step_spf(struct job *job)
{
	struct names *n = job->names;
	char domain[NAME_TEXT_MAX];
	struct names_spf_question q;
	enum names_spf_state state = names_spf_step(job->spf, &q);
	if (state == NAMES_SPF_ASKS && uv_now(n->loop) - job->spf_began > NAMES_SPF_MS)
		state = NAMES_SPF_UNSURE;
	switch (state) {
	case NAMES_SPF_ASKS:
		resolver_ask(n->resolver, q.name, q.type, on_spf_answer, job);
		return;
	case NAMES_SPF_PASSES:
		n->counts.spf_passed++;
		if (names_spf_domain(job->mail_from, domain))
			n->sink.passed(n->sink.arg, job->client, domain);
		break;
	case NAMES_SPF_UNSURE:
		if (names_spf_domain(job->mail_from, domain))
			names_cache_set(n->cache, job->client, domain,
					stamp_clock_now(n->clock) + NAMES_RETRY);
		break;
	case NAMES_SPF_DOES_NOT: break;
	}
	job_end(job);
}

static void begin_spf(struct job *job)
{
	struct names *n = job->names;
	job->spf = names_spf_new(job->client, job->mail_from);
	if (!job->spf) {
		job_end(job);
		return;
	}
	n->counts.spf_asked++;
	job->spf_began = uv_now(n->loop);
	step_spf(job);
}

/* Only who named a sender to a decoy may be held stopped, and is worth it. */
static bool wants_spf(struct names *n, const struct visit *v, int64_t now)
{
	char domain[NAME_TEXT_MAX];
	return v->depth >= DEPTH_MAIL && addr_kind(v->client) != ADDR_LOOPBACK &&
	       names_spf_domain(v->mail_from, domain) &&
	       names_cache_is_due(n->cache, v->client, domain, now);
}

/* ---- the queue ---- */

static bool has_resolver(struct names *n)
{
	struct resolver_options o = {
		.has_server = n->options.has_resolver,
		.server = n->options.resolver,
		.port = n->options.port,
	};
	struct error e;
	if (!n->resolver && resolver_new(n->loop, &o, &n->resolver, &e) != 0)
		n->resolver = NULL;
	return n->resolver != NULL;
}

static void start_job(struct job *job)
{
	char reverse[NAME_TEXT_MAX];
	struct names *n = job->names;
	if (!job->wants_name) {
		begin_spf(job);
		return;
	}
	n->counts.asked++;
	name_reverse(job->client, reverse);
	resolver_ask(n->resolver, reverse, RR_PTR, on_reverse, job);
}

static void start_jobs(struct names *n)
{
	while (n->first && n->counts.open < NAMES_OPEN_MAX) {
		struct job *job = n->first;
		n->first = job->next;
		if (!n->first)
			n->last = &n->first;
		n->counts.waiting--;
		job->next = n->open;
		n->open = job;
		n->counts.open++;
		start_job(job);
	}
}

static void enqueue(struct names *n, const struct visit *v, bool wants_name, bool has_spf)
{
	char domain[NAME_TEXT_MAX];
	struct job *job = xcalloc(1, sizeof(*job));
	job->names = n;
	job->client = v->client;
	job->wants_name = wants_name;
	if (wants_name)
		names_cache_set(n->cache, v->client, "", STAMP_NEVER);
	if (has_spf && names_spf_domain(v->mail_from, domain)) {
		job->mail_from = xstrdup(v->mail_from);
		names_cache_set(n->cache, v->client, domain,
				stamp_clock_now(n->clock) + NAMES_FRESH);
	}
	*n->last = job;
	n->last = &job->next;
	n->counts.waiting++;
	start_jobs(n);
}

/* What an earlier run learnt need not be asked again. */
static bool wants_name(struct names *n, struct addr client, int64_t now)
{
	if (!names_cache_is_due(n->cache, client, "", now))
		return false;
	int64_t learnt = n->sink.known ? n->sink.known(n->sink.arg, client) : 0;
	if (learnt > now || learnt + NAMES_FRESH <= now)
		return true;
	names_cache_set(n->cache, client, "", learnt + NAMES_FRESH);
	return false;
}

void names_visit(struct names *n, const struct visit *v, bool is_at_decoy)
{
	bool may_ask = n->options.is_on && !n->is_stopping && v->depth > DEPTH_KNOCK &&
		       (n->options.has_resolver || addr_kind(v->client) == ADDR_PUBLIC);
	if (!may_ask)
		return;
	int64_t now = stamp_clock_now(n->clock);
	bool has_name = !wants_name(n, v->client, now);
	bool has_spf = is_at_decoy && wants_spf(n, v, now);
	if (has_name && !has_spf)
		return;
	if (n->counts.waiting >= NAMES_QUEUE_MAX || !has_resolver(n)) {
		n->counts.dropped++;
		return;
	}
	enqueue(n, v, !has_name, has_spf);
}

void names_forget(struct names *n)
{
	names_cache_clear(n->cache);
}

struct names_counts names_counts(const struct names *n)
{
	return n->counts;
}

void names_stop(struct names *n)
{
	n->is_stopping = true;
	drop_resolver(n);
	drop_waiting(n);
}

void names_free(struct names *n)
{
	if (!n)
		return;
	names_stop(n);
	names_cache_free(n->cache);
	free(n);
}
