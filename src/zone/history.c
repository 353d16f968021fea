#include "zone/history.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mem.h"
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

static void note_decoy(struct history *h, const char *name)
{
	for (size_t i = 0; i < h->decoy_count; i++)
		if (strcmp(h->decoys[i], name) == 0)
			return;
	if (name[0] && h->decoy_count < PLAN_MAX_FORMER)
		(void)str_copy(h->decoys[h->decoy_count++], NAME_TEXT_MAX, name);
}

void history_note_decoys(struct history *h, const struct plan_want *want)
{
	note_decoy(h, want->low.name);
	note_decoy(h, want->high.name);
	for (size_t i = 0; i < want->also_count; i++)
		note_decoy(h, want->also[i].name);
	for (size_t i = 0; i < want->former_count; i++)
		note_decoy(h, want->former[i]);
}

/* ---- what was changed ---- */

static bool is_same_record(const struct zone_change *a, const struct zone_change *b)
{
	if (a->type != b->type || a->ttl != b->ttl || strcmp(a->owner, b->owner) != 0)
		return false;
	return a->type == EDIT_MX
		   ? a->preference == b->preference && strcmp(a->target, b->target) == 0
		   : strcmp(a->rdata, b->rdata) == 0;
}

/* False: there is no room. Takes the rdata. */
static bool push_change(struct history *h, const struct zone_change *c)
{
	if (h->change_count == HISTORY_MAX_CHANGES)
		return false;
	h->changes = xrealloc(h->changes, h->change_count + 1, sizeof(*h->changes));
	h->changes[h->change_count++] = *c;
	return true;
}

static void note_change(struct history *h, const struct zone_change *c)
{
	for (size_t i = 0; i < h->change_count; i++) {
		if (!is_same_record(&h->changes[i], c))
			continue;
		if (h->changes[i].action != c->action) {
			free(h->changes[i].rdata);
			h->change_count--;
			memmove(&h->changes[i], &h->changes[i + 1],
				(h->change_count - i) * sizeof(*h->changes));
		}
		return;
	}
	struct zone_change mine = *c;
	if (c->rdata)
		mine.rdata = xstrdup(c->rdata);
	if (!push_change(h, &mine))
		free(mine.rdata); /* over a thousand: what is not noted stays */
}

void history_note_changes(struct history *h, const struct zone_change *changes,
			  size_t count)
{
	for (size_t i = 0; i < count; i++)
		note_change(h, &changes[i]);
}

void history_note_past(struct history *h, const struct history *past)
{
	for (size_t i = 0; i < past->decoy_count; i++)
		note_decoy(h, past->decoys[i]);
	history_note_changes(h, past->changes, past->change_count);
}

void history_forget_mx(struct history *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->change_count; i++)
		if (h->changes[i].type != EDIT_MX) /* those have no rdata to free */
			h->changes[kept++] = h->changes[i];
	h->change_count = kept;
}

/* A name may hold any byte; a file name may not hold '/' nor begin with '.'. */
void history_file_name(const char *origin, struct buf *out)
{
	for (const char *p = origin; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
			     *p == '-' || *p == '_' || (*p == '.' && p > origin);
		if (plain)
			buf_addf(out, "%c", *p);
		else
			buf_addf(out, "%%%02x", (unsigned char)*p);
	}
}

static int history_path(const char *state, const char *origin, const char *zone_path,
			char *to, size_t size, struct error *e)
{
	struct buf b = BUF_INIT(4000);
	buf_addf(&b, "%s/zones/", state);
	history_file_name(origin, &b);
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

/* A path may hold bytes that are no UTF-8, which JSON may not. */
static void escape(const char *text, struct buf *out)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80 || *text == '%')
			buf_addf(out, "%%%02x", (unsigned)(unsigned char)*text);
		else
			buf_add(out, text, 1);
}

