/* A mail log: a file of this machine, systemd's journal, or what a command writes. */
#include "base/mem.h"
#include "serve/watch/watch_kind.h"
#include "source/maillog/maillog.h"

/* The addresses of all hosts; of a reader with many that is a page or two. */
static struct maillog_address *addresses_of(const struct watch_spec *spec,
					    size_t *ret_count)
{
	struct maillog_address *all =
	    xcalloc(spec->host_count * HOST_MAX_ADDRESSES, sizeof(*all));
	size_t n = 0;
	for (size_t i = 0; i < spec->host_count; i++) {
		const struct watch_host *h = &spec->hosts[i];
		for (size_t k = 0; k < h->address_count; k++)
			all[n++] = (struct maillog_address){ .address = h->addresses[k],
							     .host = h->id,
							     .site = h->site };
	}
	*ret_count = n;
	return all;
}

static void *start_log(const struct watch_spec *spec, bool is_command)
{
	uint16_t *hosts = xcalloc(spec->host_count, sizeof(*hosts));
	size_t address_count;
	struct maillog_address *addresses = addresses_of(spec, &address_count);
	const struct watch_reading *reading = &spec->hosts[0].reading;
	bool is_filter_command = *reading->filter_command != '\0';
	struct maillog_spec log = { .hosts = hosts,
				    .host_count = spec->host_count,
				    .site = spec->hosts[0].site,
				    .addresses = addresses,
				    .address_count = address_count,
				    .path = spec->where,
				    .is_command = is_command,
				    .log_host = reading->log_host,
				    .stamps = reading->stamps,
				    .filter = is_filter_command ? reading->filter_command
								: reading->filter,
				    .is_filter_command = is_filter_command,
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
	free(addresses);
	return m;
}

static void *start(const struct watch_spec *spec)
{
	return start_log(spec, false);
}

static void *start_command(const struct watch_spec *spec)
{
	return start_log(spec, true);
}

static void stop(void *source)
{
	maillog_stop(source);
}

static struct watch_counts counts(const void *source)
{
	struct maillog_counts c = maillog_counts(source);
	return (struct watch_counts){ .lines = c.lines,
				      .unread = c.garbled + c.too_long };
}

static void release(void *source)
{
	maillog_free(source);
}

const struct watch_kind watch_kind_log = {
	.start = start,
	.stop = stop,
	.counts = counts,
	.free = release,
};

const struct watch_kind watch_kind_command = {
	.start = start_command,
	.stop = stop,
	.counts = counts,
	.free = release,
};
