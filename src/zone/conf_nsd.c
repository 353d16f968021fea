#include "zone/conf_nsd.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "zone/records.h"

static const char not_understood[] =
    "its zonefile in nsd.conf is named in a way that fakemx does not know: name the "
    "file with --zone FILE --origin NAME";

enum { ZONE_PATTERNS_MAX = 64 }; /* that one zone takes, each with those it includes */
enum section { IN_OTHER, IN_SERVER, IN_PATTERN, IN_ZONE };

/* A zone or pattern. */
struct block {
	char *name, *file, *patterns; /* patterns: each with a space after it */
	bool is_secondary;
};

struct blocks {
	struct block *items;
	size_t count, cap;
};

struct nsd {
	struct blocks zones, patterns; /* apart: patterns are looked for by each zone */
	struct block *now;             /* the last that was begun */
	enum section section;
	char folder[4096], list[4096];
	unsigned depth;
	size_t bytes;
};

/* A word ends at a space; quotes keep it together, # begins a comment. */
static bool next_word(const char **at, char *to, size_t size, bool *ret_failed)
{
	const char *p = *at;
	for (;;) {
		p += strspn(p, " \t\r\n");
		if (*p != '#')
			break;
		p += strcspn(p, "\n");
	}
	bool quoted = *p == '"' || *p == '\'';
	char end[] = { *p, '\n', '\0' };
	const char *from = p + quoted;
	size_t n = strcspn(from, quoted ? end : " \t\r\n#");
	*ret_failed |= (quoted && from[n] != end[0]) || n >= size;
	*at = from + n + (quoted && from[n]);
	if (n >= size || !*p)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

static void replace(char **slot, const char *text)
{
	free(*slot);
	*slot = xstrdup(text);
}

static void begin_block(struct nsd *n, enum section section)
{
	n->section = section;
	if (section != IN_PATTERN && section != IN_ZONE)
		return;
	struct blocks *to = section == IN_ZONE ? &n->zones : &n->patterns;
	to->items = xroom(to->items, to->count, &to->cap, sizeof(*to->items));
	n->now = &to->items[to->count++];
	*n->now = (struct block){ 0 };
}

static enum section section_of(const char *word)
{
	return strcmp(word, "zone:") == 0      ? IN_ZONE
	       : strcmp(word, "pattern:") == 0 ? IN_PATTERN
	       : strcmp(word, "server:") == 0  ? IN_SERVER
					       : IN_OTHER;
}

/* The clauses that have keys of their own and no value (nsd.conf(5)). */
static bool is_section(const char *word)
{
	static const char *const sections[] = { "zone:",           "pattern:",  "server:",
						"remote-control:", "key:",      "dnstap:",
						"verify:",         "tls-auth:", "xdp:" };
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(word, sections[i]) == 0)
			return true;
	return false;
}

static void add_pattern(struct block *b, const char *name)
{
	struct buf all = BUF_INIT(1 << 20);
	buf_addf(&all, "%s%s ", b->patterns ? b->patterns : "", name);
	free(b->patterns);
	b->patterns = buf_take(&all);
}

static void take_pair(struct nsd *n, const char *key, const char *value)
{
	if (n->section == IN_SERVER && strcmp(key, "zonesdir:") == 0)
		(void)str_copy(n->folder, sizeof(n->folder), value);
	if (n->section == IN_SERVER && strcmp(key, "zonelistfile:") == 0)
		(void)str_copy(n->list, sizeof(n->list), value);
	if (n->section != IN_PATTERN && n->section != IN_ZONE)
		return;
	struct block *b = n->now;
	if (strcmp(key, "name:") == 0)
		replace(&b->name, value);
	else if (strcmp(key, "zonefile:") == 0)
		replace(&b->file, value);
	else if (strcmp(key, "include-pattern:") == 0)
		add_pattern(b, value);
	else if (strcmp(key, "request-xfr:") == 0)
		b->is_secondary = true;
}

static int read_conf(struct nsd *n, const char *path, struct error *e);

static int include(struct nsd *n, const char *pattern, struct error *e)
{
	glob_t g;
	int rc = 0, found = glob(pattern, 0, NULL, &g);
	if (found == GLOB_NOMATCH)
		return strpbrk(pattern, "*?[")
			   ? 0
			   : error_set(e, -ENOENT, "%s: %s", pattern, strerror(ENOENT));
	if (found != 0)
		return error_set(e, -EIO, "cannot look for %s", pattern);
	for (size_t i = 0; i < g.gl_pathc && rc == 0; i++)
		rc = read_conf(n, g.gl_pathv[i], e);
	globfree(&g);
	return rc;
}

/* Keys with more than one value (request-xfr) end at the next key, which has a
 * colon at its end; of those only that they are there matters. */
static int read_words(struct nsd *n, const char *text, bool *ret_failed, struct error *e)
{
	char key[256], value[4096];
	int rc = 0;
	while (rc == 0 && next_word(&text, key, sizeof(key), ret_failed)) {
		if (is_section(key)) {
			begin_block(n, section_of(key));
			continue;
		}
		size_t len = strlen(key);
		if (len == 0 || key[len - 1] != ':')
			continue;
		if (!next_word(&text, value, sizeof(value), ret_failed))
			break;
		if (strcmp(key, "include:") == 0)
			rc = include(n, value, e);
		else
			take_pair(n, key, value);
	}
	return rc;
}

