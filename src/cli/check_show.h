/*
 * check_show - one domain's result, as text for people or as a line of JSON
 *
 * Use:
 *	check_text(stdout, &result, &found);
 *	check_json(stdout, &result, &found, NULL);
 *
 * The JSON is DESIGN section 4's `check`; a domain that could not be looked at
 * has the same keys, empty, and "error" besides.
 */
#ifndef FMX_CLI_CHECK_SHOW_H
#define FMX_CLI_CHECK_SHOW_H

#include <stdio.h>

#include "look/look.h"
#include "mx/finding.h"

void check_text(FILE *to, const struct look_result *r, const struct findings *f);
void check_json(FILE *to, const struct look_result *r, const struct findings *f);
/* A name that never became a look, or whose look did not end. */
void check_json_error(FILE *to, const char *domain, const char *failure);

#endif
