#include "zone/conf_named.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "zone/records.h"

static const char takes_updates[] =
    "BIND takes updates for this zone (allow-update or update-policy) and would "
    "overwrite the file: use `update { server = ...  key = ... }` instead";
static const char is_template[] =
    "its zone statement uses a template of named.conf, which fakemx does not read: "
    "name its file with --zone FILE --origin NAME";
static const char is_pattern[] =
    "named.conf names its file by a pattern that BIND fills in: name the file itself "
    "with --zone FILE --origin NAME";

/* Not said, and then the level above decides. */
enum updates { UPDATES_UNSAID, UPDATES_NO, UPDATES_YES };

struct named_zone {
	char *origin, *file;
	bool is_primary, is_other_class, has_template;
	enum updates updates;
};

/* `options` may stand behind the zones that they hold for. */
struct conf {
	struct named_zone *zones;
	size_t zone_count, zone_cap;
	char directory[4096];
	char catalog[NAME_TEXT_MAX]; /* the first that BIND takes zones from */
	const char *folder; /* of the first file: where `directory` is not said */
	enum updates updates, view_updates;
	const char *path; /* being read, for sentences */
	unsigned depth;
	size_t bytes;
};

/* One word of the file: a string without its quotes, a name, or one of {};. */
struct word {
	char text[4096];
	bool is_end, is_quoted;
};

struct cursor {
	const char *at;
	bool failed; /* a comment, string or word without end */
};

static const char *skip(struct cursor *c)
{
	const char *p = c->at;
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
			p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			const char *end = strstr(p + 2, "*/");
			c->failed |= !end;
			p = end ? end + 2 : p + strlen(p);
		} else {
			return p;
		}
	}
}

static bool ends_word(const char *p)
{
	return !*p || isspace((unsigned char)*p) || strchr("{};\"", *p) || *p == '#' ||
	       (p[0] == '/' && (p[1] == '/' || p[1] == '*'));
}

static void next_word(struct cursor *c, struct word *w)
{
	const char *p = skip(c), *from = p;
	size_t n;
	w->is_end = !*p;
	w->is_quoted = *p == '"';
	if (w->is_quoted) {
		from++;
		n = strcspn(from, "\"\n");
		c->failed |= from[n] != '"';
		p = from + n + (from[n] == '"');
	} else if (*p && strchr("{};", *p)) {
		n = 1;
		p++;
	} else {
		while (!ends_word(p))
			p++;
		n = (size_t)(p - from);
	}
	c->at = p;
	if (n >= sizeof(w->text)) {
		c->failed = true;
		n = 0;
	}
	memcpy(w->text, from, n);
	w->text[n] = '\0';
}

static bool is(const struct word *w, const char *text)
{
	return strcasecmp(w->text, text) == 0;
}

static bool is_sign(const struct word *w, char sign)
{
	return !w->is_quoted && w->text[0] == sign && !w->text[1];
}

/* Past the block or statement that a word began. */
static void skip_statement(struct cursor *c)
{
	struct word w;
	int depth = 0;
	do {
		next_word(c, &w);
		depth += is_sign(&w, '{');
		depth -= is_sign(&w, '}');
	} while (!w.is_end && (depth > 0 || !is_sign(&w, ';')));
	c->failed |= w.is_end;
}

/* Looks at a statement that skip_statement() will pass. */
static void note_updates(const struct word *key, struct cursor at, enum updates *ret)
{
	struct word open, first;
	if (is(key, "update-policy")) {
		*ret = UPDATES_YES;
		return;
	}
	if (!is(key, "allow-update"))
		return;
	next_word(&at, &open);
	next_word(&at, &first);
	bool none = is_sign(&open, '{') && (is(&first, "none") || is_sign(&first, '}'));
	if (*ret != UPDATES_YES)
		*ret = none ? UPDATES_NO : UPDATES_YES;
}

static void zone_block(struct cursor *c, struct named_zone *z)
{
	struct word key, value;
	for (;;) {
		next_word(c, &key);
		if (key.is_end || is_sign(&key, '}'))
			break;
		if (is_sign(&key, ';'))
			continue;
		struct cursor at = *c;
		next_word(&at, &value);
		if (is(&key, "file")) {
			free(z->file);
			z->file = xstrdup(value.text);
		} else if (is(&key, "type")) {
			z->is_primary = is(&value, "master") || is(&value, "primary");
		} else if (is(&key, "template")) {
			z->has_template = true;
		}
		note_updates(&key, *c, &z->updates);
		skip_statement(c);
	}
	c->failed |= key.is_end;
}

