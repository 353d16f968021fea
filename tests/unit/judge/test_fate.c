/* What else a verdict says: delay, tier, a missing message; and what was told before. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *story;
	const char *events;
	int64_t delay, error; /* microseconds; -1 none */
	bool returned_later;
} delays[] = {
	{ "low, then real", "L@0 R@0.5", 500000, 0, false },
	{ "case 31: a knock at low, then real", "l@0 R@2", 2000000, 0, false },
	{ "low twice, then real: from the first", "L@0 L@1 R@3", 3000000, 0, false },
	{ "the backup", "L@0 S@2", 2000000, 0, false },
	{ "no low visit", "R@1", -1, 0, false },
	{ "within ten minutes", "L@0 R@10m", 600000000, 0, false },
	{ "after ten minutes it came later", "L@0 R@601", -1, 0, true },
	{ "from the first low visit, which is too old", "L@0 L@15m R@16m", -1, 0, true },
	{ "decoys for an hour, then real: later", "H@0 R@1h", -1, 0, true },
	{ "the log's second began before the low visit", "L@0.5 R%@0.7", 0, 999999, false },
	{ "the log's second began after", "L@0.5 R%@1.7", 500000, 999999, false },
	{ "a decoy that knows whole seconds", "L%@0 R@1", 1000000, 999999, false },
	{ "an upper bound: the log's line was written after a look-up", "L@0 Rp@3", 3000000, 3000000, false },
	{ "the real host's clock is off", "L@0.5 Rx@1", -1, 0, false },
	{ "the decoy's clock is off", "Lx@0 R@1", -1, 0, false },
	{ "nor is the delay measured to the contact after that", "L@0 Rx@1 R@8", -1, 0, false },
	{ "one that may have come before takes the delay away", "L@3 R@6 Rx@2", -1, 0, false },
	{ "one of the same run was before: what came after it is not known by itself",
	  "L@30 R@36 Rx@2", -1, 0, false },
	{ "never below zero", "L@10 R@5^11", -1, 0, false },
	{ "a session was open in between", "Ri@0 L@10 R@12", -1, 0, false },
	{ "case 5: a session that is reported after", "L@10 R@12 Ri@5^20", -1, 0, false },
	{ "one of the same second that ended later", "L@0.5 R%@0.7 Si%@0.8^3", 0, 999999, false },
	{ "a nearer contact that is reported after", "L@0 R@5 S@1^6", 1000000, 0, false },
	{ "of a walk with several, the first", "L@0 R@1 L@60 R@65 L@120 R@121", 1000000, 0, false },
	{ "greylisting after the connect is not the decoy's", "L@0 R~@0.2 L@301 R@301.2", 200000, 0, false },
	{ "the high decoy between", "L@0 H@1 R@3", 3000000, 0, false },
	{ "a real host was unwell between", "L@0 R@10 P@-1 F@5 b@20 w@20 P@30", -1, 0, false },
	{ "a low visit told late: the delay grows", "L@8 R@10 W@200 L@2^210", 8000000, 0, false },
};
/* clang-format on */

static void delay_is_from_low_to_the_next_real_contact(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct story *s = story_new();
		story_play(s, delays[i].events);
		story_play(s, "W@2h");
		struct verdict v = story_verdict(s, 'A', 0, NULL);
		if (v.delay_us != delays[i].delay ||
		    v.delay_error_us != delays[i].error ||
		    v.returned_later != delays[i].returned_later)
			fail_msg("%s: got %lld +- %lld, later %d; want %lld +- %lld, %d",
				 delays[i].story, (long long)v.delay_us,
				 (long long)v.delay_error_us, v.returned_later,
				 (long long)delays[i].delay, (long long)delays[i].error,
				 delays[i].returned_later);
		story_free(s);
	}
}

