/*
 * name - what was learnt of a client's name
 *
 * Anybody may write any name into his own reverse zone; one counts (is_confirmed)
 * if its own addresses contain the client's. Sources learn it (source/name/), the
 * journal keeps it.
 *
 * Ownership: plain data.
 */
#ifndef FMX_JUDGE_NAME_H
#define FMX_JUDGE_NAME_H

#include "base/addr.h"
#include "mx/layout.h"

struct name_fact {
	struct addr client;
	bool is_confirmed;
	bool is_generic;            /* made from the address, as dial-up names are */
	char name[NAME_MAX_TEXT];   /* lower case; "" when there is none */
	char domain[NAME_MAX_TEXT]; /* its registrable domain, if confirmed */
};

#endif
