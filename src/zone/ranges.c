#include "zone/ranges.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

struct finder {
	/* First letters of the names asked for: most owners need no second look. */
	bool may_begin[256];
	const struct zone_input *in;
	const char *const *names;
	size_t name_count;
	struct zone_ranges *out;
};

static bool span_is(const char *text, struct lex_span s, const char *word)
{
	return strlen(word) == s.len && strncasecmp(text + s.begin, word, s.len) == 0;
}

static bool read_u32_text(const char *text, struct lex_span s, uint32_t most,
			  uint32_t *ret)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s.len; i++) {
		char c = text[s.begin + i];
		if (c < '0' || c > '9')
			return false;
		n = n * 10 + (uint64_t)(c - '0');
		if (n > most)
			return false;
	}
	*ret = (uint32_t)n;
	return s.len > 0;
}

static void note_include(struct finder *f, const struct zone_at *at)
{
	if (at->depth && !f->out->include_path[0])
		(void)str_copy(f->out->include_path, sizeof(f->out->include_path),
			       at->path);
}

static int found_soa(struct finder *f, const struct zone_at *at, struct error *e)
{
	struct soa_range *soa = &f->out->soa;
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t = { 0 };
	for (int i = 0; i < 3; i++)
		if (!lex_token(at->text, at->en->rdata, &pos, &t))
			t.len = 0;
	if (!read_u32_text(at->text, t, UINT32_MAX, &soa->serial))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: the SOA record has no serial", at->path,
				 at->en->line);
	soa->en = *at->en;
	soa->depth = at->depth;
	soa->serial_span = t;
	f->out->has_soa = true;
	note_include(f, at);
	return 0;
}

static int found_mx(struct finder *f, const struct zone_at *at, struct error *e)
{
	if (f->out->mx_count == ZONE_MAX_MX)
		return error_set(e, FMX_ETOOBIG,
				 "%s: more than %d MX records at the apex", at->path,
				 ZONE_MAX_MX);
	struct mx_range *mx = &f->out->mx[f->out->mx_count];
	*mx = (struct mx_range){ 0 };
	uint32_t pos = at->en->rdata.begin, preference;
	if (!lex_token(at->text, at->en->rdata, &pos, &mx->preference_span) ||
	    !lex_token(at->text, at->en->rdata, &pos, &mx->exchange_span) ||
	    !read_u32_text(at->text, mx->preference_span, UINT16_MAX, &preference) ||
	    !zone_name(at->text, mx->exchange_span, at->origin, mx->exchange))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: not a preference and a host name", at->path,
				 at->en->line);
	mx->preference = (uint16_t)preference;
	mx->en = *at->en;
	mx->depth = at->depth;
	mx->is_generated = at->is_generated;
	(void)str_copy(mx->origin, sizeof(mx->origin), at->origin);
	f->out->mx_count++;
	note_include(f, at);
	return 0;
}

static void write_rdata(const struct zone_at *at, char *to, size_t size)
{
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t;
	size_t n = 0;
	to[0] = '\0';
	while (n < size && lex_token(at->text, at->en->rdata, &pos, &t))
		n += (size_t)snprintf(to + n, size - n, "%s%.*s", n ? " " : "",
				      (int)t.len, at->text + t.begin);
}

static int found_record(struct finder *f, const struct zone_at *at, enum range_type type,
			const char *owner, struct error *e)
{
	struct zone_ranges *p = f->out;
	if (p->record_count == RANGES_MAX_RECORDS)
		return error_set(e, FMX_ETOOBIG, "%s: more than %d records of MX hosts",
				 at->path, RANGES_MAX_RECORDS);
	struct record_range r = { .type = type, .depth = at->depth, .en = *at->en };
	(void)str_copy(r.owner, sizeof(r.owner), owner);
	write_rdata(at, r.rdata, sizeof(r.rdata));
	if (type == RANGE_CNAME) {
		char target[NAME_TEXT_MAX];
		if (zone_name(at->text, at->en->rdata, at->origin, target))
			(void)str_copy(r.rdata, sizeof(r.rdata), target);
	}
	if ((type == RANGE_A || type == RANGE_AAAA) && !addr_parse(r.rdata, &r.addr))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: \"%.60s\" is not an address", at->path,
				 at->en->line, r.rdata);
	p->records = xrealloc(p->records, p->record_count + 1, sizeof(r));
	p->records[p->record_count++] = r;
	return 0;
}

static bool is_asked_for(const struct finder *f, const char *name)
{
	for (size_t i = 0; i < f->name_count; i++)
		if (strcmp(f->names[i], name) == 0)
			return true;
	return false;
}

/* Most records of a large zone are of types, or at names, that no plan
 * touches: they must cost little. */
static bool find_type(const struct zone_at *at, enum range_type *ret)
{
	const struct lex_span t = at->en->type;
	const char *text = at->text;
	switch (t.len) {
	case 1: *ret = RANGE_A; return (text[t.begin] | 32) == 'a';
	case 4:
		*ret = span_is(text, t, "AAAA") ? RANGE_AAAA : RANGE_TLSA;
		return *ret == RANGE_AAAA || span_is(text, t, "TLSA");
	case 5: *ret = RANGE_CNAME; return span_is(text, t, "CNAME");
	default: return false;
	}
}

/* What holds at the end of the zone file, where new records are added. */
static void note_directive(struct finder *f, const struct zone_at *at)
{
	if (at->depth || at->is_generated)
		return;
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
	uint32_t type_len = at->en->type.len;
	bool is_mx = type_len == 2 && span_is(at->text, at->en->type, "MX");
	bool is_apex_type =
	    is_mx || (type_len == 3 && span_is(at->text, at->en->type, "SOA"));
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
	free(p->records);
	p->records = NULL;
	p->record_count = 0;
}
