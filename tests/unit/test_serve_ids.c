#include "serve/ids.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { HOSTS = 3 };

static struct host host(const char *name)
{
	struct host h = { .role = ROLE_REAL };
	(void)snprintf(h.name, sizeof(h.name), "%s", name);
	return h;
}

/* hosts are borrowed: never site_release() these. */
static struct site site(const char *name, struct host *hosts, size_t count)
{
	struct site s = { .hosts = hosts, .host_count = count };
	(void)snprintf(s.name, sizeof(s.name), "%s", name);
	return s;
}

static void new_names_get_the_next_numbers(void **state)
{
	(void)state;
	struct host a[] = { host("mail.a.example"), host("fake.a.example") };
	struct host b[] = { host("mail.b.example") };
	struct site sites[] = { site("a", a, 2), site("b", b, 1) };
	struct ids *ids = ids_new();
	assert_int_equal(ids_give(ids, sites, 2, NULL), 0);
	assert_int_equal(sites[0].id, 1);
	assert_int_equal(sites[1].id, 2);
	assert_int_equal(a[0].id, 1);
	assert_int_equal(a[1].id, 2);
	assert_int_equal(b[0].id, 3);
	ids_free(ids);
}

static void a_name_keeps_its_number_in_any_order_and_case(void **state)
{
	(void)state;
	struct host before[] = { host("mail.a.example"), host("fake.a.example") };
	struct host after[] = { host("Fake.A.example"), host("mail.a.example") };
	struct site old = site("a", before, 2), new = site("A", after, 2);
	struct ids *ids = ids_new();
	assert_int_equal(ids_give(ids, &old, 1, NULL), 0);
	assert_int_equal(ids_give(ids, &new, 1, NULL), 0);
	assert_int_equal(new.id, old.id);
	assert_int_equal(after[0].id, before[1].id);
	assert_int_equal(after[1].id, before[0].id);
	ids_free(ids);
}

static void a_number_is_never_used_again(void **state)
{
	(void)state;
	struct host all[] = { host("mail.a.example"), host("old.a.example") };
	struct host fewer[] = { host("mail.a.example") };
	struct host again[] = { host("new.a.example"), host("old.a.example") };
	struct site s = site("a", all, 2);
	struct ids *ids = ids_new();
	assert_int_equal(ids_give(ids, &s, 1, NULL), 0);
	s = site("a", fewer, 1);
	assert_int_equal(ids_give(ids, &s, 1, NULL), 0);
	s = site("a", again, 2);
	assert_int_equal(ids_give(ids, &s, 1, NULL), 0);
	assert_int_equal(again[0].id, 3);
	assert_int_equal(again[1].id, 2); /* the same host as before */
	ids_free(ids);
}

static void the_same_host_in_another_site_has_a_number_of_its_own(void **state)
{
	(void)state;
	struct host a[] = { host("mail.example") }, b[] = { host("mail.example") };
	struct site sites[] = { site("a", a, 1), site("b", b, 1) };
	struct ids *ids = ids_new();
	assert_int_equal(ids_give(ids, sites, 2, NULL), 0);
	assert_int_not_equal(a[0].id, b[0].id);
	ids_free(ids);
}

static void what_the_journal_knew_is_learnt_first(void **state)
{
	(void)state;
	struct host old[] = { host("mail.a.example") };
	old[0].id = 7;
	struct site then = site("a", old, 1);
	then.id = 4;
	struct host hosts[] = { host("mail.a.example"), host("gone.a.example"),
				host("new.a.example") };
	struct site now[] = { site("a", hosts, HOSTS) };
	struct ids *ids = ids_new();
	ids_learn(ids, &then);
	ids_learn_host(ids, 4, "gone.a.example", 9);
	assert_int_equal(ids_give(ids, now, 1, NULL), 0);
	assert_int_equal(now[0].id, 4);
	assert_int_equal(hosts[0].id, 7);
	assert_int_equal(hosts[1].id, 9);
	assert_int_equal(hosts[2].id, 10);
	ids_free(ids);
}

static void the_last_number_is_followed_by_a_refusal(void **state)
{
	(void)state;
	struct host one[] = { host("mail.b.example") };
	struct site s = site("b", one, 1);
	struct error e;
	struct ids *ids = ids_new();
	ids_learn_host(ids, 1, "mail.a.example", UINT16_MAX);
	assert_int_equal(ids_give(ids, &s, 1, &e), -ERANGE);
	assert_non_null(strstr(e.text, "no number left"));
	ids_free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_names_get_the_next_numbers),
		cmocka_unit_test(a_name_keeps_its_number_in_any_order_and_case),
		cmocka_unit_test(a_number_is_never_used_again),
		cmocka_unit_test(the_same_host_in_another_site_has_a_number_of_its_own),
		cmocka_unit_test(what_the_journal_knew_is_learnt_first),
		cmocka_unit_test(the_last_number_is_followed_by_a_refusal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
