/*
 * names_generic - was a name made from the address?
 *
 * Providers give every address a name: 4-3-2-1.dyn.isp.example, ec2-1-2-3-4...,
 * host25.pool.isp.example. That somebody made such a name says nothing about who
 * uses the address, so it is no good sign (tier `weak`) and no pool.
 *
 * Pure. Generic is:
 *	a name that spells the whole address, in whatever order and number system,
 *	unless a word in it says mail, also: two or more of its numbers in a
 *	row; a word of dial-up and access lines (dyn, pool, dsl, ...); a word of
 *	rented machines (static, vps, ...) with a number that makes it one of many.
 * Words count only left of the registrable domain: mail.cable.example is no
 * customer's line.
 *
 * Limits: a guess. It is made so that a mistake is harmless: a name taken for
 * generic loses the tier `weak`, and accuses nobody.
 */
#ifndef FMX_SOURCE_NAME_NAMES_GENERIC_H
#define FMX_SOURCE_NAME_NAMES_GENERIC_H

#include <stdbool.h>

#include "base/addr.h"

/* name and domain (its registrable domain) in lower case. */
bool names_is_generic(const char *name, const char *domain, struct addr client);

#endif
