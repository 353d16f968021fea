#include "serve/watch.h"

#include "base/log.h"
#include "base/mem.h"
#include "source/maillog.h"

/* Ticks until a stopped reader's handles have closed for certain: they close
 * within one turn of the loop. */
enum { LEAVING_TICKS = 3 };

struct reader {
	struct maillog *log;
	char path[WATCH_MAX];
	uint16_t site; /* of the first host */
	uint16_t *hosts;
	size_t host_count;
	bool is_wanted;         /* while watch_apply() compares */
	unsigned leaving_ticks; /* stopped; 0: in use */
};

struct watch {
	uv_loop_t *loop;
	struct stamp_clock clock;
	struct source_sink sink;
	struct reader **readers;
	size_t count;
};

struct watch *watch_new(uv_loop_t *loop, struct stamp_clock clock,
			const struct source_sink *sink)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	w->loop = loop;
	w->clock = clock;
	w->sink = *sink;
	return w;
}

static void reader_free(struct reader *r)
{
	if (r->log)
		maillog_free(r->log);
	free(r->hosts);
	free(r);
}

/* The configuration's readers, not started yet, in the order of its hosts. */
struct wanted {
	struct reader **readers;
	size_t count;
};

static struct reader *wanted_reader(struct wanted *wanted, const char *path,
				    uint16_t site)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (strcmp(wanted->readers[i]->path, path) == 0)
			return wanted->readers[i];
	}
	struct reader *r = xcalloc(1, sizeof(*r));
	(void)str_copy(r->path, sizeof(r->path), path);
	r->site = site;
	wanted->readers =
	    xrealloc(wanted->readers, wanted->count + 1, sizeof(struct reader *));
	wanted->readers[wanted->count++] = r;
	return r;
}

static void want_host(struct wanted *wanted, const struct site *s, const struct host *h)
{
	if (h->role != ROLE_REAL || !host_is_watched(h))
		return;
	if (h->watch[0] != '/') {
		log_warning(
		    "not-watched host=%s watch=%s reason=\"this version reads log "
		    "files only\"",
		    h->name, h->watch);
		return;
	}
	struct reader *r = wanted_reader(wanted, h->watch, s->id);
	r->hosts = xrealloc(r->hosts, r->host_count + 1, sizeof(*r->hosts));
	r->hosts[r->host_count++] = h->id;
}

static bool is_same(const struct reader *a, const struct reader *b)
{
	return a->leaving_ticks == 0 && strcmp(a->path, b->path) == 0 &&
	       a->site == b->site && a->host_count == b->host_count &&
	       memcmp(a->hosts, b->hosts, a->host_count * sizeof(*a->hosts)) == 0;
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

static void start(struct watch *w, struct reader *r, watch_since_fn since, void *arg)
{
	struct maillog_spec spec = { .hosts = r->hosts,
				     .host_count = r->host_count,
				     .site = r->site,
				     .path = r->path,
				     .start = MAILLOG_END };
	/* All hosts of a reader get the same watermarks; one that is new to the
	 * journal must not make the others' lines be read again. */
	for (size_t i = 0; i < r->host_count; i++) {
		int64_t t;
		if (since(arg, r->hosts[i], &t) && (spec.since == 0 || t > spec.since)) {
			spec.start = MAILLOG_SINCE;
			spec.since = t;
		}
	}
	r->log = maillog_new(w->loop, w->clock, &spec, &w->sink);
	r->is_wanted = true;
	w->readers = xrealloc(w->readers, w->count + 1, sizeof(struct reader *));
	w->readers[w->count++] = r;
}

static void stop(struct reader *r)
{
	if (r->leaving_ticks > 0)
		return;
	maillog_stop(r->log);
	r->leaving_ticks = LEAVING_TICKS;
}

void watch_apply(struct watch *w, const struct site *sites, size_t count,
		 watch_since_fn since, void *arg)
{
	struct wanted wanted = { .count = 0 };
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
			start(w, wanted.readers[i], since, arg);
	}
	free(is_kept);
	free(wanted.readers);
}

void watch_tick(struct watch *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->count; i++) {
		struct reader *r = w->readers[i];
		if (r->leaving_ticks > 0 && --r->leaving_ticks == 0)
			reader_free(r);
		else
			w->readers[kept++] = r;
	}
	w->count = kept;
}

uint16_t watch_log(const struct watch *w, uint16_t host)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct reader *r = w->readers[i];
		for (size_t k = 0; k < r->host_count; k++) {
			if (r->hosts[k] == host && r->leaving_ticks == 0)
				return r->hosts[0];
		}
	}
	return 0;
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
