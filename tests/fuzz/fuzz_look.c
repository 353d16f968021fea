/*
 * What strangers send besides DNS: an SMTP reply reads the same in one piece
 * and byte by byte, and is printable; a policy is usable or has a sentence; a
 * name that people wrote is a name or has one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "look/reply.h"
#include "look/spf.h"
#include "look/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_reply(const char *bytes, size_t size)
{
	static struct reply whole, pieces;
	size_t used_whole, used, at = 0;
	reply_init(&whole);
	reply_init(&pieces);
	enum reply_progress p = reply_feed(&whole, bytes, size, &used_whole),
			    q = REPLY_MORE;
	assert(used_whole <= size);
	for (; at < size && q == REPLY_MORE; at += used)
		q = reply_feed(&pieces, bytes + at, 1, &used);
	assert(p == q && at == used_whole);
	assert(whole.code == pieces.code && strcmp(whole.text, pieces.text) == 0);
	assert(strcmp(whole.keywords, pieces.keywords) == 0);
	assert(p != REPLY_DONE || (whole.code >= 200 && whole.code < 600));
	for (const char *c = whole.text; *c; c++)
		assert(*c >= ' ' && *c <= '~');
}

static void fuzz_texts(const char *bytes, size_t size)
{
	struct seen s;
	struct error e = { .code = 0 };
	char *text = malloc(size + 1), name[NAME_TEXT_MAX];
	assert(text);
	memcpy(text, bytes, size);
	text[size] = '\0';
	seen_init(&s, "example.com");
	int r = sts_read(bytes, size, &s, &e);
	assert((r == 0) == (s.sts != STS_BROKEN));
	assert(r == 0 || *e.text);
	(void)seen_sts_lists(&s, "mail.example.com");
	seen_release(&s);
	(void)spf_has_mx(text, "example.com");
	if (name_read(text, name, NULL, &e) == 0) {
		uint8_t wire[NAME_WIRE_MAX];
		assert(*name && name_to_wire(name, wire, NULL));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	fuzz_reply(bytes, size);
	fuzz_texts(bytes, size);
	return 0;
}
