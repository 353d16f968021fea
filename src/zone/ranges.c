#include "zone/ranges.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"

struct finder {
	/* First letters of the names asked for: most owners need no second look. */
	bool may_begin[256];
	const struct zone_input *in;
	const char *const *names;
	size_t name_count;
	struct zone_ranges *out;
};

static void note_include(struct finder *f, const struct zone_at *at)
{
	if (at->depth && !f->out->include_path[0])
		(void)str_copy(f->out->include_path, sizeof(f->out->include_path),
			       at->path);
}

static int refuse_generic(const struct zone_at *at, const char *type, struct error *e)
{
	return error_set(
	    e, FMX_EREFUSED,
	    "%s line %u: the %s record is written as bytes (RFC 3597), which "
	    "fakemx does not edit: write it in words",
	    at->path, at->line, type);
}

static int found_soa(struct finder *f, const struct zone_at *at, struct error *e)
{
	if (zone_is_generic(at))
		return refuse_generic(at, "SOA", e);
	if (f->out->soa_count == RANGES_MAX_SOA)
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: the SOA record once more", at->path,
				 at->line);
	struct soa_range *soa = &f->out->soa[f->out->soa_count];
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t = { 0 };
	for (int i = 0; i < 3; i++)
		if (!lex_token(at->text, at->en->rdata, &pos, &t))
			t.len = 0;
	uint64_t serial;
	if (!number_parse(at->text + t.begin, t.len, UINT32_MAX, &serial))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: the SOA record has no serial", at->path,
				 at->line);
	soa->serial = (uint32_t)serial;
	soa->en = *at->en;
	soa->depth = at->depth;
	soa->is_generated = at->is_generated;
	soa->serial_span = t;
	f->out->soa_count++;
	note_include(f, at);
	return 0;
}

static struct record_place place_of(const struct zone_at *at)
{
	return (struct record_place){ .en = *at->en,
				      .depth = at->depth,
				      .is_generated = at->is_generated,
				      .ttl = at->ttl,
				      .ttl_before = at->ttl_before,
				      .is_inherited = at->inherits_ttl };
}

static int found_mx(struct finder *f, const struct zone_at *at, struct error *e)
{
	if (zone_is_generic(at))
		return refuse_generic(at, "MX", e);
	if (f->out->mx_count == ZONE_MAX_MX)
		return error_set(e, FMX_ETOOBIG,
				 "%s: more than %d MX records at the apex", at->path,
				 ZONE_MAX_MX);
	struct mx_range *mx = &f->out->mx[f->out->mx_count];
	*mx = (struct mx_range){ 0 };
	uint32_t pos = at->en->rdata.begin;
	uint64_t preference;
	if (!lex_token(at->text, at->en->rdata, &pos, &mx->preference_span) ||
	    !lex_token(at->text, at->en->rdata, &pos, &mx->exchange_span) ||
	    !number_parse(at->text + mx->preference_span.begin, mx->preference_span.len,
			  UINT16_MAX, &preference) ||
	    !zone_name(at->text, mx->exchange_span, at->origin, mx->exchange))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: not a preference and a host name", at->path,
				 at->line);
	mx->preference = (uint16_t)preference;
	mx->at = place_of(at);
	(void)str_copy(mx->origin, sizeof(mx->origin), at->origin);
	f->out->mx_count++;
	note_include(f, at);
	return 0;
}

/* One space between words; `glued` words on there is none. */
static void write_rdata(const struct zone_at *at, unsigned glued, struct buf *to)
{
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t;
	for (unsigned i = 0; lex_token(at->text, at->en->rdata, &pos, &t); i++) {
		if (i && i <= glued)
			buf_adds(to, " ");
		buf_add(to, at->text + t.begin, t.len);
	}
}

/* An address in words, or as `\# 4 c0000201`. */
static bool read_addr(const struct zone_at *at, const char *rdata, enum range_type type,
		      struct addr *ret)
{
	char text[64];
	unsigned b[16];
	if (!zone_is_generic(at))
		return addr_parse(rdata, ret) && addr_is_v4(*ret) == (type == RANGE_A);
	size_t want = type == RANGE_A ? 4 : 16;
	const char *hex = rdata + strlen("\\# ") + (want == 4 ? 2 : 3);
	if (strlen(rdata) < strlen("\\# 16 ") || strlen(hex) != 2 * want)
		return false;
	for (size_t i = 0; i < want; i++)
		if (sscanf(hex + 2 * i, "%2x", &b[i]) != 1)
			return false;
	if (want == 4)
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	else
		for (size_t i = 0, n = 0; i < 16; i += 2)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%02x%02x",
					      i ? ":" : "", b[i], b[i + 1]);
	return addr_parse(text, ret);
}

struct record_range *ranges_add(struct zone_ranges *p, enum range_type type,
				const char *owner, const char *rdata)
{
	if (p->record_count == RANGES_MAX_RECORDS)
		return NULL;
	p->records = xrealloc(p->records, p->record_count + 1, sizeof(*p->records));
	struct record_range *r = &p->records[p->record_count++];
	*r = (struct record_range){ .type = type, .rdata = xstrdup(rdata) };
	(void)str_copy(r->owner, sizeof(r->owner), owner);
	return r;
}

