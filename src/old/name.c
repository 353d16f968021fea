#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "old/judge_internal.h"

enum { ALLOWED_MAX = 100000 };

static struct name *name_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->names, id);
}

static struct domain *domain_at(const struct judge *j, uint32_t id)
{
	return slab_get(&j->domains, id);
}

uint64_t name_hash(const void *table, uint32_t id)
{
	return addr_hash(((const struct name *)slab_get(table, id))->client);
}

static bool name_same(const void *table, uint32_t id, const void *key)
{
	return memcmp(slab_get(table, id), key, sizeof(struct addr)) == 0;
}

uint32_t name_find(const struct judge *j, struct addr client)
{
	return index_find(&j->name_index, addr_hash(client), name_same, &j->names,
			  &client);
}

const struct name *name_of(const struct judge *j, const struct sender *s)
{
	return s->name == NOTHING ? NULL : name_at(j, s->name);
}

uint64_t domain_hash(const void *table, uint32_t id)
{
	return hash_name(((const struct domain *)slab_get(table, id))->text);
}

static bool domain_same(const void *table, uint32_t id, const void *key)
{
	return strcasecmp(((const struct domain *)slab_get(table, id))->text, key) == 0;
}

/* FNV-1a: kept across processes, so not our keyed hash. Who makes two names
 * collide only makes himself look like a mail server. */
uint32_t name_mark(const char *name)
{
	uint32_t h = UINT32_C(2166136261);
	for (const char *p = name; *p; p++) {
		unsigned char c = (unsigned char)*p;
		c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
		h = (h ^ c) * UINT32_C(16777619);
	}
	return h ? h : 1;
}

uint32_t domain_take(struct judge *j, const char *text)
{
	uint64_t hash = hash_name(text);
	uint32_t id = index_find(&j->domain_index, hash, domain_same, &j->domains, text);
	if (id != NOTHING)
		return id;
	id = slab_take(&j->domains);
	*domain_at(j, id) = (struct domain){ .text = xstrdup(text), .first = NOTHING };
	j->name_bytes += strlen(text) + 1;
	index_add(&j->domain_index, hash, id, domain_hash, &j->domains);
	return id;
}

void domain_join(struct judge *j, uint32_t name, uint32_t domain)
{
	struct name *n = name_at(j, name);
	n->domain = domain;
	n->next_in_domain = domain_at(j, domain)->first;
	domain_at(j, domain)->first = name;
}

/* The last of its names takes the domain with it. */
static void domain_leave(struct judge *j, uint32_t name)
{
	struct name *n = name_at(j, name);
	if (n->domain == NOTHING)
		return;
	uint32_t id = n->domain, *at = &domain_at(j, id)->first;
	while (*at != name)
		at = &name_at(j, *at)->next_in_domain;
	*at = n->next_in_domain;
	n->domain = n->next_in_domain = NOTHING;
	if (domain_at(j, id)->first != NOTHING)
		return;
	index_remove(&j->domain_index, domain_hash(&j->domains, id), id, domain_hash,
		     &j->domains);
	j->name_bytes -= strlen(domain_at(j, id)->text) + 1;
	free(domain_at(j, id)->text);
	slab_give(&j->domains, id);
}

void name_drop(struct judge *j, uint32_t id)
{
	struct name *n = name_at(j, id);
	assert(n->refs == 0);
	domain_leave(j, id);
	index_remove(&j->name_index, name_hash(&j->names, id), id, name_hash, &j->names);
	j->name_bytes -= strlen(n->text) + 1;
	free(n->text);
	slab_give(&j->names, id);
}

static uint32_t name_take(struct judge *j, struct addr client)
{
	uint32_t id = name_find(j, client);
	if (id != NOTHING || j->names.count >= j->rules.max_senders)
		return id;
	id = slab_take(&j->names);
	*name_at(j, id) = (struct name){
		.client = client,
		.text = xstrdup(""),
		.domain = NOTHING,
		.next_in_domain = NOTHING,
	};
	j->name_bytes++;
	index_add(&j->name_index, addr_hash(client), id, name_hash, &j->names);
	return id;
}

static void set_text(struct judge *j, struct name *n, const char *text)
{
	char copy[NAME_MAX_TEXT];
	(void)str_copy(copy, sizeof(copy), text); /* longer is no name */
	j->name_bytes += strlen(copy) - strlen(n->text);
	free(n->text);
	n->text = xstrdup(copy);
}

/* What the address did before its name was known counts for its domain too. */
static void tell_domain(struct judge *j, uint32_t sender)
{
	const struct sender *s = sender_at(j, sender);
	struct contact c = { sender, s->run.from, s->run.to, true };
	if (s->accepted)
		pool_accept(j, sender, s->accepted);
	if (s->run.to) {
		pool_contact(j, &c);
		pool_ask_again(j, &c, POOL_STOPPED | POOL_LISTED | POOL_ACCUSED);
	}
	settle(j, sender);
	pool_flag(j, s);
}

/* Its domain is about to be another. */
static void disown(struct judge *j, struct addr client)
{
	for (size_t g = 0; g < j->site_count; g++) {
		uint32_t id = sender_find(j, client, (uint16_t)g);
		if (id != NOTHING)
			domain_disown(j, sender_at(j, id));
	}
}

