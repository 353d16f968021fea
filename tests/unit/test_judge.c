#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* One row, one story of client A: what is held of it in the end. */
/* clang-format off */
static const struct {
	const char *story;
	const char *events;
	enum order order;
	enum reason why;
	enum fate fate;
} orders[] = {
	/* row 1 */
	{ "knocks at all hosts tell nothing", "l@0 h@1 W@80",
	  ORDER_UNKNOWN, REASON_KNOCKS_ONLY, FATE_UNKNOWN },
	{ "within the grace after a start", "[@-30 H@0 W@80",
	  ORDER_UNKNOWN, REASON_GRACE, FATE_UNKNOWN },
	{ "just after the grace", "[@-61 H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "in order within the grace", "[@-30 L@0 R@1 W@80",
	  ORDER_UNKNOWN, REASON_GRACE, FATE_REACHED },
	{ "reported from while nobody watched", "]@-50 [@-20 H@-40^-10 W@80",
	  ORDER_UNKNOWN, REASON_NOT_WATCHED, FATE_UNKNOWN },
	{ "serve was killed while it waited for confirmation", "H@0 w@10 [@300 W@400",
	  ORDER_UNKNOWN, REASON_NOT_WATCHED, FATE_UNKNOWN },
	{ "killed at an unknown moment, a knock is no sign that we saw all",
	  "W@0 H@300 X:l@500 [@1000 W@2000", ORDER_UNKNOWN, REASON_NOT_WATCHED, FATE_UNKNOWN },
	{ "a probe failed after", "H@0 F@30 W@80",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },
	{ "stopped inside the gap between two probes", "P@0 H@20 F@60 b@60 w@200",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },
	{ "a probe failed just before, then succeeded", "F@-120 P@-60 H@0 W@80",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },
	{ "a host is unwell for six hours after", "F@-6h P@-359m H@0 W@80",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },
	{ "six hours after it was well again it counts", "F@-364m P@-363m H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "one minute before the first failure", "P@-100 H@-70 P@-65 F@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a fifth of the visits of ten minutes deferred",
	  "X:R@-4m X:R@-3m X:R@-2m X:R@-1m X:R~@-50 H@0 W@80",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },
	{ "a fifth aborted", "X:R@-4m X:R@-3m X:R@-2m X:R@-1m X:R!@-50 H@0 W@80",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },
	{ "one of six deferred", "X:R@-4m X:R@-3m X:R@-2m X:R@-1m X:R@-55 X:R~@-50 H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "one abort of a quiet host is no outage", "X:R!@-50 H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "health probes and scanners that leave before MAIL are no outage",
	  "X:Rn!@-4m X:Rn!@-3m X:Rn!@-2m X:Rn!@-1m X:Rn!@-50 H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "deferrals that are told only after the verdict",
	  "H@0 W@80 X:R~@81 X:R~@82 X:R~@83 X:R~@84 X:R~@85",
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN },

	/* row 2 */
	{ "all at once, decoy first", "H@0 R@0.9 W@80",
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED },
	{ "decoy first by more than a second", "H@0 R@1.1 W@80",
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED },
	{ "decoy before the real host had answered", "R@0 H@0.1 W@80",
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED },
	{ "decoy after the real host had answered", "L@-1 R@0 H@0.5 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },

	/* rows 3 and 4 */
	{ "the low decoy first", "L@0 R@1 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "a knock at the low decoy counts as something", "l@0 R@1 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "the low decoy not tried", "R@1 W@80",
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "the low decoy tried after", "R@1 L@2 W@80",
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "the low decoy's source lost something before", "w@-60 D@-1 R@1 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "the low decoy's source lost something meanwhile", "w@-60 R@1 D@30 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "the low decoy's source lost something half an hour ago",
	  "w@-60 D@-1 R@30m W@32m", ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "the low decoy's source had passed the moment when it lost something",
	  "w@5 R@1^5 D@30 W@80", ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "the backup host alone", "L@0 S@1 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "greylisted, then on to the high decoy", "L@0 R~@1 H@5 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "in whole seconds overlapping, the low decoy is first", "L@0.9 R%@0.95 W@80",
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED },
	{ "in whole seconds overlapping, the real host is before the high decoy",
	  "H@0.4 R%@0.5 W@80",
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "in whole seconds apart, the order stands", "H@0.4 R%@3 W@80",
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED },

	/* row 5 */
	{ "goes straight to the last", "H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "low decoy, then the last, never a real host", "L@0 H@1 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a connection without a word is a contact", "Hn@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a real host had seen it 23 hours before", "R@-23h W@-22h H@0 W@80",
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_PENDING },
	{ "a real host had seen it 25 hours before", "R-@-25h H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a real host saw it a minute after", "H@0 R@59 W@130",
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED },
	{ "a real host saw it ten minutes after", "H@0 W@90 R@600 W@700",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_REACHED },
	{ "its pool had contact", "B:R@-23h H@0 W@80",
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "its pool had contact, whatever became of it", "B:R-@-1h H@0 W@80",
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "its pool had contact a minute after", "H@0 B:R@50 W@130",
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "its pool had contact much later", "H@0 W@90 B:R@600 W@700",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "somebody else had contact", "X:R@-1h H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "its pool knocked at a real host: no contact", "B:r@-1h H@0 W@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },

	/* row 6 and what is not decided */
	{ "only the low decoy", "L@0 W@80", ORDER_UNKNOWN, REASON_LOW_ONLY, FATE_PENDING },
	{ "only the control", "C@0 W@80", ORDER_UNKNOWN, REASON_CONTROL_ONLY, FATE_UNKNOWN },
	{ "no watermark yet", "H@0 P@80", ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING },
	{ "no probe yet", "H@0 w@80", ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING },
	{ "watermarks short of confirmation", "H@0 P@80 w@59",
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING },
	{ "one real host's watermark is missing", "H@0 P@80 M@80",
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING },
	{ "the other's as well", "H@0 P@80 M@80 B@80",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a visit to the high decoy that was reported too late", "W@80 H@0 W@200",
	  ORDER_UNKNOWN, REASON_LATE, FATE_UNKNOWN },
	{ "late contact excuses", "H@0 W@80 R@30 W@200",
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED },
	{ "late contact of the pool excuses", "H@0 W@80 B:R@30 W@200",
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "the clock goes back an hour", "W@0 H@-1h^1 W@80",
	  ORDER_UNKNOWN, REASON_LATE, FATE_UNKNOWN },

	/* fate */
	{ "patience is not over", "H@0 W@80 W@239m",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "patience is over", "H@0 W@80 W@242m",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED },
	{ "the low decoy only, patience is over", "L@0 W@80 W@242m",
	  ORDER_UNKNOWN, REASON_LOW_ONLY, FATE_STOPPED },
	{ "unwell time is no patience", "H@0 W@80 F@1h P@61m W@242m W@10h",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "but well time after it is", "H@0 W@80 F@1h P@61m W@242m W@12h",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED },
	{ "retries at the decoys do not start patience again",
	  "H@0 W@80 H@1h H@2h H@3h H@238m W@242m",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED },
	{ "its pool came", "H@0 W@80 B:R@1h W@242m",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "its pool came after it was stopped", "H@0 W@80 W@242m B:R@300m",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "its own earlier contact does not count as its pool's",
	  "R@-23h W@-22h H@0 W@80 W@242m",
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_STOPPED },
	{ "came on the third day after all", "H@0 W@80 W@242m R@3d",
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_REACHED },
};
/* clang-format on */

static void order_and_fate_follow_the_table(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct world w;
		world_init(&w);
		world_begin(&w);
		world_play(&w, orders[i].events);
		const struct verdict *v = world_verdict(&w, 'A');
		if (v->order != orders[i].order || v->order_reason != orders[i].why ||
		    v->fate != orders[i].fate) {
			print_error("%s (%s): got %s (%s), %s; want %s (%s), %s\n",
				    orders[i].story, orders[i].events,
				    order_name(v->order), reason_text(v->order_reason),
				    fate_name(v->fate), order_name(orders[i].order),
				    reason_text(orders[i].why),
				    fate_name(orders[i].fate));
			wrong++;
		}
		world_release(&w);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_fate_follow_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