static void a_delay_waits_until_no_nearer_contact_can_be_told(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "L@0 H@1 R@100 W@62");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order_reason, REASON_REAL_NEVER_SEEN);
	assert_int_equal(v.delay_us, -1);
	assert_int_equal(v.need, story_time(160));
	story_play(s, "W@160");
	assert_int_equal(story_verdict(s, 'A', 0, NULL).delay_us, 100000000);
	story_free(s);
}

enum learnt { NOT_NAMED, GOOD, GENERIC, UNCONFIRMED, SPF, WROTE_TO, ALLOWED };

static void learn(struct story *s, enum learnt what)
{
	if (what == GOOD || what == GENERIC || what == UNCONFIRMED)
		story_name(s, 'A', "mail.good.example", "good.example",
			   what != UNCONFIRMED, what == GENERIC);
	s->spf_passes[0] = what == SPF || what == WROTE_TO;
	s->wrote_to[0] = what == WROTE_TO;
	s->is_allowed[0] = what == ALLOWED;
}

/* Who was stopped, and may have been good. */
/* clang-format off */
static const struct {
	const char *story;
	enum learnt learnt;
	const char *events;
	enum tier tier;
} tiers[] = {
	{ "nothing good is known", NOT_NAMED, "H@0", TIER_NONE },
	{ "mail was accepted, and no filter said a word", NOT_NAMED, "R@-25h H@0", TIER_RETURNING },
	{ "mail was accepted and called clean", NOT_NAMED, "Rc@-25h H@0", TIER_KNOWN },
	{ "case 28: mail was accepted and called spam", NOT_NAMED, "Rs@-25h H@0", TIER_NONE },
	{ "on the allow list", ALLOWED, "H@0", TIER_KNOWN },
	{ "SPF passes", SPF, "H@0", TIER_PLAUSIBLE },
	{ "SPF passes for a domain that this site wrote to", WROTE_TO, "H@0", TIER_KNOWN },
	{ "a good name", GOOD, "L@0", TIER_WEAK },
	{ "a generic name", GENERIC, "H@0", TIER_NONE },
	{ "a generic name that it says in HELO", GENERIC, "He@0", TIER_WEAK },
	{ "a name that does not confirm", UNCONFIRMED, "He@0", TIER_NONE },
};
/* clang-format on */

static void stopped_senders_that_may_be_good_have_a_tier(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		struct story *s = story_new();
		learn(s, tiers[i].learnt);
		story_play(s, tiers[i].events);
		story_play(s, "W@80 W@242m");
		struct verdict v = story_verdict(s, 'A', 0, NULL);
		/* Case 13: at 4 h, at 5 days and in a report a month later. */
		story_play(s, "W@6d");
		struct verdict final = story_verdict(s, 'A', 0, NULL);
		story_play(s, "W@36d");
		struct verdict month = story_verdict(s, 'A', 0, NULL);
		if (v.fate != FATE_STOPPED || v.tier != tiers[i].tier ||
		    final.tier != v.tier || month.tier != v.tier || !final.is_final)
			fail_msg("%s: got %s, %s, %s, %s; want stopped, %s",
				 tiers[i].story, fate_name(v.fate), tier_name(v.tier),
				 tier_name(final.tier), tier_name(month.tier),
				 tier_name(tiers[i].tier));
		story_free(s);
	}
}

