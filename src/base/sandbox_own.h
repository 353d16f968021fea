/* sandbox_own - the filter of system calls; only sandbox*.c include this */
#ifndef FMX_BASE_SANDBOX_OWN_H
#define FMX_BASE_SANDBOX_OWN_H

#include "base/sandbox.h"

/* False where the kernel has none. */
FMX_MUST_CHECK int sandbox_filter(bool *ret_has, struct error *e);

#endif
