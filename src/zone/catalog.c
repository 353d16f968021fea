#include "zone/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "zone/records.h"

static struct catalog_member *add(struct catalog *c, const char *unique, size_t len)
{
	c->members = xroom(c->members, c->count, &c->cap, sizeof(*c->members));
	struct catalog_member *m = &c->members[c->count++];
	*m = (struct catalog_member){ .unique = xcalloc(len + 1, 1) };
	memcpy(m->unique, unique, len);
	return m;
}

struct reading {
	struct catalog *catalog;
	char end[NAME_TEXT_MAX + 8]; /* ".zones.CATALOG" */
};

/* The group's word, out of its quotes. */
static char *group_of(const struct zone_at *at)
{
	const char *word = at->text + at->en->rdata.begin;
	size_t len = at->en->rdata.len;
	if (len >= 2 && *word == '"' && word[len - 1] == '"') {
		word++;
		len -= 2;
	}
	char *group = xcalloc(len + 1, 1);
	memcpy(group, word, len);
	return group;
}

static int on_record(void *arg, const struct zone_at *at, struct error *e)
{
	struct reading *r = arg;
	char owner[NAME_TEXT_MAX], zone[NAME_TEXT_MAX];
	if (at->en->kind != LEX_RECORD)
		return 0;
	bool is_member = zone_type_is(at, "PTR", 12);
	if (!is_member && !zone_type_is(at, "TXT", 16))
		return 0;
	int rc = zone_owner(at, owner, e);
	size_t len = strlen(owner), end = strlen(r->end);
	if (rc != 0 || len <= end || strcmp(owner + len - end, r->end) != 0)
		return rc;
	owner[len - end] = '\0';
	const char *unique = owner;
	if (!is_member && strncmp(owner, "group.", 6) == 0)
		unique += 6;
	else if (!is_member)
		return 0;
	if (!*unique || strchr(unique, '.'))
		return 0; /* another property's (RFC 9432 4.4) */
	if (!is_member)
		add(r->catalog, unique, strlen(unique))->group = group_of(at);
	else if (zone_name(at->text, at->en->rdata, at->origin, zone))
		add(r->catalog, unique, strlen(unique))->zone = xstrdup(zone);
	return 0;
}

static int by_unique(const void *a, const void *b)
{
	return strcmp(((const struct catalog_member *)a)->unique,
		      ((const struct catalog_member *)b)->unique);
}

/* A member and its group come in two records, in any order. */
static void join_groups(struct catalog *c)
{
	size_t kept = 0;
	if (c->count == 0)
		return;
	qsort(c->members, c->count, sizeof(*c->members), by_unique);
	for (size_t i = 1; i < c->count; i++) {
		struct catalog_member *m = &c->members[kept], *now = &c->members[i];
		if (strcmp(m->unique, now->unique) != 0 || (m->zone && now->zone) ||
		    (m->group && now->group)) {
			c->members[++kept] = *now;
			continue;
		}
		m->zone = m->zone ? m->zone : now->zone;
		m->group = m->group ? m->group : now->group;
		free(now->unique);
	}
	c->count = kept + 1;
}

int catalog_read(const char *path, const char *origin, struct catalog *ret,
		 struct error *e)
{
	char *text;
	struct reading r = { .catalog = ret };
	*ret = (struct catalog){ 0 };
	struct zone_input in = { .path = path, .origin = origin };
	int rc = zone_read_file(path, &text, &in.len, e);
	if (rc != 0)
		return rc;
	in.text = text;
	(void)snprintf(r.end, sizeof(r.end), ".zones.%s", origin);
	rc = records_each(&in, on_record, &r, e);
	free(text);
	if (rc != 0)
		catalog_release(ret);
	else
		join_groups(ret);
	return rc;
}

void catalog_release(struct catalog *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->members[i].unique);
		free(c->members[i].zone);
		free(c->members[i].group);
	}
	free(c->members);
	*c = (struct catalog){ 0 };
}
