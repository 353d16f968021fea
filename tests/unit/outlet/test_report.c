/* Report, explain and list on stories told to a journal. */
#include "rig.h"

#include <jansson.h>

#include "base/mem.h"
#include "outlet/explain.h"
#include "outlet/json.h"
#include "outlet/list.h"
#include "outlet/report/report.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/*
 * A is good: the low decoy, then mail, 0.25 s later; again a day on, after a
 * second. B, of its pool, only knocked. X and Y went for the high decoy alone;
 * X named a recipient twice, hours apart. V, with a confirmed name of its own,
 * too: it may have been good. Z came five days later: not final.
 */
static const char good_and_bad[] =
    "A:Ln@0 A:R@0.25 B:h@5 X:H@10 Y:Hn@20 V:H@30 C:C@40 W@100 X:H@2h W@2h "
    "A:Ln@1d A:R@86401 W@2d Z:H@5d W@6d W@147h";

static void tell(struct rig *rig)
{
	rig_begin(rig);
	rig_name(rig, 'V', "mail.partner.example", "partner.example", false);
	rig_play(rig, good_and_bad);
}

static struct report made(struct rig *rig, int64_t since, int64_t until, int64_t now)
{
	struct report r;
	struct error e;
	struct report_span span = { since, until, NULL };
	struct ask *a = rig_ask(rig, now);
	if (report_make(a, &span, &r, &e) != 0)
		fail_msg("%s", e.text);
	ask_close(a);
	return r;
}

static void the_report_counts_what_was_told(void **state)
{
	struct rig *rig = *state;
	tell(rig);
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	assert_int_equal(r.site_count, 1);
	const struct report_site *s = &r.sites[0];
	const struct report_counts *g = &s->counts;
	assert_string_equal(s->name, "home");
	assert_int_equal(r.since, RIG_ZERO - STAMP_DAY);
	assert_int_equal(r.until, AT(147 * 3600)); /* the last record */
	assert_true(s->is_measurable);
	assert_true(s->has_coverage);
	assert_true(s->coverage > 0.95);
	assert_int_equal(g->order[ORDER_STRAIGHT], 1);
	assert_int_equal(g->order[ORDER_BACKDOOR], 4);
	assert_int_equal(g->order[ORDER_UNKNOWN], 0);
	assert_int_equal(g->reached, 1);
	assert_int_equal(g->stopped, 2);
	assert_int_equal(g->stopped_provisional, 1);
	assert_int_equal(g->unknown, 0);
	assert_int_equal(g->only_knocked, 1);
	assert_int_equal(g->stopped_attempts, 3);
	assert_int_equal(g->stopped_naming_recipient, 1);
	assert_int_equal(g->background_senders, 1);
	assert_int_equal(g->delay.count, 2);
	assert_int_equal(g->delay.p50_us, STAMP_SECOND / 4);
	assert_int_equal(g->delay.max_us, STAMP_SECOND);
	assert_int_equal(g->at_risk_count, 1);
	assert_int_equal(g->at_risk[0].tier, TIER_WEAK);
	assert_string_equal(g->at_risk[0].name, "mail.partner.example");
	assert_int_equal(s->would_be_listed, 1); /* expired since; counted */
	assert_int_equal(s->listed, 0);
	assert_int_equal(g->attempts_stopped, 4);
	assert_int_equal(g->attempts_knocked, 1);
	assert_true(s->spam.has_share && s->spam.share == 1);
	assert_true(s->has_share);
	assert_true(s->stopped_share > 0.66 && s->stopped_share < 0.67);
	report_release(&r);
}

static void a_period_shows_what_began_in_it(void **state)
{
	struct rig *rig = *state;
	tell(rig);
	struct report r = made(rig, AT(80000), AT(90000), AT(20 * 86400));
	const struct report_counts *g = &r.sites[0].counts;
	assert_int_equal(r.since, AT(80000));
	assert_int_equal(r.until, AT(90000));
	assert_int_equal(g->reached, 1);
	assert_int_equal(g->stopped + g->stopped_provisional, 0);
	assert_int_equal(g->delay.count, 1);
	assert_int_equal(g->delay.max_us, STAMP_SECOND);
	assert_int_equal(r.sites[0].hosts[1].visits, 1);
	report_release(&r);
}

