#include "mx/order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Which failure comes first in the first order: it should be a bad one, for
 * the sets that have more orders than are looked at. Open comes last. */
static const uint8_t rank[STATE_COUNT] = {
	[STATE_REJECT] = 0,      [STATE_DEFER_HELO] = 1, [STATE_DEFER_MAIL] = 2,
	[STATE_DEFER_RCPT] = 3,  [STATE_BUSY] = 4,       [STATE_BANNER_CLOSE] = 5,
	[STATE_RESET] = 6,       [STATE_SILENT] = 7,     [STATE_DEAD] = 8,
	[STATE_UNREACHABLE] = 9, [STATE_CLOSED] = 10,    [STATE_OPEN] = 11,
};

static unsigned address_look(const struct attempt_target *t)
{
	return rank[t->state] * 2u + !t->is_v6;
}

static bool is_by_host(enum profile_order kind)
{
	return kind == ORDER_HOSTS_V6_FIRST;
}

/* Positive if a comes after b whatever is shuffled. */
static int compare_places(enum profile_order kind, const struct attempt_target *a,
			  const struct attempt_target *b)
{
	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	if (is_by_host(kind) && a->host != b->host)
		return a->host - b->host;
	if (kind == ORDER_MIXED)
		return 0;
	return b->is_v6 - a->is_v6;
}

/* Insertion sort: stable, and small inputs. */
static void sort_targets(struct order *o, enum profile_order kind)
{
	for (size_t i = 1; i < o->len; i++) {
		struct attempt_target t = o->targets[i];
		size_t k = i;
		for (; k > 0; k--) {
			int c = compare_places(kind, &o->targets[k - 1], &t);
			if (c < 0 || (c == 0 && address_look(&o->targets[k - 1]) <=
						    address_look(&t)))
				break;
			o->targets[k] = o->targets[k - 1];
		}
		o->targets[k] = t;
	}
}

static void add_group(struct order *o, size_t from, size_t len)
{
	if (len > 1)
		o->groups[o->groups_len++] =
		    (struct order_group){ .from = (uint8_t)from, .len = (uint8_t)len };
}

static int compare_units(const struct order *o, size_t a, size_t b)
{
	for (size_t i = 0; i < o->unit_len[a] && i < o->unit_len[b]; i++) {
		unsigned la = address_look(&o->targets[o->unit[a] + i]);
		unsigned lb = address_look(&o->targets[o->unit[b] + i]);
		if (la != lb)
			return la < lb ? -1 : 1;
	}
	return o->unit_len[a] - o->unit_len[b];
}

/* look[u] numbers the units of a group so that numbers compare as units do. */
static void number_looks(struct order *o, size_t from, size_t len)
{
	for (size_t i = from; i < from + len; i++) {
		uint16_t below = 0;
		for (size_t k = from; k < from + len; k++)
			below = (uint16_t)(below + (compare_units(o, k, i) < 0));
		o->look[i] = below;
	}
}

static void swap_units(struct order *o, size_t a, size_t b)
{
	uint8_t unit = o->unit[a], len = o->unit_len[a];
	uint16_t look = o->look[a];
	o->unit[a] = o->unit[b], o->unit_len[a] = o->unit_len[b], o->look[a] = o->look[b];
	o->unit[b] = unit, o->unit_len[b] = len, o->look[b] = look;
}

static void swap_targets(struct order *o, size_t a, size_t b)
{
	struct attempt_target t = o->targets[a];
	o->targets[a] = o->targets[b];
	o->targets[b] = t;
}

static void make_units(struct order *o, enum profile_order kind)
{
	for (size_t i = 0; i < o->len;) {
		size_t n = 1;
		while (is_by_host(kind) && i + n < o->len &&
		       o->targets[i + n].host == o->targets[i].host)
			n++;
		o->unit[o->units_len] = (uint8_t)i;
		o->unit_len[o->units_len++] = (uint8_t)n;
		i += n;
	}
}

/* Units that may change places: same preference and, where the family decides
 * before the host does, same family. */
static bool is_same_group(const struct order *o, enum profile_order kind, size_t a,
			  size_t b)
{
	const struct attempt_target *ta = &o->targets[o->unit[a]],
				    *tb = &o->targets[o->unit[b]];
	return ta->preference == tb->preference &&
	       (kind != ORDER_V6_FIRST || ta->is_v6 == tb->is_v6);
}

static void make_groups(struct order *o, enum profile_order kind)
{
	for (size_t i = 0, n; i < o->units_len; i += n) {
		for (n = 1; i + n < o->units_len && is_same_group(o, kind, i, i + n);)
			n++;
		number_looks(o, i, n);
		for (size_t a = i; a < i + n; a++)
			for (size_t b = a + 1; b < i + n; b++)
				if (o->look[b] < o->look[a])
					swap_units(o, a, b);
		add_group(o, i, n);
	}
	o->unit_groups = o->groups_len;
	if (!is_by_host(kind))
		return;
	for (size_t u = 0; u < o->units_len; u++) {
		size_t i = o->unit[u], end = i + o->unit_len[u];
		for (size_t n; i < end; i += n) {
			for (n = 1; i + n < end &&
				    o->targets[i + n].is_v6 == o->targets[i].is_v6;)
				n++;
			add_group(o, i, n);
		}
	}
}

void order_init(struct order *o, enum profile_order kind,
		const struct attempt_target *targets, size_t len)
{
	assert(len <= ATTEMPT_TARGETS_MAX);
	memset(o, 0, sizeof(*o));
	memcpy(o->targets, targets, len * sizeof(*targets));
	o->len = len;
	sort_targets(o, kind);
	make_units(o, kind);
	make_groups(o, kind);
}

void order_apply(const struct order *o, struct attempt_target *ret_targets)
{
	size_t n = 0;
	for (size_t u = 0; u < o->units_len; u++) {
		memcpy(ret_targets + n, o->targets + o->unit[u],
		       o->unit_len[u] * sizeof(*ret_targets));
		n += o->unit_len[u];
	}
}

static unsigned look_at(const struct order *o, bool of_units, size_t i)
{
	return of_units ? o->look[i] : address_look(&o->targets[i]);
}

static void swap_at(struct order *o, bool of_units, size_t a, size_t b)
{
	if (of_units)
		swap_units(o, a, b);
	else
		swap_targets(o, a, b);
}

/* The next permutation in ascending order of looks, which passes over those
 * that differ only in which of two alike comes first. False, and back to the
 * first one, after the last. */
static bool permute(struct order *o, const struct order_group *g, bool of_units)
{
	size_t from = g->from, last = from + g->len - 1u, i = last;
	while (i > from && look_at(o, of_units, i - 1) >= look_at(o, of_units, i))
		i--;
	bool is_new = i > from;
	if (is_new) {
		size_t k = last;
		while (look_at(o, of_units, k) <= look_at(o, of_units, i - 1))
			k--;
		swap_at(o, of_units, i - 1, k);
	}
	for (size_t a = i, b = last; a < b; a++, b--)
		swap_at(o, of_units, a, b);
	return is_new;
}

bool order_next(struct order *o)
{
	if (++o->orders >= ORDER_MAX)
		return false;
	for (size_t g = 0; g < o->groups_len; g++)
		if (permute(o, &o->groups[g], g < o->unit_groups)) {
			o->arrangement += g >= o->unit_groups;
			return true;
		}
	return false;
}
