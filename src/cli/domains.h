/*
 * domains - the domains of a command line, or of a list, each looked at in its turn
 *
 * What `check` and `plan DOMAIN` have in common: a loop on which so many domains
 * are under way at once, from the arguments or from --from, with a progress line,
 * an end by Ctrl-C or when nobody reads the output any more. What is done with a
 * domain is the caller's.
 *
 * Use:
 *	struct domains d = { .cli = c, .most_open = 200, .what = "domains planned",
 *			     .start = start, .refuse = refuse, .arg = me };
 *	if (domains_init(&d) != CLI_DONE || domains_read(&d, argc, argv) != CLI_DONE) ...
 *	domains_run(&d);		// calls start(); each ends by domains_told()
 *	domains_release(&d);
 *
 * Ownership: domains_release frees all, after what ran on the loop is closed.
 */
#ifndef FMX_CLI_DOMAINS_H
#define FMX_CLI_DOMAINS_H

#include <uv.h>

#include "cli/cli.h"
#include "cli/names.h"
#include "dns/name.h"

struct domains {
	struct cli *cli;
	unsigned most_open; /* at once: bounds the memory of a long list */
	const char *what;   /* for the progress */
	/* Begins with one; false: it is passed over. */
	bool (*start)(void *arg, const char *domain);
	/* A line of the list that is no domain. */
	void (*refuse)(void *arg, const char *line, const struct error *e);
	void *arg;

	uv_loop_t loop;
	struct names *names; /* the list; NULL: the command line's */
	char (*given)[NAME_TEXT_MAX];
	size_t given_count, next;
	unsigned open;
	size_t told;
	bool is_stopped; /* by Ctrl-C, by the reader's end, or by the caller */
	uv_signal_t interrupt, terminate;
	uv_timer_t clock; /* draws the progress while nothing completes */
	struct progress progress;
};

/* The loop and its signals. CLI_DONE, or said: then nothing is to be released. */
FMX_MUST_CHECK int domains_init(struct domains *d);
/* The arguments, or --from. CLI_DONE, or said. */
FMX_MUST_CHECK int domains_read(struct domains *d, int argc, char **argv);
/* Until all are told, or it is stopped. */
void domains_run(struct domains *d);
/* One that was begun has ended, and what is to be told of it is told. */
void domains_told(struct domains *d);
/* The same without more output, from within start() or refuse(). */
void domains_stop(struct domains *d);
/* True when all of the list was read, or there is none. */
bool domains_ended(const struct domains *d);
/* CLI_DONE, or that the list could not be read to its end is said. */
FMX_MUST_CHECK int domains_failure(const struct domains *d);
void domains_release(struct domains *d);

#endif