/* Between the two visits of a walk nobody came, but its sender is counted. */
static void a_walk_that_reaches_into_a_period_is_no_silence(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, "X:H@0 X:H@25m W@6h");
	struct report r = made(rig, AT(600), AT(900), 0);
	assert_int_equal(r.sites[0].visits, 0);
	assert_int_equal(r.sites[0].counts.order[ORDER_BACKDOOR], 1);
	assert_string_equal(r.note, "");
	report_release(&r);
	r = made(rig, AT(3600), AT(7200), 0);
	assert_int_equal(r.sites[0].counts.order[ORDER_BACKDOOR], 0);
	assert_non_null(strstr(r.note, "No visit to any host was seen"));
	report_release(&r);
}

static void a_period_begins_with_the_journal_at_the_earliest(void **state)
{
	struct rig *rig = *state;
	tell(rig);
	struct report r = made(rig, AT(-90 * 86400), STAMP_NEVER, 0);
	assert_int_equal(r.since, RIG_ZERO - STAMP_DAY);
	assert_true(r.sites[0].coverage > 0.95);
	report_release(&r);
	r = made(rig, AT(-90 * 86400), AT(-80 * 86400), 0); /* all before it */
	assert_int_equal(r.since, AT(-90 * 86400));
	assert_int_equal(r.until, AT(-80 * 86400));
	assert_true(r.sites[0].coverage < 0.01);
	assert_false(r.sites[0].has_share);
	report_release(&r);
}

static void without_coverage_there_is_no_share(void **state)
{
	struct rig *rig = *state;
	tell(rig);
	/* ten days on, nothing was written: nobody watched */
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, AT(16 * 86400));
	assert_int_equal(r.until, AT(16 * 86400));
	assert_true(r.sites[0].coverage < 0.9);
	assert_false(r.sites[0].has_share);
	report_release(&r);
}

static const char one_unwatched[] = "site\t1\t1\tboth\thome\n"
				    "host\t1\tdecoy\treset\t0\tfake0\t\n"
				    "address\t5.9.1.4\t25\n"
				    "host\t2\treal\t-\t10\tmail\tlog\n"
				    "address\t5.9.1.1\t25\n"
				    "host\t3\treal\t-\t20\tbackup\t\n"
				    "address\t5.9.1.2\t25\n"
				    "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
				    "address\t5.9.1.3\t25\n"
				    "domain\texample.com\n";
static const char one_closed[] = "site\t1\t1\tboth\thome\n"
				 "host\t1\tdecoy\tclosed\t0\tfake0\t\n"
				 "address\t5.9.1.4\t25\n"
				 "host\t2\treal\t-\t10\tmail\tlog\n"
				 "address\t5.9.1.1\t25\n"
				 "host\t3\treal\t-\t20\tbackup\tfeed\n"
				 "address\t5.9.1.2\t25\n"
				 "host\t4\tdecoy\tdefer\t30\tfake1\t\n"
				 "address\t5.9.1.3\t25\n"
				 "host\t5\tcontrol\tbusy\t0\tscan\t\n"
				 "address\t5.9.1.9\t25\n"
				 "domain\texample.com\n";

static void an_unwatched_real_host_is_named(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	rig_begin(rig);
	rig_site(rig, one_unwatched, RIG_ZERO);
	rig_play(rig, "X:H@10 W@100 W@7d");
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	assert_false(r.sites[0].is_measurable);
	assert_false(r.sites[0].has_share);
	assert_int_equal(r.sites[0].counts.stopped, 0);
	report_text(&r, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text), "Not measurable: "));
	assert_non_null(strstr(buf_text(&text), "backup"));
	buf_release(&text);
	report_release(&r);
}

static void a_closed_decoy_that_nobody_watches_is_named(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	rig_site(rig, one_closed, RIG_ZERO - STAMP_DAY);
	rig->blind = RIG_LOW;
	rig_play(rig, "W@-1d X:H@10 W@100");
	struct report report = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	report_text(&report, &text_style_plain, &text);
	assert_non_null(
	    strstr(buf_text(&text), "fake0 is closed, and knocks at it are not watched"));
	report_release(&report);
	buf_clear(&text);
	/* Watched again: its watermarks come. */
	rig->blind = 0;
	rig_play(rig, "W@200 W@300");
	report = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	report_text(&report, &text_style_plain, &text);
	assert_null(strstr(buf_text(&text), "knocks at it"));
	report_release(&report);
	buf_release(&text);
}

/* ---- shapes ---- */

