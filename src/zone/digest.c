#include "zone/digest.h"

#include <libzscanner/scanner.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "dns/message.h"
#include "look/spf.h"
#include "zone/flat.h"

enum {
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_RRSIG = 46
};
enum { CLASS_IN = 1 };

struct digest_reader {
	zs_scanner_t scanner;
	uint64_t key[3]; /* odd, so that no factor is zero */
	/* of the reading under way: */
	struct zone_digest set;
	struct zone_facts facts;
	uint8_t apex[NAME_WIRE_MAX];
	size_t apex_len;
	uint64_t soa_hash;
	const char *path;
	const struct digest_names *rest_of; /* NULL: all records count */
	struct digest_records *records;     /* NULL: nobody asks for each */
	uint64_t bad_line; /* of the text given to libzscanner; 0: none */
	const char *bad_words;
	struct error *e;
	int rc;
};

void zone_facts_clear(struct zone_facts *f)
{
	memset(f, 0, offsetof(struct zone_facts, mx));
}

void zone_facts_copy(struct zone_facts *to, const struct zone_facts *from)
{
	uint32_t n = from->mx_count < ZONE_MAX_MX ? from->mx_count : ZONE_MAX_MX;
	memcpy(to, from, offsetof(struct zone_facts, mx) + n * sizeof(from->mx[0]));
}

struct digest_reader *digest_reader_new(void)
{
	struct digest_reader *r = xcalloc(1, sizeof(*r));
	for (uint64_t i = 0; i < 3; i++)
		r->key[i] = hash_bytes(&i, sizeof(i)) | 1; /* keyed once per process */
	return r;
}

void digest_reader_free(struct digest_reader *r)
{
	free(r);
}

/* Letters only: a label's length is at most 63, below 'A'. Without branches:
 * every record's owner goes through here. */
static void lower(uint8_t *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool is_upper = (uint8_t)(name[i] - 'A') < 26;
		name[i] |= (uint8_t)(is_upper << 5);
	}
}

/* The names within rdata, whose case carries no meaning. */
static void lower_rdata(zs_scanner_t *s)
{
	switch (s->r_type) {
	case TYPE_NS:
	case TYPE_CNAME: lower(s->r_data, s->r_data_length); break;
	case TYPE_MX:
		if (s->r_data_length > 2)
			lower(s->r_data + 2, s->r_data_length - 2);
		break;
	case TYPE_SOA:
		if (s->r_data_length > 20)
			lower(s->r_data, s->r_data_length - 20);
		break;
	default: break;
	}
}

/*
 * Keyed multiply-and-fold over whole words, as wide-multiply hashes do: a sum
 * over a million records must cost little beside parsing them. The key is
 * drawn with the reader, so nobody can aim at a collision.
 */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_span(const struct digest_reader *r, uint64_t h, const uint8_t *p,
			  size_t len)
{
	uint64_t word = 0;
	size_t left = len;
	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = fold(h ^ word, r->key[1]);
	}
	word = 0;
	memcpy(&word, p, left);
	return fold(h ^ word ^ (uint64_t)len << 56, r->key[2]);
}

/* The serial is left out: every edit changes it, and it is checked by itself. */
static uint64_t record_hash(const struct digest_reader *r, const zs_scanner_t *s,
			    uint32_t ttl)
{
	uint64_t h =
	    r->key[0] ^ ((uint64_t)ttl << 32 | (uint64_t)s->r_type << 16 | s->r_class);
	h = hash_span(r, fold(h, r->key[1]), s->r_owner, s->r_owner_length);
	if (s->r_type != TYPE_SOA || s->r_data_length < 20)
		return hash_span(r, h, s->r_data, s->r_data_length);
	size_t serial = s->r_data_length - 20;
	h = hash_span(r, h, s->r_data, serial);
	return hash_span(r, h, s->r_data + serial + 4, 16);
}

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* False: the same record stands in the zone a second time, and is one. */
static bool note_soa(struct digest_reader *r, const zs_scanner_t *s)
{
	struct zone_facts *f = &r->facts;
	const uint8_t *numbers = s->r_data + s->r_data_length - 20;
	uint64_t hash = hash_span(r, s->r_ttl, s->r_data, s->r_data_length);
	if (f->soa_count && hash == r->soa_hash)
		return false;
	r->soa_hash = hash;
	f->soa_count++;
	f->serial = read_u32(numbers);
	f->soa_minimum = read_u32(numbers + 16);
	f->soa_ttl = s->r_ttl;
	return true;
}

