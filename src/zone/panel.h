/*
 * panel - zone files that a hosting panel writes, known by its mark
 *
 * Such a file is made from a database: what is written into it is gone with the
 * panel's next change.
 */
#ifndef FMX_ZONE_PANEL_H
#define FMX_ZONE_PANEL_H

#include <stddef.h>

enum { PANEL_LOOK_BYTES = 8192 }; /* marks stand in front */

struct panel {
	const char *name;
	const char *way;      /* how to add an MX record there; %s is the zone */
	const char *marks[2]; /* all of them stand in the text */
};

/* NULL: no panel's mark. */
const struct panel *panel_of(const char *text, size_t len);

#endif
