/*
 * tsig_own - what signs with a key needs to see of it
 */
#ifndef FMX_DNS_TSIG_OWN_H
#define FMX_DNS_TSIG_OWN_H

#include <libknot/libknot.h>

#include "dns/name.h"
#include "dns/tsig.h"

struct tsig_key {
	knot_tsig_key_t knot;
	char name[NAME_TEXT_MAX + 1];
};

#endif
