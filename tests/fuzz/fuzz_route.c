/*
 * The input is a request as HTTP's library hands it on: method, path, Host, period and
 * address, a line each. Nothing is answered that is not ours: a refusal has a status of
 * 400 or more and a sentence without control characters, and who is sent on is sent to an
 * address.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "outlet/web/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 5 };

static void check(const struct route *r)
{
	size_t len = strlen(r->sentence);
	assert(len < ROUTE_TEXT_MAX);
	for (size_t i = 0; i < len; i++)
		assert((unsigned char)r->sentence[i] >= ' ' && r->sentence[i] != 0x7f);
	if (r->kind == ROUTE_NOTHING)
		assert(r->status >= 400 && r->status < 500 && len > 0);
	else if (r->kind == ROUTE_SEND_ON)
		assert(r->status >= 300 && r->status < 400);
	else
		assert(r->status == 200);
	assert(memchr(r->name, '\0', sizeof(r->name)));
	if (r->kind == ROUTE_SENDER || r->kind == ROUTE_SEND_ON) {
		char text[ADDR_TEXT_MAX];
		struct addr again;
		assert(addr_parse(addr_text(r->client, text), &again));
		assert(addr_equal(again, r->client));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_web web = { .is_there = true,
					       .names = { "report.example" },
					       .name_count = 1 };
	char *text = calloc(size + 1, 1);
	const char *parts[PARTS] = { NULL };
	assert(text);
	memcpy(text, data, size);
	char *at = text;
	for (size_t i = 0; i < PARTS && at; i++) {
		char *end = strchr(at, '\n');
		parts[i] = at;
		if (end)
			*end++ = '\0';
		at = end;
	}
	const struct route_request q = { .method = parts[0] ? parts[0] : "GET",
					 .path = parts[1] ? parts[1] : "/",
					 .host = parts[2],
					 .period = parts[3],
					 .address = parts[4],
					 .has_body = size & 1 };
	struct route r = route_of(&web, &q);
	check(&r);
	free(text);
	return 0;
}