/* Case 12: the tier follows what is learnt after the verdict, and never sinks. */
static void a_tier_is_raised_by_a_late_name_and_not_lowered_by_a_later(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool is_confirmed, is_generic, spf_passes;
		enum tier want;
	} learnt[] = {
		{ "c-2-3.isp.example", true, true, false, TIER_NONE },
		{ "mail.isp.example", false, false, false, TIER_NONE },
		{ "mail.isp.example", true, false, false, TIER_WEAK },
		{ "", false, false, false, TIER_WEAK },
		{ "", false, false, true, TIER_PLAUSIBLE },
		{ "mail.isp.example", true, false, false, TIER_PLAUSIBLE },
		{ "", false, false, false, TIER_PLAUSIBLE },
	};
	struct story *s = story_new();
	story_play(s, "H@0 W@80 W@242m");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.tier, TIER_NONE);
	for (size_t i = 0; i < sizeof(learnt) / sizeof(learnt[0]); i++) {
		struct told told = story_tell(&v);
		story_name(s, 'A', learnt[i].name, "isp.example", learnt[i].is_confirmed,
			   learnt[i].is_generic);
		s->spf_passes[0] = learnt[i].spf_passes;
		v = story_verdict(s, 'A', 0, &told);
		if (v.fate != FATE_STOPPED || v.tier != learnt[i].want)
			fail_msg("step %zu: got %s, %s", i, fate_name(v.fate),
				 tier_name(v.tier));
	}
	story_free(s);
}

/* Case 20 and its like: R~ is a first attempt that is refused for now. */
/* clang-format off */
static const struct {
	const char *story, *events;
	bool is_missing;
	enum fate fate;
} messages[] = {
	{ "case 20: refused once, tries the decoy, gives up, comes with its next message",
	  "Rf~@0 Hf@1 W@80 Rg@1h W@5h", true, FATE_REACHED },
	{ "case 20: the same without the next message", "Rf~@0 Hf@1 W@80 W@5h", true, FATE_REACHED },
	{ "before four well hours nothing is said", "Rf~@0 Hf@1 W@80 Rg@1h W@3h", false, FATE_REACHED },
	{ "it is accepted within the four hours", "Rf~@0 Hf@1 W@80 Rf@3h W@5h", false, FATE_REACHED },
	{ "it is accepted on the third day", "Rf~@0 Hf@1 W@80 W@5h Rf@3d W@73h", false, FATE_REACHED },
	{ "it was accepted just before the decoy was told", "L@-3 Rf@-1 Hf@10 W@80 W@5h", false, FATE_REACHED },
	{ "case 40: accepted from another client of its provider", "Rf~@0 Hf@1 W@80 X:Rf@3h W@5h",
	  false, FATE_REACHED },
	{ "an hour before the decoy was told of it: another message of the same envelope",
	  "Rf@-1h W@1 Rf~@2 Hf@3 W@80 W@5h", true, FATE_REACHED },
	{ "case 20: a late next message makes nothing missing", "Hf@1 W@80 W@2h Rg@1h^2h W@5h",
	  false, FATE_REACHED },
	{ "case 20: nor does a late first attempt", "Hf@1 W@80 Rf~@0^90 W@5h", false, FATE_REACHED },
	{ "case 20: a late acceptance clears it", "Rf~@0 Hf@1 W@80 W@5h Rf@1h^5h W@6h", false, FATE_REACHED },
	{ "its next message comes in time, an hour later", "Hf@1 W@80 Rg@1h W@5h", true, FATE_REACHED },
	{ "a sender that never came is stopped, and its message not counted twice",
	  "Hf@1 W@80 W@5h", false, FATE_STOPPED },
	{ "an envelope told to the decoy late", "Rf~@0 W@30 H@40 W@80 Hf@41^90 W@5h", false, FATE_REACHED },
	{ "no envelope told", "R~@0 H@1 W@80 W@5h", false, FATE_REACHED },
	{ "the real hosts were not well for four hours of the five days",
	  "Rf~@0 Hf@1 W@80 F@90 w@6d P@145h W@145h", false, FATE_REACHED },
};
/* clang-format on */

