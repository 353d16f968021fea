/* Which host a question is about, once a message, visits where nothing else
 * watches; what the journal knows (serve_case.h). */
#include "serve/policy/policy_answer.h"

#include "serve_case.h"

enum { VISITS_MAX = 64, A = 1, X };

struct rig {
	struct serve_case journal;
	struct db *reader;
	struct policy_answers *answers;
	int64_t offset;
	bool is_at_decoy, is_watched;
	unsigned visit_count;
	struct visit visits[VISITS_MAX];
	char helo[VISITS_MAX][64], sender[VISITS_MAX][64], domain[VISITS_MAX][64];
};

static bool is_at_decoy(void *arg, struct addr client)
{
	(void)client;
	return ((struct rig *)arg)->is_at_decoy;
}

static bool is_watched(void *arg, uint16_t host)
{
	(void)host;
	return ((struct rig *)arg)->is_watched;
}

static void on_visit(void *arg, const struct visit *v)
{
	struct rig *r = arg;
	unsigned at = r->visit_count++ % VISITS_MAX;
	r->visits[at] = *v;
	(void)snprintf(r->helo[at], 64, "%s", v->helo);
	(void)snprintf(r->sender[at], 64, "%s", v->mail_from);
	(void)snprintf(r->domain[at], 64, "%s", v->recipient_domain);
}

static void at(struct rig *r, double second)
{
	r->offset = T0 + (int64_t)(second * 1e6) - stamp_now();
}

/* low: so many clients, from the first on, were at the low decoy at T0. */
static void start(struct rig *r, unsigned low, bool watched, bool defers)
{
	*r = (struct rig){ .is_watched = watched };
	serve_case_start(&r->journal, T0 - 30 * STAMP_DAY);
	case_pass(&r->journal, T0 - STAMP_SECOND);
	for (unsigned i = 0; i < low; i++)
		case_visit(&r->journal, CASE_LOW, A + i, T0);
	case_commit(&r->journal);
	r->reader = case_open(r->journal.folder, DB_READ);
	struct policy_world world = { .db = r->reader,
				      .take = r->journal.take,
				      .clock = { &r->offset },
				      .is_at_decoy = is_at_decoy,
				      .is_watched = is_watched,
				      .arg = r };
	struct source_sink sink = { .visit = on_visit, .arg = r };
	r->answers = policy_answers_new(&world, &sink);
	policy_answers_set(r->answers, &r->journal.site, 1, defers);
	at(r, 2);
}

static void stop(struct rig *r)
{
	policy_answers_free(r->answers);
	db_close(r->reader);
	serve_case_stop(&r->journal);
}

static struct policy_request question(unsigned client, uint16_t port,
				      const char *instance)
{
	struct policy_request q = { .is_access = true,
				    .has_client = true,
				    .has_server = true,
				    .takes_header = true,
				    .depth = DEPTH_RCPT,
				    .client = case_client(client),
				    .client_port = port };
	assert_true(addr_parse("5.9.1.1", &q.server));
	(void)snprintf(q.instance, sizeof(q.instance), "%s", instance);
	(void)snprintf(q.helo, sizeof(q.helo), "out.good.example");
	(void)snprintf(q.sender, sizeof(q.sender), "me@good.example");
	(void)snprintf(q.recipient_domain, sizeof(q.recipient_domain), "example.com");
	return q;
}

/* 'H' a header, 'D' put off, '-' nothing. */
static char ask(struct rig *r, const struct policy_request *q)
{
	char action[POLICY_ACTION_MAX];
	policy_answers_give(r->answers, q, action);
	if (strcmp(action, "DUNNO") == 0)
		return '-';
	if (strncmp(action, "PREPEND X-FakeMX: order=straight delay=2.", 41) == 0)
		return 'H';
	return strncmp(action, "DEFER_IF_PERMIT 4.7.1 ", 22) == 0 ? 'D' : '?';
}

static char ask_about(struct rig *r, unsigned client, uint16_t port, const char *instance)
{
	struct policy_request q = question(client, port, instance);
	return ask(r, &q);
}

