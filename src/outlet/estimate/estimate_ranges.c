#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "outlet/estimate/estimate_internal.h"

/* So many senders that were excused are too many to know who chose the last MX. */
enum { EXCUSED_MANY = 5 };

struct making {
	struct estimate_result *r;
	const struct estimate_worst *worst; /* senders that met the worst host alone */
	size_t host_count;
	unsigned rank_count;
};

static void FMX_PRINTF(2, 3)
    cannot_tell(struct estimate_range *range, const char *fmt, ...)
{
	va_list args;
	*range = (struct estimate_range){ .can_tell = false };
	va_start(args, fmt);
	(void)vsnprintf(range->why_not, sizeof(range->why_not), fmt, args);
	va_end(args);
}

/* How many of `all` do not retry at most, when `gave_up` of `tested` did not:
 * Wilson's interval at two standard deviations. */
static uint64_t at_most(uint64_t gave_up, uint64_t tested, uint64_t all)
{
	double n = (double)tested, p = (double)gave_up / n, z = 2;
	double upper =
	    (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) /
	    (1 + z * z / n);
	return gave_up + (uint64_t)ceil(fmin(upper, 1) * (double)(all - tested));
}

/* No more are stopped than there are. */
static uint64_t of_all(const struct estimate_result *r, uint64_t senders)
{
	return senders < r->senders ? senders : r->senders;
}

/* Senders that met the worst host alone meet no low decoy. */
static void make_low(const struct making *m)
{
	struct estimate_result *r = m->r;
	uint64_t tested = r->tested - m->worst->tested;
	uint64_t gave_up = r->gave_up - m->worst->gave_up;
	if (tested < ESTIMATE_MIN_TESTED) {
		cannot_tell(&r->low,
			    "%llu senders were deferred and watched long enough; %d show "
			    "who does not retry",
			    (unsigned long long)tested, ESTIMATE_MIN_TESTED);
		return;
	}
	r->low = (struct estimate_range){
		.can_tell = true,
		.most = at_most(gave_up, tested, r->senders - m->worst->all),
	};
}

/*
 * If all chose at random among n, part = n/(n+1) of as many would choose the
 * last of n + 1. What was seen and what will be seen both vary, together by
 * part x sqrt(count (2n - 1) / n). If all but a few chose the last on purpose, those
 * few make it more by chance: by 2n at most, again at two standard deviations.
 */
static void make_high(const struct making *m)
{
	struct estimate_result *r = m->r;
	double n = m->rank_count, part = n / (n + 1);
	double sure = (double)(r->worse_only - r->worse_plausible);
	double spread = 2 * sqrt(sure * (2 * n - 1) / n);
	unsigned long long excused = r->worse_excused;
	if (r->worse_excused > r->worse_only && r->worse_excused >= EXCUSED_MANY) {
		cannot_tell(&r->high,
			    "of %llu senders at the worst MX alone, %llu came when no "
			    "better one was seen to be well, or their pool did",
			    excused + r->worse_only, excused);
		return;
	}
	r->high = (struct estimate_range){
		.can_tell = true,
		.least = (uint64_t)floor(fmax(part * (sure - spread), 0)),
		.most = of_all(r, r->worse_only + r->worse_excused + 2 * m->rank_count),
	};
}

static bool is_blind(const struct making *m)
{
	for (size_t i = 0; i < m->host_count; i++) {
		if (m->r->hosts[i].visits > 0)
			continue;
		cannot_tell(&m->r->high, "no visit at one of the MX hosts was read");
		m->r->low = m->r->both = m->r->high;
		return true;
	}
	return false;
}

static void make_ranges(const struct making *m)
{
	struct estimate_result *r = m->r;
	if (is_blind(m))
		return;
	make_low(m);
	if (m->rank_count == 1) {
		/* First, last and only: who begins where cannot be seen. */
		r->high = r->both = r->low;
		return;
	}
	make_high(m);
	r->both = r->high.can_tell ? r->low : r->high;
	if (r->both.can_tell) {
		r->both.least = r->high.least;
		r->both.most = of_all(r, r->high.most + r->low.most);
	}
}

void estimate_ranges(struct estimate_result *r, const struct estimate_worst *worst,
		     size_t host_count, unsigned rank_count)
{
	make_ranges(&(struct making){ r, worst, host_count, rank_count });
}

const char *estimate_assumption(size_t index)
{
	static const char *const texts[] = {
		"The coming weeks bring the same senders as the log.",
		"A sender that came to the worst MX alone while a better one was well "
		"takes "
		"the last MX, or one at random; it will do the same when the last is a "
		"decoy.",
		"Who was never deferred retries as often as those who were.",
		"A sender that did not come back within 4 hours of a deferral does not "
		"retry. It may still walk on from a decoy at once: so the upper end is "
		"an upper bound.",
		("Senders that a firewall or blocklist keeps off before the log are not "
		 "counted."), /* one sentence, says clang */
	};
	return index < sizeof(texts) / sizeof(texts[0]) ? texts[index] : NULL;
}
