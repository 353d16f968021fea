#include "zone/conf_knot.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "zone/catalog.h"
#include "zone/knot_file_name.h"
#include "zone/records.h"

static const char takes_updates[] =
    "Knot takes updates for this zone (an acl with `action: update`) and keeps them in "
    "its journal: use `update { server = ...  key = ... }` instead, or `plan --format "
    "knotc`; or let Knot write its file and hold still (knotc zone-flush, then "
    "zone-freeze), name the file with --zone FILE --origin NAME, and then knotc "
    "zone-thaw and zone-reload";
static const char not_loaded[] =
    "Knot does not load this zone from its file (zonefile-load: none): use `update { "
    "server = ...  key = ... }`, or `plan --format knotc`";
static const char signed_into_file[] =
    "Knot signs this zone and writes it down, signatures and all, into its file: use "
    "`update { server = ...  key = ... }` or `plan --format knotc`; or let Knot leave "
    "the file alone (zonefile-sync: -1, zonefile-load: difference-no-serial, "
    "journal-content: all) and put the unsigned zone there";
static const char not_understood[] =
    "its file's name in knot.conf has a formatter that fakemx does not know: name the "
    "file with --zone FILE --origin NAME";

enum section { IN_OTHER, IN_TEMPLATE, IN_ZONE, IN_ACL, IN_DATABASE };

/* What a zone or template may say; NULL: it does not. */
enum said {
	STORAGE,
	FILE_NAME,
	TEMPLATE,
	MASTER,
	ACL,
	LOAD,
	ROLE,
	MEMBERS, /* templates of a catalog's members */
	ACTION,
	SIGNING,
	SYNC,
	JOURNAL,    /* whether there is one */
	JOURNAL_DB, /* of the section database, as STORAGE may be */
	SAID_COUNT
};
static const char *const said_names[SAID_COUNT] = {
	[STORAGE] = "storage",
	[FILE_NAME] = "file",
	[TEMPLATE] = "template",
	[MASTER] = "master",
	[ACL] = "acl",
	[LOAD] = "zonefile-load",
	[ROLE] = "catalog-role",
	[MEMBERS] = "catalog-template",
	[ACTION] = "action",
	[SIGNING] = "dnssec-signing",
	[SYNC] = "zonefile-sync",
	[JOURNAL] = "journal-content",
	[JOURNAL_DB] = "journal-db",
};

/* A template, zone or acl; lists are values with a space after each. */
struct block {
	enum section section;
	char *id;
	char *said[SAID_COUNT];
};

struct blocks {
	struct block *items;
	size_t count, cap;
};

struct knot {
	struct blocks zones, others; /* apart: others are looked for by each zone */
	struct block *now;           /* the last that was begun */
	enum section section;
	int key; /* of the last line, for a list that goes on; -1: none of ours */
	bool in_block;
	unsigned depth;
	size_t bytes;
};

static const struct block *find(const struct blocks *in, enum section section,
				const char *id, size_t id_len)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->items[i].section == section &&
		    strlen(in->items[i].id) == id_len &&
		    strncmp(in->items[i].id, id, id_len) == 0)
			return &in->items[i];
	return NULL;
}

/* ---- lines ---- */

static void begin_block(struct knot *k, const char *id)
{
	struct blocks *to = k->section == IN_ZONE ? &k->zones : &k->others;
	to->items = xroom(to->items, to->count, &to->cap, sizeof(*to->items));
	k->now = &to->items[to->count++];
	*k->now = (struct block){ .section = k->section, .id = xstrdup(id) };
	k->in_block = true;
	k->key = -1;
}

/* Cuts the comment and the space at the end: # ends a value, but in quotes. */
static void trim(char *line)
{
	bool quoted = false;
	char *p = line;
	for (; *p && (quoted || *p != '#'); p++)
		quoted ^= *p == '"';
	while (p > line && isspace((unsigned char)p[-1]))
		p--;
	*p = '\0';
}

/* `a`, `"a"`, `[a, "b"]`: each with a space after it. */
static void add_values(struct buf *to, const char *text)
{
	static const char between[] = " \t[],";
	while (*(text += strspn(text, between))) {
		bool quoted = *text == '"';
		text += quoted;
		size_t n = strcspn(text, quoted ? "\"" : between);
		buf_add(to, text, n);
		buf_adds(to, " ");
		text += n + (quoted && text[n]);
	}
}

