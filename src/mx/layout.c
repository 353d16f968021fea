#include "mx/layout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const roles[] = {
	[ROLE_REAL] = "real",
	[ROLE_DECOY] = "decoy",
	[ROLE_CONTROL] = "control",
};

static const char *const layouts[] = {
	[LAYOUT_NONE] = "none",
	[LAYOUT_HIGH] = "high",
	[LAYOUT_LOW] = "low",
	[LAYOUT_BOTH] = "both",
};

static const char *const postures[] = {
	[POSTURE_CLOSED] = "closed",
	[POSTURE_RESET] = "reset",
	[POSTURE_BUSY] = "busy",
	[POSTURE_DEFER] = "defer",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The index of text in names, or -1. */
static int find_word(const char *const *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -1;
}

const char *role_name(enum role r)
{
	assert((size_t)r < COUNT(roles));
	return roles[r];
}

const char *layout_name(enum layout l)
{
	assert((size_t)l < COUNT(layouts));
	return layouts[l];
}

const char *posture_name(enum posture p)
{
	assert((size_t)p < COUNT(postures));
	return postures[p];
}

bool role_parse(const char *text, enum role *ret_role)
{
	int i = find_word(roles, COUNT(roles), text);
	if (i >= 0)
		*ret_role = (enum role)i;
	return i >= 0;
}

bool layout_parse(const char *text, enum layout *ret_layout)
{
	/* Many take a low number for a low priority: by when it is tried. */
	if (strcmp(text, "last") == 0)
		text = layout_name(LAYOUT_HIGH);
	else if (strcmp(text, "first") == 0)
		text = layout_name(LAYOUT_LOW);
	int i = find_word(layouts, COUNT(layouts), text);
	if (i >= 0)
		*ret_layout = (enum layout)i;
	return i >= 0;
}

bool posture_parse(const char *text, enum posture *ret_posture)
{
	int i = find_word(postures, COUNT(postures), text);
	if (i >= 0)
		*ret_posture = (enum posture)i;
	return i >= 0;
}

bool host_watches(const struct host *h, const char *watch)
{
	for (size_t i = 0; i < h->also_count; i++)
		if (strcmp(h->also[i], watch) == 0)
			return true;
	return strcmp(h->watch, watch) == 0;
}

bool host_is_watched(const struct host *h)
{
	return h->role != ROLE_REAL || h->watch[0] != '\0';
}

bool host_has_address(const struct host *h, struct addr a)
{
	for (size_t i = 0; i < h->address_count; i++)
		if (addr_equal(h->addresses[i].addr, a))
			return true;
	return false;
}

static int compare_domains(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void site_sort_domains(struct site *s)
{
	if (s->domain_count)
		qsort(s->domains, s->domain_count, sizeof(*s->domains), compare_domains);
}

bool site_has_domain(const struct site *s, const char *domain)
{
	return s->domain_count && bsearch(&domain, s->domains, s->domain_count,
					  sizeof(*s->domains), compare_domains);
}

const struct host *site_set_places(struct site *s)
{
	unsigned best = UINT16_MAX + 1u, worst = 0;
	for (size_t i = 0; i < s->host_count; i++)
		if (s->hosts[i].role == ROLE_REAL) {
			unsigned preference = s->hosts[i].preference;
			best = preference < best ? preference : best;
			worst = preference > worst ? preference : worst;
		}
	const struct host *misfit = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		struct host *h = &s->hosts[i];
		h->place = h->role == ROLE_REAL      ? PLACE_REAL
			   : h->role == ROLE_CONTROL ? PLACE_CONTROL
			   : h->preference < best    ? PLACE_LOW
						     : PLACE_HIGH;
		bool is_between = h->preference >= best && h->preference <= worst;
		if (h->role == ROLE_DECOY && is_between && !misfit)
			misfit = h;
	}
	return misfit;
}

void site_release(struct site *s)
{
	for (size_t i = 0; i < s->domain_count; i++)
		free(s->domains[i]);
	free(s->domains);
	free(s->hosts);
	*s = (struct site){ 0 };
}
