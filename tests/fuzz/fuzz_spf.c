/* What a stranger's domain publishes: lines are the texts of records, given to each
 * question in turn. libspf2 gets what names_spf_clean() lets through, and the
 * check ends within its limits. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "source/name/names_spf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct lines {
	const uint8_t *at, *end;
};

/* One TXT record of the next line; its bytes go into `room`. */
static void give_text(struct lines *l, struct answer *a, uint8_t room[2 * RDATA_TEXT_MAX])
{
	size_t len = 0, at = 0;
	while (l->at + len < l->end && l->at[len] != '\n' && len < RDATA_TEXT_MAX)
		len++;
	for (size_t i = 0; i < len || i == 0; i += 255) {
		size_t n = len - i < 255 ? len - i : 255;
		room[at++] = (uint8_t)n;
		memcpy(room + at, l->at + i, n);
		at += n;
	}
	l->at += len + (l->at + len < l->end);
	a->records[a->count++] = (struct rdata){ room, (uint16_t)at };
}

static void give(struct lines *l, enum rr_type type, struct answer *a)
{
	static uint8_t room[2 * RDATA_TEXT_MAX], names[16][NAME_WIRE_MAX + 2];
	static const uint8_t addr[16] = { 20, 1, 1, 1 };
	a->status = LOOKUP_OK;
	a->count = 0;
	if (type == RR_TXT) {
		give_text(l, a, room);
	} else if (type == RR_A || type == RR_AAAA) {
		a->records[a->count++] = (struct rdata){ addr, type == RR_A ? 4 : 16 };
	} else {
		for (size_t skip = type == RR_MX ? 2 : 0; a->count < 16; a->count++) {
			char name[] = "a.host.example";
			size_t len;
			name[0] = (char)('a' + a->count);
			memset(names[a->count], 0, 2);
			bool ok = name_to_wire(name, names[a->count] + skip, &len);
			assert(ok);
			a->records[a->count] =
			    (struct rdata){ names[a->count], (uint16_t)(len + skip) };
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct answer a;
	struct lines l = { data, data + size };
	struct names_spf_question q;
	struct addr client;
	unsigned asked = 0;
	bool ok = addr_parse(size % 2 ? "20.1.1.1" : "2a01::1", &client);
	assert(ok);
	struct names_spf *s = names_spf_new(client, "some.one+x@sender.example");
	assert(s);
	while (names_spf_step(s, &q) == NAMES_SPF_ASKS) {
		assert(++asked <= NAMES_SPF_QUESTIONS);
		assert(name_is_host(q.name));
		give(&l, q.type, &a);
		names_spf_answer(s, &a);
	}
	names_spf_free(s);
	return 0;
}
