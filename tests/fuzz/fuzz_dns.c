/* Any bytes are an answer or garbage; what is read stays inside them, every record
 * reader takes or refuses each record of any type, and the same bytes are the same
 * answer: with ASan the memory they are read into holds other bytes each time. */
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

/* FNV-1a over all that an answer says. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return h;
}

static uint64_t read_as(const uint8_t *data, size_t size, enum rr_type type)
{
	static struct answer a;
	uint8_t *wire = malloc(size ? size : 1);
	assert(wire);
	memcpy(wire, data, size);
	answer_read(&a, wire, size, "example.com", type);
	assert((a.status == LOOKUP_OK) == (a.count > 0));
	assert(a.count <= ANSWER_RECORDS_MAX);
	assert(strlen(a.owner) < sizeof(a.owner));
	uint64_t h = mix(UINT64_C(14695981039346656037), a.owner, strlen(a.owner));
	h = mix(h, &a.status, sizeof(a.status));
	h = mix(h, &a.ttl, sizeof(a.ttl));
	for (size_t j = 0; j < a.count; j++) {
		read_record(a.records[j], type);
		h = mix(h, a.records[j].data, a.records[j].len);
	}
	free(wire);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum rr_type types[] = { RR_A,   RR_NS,  RR_SOA,  RR_MX,
					      RR_PTR, RR_TXT, RR_AAAA, RR_TLSA };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert(read_as(data, size, types[i]) == read_as(data, size, types[i]));
	return 0;
}
