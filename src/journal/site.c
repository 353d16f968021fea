#include "journal/site.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Room for one more of what is counted: arrays grow at powers of two. */
static void *grown(void *array, size_t count, size_t size)
{
	return (count & (count - 1)) == 0 ? xrealloc(array, count ? 2 * count : 1, size)
					  : array;
}

static int64_t until_of(sqlite3_stmt *s, int column)
{
	int64_t t = db_moment(s, column);
	return t == MOMENT_NONE ? INT64_MAX : t;
}

static int read_site(struct db *db, struct sites *all, sqlite3_stmt *s, struct error *e)
{
	struct error why;
	size_t n = all->count;
	all->all = grown(all->all, n, sizeof(*all->all));
	all->places = grown(all->places, n, sizeof(*all->places));
	if (site_parse(db_text(s, 5), &all->all[n], &why) != 0)
		return db_damaged(db_path(db), why.text, e);
	all->places[n] = (struct site_place){
		.group = (uint16_t)sqlite3_column_int(s, 1),
		.kin = (uint16_t)sqlite3_column_int(s, 2),
		.since = sqlite3_column_int64(s, 3),
		.until = until_of(s, 4),
		.was_group = sqlite3_column_int(s, 6),
	};
	all->count++;
	return 0;
}

static int read_sites(struct db *db, struct sites *all, struct error *e)
{
	sqlite3_stmt *s = db_statement(
	    db,
	    "SELECT id, grp, kin, since, until, definition, "
	    "EXISTS (SELECT 1 FROM grp WHERE grp.id = site.id) FROM site ORDER BY id");
	int rc = 0;
	while ((rc = db_step(db, s, e)) > 0) {
		rc = read_site(db, all, s, e);
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}

static struct host *find_host(const struct site *s, uint16_t id)
{
	for (size_t i = 0; s && i < s->host_count; i++)
		if (s->hosts[i].id == id)
			return &s->hosts[i];
	return NULL;
}

static int read_host(struct db *db, struct sites *all, sqlite3_stmt *s, struct error *e)
{
	size_t n = all->host_count;
	uint16_t id = (uint16_t)sqlite3_column_int(s, 0);
	uint16_t site = (uint16_t)sqlite3_column_int(s, 1);
	struct host *h = find_host(sites_find(all, site), id);
	if (!h) {
		struct error why;
		all->former = grown(all->former, all->former_count, sizeof(*all->former));
		struct site *f = &all->former[all->former_count];
		if (site_parse(db_text(s, 7), f, &why) != 0)
			return db_damaged(db_path(db), why.text, e);
		all->former_count++;
		h = f->hosts;
		h->place = (enum place)sqlite3_column_int(s, 3);
	}
	all->hosts = grown(all->hosts, n, sizeof(*all->hosts));
	all->hosts[n] = (struct host_place){
		.host = id,
		.site = site,
		.group = sites_group(all, site),
		.role = (enum role)sqlite3_column_int(s, 2),
		.place = (enum place)sqlite3_column_int(s, 3),
		.bit = (id - 1u) % 64,
		.since = sqlite3_column_int64(s, 4),
		.until = until_of(s, 5),
		.has_source = sqlite3_column_int(s, 6),
		.sibling = n,
		.definition = h,
	};
	all->host_count++;
	return 0;
}

static int read_hosts(struct db *db, struct sites *all, struct error *e)
{
	sqlite3_stmt *s =
	    db_statement(db, "SELECT id, site, role, place, since, here_until, source, "
			     "definition FROM host ORDER BY id");
	int rc = 0;
	while ((rc = db_step(db, s, e)) > 0) {
		rc = read_host(db, all, s, e);
		if (rc != 0)
			break;
	}
	db_done(s);
	return rc;
}

static int read_rules(struct db *db, struct sites *all, struct error *e)
{
	struct error why;
	sqlite3_stmt *s = db_statement(db, "SELECT text FROM rules");
	all->rules = rules_default();
	int rc = db_step(db, s, e);
	if (rc > 0)
		rc = rules_parse(db_text(s, 0), &all->rules, &why) == 0
			 ? 0
			 : db_damaged(db_path(db), why.text, e);
	db_done(s);
	return rc;
}

/* ---- one machine, own addresses ---- */

struct spot {
	struct endpoint at;
	enum role role;
	size_t host;
};

static int compare_spots(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;
	int order = addr_compare(x->at.addr, y->at.addr);
	if (order == 0)
		order = (x->at.port > y->at.port) - (x->at.port < y->at.port);
	return order ? order : (x->role > y->role) - (x->role < y->role);
}

/* Two rings become one, if they were two. */
static void join(struct host_place *hosts, size_t a, size_t b)
{
	for (size_t i = hosts[a].sibling; i != a; i = hosts[i].sibling)
		if (i == b)
			return;
	if (a == b)
		return;
	size_t next = hosts[a].sibling;
	hosts[a].sibling = hosts[b].sibling;
	hosts[b].sibling = next;
}

static void find_siblings(struct sites *all)
{
	size_t count = 0;
	struct spot *spots =
	    xcalloc(all->host_count * HOST_MAX_ADDRESSES + 1, sizeof(*spots));
	for (size_t i = 0; i < all->host_count; i++)
		for (size_t k = 0; all->hosts[i].until == INT64_MAX &&
				   k < all->hosts[i].definition->address_count;
		     k++)
			spots[count++] =
			    (struct spot){ all->hosts[i].definition->addresses[k],
					   all->hosts[i].role, i };
	qsort(spots, count, sizeof(*spots), compare_spots);
	for (size_t i = 1; i < count; i++)
		if (compare_spots(&spots[i - 1], &spots[i]) == 0)
			join(all->hosts, spots[i - 1].host, spots[i].host);
	free(spots);
}

struct member {
	uint16_t group;
	size_t site;
};

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return (x->group > y->group) - (x->group < y->group);
}

