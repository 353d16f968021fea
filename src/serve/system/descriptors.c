#include "serve/system/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum {
	/* Standard streams, the loop, the journal's files and its readers' (three each),
	 * the lock, packet sockets, the resolver, files being written. */
	FIXED = 64,
	OF_HOST = 5,    /* a log, its older file, a command's pipes */
	OF_ADDRESS = 2, /* a listener or a probe, and the next while one closes */
};

static uint64_t reserve_of(const struct descriptors_want *w)
{
	return FIXED + (uint64_t)OF_HOST * w->hosts +
	       (uint64_t)OF_ADDRESS * w->addresses + w->sockets + w->inherited;
}

static uint32_t at_most(uint64_t n, uint32_t most)
{
	return n < most ? (uint32_t)n : most;
}

int descriptors_share(uint64_t limit, const struct descriptors_want *w,
		      struct descriptors *ret, struct error *e)
{
	uint64_t reserve = reserve_of(w);
	uint64_t least = reserve + DESCRIPTORS_LEAST;
	if (limit < least)
		return error_set(
		    e, -EMFILE,
		    "this process may open %llu files at once, and serve needs "
		    "%llu for this configuration; raise the limit "
		    "(LimitNOFILE= in the unit, ulimit -n in a shell)",
		    (unsigned long long)limit, (unsigned long long)least);
	uint64_t rest = limit - reserve;
	uint32_t policy = w->sockets ? at_most(rest / 4, DESCRIPTORS_POLICY) : 0;
	uint32_t linger = at_most(rest / 8, DESCRIPTORS_LINGER);
	*ret = (struct descriptors){ .limit = limit,
				     .reserve = at_most(reserve, UINT32_MAX),
				     .connections =
					 at_most(rest - policy - linger, w->connections),
				     .linger = linger,
				     .policy = policy };
	return 0;
}

int descriptors_take(const struct descriptors_want *w, struct descriptors *ret,
		     struct error *e)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_set(e, -errno, "the limit of open files: %s",
				 strerror(errno));
	/* Lingering ones get an eighth, Postfix a quarter: so both have all of theirs. */
	uint64_t all = w->connections + (uint64_t)DESCRIPTORS_LINGER + DESCRIPTORS_POLICY;
	uint64_t shares = 8 * (uint64_t)DESCRIPTORS_LINGER;
	rlim_t wanted = reserve_of(w) + (all > shares ? all : shares);
	rlim_t now = limit.rlim_cur;
	if (now < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) == 0) /* never above the hard one */
			now = limit.rlim_cur;
	}
	return descriptors_share(now, w, ret, e);
}
