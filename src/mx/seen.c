#include "mx/seen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

void seen_init(struct seen *s, const char *domain)
{
	*s = (struct seen){ .mx = MX_UNKNOWN };
	(void)str_copy(s->domain, sizeof(s->domain), domain);
}

void seen_release_hosts(struct seen *s)
{
	for (size_t i = 0; i < s->host_count; i++)
		free(s->hosts[i].addresses);
	free(s->hosts);
	s->hosts = NULL;
	s->host_count = 0;
}

void seen_lend(const struct seen *from, struct seen *to)
{
	*to = *from;
	to->hosts = NULL;
	to->host_count = to->left_out = 0;
}

void seen_release(struct seen *s)
{
	seen_release_hosts(s);
	for (size_t i = 0; i < s->server_count; i++)
		free(s->servers[i].mx);
	free(s->sts_patterns);
	free(s->servers);
	*s = (struct seen){ .mx = MX_UNKNOWN };
}

struct seen_host *seen_add_host(struct seen *s, uint16_t preference, const char *name)
{
	if (s->host_count == SEEN_HOSTS_MAX) {
		s->left_out++;
		return NULL;
	}
	s->hosts = xrealloc(s->hosts, s->host_count + 1, sizeof(*s->hosts));
	struct seen_host *h = &s->hosts[s->host_count++];
	*h = (struct seen_host){ .preference = preference,
				 .role = ROLE_REAL,
				 .place = PLACE_REAL };
	(void)str_copy(h->name, sizeof(h->name), name);
	return h;
}

struct seen_address *seen_add_address(struct seen_host *h, struct addr a)
{
	if (h->address_count == SEEN_ADDRESSES_MAX) {
		h->left_out++;
		return NULL;
	}
	h->addresses =
	    xrealloc(h->addresses, h->address_count + 1, sizeof(*h->addresses));
	struct seen_address *to = &h->addresses[h->address_count++];
	*to = (struct seen_address){ .addr = a };
	h->lookup = HOST_FOUND;
	return to;
}

struct seen_server *seen_add_server(struct seen *s, const char *name, struct endpoint at)
{
	if (s->server_count == SEEN_SERVERS_MAX)
		return NULL;
	s->servers = xrealloc(s->servers, s->server_count + 1, sizeof(*s->servers));
	struct seen_server *to = &s->servers[s->server_count++];
	*to = (struct seen_server){ .at = at };
	(void)str_copy(to->name, sizeof(to->name), name);
	return to;
}

static int compare_mx(const struct seen_mx *a, const struct seen_mx *b)
{
	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return strcmp(a->host, b->host);
}

void seen_add_mx(struct seen_server *v, const struct seen_mx *mx)
{
	v->mx = xrealloc(v->mx, v->mx_count + 1, sizeof(*v->mx));
	size_t at = v->mx_count++;
	for (; at > 0 && compare_mx(&v->mx[at - 1], mx) > 0; at--)
		v->mx[at] = v->mx[at - 1];
	v->mx[at] = *mx;
}

bool seen_same_mx(const struct seen_server *a, const struct seen_server *b)
{
	if (a->mx_count != b->mx_count)
		return false;
	for (size_t i = 0; i < a->mx_count; i++)
		if (compare_mx(&a->mx[i], &b->mx[i]) != 0)
			return false;
	return true;
}

void seen_add_pattern(struct seen *s, const char *pattern)
{
	if (s->sts_count == SEEN_PATTERNS_MAX)
		return;
	s->sts_patterns =
	    xrealloc(s->sts_patterns, s->sts_count + 1, sizeof(*s->sts_patterns));
	(void)str_copy(s->sts_patterns[s->sts_count++], NAME_MAX_TEXT, pattern);
}

bool seen_host_is_open(const struct seen_host *h)
{
	for (size_t i = 0; i < h->address_count; i++)
		if (h->addresses[i].is_known && h->addresses[i].state == STATE_OPEN)
			return true;
	return false;
}

bool seen_host_is_down(const struct seen_host *h)
{
	if (h->lookup == HOST_MISSING)
		return true;
	bool known = false;
	for (size_t i = 0; i < h->address_count; i++)
		known = known || h->addresses[i].is_known;
	return known && !seen_host_is_open(h);
}

bool seen_roles_are_known(const struct seen *s)
{
	for (size_t i = 0; i < s->host_count; i++) {
		if (s->hosts[i].is_declared)
			return true;
		for (size_t j = 0; j < s->hosts[i].address_count; j++)
			if (s->hosts[i].addresses[j].is_known)
				return true;
	}
	return s->host_count == 0;
}

bool seen_is_called_decoy(const char *name)
{
	static const char *const words[] = { "fake", "decoy", "nolist", "dummymx",
					     "honeymx" };
	char label[NAME_MAX_TEXT];
	size_t n = strcspn(name, ".");
	memcpy(label, name, n);
	label[n] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(label, words[i]))
			return true;
	return false;
}

