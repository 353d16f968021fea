#include "serve/watch/watch.h"

#include "base/mem.h"
#include "serve/watch/watch_kind.h"

/* Ticks until a stopped reader's handles have closed for certain, if its kind
 * closes them within one turn of the loop. */
enum { LEAVING_TICKS = 3 };

struct reader {
	const struct watch_kind *kind;
	void *source;
	char *where;
	struct watch_host *hosts;
	size_t host_count;
	struct watch *of;
	struct source_sink sink;
	int64_t *upto;          /* of each host, its last watermark; 0 none */
	bool is_wanted;         /* while watch_apply() compares */
	unsigned leaving_ticks; /* stopped; 0: in use */
};

struct watch {
	uv_loop_t *loop;
	struct stamp_clock clock;
	struct source_sink sink;
	watch_since_fn since;
	void *since_arg;
	struct reader **readers;
	size_t count;
};

struct watch *watch_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct source_sink *sink, watch_since_fn since,
			void *since_arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	w->loop = loop;
	w->clock = clock;
	w->sink = *sink;
	w->since = since;
	w->since_arg = since_arg;
	return w;
}

static void reader_free(struct reader *r)
{
	if (r->source)
		r->kind->free(r->source);
	free(r->where);
	free(r->hosts);
	free(r->upto);
	free(r);
}

/* *ret_where: what of that kind it is. */
static const struct watch_kind *kind_of(const struct host *h, const char *watch,
					const struct watch_ways *ways,
					const char **ret_where)
{
	*ret_where = watch;
	if (strcmp(watch, "command") == 0) {
		*ret_where = h->command;
		return &watch_kind_command;
	}
	if (strcmp(watch, "stream") == 0) {
		*ret_where = ways->stream;
		return &watch_kind_stream;
	}
	if (strcmp(watch, "feed") != 0)
		return &watch_kind_log; /* a file, or systemd's journal */
	*ret_where = *h->feed ? h->feed : ways->feed_socket;
	return *h->feed ? &watch_kind_feed_command : &watch_kind_feed_socket;
}

/* The configuration's readers, not started yet, in the order of its hosts. */
struct wanted {
	const struct watch_ways *ways;
	struct reader **readers;
	size_t count;
};

static struct watch_reading reading_of(const struct host *h)
{
	struct watch_reading r = { .log_host = "" };
	/* each as long as its own */
	(void)str_copy(r.log_host, sizeof(r.log_host), h->log_host);
	(void)str_copy(r.stamps, sizeof(r.stamps), h->stamps);
	(void)str_copy(r.filter, sizeof(r.filter), h->filter);
	(void)str_copy(r.filter_command, sizeof(r.filter_command), h->filter_command);
	return r;
}

/* The same lines of the same log, read in the same way. */
static bool are_read_alike(const struct watch_host *a, const struct watch_reading *b)
{
	return memcmp(&a->reading, b, sizeof(*b)) == 0;
}

static struct reader *wanted_reader(struct wanted *wanted, const struct watch_kind *kind,
				    const char *where,
				    const struct watch_reading *reading)
{
	for (size_t i = 0; i < wanted->count; i++) {
		struct reader *r = wanted->readers[i];
		if (r->kind == kind && strcmp(r->where, where) == 0 &&
		    are_read_alike(&r->hosts[0], reading))
			return r;
	}
	struct reader *r = xcalloc(1, sizeof(*r));
	r->kind = kind;
	r->where = xstrdup(where);
	wanted->readers =
	    xrealloc(wanted->readers, wanted->count + 1, sizeof(struct reader *));
	wanted->readers[wanted->count++] = r;
	return r;
}

static void want_watch(struct wanted *wanted, const struct site *s, const struct host *h,
		       const char *watch)
{
	const char *where;
	const struct watch_kind *kind = kind_of(h, watch, wanted->ways, &where);
	struct watch_reading reading = reading_of(h);
	struct reader *r = wanted_reader(wanted, kind, where, &reading);
	r->hosts = xrealloc(r->hosts, r->host_count + 1, sizeof(*r->hosts));
	struct watch_host *mine = &r->hosts[r->host_count++];
	*mine = (struct watch_host){ .id = h->id,
				     .site = s->id,
				     .address_count = h->address_count,
				     .role = h->role,
				     .reading = reading };
	for (size_t i = 0; i < h->address_count; i++)
		mine->addresses[i] = h->addresses[i].addr;
	(void)str_copy(mine->name, sizeof(mine->name), h->name); /* as long as its own */
}

