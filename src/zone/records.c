#include "zone/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "zone/generate.h"

/* An origin, once named, is kept until the reading ends: owners refer to it. */
struct origin {
	struct origin *next;
	char name[NAME_TEXT_MAX];
};

struct reader {
	const struct zone_input *in;
	records_fn fn;
	void *arg;
	struct origin *origins;
	struct zone_at at;
	/* BIND's state: the TTL of the last record, and the default that the
	 * SOA's minimum becomes where neither it nor a $TTL says another. */
	uint32_t last_ttl, soa_ttl;
	bool has_last_ttl, has_soa_ttl;
	/* The $TTL of this file alone: a server that reads an included file by
	 * itself forgets what that said. */
	uint32_t plain_ttl;
	unsigned files;
	uint32_t generate_left;
	const char *open_paths[RECORDS_MAX_DEPTH];
};

static int read_text(struct reader *w, const char *path, const char *text, size_t len,
		     struct error *e);

/* ---- names ---- */

/* Lower case, no final dot; escapes go the long way, by the wire. */
static bool canonical_name(char *name, char ret_name[NAME_TEXT_MAX])
{
	if (strchr(name, '\\') || strstr(name, "..")) {
		uint8_t wire[NAME_WIRE_MAX];
		return name_to_wire(name, wire, NULL) && name_from_wire(wire, ret_name);
	}
	size_t n = strlen(name);
	if (n && name[n - 1] == '.')
		name[--n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] + 32);
	return str_copy(ret_name, NAME_TEXT_MAX, name);
}

/* A final dot that no backslash takes away; two of them are one escaped. */
static bool ends_absolute(const char *name, uint32_t len)
{
	uint32_t slashes = 0;
	if (len == 0 || name[len - 1] != '.')
		return false;
	while (slashes + 1 < len && name[len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

bool zone_name(const char *text, struct lex_span token, const char *origin,
	       char ret_name[NAME_TEXT_MAX])
{
	char full[2 * NAME_TEXT_MAX];
	const char *from = text + token.begin;
	if (token.len == 1 && *from == '@')
		return str_copy(ret_name, NAME_TEXT_MAX, origin);
	if (token.len == 0 || token.len >= NAME_TEXT_MAX || memchr(from, '"', token.len))
		return false;
	memcpy(full, from, token.len);
	full[token.len] = '\0';
	if (!ends_absolute(from, token.len))
		(void)snprintf(full + token.len, sizeof(full) - token.len, ".%s", origin);
	return canonical_name(full, ret_name);
}

int zone_owner(const struct zone_at *at, char ret_name[NAME_TEXT_MAX], struct error *e)
{
	if (at->owner.len == 0)
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: the first record has no owner name",
				 at->path, at->line);
	if (!zone_name(at->owner_text, at->owner, at->owner_origin, ret_name))
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: \"%.*s\" is not a domain name", at->path,
				 at->line, (int)(at->owner.len > 60 ? 60 : at->owner.len),
				 at->owner_text + at->owner.begin);
	return 0;
}

static const char *keep_origin(struct reader *w, const char *name)
{
	struct origin *o = xcalloc(1, sizeof(*o));
	(void)str_copy(o->name, sizeof(o->name), name); /* was made by zone_name */
	o->next = w->origins;
	w->origins = o;
	return o->name;
}

/* ---- files ---- */

int zone_read_file(const char *path, char **ret_text, size_t *ret_len, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		int rc = error_cannot_read(e, errno, path, NULL, NULL);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	if (!S_ISREG(st.st_mode) || st.st_size >= (off_t)UINT32_MAX) {
		(void)close(fd);
		return error_set(e, FMX_EMALFORMED, "%s %s; put a file there", path,
				 S_ISREG(st.st_mode)   ? "has 4 GiB or more"
				 : S_ISDIR(st.st_mode) ? "is a folder"
						       : "is a pipe or a device");
	}
	size_t size = (size_t)st.st_size, have = 0;
	char *text = xcalloc(size + 1, 1);
	ssize_t n = 1;
	while (have < size && (n = read(fd, text + have, size - have)) > 0)
		have += (size_t)n;
	int rc = n < 0 ? error_cannot_read(e, errno, path, NULL, NULL) : 0;
	(void)close(fd);
	if (rc != 0) {
		free(text);
		return rc;
	}
	*ret_text = text;
	*ret_len = have;
	return 0;
}

/* A relative path stands below the server's base, or beside the zone file. */
static void include_path(const struct reader *w, const char *text, struct lex_span token,
			 char *path, size_t size)
{
	const char *from = text + token.begin;
	int len = (int)token.len;
	if (len >= 2 && *from == '"') {
		from++;
		len -= 2;
	}
	const char *slash = strrchr(w->in->path, '/');
	int folder = slash ? (int)(slash - w->in->path) + 1 : 0;
	if (*from == '/')
		(void)snprintf(path, size, "%.*s", len, from);
	else if (w->in->include_base)
		(void)snprintf(path, size, "%s/%.*s", w->in->include_base, len, from);
	else
		(void)snprintf(path, size, "%.*s%.*s", folder, w->in->path, len, from);
}

static int may_include(const struct reader *w, const char *path, struct error *e)
{
	for (unsigned i = 0; i < w->at.depth; i++)
		if (strcmp(w->open_paths[i], path) == 0)
			return error_set(e, FMX_EMALFORMED,
					 "%s line %u: $INCLUDE of %s goes in a loop",
					 w->at.path, w->at.line, path);
	if (strcmp(w->in->path, path) == 0)
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: the file includes itself", w->at.path,
				 w->at.line);
	if (w->at.depth >= RECORDS_MAX_DEPTH || w->files >= RECORDS_MAX_FILES)
		return error_set(e, FMX_ETOOBIG,
				 "%s line %u: more than %d $INCLUDEs deep or %d in all",
				 w->at.path, w->at.line, RECORDS_MAX_DEPTH,
				 RECORDS_MAX_FILES);
	return 0;
}

