/* Any bytes are an answer or garbage; what is read stays inside them, and every
 * record reader takes or refuses each record of any type. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each reader with records of its type, and those that ask the length with any. */
static void read_record(struct rdata r, enum rr_type type)
{
	static char text[RDATA_TEXT_MAX], name[NAME_TEXT_MAX];
	struct addr addr;
	uint16_t preference;
	uint32_t serial;
	if (rdata_text(r, text))
		assert(strlen(text) < sizeof(text));
	if (rdata_addr(r, &addr))
		assert(r.len == 4 || r.len == 16);
	if (rdata_serial(r, &serial))
		assert(r.len >= 22);
	if (type == RR_MX && rdata_mx(r, &preference, name))
		assert(strlen(name) < sizeof(name));
	if ((type == RR_NS || type == RR_PTR) && rdata_name(r, name))
		assert(strlen(name) < sizeof(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum rr_type types[] = { RR_A,   RR_NS,  RR_SOA,  RR_MX,
					      RR_PTR, RR_TXT, RR_AAAA, RR_TLSA };
	static struct answer a;
	uint8_t *wire = malloc(size ? size : 1);
	assert(wire);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		memcpy(wire, data, size);
		answer_read(&a, wire, size, "example.com", types[i]);
		assert((a.status == LOOKUP_OK) == (a.count > 0));
		assert(a.count <= ANSWER_RECORDS_MAX);
		assert(strlen(a.owner) < sizeof(a.owner));
		for (size_t j = 0; j < a.count; j++)
			read_record(a.records[j], types[i]);
	}
	free(wire);
	return 0;
}
