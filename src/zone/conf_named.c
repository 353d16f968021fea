#include "zone/conf_named.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "zone/records.h"

struct conf {
	struct zone_list *list;
	char directory[4096];
	unsigned depth;
	size_t bytes;
};

/* One word of the file: a string without its quotes, a name, or one of {};. */
struct word {
	char text[4096];
	bool is_end;
};

static const char *skip(const char *p)
{
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			const char *end = strstr(p + 2, "*/");
			p = end ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}

static const char *next_word(const char *p, struct word *w)
{
	p = skip(p);
	size_t n = 0;
	w->is_end = !*p;
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++)
			if (n < sizeof(w->text) - 1)
				w->text[n++] = *p;
		p += *p == '"';
	} else if (*p && strchr("{};", *p)) {
		w->text[n++] = *p++;
	} else {
		for (; *p && !isspace((unsigned char)*p) && !strchr("{};\"", *p); p++)
			if (n < sizeof(w->text) - 1)
				w->text[n++] = *p;
	}
	w->text[n] = '\0';
	return p;
}

static bool is(const struct word *w, const char *text)
{
	return strcasecmp(w->text, text) == 0;
}

/* Past the block or statement that a word began. */
static const char *skip_statement(const char *p)
{
	struct word w;
	int depth = 0;
	do {
		p = next_word(p, &w);
		depth += is(&w, "{");
		depth -= is(&w, "}");
	} while (!w.is_end && (depth > 0 || !is(&w, ";")));
	return p;
}

struct named_zone {
	char origin[NAME_TEXT_MAX], file[4096];
	bool is_primary, is_dynamic;
};

static bool allows_updates(const struct word *key, const char *p)
{
	if (is(key, "update-policy"))
		return true;
	if (!is(key, "allow-update"))
		return false;
	struct word open, first;
	p = next_word(p, &open);
	(void)next_word(p, &first);
	return is(&open, "{") && !is(&first, "none") && !is(&first, "}");
}

static const char *zone_block(const char *p, struct named_zone *z)
{
	struct word key, value;
	for (;;) {
		p = next_word(p, &key);
		if (key.is_end || is(&key, "}"))
			return p;
		if (is(&key, "file") || is(&key, "type")) {
			p = next_word(p, &value);
			if (is(&key, "file"))
				(void)str_copy(z->file, sizeof(z->file), value.text);
			else
				z->is_primary =
				    is(&value, "master") || is(&value, "primary");
		}
		z->is_dynamic |= allows_updates(&key, p);
		if (!is(&key, ";"))
			p = skip_statement(p);
	}
}

static const char *zone_statement(struct conf *c, const char *p, int *rc, struct error *e)
{
	struct named_zone z = { 0 };
	struct word w;
	char path[4096];
	p = next_word(p, &w);
	bool is_name = name_read(w.text, z.origin, NULL, NULL) == 0;
	do
		p = next_word(p, &w);
	while (!w.is_end && !is(&w, "{") && !is(&w, ";"));
	if (!is(&w, "{"))
		return p;
	p = zone_block(p, &z);
	if (is_name && z.is_primary && z.file[0] &&
	    zone_list_join(c->directory, z.file, path, sizeof(path)))
		*rc = zone_list_push(c->list, z.origin, path,
				     c->directory[0] ? c->directory : NULL, z.is_dynamic,
				     e);
	return p;
}

static const char *options_block(struct conf *c, const char *p)
{
	struct word key, value;
	p = next_word(p, &key);
	if (!is(&key, "{"))
		return p;
	for (;;) {
		p = next_word(p, &key);
		if (key.is_end || is(&key, "}"))
			return p;
		if (is(&key, "directory")) {
			(void)next_word(p, &value);
			(void)str_copy(c->directory, sizeof(c->directory), value.text);
		}
		if (!is(&key, ";"))
			p = skip_statement(p);
	}
}

static int read_conf(struct conf *c, const char *path, struct error *e);

static const char *include_statement(struct conf *c, const char *p, int *rc,
				     struct error *e)
{
	struct word w;
	char path[4096];
	p = next_word(p, &w);
	if (c->depth >= CONF_MAX_DEPTH)
		*rc = error_set(e, FMX_ETOOBIG, "%s: includes go more than %d deep",
				w.text, CONF_MAX_DEPTH);
	else if (zone_list_join(c->directory, w.text, path, sizeof(path)))
		*rc = read_conf(c, path, e);
	return p;
}

static int read_text(struct conf *c, const char *p, struct error *e)
{
	struct word w;
	int rc = 0;
	for (;;) {
		p = next_word(p, &w);
		if (w.is_end || rc != 0)
			return rc;
		if (is(&w, "zone"))
			p = zone_statement(c, p, &rc, e);
		else if (is(&w, "options"))
			p = options_block(c, p);
		else if (is(&w, "include"))
			p = include_statement(c, p, &rc, e);
		else if (is(&w,
			    "view")) { /* its zones are read as if there were no view */
			do
				p = next_word(p, &w);
			while (!w.is_end && !is(&w, "{"));
		} else if (!is(&w, ";") && !is(&w, "}"))
			p = skip_statement(p);
	}
}

static int read_conf(struct conf *c, const char *path, struct error *e)
{
	char *text;
	size_t len;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	c->bytes += len;
	c->depth++;
	rc = c->bytes > ZONE_CONF_MAX
		 ? error_set(e, FMX_ETOOBIG, "%s: the list of zones is too large", path)
		 : read_text(c, text, e);
	c->depth--;
	free(text);
	return rc;
}

int conf_named_read(struct zone_list *l, const char *path, struct error *e)
{
	struct conf *c = xcalloc(1, sizeof(*c));
	size_t before = l->count;
	c->list = l;
	int rc = read_conf(c, path, e);
	if (rc == 0 && l->count == before)
		rc = error_set(e, FMX_EUSAGE,
			       "%s lists no primary zone with a file, neither in BIND's "
			       "form nor in Knot's",
			       path);
	free(c);
	return rc;
}
