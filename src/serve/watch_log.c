/* A mail log in a file of this machine. */
#include "base/mem.h"
#include "serve/watch_kind.h"
#include "source/maillog.h"

static void *start(const struct watch_spec *spec)
{
	uint16_t *hosts = xcalloc(spec->host_count, sizeof(*hosts));
	struct maillog_spec log = { .hosts = hosts,
				    .host_count = spec->host_count,
				    .site = spec->hosts[0].site,
				    .path = spec->where,
				    .start = MAILLOG_END };
	/* All hosts of a log get the same watermarks; one that is new to the
	 * journal must not make the others' lines be read again. */
	for (size_t i = 0; i < spec->host_count; i++) {
		int64_t t;
		hosts[i] = spec->hosts[i].id;
		if (spec->since(spec->since_arg, hosts[i], &t) &&
		    (log.since == 0 || t > log.since)) {
			log.start = MAILLOG_SINCE;
			log.since = t;
		}
	}
	struct maillog *m = maillog_new(spec->loop, spec->clock, &log, spec->sink);
	free(hosts);
	return m;
}

static void stop(void *source)
{
	maillog_stop(source);
}

static void release(void *source)
{
	maillog_free(source);
}

const struct watch_kind watch_kind_log = {
	.start = start,
	.stop = stop,
	.free = release,
};