static int read_conf(struct nsd *n, const char *path, struct error *e)
{
	char *text;
	size_t len;
	bool failed = false;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	n->bytes += len;
	if (n->bytes > NSD_CONF_MAX || ++n->depth > NSD_CONF_DEPTH)
		rc =
		    error_set(e, FMX_ETOOBIG, "%s: the configuration is too large", path);
	else
		rc = read_words(n, text, &failed, e);
	if (rc == 0 && (failed || strlen(text) != len))
		rc = error_set(
		    e, FMX_EMALFORMED,
		    "%s is not a whole configuration: a word in it is too long, "
		    "or a string has no end",
		    path);
	n->depth--;
	free(text);
	return rc;
}

/* "add example.com pattern", a line a zone. A file that is not there is empty. */
static int read_list(struct nsd *n, struct error *e)
{
	char *text, *save, word[16], name[NAME_TEXT_MAX], pattern[256];
	size_t len;
	int rc = zone_read_file(n->list, &text, &len, e);
	if (rc != 0)
		return rc == -ENOENT || rc == -EACCES ? 0 : rc;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%15s %255s %255s", word, name, pattern) != 3 ||
		    strcmp(word, "add") != 0)
			continue;
		begin_block(n, IN_ZONE);
		replace(&n->now->name, name);
		add_pattern(n->now, pattern);
	}
	free(text);
	return 0;
}

/* ---- zones ---- */

/* What a zone and the patterns that it includes say, the last word counts. */
struct zone {
	const char *file;
	bool is_secondary, is_lost;
	unsigned patterns; /* taken so far: they may include one another */
};

static const struct block *find(const struct nsd *n, const char *name, size_t len)
{
	const struct block *found = NULL; /* the last of that name */
	for (size_t i = 0; i < n->patterns.count; i++) {
		const struct block *b = &n->patterns.items[i];
		if (b->name && strlen(b->name) == len && strncmp(b->name, name, len) == 0)
			found = b;
	}
	return found;
}

static void gather(const struct nsd *n, const struct block *b, struct zone *z)
{
	for (const char *p = b->patterns; p && *p; p += strcspn(p, " ") + 1) {
		const struct block *found =
		    z->patterns < ZONE_PATTERNS_MAX ? find(n, p, strcspn(p, " ")) : NULL;
		z->is_lost |= !found;
		if (z->is_lost)
			return;
		z->patterns++;
		gather(n, found, z);
	}
	if (b->file)
		z->file = b->file;
	z->is_secondary |= b->is_secondary;
}

/* %s is the zone; %1, %2, %3 its first letters (nsd.conf(5)). */
static bool format_file(const char *format, const char *zone, struct buf *out)
{
	for (; *format; format++) {
		size_t letter = (size_t)(format[1] - '1');
		if (*format != '%') {
			buf_add(out, format, 1);
			continue;
		}
		format++;
		if (*format == 's')
			buf_adds(out, zone);
		else if (letter < 3)
			buf_addf(out, "%c", letter < strlen(zone) ? zone[letter] : '.');
		else
			return false;
	}
	return !buf_failed(out);
}

static int push_zone(const struct nsd *n, const struct block *b, struct zone_list *l,
		     struct error *e)
{
	char origin[NAME_TEXT_MAX], path[8300] = "";
	struct zone z = { 0 };
	gather(n, b, &z);
	if (z.is_secondary || !b->name || name_read(b->name, origin, NULL, NULL) != 0)
		return 0;
	struct buf file = BUF_INIT(4096);
	bool understood = z.file && !z.is_lost && format_file(z.file, origin, &file) &&
			  zone_list_join(n->folder, buf_text(&file), path, sizeof(path));
	buf_release(&file);
	int rc = zone_list_push(l, origin, path, n->folder,
				understood ? NULL : not_understood, e);
	if (rc == 0)
		l->items[l->count - 1].is_static = true;
	return rc;
}

static void release_blocks(struct blocks *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->items[i].name);
		free(b->items[i].file);
		free(b->items[i].patterns);
	}
	free(b->items);
}

int conf_nsd_read(struct zone_list *l, const char *path, struct error *e)
{
	struct nsd *n = xcalloc(1, sizeof(*n));
	size_t before = l->count;
	(void)str_copy(n->folder, sizeof(n->folder), "/etc/nsd");
	(void)str_copy(n->list, sizeof(n->list), "/var/lib/nsd/zone.list");
	int rc = read_conf(n, path, e);
	if (rc == 0)
		rc = read_list(n, e);
	for (size_t i = 0; i < n->zones.count && rc == 0; i++)
		rc = push_zone(n, &n->zones.items[i], l, e);
	if (rc == 0 && l->count == before)
		rc = error_set(e, FMX_EUSAGE, "%s lists no primary zone", path);
	release_blocks(&n->zones);
	release_blocks(&n->patterns);
	free(n);
	return rc;
}
