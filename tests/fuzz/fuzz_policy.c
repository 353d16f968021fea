/*
 * Whatever a policy client says: how the bytes were cut changes nothing, what
 * is read is bounded and whole, an answer is one line of our own words, never a
 * rejection.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "serve/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	assert(memchr(text, '\0', size));
	assert(!strchr(text, '\n'));
}

static void check_answer(const struct policy_request *r)
{
	struct ask_quick g = { .quick = { .order = ORDER_STRAIGHT, .delay_us = 10000 },
			       .is_listed = r->depth == DEPTH_MAIL };
	struct policy_options options = { .defers = true, .is_first = true };
	char action[POLICY_ACTION_MAX];
	enum policy_action a = policy_answer(r, &g, &options, action);
	const char *want[] = { "DUNNO", "PREPEND X-FakeMX: order=straight delay=0.01",
			       "DEFER_IF_PERMIT 4.7.1 " };
	assert(strncmp(action, want[a], strlen(want[a])) == 0);
	assert(a == POLICY_DEFER || strcmp(action, want[a]) == 0);
	assert(a == POLICY_DUNNO || (r->is_access && r->has_client));
	check_text(action, sizeof(action));
}

/* The requests as bytes, and whether it ended broken. */
static bool run(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
	struct policy_reader *r = calloc(1, sizeof(*r));
	bool is_broken = false;
	assert(r);
	for (size_t at = 0; at < size && !is_broken;) {
		size_t len = size - at < piece ? size - at : piece, used;
		enum policy_next next =
		    policy_read(r, (const char *)data + at, len, &used);
		is_broken = next == POLICY_BROKEN;
		if (is_broken)
			break;
		assert(used > 0 && used <= len &&
		       (next == POLICY_REQUEST || used == len));
		at += used;
		if (next != POLICY_REQUEST)
			continue;
		const struct policy_request *q = &r->request;
		check_text(q->helo, sizeof(q->helo));
		check_text(q->sender, sizeof(q->sender));
		check_text(q->recipient_domain, sizeof(q->recipient_domain));
		check_text(q->instance, sizeof(q->instance));
		for (const char *c = q->recipient_domain; *c; c++)
			assert(*c != '@' && !isupper((unsigned char)*c));
		assert(q->depth >= DEPTH_CONNECT && q->depth <= DEPTH_DATA);
		check_answer(q);
		char client[ADDR_TEXT_MAX];
		buf_addf(out, "%d %s %u %d %d %s %s %s %s\n", q->is_access,
			 q->has_client ? addr_text(q->client, client) : "-",
			 q->client_port, q->depth, q->is_authenticated, q->helo,
			 q->sender, q->recipient_domain, q->instance);
	}
	free(r);
	return is_broken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct buf whole = BUF_INIT(1 << 22), cut = BUF_INIT(1 << 22);
	bool a = run(data + 1, size - 1, size, &whole);
	bool b = run(data + 1, size - 1, 1 + data[0], &cut);
	assert(a == b);
	assert(strcmp(buf_text(&whole), buf_text(&cut)) == 0);
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