static void a_message_can_be_missing_though_its_sender_came(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct story *s = story_new();
		s->is_allowed[0] = true;
		story_play(s, messages[i].events);
		struct verdict v = story_verdict(s, 'A', 1, NULL);
		enum tier tier = messages[i].is_missing || v.fate == FATE_STOPPED
				     ? TIER_KNOWN
				     : TIER_NONE;
		if ((v.missing != 0) != messages[i].is_missing ||
		    v.fate != messages[i].fate || v.tier != tier) {
			print_error("%s: got %d, %s, %s; want %d, %s, %s\n",
				    messages[i].story, v.missing != 0, fate_name(v.fate),
				    tier_name(v.tier), messages[i].is_missing,
				    fate_name(messages[i].fate), tier_name(tier));
			wrong++;
		}
		story_free(s);
	}
	assert_int_equal(wrong, 0);
}

static void nothing_is_missing_where_a_real_host_tells_no_envelopes(void **state)
{
	(void)state;
	struct story *s = story_new();
	s->view.hosts[STORY_BACKUP].tells_envelopes = false;
	story_play(s, "Rf~@0 Hf@1 W@80 W@5h");
	assert_int_equal(story_verdict(s, 'A', 1, NULL).missing, 0);
	story_free(s);
}

static void stopped_is_final_after_five_days_and_corrected_before(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "H@0 X:H@0 W@80 W@242m");
	struct verdict a = story_verdict(s, 'A', 0, NULL);
	struct verdict x = story_verdict(s, 'X', 0, NULL);
	struct told told = story_tell(&x);
	assert_false(a.is_final);
	assert_int_equal(a.need_now, story_time(5 * 86400));
	story_play(s, "X:R@2d");
	x = story_verdict(s, 'X', 0, &told);
	assert_true(verdict_corrects(&told, &x));
	assert_true(x.returned_later);
	assert_int_equal(x.fate, FATE_REACHED);
	story_play(s, "T@7199m");
	assert_false(story_verdict(s, 'A', 0, NULL).is_final);
	story_play(s, "T@7200m");
	a = story_verdict(s, 'A', 0, NULL);
	assert_true(a.is_final);
	assert_int_equal(a.need_now, MOMENT_NONE);
	assert_int_equal(a.need, MOMENT_NONE);
	story_free(s);
}

static void what_was_undecided_is_no_correction(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "H@0");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	struct told told = story_tell(&v);
	story_play(s, "W@80");
	v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order, ORDER_BACKDOOR);
	assert_false(verdict_corrects(&told, &v));
	told = (struct told){ .order = ORDER_STRAIGHT }; /* nothing was told */
	assert_false(verdict_corrects(&told, &v));
	story_free(s);
}

/* Cases 16 and 36: the name goes, or the one who excused is forgotten. */
static void what_was_excused_stays_excused(void **state)
{
	(void)state;
	static const struct {
		const char *story, *events;
		enum reason order, fate;
	} rows[] = {
		{ "a contact of its domain", "X:R-@-1h H@0 W@80 W@5h",
		  REASON_POOL_CONTACT, REASON_POOL_REACHED },
		{ "its domain came on the second day: the order was none the softer",
		  "H@0 W@80 W@5h X:R-@26h W@27h", REASON_REAL_NEVER_SEEN,
		  REASON_POOL_REACHED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct story *s = story_new();
		story_name(s, 'X', "a.good.example", "good.example", true, false);
		story_name(s, 'A', "b.good.example", "good.example", true, false);
		story_play(s, rows[i].events);
		struct verdict v = story_verdict(s, 'A', 0, NULL);
		for (int again = 0; again < 2; again++) {
			struct told told = story_tell(&v);
			if (v.order_reason != rows[i].order ||
			    v.fate_reason != rows[i].fate)
				fail_msg("%s, asked again %d: got %s, %s", rows[i].story,
					 again, reason_text(v.order_reason),
					 reason_text(v.fate_reason));
			story_name(s, 'X', "", "", false, false);
			v = story_verdict(s, 'A', 0, &told);
		}
		story_free(s);
	}
}

/* The twin is no longer one: what it did was not nothing. */
static void a_twin_that_is_lost_still_excuses(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_name(s, 'A', "mx.good.example", "good.example", true, false);
	story_name(s, 'Y', "mx.good.example", "good.example", true, false);
	story_play(s, "Y:R-@-1h H@0 Y:R-@50m W@5h");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order_reason, REASON_ADDRESS_CONTACT);
	assert_int_equal(v.fate, FATE_REACHED);
	struct told told = story_tell(&v);
	story_name(s, 'Y', "", "", false, false);
	v = story_verdict(s, 'A', 0, &told);
	assert_int_equal(v.order_reason, REASON_POOL_CONTACT);
	assert_int_equal(v.fate_reason, REASON_POOL_REACHED);
	story_free(s);
}