static void want_host(struct wanted *wanted, const struct site *s, const struct host *h)
{
	if (!*h->watch)
		return;
	want_watch(wanted, s, h, h->watch);
	for (size_t i = 0; i < h->also_count; i++)
		want_watch(wanted, s, h, h->also[i]);
}

static bool are_same_addresses(const struct watch_host *a, const struct watch_host *b)
{
	return a->address_count == b->address_count &&
	       memcmp(a->addresses, b->addresses,
		      a->address_count * sizeof(a->addresses[0])) == 0;
}

static bool are_same_hosts(const struct reader *a, const struct reader *b)
{
	if (a->host_count != b->host_count)
		return false;
	for (size_t i = 0; i < a->host_count; i++) {
		if (a->hosts[i].id != b->hosts[i].id ||
		    a->hosts[i].site != b->hosts[i].site ||
		    !are_same_addresses(&a->hosts[i], &b->hosts[i]) ||
		    strcmp(a->hosts[i].name, b->hosts[i].name) != 0 ||
		    !are_read_alike(&a->hosts[i], &b->hosts[i].reading))
			return false;
	}
	return true;
}

static bool is_same(const struct reader *a, const struct reader *b)
{
	return a->leaving_ticks == 0 && a->kind == b->kind &&
	       strcmp(a->where, b->where) == 0 && are_same_hosts(a, b);
}

static bool keep(struct watch *w, const struct reader *wanted)
{
	for (size_t i = 0; i < w->count; i++) {
		if (is_same(w->readers[i], wanted)) {
			w->readers[i]->is_wanted = true;
			return true;
		}
	}
	return false;
}

/* ---- what readers give ---- */

static void on_visit(void *arg, const struct visit *v)
{
	const struct reader *r = arg;
	r->of->sink.visit(r->of->sink.arg, v);
}

/* Of a host that several readers watch: as far as the one that is least far. */
static bool least_of(const struct watch *w, uint16_t host, int64_t *ret_upto)
{
	*ret_upto = STAMP_NEVER;
	for (size_t i = 0; i < w->count; i++) {
		const struct reader *r = w->readers[i];
		for (size_t k = 0; k < r->host_count; k++)
			if (r->hosts[k].id == host && r->upto[k] < *ret_upto)
				*ret_upto = r->upto[k];
	}
	return *ret_upto != 0 && *ret_upto != STAMP_NEVER;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct reader *r = arg;
	int64_t least;
	for (size_t i = 0; i < r->host_count; i++)
		if (r->hosts[i].id == host)
			r->upto[i] = upto;
	if (least_of(r->of, host, &least))
		r->of->sink.watermark(r->of->sink.arg, host, least);
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	const struct reader *r = arg;
	r->of->sink.trouble(r->of->sink.arg, host, is_over, sentence);
}

static void on_outage(void *arg, uint16_t host, int64_t until)
{
	const struct reader *r = arg;
	r->of->sink.outage(r->of->sink.arg, host, until);
}

static void on_gap(void *arg, uint16_t host, int64_t from, int64_t to)
{
	const struct reader *r = arg;
	r->of->sink.gap(r->of->sink.arg, host, from, to);
}

static void on_delivered(void *arg, uint16_t host, const char *domain, int64_t time)
{
	const struct reader *r = arg;
	r->of->sink.delivered(r->of->sink.arg, host, domain, time);
}

static void on_position(void *arg, struct stream_place place)
{
	const struct reader *r = arg;
	r->of->sink.position(r->of->sink.arg, place);
}

static int64_t on_reading(void *arg)
{
	const struct reader *r = arg;
	return r->of->sink.reading(r->of->sink.arg);
}