static int found_record(struct finder *f, const struct zone_at *at, enum range_type type,
			const char *owner, struct error *e)
{
	struct buf rdata = BUF_INIT(LEX_ENTRY_MAX);
	char target[NAME_TEXT_MAX];
	write_rdata(at, zone_is_generic(at) ? 2 : 3, &rdata);
	bool is_name =
	    type == RANGE_CNAME && zone_name(at->text, at->en->rdata, at->origin, target);
	struct record_range *r =
	    ranges_add(f->out, type, owner, is_name ? target : buf_text(&rdata));
	int rc = 0;
	if (!r)
		rc = error_set(e, FMX_ETOOBIG, "%s: more than %d records of MX hosts",
			       at->path, RANGES_MAX_RECORDS);
	else if ((type == RANGE_A || type == RANGE_AAAA) &&
		 !read_addr(at, r->rdata, type, &r->addr))
		rc = error_set(e, FMX_EMALFORMED,
			       "%s line %u: \"%.60s\" is not an address", at->path,
			       at->line, r->rdata);
	else
		r->at = place_of(at);
	buf_release(&rdata);
	return rc;
}

static bool is_asked_for(const struct finder *f, const char *name)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (strcmp(f->names[i], name) == 0)
			return true;
	return false;
}

/* By its first letter and length: of most records that is enough to know. */
static bool may_be(const struct zone_at *at, char first, uint32_t len)
{
	const struct lex_span t = at->en->type;
	char c = (char)(at->text[t.begin] | 32);
	return (c == first && t.len == len) || (c == 't' && t.len > 4);
}

/* Most records of a large zone are of types, or at names, that no plan
 * touches: they must cost little. */
static bool find_type(const struct zone_at *at, enum range_type *ret)
{
	static const struct {
		char first;
		uint32_t len;
		const char *name;
		unsigned number;
		enum range_type type;
	} types[] = {
		{ 'a', 1, "A", 1, RANGE_A },         { 'a', 4, "AAAA", 28, RANGE_AAAA },
		{ 'c', 5, "CNAME", 5, RANGE_CNAME }, { 't', 4, "TLSA", 52, RANGE_TLSA },
		{ 'n', 2, "NS", 2, RANGE_NS },       { 'd', 5, "DNAME", 39, RANGE_DNAME },
	};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		*ret = types[i].type;
		if (may_be(at, types[i].first, types[i].len) &&
		    zone_type_is(at, types[i].name, types[i].number))
			return true;
	}
	return false;
}

/* What holds at the end of the zone file, where new records are added. */
static void note_directive(struct finder *f, const struct zone_at *at)
{
	if (at->is_generated)
		return;
	if (at->depth) { /* whether it holds here is not the same everywhere */
		f->out->has_default_ttl &= at->en->kind != LEX_TTL;
		return;
	}
	if (at->en->kind == LEX_ORIGIN)
		(void)str_copy(f->out->last_origin, sizeof(f->out->last_origin),
			       at->origin);
	if (at->en->kind == LEX_TTL) {
		f->out->default_ttl = at->default_ttl;
		f->out->has_default_ttl = true;
	}
}

static bool may_be_asked_for(const struct finder *f, const struct zone_at *at)
{
	if (at->owner.len == 0)
		return true; /* an error, told by zone_owner */
	unsigned char c = (unsigned char)at->owner_text[at->owner.begin];
	if (c == '@')
		c = (unsigned char)at->owner_origin[0];
	return c == '\\' || f->may_begin[c];
}

static int on_record(void *arg, const struct zone_at *at, struct error *e)
{
	struct finder *f = arg;
	char owner[NAME_TEXT_MAX];
	enum range_type type;
	if (at->en->kind != LEX_RECORD) {
		note_directive(f, at);
		return 0;
	}
	bool is_mx = may_be(at, 'm', 2) && zone_type_is(at, "MX", 15);
	bool is_apex_type = is_mx || (may_be(at, 's', 3) && zone_type_is(at, "SOA", 6));
	if (!is_apex_type && (f->name_count == 0 || !find_type(at, &type)))
		return 0;
	if (!is_apex_type && !may_be_asked_for(f, at))
		return 0;
	int rc = zone_owner(at, owner, e);
	if (rc != 0)
		return rc;
	if (!is_apex_type)
		return is_asked_for(f, owner) ? found_record(f, at, type, owner, e) : 0;
	if (strcmp(owner, f->in->origin) != 0)
		return 0;
	return is_mx ? found_mx(f, at, e) : found_soa(f, at, e);
}

int ranges_read(const struct zone_input *in, const char *const *names, size_t name_count,
		struct zone_ranges *ret, struct error *e)
{
	memset(ret, 0, offsetof(struct zone_ranges, mx));
	(void)str_copy(ret->last_origin, sizeof(ret->last_origin), in->origin);
	struct finder f = {
		.in = in, .names = names, .name_count = name_count, .out = ret
	};
	for (size_t i = 0; i < name_count; i++) {
		unsigned char c = (unsigned char)names[i][0];
		f.may_begin[c] = true;
		if (c >= 'a' && c <= 'z')
			f.may_begin[c - 'a' + 'A'] = true;
	}
	int rc = records_each(in, on_record, &f, e);
	if (rc != 0)
		ranges_release(ret);
	return rc;
}

void ranges_release(struct zone_ranges *p)
{
	for (size_t i = 0; i < p->record_count; i++)
		free(p->records[i].rdata);
	free(p->records);
	p->records = NULL;
	p->record_count = 0;
}
