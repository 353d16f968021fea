#include "zone/flat.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Types whose data needs a second look. names: bit n for word n a domain name;
 * glued: from this word on (not 0), one value in pieces; lacking: the number of
 * a type that libzscanner does not know. */
static const struct form {
	const char *type;
	unsigned names, glued, lacking;
} forms[] = {
	{ "NS", 1, 0, 0 },         { "CNAME", 1, 0, 0 },     { "PTR", 1, 0, 0 },
	{ "DNAME", 1, 0, 0 },      { "MX", 2, 0, 0 },        { "SOA", 3, 0, 0 },
	{ "SRV", 8, 0, 0 },        { "AFSDB", 2, 0, 0 },     { "KX", 2, 0, 0 },
	{ "RT", 2, 0, 0 },         { "RP", 3, 0, 0 },        { "MINFO", 3, 0, 0 },
	{ "NAPTR", 32, 0, 0 },     { "LP", 2, 0, 0 },        { "NSEC", 1, 0, 0 },
	{ "SVCB", 2, 0, 0 },       { "HTTPS", 2, 0, 0 },     { "RRSIG", 128, 8, 0 },
	{ "DNSKEY", 0, 3, 0 },     { "CDNSKEY", 0, 3, 0 },   { "KEY", 0, 3, 0 },
	{ "DS", 0, 3, 0 },         { "CDS", 0, 3, 0 },       { "CERT", 0, 3, 0 },
	{ "SSHFP", 0, 2, 0 },      { "TLSA", 0, 3, 0 },      { "SMIMEA", 0, 3, 0 },
	{ "ZONEMD", 0, 3, 0 },     { "DHCID", 0, 0, 0 },     { "OPENPGPKEY", 0, 0, 0 },
	{ "MB", 0, 0, 7 },         { "MG", 0, 0, 8 },        { "MR", 0, 0, 9 },
	{ "NULL", 0, 0, 10 },      { "WKS", 0, 0, 11 },      { "X25", 0, 0, 19 },
	{ "ISDN", 0, 0, 20 },      { "NSAP", 0, 0, 22 },     { "NSAP-PTR", 0, 0, 23 },
	{ "SIG", 0, 0, 24 },       { "PX", 0, 0, 26 },       { "GPOS", 0, 0, 27 },
	{ "NXT", 0, 0, 30 },       { "EID", 0, 0, 31 },      { "NIMLOC", 0, 0, 32 },
	{ "ATMA", 0, 0, 34 },      { "A6", 0, 0, 38 },       { "SINK", 0, 0, 40 },
	{ "HIP", 0, 0, 55 },       { "NINFO", 0, 0, 56 },    { "RKEY", 0, 0, 57 },
	{ "TALINK", 0, 0, 58 },    { "UINFO", 0, 0, 100 },   { "UID", 0, 0, 101 },
	{ "GID", 0, 0, 102 },      { "AVC", 0, 0, 258 },     { "DOA", 0, 0, 259 },
	{ "AMTRELAY", 0, 0, 260 }, { "RESINFO", 0, 0, 261 }, { "WALLET", 0, 0, 262 },
	{ "TA", 0, 0, 32768 },     { "DLV", 0, 0, 32769 },
};

static const struct form *form_of(const struct zone_at *at)
{
	static const struct form plain = { "", 0, 0, 0 };
	const struct lex_span t = at->en->type;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strlen(forms[i].type) == t.len &&
		    strncasecmp(at->text + t.begin, forms[i].type, t.len) == 0)
			return &forms[i];
	return &plain;
}

/* ---- names ---- */

static bool is_plain_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '*' ||
	       c == '/';
}

/* Absolute and with a final dot; each unusual byte as \DDD. */
static void add_name(struct buf *out, const char *name)
{
	for (const char *p = name; *p; p++) {
		if (*p == '\\' && p[1] >= '0' && p[1] <= '9') {
			buf_add(out, p, 1); /* \DDD as it is */
			continue;
		}
		bool is_escaped = *p == '\\' && p[1];
		p += is_escaped;
		if (is_plain_byte(*p) && !(is_escaped && *p == '.'))
			buf_add(out, p, 1);
		else
			buf_addf(out, "\\%03u", (unsigned)(unsigned char)*p);
	}
	buf_adds(out, ".");
}

static int add_name_token(struct buf *out, const struct zone_at *at, struct lex_span t,
			  struct error *e)
{
	char name[NAME_TEXT_MAX];
	if (!zone_name(at->text, t, at->origin, name))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: \"%.*s\" is not a domain name", at->path,
				 at->line, (int)(t.len > 60 ? 60 : t.len),
				 at->text + t.begin);
	add_name(out, name);
	return 0;
}

/* ---- data ---- */

/* Bytes beyond ASCII get escapes, which mean the same. */
static void add_word(struct buf *out, const char *text, struct lex_span t)
{
	const char *from = text + t.begin, *end = from + t.len;
	for (const char *p = from; p < end; p++) {
		if (!((unsigned char)*p & 0x80))
			continue;
		buf_add(out, from, (size_t)(p - from));
		buf_addf(out, "\\%03u", (unsigned)(unsigned char)*p);
		from = p + 1;
	}
	buf_add(out, from, (size_t)(end - from));
}