static void too_much_to_read_excuses(void **state)
{
	(void)state;
	struct story *s = story_new();
	struct walk w;
	story_play(s, "H@0 W@80 W@5h");
	assert_true(story_walk(s, 'A', 0, &w));
	struct proof p = story_proof(s, &w);
	p.too_many = true;
	struct verdict v = decide(&w, &p, &s->view, &s->rules);
	assert_int_equal(v.order, ORDER_UNKNOWN);
	assert_int_equal(v.order_reason, REASON_TOO_MANY);
	assert_int_equal(v.fate_reason, REASON_TOO_MANY);
	story_free(s);
}

/* Case 41 and its like: after the seal only what is softer is taken. */
static const struct {
	const char *story, *before, *after;
	enum order order;
	enum fate fate;
	bool is_final;
} sealed[] = {
	{ "nothing new", "H@0 W@80 W@5h", "", ORDER_BACKDOOR, FATE_STOPPED, true },
	{ "case 41: a contact told late, of the minute after", "H@0 W@80 W@5h", "R@30^6d",
	  ORDER_UNKNOWN, FATE_REACHED, false },
	{ "one of the second day", "H@0 W@80 W@5h", "R@2d^6d", ORDER_BACKDOOR,
	  FATE_REACHED, false },
	{ "one of its pool", "H@0 W@80 W@5h", "B:R@2d^6d", ORDER_BACKDOOR, FATE_UNKNOWN,
	  false },
	{ "a contact of its pool in the minute after", "H@0 W@80 W@5h", "B:R@30^6d",
	  ORDER_UNKNOWN, FATE_UNKNOWN, false },
	{ "a low visit told late", "R@0.5 L@2 W@80 W@5h", "l@0^6d", ORDER_STRAIGHT,
	  FATE_REACHED, false },
	{ "an excuse is found later: history stays", "H@0 W@80 W@5h", "N@-1h",
	  ORDER_BACKDOOR, FATE_STOPPED, true },
	{ "a walk that was excused stays so", "B:R-@-1h H@0 W@80 W@5h", "", ORDER_UNKNOWN,
	  FATE_UNKNOWN, false },
	{ "in order, and another contact is told late", "L@50 R@100 W@200 W@5h", "R@0^6d",
	  ORDER_STRAIGHT, FATE_REACHED, false },
};

static void a_sealed_verdict_only_softens(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++) {
		struct story *s = story_new();
		story_play(s, sealed[i].before);
		story_play(s, "W@122h");
		struct verdict v = story_verdict(s, 'A', 0, NULL);
		struct told told = story_tell(&v);
		told.is_sealed = true;
		story_play(s, sealed[i].after);
		v = story_verdict(s, 'A', 0, &told);
		if (v.order != sealed[i].order || v.fate != sealed[i].fate ||
		    v.is_final != sealed[i].is_final || v.need != MOMENT_NONE ||
		    v.need_now != MOMENT_NONE)
			fail_msg("%s: got %s, %s, final %d; want %s, %s, %d",
				 sealed[i].story, order_name(v.order), fate_name(v.fate),
				 v.is_final, order_name(sealed[i].order),
				 fate_name(sealed[i].fate), sealed[i].is_final);
		story_free(s);
	}
}