void name_learn(struct judge *j, const struct record_name *n)
{
	bool says_nothing = !n->name[0] && !n->spf_passes;
	if (says_nothing && name_find(j, n->client) == NOTHING)
		return; /* most bots; not worth the memory */
	uint32_t id = name_take(j, n->client);
	if (id == NOTHING)
		return; /* no room */
	struct name *name = name_at(j, id);
	set_text(j, name, n->name);
	name->is_confirmed = n->is_confirmed && n->name[0];
	name->is_generic = n->is_generic;
	name->spf_passes = n->spf_passes;
	name->seen = second_down(j->now);
	/* A name made from the address is nobody's domain; but both families of a
	 * machine may have it. */
	const char *shared = n->is_generic ? n->name : n->domain;
	bool has_pool = name->is_confirmed && shared[0] && strlen(shared) < NAME_MAX_TEXT;
	uint32_t domain = has_pool ? domain_take(j, shared) : NOTHING;
	if (domain != name->domain) {
		disown(j, n->client);
		domain_leave(j, id);
		if (domain != NOTHING)
			domain_join(j, id, domain);
	}
	for (size_t g = 0; g < j->site_count; g++) {
		uint32_t sender = sender_find(j, n->client, (uint16_t)g);
		if (sender == NOTHING)
			continue;
		struct sender *s = sender_at(j, sender);
		name->refs += s->name == NOTHING;
		s->name = id;
		tell_domain(j, sender);
	}
}

static struct allowed *find_allowed(struct judge *j, const char *text)
{
	for (size_t i = 0; i < j->allowed_count; i++)
		if (strcasecmp(j->allowed[i].text, text) == 0)
			return &j->allowed[i];
	return NULL;
}

static bool name_is_within(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);
	if (d == 0 || n < d || strcasecmp(name + n - d, domain) != 0)
		return false;
	return n == d || name[n - d - 1] == '.';
}

static bool allows(const struct allowed *a, struct addr client, const struct name *n)
{
	if (a->is_prefix)
		return prefix_has(a->prefix, client);
	return n && n->is_confirmed && name_is_within(n->text, a->text);
}

bool name_is_allowed(const struct judge *j, struct addr client)
{
	uint32_t id = j->names.count ? name_find(j, client) : NOTHING;
	for (size_t i = 0; i < j->allowed_count; i++)
		if (allows(&j->allowed[i], client, id == NOTHING ? NULL : name_at(j, id)))
			return true;
	return false;
}

bool judge_is_allowed(const struct judge *j, struct addr client)
{
	return name_is_allowed(j, client);
}

static void settle_all(struct judge *j)
{
	for (uint32_t id = 0; id < j->senders.top; id++)
		if (sender_at(j, id)->flags & SENDER_USED)
			settle(j, id);
}

void name_allow(struct judge *j, const struct record *r)
{
	struct allowed a = { .text = NULL };
	char text[PREFIX_TEXT_MAX];
	a.is_prefix = prefix_parse(r->text, &a.prefix);
	const char *key = a.is_prefix ? prefix_text(a.prefix, text) : r->text;
	struct allowed *old = find_allowed(j, key);
	if (!r->is_ok && old) {
		free(old->text);
		*old = j->allowed[--j->allowed_count];
	} else if (r->is_ok && !old && j->allowed_count < ALLOWED_MAX) {
		a.text = xstrdup(key);
		j->allowed =
		    xrealloc(j->allowed, j->allowed_count + 1, sizeof(*j->allowed));
		j->allowed[j->allowed_count++] = a;
		settle_all(j);
	}
}

/*
 * What is forgotten is gone from the journal too, so a replay cannot know whom
 * it excused. It excuses its pool for all the past: here, and in every replay.
 */
static void forget_sender(struct judge *j, struct addr client, uint16_t group)
{
	uint32_t id = sender_find(j, client, group);
	if (id != NOTHING)
		listing_withdraw(j, sender_at(j, id), REASON_FORGOTTEN);
	else
		id = sender_take(j, client, group);
	struct contact c = { id, 1, second_up(j->now), true };
	pool_contact(j, &c);
	pool_ask_again(j, &c, POOL_STOPPED | POOL_LISTED | POOL_ACCUSED);
	sender_drop(j, id);
}

static void forget_client(struct judge *j, struct addr client)
{
	for (size_t g = 0; g < j->site_count; g++)
		if (j->sites[g]->group == g)
			forget_sender(j, client, (uint16_t)g);
	letter_forget(j, client);
	uint32_t name = name_find(j, client);
	if (name != NOTHING)
		name_drop(j, name);
}

/* An address; or a name or domain, with all that lies below. */
void name_forget(struct judge *j, const char *what)
{
	struct addr client;
	if (addr_parse(what, &client)) {
		forget_client(j, client);
		return;
	}
	for (uint32_t id = 0; id < j->names.top; id++) {
		const struct name *n = name_at(j, id);
		if (n->text && name_is_within(n->text, what))
			forget_client(j, n->client);
	}
}
