#include "journal_case.h"

static const struct host_row mail = { ROLE_REAL, 10, "mail.example.com", "198.51.100.25",
				      false };
static const struct host_row fake = { ROLE_DECOY, 20, "fake.example.com", "198.51.100.30",
				      false };
static const struct host_row other_mail = { ROLE_REAL, 10, "mail.example.net",
					    "198.51.100.125", false };
static const struct host_row other_fake = { ROLE_DECOY, 20, "fake.example.net",
					    "198.51.100.130", false };

static struct sites loaded(struct db *db)
{
	struct error e = { 0, "" };
	struct sites s;
	ok(sites_load(db, &s, &e), &e);
	return s;
}

static void names_keep_their_numbers(void **state)
{
	struct db *db = case_open(*state, DB_WRITE);
	struct site a[] = { a_site("a", (struct host_row[]){ mail, fake }, 2),
			    a_site("b", (struct host_row[]){ other_mail, other_fake },
				   2) };
	define(db, a, 2, T0);
	assert_int_equal(a[0].id, 1);
	assert_int_equal(a[1].hosts[1].id, 4);
	/* b is gone; a has a host more, and comes after a new site. */
	struct site b[] = {
		a_site("c",
		       (struct host_row[]){ { ROLE_REAL, 1, "c", "203.0.113.1", false } },
		       1),
		a_site("a",
		       (struct host_row[]){
			   fake, mail, { ROLE_REAL, 11, "m2", "203.0.113.2", false } },
		       3),
	};
	define(db, b, 2, T0 + STAMP_HOUR);
	assert_int_equal(b[0].id, 3);
	assert_int_equal(b[0].hosts[0].id, 5);
	assert_int_equal(b[1].id, 1);
	assert_int_equal(b[1].hosts[0].id, 2);
	assert_int_equal(b[1].hosts[1].id, 1);
	assert_int_equal(b[1].hosts[2].id, 6);

	struct sites s = loaded(db);
	assert_int_equal(s.count, 3);
	assert_int_equal(s.host_count, 6);
	assert_int_equal(sites_host(&s, 3)->until, T0 + STAMP_HOUR);
	assert_int_equal(sites_host(&s, 3)->role, ROLE_REAL);
	assert_string_equal(sites_host_of(&s, 3)->name, "mail.example.net");
	assert_int_equal(sites_host(&s, 1)->until, INT64_MAX);
	assert_int_equal(sites_host(&s, 2)->place, PLACE_HIGH);
	assert_true(sites_is_own(&s, address("198.51.100.125"))); /* formerly */
	assert_false(sites_is_own(&s, address("198.51.100.126")));
	assert_null(sites_host(&s, 7));
	sites_release(&s);
	/* b comes back as it was. */
	struct site c[] = { a_site("b", (struct host_row[]){ other_mail, other_fake },
				   2) };
	define(db, c, 1, T0 + 2 * STAMP_HOUR);
	assert_int_equal(c[0].id, 2);
	assert_int_equal(c[0].hosts[0].id, 3);
	for (int i = 0; i < 2; i++) {
		site_release(&a[i]);
		site_release(&b[i]);
	}
	site_release(&c[0]);
	db_close(db);
}

static void a_changed_set_of_real_hosts_is_a_span(void **state)
{
	static const struct host_row moved = { ROLE_REAL, 10, "mail.example.com",
					       "203.0.113.25", false };
	const char *const spans = "SELECT count(*) FROM span WHERE kind = 4";
	struct db *db = case_open(*state, DB_WRITE);
	struct site s = a_site("a", (struct host_row[]){ mail, fake }, 2);
	define(db, &s, 1, T0);
	define(db, &s, 1, T0 + STAMP_MINUTE);
	assert_string_equal(asked(db, spans), "0"); /* its first definition is none */
	assert_string_equal(asked(db, "SELECT sum(resweep) FROM grp"), "0");
	site_release(&s);
	s = a_site("a", (struct host_row[]){ mail, fake, other_fake }, 3);
	define(db, &s, 1, T0 + STAMP_HOUR);
	assert_string_equal(asked(db, spans), "0"); /* a decoy is no change of these */
	assert_string_equal(asked(db, "SELECT sum(resweep) FROM grp"), "1");
	site_release(&s);
	s = a_site("a", (struct host_row[]){ moved, fake }, 2);
	s.mx_ttl = 25 * STAMP_HOUR;
	define(db, &s, 1, T0 + 2 * STAMP_HOUR);
	assert_string_equal(asked(db, spans), "1");
	assert_string_equal(
	    asked(db, "SELECT (until - since) / 3600000000 FROM span WHERE kind = 4"),
	    "50");
	site_release(&s);
	db_close(db);
}

static void sites_that_share_an_address_are_one_group_and_kin_for_ever(void **state)
{
	uint16_t kin[SITE_MAX_KIN];
	struct db *db = case_open(*state, DB_WRITE);
	struct site a[] = { a_site("a", (struct host_row[]){ mail, fake }, 2),
			    a_site("b", (struct host_row[]){ other_mail, other_fake },
				   2) };
	define(db, a, 2, T0);
	struct sites s = loaded(db);
	assert_int_equal(sites_group(&s, 2), 2);
	assert_int_equal(sites_kin(&s, 2, kin), 1);
	sites_release(&s);

	struct site b[] = { a_site("a", (struct host_row[]){ mail, fake }, 2),
			    a_site("b", (struct host_row[]){ other_mail, fake }, 2) };
	define(db, b, 2, T0 + 1);
	s = loaded(db);
	assert_int_equal(sites_group(&s, 2), 1);
	assert_int_equal(sites_host(&s, 3)->group, 1);
	assert_int_equal(sites_kin(&s, 1, kin), 2);
	assert_int_equal(kin[1], 2);
	/* The decoys at one address are one machine. */
	assert_int_equal(s.hosts[sites_host(&s, 2)->sibling].host, 5);
	struct buf name = BUF_INIT(1000);
	sites_group_name(&s, 1, &name);
	assert_string_equal(buf_text(&name), "a, b");
	buf_release(&name);
	sites_release(&s);

	define(db, a, 2, T0 + 2);
	s = loaded(db);
	assert_int_equal(sites_group(&s, 2), 2);
	assert_int_equal(sites_kin(&s, 2, kin), 2);
	assert_int_equal(kin[0], 2);
	assert_int_equal(kin[1], 1);
	sites_release(&s);
	for (int i = 0; i < 2; i++) {
		site_release(&a[i]);
		site_release(&b[i]);
	}
	db_close(db);
}

static void a_start_is_a_span_of_each_site(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct rules r = rules_default();
	struct site s = an_example();
	r.patience = STAMP_HOUR;
	ok(sites_define(db, &s, 1, &r, T0, true, &e), &e);
	assert_string_equal(
	    asked(db, "SELECT (until - since) / 1000000 FROM span WHERE kind = 5"), "60");
	struct sites all = loaded(db);
	assert_true(all.rules.patience == STAMP_HOUR);
	assert_int_equal(all.generation, 1);
	sites_release(&all);
	site_release(&s);
	db_close(db);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, case_setup, case_teardown)
	const struct CMUnitTest tests[] = {
		CASE(names_keep_their_numbers),
		CASE(a_changed_set_of_real_hosts_is_a_span),
		CASE(sites_that_share_an_address_are_one_group_and_kin_for_ever),
		CASE(a_start_is_a_span_of_each_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
