#include "zone/list.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "zone/list_own.h"

int list_push(struct zone_list *l, const char *origin, const char *path,
	      const char *include_base, bool is_dynamic, struct error *e)
{
	if (l->count == ZONE_LIST_MAX)
		return error_set(e, FMX_ETOOBIG, "more than %d zones", ZONE_LIST_MAX);
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->items = xrealloc(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->count++] =
	    (struct zone_item){ .origin = xstrdup(origin),
				.path = xstrdup(path),
				.include_base =
				    include_base ? xstrdup(include_base) : NULL,
				.is_dynamic = is_dynamic };
	return 0;
}

bool list_join(const char *folder, const char *name, char *to, size_t size)
{
	int n = *name == '/' || !*folder ? snprintf(to, size, "%s", name)
					 : snprintf(to, size, "%s/%s", folder, name);
	return n >= 0 && (size_t)n < size;
}

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
		return list_push(l, origin, path, NULL, false, e);
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
		return error_set(e, -errno, "%s: %s", path, strerror(errno));
	int rc = 0;
	struct dirent *entry;
	while (rc == 0 && (entry = readdir(d))) {
		char full[4096];
		struct stat st;
		if (entry->d_name[0] == '.' ||
		    !list_join(path, entry->d_name, full, sizeof(full)))
			continue;
		if (stat(full, &st) == 0 && S_ISREG(st.st_mode))
			rc = add_by_name(l, full, false, e);
	}
	(void)closedir(d);
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
	for (size_t i = 0; i < g.gl_pathc && rc == 0; i++) {
		struct stat st;
		if (stat(g.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode))
			rc = add_by_name(l, g.gl_pathv[i], false, e);
	}
	globfree(&g);
	return rc;
}

/* ---- one argument ---- */

/* A Knot configuration has "zone:" at a line's start, BIND's has braces. */
static int add_conf(struct zone_list *l, const char *path, struct error *e)
{
	char *text;
	size_t len;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	bool is_knot = strncmp(text, "zone:", 5) == 0 || strstr(text, "\nzone:");
	free(text);
	return is_knot ? list_knot_conf(l, path, e) : list_named_conf(l, path, e);
}

int zone_list_add(struct zone_list *l, const char *what, const char *origin,
		  struct error *e)
{
	struct stat st;
	if (stat(what, &st) != 0) {
		if (errno == ENOENT && strpbrk(what, "*?["))
			return add_glob(l, what, e);
		return error_set(e, -errno, "%s: %s", what, strerror(errno));
	}
	if (S_ISDIR(st.st_mode)) {
		if (origin)
			return error_set(
			    e, FMX_EUSAGE,
			    "%s is a folder: --origin goes with one zone file", what);
		return add_folder(l, what, e);
	}
	if (origin)
		return list_push(l, origin, what, NULL, false, e);
	if (ends_with(what, ".conf") || ends_with(what, ".conf.local"))
		return add_conf(l, what, e);
	return add_by_name(l, what, true, e);
}

int zone_list_add_zone(struct zone_list *l, const char *origin, struct error *e)
{
	return list_push(l, origin, "", NULL, false, e);
}

int zone_list_add_lines(struct zone_list *l, FILE *from, struct error *e)
{
	char line[4096 + NAME_TEXT_MAX];
	int rc = 0;
	for (unsigned n = 1; rc == 0 && fgets(line, sizeof(line), from); n++) {
		char *save, *first = strtok_r(line, " \t\r\n", &save);
		if (!first || *first == '#')
			continue;
		char *path = strtok_r(NULL, " \t\r\n", &save), origin[NAME_TEXT_MAX];
		struct error why;
		if (!path)
			rc = zone_list_add(l, first, NULL, &why);
		else if ((rc = name_read(first, origin, NULL, &why)) == 0)
			rc = list_push(l, origin, path, NULL, false, &why);
		if (rc != 0)
			rc = error_set(e, rc, "line %u of the list: %s", n, why.text);
	}
	return rc;
}

/* ---- the whole list ---- */

static int by_path(const void *a, const void *b)
{
	const struct zone_item *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c ? c : strcmp(x->origin, y->origin);
}

static int by_origin(const void *a, const void *b)
{
	const struct zone_item *x = a, *y = b;
	int c = strcmp(x->origin, y->origin);
	return c ? c : strcmp(x->path, y->path);
}

static void release_item(struct zone_item *i)
{
	free(i->origin);
	free(i->path);
	free(i->include_base);
}

void zone_list_settle(struct zone_list *l)
{
	if (l->count == 0)
		return;
	qsort(l->items, l->count, sizeof(*l->items), by_path);
	size_t kept = 1;
	for (size_t i = 1; i < l->count; i++) {
		struct zone_item *last = &l->items[kept - 1], *now = &l->items[i];
		bool same_file = strcmp(last->path, now->path) == 0;
		if (same_file && strcmp(last->origin, now->origin) == 0) {
			release_item(now);
			continue;
		}
		if (same_file && *now->path)
			last->is_shared = now->is_shared = true;
		l->items[kept++] = *now;
	}
	l->count = kept;
	qsort(l->items, l->count, sizeof(*l->items), by_origin);
}

void zone_list_release(struct zone_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		release_item(&l->items[i]);
	free(l->items);
	*l = (struct zone_list){ 0 };
}
