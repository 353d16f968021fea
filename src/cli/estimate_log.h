/*
 * estimate_log - report --maillog: what a Fake MX would stop, from old logs
 *
 * Needs no journal, and no configuration if the command line says whose logs
 * they are (estimate_hosts.h).
 */
#ifndef FMX_CLI_ESTIMATE_LOG_H
#define FMX_CLI_ESTIMATE_LOG_H

#include "cli/cli.h"

/* The files are the values of --maillog, then the arguments. */
FMX_MUST_CHECK int estimate_log_run(const struct cli *c, int argc, char **argv);

#endif