static void set(struct knot *k, int key, const char *text)
{
	struct buf values = BUF_INIT(1 << 20);
	char **slot = &k->now->said[key];
	if (*slot)
		buf_adds(&values, *slot);
	add_values(&values, text);
	free(*slot);
	*slot = buf_take(&values);
}

static int key_of(const char *word, size_t len)
{
	for (int i = 0; i < SAID_COUNT; i++)
		if (strlen(said_names[i]) == len &&
		    strncmp(said_names[i], word, len) == 0)
			return i;
	return -1;
}

static enum section section_of(const char *word, size_t len)
{
	static const struct {
		const char *word;
		enum section section;
	} sections[] = { { "zone", IN_ZONE },
			 { "template", IN_TEMPLATE },
			 { "acl", IN_ACL },
			 { "database", IN_DATABASE } };
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strlen(sections[i].word) == len &&
		    strncmp(sections[i].word, word, len) == 0)
			return sections[i].section;
	return IN_OTHER;
}

static int include(struct knot *k, const char *from, const char *what, struct error *e);

/* A line's word before its colon, and what stands behind that. */
struct pair {
	const char *key, *value;
	size_t len;
};

static bool is_key(const struct pair *p, const char *word)
{
	return strlen(word) == p->len && strncmp(p->key, word, p->len) == 0;
}

/* False when there is none: a colon of an IPv6 address is no key's. */
static bool read_pair(const char *line, struct pair *ret)
{
	ret->key = line;
	ret->len = strcspn(line, ": \t\"[");
	ret->value = line + ret->len + strspn(line + ret->len, " \t");
	if (*ret->value != ':' || ret->value[1] == ':')
		return false;
	ret->value++;
	ret->value += strspn(ret->value, " \t");
	return true;
}

static void take_key(struct knot *k, const struct pair *p, bool is_item)
{
	struct buf id = BUF_INIT(4096);
	if (k->section != IN_OTHER && is_item &&
	    (is_key(p, "domain") || is_key(p, "id"))) {
		add_values(&id, p->value);
		if (id.len)
			id.data[--id.len] = '\0';
		begin_block(k, buf_text(&id));
	} else if (k->in_block) {
		k->key = key_of(p->key, p->len);
		if (k->key >= 0)
			set(k, k->key, p->value);
	}
	buf_release(&id);
}

/* One line: a section, an item's first line, a key, or a list that goes on. */
static int take_line(struct knot *k, const char *path, char *line, struct error *e)
{
	struct pair p;
	trim(line);
	bool at_margin = !isspace((unsigned char)*line) && *line != '-';
	line += strspn(line, " \t");
	bool is_item = *line == '-';
	if (is_item)
		line += 1 + strspn(line + 1, " \t");
	if (!*line)
		return 0;
	if (!read_pair(line, &p)) {
		if (!is_item)
			return error_set(e, FMX_EMALFORMED,
					 "%s: \"%.60s\" is no line of Knot's", path,
					 line);
		if (k->in_block && k->key >= 0)
			set(k, k->key, line);
	} else if (!at_margin) {
		take_key(k, &p, is_item);
	} else if (is_key(&p, "include")) {
		return include(k, path, p.value, e);
	} else {
		k->section = section_of(p.key, p.len);
		k->in_block = false;
		if (k->section == IN_DATABASE)
			begin_block(k, ""); /* the one that has no items */
	}
	return 0;
}

static int read_conf(struct knot *k, const char *path, struct error *e)
{
	char *text, *save;
	size_t len;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	k->bytes += len;
	if (k->bytes > KNOT_CONF_MAX || ++k->depth > KNOT_CONF_DEPTH)
		rc =
		    error_set(e, FMX_ETOOBIG, "%s: the configuration is too large", path);
	for (char *line = strtok_r(text, "\r\n", &save); line && rc == 0;
	     line = strtok_r(NULL, "\r\n", &save))
		rc = take_line(k, path, line, e);
	k->depth--;
	free(text);
	return rc;
}