static void keys_are(const json_t *o, const char *want)
{
	struct buf b = BUF_INIT(4096);
	const char *key;
	json_t *value;
	json_t *same = (json_t *)(uintptr_t)o; /* the macro wants it so */
	assert_true(json_is_object(o));
	json_object_foreach(same, key, value) buf_addf(&b, "%s%s", b.len ? " " : "", key);
	assert_string_equal(buf_text(&b), want);
	buf_release(&b);
}

static void the_report_has_the_keys_of_the_contract(void **state)
{
	struct rig *rig = *state;
	tell(rig);
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	json_t *o = report_json(&r);
	keys_are(o, "version since until note fakemx rules anonymous sites");
	json_t *site = json_array_get(json_object_get(o, "sites"), 0);
	keys_are(site, "site measurable coverage hosts order fate stopped_senders_share "
		       "stopped_attempts stopped_naming_recipient background_senders "
		       "delay_seconds returned_later at_risk messages_missing spam "
		       "revised background delays "
		       "series gaps before_after halves compared cost");
	json_t *hosts = json_object_get(site, "hosts");
	assert_int_equal(json_array_size(hosts), 5);
	keys_are(json_array_get(hosts, 0),
		 "host role preference visits senders addresses "
		 "visits_per_address_day complete_until "
		 "not_seen removable");
	keys_are(json_object_get(site, "order"),
		 "straight skipped shotgun backdoor unknown");
	keys_are(json_object_get(site, "fate"),
		 "reached stopped stopped_provisional pending unknown");
	keys_are(json_object_get(site, "delay_seconds"),
		 "count p50 p95 max exact_within");
	keys_are(json_object_get(site, "spam"),
		 "attempts_stopped attempts_knocked attempts_refused accepted_as_spam "
		 "share_stopped");
	keys_are(json_array_get(json_object_get(site, "at_risk"), 0),
		 "address name tier since reason message");
	assert_true(json_number_value(json_object_get(
			json_object_get(site, "delay_seconds"), "p50")) == 0.25);
	assert_true(json_is_null(
	    json_object_get(json_array_get(hosts, 4), "preference"))); /* control */
	json_decref(o);
	report_release(&r);
}

static void nothing_measured_is_null(void **state)
{
	struct rig *rig = *state;
	rig_site(rig,
		 "site\t1\t1\thigh\tshop\n"
		 "host\t1\treal\t-\t10\tmail\t\naddress\t5.9.1.1\t25\n"
		 "host\t2\tdecoy\tdefer\t30\tfake1\t\naddress\t5.9.1.3\t25\n",
		 RIG_ZERO);
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	json_t *o = report_json(&r);
	json_t *site = json_array_get(json_object_get(o, "sites"), 0);
	json_t *delay = json_object_get(site, "delay_seconds");
	assert_true(json_is_null(json_object_get(site, "coverage")));
	assert_true(json_is_null(json_object_get(site, "stopped_senders_share")));
	assert_true(json_is_null(json_object_get(site, "background_senders")));
	assert_true(json_is_null(json_object_get(delay, "p50")));
	assert_int_equal(json_integer_value(json_object_get(delay, "count")), 0);
	json_decref(o);
	report_release(&r);
}

static void an_empty_journal_has_no_sites(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, AT(0));
	assert_int_equal(r.site_count, 0);
	report_text(&r, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text), "No site was ever served"));
	buf_release(&text);
	report_release(&r);
}

/* Each line that matters, in the order in which it is read. */
static void the_text_puts_good_mail_first(void **state)
{
	static const char *const lines[] = {
		"home: ",
		"Good mail",
		"1 that may have been good: 0 known, 0 returning, 0 plausible, 1 weak",
		"weak      2a02:1::1 (mail.partner.example), since ",
		"2 measured: half within 0.25 s, 95 % within 1.00 s, all within 1.00 s",
		"Stopped senders",
		"2, 66.7 % of the 3 that were stopped or reached a real host",
		"All senders",
		"straight 1, skipped 0, shotgun 0, backdoor 4, unknown 0",
		"Hosts",
		"fake0",
		"Listing",
		"nothing is listed; 1 sender would have been",
	};
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	tell(rig);
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	report_text(&r, &text_style_plain, &text);
	const char *at = buf_text(&text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *found = strstr(at, lines[i]);
		if (!found)
			fail_msg("\"%s\" is not in, or not after what went before:\n%s",
				 lines[i], buf_text(&text));
		at = found;
	}
	buf_release(&text);
	report_release(&r);
}

