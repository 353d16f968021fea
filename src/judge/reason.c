#include "judge/reason.h"

#include <assert.h>
#include <stddef.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const char *order_name(enum order o)
{
	static const char *const names[] = {
		[ORDER_UNKNOWN] = "unknown",   [ORDER_STRAIGHT] = "straight",
		[ORDER_SKIPPED] = "skipped",   [ORDER_SHOTGUN] = "shotgun",
		[ORDER_BACKDOOR] = "backdoor",
	};
	assert((size_t)o < COUNT(names));
	return names[o];
}

const char *fate_name(enum fate f)
{
	static const char *const names[] = {
		[FATE_PENDING] = "pending",
		[FATE_REACHED] = "reached",
		[FATE_STOPPED] = "stopped",
		[FATE_UNKNOWN] = "unknown",
	};
	assert((size_t)f < COUNT(names));
	return names[f];
}

const char *tier_name(enum tier t)
{
	static const char *const names[] = {
		[TIER_NONE] = "none",           [TIER_WEAK] = "weak",
		[TIER_PLAUSIBLE] = "plausible", [TIER_RETURNING] = "returning",
		[TIER_KNOWN] = "known",
	};
	assert((size_t)t < COUNT(names));
	return names[t];
}

static const char *const reasons[] = {
	[REASON_NONE] = "no reason",
	[REASON_UNDECIDED] = "it is too early to tell",
	[REASON_GRACE] = "we had only just started to watch",
	[REASON_NOT_WATCHED] = "a real host was not watched",
	[REASON_NOT_WELL] = "a real host was not well, or was not known to be",
	[REASON_HOSTS_CHANGED] = "the set of real hosts had changed a short time before",
	[REASON_NAT] =
	    "it makes more than half of all visits: it may be many behind a NAT",
	[REASON_LOW_ONLY] = "it tried only the low decoy",
	[REASON_AT_ONCE] = "it dialled decoy and real host at once",
	[REASON_LOW_SKIPPED] = "it came to a real host without trying the low decoy",
	[REASON_IN_ORDER] = "it tried the hosts in order",
	[REASON_REAL_NEVER_SEEN] =
	    ("it went to the high decoy, and no real host had seen it or its pool"),
	[REASON_ADDRESS_CONTACT] = "a real host had seen this address within a day",
	[REASON_POOL_CONTACT] =
	    ("a real host had seen an address of its pool, or of the same machine, "
	     "within a day"),
	[REASON_TOO_MANY] = "too many visits are near it to look at them all",
	[REASON_REACHED] = "it came to a real host",
	[REASON_WAITING] = "it may still come to a real host",
	[REASON_NEVER_CAME] = "it never came to a real host",
	[REASON_POOL_REACHED] =
	    "an address of its pool, or of the same machine, came to a real host",
	[REASON_NO_WELL_TIME] =
	    "the real hosts were not well for long enough in the five days after",
	[REASON_LISTED] =
	    "it went to the high decoy often enough, and nothing excuses it",
	[REASON_TOO_FEW] = "too few of its visits to the high decoy counted",
	[REASON_OBSERVE] = "it would be listed, but mode = observe",
	[REASON_WATCHED_DAYS] =
	    "it would be listed, but the site has not been watched for long enough",
	[REASON_AT_RISK] = "it may be a good sender",
	[REASON_ALLOWED] = "it is on the allow list",
	[REASON_POOL_ACCEPTED] = "mail of its pool was accepted not long ago",
	[REASON_OWN_ADDRESS] = "the address is one of ours, private, or was a real host",
	[REASON_EXPIRED] = "the listing ended",
	[REASON_WITHDRAWN] = "something learnt later excused it",
};

const char *reason_text(enum reason r)
{
	assert((size_t)r < COUNT(reasons) && reasons[r]);
	return reasons[r];
}