/* A file, a folder or a pattern, relative to the file that names it. */
static int include(struct knot *k, const char *from, const char *what, struct error *e)
{
	struct buf name = BUF_INIT(4096), pattern = BUF_INIT(8192);
	const char *slash = strrchr(from, '/');
	struct stat st;
	glob_t g;
	add_values(&name, what);
	if (name.len)
		name.data[--name.len] = '\0';
	if (buf_text(&name)[0] != '/' && slash)
		buf_add(&pattern, from, (size_t)(slash - from) + 1);
	buf_adds(&pattern, buf_text(&name));
	if (stat(buf_text(&pattern), &st) == 0 && S_ISDIR(st.st_mode))
		buf_adds(&pattern, "/*");
	int rc = 0, found = glob(buf_text(&pattern), 0, NULL, &g);
	if (found == GLOB_NOMATCH)
		rc = error_set(e, -ENOENT, "%s: no file matches %s", from,
			       buf_text(&pattern));
	else if (found != 0)
		rc = error_set(e, -EIO, "%s: cannot look for %s", from,
			       buf_text(&pattern));
	for (size_t i = 0; found == 0 && i < g.gl_pathc && rc == 0; i++)
		rc = read_conf(k, g.gl_pathv[i], e);
	if (found == 0)
		globfree(&g);
	k->section = IN_OTHER;
	k->in_block = false;
	buf_release(&name);
	buf_release(&pattern);
	return rc;
}

/* ---- zones ---- */

/* What a zone says, else its template, else "". */
static const char *said(const struct block *z, const struct block *t, enum said what)
{
	const char *text = z->said[what] ? z->said[what] : t ? t->said[what] : NULL;
	return text ? text : "";
}

/* The first value of a list, copied. */
static void first(const char *values, const char *otherwise, char *to, size_t size)
{
	size_t n = strcspn(values, " ");
	if (n == 0 || n >= size) {
		(void)str_copy(to, size, otherwise);
		return;
	}
	memcpy(to, values, n);
	to[n] = '\0';
}

static bool has_word(const char *values, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = values; *p; p += strcspn(p, " ") + 1)
		if (strcspn(p, " ") == n && strncmp(p, word, n) == 0)
			return true;
	return false;
}

static bool allows_updates(const struct knot *k, const char *acls)
{
	for (const char *p = acls; *p; p += strcspn(p, " ") + 1) {
		const struct block *a = find(&k->others, IN_ACL, p, strcspn(p, " "));
		if (a && a->said[ACTION] && has_word(a->said[ACTION], "update"))
			return true;
	}
	return false;
}

/* ---- what becomes of a zone ---- */

static bool is_signing(const struct block *z, const struct block *t)
{
	const char *signing = said(z, t, SIGNING);
	return has_word(signing, "on") || has_word(signing, "true");
}

static const char *problem_of(const struct knot *k, const struct block *z,
			      const struct block *t)
{
	if (allows_updates(k, said(z, t, ACL)))
		return takes_updates;
	if (has_word(said(z, t, LOAD), "none"))
		return not_loaded;
	return is_signing(z, t) && !has_word(said(z, t, SYNC), "-1") ? signed_into_file
								     : NULL;
}

/* The template that a zone names, else the default one, if there is that. */
static int template_of(const struct knot *k, const struct block *z,
		       const struct block **ret, struct error *e)
{
	char use[NAME_TEXT_MAX];
	first(z->said[TEMPLATE] ? z->said[TEMPLATE] : "", "default", use, sizeof(use));
	*ret = find(&k->others, IN_TEMPLATE, use, strlen(use));
	return *ret || strcmp(use, "default") == 0
		   ? 0
		   : error_set(e, FMX_EMALFORMED,
			       "the zone %s has the template %s, which is nowhere", z->id,
			       use);
}

static bool path_of(const struct block *z, const struct block *t, const char *origin,
		    char *to, size_t size)
{
	char storage[4096], format[4096];
	first(said(z, t, STORAGE), "/var/lib/knot", storage, sizeof(storage));
	first(said(z, t, FILE_NAME), "%s.zone", format, sizeof(format));
	struct buf file = BUF_INIT(4096);
	bool understood = knot_file_name(format, origin, &file) &&
			  zone_list_join(storage, buf_text(&file), to, size);
	buf_release(&file);
	return understood;
}

/* What Knot does not write into the file at once is in its journal alone. With a
 * journal it starts from the file, or takes from the file what differs. */