/* What the included file changes of origin and owner ends with it (RFC 1035
 * 5.1: "$INCLUDE ... does not change the relative origin of the parent"). */
static int include(struct reader *w, struct error *e)
{
	const char *text = w->at.text;
	const struct lex_entry *en = w->at.en;
	uint32_t at = en->rdata.begin;
	struct lex_span file, origin;
	char path[4096], name[NAME_TEXT_MAX];
	if (!lex_token(text, en->rdata, &at, &file))
		return error_set(e, FMX_EMALFORMED, "%s line %u: $INCLUDE without a file",
				 w->at.path, w->at.line);
	include_path(w, text, file, path, sizeof(path));
	int rc = may_include(w, path, e);
	if (rc != 0)
		return rc;
	struct zone_at saved = w->at;
	uint32_t plain = w->plain_ttl;
	if (lex_token(text, en->rdata, &at, &origin)) {
		if (!zone_name(text, origin, w->at.origin, name))
			return error_set(e, FMX_EMALFORMED,
					 "%s line %u: $INCLUDE with a bad origin",
					 w->at.path, w->at.line);
		w->at.origin = keep_origin(w, name);
	}
	char *inner = NULL;
	size_t len = 0;
	struct error why = { 0 };
	rc = zone_read_file(path, &inner, &len, &why);
	if (rc != 0)
		return error_set(e, rc, "%s line %u: $INCLUDE: %s", saved.path,
				 saved.line, why.text);
	w->open_paths[w->at.depth++] = path;
	w->files++;
	rc = read_text(w, path, inner, len, e);
	w->open_paths[saved.depth] = NULL;
	uint32_t ttl = w->at.default_ttl;
	bool has_ttl = w->at.has_default_ttl;
	w->at = saved;
	w->plain_ttl = plain;
	w->at.default_ttl = ttl; /* BIND: $TTL holds until the next, wherever it stands */
	w->at.has_default_ttl = has_ttl;
	free(inner);
	return rc;
}

static int generate(struct reader *w, struct error *e)
{
	struct buf out = BUF_INIT(256 << 20);
	struct zone_at saved = w->at;
	struct error why;
	int rc = generate_write(w->at.text, w->at.en, &w->generate_left, &out, &why);
	if (rc != 0) {
		rc = error_set(e, rc, "%s %s", w->at.path, why.text);
	} else {
		w->at.is_generated = true;
		rc = read_text(w, saved.path, buf_text(&out), out.len, e);
	}
	w->at = saved;
	buf_release(&out);
	return rc;
}

/* ---- entries ---- */

static int directive(struct reader *w, struct error *e)
{
	const struct lex_entry *en = w->at.en;
	char name[NAME_TEXT_MAX];
	switch (en->kind) {
	case LEX_ORIGIN:
		if (!zone_name(w->at.text, en->rdata, w->at.origin, name))
			return error_set(e, FMX_EMALFORMED,
					 "%s line %u: $ORIGIN is not a domain name",
					 w->at.path, w->at.line);
		w->at.origin = keep_origin(w, name);
		return w->fn(w->arg, &w->at, e);
	case LEX_TTL:
		if (!lex_ttl(w->at.text, en->rdata, &w->at.default_ttl))
			return error_set(e, FMX_EMALFORMED,
					 "%s line %u: $TTL is not a time", w->at.path,
					 en->line);
		w->at.has_default_ttl = true;
		w->plain_ttl = w->last_ttl = w->at.default_ttl;
		w->has_last_ttl = true;
		return w->fn(w->arg, &w->at, e);
	case LEX_INCLUDE: return include(w, e);
	case LEX_GENERATE: return generate(w, e);
	case LEX_BLANK:
	case LEX_RECORD: break;
	}
	return 0;
}

