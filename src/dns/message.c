#include "dns/message.h"

#include <assert.h>
#include <libknot/libknot.h>
#include <string.h>

enum { CHAIN_MAX = 8, ANSWER_ARENA = 512 * 1024, QUESTION_ARENA = 32 * 1024 };

static const struct {
	enum rr_type type;
	const char *name;
} types[] = {
	{ RR_A, "A" },     { RR_NS, "NS" },     { RR_CNAME, "CNAME" },
	{ RR_SOA, "SOA" }, { RR_PTR, "PTR" },   { RR_MX, "MX" },
	{ RR_TXT, "TXT" }, { RR_AAAA, "AAAA" }, { RR_TLSA, "TLSA" },
};

const char *rr_type_name(enum rr_type t)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == t)
			return types[i].name;
	assert(false);
	return "?";
}

const char *lookup_status_name(enum lookup_status s)
{
	switch (s) {
	case LOOKUP_OK: return "ok";
	case LOOKUP_NODATA: return "no such record";
	case LOOKUP_NXDOMAIN: return "NXDOMAIN";
	case LOOKUP_SERVFAIL: return "SERVFAIL";
	case LOOKUP_REFUSED: return "REFUSED";
	case LOOKUP_TIMEOUT: return "timeout";
	case LOOKUP_UNREACHABLE: return "unreachable";
	case LOOKUP_GARBAGE: return "malformed answer";
	}
	assert(false);
	return "?";
}

bool lookup_is_sure(enum lookup_status s)
{
	return s == LOOKUP_OK || s == LOOKUP_NODATA || s == LOOKUP_NXDOMAIN;
}

/* With ASan what was not given out, or belongs to the packet before, is no place
 * to read from. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ARENA_IS_GUARDED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(ARENA_IS_GUARDED)
#include <sanitizer/asan_interface.h>
/* libknot itself is not instrumented: what it is given holds other bytes for each
 * packet, so that an answer made of bytes that nobody wrote differs the next time
 * (fuzz_dns.c reads twice). */
static uint8_t arena_filler;
#define ARENA_CLOSE(at, len) (arena_filler += 0x55, ASAN_POISON_MEMORY_REGION(at, len))
#define ARENA_OPEN(at, len)                                                              \
	(ASAN_UNPOISON_MEMORY_REGION(at, len), (void)memset(at, arena_filler, len))
#else
#define ARENA_CLOSE(at, len) (void)0
#define ARENA_OPEN(at, len) (void)0
#endif

/*
 * libknot allocates many small things per packet and frees them together: an
 * arena that is rewound for each packet makes that nothing. A packet that
 * would need more is refused, so nobody can make us grow. Questions have one of
 * their own: who reads an answer may ask the next question before its end.
 */
struct arena {
	size_t used, size;
	uint8_t *bytes;
};

static void *arena_alloc(void *ctx, size_t len)
{
	struct arena *a = ctx;
	size_t need = (len + 15) & ~(size_t)15;
	if (need < len || need > a->size - a->used)
		return NULL;
	void *p = a->bytes + a->used;
	a->used += need;
	ARENA_OPEN(p, len);
	return p;
}

static void arena_free(void *p)
{
	(void)p; /* all at once, by the next arena_begin */
}

static void arena_begin(struct arena *a, knot_mm_t *ret_mm)
{
	*ret_mm = (knot_mm_t){ .ctx = a, .alloc = arena_alloc, .free = arena_free };
	a->used = 0;
	ARENA_CLOSE(a->bytes, a->size);
}

static _Alignas(16) uint8_t answer_bytes[ANSWER_ARENA];
static struct arena answers = { .size = ANSWER_ARENA, .bytes = answer_bytes };
static _Alignas(16) uint8_t question_bytes[QUESTION_ARENA];
static struct arena questions = { .size = QUESTION_ARENA, .bytes = question_bytes };