static struct knot_journal *journal_of(const struct knot *k, const struct block *z,
				       const struct block *t)
{
	char storage[4096], db[4096], folder[8300];
	const struct block *d = find(&k->others, IN_DATABASE, "", 0);
	const char *sync = said(z, t, SYNC), *load = said(z, t, LOAD);
	if (strtol(sync, NULL, 10) == 0 || has_word(said(z, t, JOURNAL), "none"))
		return NULL;
	first(d && d->said[STORAGE] ? d->said[STORAGE] : "", "/var/lib/knot", storage,
	      sizeof(storage));
	first(d && d->said[JOURNAL_DB] ? d->said[JOURNAL_DB] : "", "journal", db,
	      sizeof(db));
	if (!zone_list_join(storage, db, folder, sizeof(folder)))
		return NULL;
	return knot_journal_new(folder, !*load || has_word(load, "whole"),
				is_signing(z, t));
}

static int push_zone(const struct knot *k, const struct block *z, struct zone_list *l,
		     struct error *e)
{
	char path[8300] = "", origin[NAME_TEXT_MAX];
	const struct block *t;
	int rc = template_of(k, z, &t, e);
	if (rc != 0 || *said(z, t, MASTER) || has_word(said(z, t, ROLE), "generate") ||
	    has_word(said(z, t, ROLE), "interpret") ||
	    name_read(z->id, origin, NULL, NULL) != 0)
		return rc;
	bool understood = path_of(z, t, origin, path, sizeof(path));
	rc = zone_list_push(l, origin, path, NULL,
			    understood ? problem_of(k, z, t) : not_understood, e);
	if (rc == 0)
		l->items[l->count - 1].knot = journal_of(k, z, t);
	return rc;
}

/* ---- zones that stand in a catalog ---- */

/* The template of the member's group, else the first (knot.conf(5)). */
static void template_of_member(const char *templates, const struct catalog_member *m,
			       char to[NAME_TEXT_MAX])
{
	if (m->group && has_word(templates, m->group))
		(void)str_copy(to, NAME_TEXT_MAX, m->group);
	else
		first(templates, "default", to, NAME_TEXT_MAX);
}

static int push_member(const struct knot *k, const char *templates,
		       const struct catalog_member *m, struct zone_list *l,
		       struct error *e)
{
	char use[NAME_TEXT_MAX];
	struct block z = { .section = IN_ZONE, .id = m->zone };
	if (!m->zone)
		return 0;
	template_of_member(templates, m, use);
	z.said[TEMPLATE] = use;
	return push_zone(k, &z, l, e);
}

static int push_members(const struct knot *k, const struct block *z, struct zone_list *l,
			struct error *e)
{
	char path[8300], origin[NAME_TEXT_MAX];
	const struct block *t;
	struct catalog c;
	struct error why;
	int rc = template_of(k, z, &t, e);
	if (rc != 0 || !has_word(said(z, t, ROLE), "interpret") ||
	    name_read(z->id, origin, NULL, NULL) != 0)
		return rc;
	if (!path_of(z, t, origin, path, sizeof(path)))
		(void)error_set(&why, FMX_EMALFORMED, "%s", not_understood);
	else if (catalog_read(path, origin, &c, &why) == 0) {
		for (size_t i = 0; i < c.count && rc == 0; i++)
			rc = push_member(k, said(z, t, MEMBERS), &c.members[i], l, e);
		catalog_release(&c);
		return rc;
	}
	(void)snprintf(l->note, sizeof(l->note),
		       "the zones that Knot takes from the catalog zone %.200s are left "
		       "out, for its file cannot be read (%.200s): name theirs with "
		       "--zone FILE --origin NAME",
		       origin, why.text);
	return 0;
}

static void release_blocks(struct blocks *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->items[i].id);
		for (int s = 0; s < SAID_COUNT; s++)
			free(b->items[i].said[s]);
	}
	free(b->items);
}

int conf_knot_read(struct zone_list *l, const char *path, struct error *e)
{
	struct knot *k = xcalloc(1, sizeof(*k));
	size_t before = l->count;
	int rc = read_conf(k, path, e);
	for (size_t i = 0; i < k->zones.count && rc == 0; i++)
		rc = push_zone(k, &k->zones.items[i], l, e);
	for (size_t i = 0; i < k->zones.count && rc == 0; i++)
		rc = push_members(k, &k->zones.items[i], l, e);
	if (rc == 0 && l->count == before)
		rc = error_set(e, FMX_EUSAGE, "%s lists no primary zone%s%s", path,
			       l->note[0] ? "; " : "", l->note);
	release_blocks(&k->zones);
	release_blocks(&k->others);
	free(k);
	return rc;
}