static void text_has(const struct report *r, const char *want)
{
	struct buf text = BUF_INIT(65536);
	report_text(r, &text_style_plain, &text);
	if (!strstr(buf_text(&text), want))
		fail_msg("\"%s\" is not in:\n%s", want, buf_text(&text));
	buf_release(&text);
}

static void the_longest_delay_is_one_number_everywhere(void **state)
{
	struct rig *rig = *state;
	char want[96], max[STAMP_TEXT_MAX];
	rig_begin(rig);
	rig_play(rig, "A:L@0 A:R+@2.5 D:L@10 D:R+@141.4 W@1h");
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	(void)stamp_duration_text(r.sites[0].counts.delay.max_us, max);
	(void)snprintf(want, sizeof(want), "Good mail came at most %s late.", max);
	text_has(&r, want);
	(void)snprintf(want, sizeof(want), "all within %s", max);
	text_has(&r, want);
	json_t *o = report_json(&r);
	json_t *site = json_array_get(json_object_get(o, "sites"), 0);
	json_t *delay = json_object_get(site, "delay_seconds");
	assert_true(json_number_value(json_object_get(delay, "max")) == 131.4);
	assert_int_equal(r.sites[0].counts.delay.max_us, 131400000);
	json_decref(o);
	report_release(&r);
}

/* X and Y go for the high decoy and are stopped four hours later. X comes to a
 * real host two days on, Y after its stop was final; Z never does. */
static const char came_back[] =
    "X:H@10 Y:H@20 Z:H@30 W@100 W@6h W@1d X:R+@50h W@51h W@3d W@124h Y:R+@7d W@170h";

static void a_sender_that_returns_corrects_earlier_reports(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, came_back);

	struct report r = made(rig, AT(-86400), AT(86400), 0);
	assert_int_equal(r.sites[0].counts.revised.senders, 0);
	text_has(&r, "nothing that an earlier report said was corrected");
	report_release(&r);
	r = made(rig, AT(86400), AT(3 * 86400), 0); /* X began before it */
	assert_int_equal(r.sites[0].counts.revised.senders, 1);
	assert_int_equal(r.sites[0].counts.revised.after_final, 0);
	text_has(&r, "1 sender that was called stopped came to a real host after 2 days");
	report_release(&r);
	r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	assert_int_equal(r.sites[0].counts.revised.senders, 2);
	assert_int_equal(r.sites[0].counts.revised.after_final, 1);
	text_has(&r, "2 senders that were called stopped came to a real host after 7 "
		     "days at most");
	report_release(&r);
}

/* One watched, one not: the claim is never more than was seen. */
static void what_is_claimed_is_what_was_seen(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, "A:Rk@0 X:H@10 W@100 W@6h W@2d W@147h");
	struct report r = made(rig, AT(0), STAMP_NEVER, 0);
	text_has(
	    &r,
	    "No loss of a known sender or message was seen. No delay of good mail was "
	    "seen. 100.0 % of the spam was stopped.\n");
	text_has(&r, "cannot be told from a spambot.");
	report_release(&r);
	r = made(rig, AT(0), STAMP_NEVER, AT(20 * 86400)); /* nobody looked for long */
	text_has(&r, "No loss of a known sender or message was seen in the 3");
	text_has(&r, "gaps                1, the longest 14 days from ");
	assert_int_equal(r.sites[0].gaps.at[0].until, AT(20 * 86400));
	report_release(&r);
	r = made(rig, AT(15 * 86400), STAMP_NEVER, AT(20 * 86400));
	text_has(&r, "Not measurable: mail has told nothing since ");
	report_release(&r);

	rig_play(rig, "A:H@148h W@149h W@160h");
	r = made(rig, AT(0), STAMP_NEVER, 0);
	text_has(
	    &r,
	    "1 known sender is at risk (20.1.1.1). "
	    "100.0 % of the spam was stopped.\n  What is at risk has not been seen at "
	    "a real host");
	report_release(&r);
}

/* A script that sends directly: deferred, it tries the high decoy, gives the message up
 * and comes with its next one. Both real hosts tell envelopes. */
