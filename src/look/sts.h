/*
 * sts - read what MTA-STS publishes: the TXT record and the policy (RFC 8461)
 *
 * Use:
 *	if (sts_is_record(text))	// TXT of _mta-sts.DOMAIN
 *		... fetch the policy ...
 *	if (sts_read(body, len, &seen, &e) != 0)
 *		// seen->sts is STS_BROKEN, the sentence stands in e
 *
 * Pure: fills sts and the patterns of a struct seen, as findings want them.
 */
#ifndef FMX_LOOK_STS_H
#define FMX_LOOK_STS_H

#include "base/attr.h"
#include "base/error.h"
#include "mx/seen.h"

enum { STS_POLICY_MAX = 64 * 1024 }; /* RFC 8461 3.3 suggests 64 KiB */

bool sts_is_record(const char *text);
/* body: any bytes. 0, or FMX_EMALFORMED. */
FMX_MUST_CHECK int sts_read(const char *body, size_t len, struct seen *s,
			    struct error *e);

#endif