static bool note_mx(struct digest_reader *r, const zs_scanner_t *s)
{
	struct zone_facts *f = &r->facts;
	struct zone_mx mx = { .ttl = s->r_ttl };
	mx.preference = (uint16_t)(s->r_data[0] << 8 | s->r_data[1]);
	if (!name_from_wire(s->r_data + 2, mx.exchange)) {
		r->rc = error_set(r->e, FMX_ETOOBIG,
				  "%s: the name of an MX host is too long", r->path);
		return true;
	}
	for (uint32_t i = 0; i < f->mx_count && i < ZONE_MAX_MX; i++)
		if (f->mx[i].preference == mx.preference &&
		    strcmp(f->mx[i].exchange, mx.exchange) == 0)
			return false;
	if (f->mx_count < ZONE_MAX_MX)
		f->mx[f->mx_count] = mx;
	f->mx_count++;
	return true;
}

/* For the findings: does it authorise the decoy (RFC 7208 3)? */
static void note_spf(struct zone_facts *f, const zs_scanner_t *s)
{
	char text[RDATA_TEXT_MAX];
	if (rdata_text((struct rdata){ s->r_data, (uint16_t)s->r_data_length }, text) &&
	    spf_is_record(text))
		(void)str_copy(f->spf, sizeof(f->spf), text);
}

static bool note_apex(struct digest_reader *r, const zs_scanner_t *s)
{
	if (s->r_type == TYPE_SOA && s->r_data_length >= 20)
		return note_soa(r, s);
	if (s->r_type == TYPE_MX && s->r_data_length >= 3)
		return note_mx(r, s);
	if (s->r_type == TYPE_TXT && s->r_data_length <= UINT16_MAX)
		note_spf(&r->facts, s);
	return true;
}

static bool is_apex(const struct digest_reader *r, const zs_scanner_t *s)
{
	return s->r_owner_length == r->apex_len &&
	       memcmp(s->r_owner, r->apex, r->apex_len) == 0;
}

/* One of those that a plan may speak of: the apex MX and SOA, and the decoys'. */
static bool is_planned(const struct digest_reader *r, const zs_scanner_t *s)
{
	if (is_apex(r, s) && (s->r_type == TYPE_MX || s->r_type == TYPE_SOA))
		return true;
	for (size_t i = 0; i < r->rest_of->count; i++)
		if (r->rest_of->len[i] == s->r_owner_length &&
		    memcmp(r->rest_of->wire[i], s->r_owner, s->r_owner_length) == 0)
			return true;
	return false;
}

