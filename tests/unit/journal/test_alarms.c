/* What serve keeps over a restart besides visits: alarms that were told, probes. */
#include "journal_case.h"

#include "journal/alarms.h"
#include "journal/probe.h"

struct heard {
	size_t count;
	char kind[16], host[64], text[64];
	struct addr client;
	int64_t since;
	bool is_quiet;
};

static void on_kept(void *arg, const struct alarms_kept *a)
{
	struct heard *h = arg;
	h->count++;
	(void)snprintf(h->kind, sizeof(h->kind), "%s", a->kind);
	(void)snprintf(h->host, sizeof(h->host), "%s", a->host);
	(void)snprintf(h->text, sizeof(h->text), "%s", a->text);
	h->client = a->client;
	h->since = a->since;
	h->is_quiet = a->is_quiet;
}

static void alarms_are_there_after_a_restart_until_they_are_over(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	struct alarms_kept all[] = {
		{ .kind = "host",
		  .host = "mail.example",
		  .since = T0,
		  .text = "it is down" },
		{ .kind = "sender",
		  .host = "shop",
		  .client = address("192.0.2.7"),
		  .since = T0 + 1,
		  .is_quiet = true,
		  .text = "it's known" },
	};
	ok(alarms_put(db, all, 2, &e), &e);
	db_close(db);

	db = case_open(*state, DB_WRITE);
	struct heard h = { 0 };
	ok(alarms_each(db, on_kept, &h, &e), &e);
	assert_int_equal(h.count, 2);
	assert_string_equal(h.kind, "sender");
	assert_string_equal(h.host, "shop");
	assert_string_equal(h.text, "it's known");
	assert_true(addr_equal(h.client, address("192.0.2.7")));
	assert_int_equal(h.since, T0 + 1);
	assert_true(h.is_quiet);

	ok(alarms_put(db, NULL, 0, &e), &e);
	h.count = 0;
	ok(alarms_each(db, on_kept, &h, &e), &e);
	assert_int_equal(h.count, 0);
	db_close(db);
}

static void on_probe(void *arg, uint16_t host, int64_t time)
{
	int64_t *sum = arg;
	assert_int_equal(host, 3);
	*sum = *sum * 10 + (time - T0);
}

static void the_last_probes_of_a_host_come_newest_first(void **state)
{
	struct error e = { 0, "" };
	struct db *db = case_open(*state, DB_WRITE);
	char sql[128];
	for (int i = 1; i <= 4; i++) {
		(void)snprintf(sql, sizeof(sql),
			       "INSERT INTO probe VALUES(3, %lld, 1), (4, %lld, 1)",
			       (long long)T0 + i, (long long)T0 + i);
		assert_int_equal(sqlite3_exec(db_sqlite(db), sql, NULL, NULL, NULL), 0);
	}
	int64_t sum = 0;
	ok(probe_each_last(db, 3, 2, on_probe, &sum, &e), &e);
	assert_int_equal(sum, 43);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    alarms_are_there_after_a_restart_until_they_are_over, case_setup,
		    case_teardown),
		cmocka_unit_test_setup_teardown(
		    the_last_probes_of_a_host_come_newest_first, case_setup,
		    case_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