static void a_missing_message_is_told_with_its_domains(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, "A:Rkg@-3h Q:Sg@-2h W@-1h A:R~f@0 A:Hf@1 W@100 A:Rg@1h W@2h W@6h "
		      "W@147h");
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	const struct report_counts *c = &r.sites[0].counts;
	assert_int_equal(c->messages_missing, 1);
	assert_int_equal(c->at_risk_count, 1);
	assert_int_equal(c->at_risk[0].tier, TIER_KNOWN);
	assert_int_equal(c->reached, 2);
	assert_int_equal(c->at_risk[0].message_time, AT(1));
	assert_string_equal(c->at_risk[0].sender_domain, "sender.example");
	assert_string_equal(c->at_risk[0].recipient_domain, "example.com");
	text_has(&r, "  1 message of a known sender is at risk (20.1.1.1). No delay of ");
	text_has(&r, "greylisting alone may have lost it");
	json_t *o = report_json(&r);
	json_t *site = json_array_get(json_object_get(o, "sites"), 0);
	json_t *risk = json_array_get(json_object_get(site, "at_risk"), 0);
	keys_are(json_object_get(risk, "message"), "time sender_domain recipient_domain");
	json_decref(o);
	report_release(&r);
}

static void decoys_are_held_against_the_background(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, "X:H@10 X:C@20 Y:C@30 Z:H@40 Z:H@3h A:L@50 A:R@51 W@100 "
		      "W@6h W@2d W@147h");
	struct report r = made(rig, AT(0), AT(2 * 86400), 0);
	const struct report_site *s = &r.sites[0];
	assert_int_equal(s->control.visits, 2);
	assert_int_equal(s->high.visits, 3);
	assert_int_equal(s->low.visits, 1);
	assert_true(s->control.has_rate && s->control.rate == 1);
	assert_true(s->high.rate == 1.5);
	assert_int_equal(s->counts.background_senders, 2);
	assert_int_equal(s->counts.background_at_decoys, 1);
	assert_int_equal(s->counts.background_stopped, 1);
	text_has(&r, "high decoys         3 visits, 1.5 an address and day");
	text_has(&r, "control addresses   2 visits, 1.0 an address and day");
	text_has(&r, "2 senders at control addresses, 1 of them at decoys too; 1 of the "
		     "stopped senders were there");
	assert_int_equal(r.series.count, 48);
	assert_int_equal(s->parts[0].high_visits + s->parts[3].high_visits, 3);
	assert_int_equal(s->parts[0].stopped, 2);
	assert_int_equal(s->parts[0].reached, 1);
	report_release(&r);
}

static void a_name_cannot_steer_the_terminal(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	rig_begin(rig);
	rig_name(rig, 'V', "a\x1b[2J\xe2\x80\xae.example", "a.example", false);
	rig_play(rig, "V:H@30 W@100 W@6h W@147h");
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, 0);
	report_text(&r, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text), "(a\\x1b[2J\\xe2\\x80\\xae.example)"));
	assert_null(strchr(buf_text(&text), '\x1b'));
	buf_release(&text);
	report_release(&r);
}

/* ---- explain ---- */

/* It points into the ask. */
struct explained {
	struct ask *ask;
	struct explain x;
};

static struct explained explain_of(struct rig *rig, struct addr client)
{
	struct explained it = { .ask = rig_ask(rig, 0) };
	struct error e;
	if (explain_make(it.ask, rig->db, client, &it.x, &e) != 0)
		fail_msg("%s", e.text);
	return it;
}

static void release(struct explained *it)
{
	explain_release(&it->x);
	ask_close(it->ask);
}

static void explain_tells_visits_walks_and_why(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	tell(rig);
	struct explained it = explain_of(rig, rig_client('X'));
	const struct explain *x = &it.x;
	assert_int_equal(x->visit_count, 2);
	assert_true(x->walk_count >= 1);
	assert_int_equal(x->walks[0].verdict.order, ORDER_BACKDOOR);
	explain_text(x, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text), "fake1 (decoy)  data  for example.com"));
	assert_non_null(strstr(buf_text(&text), reason_text(REASON_REAL_NEVER_SEEN)));
	assert_non_null(strstr(buf_text(&text), reason_text(REASON_NEVER_CAME)));

	json_t *o = explain_json(x);
	keys_are(o, "version address same_sender allowed visits_total name visits walks "
		    "listing listing_changes");
	keys_are(json_array_get(json_object_get(o, "visits"), 0),
		 "time seen site host role address depth outcome helo sender "
		 "recipient_domain name source precision_seconds answered ended spam "
		 "envelopes earlier_seconds");
	keys_are(json_array_get(json_object_get(o, "walks"), 0),
		 "site walk began order order_reason fate fate_reason final at_risk "
		 "message_missing delay_seconds delay_exact_within_seconds "
		 "returned_later revisions stopped_at corrected_at");
	keys_are(json_array_get(json_object_get(o, "listing"), 0),
		 "site listed reason counted_visits at until");
	json_decref(o);
	buf_release(&text);
	release(&it);
}