static void a_sealed_message_is_missing_until_it_is_accepted(void **state)
{
	(void)state;
	struct story *s = story_new();
	s->is_allowed[0] = true;
	story_play(s, "Rf~@0 Hf@1 W@80 W@122h");
	struct verdict v = story_verdict(s, 'A', 1, NULL);
	assert_true(v.missing && v.tier == TIER_KNOWN);
	struct told told = story_tell(&v);
	told.is_sealed = true;
	s->is_allowed[0] = false;
	v = story_verdict(s, 'A', 1, &told);
	assert_true(v.missing == told.missing && v.tier == TIER_KNOWN);
	story_play(s, "X:Rf@1h^122.5h");
	v = story_verdict(s, 'A', 1, &told);
	assert_true(!v.missing && v.tier == TIER_NONE);
	/* None was missing at the seal: none is later. */
	told.missing = 0;
	story_free(s);
	s = story_new();
	story_play(s, "Rf~@0 Hf@1 W@80 W@122h");
	assert_int_equal(story_verdict(s, 'A', 1, &told).missing, 0);
	story_free(s);
}

static void who_is_at_a_real_host_has_reached_it_without_a_proof(void **state)
{
	(void)state;
	struct story *s = story_new();
	struct walk w;
	story_play(s, "L@0 R@1 W@80");
	assert_true(story_walk(s, 'A', 0, &w));
	struct proof p = { .own_after = MOMENT_NONE, .told = TOLD_NONE };
	assert_int_equal(decide(&w, &p, &s->view, &s->rules).fate, FATE_REACHED);
	story_free(s);
}

/* Case 16: runs are deleted after 96 days; what was said of them is not worse for it. */
static void nothing_that_is_no_longer_kept_makes_a_sealed_walk_worse(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "B:R-@-1h H@0 X:L@0 X:R@1 W@80 W@6d");
	struct verdict a = story_verdict(s, 'A', 0, NULL);
	struct told told = story_tell(&a);
	told.is_sealed = true;
	s->visits[0].where.role = ROLE_CONTROL; /* B's contact is gone */
	told.order_excused = told.fate_excused = false;
	a = story_verdict(s, 'A', 0, &told);
	assert_int_equal(a.order_reason, REASON_POOL_CONTACT);
	assert_int_equal(a.fate_reason, REASON_POOL_REACHED);
	spans_release(&s->view.watched); /* spans too */
	spans_release(&s->view.sound);
	struct verdict x = story_verdict(s, 'X', 0, NULL);
	assert_int_equal(x.order_reason, REASON_NOT_WATCHED);
	a = story_verdict(s, 'A', 0, &told);
	assert_int_equal(a.order_reason, REASON_POOL_CONTACT);
	story_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delay_is_from_low_to_the_next_real_contact),
		cmocka_unit_test(a_delay_waits_until_no_nearer_contact_can_be_told),
		cmocka_unit_test(stopped_senders_that_may_be_good_have_a_tier),
		cmocka_unit_test(
		    a_tier_is_raised_by_a_late_name_and_not_lowered_by_a_later),
		cmocka_unit_test(a_message_can_be_missing_though_its_sender_came),
		cmocka_unit_test(nothing_is_missing_where_a_real_host_tells_no_envelopes),
		cmocka_unit_test(stopped_is_final_after_five_days_and_corrected_before),
		cmocka_unit_test(what_was_undecided_is_no_correction),
		cmocka_unit_test(what_was_excused_stays_excused),
		cmocka_unit_test(a_twin_that_is_lost_still_excuses),
		cmocka_unit_test(too_much_to_read_excuses),
		cmocka_unit_test(a_sealed_verdict_only_softens),
		cmocka_unit_test(a_sealed_message_is_missing_until_it_is_accepted),
		cmocka_unit_test(who_is_at_a_real_host_has_reached_it_without_a_proof),
		cmocka_unit_test(
		    nothing_that_is_no_longer_kept_makes_a_sealed_walk_worse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