static struct source_sink sink_of(struct reader *r)
{
	const struct source_sink *to = &r->of->sink;
	return (struct source_sink){ .visit = on_visit,
				     .watermark = on_watermark,
				     .trouble = on_trouble,
				     .outage = to->outage ? on_outage : NULL,
				     .gap = to->gap ? on_gap : NULL,
				     .delivered = to->delivered ? on_delivered : NULL,
				     .position = to->position ? on_position : NULL,
				     .reading = to->reading ? on_reading : NULL,
				     .arg = r };
}

static void start(struct watch *w, struct reader *r, struct stream_place place)
{
	r->of = w;
	r->upto = xcalloc(r->host_count, sizeof(*r->upto));
	r->sink = sink_of(r);
	struct watch_spec spec = { .loop = w->loop,
				   .clock = w->clock,
				   .sink = &r->sink,
				   .where = r->where,
				   .place = place,
				   .hosts = r->hosts,
				   .host_count = r->host_count,
				   .since = w->since,
				   .since_arg = w->since_arg };
	r->source = r->kind->start(&spec);
	r->is_wanted = true;
	w->readers = xrealloc(w->readers, w->count + 1, sizeof(struct reader *));
	w->readers[w->count++] = r;
}

static void stop(struct reader *r)
{
	if (r->leaving_ticks > 0)
		return;
	r->kind->stop(r->source);
	r->leaving_ticks = LEAVING_TICKS;
}

void watch_apply(struct watch *w, const struct site *sites, size_t count,
		 const struct watch_ways *ways)
{
	struct wanted wanted = { .ways = ways };
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sites[i].host_count; k++)
			want_host(&wanted, &sites[i], &sites[i].hosts[k]);
	}
	for (size_t i = 0; i < w->count; i++)
		w->readers[i]->is_wanted = false;
	bool *is_kept = xcalloc(wanted.count + 1, sizeof(bool));
	for (size_t i = 0; i < wanted.count; i++)
		is_kept[i] = keep(w, wanted.readers[i]);
	/* The old readers give their last watermarks before new ones ask where
	 * to begin. */
	for (size_t i = 0; i < w->count; i++) {
		if (!w->readers[i]->is_wanted)
			stop(w->readers[i]);
	}
	for (size_t i = 0; i < wanted.count; i++) {
		if (is_kept[i])
			reader_free(wanted.readers[i]);
		else
			start(w, wanted.readers[i], ways->place);
	}
	free(is_kept);
	free(wanted.readers);
}

/* Nothing of it is on the loop any more. */
static bool has_left(struct reader *r)
{
	if (r->leaving_ticks == 0)
		return false;
	if (r->kind->is_closed)
		return r->kind->is_closed(r->source);
	return --r->leaving_ticks == 0;
}

void watch_tick(struct watch *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->count; i++) {
		struct reader *r = w->readers[i];
		if (has_left(r))
			reader_free(r);
		else
			w->readers[kept++] = r;
	}
	w->count = kept;
}

/* The first of the reader's hosts that are the same machine as hosts[at]. */
static uint16_t first_like(const struct reader *r, size_t at)
{
	for (size_t i = 0; r->kind->names_hosts && i < at; i++) {
		if (strcmp(r->hosts[i].name, r->hosts[at].name) == 0)
			return r->hosts[i].id;
	}
	return r->hosts[r->kind->names_hosts ? at : 0].id;
}

uint16_t watch_log(const struct watch *w, uint16_t host)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct reader *r = w->readers[i];
		for (size_t k = 0; k < r->host_count; k++) {
			if (r->hosts[k].id == host && r->leaving_ticks == 0)
				return first_like(r, k);
		}
	}
	return 0;
}

void watch_each(const struct watch *w,
		void (*fn)(void *arg, const char *host, const struct watch_counts *c),
		void *arg)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct reader *r = w->readers[i];
		if (!r->is_wanted || !r->kind->counts)
			continue;
		struct watch_counts c = r->kind->counts(r->source);
		fn(arg, r->hosts[0].name, &c);
	}
}

void watch_stop(struct watch *w)
{
	for (size_t i = 0; i < w->count; i++)
		stop(w->readers[i]);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->count; i++)
		reader_free(w->readers[i]);
	free(w->readers);
	free(w);
}
