#include "zone/find.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "zone/conf_knot.h"
#include "zone/conf_named.h"
#include "zone/conf_nsd.h"
#include "zone/records.h"

/* ---- names of files ---- */

static const char *const prefixes[] = { "db.", "pri.", "zone." };
static const char *const suffixes[] = { ".zone", ".db", ".hosts", ".dns", ".txt" };
/* Beside zone files, and not zones. */
static const char *const others[] = { ".jnl",  ".jbk",     ".bak",     ".old",
				      ".orig", "~",        ".swp",     ".conf",
				      ".key",  ".private", ".rpmsave", ".dpkg-old" };

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n > m && strcasecmp(text + n - m, end) == 0;
}

bool zone_of_file_name(const char *path, char ret_origin[NAME_TEXT_MAX])
{
	const char *slash = strrchr(path, '/');
	char name[NAME_TEXT_MAX];
	const char *from = slash ? slash + 1 : path;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ends_with(from, others[i]))
			return false;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncasecmp(from, prefixes[i], strlen(prefixes[i])) == 0) {
			from += strlen(prefixes[i]);
			break;
		}
	if (*from == '.' || !str_copy(name, sizeof(name), from))
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (ends_with(name, suffixes[i])) {
			name[strlen(name) - strlen(suffixes[i])] = '\0';
			break;
		}
	return name_read(name, ret_origin, NULL, NULL) == 0 && strchr(ret_origin, '.');
}

static int add_by_name(struct zone_list *l, const char *path, bool must_tell,
		       struct error *e)
{
	char origin[NAME_TEXT_MAX];
	if (zone_of_file_name(path, origin))
		return zone_list_push(l, origin, path, NULL, NULL, e);
	if (!must_tell)
		return 0; /* a README among the zones is no mistake */
	return error_set(
	    e, FMX_EUSAGE,
	    "the name of %s does not tell which zone it holds: say it with --origin NAME",
	    path);
}

static int add_folder(struct zone_list *l, const char *path, struct error *e)
{
	DIR *d = opendir(path);
	if (!d)
		return error_cannot_read(e, errno, path, NULL, NULL);
	int rc = 0;
	size_t before = l->count;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(d))) {
		char full[4096];
		struct stat st;
		if (entry->d_name[0] == '.' ||
		    !zone_list_join(path, entry->d_name, full, sizeof(full)))
			continue;
		/* Who reads a pipe among them says that it is one. */
		if (stat(full, &st) == 0 && !S_ISDIR(st.st_mode) && !S_ISSOCK(st.st_mode))
			rc = add_by_name(l, full, false, e);
	}
	(void)closedir(d);
	if (rc == 0 && l->count == before)
		rc = error_set(e, -ENOENT,
			       "the folder %s holds no file whose name tells its zone, "
			       "such as example.com.zone or db.example.com",
			       path);
	return rc;
}

static int add_glob(struct zone_list *l, const char *pattern, struct error *e)
{
	glob_t g;
	int found = glob(pattern, 0, NULL, &g);
	if (found == GLOB_NOMATCH)
		return error_set(e, -ENOENT, "no file matches %s", pattern);
	if (found != 0)
		return error_set(e, -EIO, "cannot look for %s", pattern);
	int rc = 0;
	size_t before = l->count;
	for (size_t i = 0; i < g.gl_pathc && rc == 0; i++) {
		struct stat st;
		if (stat(g.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode))
			rc = add_by_name(l, g.gl_pathv[i], false, e);
	}
	if (rc == 0 && l->count == before)
		rc = error_set(e, -ENOENT,
			       "of what matches %s no file's name tells its zone, as "
			       "example.com.zone or db.example.com does: name one with "
			       "--zone FILE --origin NAME",
			       pattern);
	globfree(&g);
	return rc;
}

/* ---- one argument ---- */

typedef int (*conf_reader)(struct zone_list *l, const char *path, struct error *e);

static int add_of(enum zone_server server, conf_reader read, struct zone_list *l,
		  const char *path, struct error *e)
{
	size_t before = l->count;
	int rc = read(l, path, e);
	for (size_t i = before; i < l->count; i++)
		l->items[i].server = server;
	return rc;
}

/* "launch=bind", "local-address=...": words and an equals sign, as PowerDNS has. */
static bool is_powerdns(const char *line)
{
	size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n > 0 && line[n + strspn(line + n, " +")] == '=';
}

static int refuse_powerdns(const char *path, struct error *e)
{
	return error_set(e, FMX_EUSAGE,
			 "%s is of PowerDNS, which keeps its zones in a database: use "
			 "`update { server = ...  key = ... }` in the configuration, or "
			 "`fakemx plan DOMAIN --format powerdns`; the files of its bind "
			 "backend are named by their own named.conf",
			 path);
}