static bool unescape(const char *text, char *to, size_t size)
{
	size_t n = 0;
	unsigned byte;
	for (; *text && n + 1 < size; text++) {
		if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1 && text[1] &&
		    text[2] && byte) {
			to[n++] = (char)byte;
			text += 2;
		} else {
			to[n++] = *text;
		}
	}
	to[n] = '\0';
	return !*text;
}

static json_t *escaped(const char *text)
{
	struct buf b = BUF_INIT(64 * 1024);
	escape(text, &b);
	json_t *s = buf_failed(&b) ? NULL : json_string(buf_text(&b));
	buf_release(&b);
	return s;
}

static json_t *change_json(const struct zone_change *c)
{
	bool is_mx = c->type == EDIT_MX;
	return json_pack("{s:s, s:s, s:I, s:i, s:o, s:o}", "action",
			 edit_action_name(c->action), "type", edit_type_name(c->type),
			 "ttl", (json_int_t)c->ttl, "preference", (int)c->preference,
			 "owner", escaped(c->owner), "data",
			 escaped(is_mx ? c->target : c->rdata));
}

static bool write_header(const struct history *h, struct buf *out)
{
	json_t *decoys = json_array(), *changes = json_array();
	bool ok = true;
	for (size_t i = 0; i < h->decoy_count; i++)
		ok &= json_array_append_new(decoys, escaped(h->decoys[i])) == 0;
	for (size_t i = 0; i < h->change_count; i++)
		ok &= json_array_append_new(changes, change_json(&h->changes[i])) == 0;
	json_t *o =
	    json_pack("{s:o, s:o, s:s, s:I, s:I, s:b, s:o, s:o, s:I, s:I}", "origin",
		      escaped(h->origin), "path", escaped(h->path), "layout",
		      layout_name(h->layout), "ttl", (json_int_t)h->ttl, "applied",
		      (json_int_t)h->applied, "is_clean", h->is_clean, "decoys", decoys,
		      "changes", changes, "before", (json_int_t)h->before_len, "after",
		      (json_int_t)h->after_len);
	char *text = o && ok ? json_dumps(o, JSON_COMPACT) : NULL;
	buf_adds(out, magic);
	buf_addf(out, "%s\n", text ? text : "");
	ok = text != NULL;
	free(text);
	json_decref(o);
	return ok;
}

int history_save(const char *state, const struct history *h, struct error *e)
{
	char path[4096];
	int rc = history_path(state, h->origin, h->path, path, sizeof(path), e);
	if (rc != 0)
		return rc;
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	bool is_whole = write_header(h, &out);
	buf_add(&out, h->before, h->before_len);
	buf_add(&out, h->after, h->after_len);
	struct error why;
	if (!is_whole || buf_failed(&out))
		rc = error_set(&why, -EIO,
			       "what is to be kept in %s cannot be written down", path);
	else
		rc = atomic_file_write_alone(path, buf_text(&out), out.len, 0640, &why);
	if (rc == -ENOENT && (rc = make_folders(state, &why)) == 0)
		rc = atomic_file_write_alone(path, buf_text(&out), out.len, 0640, &why);
	buf_release(&out);
	return rc == 0 ? 0
		       : error_set(e, rc, "the zone's former version cannot be kept: %s",
				   why.text);
}

static bool read_change(json_t *o, struct zone_change *ret)
{
	const char *action, *type, *owner, *data;
	json_int_t ttl;
	int preference;
	*ret = (struct zone_change){ 0 };
	if (json_unpack(o, "{s:s, s:s, s:I, s:i, s:s, s:s}", "action", &action, "type",
			&type, "ttl", &ttl, "preference", &preference, "owner", &owner,
			"data", &data) != 0 ||
	    !edit_action_parse(action, &ret->action) ||
	    !edit_type_parse(type, &ret->type) || ttl < 0 || ttl > INT32_MAX ||
	    preference < 0 || preference > UINT16_MAX ||
	    !unescape(owner, ret->owner, sizeof(ret->owner)))
		return false;
	ret->ttl = (uint32_t)ttl;
	ret->preference = (uint16_t)preference;
	if (ret->type == EDIT_MX)
		return unescape(data, ret->target, sizeof(ret->target));
	size_t size = strlen(data) + 1;
	ret->rdata = xcalloc(size, 1);
	return unescape(data, ret->rdata, size);
}

