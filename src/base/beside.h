/*
 * beside - where the other executable of this build is
 */
#ifndef FMX_BASE_BESIDE_H
#define FMX_BASE_BESIDE_H

#include "base/error.h"

/* In the folder of this executable, or in ../libexec/fakemx or ../lib/fakemx
 * seen from it: an installation may be moved as a whole. */
FMX_MUST_CHECK int beside_find(const char *name, char *ret_path, size_t size,
			       struct error *e);

#endif
