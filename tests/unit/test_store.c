/* What the judge keeps its many small things in, against the plain way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "old/store.h"

static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13; /* xorshift64, Marsaglia 2003 */
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % below;
}

enum { MOST = 700 };

struct plain {
	uint64_t at[MOST];
	size_t count;
};

/* Takes the least entry at or before the second; 0 when there is none. */
static uint64_t plain_pop(struct plain *p, uint32_t second)
{
	size_t least = 0;
	for (size_t i = 1; i < p->count; i++)
		if (p->at[i] < p->at[least])
			least = i;
	if (p->count == 0 || p->at[least] >> 32 > second)
		return 0;
	uint64_t entry = p->at[least];
	p->at[least] = p->at[--p->count];
	return entry;
}

static void compare_pop(struct dues *d, struct plain *p, uint32_t second)
{
	uint32_t at = 0, id = 0;
	uint64_t want = plain_pop(p, second);
	bool got = dues_pop(d, second, &at, &id);
	assert_int_equal(got, want != 0);
	assert_int_equal(got ? (uint64_t)at << 32 | id : 0, want);
}

static void compare_lists(const struct dues *d, struct plain p)
{
	uint64_t list[MOST];
	dues_list(d, list);
	assert_int_equal(dues_next(d), p.count ? list[0] >> 32 : UINT32_MAX);
	for (size_t i = 0; p.count > 0; i++)
		assert_int_equal(list[i], plain_pop(&p, UINT32_MAX));
}

/* Some are due soon, some a fixed while after now, some whenever; of many the
 * line wraps, grows and runs empty. */
static void dues_come_in_order_however_they_went_in(void **unused)
{
	(void)unused;
	static const uint32_t whiles[] = { 0, 2, 400, 400, 400, 5000 };
	for (unsigned round = 0; round < 20; round++) {
		struct dues d = { 0 };
		struct plain p = { .count = 0 };
		unsigned pushes = 1 + draw(4), whole = draw(5);
		for (uint32_t now = 1; now < 1500; now += draw(3)) {
			for (unsigned i = draw(2 * pushes); i > 0 && p.count < MOST;
			     i--) {
				uint32_t in = whole ? whiles[draw(6)] : draw(6000);
				uint32_t second = now + in, id = draw(1000) + 1;
				dues_push(&d, second, id);
				p.at[p.count++] = (uint64_t)second << 32 | id;
			}
			for (unsigned i = draw(8); i > 0; i--)
				compare_pop(&d, &p, now);
		}
		compare_lists(&d, p);
		while (p.count > 0)
			compare_pop(&d, &p, UINT32_MAX);
		compare_pop(&d, &p, UINT32_MAX);
		dues_release(&d);
	}
}

struct thing {
	uint32_t key, rest;
};

static uint64_t hash_of_key(uint32_t key)
{
	return key * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t thing_hash(const void *table, uint32_t id)
{
	return hash_of_key(((const struct thing *)slab_get(table, id))->key);
}

static bool thing_same(const void *table, uint32_t id, const void *key)
{
	return ((const struct thing *)slab_get(table, id))->key == *(const uint32_t *)key;
}

static void an_index_that_grew_finds_all_it_holds_and_no_more(void **unused)
{
	(void)unused;
	enum { KEYS = 5000 };
	struct slab s = SLAB_INIT(sizeof(struct thing));
	struct index x = { 0 };
	static uint32_t ids[KEYS];
	for (uint32_t key = 0; key < KEYS; key++)
		ids[key] = NOTHING;
	for (unsigned i = 0; i < 30000; i++) {
		uint32_t key = draw(KEYS);
		uint64_t hash = hash_of_key(key);
		assert_int_equal(index_find(&x, hash, thing_same, &s, &key), ids[key]);
		if (ids[key] == NOTHING) {
			ids[key] = slab_take(&s);
			((struct thing *)slab_get(&s, ids[key]))->key = key;
			index_add(&x, hash, ids[key], thing_hash, &s);
		} else if (draw(3) == 0) {
			index_remove(&x, hash, ids[key], thing_hash, &s);
			slab_give(&s, ids[key]);
			ids[key] = NOTHING;
		}
	}
	index_release(&x);
	slab_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dues_come_in_order_however_they_went_in),
		cmocka_unit_test(an_index_that_grew_finds_all_it_holds_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