/* With neither: NSD's, or one of Knot's that only includes others. */
static int add_plain_conf(struct zone_list *l, const char *path, struct error *e)
{
	size_t before = l->count;
	struct error ignored; /* NSD's reader says what is wrong in the end */
	if (add_of(ZONE_SERVER_KNOT, conf_knot_read, l, path, &ignored) == 0 &&
	    l->count > before)
		return 0;
	return add_of(ZONE_SERVER_NSD, conf_nsd_read, l, path, e);
}

/* Whose configuration is it? BIND's has braces or semicolons, Knot's has items
 * with a dash at their front, NSD's has neither. */
static int add_conf(struct zone_list *l, const char *path, struct error *e)
{
	char *text, *save;
	size_t len;
	bool braces = false, items = false, powerdns = false;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		size_t n = strcspn(line, "#");
		braces |= memchr(line, '{', n) || memchr(line, ';', n);
		items |= *line == '-';
		powerdns |= is_powerdns(line);
	}
	free(text);
	if (powerdns && !items)
		return refuse_powerdns(path, e);
	if (braces)
		return add_of(ZONE_SERVER_BIND, conf_named_read, l, path, e);
	return items ? add_of(ZONE_SERVER_KNOT, conf_knot_read, l, path, e)
		     : add_plain_conf(l, path, e);
}

/* Of a server's configuration only this zone. */
static int add_zone_of_conf(struct zone_list *l, const char *path, const char *origin,
			    struct error *e)
{
	struct zone_list all = { 0 };
	size_t before = l->count;
	int rc = add_conf(&all, path, e);
	for (size_t i = 0; i < all.count && rc == 0; i++) {
		struct zone_item *z = &all.items[i];
		if (strcmp(z->origin, origin) != 0)
			continue;
		rc =
		    zone_list_push(l, z->origin, z->path, z->include_base, z->problem, e);
		if (rc != 0)
			break;
		l->items[l->count - 1].is_static = z->is_static;
		l->items[l->count - 1].server = z->server;
		l->items[l->count - 1].knot = z->knot;
		z->knot = NULL; /* moved */
	}
	if (rc == 0 && l->count == before)
		rc = error_set(
		    e, FMX_EUSAGE,
		    "%s lists no primary zone %s with a file; it lists %zu other%s%s%s",
		    path, origin, all.count, number_plural(all.count),
		    all.note[0] ? "; " : "", all.note);
	zone_list_release(&all);
	return rc;
}

int zone_find(struct zone_list *l, const char *what, const char *origin, struct error *e)
{
	struct stat st;
	if (stat(what, &st) != 0) {
		if (errno == ENOENT && strpbrk(what, "*?["))
			return add_glob(l, what, e);
		return error_cannot_read(e, errno, what, ZONE_FILE_MISSING, NULL);
	}
	if (S_ISDIR(st.st_mode)) {
		if (origin)
			return error_set(
			    e, FMX_EUSAGE,
			    "%s is a folder: --origin goes with one zone file", what);
		return add_folder(l, what, e);
	}
	if (ends_with(what, ".conf") || ends_with(what, ".conf.local"))
		return origin ? add_zone_of_conf(l, what, origin, e)
			      : add_conf(l, what, e);
	if (origin)
		return zone_list_push(l, origin, what, NULL, NULL, e);
	return add_by_name(l, what, true, e);
}

int zone_find_lines(struct zone_list *l, FILE *from, struct error *e)
{
	char line[4096 + NAME_TEXT_MAX];
	int rc = 0;
	for (unsigned n = 1; rc == 0 && fgets(line, sizeof(line), from); n++) {
		char *begin = line + (n == 1 ? utf8_mark(line, strlen(line)) : 0);
		char *save, *first = strtok_r(begin, " \t\r\n", &save);
		if (!first || *first == '#')
			continue;
		char *path = strtok_r(NULL, " \t\r\n", &save), origin[NAME_TEXT_MAX];
		struct error why;
		const char *more = path ? strtok_r(NULL, " \t\r\n", &save) : NULL;
		if (more && *more != '#')
			rc = error_set(&why, FMX_EUSAGE,
				       "more than ZONE FILE stands there: \"%.60s\"",
				       more);
		else if (!path || *path == '#')
			rc = zone_find(l, first, NULL, &why);
		else if ((rc = name_read(first, origin, NULL, &why)) == 0)
			rc = zone_list_push(l, origin, path, NULL, NULL, &why);
		if (rc != 0)
			rc = error_set(e, rc, "line %u of the list: %s", n, why.text);
	}
	return rc;
}
