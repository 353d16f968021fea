#include "zone/conf_knot.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "zone/records.h"

enum { TEMPLATES_MAX = 64 };

/* A template or a zone: what is not there is "". */
struct block {
	char id[NAME_TEXT_MAX]; /* the domain, or the template's id */
	char storage[2048], file[2048], use[NAME_TEXT_MAX];
	bool is_secondary;
};

struct knot {
	struct zone_list *list;
	struct block templates[TEMPLATES_MAX];
	size_t template_count;
	struct block now;
	enum { IN_OTHER, IN_TEMPLATE, IN_ZONE } section;
};

static const struct block *find_template(const struct knot *k, const char *id)
{
	for (size_t i = 0; i < k->template_count; i++)
		if (strcmp(k->templates[i].id, id) == 0)
			return &k->templates[i];
	return NULL;
}

/* Knot's "file" formatters: %s is the zone without its final dot, %% a percent
 * sign; the others (%c, %l) are rare and not understood. */
static bool format_file(const char *format, const char *zone, struct buf *out)
{
	for (; *format; format++) {
		if (*format != '%') {
			buf_add(out, format, 1);
			continue;
		}
		format++;
		if (*format == 's')
			buf_adds(out, zone);
		else if (*format == '%')
			buf_adds(out, "%");
		else
			return false;
	}
	return !buf_failed(out);
}

static int end_zone(struct knot *k, struct error *e)
{
	const struct block *z = &k->now,
			   *t = find_template(k, z->use[0] ? z->use : "default");
	char origin[NAME_TEXT_MAX], path[4200];
	if (z->is_secondary || name_read(z->id, origin, NULL, NULL) != 0)
		return 0;
	const char *storage = z->storage[0]        ? z->storage
			      : t && t->storage[0] ? t->storage
						   : "/var/lib/knot";
	const char *format = z->file[0] ? z->file : t && t->file[0] ? t->file : "%s.zone";
	struct buf file = BUF_INIT(2048);
	int rc = 0;
	if (format_file(format, origin, &file) &&
	    zone_list_join(storage, buf_text(&file), path, sizeof(path)))
		rc = zone_list_push(k->list, origin, path, NULL, false, e);
	buf_release(&file);
	return rc;
}

static int end_block(struct knot *k, struct error *e)
{
	int rc = 0;
	if (k->now.id[0] && k->section == IN_TEMPLATE &&
	    k->template_count < TEMPLATES_MAX)
		k->templates[k->template_count++] = k->now;
	if (k->now.id[0] && k->section == IN_ZONE)
		rc = end_zone(k, e);
	k->now = (struct block){ 0 };
	return rc;
}

/* `key: value # comment`; quotes around the value go. */
static bool split_line(char *line, char **ret_key, char **ret_value)
{
	char *colon = strchr(line, ':');
	if (!colon)
		return false;
	*colon = '\0';
	char *value = colon + 1 + strspn(colon + 1, " \t");
	if (*value == '"') {
		value++;
		value[strcspn(value, "\"")] = '\0';
	} else {
		value[strcspn(value, "#\r\n")] = '\0';
		size_t n = strlen(value);
		while (n > 0 && isspace((unsigned char)value[n - 1]))
			value[--n] = '\0';
	}
	*ret_key = line;
	*ret_value = value;
	return true;
}

static void set(struct knot *k, const char *key, const char *value)
{
	struct block *b = &k->now;
	if (strcmp(key, "storage") == 0)
		(void)str_copy(b->storage, sizeof(b->storage), value);
	else if (strcmp(key, "file") == 0)
		(void)str_copy(b->file, sizeof(b->file), value);
	else if (strcmp(key, "template") == 0)
		(void)str_copy(b->use, sizeof(b->use), value);
	else if (strcmp(key, "master") == 0)
		b->is_secondary = true;
}

static void begin_section(struct knot *k, const char *key)
{
	k->section = IN_OTHER;
	if (strcmp(key, "zone") == 0)
		k->section = IN_ZONE;
	if (strcmp(key, "template") == 0)
		k->section = IN_TEMPLATE;
}

static int take_line(struct knot *k, char *line, struct error *e)
{
	char *key, *value;
	bool at_margin = !isspace((unsigned char)*line) && *line != '-';
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	bool is_item = *line == '-';
	int rc = is_item || at_margin ? end_block(k, e) : 0;
	if (is_item)
		line += 1 + strspn(line + 1, " \t");
	if (rc != 0 || !split_line(line, &key, &value))
		return rc;
	if (at_margin)
		begin_section(k, key);
	else if (is_item && (strcmp(key, "domain") == 0 || strcmp(key, "id") == 0))
		(void)str_copy(k->now.id, sizeof(k->now.id), value);
	else
		set(k, key, value);
	return 0;
}

int conf_knot_read(struct zone_list *l, const char *path, struct error *e)
{
	char *text, *save;
	size_t len, before = l->count;
	int rc = zone_read_file(path, &text, &len, e);
	if (rc != 0)
		return rc;
	struct knot *k = xcalloc(1, sizeof(*k));
	k->list = l;
	for (char *line = strtok_r(text, "\n", &save); line && rc == 0;
	     line = strtok_r(NULL, "\n", &save))
		rc = take_line(k, line, e);
	if (rc == 0)
		rc = end_block(k, e);
	if (rc == 0 && l->count == before)
		rc = error_set(e, FMX_EUSAGE, "%s lists no zone", path);
	free(k);
	free(text);
	return rc;
}