static void zone_statement(struct conf *conf, struct cursor *c)
{
	struct named_zone z = { 0 };
	struct word w;
	char origin[NAME_TEXT_MAX];
	next_word(c, &w);
	bool is_name = name_read(w.text, origin, NULL, NULL) == 0;
	for (next_word(c, &w); !w.is_end && !is_sign(&w, '{') && !is_sign(&w, ';');
	     next_word(c, &w))
		z.is_other_class = !is(&w, "IN");
	if (!is_sign(&w, '{'))
		return;
	zone_block(c, &z);
	if (z.updates == UPDATES_UNSAID)
		z.updates = conf->view_updates;
	if (!is_name) {
		free(z.file);
		return;
	}
	z.origin = xstrdup(origin);
	conf->zones =
	    xroom(conf->zones, conf->zone_count, &conf->zone_cap, sizeof(*conf->zones));
	conf->zones[conf->zone_count++] = z;
}

/* catalog-zones { zone "catalog.example" ...; }; - what it lists are secondaries. */
static void note_catalog(struct conf *conf, const struct word *key, struct cursor at)
{
	struct word w;
	if (!is(key, "catalog-zones") || conf->catalog[0])
		return;
	for (int i = 0; i < 3; i++) /* {, zone, its name */
		next_word(&at, &w);
	if (name_read(w.text, conf->catalog, NULL, NULL) != 0)
		(void)str_copy(conf->catalog, sizeof(conf->catalog), "?");
}

static void options_block(struct conf *conf, struct cursor *c)
{
	struct word key, value;
	next_word(c, &key);
	if (!is_sign(&key, '{'))
		return;
	for (;;) {
		next_word(c, &key);
		if (key.is_end || is_sign(&key, '}'))
			break;
		struct cursor at = *c;
		if (is(&key, "directory")) {
			next_word(&at, &value);
			(void)str_copy(conf->directory, sizeof(conf->directory),
				       value.text);
		}
		note_updates(&key, *c, &conf->updates);
		note_catalog(conf, &key, *c);
		if (!is_sign(&key, ';'))
			skip_statement(c);
	}
	c->failed |= key.is_end;
}

static int read_conf(struct conf *conf, const char *path, struct error *e);

static const char *folder_of(const struct conf *conf)
{
	return conf->directory[0] ? conf->directory : conf->folder;
}

/* A file, or a pattern of files (BIND 9.16 on). */
static int include_statement(struct conf *conf, struct cursor *c, struct error *e)
{
	struct word w;
	char pattern[8300];
	glob_t g;
	next_word(c, &w);
	if (conf->depth >= CONF_MAX_DEPTH)
		return error_set(e, FMX_ETOOBIG, "%s: includes go more than %d deep",
				 w.text, CONF_MAX_DEPTH);
	if (!zone_list_join(folder_of(conf), w.text, pattern, sizeof(pattern)))
		return error_set(e, FMX_ETOOBIG, "%s: the path is too long", w.text);
	if (!strpbrk(pattern, "*?["))
		return read_conf(conf, pattern, e);
	int rc = 0, found = glob(pattern, 0, NULL, &g);
	if (found == GLOB_NOMATCH)
		return 0;
	if (found != 0)
		return error_set(e, -EIO, "cannot look for %s", pattern);
	for (size_t i = 0; i < g.gl_pathc && rc == 0; i++)
		rc = read_conf(conf, g.gl_pathv[i], e);
	globfree(&g);
	return rc;
}

static int read_statements(struct conf *conf, struct cursor *c, bool in_view,
			   struct error *e);

/* Its zones are read as if there were no view, but for what it says of updates,
 * which may stand behind them. */
static int view_statement(struct conf *conf, struct cursor *c, struct error *e)
{
	struct word w;
	size_t first = conf->zone_count;
	do
		next_word(c, &w);
	while (!w.is_end && !is_sign(&w, '{'));
	conf->view_updates = UPDATES_UNSAID;
	int rc = read_statements(conf, c, true, e);
	for (size_t i = first; i < conf->zone_count; i++)
		if (conf->zones[i].updates == UPDATES_UNSAID)
			conf->zones[i].updates = conf->view_updates;
	conf->view_updates = UPDATES_UNSAID;
	return rc;
}

