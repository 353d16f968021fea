/*
 * sendmail_parts - what the lines of Sendmail's log are made of
 *
 * Clients, queue ids and "key=word" pairs. See sendmail_line.h for why clients
 * and pairs are read from the right.
 *
 * Ownership: spans borrow the line.
 */
#ifndef FMX_SOURCE_SENDMAIL_PARTS_H
#define FMX_SOURCE_SENDMAIL_PARTS_H

#include <stdint.h>

#include "base/addr.h"
#include "source/span.h"

struct sendmail_client {
	struct addr address;
	struct span name; /* confirmed by Sendmail; or empty */
};

/* All of `in`: "mail.example [192.0.2.1]", "[192.0.2.1]", or "user@liar.example
 * [IPv6:2001:db8::1] (may be forged)" with what an identd said of the user,
 * which may be anything but have no bracket. */
FMX_MUST_CHECK bool sendmail_read_client(struct span in,
					 struct sendmail_client *ret_client);

/* "192.0.2.1" or "IPv6:2001:db8::1" */
FMX_MUST_CHECK bool sendmail_read_address(struct span in, struct addr *ret_address);
/* False: `in` has an address in brackets that is another one. */
bool sendmail_has_only(struct span in, struct addr address);

/* "6ANHi6DZ000102: " in front; false leaves the span. */
FMX_MUST_CHECK bool sendmail_take_queue_id(struct span *in, struct span *ret_id);
/* When the process that made the id began, in whole seconds, in the year that
 * puts it nearest to `now`; 0: the id does not tell. */
int64_t sendmail_id_time(struct span id, int64_t now);
/* What ids of one process have in common; 0 as above. */
uint64_t sendmail_id_process(struct span id);

/* Takes ", key=word" off the end; key and word have no blank and no comma. False
 * leaves the span. */
FMX_MUST_CHECK bool sendmail_take_last_pair(struct span *in, struct span *ret_key,
					    struct span *ret_word);

#endif