static void a_message_gets_one_header(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 2, true, false);
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), 'H');
	assert_int_equal(ask_about(&r, X, 4000, "2.1.0"), 'H');
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), '-');
	assert_int_equal(ask_about(&r, X, 4000, "2.1.0"), '-');
	assert_int_equal(ask_about(&r, A, 4000, "1.1.1"), 'H');
	assert_int_equal(ask_about(&r, A, 4000, "1.1.1"), '-');
	assert_int_equal(ask_about(&r, A, 4001, "3.1.0"), 'H');
	assert_int_equal(ask_about(&r, A, 4001, ""), '-');
	struct policy_answer_counts c = policy_answers_counts(r.answers);
	assert_int_equal(c.headers, 4);
	assert_int_equal(c.dunno, 4);
	assert_int_equal(r.visit_count, 0);
	stop(&r);
}

static void the_delay_is_that_of_the_connection(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 1, true, false);
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), 'H');
	at(&r, 60); /* the next message over the same connection */
	assert_int_equal(ask_about(&r, A, 4000, "1.1.1"), 'H');
	stop(&r);
}

static void the_host_is_told_by_its_address_else_by_the_domain(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 1, false, false);
	struct policy_request q = question(A, 4000, "1.1.0");
	assert_true(addr_parse("5.9.1.2", &q.server));
	(void)ask(&r, &q);
	assert_int_equal(r.visits[0].host, CASE_BACKUP);
	q = question(A, 4001, "1.2.0");
	assert_true(addr_parse("127.0.0.1", &q.server)); /* behind a proxy */
	(void)ask(&r, &q);
	assert_int_equal(r.visits[1].host, CASE_MAIL);
	q = question(A, 4002, "1.3.0");
	q.has_server = false;
	q.recipient_domain[0] = '\0';
	assert_int_equal(ask(&r, &q), '-');
	(void)snprintf(q.recipient_domain, sizeof(q.recipient_domain), "else.example");
	assert_int_equal(ask(&r, &q), '-');
	/* A decoy's address is no real host's. */
	q = question(A, 4003, "1.4.0");
	assert_true(addr_parse("5.9.1.4", &q.server));
	(void)ask(&r, &q);
	assert_int_equal(r.visits[2].host, CASE_MAIL);
	assert_int_equal(r.visit_count, 3);
	policy_answers_set(r.answers, NULL, 0, false);
	assert_int_equal(ask_about(&r, A, 4004, "1.5.0"), '-');
	assert_int_equal(r.visit_count, 3);
	stop(&r);
}

static void where_nothing_else_watches_a_connection_is_one_visit(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 0, false, false);
	struct policy_request q = question(A, 4000, "1.1.0");
	(void)ask(&r, &q);
	(void)ask(&r, &q);
	q = question(A, 4000, "1.1.1");
	q.depth = DEPTH_DATA;
	(void)ask(&r, &q);
	assert_int_equal(r.visit_count, 1);
	assert_int_equal(r.visits[0].source, VISIT_SOURCE_POLICY);
	assert_int_equal(r.visits[0].depth, DEPTH_RCPT);
	assert_int_equal(r.visits[0].outcome, OUTCOME_NONE);
	assert_int_equal(r.visits[0].site, 1);
	assert_in_range(r.visits[0].time, T0 + 2000000, T0 + 60000000);
	assert_string_equal(r.helo[0], "out.good.example");
	assert_string_equal(r.sender[0], "me@good.example");
	assert_string_equal(r.domain[0], "example.com");
	(void)ask_about(&r, A, 4001, "1.2.0");
	(void)ask_about(&r, X, 4000, "1.3.0");
	assert_int_equal(r.visit_count, 3);
	at(&r, 3600); /* the port is used again */
	(void)ask_about(&r, A, 4000, "1.4.0");
	assert_int_equal(r.visit_count, 4);
	stop(&r);
}

static void without_a_port_the_process_tells_connections_apart(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 1, false, false);
	(void)ask_about(&r, A, 0, "5a1.1.0");
	(void)ask_about(&r, A, 0, "5a1.2.0");
	(void)ask_about(&r, A, 0, "5a2.1.0");
	assert_int_equal(r.visit_count, 2);
	stop(&r);
}