static int read_statements(struct conf *conf, struct cursor *c, bool in_view,
			   struct error *e)
{
	struct word w;
	int rc = 0;
	while (rc == 0) {
		next_word(c, &w);
		if (w.is_end || (in_view && is_sign(&w, '}')))
			break;
		if (in_view) {
			note_updates(&w, *c, &conf->view_updates);
			note_catalog(conf, &w, *c);
		}
		if (is(&w, "zone"))
			zone_statement(conf, c);
		else if (is(&w, "options"))
			options_block(conf, c);
		else if (is(&w, "include"))
			rc = include_statement(conf, c, e);
		else if (is(&w, "view") && in_view) /* no server loads that */
			rc = error_set(e, FMX_EMALFORMED, "%s: a view within a view",
				       conf->path);
		else if (is(&w, "view"))
			rc = view_statement(conf, c, e);
		else if (!is_sign(&w, ';'))
			skip_statement(c);
	}
	c->failed |= in_view && w.is_end;
	return rc;
}

static int read_conf(struct conf *conf, const char *path, struct error *e)
{
	char *text;
	size_t len;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	const char *outer = conf->path;
	conf->path = path;
	conf->bytes += len;
	conf->depth++;
	struct cursor c = { .at = text };
	rc = conf->bytes > ZONE_CONF_MAX
		 ? error_set(e, FMX_ETOOBIG, "%s: the list of zones is too large", path)
		 : read_statements(conf, &c, false, e);
	if (rc == 0 && (c.failed || strlen(text) != len))
		rc = error_set(e, FMX_EMALFORMED,
			       "%s is not a whole configuration: a string, comment or "
			       "block in it has no end",
			       path);
	conf->depth--;
	conf->path = outer;
	free(text);
	return rc;
}

/* BIND 9.20 and later fill these in; before, they are names like any other. */
static bool is_filled_in(const char *file, const char *path)
{
	static const char *const marks[] = {
		"$name", "$type", "$view", "%s", "%t", "%v"
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (strcasestr(file, marks[i]))
			return access(path, F_OK) != 0;
	return false;
}

static int push_zone(const struct conf *conf, const struct named_zone *z,
		     struct zone_list *l, struct error *e)
{
	char path[8300] = "";
	enum updates updates = z->updates ? z->updates : conf->updates;
	if (z->file && !zone_list_join(folder_of(conf), z->file, path, sizeof(path)))
		return error_set(e, FMX_ETOOBIG, "%s: the path is too long", z->file);
	const char *problem = z->has_template                          ? is_template
			      : z->file && is_filled_in(z->file, path) ? is_pattern
			      : updates == UPDATES_YES                 ? takes_updates
								       : NULL;
	int rc = zone_list_push(l, z->origin, path, folder_of(conf), problem, e);
	if (rc == 0)
		l->items[l->count - 1].is_static = updates != UPDATES_YES;
	return rc;
}

static int push_zones(const struct conf *conf, struct zone_list *l, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < conf->zone_count && rc == 0; i++) {
		const struct named_zone *z = &conf->zones[i];
		if (!z->is_other_class && (z->has_template || (z->is_primary && z->file)))
			rc = push_zone(conf, z, l, e);
	}
	if (conf->catalog[0])
		(void)snprintf(l->note, sizeof(l->note),
			       "the zones that BIND takes from the catalog zone %.255s "
			       "are secondaries here and are left out: their files are "
			       "at their primary, so run fakemx there",
			       conf->catalog);
	return rc;
}

int conf_named_read(struct zone_list *l, const char *path, struct error *e)
{
	struct conf *conf = xcalloc(1, sizeof(*conf));
	size_t before = l->count;
	char folder[4096];
	(void)str_copy(folder, sizeof(folder), path);
	char *slash = strrchr(folder, '/');
	*(slash ? slash : folder) = '\0';
	conf->folder = folder;
	int rc = read_conf(conf, path, e);
	if (rc == 0)
		rc = push_zones(conf, l, e);
	if (rc == 0 && l->count == before)
		rc = error_set(e, FMX_EUSAGE, "%s lists no primary zone with a file%s%s",
			       path, l->note[0] ? "; " : "", l->note);
	for (size_t i = 0; i < conf->zone_count; i++) {
		free(conf->zones[i].origin);
		free(conf->zones[i].file);
	}
	free(conf->zones);
	free(conf);
	return rc;
}