bool message_ask(const char *name, enum rr_type type, enum message_flags flags,
		 uint16_t id, uint8_t ret_wire[MESSAGE_QUERY_MAX], size_t *ret_len)
{
	uint8_t qname[NAME_WIRE_MAX];
	if (!name_to_wire(name, qname, NULL))
		return false;
	knot_mm_t mm;
	arena_begin(&questions, &mm);
	knot_pkt_t *pkt = knot_pkt_new(ret_wire, MESSAGE_QUERY_MAX, &mm);
	assert(pkt);
	memset(pkt->wire, 0, KNOT_WIRE_HEADER_SIZE); /* libknot takes it as it is */
	knot_wire_set_id(pkt->wire, id);
	if (flags & MESSAGE_RECURSE)
		knot_wire_set_rd(pkt->wire);
	int r = knot_pkt_put_question(pkt, qname, KNOT_CLASS_IN, (uint16_t)type);
	assert(r == KNOT_EOK);

	/* Last in the message and without options: if a server does not know
	 * EDNS (FORMERR), c-ares cuts these eleven bytes off and asks again. */
	knot_rrset_t opt;
	r = knot_edns_init(&opt, MESSAGE_UDP_MAX, 0, KNOT_EDNS_VERSION, &mm);
	assert(r == KNOT_EOK);
	knot_edns_set_do(&opt);
	r = knot_pkt_begin(pkt, KNOT_ADDITIONAL);
	assert(r == KNOT_EOK);
	r = knot_pkt_put(pkt, KNOT_COMPR_HINT_NONE, &opt, 0);
	assert(r == KNOT_EOK);
	*ret_len = pkt->size;
	return true;
}

void message_set_id(uint8_t wire[MESSAGE_QUERY_MAX], uint16_t id)
{
	knot_wire_set_id(wire, id);
}

bool message_drop_edns(uint8_t wire[MESSAGE_QUERY_MAX], size_t *len)
{
	enum { OPT_SIZE = 11 }; /* root, type, class, TTL, no data */
	if (knot_wire_get_arcount(wire) == 0)
		return false;
	knot_wire_set_arcount(wire, 0);
	*len -= OPT_SIZE;
	return true;
}

bool message_is_formerr(const uint8_t *wire, size_t len)
{
	return len >= KNOT_WIRE_HEADER_SIZE &&
	       knot_wire_get_rcode(wire) == KNOT_RCODE_FORMERR;
}

void answer_failed(struct answer *ret_answer, enum lookup_status why)
{
	/* The records are left as they are: count says what counts. */
	ret_answer->status = why;
	ret_answer->is_authentic = ret_answer->is_authoritative = false;
	ret_answer->is_alias = ret_answer->is_cut = false;
	ret_answer->ttl = 0;
	ret_answer->owner[0] = '\0';
	ret_answer->count = 0;
}

static enum lookup_status status_of(uint16_t rcode)
{
	switch (rcode) {
	case KNOT_RCODE_NOERROR: return LOOKUP_NODATA;
	case KNOT_RCODE_NXDOMAIN: return LOOKUP_NXDOMAIN;
	case KNOT_RCODE_SERVFAIL: return LOOKUP_SERVFAIL;
	default: return LOOKUP_REFUSED;
	}
}

/* Data of another class, or none at all, need not hold the name it should. */
static bool is_name(const knot_rdata_t *rdata)
{
	return rdata->len > 0 &&
	       knot_dname_wire_check(rdata->data, rdata->data + rdata->len, NULL) > 0;
}

/* The next link of the chain, or NULL. A server may send the links in any
 * order, and more than belong to the question. */
static const knot_dname_t *alias_of(const knot_pktsection_t *s, const knot_dname_t *owner)
{
	for (uint16_t i = 0; i < s->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(s, i);
		if (rr->type == KNOT_RRTYPE_CNAME && rr->rclass == KNOT_CLASS_IN &&
		    rr->rrs.count > 0 && is_name(rr->rrs.rdata) &&
		    knot_dname_is_equal(rr->owner, owner))
			return knot_cname_name(rr->rrs.rdata);
	}
	return NULL;
}

static void keep_record(struct answer *a, const knot_rrset_t *rr)
{
	if (a->count == ANSWER_RECORDS_MAX) {
		a->is_cut = true;
		return;
	}
	/* RFC 2181 5.2: TTLs of one RRset that differ count as the lowest. */
	if (a->count == 0 || rr->ttl < a->ttl)
		a->ttl = rr->ttl;
	a->records[a->count++] =
	    (struct rdata){ rr->rrs.rdata->data, rr->rrs.rdata->len };
}

