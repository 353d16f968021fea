/* A feed of another machine: of a command, over the socket, or of a stream. */
#include "base/mem.h"
#include "serve/watch/watch_kind.h"
#include "source/feed/feed.h"

static void *start(const struct watch_spec *spec, const char *command, const char *path,
		   bool is_numbered)
{
	struct intake_host *hosts = xcalloc(spec->host_count, sizeof(*hosts));
	for (size_t i = 0; i < spec->host_count; i++)
		hosts[i] = (struct intake_host){ .id = spec->hosts[i].id,
						 .site = spec->hosts[i].site,
						 .role = spec->hosts[i].role,
						 .name = spec->hosts[i].name };
	struct feed_spec feed = { .intake = { .clock = spec->clock,
					      .sink = spec->sink,
					      .hosts = hosts,
					      .host_count = spec->host_count,
					      .since = spec->since,
					      .since_arg = spec->since_arg,
					      .is_numbered = is_numbered,
					      .place = spec->place },
				  .command = command,
				  .socket = path };
	struct feed *f = feed_new(spec->loop, &feed);
	free(hosts);
	return f;
}

static void *start_command(const struct watch_spec *spec)
{
	return start(spec, spec->where, NULL, false);
}

static void *start_socket(const struct watch_spec *spec)
{
	return start(spec, NULL, spec->where, false);
}

static void *start_stream(const struct watch_spec *spec)
{
	return start(spec, spec->where, NULL, true);
}

static void stop(void *source)
{
	feed_stop(source);
}

static bool is_closed(const void *source)
{
	return feed_is_closed(source);
}

static struct watch_counts counts(const void *source)
{
	struct intake_counts c = feed_counts(source).lines;
	return (struct watch_counts){ .lines = c.lines,
				      .unread = c.garbled + c.foreign + c.future };
}

static void release(void *source)
{
	feed_free(source);
}

const struct watch_kind watch_kind_feed_command = {
	.names_hosts = true,
	.start = start_command,
	.stop = stop,
	.is_closed = is_closed,
	.counts = counts,
	.free = release,
};

const struct watch_kind watch_kind_feed_socket = {
	.names_hosts = true,
	.start = start_socket,
	.stop = stop,
	.is_closed = is_closed,
	.counts = counts,
	.free = release,
};

const struct watch_kind watch_kind_stream = {
	.names_hosts = true,
	.start = start_stream,
	.stop = stop,
	.is_closed = is_closed,
	.counts = counts,
	.free = release,
};