static int add_words(struct buf *out, const struct zone_at *at, const struct form *form,
		     struct error *e)
{
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t;
	bool generic = zone_is_generic(at);
	unsigned glued = generic ? 2 : form->glued;
	bool all_glued = !generic && (strcmp(form->type, "DHCID") == 0 ||
				      strcmp(form->type, "OPENPGPKEY") == 0);
	for (unsigned i = 0; lex_token(at->text, at->en->rdata, &pos, &t); i++) {
		if (i == 0 || !(all_glued || (glued && i > glued)))
			buf_adds(out, i ? " " : "\t");
		if (!generic && i < 32 && form->names & 1U << i) {
			int rc = add_name_token(out, at, t, e);
			if (rc != 0)
				return rc;
		} else {
			add_word(out, at->text, t);
		}
	}
	return 0;
}

static void add_hex(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_addf(out, "%02x", (unsigned)(unsigned char)bytes[i]);
}

/* The words as they stand, and the origin that a name among them needs. */
static int add_opaque(struct buf *out, const struct zone_at *at, struct error *e)
{
	struct buf bytes = BUF_INIT(UINT16_MAX);
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t;
	buf_adds(&bytes, at->origin);
	while (lex_token(at->text, at->en->rdata, &pos, &t)) {
		buf_add(&bytes, "", 1);
		buf_add(&bytes, at->text + t.begin, t.len);
	}
	buf_addf(out, "\t\\# %zu ", bytes.len);
	add_hex(out, bytes.data, bytes.len);
	bool failed = buf_failed(&bytes);
	buf_release(&bytes);
	return failed ? error_set(e, FMX_ETOOBIG, "%s line %u: the record is too long",
				  at->path, at->line)
		      : 0;
}

/* ---- records ---- */

struct writer {
	struct flat_ttl *ttl;
	struct buf *out;
	char origin[NAME_TEXT_MAX];
};

/* Types without an entry above may hold names: libzscanner makes them whole. */
static void keep_origin(struct writer *w, const struct zone_at *at)
{
	if (strcmp(w->origin, at->origin) == 0)
		return;
	(void)str_copy(w->origin, sizeof(w->origin), at->origin);
	buf_adds(w->out, "$ORIGIN ");
	add_name(w->out, at->origin);
	buf_adds(w->out, "\n");
}

static int add_record(struct writer *w, const struct zone_at *at, struct error *e)
{
	char owner[NAME_TEXT_MAX];
	const struct form *form = form_of(at);
	const struct lex_entry *en = at->en;
	int rc = zone_owner(at, owner, e);
	if (rc != 0)
		return rc;
	if (!form->names && !form->lacking)
		keep_origin(w, at);
	w->ttl->differs |= at->ttl != at->plain_ttl;
	add_name(w->out, owner);
	buf_addf(w->out, "\t%u\t", w->ttl->as == FLAT_AS_BIND ? at->ttl : at->plain_ttl);
	if (en->class_.len)
		buf_add(w->out, at->text + en->class_.begin, en->class_.len);
	else
		buf_adds(w->out, "IN");
	if (form->lacking)
		buf_addf(w->out, "\tTYPE%u", form->lacking);
	else
		buf_addf(w->out, "\t%.*s", (int)en->type.len, at->text + en->type.begin);
	rc = form->lacking ? add_opaque(w->out, at, e) : add_words(w->out, at, form, e);
	buf_adds(w->out, "\n");
	return rc;
}

static int on_entry(void *arg, const struct zone_at *at, struct error *e)
{
	struct writer *w = arg;
	if (at->en->kind != LEX_RECORD)
		return 0;
	int rc = add_record(w, at, e);
	if (rc == 0 && buf_failed(w->out))
		rc = error_set(e, FMX_ETOOBIG, "%s: too large with its $INCLUDEs",
			       at->path);
	return rc;
}

int flat_write(const struct zone_input *in, struct flat_ttl *ttl, struct buf *out,
	       struct error *e)
{
	struct writer w = { .ttl = ttl, .out = out };
	(void)str_copy(w.origin, sizeof(w.origin), in->origin);
	return records_each(in, on_entry, &w, e);
}

/* ---- who is to blame ---- */

struct blame {
	struct writer writer;
	uint64_t line, wanted;
	const char *words;
};

static int count_lines(void *arg, const struct zone_at *at, struct error *e)
{
	struct blame *b = arg;
	struct error ignored;
	if (at->en->kind != LEX_RECORD)
		return 0;
	buf_clear(b->writer.out);
	(void)!add_record(&b->writer, at, &ignored); /* it was written before */
	for (size_t i = 0; i < b->writer.out->len; i++)
		b->line += b->writer.out->data[i] == '\n';
	if (b->line < b->wanted)
		return 0;
	return error_set(e, FMX_EMALFORMED, "%s line %u: %s", at->path, at->line,
			 b->words);
}

void flat_blame(const struct zone_input *in, uint64_t n, const char *words,
		struct error *e)
{
	struct flat_ttl ttl = { .as = FLAT_AS_BIND };
	struct buf out = BUF_INIT(UINT32_MAX);
	struct blame b = { .writer = { .ttl = &ttl, .out = &out },
			   .wanted = n,
			   .words = words };
	(void)str_copy(b.writer.origin, sizeof(b.writer.origin), in->origin);
	if (records_each(in, count_lines, &b, e) == 0)
		(void)error_set(e, FMX_EMALFORMED, "%s: %s", in->path, words);
	buf_release(&out);
}