static bool follow(struct answer *a, const knot_pktsection_t *s,
		   const knot_dname_t *owner, enum rr_type type)
{
	for (unsigned link = 0; link <= CHAIN_MAX; link++) {
		for (uint16_t i = 0; i < s->count; i++) {
			const knot_rrset_t *rr = knot_pkt_rr(s, i);
			if (rr->type == (uint16_t)type && rr->rclass == KNOT_CLASS_IN &&
			    rr->rrs.count > 0 && knot_dname_is_equal(rr->owner, owner))
				keep_record(a, rr);
		}
		const knot_dname_t *next = a->count == 0 ? alias_of(s, owner) : NULL;
		if (!next)
			return name_from_wire(owner, a->owner);
		a->is_alias = true;
		owner = next;
	}
	return false;
}

void answer_read(struct answer *ret_answer, uint8_t *wire, size_t len, const char *name,
		 enum rr_type type)
{
	struct answer *a = ret_answer;
	answer_failed(a, LOOKUP_GARBAGE);
	uint8_t qname[NAME_WIRE_MAX];
	if (len < KNOT_WIRE_HEADER_SIZE || len > UINT16_MAX ||
	    !name_to_wire(name, qname, NULL))
		return;
	knot_mm_t mm;
	arena_begin(&answers, &mm);
	knot_pkt_t *pkt = knot_pkt_new(wire, (uint16_t)len, &mm);
	if (!pkt || knot_pkt_parse(pkt, 0) != KNOT_EOK || !knot_wire_get_qr(pkt->wire))
		return;

	a->status = status_of(knot_pkt_ext_rcode(pkt));
	a->is_authentic = knot_wire_get_ad(pkt->wire);
	a->is_authoritative = knot_wire_get_aa(pkt->wire);
	/* With NXDOMAIN a chain only tells where it broke (RFC 2308 2.1). */
	if (!lookup_is_sure(a->status))
		return;
	knot_dname_to_lower(qname);
	if (!follow(a, knot_pkt_section(pkt, KNOT_ANSWER), qname, type))
		answer_failed(a, LOOKUP_GARBAGE);
	else if (a->count > 0)
		a->status = LOOKUP_OK;
}

bool rdata_addr(struct rdata r, struct addr *ret_addr)
{
	if (r.len == 4) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		memcpy(&in.sin_addr, r.data, 4);
		*ret_addr = addr_from_sockaddr((struct sockaddr *)&in, NULL);
		return true;
	}
	if (r.len != 16)
		return false;
	memcpy(ret_addr->bytes, r.data, 16);
	return true;
}

bool rdata_mx(struct rdata r, uint16_t *ret_preference, char ret_exchange[NAME_TEXT_MAX])
{
	if (r.len < 3 || !name_from_wire(r.data + 2, ret_exchange))
		return false;
	*ret_preference = (uint16_t)(r.data[0] << 8 | r.data[1]);
	return true;
}

bool rdata_name(struct rdata r, char ret_name[NAME_TEXT_MAX])
{
	return r.len >= 1 && name_from_wire(r.data, ret_name);
}

bool rdata_serial(struct rdata r, uint32_t *ret_serial)
{
	if (r.len < 22)
		return false;
	const uint8_t *s = r.data + r.len - 20; /* five numbers end the record */
	*ret_serial =
	    (uint32_t)s[0] << 24 | (uint32_t)s[1] << 16 | (uint32_t)s[2] << 8 | s[3];
	return true;
}

bool rdata_tlsa(struct rdata r, struct buf *to)
{
	if (r.len < 4)
		return false;
	buf_addf(to, "%u %u %u ", r.data[0], r.data[1], r.data[2]);
	for (uint16_t i = 3; i < r.len; i++)
		buf_addf(to, "%02x", r.data[i]);
	return true;
}

bool rdata_text(struct rdata r, char ret_text[RDATA_TEXT_MAX])
{
	size_t n = 0;
	for (size_t at = 0; at < r.len;) {
		size_t len = r.data[at++];
		if (len > r.len - at || n + len >= RDATA_TEXT_MAX)
			return false;
		for (size_t i = 0; i < len; i++) {
			char c = (char)r.data[at + i];
			ret_text[n++] = c >= ' ' && c <= '~' ? c : '?';
		}
		at += len;
	}
	ret_text[n] = '\0';
	return true;
}
