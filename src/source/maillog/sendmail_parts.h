/*
 * sendmail_parts - what the lines of Sendmail's log are made of
 *
 * Clients, queue ids and "key=word" pairs. See sendmail.c for why clients
 * and pairs are read from the right.
 *
 * Ownership: slices borrow the line.
 */
#ifndef FMX_SOURCE_MAILLOG_SENDMAIL_PARTS_H
#define FMX_SOURCE_MAILLOG_SENDMAIL_PARTS_H

#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"
#include "judge/visit.h"

struct sendmail_client {
	struct addr address;
	struct slice name; /* confirmed by Sendmail; or empty */
};

/* All of `in`: "mail.example [192.0.2.1]", "[192.0.2.1]", or "user@liar.example
 * [IPv6:2001:db8::1] (may be forged)" with what an identd said of the user,
 * which may be anything but have no bracket. */
FMX_MUST_CHECK bool sendmail_read_client(struct slice in,
					 struct sendmail_client *ret_client);

/* "192.0.2.1" or "IPv6:2001:db8::1" */
FMX_MUST_CHECK bool sendmail_read_address(struct slice in, struct addr *ret_address);
/* False: `in` has an address in brackets that is another one. */
bool sendmail_has_only(struct slice in, struct addr address);

/* "6ANHi6DZ000102: " in front; false leaves the slice. */
FMX_MUST_CHECK bool sendmail_take_queue_id(struct slice *in, struct slice *ret_id);
/* When the process that made the id began, in whole seconds, in the year that
 * puts it nearest to `now`; 0: the id does not tell. */
int64_t sendmail_id_time(struct slice id, int64_t now);
/* What ids of one process have in common; 0 as above. */
uint64_t sendmail_id_process(struct slice id);

/* What Sendmail itself writes between the client's message id and the relay. */
struct sendmail_own_words {
	struct slice daemon;
	bool has_proto, is_user;
	bool is_envelope; /* nrcpts stands right before: no message id, no message */
	bool has_recipient;
};
/* From the right. */
struct sendmail_own_words sendmail_read_own_words(struct slice in);

bool sendmail_is_submission(struct slice daemon); /* by its name */
bool sendmail_is_other_ruleset(struct slice name);
enum depth sendmail_stage_of_ruleset(struct slice name);
/* "traffic before response", behind "due to " */
bool sendmail_is_early_traffic(struct slice cause);

#endif