static void users_and_own_addresses_are_no_visitors(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 1, false, false);
	struct policy_request q = question(A, 4000, "1.1.0");
	q.is_authenticated = true;
	assert_int_equal(ask(&r, &q), '-');
	q = question(A, 4000, "1.1.0");
	q.has_client = false;
	assert_int_equal(ask(&r, &q), '-');
	q = question(A, 4002, "1.3.0");
	q.client = address("5.9.1.3");
	assert_int_equal(ask(&r, &q), '-');
	assert_int_equal(r.visit_count, 0);
	stop(&r);
}

static void what_waits_for_a_commit_is_known(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 0, true, false);
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), '-');
	case_visit(&r.journal, CASE_LOW, A, T0);
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), 'H');
	assert_int_equal(ask_about(&r, A, 4001, "1.2.0"), 'H');
	assert_int_equal(ask_about(&r, X, 4002, "1.3.0"), '-');
	case_commit(&r.journal);
	policy_answers_committed(r.answers);
	at(&r, 2);
	assert_int_equal(ask_about(&r, A, 4003, "1.4.0"), 'H');
	stop(&r);
}

static void too_much_that_waits_makes_silent(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 2, true, false);
	for (int i = 0; i <= POLICY_FRESH; i++)
		case_visit(&r.journal, CASE_LOW, A, T0 + i);
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), '-');
	assert_int_equal(ask_about(&r, X, 4000, "1.1.0"), 'H');
	case_commit(&r.journal);
	policy_answers_committed(r.answers);
	at(&r, 2);
	assert_int_equal(ask_about(&r, A, 4001, "1.2.0"), 'H');
	stop(&r);
}

static void who_talks_to_a_decoy_now_is_unknown(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 1, true, false);
	r.is_at_decoy = true;
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), '-');
	r.is_at_decoy = false;
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), 'H');
	stop(&r);
}

static void listed_senders_are_put_off_if_asked_for(void **state)
{
	(void)state;
	for (int defers = 0; defers < 2; defers++) {
		struct rig r;
		start(&r, 0, true, defers);
		for (int hour = 1; hour <= 6; hour++) {
			if (hour == 2 || hour == 5)
				case_visit(&r.journal, CASE_HIGH, A,
					   T0 + hour * STAMP_HOUR);
			case_pass(&r.journal, T0 + hour * STAMP_HOUR + 3 * STAMP_MINUTE);
		}
		case_judge(&r.journal, T0 + 7 * STAMP_HOUR);
		at(&r, 7 * 3600);
		assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), defers ? 'D' : '-');
		assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), defers ? 'D' : '-');
		assert_int_equal(ask_about(&r, X, 4000, "1.1.0"), '-');
		at(&r, 40 * 3600); /* expired */
		assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), '-');
		stop(&r);
	}
}

static void any_number_of_connections_fits(void **state)
{
	(void)state;
	struct rig r;
	start(&r, 2, true, false);
	assert_int_equal(ask_about(&r, A, 4000, "1.1.0"), 'H');
	for (unsigned port = 1; port < 65535; port++)
		(void)ask_about(&r, X, (uint16_t)port, "1.1.0");
	at(&r, 2);
	assert_int_equal(ask_about(&r, A, 5000, "1.1.0"), 'H');
	assert_int_equal(ask_about(&r, A, 5000, "1.1.0"), '-');
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_gets_one_header),
		cmocka_unit_test(the_delay_is_that_of_the_connection),
		cmocka_unit_test(the_host_is_told_by_its_address_else_by_the_domain),
		cmocka_unit_test(where_nothing_else_watches_a_connection_is_one_visit),
		cmocka_unit_test(without_a_port_the_process_tells_connections_apart),
		cmocka_unit_test(users_and_own_addresses_are_no_visitors),
		cmocka_unit_test(what_waits_for_a_commit_is_known),
		cmocka_unit_test(too_much_that_waits_makes_silent),
		cmocka_unit_test(who_talks_to_a_decoy_now_is_unknown),
		cmocka_unit_test(listed_senders_are_put_off_if_asked_for),
		cmocka_unit_test(any_number_of_connections_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
