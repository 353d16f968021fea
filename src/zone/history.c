#include "zone/history.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/whole.h"
#include "zone/records.h"

static const char magic[] = "fakemx-apply 1\n";

/* FNV-1a: tells the files of one zone apart. What it leads to says its path. */
static uint64_t path_mark(const char *path)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * UINT64_C(1099511628211);
	return h;
}

/* A name may hold any byte; a file name may not hold '/' nor begin with '.'. */
static int history_path(const char *state, const char *origin, const char *zone_path,
			char *to, size_t size, struct error *e)
{
	struct buf b = BUF_INIT(4000);
	buf_addf(&b, "%s/zones/", state);
	for (const char *p = origin; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
			     *p == '-' || *p == '_' || (*p == '.' && p > origin);
		if (plain)
			buf_addf(&b, "%c", *p);
		else
			buf_addf(&b, "%%%02x", (unsigned char)*p);
	}
	if (*zone_path)
		buf_addf(&b, ".%016llx", (unsigned long long)path_mark(zone_path));
	buf_adds(&b, ".apply");
	bool fits = !buf_failed(&b) && str_copy(to, size, buf_text(&b));
	buf_release(&b);
	return fits ? 0 : error_set(e, -ENAMETOOLONG, "%s: the path is too long", state);
}

static int make_folder(const char *path, struct error *e)
{
	if (mkdir(path, 0750) == 0 || errno == EEXIST)
		return 0;
	return error_set(e, -errno,
			 "cannot make the folder %s, where the zone's former version is "
			 "to be kept: %s",
			 path, strerror(errno));
}

static int make_folders(const char *state, struct error *e)
{
	char path[4096];
	int rc = make_folder(state, e);
	(void)snprintf(path, sizeof(path), "%s/zones", state);
	return rc == 0 ? make_folder(path, e) : rc;
}

static void write_header(const struct history *h, struct buf *out)
{
	json_t *decoys = json_array();
	for (size_t i = 0; i < h->decoy_count; i++)
		(void)json_array_append_new(decoys, json_string(h->decoys[i]));
	json_t *o = json_pack(
	    "{s:s, s:s, s:s, s:I, s:I, s:b, s:o, s:I, s:I}", "origin", h->origin, "path",
	    h->path, "layout", layout_name(h->layout), "ttl", (json_int_t)h->ttl,
	    "applied", (json_int_t)h->applied, "is_clean", h->is_clean, "decoys", decoys,
	    "before", (json_int_t)h->before_len, "after", (json_int_t)h->after_len);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	buf_adds(out, magic);
	buf_addf(out, "%s\n", text ? text : "");
	free(text);
	json_decref(o);
}

int history_save(const char *state, const struct history *h, struct error *e)
{
	char path[4096];
	int rc = history_path(state, h->origin, h->path, path, sizeof(path), e);
	if (rc == 0)
		rc = make_folders(state, e);
	if (rc != 0)
		return rc;
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	write_header(h, &out);
	buf_add(&out, h->before, h->before_len);
	buf_add(&out, h->after, h->after_len);
	struct error why;
	rc = whole_write(path, buf_text(&out), out.len, 0640, &why);
	buf_release(&out);
	return rc == 0 ? 0
		       : error_set(e, rc, "the zone's former version cannot be kept: %s",
				   why.text);
}

static bool read_fields(json_t *o, struct history *h)
{
	const char *origin, *path, *layout;
	json_int_t ttl, applied, before, after;
	json_t *decoys;
	int is_clean;
	if (json_unpack(o, "{s:s, s:s, s:s, s:I, s:I, s:b, s:o, s:I, s:I}", "origin",
			&origin, "path", &path, "layout", &layout, "ttl", &ttl, "applied",
			&applied, "is_clean", &is_clean, "decoys", &decoys, "before",
			&before, "after", &after) != 0)
		return false;
	if (!str_copy(h->origin, sizeof(h->origin), origin) ||
	    !str_copy(h->path, sizeof(h->path), path) ||
	    !layout_parse(layout, &h->layout) || before < 0 || after < 0 || ttl < 0 ||
	    ttl > INT32_MAX)
		return false;
	h->ttl = (uint32_t)ttl;
	h->applied = applied;
	h->is_clean = is_clean;
	h->before_len = (size_t)before;
	h->after_len = (size_t)after;
	for (size_t i = 0; i < json_array_size(decoys) && i < PLAN_MAX_FORMER; i++) {
		const char *name = json_string_value(json_array_get(decoys, i));
		if (!name || !str_copy(h->decoys[h->decoy_count++], NAME_TEXT_MAX, name))
			return false;
	}
	return true;
}

static bool parse(const char *text, size_t len, struct history *h)
{
	size_t skip = sizeof(magic) - 1;
	if (len < skip || memcmp(text, magic, skip) != 0)
		return false;
	const char *line = text + skip, *end = memchr(line, '\n', len - skip);
	json_t *o = end ? json_loadb(line, (size_t)(end - line), 0, NULL) : NULL;
	bool ok = o && read_fields(o, h);
	json_decref(o);
	size_t left = ok ? len - (size_t)(end + 1 - text) : 0;
	if (!ok || h->before_len > left || h->after_len != left - h->before_len)
		return false;
	h->before = xcalloc(h->before_len + 1, 1);
	h->after = xcalloc(h->after_len + 1, 1);
	memcpy(h->before, end + 1, h->before_len);
	memcpy(h->after, end + 1 + h->before_len, h->after_len);
	return true;
}

int history_load(const char *state, const char *origin, const char *zone_path,
		 struct history *ret, struct error *e)
{
	char path[4096], *text;
	size_t len;
	*ret = (struct history){ 0 };
	int rc = history_path(state, origin, zone_path, path, sizeof(path), e);
	if (rc != 0)
		return rc;
	rc = zone_read_file(path, &text, &len, e);
	if (rc == -ENOENT)
		return error_set(
		    e, rc,
		    "there is nothing to revert: no change of the zone %s is recorded in "
		    "%s/zones",
		    origin, state);
	if (rc != 0)
		return rc;
	if (!parse(text, len, ret))
		rc = error_set(e, FMX_EFOREIGN, "%s is damaged", path);
	free(text);
	return rc;
}

int history_drop(const char *state, const char *origin, const char *zone_path,
		 struct error *e)
{
	char path[4096];
	int rc = history_path(state, origin, zone_path, path, sizeof(path), e);
	if (rc == 0 && unlink(path) != 0 && errno != ENOENT)
		rc = error_set(e, -errno, "cannot remove %s: %s", path, strerror(errno));
	return rc;
}

void history_release(struct history *h)
{
	free(h->before);
	free(h->after);
	h->before = h->after = NULL;
}
