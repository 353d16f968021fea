/*
 * The input is what a machine sends as its feed, in pieces of two lengths. No
 * bytes may hurt; what is given is of a host of ours, with texts that end and a
 * time that can be; watermarks only grow; and the pieces make no difference.
 */
#include <assert.h>
#include <string.h>

#include "source/feed/feed_intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EARLY INT64_C(1700000000000000)

struct seen {
	uint64_t visits, sum;
	int64_t upto;
};

static void on_visit(void *arg, const struct visit *v)
{
	struct seen *s = arg;
	int64_t latest = stamp_now() + INTAKE_FUTURE + STAMP_SECOND;
	assert(v->host == 5 && v->site == 1 && v->source == VISIT_SOURCE_FEED);
	assert(v->time >= EARLY && v->time <= latest && v->precision_us >= 1);
	assert(v->answered == 0 || (v->answered >= v->time && v->answered <= latest));
	assert(v->ended == 0 || (v->ended >= v->time && v->ended <= latest));
	assert(strlen(v->helo) < VISIT_TEXT_MAX && strlen(v->mail_from) < VISIT_TEXT_MAX);
	assert(strlen(v->recipient_domain) < VISIT_TEXT_MAX);
	assert(strlen(v->name) < VISIT_TEXT_MAX);
	assert(v->depth <= DEPTH_DATA && v->outcome <= OUTCOME_ABORTED);
	s->visits++;
	s->sum += (uint64_t)v->time + (uint64_t)v->depth + strlen(v->helo);
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	struct seen *s = arg;
	assert(host == 5 && upto > s->upto && upto <= stamp_now());
	s->upto = upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	(void)arg;
	(void)is_over;
	assert(host == 5 && !strchr(sentence, '"') && !strchr(sentence, '\n'));
}

static bool on_since(void *arg, uint16_t host, int64_t *ret_since)
{
	(void)arg;
	(void)host;
	*ret_since = EARLY;
	return true;
}

static struct seen read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
	static const struct intake_host host = { 5, 1, "mx2.example", ROLE_REAL };
	struct seen s = { .upto = EARLY };
	struct source_sink sink = { .visit = on_visit,
				    .watermark = on_watermark,
				    .trouble = on_trouble,
				    .arg = &s };
	struct intake_spec spec = {
		.sink = &sink, .hosts = &host, .host_count = 1, .since = on_since
	};
	struct intake *in = intake_new(&spec);
	struct intake_stream *stream = intake_open(in);
	bool goes_on = true;
	for (size_t at = 0; at < size && goes_on; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		goes_on = intake_bytes(stream, (const char *)data + at, n, at);
		intake_tick(in, at * 100);
	}
	intake_close(stream);
	intake_free(in);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = read_in_pieces(data, size, size + 1);
	struct seen cut = read_in_pieces(data, size, 7);
	assert(whole.visits == cut.visits && whole.sum == cut.sum);
	return 0;
}
