/*
 * host_name - what is a name of a host or domain, and the one way that it is written
 *
 * One rule for the configuration, `allow` and `forget`: labels of letters, digits and
 * hyphens (RFC 952, RFC 1123), and of the underscore that people use all the same, with
 * a letter somewhere: 300.1.1.1 and 1.2.3 are mistyped addresses.
 */
#ifndef FMX_MX_HOST_NAME_H
#define FMX_MX_HOST_NAME_H

#include <stddef.h>

#include "base/attr.h"

/* Copied in lower case without the final dot. The number of its labels; 0: it is none, or
 * longer than 253 characters or than `to`. */
FMX_MUST_CHECK size_t host_name_read(const char *text, char *to, size_t size);
FMX_MUST_CHECK bool host_name_is_label(const char *text, size_t len);

#endif
