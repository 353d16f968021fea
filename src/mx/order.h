/*
 * order - every order in which a program may come to a set of addresses
 *
 * Equal preferences are shuffled by many programs, and the addresses of one
 * name come as the name server likes. What a profile leaves free is walked
 * through here, one order after the other, so that the worst can be found.
 *
 * Use:
 *	struct order o;
 *	order_init(&o, ORDER_MIXED, targets, n);
 *	do {
 *		struct attempt_target in_order[ATTEMPT_TARGETS_MAX];
 *		order_apply(&o, in_order);
 *		...
 *	} while (order_next(&o));
 *
 * Addresses that look alike (state and family, for hosts those of all their
 * addresses) are not exchanged. The first order has the failures that cost
 * most at the front of each preference.
 *
 * Ownership: plain data; targets are copied.
 *
 * Limits: order_next() gives up after ORDER_MAX orders.
 */
#ifndef FMX_MX_ORDER_H
#define FMX_MX_ORDER_H

#include "mx/attempt.h"

enum { ORDER_MAX = 2000 };

/* A run of places whose contents may change places. */
struct order_group {
	uint8_t from, len;
};

struct order {
	struct attempt_target targets[ATTEMPT_TARGETS_MAX];
	size_t len;
	/* Units are hosts, or single addresses where hosts do not matter. */
	uint8_t unit[ATTEMPT_TARGETS_MAX]; /* places in targets: where a unit begins */
	uint8_t unit_len[ATTEMPT_TARGETS_MAX];
	uint16_t look[ATTEMPT_TARGETS_MAX]; /* of the unit: equal ones look alike */
	size_t units_len;
	/* Groups of units (a preference), then groups of addresses (a host's family). */
	struct order_group groups[2 * ATTEMPT_TARGETS_MAX];
	size_t unit_groups, groups_len;
	unsigned orders;
	unsigned arrangement; /* counts the orders of addresses within hosts */
};

void order_init(struct order *o, enum profile_order kind,
		const struct attempt_target *targets, size_t len);
void order_apply(const struct order *o, struct attempt_target *ret_targets);
/* False after the last one. All orders of hosts come before the next order of
 * addresses within hosts. */
bool order_next(struct order *o);

#endif