static void find_members(struct sites *all)
{
	struct member *m = xcalloc(all->count + 1, sizeof(*m));
	for (size_t i = 0; i < all->count; i++)
		m[i] = (struct member){ all->places[i].group, i };
	qsort(m, all->count, sizeof(*m), compare_members);
	for (size_t i = 0, first = 0; i < all->count; i++) {
		first = i > 0 && m[i - 1].group == m[i].group ? first : i;
		bool is_last = i + 1 == all->count || m[i + 1].group != m[i].group;
		all->places[m[i].site].sibling = m[is_last ? first : i + 1].site;
	}
	free(m);
}

static void find_own(struct sites *all)
{
	all->own = xcalloc(all->host_count * HOST_MAX_ADDRESSES + 1, sizeof(*all->own));
	for (size_t i = 0; i < all->host_count; i++)
		for (size_t k = 0; k < all->hosts[i].definition->address_count; k++)
			all->own[all->own_count++] =
			    all->hosts[i].definition->addresses[k].addr;
	qsort(all->own, all->own_count, sizeof(*all->own), addr_compare_any);
}

int sites_load(struct db *db, struct sites *ret_sites, struct error *e)
{
	struct sites all = { .generation = db_meta(db, "generation", 0) };
	int rc = read_sites(db, &all, e);
	if (rc == 0)
		rc = read_hosts(db, &all, e);
	if (rc == 0)
		rc = read_rules(db, &all, e);
	if (rc != 0) {
		sites_release(&all);
		return rc;
	}
	find_siblings(&all);
	find_members(&all);
	find_own(&all);
	*ret_sites = all;
	return 0;
}

/* ---- domains ---- */

static void add_domains(struct site *s, const char *text)
{
	size_t count = 0;
	for (const char *at = text; *at; at++)
		count += *at == '\n';
	s->domains = xcalloc(count + 1, sizeof(*s->domains));
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		size_t size = (size_t)(end - text) + 1;
		s->domains[s->domain_count] = xcalloc(size, 1);
		(void)str_copy(s->domains[s->domain_count++], size, text);
	}
	site_sort_domains(s);
}

int sites_load_domains(struct db *db, struct sites *s, struct error *e)
{
	sqlite3_stmt *rows = db_statement(db, "SELECT domains FROM site ORDER BY id");
	int rc = 0;
	for (size_t i = 0; i < s->count && (rc = db_step(db, rows, e)) > 0; i++)
		add_domains(&s->all[i], db_text(rows, 0));
	db_done(rows);
	return rc < 0 ? rc : 0;
}

void sites_release(struct sites *s)
{
	for (size_t i = 0; i < s->count; i++)
		site_release(&s->all[i]);
	for (size_t i = 0; i < s->former_count; i++)
		site_release(&s->former[i]);
	free(s->all);
	free(s->places);
	free(s->hosts);
	free(s->former);
	free(s->own);
	*s = (struct sites){ 0 };
}

/* ---- questions ---- */

const struct host_place *sites_host(const struct sites *s, uint16_t host)
{
	size_t low = 0, high = s->host_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (s->hosts[mid].host < host)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->host_count && s->hosts[low].host == host ? &s->hosts[low] : NULL;
}

const struct site *sites_find(const struct sites *s, uint16_t id)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (s->all[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->count && s->all[low].id == id ? &s->all[low] : NULL;
}

const struct host *sites_host_of(const struct sites *s, uint16_t host)
{
	const struct host_place *p = sites_host(s, host);
	return p ? p->definition : NULL;
}

static const struct site_place *place_of(const struct sites *s, uint16_t site)
{
	const struct site *at = sites_find(s, site);
	return at ? &s->places[at - s->all] : NULL;
}

uint16_t sites_group(const struct sites *s, uint16_t site)
{
	const struct site_place *p = place_of(s, site);
	return p ? p->group : site;
}

bool sites_has_domain(const struct sites *s, uint16_t site, const char *domain)
{
	const struct site *first = sites_find(s, site);
	if (!first || !domain[0])
		return false;
	size_t begin = (size_t)(first - s->all), at = begin;
	do {
		if (s->places[at].until == INT64_MAX &&
		    site_has_domain(&s->all[at], domain))
			return true;
		at = s->places[at].sibling;
	} while (at != begin);
	return false;
}

void sites_group_name(const struct sites *s, uint16_t group, struct buf *out)
{
	const char *between = "";
	for (size_t i = 0; i < s->count; i++) {
		if (s->places[i].group != group ||
		    (s->places[i].until != INT64_MAX && s->all[i].id != group))
			continue;
		buf_addf(out, "%s%s", between, s->all[i].name);
		between = ", ";
	}
}

bool sites_is_own(const struct sites *s, struct addr a)
{
	return s->own_count > 0 && bsearch(&a, s->own, s->own_count, sizeof(*s->own),
					   addr_compare_any) != NULL;
}

size_t sites_kin(const struct sites *s, uint16_t group, uint16_t ret[SITE_MAX_KIN])
{
	const struct site_place *own = place_of(s, group);
	size_t count = 1;
	ret[0] = group;
	for (size_t i = 0; own && i < s->count && count < SITE_MAX_KIN; i++)
		if (s->places[i].kin == own->kin && s->places[i].was_group &&
		    s->all[i].id != group)
			ret[count++] = s->all[i].id;
	return count;
}
