/*
 * serial - the next SOA serial, in the style that the zone keeps
 *
 * RFC 1982 serial number arithmetic: a serial is newer than another when the
 * difference, modulo 2^32, is 1 .. 2^31 - 1. A serial never moves back.
 */
#ifndef FMX_ZONE_SERIAL_H
#define FMX_ZONE_SERIAL_H

#include <stdint.h>

#include "base/attr.h"

enum serial_style {
	SERIAL_COUNTER,
	SERIAL_DATE, /* YYYYMMDDnn, RFC 1912 2.2 */
	SERIAL_UNIX, /* seconds since 1970 */
};

/* True if a is newer than b (RFC 1982 3.2). Undefined distance 2^31: false. */
bool serial_is_newer(uint32_t a, uint32_t b);

/* now: microseconds since 1970. A date style serial has a real date from 1990
 * to a year after now; a Unix one lies within 10 years before and a day after. */
enum serial_style serial_style(uint32_t serial, int64_t now);

/*
 * A serial newer than `highest`, in the style of `current`. A date serial
 * whose nn would pass 99 goes on counting into the next day's numbers: newer
 * matters more than pretty. Never 0, which name servers skip, too (and which
 * means "nothing changed" in this folder).
 */
uint32_t serial_next(uint32_t current, uint32_t highest, int64_t now);

#endif