bool seen_sts_lists(const struct seen *s, const char *host)
{
	for (size_t i = 0; i < s->sts_count; i++) {
		const char *pattern = s->sts_patterns[i];
		/* "*." stands for exactly one label. */
		const char *rest =
		    strncmp(pattern, "*.", 2) == 0 ? strchr(host, '.') : NULL;
		if (strcasecmp(rest ? rest : host, rest ? pattern + 1 : pattern) == 0)
			return true;
	}
	return false;
}

static int by_preference(const void *a, const void *b)
{
	const struct seen_host *x = a, *y = b;
	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Open here and closed there is neither a decoy nor well. */
static bool is_open_throughout(const struct seen_host *h)
{
	for (size_t i = 0; i < h->address_count; i++)
		if (h->addresses[i].is_known && h->addresses[i].state != STATE_OPEN)
			return false;
	return seen_host_is_open(h);
}

/* Where a host stands alone, while another one is open; a host that is the only
 * one is at no end. Of hosts that are called like decoys several may stand there. */
enum end { END_NONE, END_FIRST, END_LAST };

static enum end end_of(const struct seen *s, size_t at)
{
	const struct seen_host *h = &s->hosts[at];
	bool first = true, last = true, other_open = false;
	bool is_called = seen_is_called_decoy(h->name);
	for (size_t i = 0; i < s->host_count; i++) {
		if (i == at || (is_called && seen_is_called_decoy(s->hosts[i].name)))
			continue;
		first = first && s->hosts[i].preference > h->preference;
		last = last && s->hosts[i].preference < h->preference;
		other_open = other_open || seen_host_is_open(&s->hosts[i]);
	}
	return !other_open ? END_NONE : last ? END_LAST : first ? END_FIRST : END_NONE;
}

/*
 * What its owner did not declare. Alone at one end of the list, and somebody
 * else is open: called like a decoy, it is one, even if it greets (who defers
 * recipients does). Not called so and down: behind all others it may be a decoy
 * or a backup that is down, in front of them it is a primary that is down unless
 * somebody says otherwise.
 */
static bool looks_like_decoy(const struct seen *s, size_t at)
{
	const struct seen_host *h = &s->hosts[at];
	enum end end = end_of(s, at);
	if (end == END_NONE)
		return false;
	if (seen_is_called_decoy(h->name) && is_open_throughout(h))
		return true;
	return seen_host_is_down(h) && (end == END_LAST || seen_is_called_decoy(h->name));
}

bool seen_wants_second_look(const struct seen *s, size_t host)
{
	const struct seen_host *h = &s->hosts[host];
	for (size_t i = 0; i < h->address_count; i++)
		if (h->addresses[i].is_known && (h->addresses[i].state == STATE_DEAD ||
						 h->addresses[i].state == STATE_SILENT))
			return false; /* that took ten seconds already */
	return !h->is_declared && !h->is_down_again && !seen_is_called_decoy(h->name) &&
	       seen_host_is_down(h) && end_of(s, host) != END_NONE;
}

static void settle_places(struct seen *s)
{
	uint16_t best = UINT16_MAX, worst = 0;
	bool has_real = false;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct seen_host *h = &s->hosts[i];
		if (h->role != ROLE_REAL)
			continue;
		has_real = true;
		best = h->preference < best ? h->preference : best;
		worst = h->preference > worst ? h->preference : worst;
	}
	for (size_t i = 0; i < s->host_count; i++) {
		struct seen_host *h = &s->hosts[i];
		h->place = PLACE_REAL;
		if (h->role == ROLE_DECOY && has_real && h->preference < best)
			h->place = PLACE_LOW;
		else if (h->role == ROLE_DECOY && has_real && h->preference > worst)
			h->place = PLACE_HIGH;
	}
}

void seen_settle(struct seen *s)
{
	if (s->host_count > 1)
		qsort(s->hosts, s->host_count, sizeof(*s->hosts), by_preference);
	for (size_t i = 0; i < s->host_count; i++) {
		struct seen_host *h = &s->hosts[i];
		bool looks = looks_like_decoy(s, i);
		h->role = h->is_declared || looks ? ROLE_DECOY : ROLE_REAL;
		h->is_guessed =
		    looks && !h->is_declared && !seen_is_called_decoy(h->name);
	}
	settle_places(s);
	bool low = false, high = false;
	for (size_t i = 0; i < s->host_count; i++) {
		low = low || s->hosts[i].place == PLACE_LOW;
		high = high || s->hosts[i].place == PLACE_HIGH;
	}
	s->layout = low && high ? LAYOUT_BOTH
		    : low       ? LAYOUT_LOW
		    : high      ? LAYOUT_HIGH
				: LAYOUT_NONE;
}
