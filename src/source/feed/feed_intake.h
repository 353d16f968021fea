/*
 * feed_intake - the lines of feeds to visits and watermarks of our hosts
 *
 * Between the bytes of any number of streams and the sink. No loop, no socket:
 * bytes and times come in by calls.
 *
 * A stream tells of one or more machines by name; of a machine that is a real
 * host of several sites the first one gets the visits, all get the watermarks.
 * What a stream says of a machine first makes it the one that is believed: an
 * older stream of the same machine, as one whose connection was lost unseen, is
 * not heard any more. A new stream repeats what came after the last watermark;
 * whoever gets the visits drops what he has (serve/past.h), and what is older
 * than the watermark is dropped here.
 *
 * A watermark never goes back, and never passes our own clock. While a machine
 * is silent there is none, so nobody is judged. A feed that begins later than
 * the last one ended leaves a gap, which the sink is told of. So does a line that
 * cannot be read, or tells of what is still to come: it may have been a visit.
 *
 * Use:
 *	struct intake *in = intake_new(&spec);
 *	struct intake_stream *s = intake_open(in);
 *	if (!intake_bytes(s, bytes, len, now_ms))
 *		close_connection();
 *	intake_close(s);
 *	intake_tick(in, now_ms);	// about each second
 *	intake_free(in);
 *
 * Ownership: copies the spec. Streams are closed before the intake is freed.
 *
 * Limits: INTAKE_SILENT_MS until silence is told, INTAKE_FUTURE that a line may
 * be ahead of us, INTAKE_MAX_BAD lines in a row that cannot be read.
 */
#ifndef FMX_SOURCE_FEED_FEED_INTAKE_H
#define FMX_SOURCE_FEED_FEED_INTAKE_H

#include "base/stamp.h"
#include "mx/layout.h"
#include "source/source.h"

enum { INTAKE_SILENT_MS = 90 * 1000, INTAKE_MAX_BAD = 100 };
#define INTAKE_FUTURE (5 * STAMP_MINUTE)
#define INTAKE_LAG (2 * STAMP_SECOND) /* of a watermark behind our clock */

/* Up to where the host's visits were given before; asked when a stream begins
 * to tell of it. False: never. */
typedef bool (*intake_since_fn)(void *arg, uint16_t host, int64_t *ret_since);

struct intake_host {
	uint16_t id, site;
	const char *name;
	enum role role;
};

struct intake_spec {
	struct stamp_clock clock;
	const struct source_sink *sink;
	const struct intake_host *hosts;
	size_t host_count; /* at least 1 */
	intake_since_fn since;
	void *since_arg;
	/* A stream whose lines are numbered, and come once and in order after this one:
	 * nothing of them repeats but behind a "since" line. */
	bool is_numbered;
	struct stream_place place;
	uint64_t now_ms;
};

struct intake_counts {
	uint64_t lines, visits, watermarks;
	uint64_t garbled;  /* no line of a feed, or too long */
	uint64_t foreign;  /* of a host or role that is not ours to hear */
	uint64_t future;   /* further ahead of our clock than INTAKE_FUTURE */
	uint64_t repeated; /* visits before the watermark that the stream began at */
	uint64_t replaced; /* streams that a newer one took a host from */
};

struct intake;
struct intake_stream;

struct intake *intake_new(const struct intake_spec *spec);
void intake_free(struct intake *in);
struct intake_stream *intake_open(struct intake *in);
/* False: there is nothing more to expect of this stream, close it. */
FMX_MUST_CHECK bool intake_bytes(struct intake_stream *s, const char *bytes, size_t len,
				 uint64_t now_ms);
void intake_close(struct intake_stream *s);
/* A line of it was believed since it was opened. */
bool intake_is_good(const struct intake_stream *s);

void intake_tick(struct intake *in, uint64_t now_ms);
/* The way to all machines is lost, with a sentence; over with their next line. */
void intake_lost(struct intake *in, const char *sentence);
/* From when on visits are wanted: the oldest of the machines' watermarks, or of
 * when the intake was made. */
int64_t intake_since(const struct intake *in);
/* The last line that was given. */
struct stream_place intake_place(const struct intake *in);
struct intake_counts intake_counts(const struct intake *in);

#endif