static void explains(struct rig *rig, char client, const char *want)
{
	struct buf text = BUF_INIT(65536);
	struct explained it = explain_of(rig, rig_client(client));
	const struct explain *x = &it.x;
	explain_text(x, &text_style_plain, &text);
	if (!strstr(buf_text(&text), want))
		fail_msg("\"%s\" is not in:\n%s", want, buf_text(&text));
	buf_release(&text);
	release(&it);
}

static void a_name_that_nobody_looked_up_is_not_called_unconfirmed(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	tell(rig);
	struct explained it = explain_of(rig, rig_client('X'));
	struct explain *x = &it.x;
	assert_false(x->was_looked_up);
	/* As its host's log has it. */
	(void)str_copy(x->sender.name, sizeof(x->sender.name), "mx.sender.example");
	explain_text(x, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text),
			       "(mx.sender.example): a mail log has this name; fakemx "
			       "itself looked up neither name nor SPF\n"));
	json_t *o = explain_json(x);
	assert_true(
	    json_is_null(json_object_get(json_object_get(o, "name"), "confirmed")));
	json_decref(o);
	buf_release(&text);
	release(&it);
}

static void explain_shows_what_earlier_reports_said(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, came_back);
	explains(rig, 'X', "called it stopped; it returned after 2 days\n");
	explains(rig, 'Y', "called it stopped for good; it returned after 7 days\n");
	struct explained it = explain_of(rig, rig_client('Z'));
	const struct explain *x = &it.x;
	assert_int_equal(x->walks[0].corrected_at, 0);
	assert_int_not_equal(x->walks[0].told.stopped_at, 0);
	release(&it);
}

static void a_sender_never_seen_is_no_mistake(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	tell(rig);
	struct addr stranger;
	assert_true(addr_parse("203.0.113.200", &stranger));
	struct explained it = explain_of(rig, stranger);
	const struct explain *x = &it.x;
	explain_text(x, &text_style_plain, &text);
	assert_non_null(strstr(buf_text(&text), "Never seen"));
	buf_release(&text);
	release(&it);
}

/* Of a run those are kept whose numbers it has; time orders them. */
static void of_very_many_visits_the_first_and_last_are_shown(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	for (int i = 99; i >= 0; i--) {
		char event[64];
		(void)snprintf(event, sizeof(event), "X:H@%d", i);
		rig_play(rig, event);
	}
	struct explained it = explain_of(rig, rig_client('X'));
	const struct explain *x = &it.x;
	assert_int_equal(x->visits_total, 100);
	assert_int_equal(x->visit_count, 2 * RUN_IDS);
	for (size_t i = 1; i < x->visit_count; i++)
		assert_true(x->visits[i - 1].visit.time <= x->visits[i].visit.time);
	assert_int_equal(x->visits[0].visit.time, AT(0));
	release(&it);
}

static void knocks_are_shown_and_are_no_walk(void **state)
{
	struct rig *rig = *state;
	rig_begin(rig);
	rig_play(rig, "X:h@10 X:C@20 W@100");
	struct explained it = explain_of(rig, rig_client('X'));
	assert_int_equal(it.x.visits_total, 2);
	assert_int_equal(it.x.visit_count, 2);
	assert_int_equal(it.x.walk_count, 0);
	release(&it);
}

/* The high decoy stops a sender, the low one nobody. */
static void removable(struct rig *rig, const char *story, bool want_low)
{
	rig_begin(rig);
	rig_play(rig, story);
	struct report r = made(rig, REPORT_BEGIN, STAMP_NEVER, AT(41 * 86400));
	for (size_t k = 0; k < r.sites[0].host_count; k++) {
		const struct report_host *h = &r.sites[0].hosts[k];
		bool want = h->place == PLACE_LOW && want_low;
		if (h->is_removable != want)
			fail_msg("%s: %s: got %d, want %d", story, h->name,
				 h->is_removable, want);
	}
	report_release(&r);
}