/* What a server that signs puts into a zone, and the SOA, whose serial it moves. */
static bool is_made_by_server(uint16_t type)
{
	static const uint16_t types[] = {
		TYPE_SOA, TYPE_RRSIG, 47, 48, 50, 51, 59, 60, 63
	};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

static void add_record(struct digest_records *to, uint64_t hash)
{
	to->hashes = xroom(to->hashes, to->count, &to->cap, sizeof(*to->hashes));
	to->hashes[to->count++] = hash;
}

static void on_record(zs_scanner_t *s)
{
	struct digest_reader *r = s->process.data;
	bool counts = true;
	lower(s->r_owner, s->r_owner_length);
	lower_rdata(s);
	if (s->r_type == TYPE_RRSIG)
		r->facts.has_rrsig = true;
	if (r->rest_of) {
		counts = !is_planned(r, s);
	} else if (is_apex(r, s)) {
		counts = note_apex(r, s);
	} else if (s->r_type == TYPE_MX) {
		bool is_wildcard = s->r_owner[0] == 1 && s->r_owner[1] == '*';
		r->facts.has_wildcard_mx |= is_wildcard;
		r->facts.has_other_mx |= !is_wildcard;
	}
	if (counts) {
		r->set.count++;
		r->set.sum += record_hash(r, s, s->r_ttl);
	}
	if (r->records && !is_made_by_server(s->r_type))
		add_record(r->records, record_hash(r, s, 0));
}

static void on_error(zs_scanner_t *s)
{
	struct digest_reader *r = s->process.data;
	if (r->rc != 0)
		return;
	r->bad_line = s->line_counter;
	r->bad_words = zs_strerror(s->error.code);
	r->rc = error_set(r->e, FMX_EMALFORMED, "%s line %llu: %s", r->path,
			  (unsigned long long)r->bad_line, r->bad_words);
}

static int scan(struct digest_reader *r, const char *origin, const char *text, size_t len)
{
	zs_scanner_t *s = &r->scanner;
	char absolute[NAME_TEXT_MAX + 1];
	(void)snprintf(absolute, sizeof(absolute), "%s.", origin);
	if (zs_init(s, absolute, CLASS_IN, RECORDS_PLAIN_TTL) != 0)
		return error_set(r->e, FMX_EMALFORMED, "\"%s\" is not an origin", origin);
	if (zs_set_processing(s, on_record, on_error, r) != 0 ||
	    zs_set_input_string(s, text, len) != 0 || zs_parse_all(s) != 0)
		on_error(s);
	zs_deinit(s);
	return r->rc;
}

/* libzscanner wants the last line ended, and refuses CRLF, which name servers
 * take (RFC 1035 5.1 leaves the line end open): it reads a copy without CR. */
static int scan_text(struct digest_reader *r, const char *origin, const char *text,
		     size_t len)
{
	bool is_ended = len && text[len - 1] == '\n';
	if (is_ended && !memchr(text, '\r', len))
		return scan(r, origin, text, len);
	struct buf plain = BUF_INIT(UINT32_MAX);
	const char *end = text + len;
	for (const char *p = text; p < end;) {
		const char *cr = memmem(p, (size_t)(end - p), "\r\n", 2);
		buf_add(&plain, p, (size_t)((cr ? cr : end) - p));
		p = cr ? cr + 1 : end;
	}
	if (!is_ended)
		buf_adds(&plain, "\n");
	int rc = scan(r, origin, buf_text(&plain), plain.len);
	buf_release(&plain);
	return rc;
}

/* ---- texts that need more than libzscanner ---- */

static int scan_flat(struct digest_reader *r, const struct zone_input *in,
		     enum flat_reading as)
{
	struct flat_ttl ttl = { .as = as };
	struct buf out = BUF_INIT(UINT32_MAX);
	int rc = flat_write(in, &ttl, &out, r->e);
	if (rc == 0)
		rc =
		    scan(r, in->origin, out.len ? out.data : "\n", out.len ? out.len : 1);
	if (rc == FMX_EMALFORMED && r->bad_line)
		flat_blame(in, r->bad_line, r->bad_words, r->e);
	r->facts.ttl_differs = ttl.differs;
	buf_release(&out);
	return rc;
}

/* A directive stands at a line's start. May say yes where a lexer would say
 * no (within parentheses): then the long way is taken, with the same result. */
static bool has_directive(const char *text, size_t len)
{
	const char *end = text + len;
	for (const char *p = text; (p = memchr(p, '$', (size_t)(end - p))); p++) {
		bool at_start = p == text || p[-1] == '\n';
		if (at_start && end - p >= 8 &&
		    ((p[1] | 32) == 'i' || (p[1] | 32) == 'g'))
			return true;
	}
	return false;
}

/* Without a $TTL in front, a record's TTL is not what libzscanner takes. */
static bool begins_with_ttl(const struct zone_input *in)
{
	struct lex l;
	struct lex_entry en;
	struct error ignored; /* the long way tells it, with the line */
	if (lex_init(&l, in->text, in->len, &ignored) != 0)
		return false;
	while (lex_next(&l, &en, &ignored) > 0) {
		if (en.kind == LEX_TTL)
			return true;
		if (en.kind != LEX_BLANK && en.kind != LEX_ORIGIN)
			return false;
	}
	return false;
}

static int begin(struct digest_reader *r, const struct zone_input *in)
{
	r->rc = 0;
	r->path = in->path;
	r->bad_line = 0;
	r->set = (struct zone_digest){ 0 };
	zone_facts_clear(&r->facts);
	if (r->records)
		r->records->count = 0;
	if (!name_to_wire(in->origin, r->apex, &r->apex_len))
		return error_set(r->e, FMX_EMALFORMED, "\"%s\" is not an origin",
				 in->origin);
	lower(r->apex, r->apex_len);
	return 0;
}

/* Most texts libzscanner reads as they are. What it refuses, or what it would
 * read otherwise than BIND, is written out for it: the long way decides. */
int digest_read(struct digest_reader *r, const struct zone_input *in,
		struct zone_digest *ret_set, struct zone_facts *ret_facts,
		struct error *e)
{
	struct error own;
	r->e = e ? e : &own;
	r->rest_of = NULL;
	int rc = begin(r, in);
	if (rc != 0)
		return rc;
	bool is_plain = !has_directive(in->text, in->len) && begins_with_ttl(in);
	rc = is_plain ? scan_text(r, in->origin, in->text, in->len) : FMX_EMALFORMED;
	if (rc != 0) {
		rc = begin(r, in);
		if (rc == 0)
			rc = scan_flat(r, in, FLAT_AS_BIND);
	}
	if (rc != 0)
		return rc;
	*ret_set = r->set;
	if (ret_facts)
		zone_facts_copy(ret_facts, &r->facts);
	return 0;
}

int digest_read_rest(struct digest_reader *r, const struct zone_input *in,
		     const struct digest_names *names, struct zone_digest *ret_set,
		     struct error *e)
{
	r->e = e;
	r->rest_of = names;
	int rc = begin(r, in);
	if (rc == 0)
		rc = scan_flat(r, in, FLAT_AS_WRITTEN);
	if (rc == 0)
		*ret_set = r->set;
	return rc;
}

/* ---- each record ---- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

int digest_read_records(struct digest_reader *r, const struct zone_input *in,
			struct digest_records *ret, struct error *e)
{
	struct zone_digest ignored;
	*ret = (struct digest_records){ 0 };
	r->records = ret;
	int rc = digest_read(r, in, &ignored, NULL, e);
	r->records = NULL;
	if (rc != 0)
		digest_records_release(ret);
	else if (ret->count)
		qsort(ret->hashes, ret->count, sizeof(*ret->hashes), by_value);
	return rc;
}

void digest_records_release(struct digest_records *s)
{
	free(s->hashes);
	*s = (struct digest_records){ 0 };
}

size_t digest_records_common(const struct digest_records *some,
			     const struct digest_records *all)
{
	size_t common = 0;
	for (size_t i = 0; i < some->count; i++)
		common += all->count && bsearch(&some->hashes[i], all->hashes, all->count,
						sizeof(*all->hashes), by_value);
	return common;
}

struct zone_digest digest_add(struct zone_digest a, struct zone_digest b)
{
	return (struct zone_digest){ a.count + b.count, a.sum + b.sum };
}

struct zone_digest digest_take(struct zone_digest a, struct zone_digest b)
{
	return (struct zone_digest){ a.count - b.count, a.sum - b.sum };
}

bool digest_equal(struct zone_digest a, struct zone_digest b)
{
	return a.count == b.count && a.sum == b.sum;
}

bool digest_name(struct digest_names *n, const char *name)
{
	size_t i = n->count;
	if (i == DIGEST_MAX_NAMES || !name_to_wire(name, n->wire[i], &n->len[i]))
		return false;
	lower(n->wire[i], n->len[i]);
	n->count++;
	return true;
}
