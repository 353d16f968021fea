/*
 * predict - what one mail program would do with a set of MX hosts
 *
 * Before anyone touches DNS: hosts with the states of their addresses in, the
 * outcome, the delay, the hosts tried and a sentence out (DESIGN section 4,
 * predict). What equal preferences and families leave open is decided for the
 * worst.
 *
 * Use:
 *	struct prediction r;
 *	predict(&r, profile_find("courier"), hosts, hosts_len);
 *	printf("%s %s\n", predict_outcome_name(r.outcome), r.note);
 *
 * Ownership: hosts and addresses stay the caller's; the prediction is plain
 * data and names them by their places.
 *
 * Limits: PREDICT_ADDRESSES_MAX addresses in all; the caller refuses more. The
 * first message is meant: later ones may find the program with a memory
 * (profile.h, remembers).
 */
#ifndef FMX_MX_PREDICT_H
#define FMX_MX_PREDICT_H

#include <stdint.h>

#include "mx/attempt.h"

enum { PREDICT_ADDRESSES_MAX = ATTEMPT_TARGETS_MAX };

struct predict_address {
	enum state state;
	bool is_v6;
};

struct predict_host {
	uint16_t preference;
	bool is_outside_sts; /* not named by the domain's enforced MTA-STS policy */
	const struct predict_address *addresses;
	size_t addresses_len; /* 0: a name without address; it is passed over */
};

/* From good to bad. */
enum predict_outcome {
	PREDICT_DELIVERED, /* within the first queue run, however slow */
	PREDICT_DELAYED,   /* later: once something opens */
	PREDICT_NEVER,     /* not even then */
	PREDICT_BOUNCED,   /* returned to the author */
};

struct predict_tried {
	uint8_t host, address; /* places in hosts and in its addresses */
};

struct prediction {
	enum predict_outcome outcome;
	double delay_seconds; /* negative: unknown; that is, not delivered in the first
				 run */
	size_t tried_len;
	struct predict_tried tried[PREDICT_ADDRESSES_MAX];
	char note[200]; /* one sentence, or "" when there is nothing to explain */
};

void predict(struct prediction *ret_prediction, const struct profile *p,
	     const struct predict_host *hosts, size_t hosts_len);

const char *predict_outcome_name(enum predict_outcome o); /* "delivered" */

#endif
