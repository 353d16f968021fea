/*
 * spf - does an SPF record authorise the domain's MX hosts?
 *
 * Reads only what findings need (RFC 7208 5.4): whether a "mx" mechanism of
 * this record lets the MX hosts of the domain send. Pure.
 *
 * Use:
 *	if (spf_is_record(text) && spf_has_mx(text, "example.com"))
 *
 * Limits: include and redirect are not followed: there "mx" means the MX hosts
 * of another domain. Macros are not expanded.
 */
#ifndef FMX_LOOK_SPF_H
#define FMX_LOOK_SPF_H

#include "base/attr.h"

bool spf_is_record(const char *text);
bool spf_has_mx(const char *record, const char *domain);

#endif