bool zone_is_generic(const struct zone_at *at)
{
	const struct lex_span r = at->en->rdata;
	return r.len >= 2 && memcmp(at->text + r.begin, "\\#", 2) == 0;
}

bool zone_type_is(const struct zone_at *at, const char *name, unsigned number)
{
	const struct lex_span t = at->en->type;
	const char *text = at->text + t.begin;
	if (strlen(name) == t.len && strncasecmp(text, name, t.len) == 0)
		return true;
	if (t.len < 5 || t.len > 9 || strncasecmp(text, "TYPE", 4) != 0)
		return false;
	uint64_t n;
	return number_parse(text + 4, t.len - 4, UINT16_MAX, &n) && n == number;
}

/* The last of the SOA's numbers (RFC 2308 4). */
static bool soa_minimum(const struct zone_at *at, uint32_t *ret)
{
	uint32_t pos = at->en->rdata.begin;
	struct lex_span t;
	for (int i = 0; i < 7; i++)
		if (!lex_token(at->text, at->en->rdata, &pos, &t))
			return false;
	return lex_ttl(at->text, t, ret);
}

/* In this order BIND decides (lib/dns/master.c). */
static int find_ttl(struct reader *w, struct error *e)
{
	struct zone_at *at = &w->at;
	at->ttl_before = w->last_ttl;
	at->plain_ttl = at->en->ttl.len ? at->en->ttl_value : w->plain_ttl;
	if (at->en->ttl.len) {
		at->ttl = at->en->ttl_value;
	} else if (at->has_default_ttl) {
		at->ttl = at->default_ttl;
	} else if (w->has_soa_ttl) {
		at->ttl = w->soa_ttl;
	} else if (w->has_last_ttl) {
		at->ttl = w->last_ttl;
	} else if (zone_type_is(at, "SOA", 6) && soa_minimum(at, &w->soa_ttl)) {
		at->ttl = w->soa_ttl;
		w->has_soa_ttl = true;
	} else {
		return error_set(e, FMX_EMALFORMED,
				 "%s line %u: the record says no TTL, and neither a $TTL "
				 "nor the SOA record stands before it",
				 at->path, at->line);
	}
	at->inherits_ttl = !at->has_default_ttl && !w->has_soa_ttl;
	w->last_ttl = at->ttl;
	w->has_last_ttl = true;
	return 0;
}

static int record(struct reader *w, struct error *e)
{
	if (w->at.en->owner.len) {
		w->at.owner_text = w->at.text;
		w->at.owner = w->at.en->owner;
		w->at.owner_origin = w->at.origin;
	}
	int rc = find_ttl(w, e);
	return rc == 0 ? w->fn(w->arg, &w->at, e) : rc;
}

static int read_text(struct reader *w, const char *path, const char *text, size_t len,
		     struct error *e)
{
	struct lex l;
	struct lex_entry en;
	struct error why;
	int rc = lex_init(&l, text, len, e);
	if (rc != 0)
		return rc;
	w->at.path = path;
	w->at.text = text;
	int more = 0;
	while (rc == 0 && (more = lex_next(&l, &en, &why)) > 0) {
		w->at.en = &en;
		if (!w->at.is_generated)
			w->at.line = en.line;
		if (en.kind == LEX_RECORD)
			rc = record(w, e);
		else if (en.kind != LEX_BLANK)
			rc = directive(w, e);
	}
	w->at.en = NULL; /* en ends here */
	if (more < 0 && w->at.is_generated)
		return error_set(e, more, "%s line %u: what $GENERATE makes: %s", path,
				 w->at.line, why.text);
	return more < 0 ? error_set(e, more, "%s %s", path, why.text) : rc;
}

int records_each(const struct zone_input *in, records_fn fn, void *arg, struct error *e)
{
	struct reader w = { .in = in,
			    .fn = fn,
			    .arg = arg,
			    .plain_ttl = RECORDS_PLAIN_TTL,
			    .generate_left = GENERATE_MAX };
	w.at.origin = keep_origin(&w, in->origin);
	int rc = read_text(&w, in->path, in->text, in->len, e);
	while (w.origins) {
		struct origin *next = w.origins->next;
		free(w.origins);
		w.origins = next;
	}
	return rc;
}