static void a_decoy_that_stopped_nobody_in_a_month_is_to_be_removed(void **state)
{
	removable(*state, "X:H@10 W@100 W@40d", true);
}

static void ten_days_say_nothing_of_a_decoy(void **state)
{
	removable(*state, "X:H@10 W@100 W@10d", false);
}

/* ---- list ---- */

static void put(void *arg, const char *text, size_t len)
{
	buf_add(arg, text, len);
}

static struct list_counts listed(struct rig *rig, enum list_format format, struct buf *to)
{
	struct error e;
	struct ask *ask = rig_ask(rig, 0);
	struct list_out out = { put, to };
	struct list_head head = list_head_of(ask);
	struct list_counts n;
	buf_clear(to);
	if (list_ask(ask, format, &head, NULL, &out, &n, &e) != 0)
		fail_msg("%s", e.text);
	ask_close(ask);
	return n;
}

static void in_observe_nothing_is_listed(void **state)
{
	struct rig *rig = *state;
	struct buf text = BUF_INIT(65536);
	rig_begin(rig);
	rig_play(rig, "X:H@10 W@100 X:H@2h W@11000");
	struct list_counts n = listed(rig, LIST_PLAIN, &text);
	assert_int_equal(n.listed, 0);
	assert_int_equal(n.would_be, 1);
	assert_string_equal(buf_text(&text), "");
	(void)listed(rig, LIST_RSPAMD, &text);
	assert_non_null(strstr(buf_text(&text), "# Nobody is listed: mode = observe"));
	assert_null(strstr(buf_text(&text), "30.1.1.1"));
	buf_release(&text);
}

static void in_enforce_the_list_has_reason_and_end(void **state)
{
	struct rig *rig = *state;
	struct buf plain = BUF_INIT(65536);
	rig->rules.enforce = rig->rules.lab = true;
	rig_begin(rig);
	rig_play(rig, "X:H@10 Y:H@20 Q:H@30 W@100 X:H@2h Y:H@2h W@11000");
	(void)listed(rig, LIST_PLAIN, &plain);
	assert_string_equal(buf_text(&plain), "30.1.1.1\n2a01:1::1\n");
	(void)listed(rig, LIST_JSON, &plain);
	json_t *o = json_loads(buf_text(&plain), JSON_REJECT_DUPLICATES, NULL);
	keys_are(o, "version mode listed would_be_listed note");
	assert_string_equal(json_string_value(json_object_get(o, "mode")), "enforce");
	json_t *first = json_array_get(json_object_get(o, "listed"), 0);
	keys_are(first, "address site reason counted_visits since until");
	assert_int_equal(json_integer_value(json_object_get(first, "counted_visits")), 2);
	json_decref(o);
	buf_release(&plain);

	struct explained why = explain_of(rig, rig_client('X'));
	assert_true(why.x.standing[0].is_listed);
	release(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_report_counts_what_was_told),
		TEST(a_period_shows_what_began_in_it),
		TEST(a_walk_that_reaches_into_a_period_is_no_silence),
		TEST(a_period_begins_with_the_journal_at_the_earliest),
		TEST(without_coverage_there_is_no_share),
		TEST(an_unwatched_real_host_is_named),
		TEST(a_closed_decoy_that_nobody_watches_is_named),
		TEST(the_report_has_the_keys_of_the_contract),
		TEST(nothing_measured_is_null),
		TEST(an_empty_journal_has_no_sites),
		TEST(the_text_puts_good_mail_first),
		TEST(the_longest_delay_is_one_number_everywhere),
		TEST(a_sender_that_returns_corrects_earlier_reports),
		TEST(what_is_claimed_is_what_was_seen),
		TEST(a_missing_message_is_told_with_its_domains),
		TEST(decoys_are_held_against_the_background),
		TEST(a_name_cannot_steer_the_terminal),
		TEST(explain_tells_visits_walks_and_why),
		TEST(a_name_that_nobody_looked_up_is_not_called_unconfirmed),
		TEST(explain_shows_what_earlier_reports_said),
		TEST(a_sender_never_seen_is_no_mistake),
		TEST(of_very_many_visits_the_first_and_last_are_shown),
		TEST(knocks_are_shown_and_are_no_walk),
		TEST(a_decoy_that_stopped_nobody_in_a_month_is_to_be_removed),
		TEST(ten_days_say_nothing_of_a_decoy),
		TEST(in_observe_nothing_is_listed),
		TEST(in_enforce_the_list_has_reason_and_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