static bool read_changes(json_t *o, struct history *h)
{
	for (size_t i = 0; i < json_array_size(o); i++) {
		struct zone_change c;
		bool ok = read_change(json_array_get(o, i), &c);
		if (!ok || !push_change(h, &c)) {
			free(c.rdata);
			return false;
		}
	}
	return true;
}

static bool read_fields(json_t *o, struct history *h)
{
	const char *origin, *path, *layout;
	json_int_t ttl, applied, before, after;
	json_t *decoys, *changes = NULL; /* not in the oldest */
	int is_clean;
	if (json_unpack(o, "{s:s, s:s, s:s, s:I, s:I, s:b, s:o, s?o, s:I, s:I}", "origin",
			&origin, "path", &path, "layout", &layout, "ttl", &ttl, "applied",
			&applied, "is_clean", &is_clean, "decoys", &decoys, "changes",
			&changes, "before", &before, "after", &after) != 0)
		return false;
	if (!unescape(origin, h->origin, sizeof(h->origin)) ||
	    !unescape(path, h->path, sizeof(h->path)) ||
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
		if (!name || !unescape(name, h->decoys[h->decoy_count++], NAME_TEXT_MAX))
			return false;
	}
	return read_changes(changes, h);
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
		return error_set(e, rc,
				 "no record of an apply to %s%s%s was found in %s/zones",
				 origin, *zone_path ? " in " : "", zone_path, state);
	if (rc != 0)
		return rc;
	if (!parse(text, len, ret)) {
		history_release(ret);
		rc = error_set(e, FMX_EFOREIGN, "%s is damaged", path);
	}
	free(text);
	return rc;
}

int history_drop(const char *state, const char *origin, const char *zone_path,
		 struct error *e)
{
	char path[4096];
	int rc = history_path(state, origin, zone_path, path, sizeof(path), e);
	if (rc == 0)
		atomic_file_clean(path); /* what a killed run left */
	if (rc == 0 && unlink(path) != 0 && errno != ENOENT)
		rc = error_set(e, -errno, "cannot remove %s: %s", path, strerror(errno));
	return rc;
}

void history_release(struct history *h)
{
	for (size_t i = 0; i < h->change_count; i++)
		free(h->changes[i].rdata);
	free(h->changes);
	free(h->before);
	free(h->after);
	h->changes = NULL;
	h->change_count = 0;
	h->before = h->after = NULL;
}

/* ---- what stands in front of the bytes ---- */

bool history_read_header(const char *record, struct history *ret)
{
	char *line = NULL;
	size_t size = 0;
	*ret = (struct history){ 0 };
	FILE *f = fopen(record, "re");
	bool ok = f && getline(&line, &size, f) > 0 && strcmp(line, magic) == 0 &&
		  getline(&line, &size, f) > 0;
	json_t *o = ok ? json_loads(line, 0, NULL) : NULL;
	ok = o && read_fields(o, ret);
	json_decref(o);
	free(line);
	if (f)
		(void)fclose(f);
	if (!ok)
		history_release(ret);
	return ok;
}

void history_want_former(const struct history *h, struct plan_want *want)
{
	for (size_t i = 0; i < h->decoy_count; i++)
		if (!plan_is_decoy(want, h->decoys[i]) &&
		    want->former_count < PLAN_MAX_FORMER)
			(void)str_copy(want->former[want->former_count++], NAME_TEXT_MAX,
				       h->decoys[i]);
}

void history_add_former(const char *state, const char *origin, const char *path,
			struct plan_want *want)
{
	char record[4096];
	struct history h;
	struct error ignored; /* no record is a normal case */
	if (history_path(state, origin, path, record, sizeof(record), &ignored) == 0 &&
	    history_read_header(record, &h)) {
		history_want_former(&h, want);
		history_release(&h);
	}
}
