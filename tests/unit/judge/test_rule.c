/* The decision table of DESIGN section 4, row by row, and those of the 45 cases of the
 * second edition that can be told as a story. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* One row, one story: what is held of the walk of client A that began nearest to the
 * second. */
/* clang-format off */
static const struct {
	const char *story;
	const char *events;
	double of;
	enum order order;
	enum reason why;
	enum fate fate;
	enum reason fate_why;
} rows[] = {
	/* row 0 */
	{ "no watermark yet", "H@0 P@80", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "case 3: no probe yet: a log that has not shown our own probes proves nothing", "H@0 w@80", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "watermarks short of confirmation", "H@0 P@80 w@59", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "one real host's watermark is missing", "H@0 P@80 M@80 q@80 k@80", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "the high decoy's is missing: it may have told of an earlier visit", "H@0 P@80 M@80 B@80 q@80", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "all have told", "H@0 W@60", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "came to a real host, the order is not known yet", "L@0 R@1", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_REACHED, REASON_REACHED },
	{ "case 34: without a high visit, before the low decoy's watermark", "R@0 P@80 M@80 B@80 k@80", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_REACHED, REASON_REACHED },
	{ "a knock at the low decoy after: it is waited for too", "R@0 l@10m W@605", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_REACHED, REASON_REACHED },
	{ "case 2: the first of two high visits is told when its session is over",
	  "H@150 R@200 M@300 B@300 q@300 P@300 k@-1 H@0^290", 0,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_REACHED, REASON_REACHED },
	{ "case 2: and judged once", "H@150 R@200 M@300 B@300 q@300 P@300 k@-1 H@0^290 W@300", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_REACHED, REASON_REACHED },
	{ "case 1: a session told when it was over, its own decoy's watermark held back",
	  "M@118 B@118 P@118 k@-1 H@0^120 W@200", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "case 14: the sources are dead for a week", "H@0 T@7d", 0,
	  ORDER_UNKNOWN, REASON_NOT_WATCHED, FATE_UNKNOWN, REASON_NOT_WATCHED },

	/* row 1 */
	{ "within the grace after a start", "[@-30 H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_GRACE, FATE_UNKNOWN, REASON_GRACE },
	{ "just after the grace", "[@-61 H@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "in order within the grace", "[@-30 L@0 R@1 W@80", 0,
	  ORDER_UNKNOWN, REASON_GRACE, FATE_REACHED, REASON_REACHED },
	{ "serve was killed while it waited for confirmation", "H@0 w@10 [@300 W@400", 0,
	  ORDER_UNKNOWN, REASON_NOT_WATCHED, FATE_PENDING, REASON_WAITING },
	{ "killed at an unknown moment, a knock is no sign that we saw all",
	  "W@0 H@300 X:l@500 [@1000 W@2000", 300,
	  ORDER_UNKNOWN, REASON_NOT_WATCHED, FATE_UNKNOWN, REASON_NOT_WATCHED },
	{ "a probe failed after", "H@0 F@30 W@80", 0,
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN, REASON_NOT_WELL },
	{ "stopped inside the gap between two probes", "P@0 H@20 F@60 b@60 w@200 P@210 w@300", 20,
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN, REASON_NOT_WELL },
	{ "case 33: as long as the outage lasts nothing is told", "P@0 H@20 F@60 b@60 w@200", 20,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "a probe failed just before, then succeeded", "F@-120 P@-60 H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN, REASON_NOT_WELL },
	{ "a host is unwell for six hours after", "F@-6h P@-359m H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_NOT_WELL, FATE_UNKNOWN, REASON_NOT_WELL },
	{ "six hours after it was well again it counts", "F@-364m P@-363m H@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "one minute before the first failure", "P@-100 H@-70 P@-65 F@0 W@80", -70,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "case 4: the set of real hosts changed an hour ago", "N@-1h H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_HOSTS_CHANGED, FATE_UNKNOWN, REASON_HOSTS_CHANGED },
	{ "case 4: it changes three days after: that walk stays decided", "H@0 W@80 W@5h N@3d W@73h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "the set of real hosts changed two days ago", "W@1 N@2 H@172803 W@49h", 172803,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "that moment is the high visit's: watched then, though not at the real one",
	  "[@-10m R@-595 W@-500 H@0 W@80", 0,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },

	/* row 2 */
	{ "all at once, decoy first", "H@0 R@0.9 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "a second between", "H@0 R@1 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "decoy first by a microsecond more", "H@0 R@1.000001 W@80", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "a name may have been looked up for ten seconds: half a second between", "H@0 Rpa@10.5 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "decoy first by more than a second", "H@0 R@1.1 W@80", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "decoy before the real host had answered", "R@0 H@0.1 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "decoy after the real host had answered", "L@-1 R@0 H@0.5 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "a whole second that is over when the real host is tried: wholly before", "H%@0 Ra@1 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "just before the real host answered", "R@0 H@0.199999 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "as it answered", "R@0 H@0.2 W@80", 0,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "a real host that answers slowly, and a decoy a second later", "Rt@0 H@1 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "more than a second later", "Rt@0 H@1.000001 W@80", 0,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "nobody knows when the real host answered", "L@-1 Ra@0 H@0.1 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "a whole second: perhaps at once", "H@0 R%@2.3 W@80", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "Postfix may have looked up a name for ten seconds, and answers after", "L@-1 H@0 Rp@5 W@80", 0,
	  ORDER_SHOTGUN, REASON_AT_ONCE, FATE_REACHED, REASON_REACHED },
	{ "the same, and nobody knows when it answered", "L@-1 H@0 Rpa@5 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },

	/* rows 3 and 4 */
	{ "the low decoy first", "L@0 R@1 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "case 31: a knock at the low decoy counts as something", "l@0 R@1 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "the low decoy not tried", "R@1 W@80", 1,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "the low decoy tried after", "R@1 L@2 W@80", 0,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "both at one moment: the low decoy is first", "R@1 L@1 W@80", 1,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "a microsecond after it is not", "R@1 L@1.000001 W@80", 1,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "case 25: the low decoy's source lost something before", "w@-60 D@-1 R@1 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "the low decoy's source lost something meanwhile", "w@-60 R@1 D@30 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "the low decoy's source lost something half an hour ago",
	  "w@-60 D@-1 R@30m W@32m", 1800,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "or a little less: nobody knows how long a name was looked up",
	  "w@-60 D@-1 Rp@30m W@32m", 1800,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "the low decoy's source had passed the moment when it lost something",
	  "R@1 w@5 D@30 W@80", 0, ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "a visit to the low decoy told late: it tried", "W@0 R@30 W@80 L@10^90 W@100", 30,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "a long visit to decoys before, in touch with the real one", "L@0 L@29m L@58m R@80m W@90m", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "the backup host alone", "L@0 S@1 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "greylisted, then on to the high decoy", "L@0 R~@1 H@5 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "in whole seconds overlapping, the low decoy is first", "L@0.9 R%@0.95 W@80", 0,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "in whole seconds overlapping, the real host is before the high decoy",
	  "H@0.4 R%@0.5 W@80", 0, ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "in whole seconds apart, the order stands", "H@0.4 R%@3 W@80", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "case 7: knocks glue nothing: the first", 
	  "R@0 l@29m l@58m l@87m L@2h R@7201 W@3h", 0,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "case 7: the latest", "R@0 l@29m l@58m l@87m L@2h R@7201 W@3h", 7200,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "case 8: low at 23:59:59, real two seconds later: one walk", "L@57599 R@57601 W@17h", 57599,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },
	{ "case 15: a contact told late is none of the walk's", "L@50 R@100 W@200 R@0^210 W@300", 50,
	  ORDER_STRAIGHT, REASON_IN_ORDER, FATE_REACHED, REASON_REACHED },

	/* row 5 */
	{ "goes straight to the last", "H@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "low decoy, then the last, never a real host", "L@0 H@1 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "a connection without a word is a contact", "Hn@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "a real host had seen it 23 hours before", "R@-23h W@-22h H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_PENDING, REASON_WAITING },
	{ "a real host had seen it 25 hours before", "R-@-25h H@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "a session of an hour that reaches into the 24 hours", "R-i@-24.5h H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_PENDING, REASON_WAITING },
	{ "a real host saw it a minute after", "H@0 R@59 W@130", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "or may have: its log says the minute after, and not how long a name took",
	  "H@0 Rp@65 W@130", 0, ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "a real host saw it ten minutes after", "H@0 W@90 R@600 W@700", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_REACHED, REASON_REACHED },
	{ "its pool had contact", "B:R@-23h H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING, REASON_WAITING },
	{ "its pool had contact, whatever became of it", "B:R-@-1h H@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING, REASON_WAITING },
	{ "its pool had contact a minute after", "H@0 B:R@50 W@130", 0,
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING, REASON_WAITING },
	{ "its pool had contact much later", "H@0 W@90 B:R@600 W@700", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "somebody else had contact", "X:R@-1h H@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "its pool knocked at a real host: no contact", "B:r@-1h H@0 W@80", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },

	/* row 6 and what is no walk */
	{ "case 31: only the low decoy", "L@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_LOW_ONLY, FATE_PENDING, REASON_WAITING },
	{ "knocks at all hosts are no walk", "l@0 h@1 W@80", 0,
	  ORDER_UNKNOWN, REASON_NONE, FATE_PENDING, REASON_NONE },
	{ "the control alone is no walk", "C@0 W@80", 0,
	  ORDER_UNKNOWN, REASON_NONE, FATE_PENDING, REASON_NONE },
	{ "a visit to the high decoy that was reported too late is none", "W@80 H@0 W@200", 0,
	  ORDER_UNKNOWN, REASON_NONE, FATE_PENDING, REASON_NONE },
	{ "reported from while nobody watched", "[@-20 H@-40^-10 W@80", 0,
	  ORDER_UNKNOWN, REASON_NONE, FATE_PENDING, REASON_NONE },
	{ "the clock goes back an hour", "W@0 H@-1h^1 W@80", 0,
	  ORDER_UNKNOWN, REASON_NONE, FATE_PENDING, REASON_NONE },
	{ "late contact excuses", "H@0 W@80 R@30 W@200", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "late contact of the pool excuses", "H@0 W@80 B:R@30 W@200", 0,
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING, REASON_WAITING },

	/* fate */
	{ "patience is not over", "H@0 W@80 W@239m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "patience is over", "H@0 W@80 W@242m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "case 31: the low decoy only, patience is over", "L@0 W@80 W@242m", 0,
	  ORDER_UNKNOWN, REASON_LOW_ONLY, FATE_STOPPED, REASON_NEVER_CAME },
	{ "unwell time is no patience", "H@0 W@80 F@1h P@61m W@242m W@10h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "but well time after it is", "H@0 W@80 F@1h P@61m W@242m W@12h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "retries at the decoys do not start patience again",
	  "H@0 W@80 H@1h H@2h H@3h H@238m W@242m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "nor does a run that goes on", "H@0 W@80 H@25m H@50m H@75m H@100m H@125m H@150m "
	  "H@175m H@200m H@225m W@242m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "case 42: the second walk of a bot, 23 hours later, has its own patience",
	  "H@0 W@80 W@22h H@23h W@26h", 82800,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "case 30: so has today's, a month after it was stopped", "H@0 W@5h W@30d H@30d W@723h", 2592000,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "its pool came", "H@0 W@80 B:R@1h W@242m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN, REASON_POOL_REACHED },
	{ "its pool came after it was stopped", "H@0 W@80 W@242m B:R@300m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN, REASON_POOL_REACHED },
	{ "its pool came on the sixth day", "H@0 W@80 W@242m W@143h B:R@144h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "case 9: its own earlier contact does not count as its pool's",
	  "R@-23h W@-22h H@0 W@80 W@242m", 0,
	  ORDER_UNKNOWN, REASON_ADDRESS_CONTACT, FATE_STOPPED, REASON_NEVER_CAME },
	{ "came on the third day after all", "H@0 W@80 W@242m R@3d", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_REACHED, REASON_REACHED },
	{ "came on the sixth", "H@0 W@80 W@242m W@143h R@144h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "a real run that touches began before", "R@-20m H@0 W@80", 0,
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED, REASON_REACHED },
	{ "case 43: five days of outage", "H@0 W@80 F@90 w@6d P@145h w@145h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN, REASON_NO_WELL_TIME },
	{ "five days that nobody watched", "H@0 W@80 [@6d W@145h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN, REASON_NOT_WATCHED },
	{ "well again after the five days: too late to say", "H@0 W@80 F@90 w@6d P@145h W@160h", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN, REASON_NO_WELL_TIME },
	{ "case 32: syslog died, Postfix is well: its watermark is the last probe it showed",
	  "W@10 H@20 P@5h M@10 B@5h q@5h k@5h", 20,
	  ORDER_UNKNOWN, REASON_UNDECIDED, FATE_PENDING, REASON_WAITING },
	{ "case 41: a run that goes on at midnight: its first part", "H@57240 H@57960 W@71700", 57240,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED, REASON_NEVER_CAME },
	{ "case 41: and its second, for itself", "H@57240 H@57960 W@71700", 57960,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "nothing is heard any more after the order was told: five days", "H@0 W@80 T@6d", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN, REASON_NOT_WATCHED },
	{ "late contact of the pool excuses a walk that another followed",
	  "H@0 W@80 R@10m W@12m L@2h R@2h W@125m B:R@30^126m", 0,
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_REACHED, REASON_REACHED },
	{ "late visits and knocks between hold no walks together",
	  "H@21h W@21.1h Hn@21.4h^21.6h h@21.4h^21.6h H@21.8h W@22h", 75600,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING, REASON_WAITING },
	{ "case 44: a source falls silent for an hour, and then tells of its contact",
	  "H@0 W@80 W@242m R@100^250m W@260m", 0,
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_REACHED, REASON_REACHED },
};
/* clang-format on */

static void order_and_fate_follow_the_table(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct story *s = story_new();
		story_play(s, rows[i].events);
		struct verdict v = story_verdict(s, 'A', rows[i].of, NULL);
		if (v.order != rows[i].order || v.order_reason != rows[i].why ||
		    v.fate != rows[i].fate || v.fate_reason != rows[i].fate_why) {
			print_error(
			    "%s (%s): got %s (%s), %s (%s); want %s (%s), %s (%s)\n",
			    rows[i].story, rows[i].events, order_name(v.order),
			    reason_text(v.order_reason), fate_name(v.fate),
			    reason_text(v.fate_reason), order_name(rows[i].order),
			    reason_text(rows[i].why), fate_name(rows[i].fate),
			    reason_text(rows[i].fate_why));
			wrong++;
		}
		story_free(s);
	}
	assert_int_equal(wrong, 0);
}

static void an_unwatched_low_decoy_proves_no_skipping(void **state)
{
	(void)state;
	struct story *s = story_new();
	s->hosts[STORY_LOW].is_unwatched = true; /* closed, and no knock watcher */
	story_play(s, "R@0 W@80");
	assert_int_equal(story_verdict(s, 'A', 0, NULL).order, ORDER_STRAIGHT);
	story_free(s);
}

static void an_unwatched_real_host_excuses_everybody(void **state)
{
	(void)state;
	struct story *s = story_new();
	s->hosts[STORY_BACKUP].is_unwatched = true;
	story_play(s, "H@0 X:L@0 X:R@1 W@80 W@5h");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order_reason, REASON_NOT_WATCHED);
	assert_int_equal(v.fate, FATE_UNKNOWN);
	assert_int_equal(story_verdict(s, 'X', 0, NULL).fate, FATE_REACHED);
	story_free(s);
}

/* Case 38. */
static void an_address_that_makes_most_contacts_is_not_judged(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_play(s, "N:H@0 A:H@0 N:R@10m W@5h");
	s->nat = 'N';
	struct verdict v = story_verdict(s, 'N', 0, NULL);
	assert_int_equal(v.order_reason, REASON_NAT);
	assert_int_equal(v.fate, FATE_REACHED);
	assert_int_equal(story_verdict(s, 'A', 0, NULL).order, ORDER_BACKDOOR);
	s->nat = 'A';
	v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.fate_reason, REASON_NAT);
	assert_int_equal(v.fate, FATE_UNKNOWN);
	story_free(s);
}

/* Case 10 among them. */
static void a_domain_pool_excuses_across_networks(void **state)
{
	(void)state;
	static const struct {
		const char *story;
		struct {
			char client;
			const char *name, *domain;
			bool is_confirmed, is_generic;
		} names[2];
		enum reason want;
	} rows_of[] = {
		{ "of one domain",
		  { { 'X', "a.pool.example", "pool.example", true, false },
		    { 'A', "b.pool.example", "pool.example", true, false } },
		  REASON_POOL_CONTACT },
		{ "its name does not confirm",
		  { { 'X', "a.pool.example", "pool.example", true, false },
		    { 'A', "b.pool.example", "pool.example", false, false } },
		  REASON_REAL_NEVER_SEEN },
		{ "its name is generic: another customer of the same provider",
		  { { 'X', "a.pool.example", "pool.example", true, false },
		    { 'A', "dyn.pool.example", "pool.example", true, true } },
		  REASON_REAL_NEVER_SEEN },
		{ "both are of one cloud",
		  { { 'X', "ec2-1.amazonaws.com", "amazonaws.com", true, true },
		    { 'A', "ec2-2.amazonaws.com", "amazonaws.com", true, true } },
		  REASON_REAL_NEVER_SEEN },
		{ "a generic name pools as its whole name",
		  { { 'X', "c-2-3.isp.example", "isp.example", true, true },
		    { 'A', "c-2-3.isp.example", "isp.example", true, true } },
		  REASON_POOL_CONTACT },
	};
	for (size_t i = 0; i < sizeof(rows_of) / sizeof(rows_of[0]); i++) {
		struct story *s = story_new();
		for (size_t n = 0; n < 2; n++)
			story_name(s, rows_of[i].names[n].client,
				   rows_of[i].names[n].name, rows_of[i].names[n].domain,
				   rows_of[i].names[n].is_confirmed,
				   rows_of[i].names[n].is_generic);
		story_play(s, "X:R-@-1h H@0 W@80");
		struct verdict v = story_verdict(s, 'A', 0, NULL);
		if (v.order_reason != rows_of[i].want)
			fail_msg("%s: got %s, want %s", rows_of[i].story,
				 reason_text(v.order_reason),
				 reason_text(rows_of[i].want));
		story_free(s);
	}
}

/* Case 12: the next question knows a name that is learnt after the verdict. */
static void a_name_learnt_after_the_verdict_excuses_too(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_name(s, 'X', "a.pool.example", "pool.example", true, false);
	story_play(s, "X:R-@-1h H@0 W@80");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order, ORDER_BACKDOOR);
	struct told told = story_tell(&v);
	story_name(s, 'A', "b.pool.example", "pool.example", true, false);
	v = story_verdict(s, 'A', 0, &told);
	assert_int_equal(v.order_reason, REASON_POOL_CONTACT);
	assert_true(verdict_corrects(&told, &v));
	story_free(s);
}

/* clang-format off */
static const struct {
	const char *story, *events;
	char client;
	enum order order;
	enum reason reason;
	enum fate fate;
} envelopes[] = {
	{ "the same envelope came over IPv6 a quarter of an hour before", "Y:Rf@-15m Hf@0 W@80", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "an hour before it is another message", "Y:Rf@-1h Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "the same envelope came over IPv6 after", "Hf@0 Y:Rf@50 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "over IPv4, after the decoy was tried over IPv6", "Y:Hf@0 Rf@50 W@130", 'Y',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "whatever became of it", "Hf@0 Y:Rf-@50 W@130", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "told late", "Hf@0 W@80 Y:Rf@30^200 W@300", 'A',
	  ORDER_UNKNOWN, REASON_POOL_CONTACT, FATE_PENDING },
	{ "another sender", "Y:Rg@-1m Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "to another recipient", "Y:Rfd@-1m Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "case 11: over the same family it is somebody else's", "X:Rf@-1m Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "bounces have no sender", "Y:R@-1m H@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "an envelope that was not told", "Y:Rfn@-1m Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "told to the control address only", "Y:Rf@-1m Cf@0 H@1 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "a knock at the real host is none", "Y:rf@-1m Hf@0 W@80", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_PENDING },
	{ "never came, and is stopped", "Hf@0 W@80 W@242m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_STOPPED },
	{ "came over IPv6 in time", "Hf@0 W@80 Y:Rf@1h W@242m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "came over IPv6 after it was stopped", "Hf@0 W@80 W@242m Y:Rf@300m", 'A',
	  ORDER_BACKDOOR, REASON_REAL_NEVER_SEEN, FATE_UNKNOWN },
	{ "the one that came is judged by itself", "Hf@0 Y:Rf@50 W@130", 'Y',
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "an envelope proves no delay", "Lf@0 Y:Rf@1 W@80", 'Y',
	  ORDER_SKIPPED, REASON_LOW_SKIPPED, FATE_REACHED },
	{ "the low decoy, too", "Lf@0 Y:Rf@1 W@80 W@242m", 'A',
	  ORDER_UNKNOWN, REASON_LOW_ONLY, FATE_UNKNOWN },
};
/* clang-format on */

static void one_envelope_over_two_families_is_one_machine(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
		struct story *s = story_new();
		story_play(s, envelopes[i].events);
		struct verdict v = story_verdict(s, envelopes[i].client, 0, NULL);
		if (v.order != envelopes[i].order ||
		    v.order_reason != envelopes[i].reason ||
		    v.fate != envelopes[i].fate || v.delay_us != -1) {
			print_error("%s: got %s (%s), %s; want %s (%s), %s\n",
				    envelopes[i].story, order_name(v.order),
				    reason_text(v.order_reason), fate_name(v.fate),
				    order_name(envelopes[i].order),
				    reason_text(envelopes[i].reason),
				    fate_name(envelopes[i].fate));
			wrong++;
		}
		story_free(s);
	}
	assert_int_equal(wrong, 0);
}

/* Case 21. */
static void two_families_of_one_name_are_one_sender(void **state)
{
	(void)state;
	struct story *s = story_new();
	story_name(s, 'A', "mx.good.example", "good.example", true, false);
	story_name(s, 'Y', "mx.good.example", "good.example", true, false);
	story_play(s, "L@0 Y:R@1.5 W@80");
	struct verdict v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order, ORDER_STRAIGHT);
	assert_int_equal(v.fate, FATE_REACHED);
	assert_int_equal(v.delay_us, 1500000);
	/* A third address under the name: a pool, and no delay. */
	story_name(s, 'X', "mx.good.example", "good.example", true, false);
	v = story_verdict(s, 'A', 0, NULL);
	assert_int_equal(v.order_reason, REASON_LOW_ONLY);
	assert_int_equal(v.delay_us, -1);
	story_free(s);
}

/* Case 17: two sites shared an address for a while; rows keep the group of their time. */
static void runs_of_a_former_group_are_part_of_the_walk(void **state)
{
	(void)state;
	struct visit v = { .depth = DEPTH_DATA, .precision_us = 1 };
	struct run_where decoy = { .group = 1, .role = ROLE_DECOY, .place = PLACE_LOW };
	struct run_where real = { .group = 3, .role = ROLE_REAL, .place = PLACE_REAL };
	v.time = story_time(0);
	struct run main = run_of(&v, &decoy);
	v.time = story_time(2);
	struct run other = run_of(&v, &real);
	struct walk w;
	walk_of(&main, &other, 1, &w);
	assert_true(w.has_real);
	assert_int_equal(w.next - w.low, 2 * STAMP_SECOND);
	assert_int_equal(w.main.group, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_and_fate_follow_the_table),
		cmocka_unit_test(an_unwatched_low_decoy_proves_no_skipping),
		cmocka_unit_test(an_unwatched_real_host_excuses_everybody),
		cmocka_unit_test(an_address_that_makes_most_contacts_is_not_judged),
		cmocka_unit_test(a_domain_pool_excuses_across_networks),
		cmocka_unit_test(a_name_learnt_after_the_verdict_excuses_too),
		cmocka_unit_test(one_envelope_over_two_families_is_one_machine),
		cmocka_unit_test(two_families_of_one_name_are_one_sender),
		cmocka_unit_test(runs_of_a_former_group_are_part_of_the_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
