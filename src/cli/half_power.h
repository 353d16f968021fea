/*
 * half_power - how long a comparison of halves takes, told before it begins
 *
 * For plan --half: the journal's days without a decoy say how much one half differs from
 * the other by chance alone, and so after how many days with it a fall shows.
 *
 * Use:
 *	half_power_say(cli, has_config, &config);
 *
 * Limits: an answer is a help, so that a journal which cannot be read is said and no
 * failure.
 */
#ifndef FMX_CLI_HALF_POWER_H
#define FMX_CLI_HALF_POWER_H

#include "cli/cli.h"
#include "config/config.h"

/* On stderr, for each group of sites of which a domain is in the half; nothing without
 * --half. */
void half_power_say(const struct cli *c, bool has_config, const struct config *config);

#endif
