/*
 * cli - what every verb has in common: its row, options, messages, exit codes
 *
 * A verb is one file, cmd_NAME.c, that defines one `const struct verb`. Help,
 * dispatch, the manual's check and suggestions for mistyped words all come
 * from that row. To add a verb there are three things to do: write
 * cmd_NAME.c, add &verb_NAME to the table of verbs.c, and describe the verb in
 * man/fakemx.1.scd (scripts/check-docs finds what is missing). One that looks
 * up names or fetches anything has its work in NAME_run.c, see verbs.h.
 *
 * Use:
 *	static int run(struct cli *c, int argc, char **argv)
 *	{
 *		const char *since = cli_option(c, "since");	// NULL: not given
 *		...
 *		if (journal_open(path, JOURNAL_READ, &j, &e) < 0)
 *			return cli_fail(c, &e);
 *		return CLI_DONE;
 *	}
 *	static const struct option_row options[] = {
 *		{ .name = "since", .argument = "TIME", .meaning = "From then on." },
 *		{ 0 },
 *	};
 *	const struct verb verb_report = {
 *		.name = "report", .run = run, .options = options, ...
 *	};
 *
 * argc and argv of run() are the arguments alone: options are taken out,
 * wherever they stood, and their number fits least and most.
 *
 * Results, and nothing else, go to stdout; main() flushes it and reports a
 * write that failed.
 *
 * Ownership: texts are borrowed from argv and live as long as the process.
 */
#ifndef FMX_CLI_CLI_H
#define FMX_CLI_CLI_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* DESIGN section 4; the table with their meaning is cli_exit_codes(). */
enum {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_TELL = 2,
	CLI_REFUSED = 3,
	CLI_USAGE = 64,
};

enum { CLI_MAX_GIVEN = 128, CLI_ANY = 1 << 30 };

struct option_row {
	const char *name;     /* "since" for --since; the table ends with NULL */
	char letter;          /* also -c; 0 is none */
	bool may_repeat;      /* otherwise a second one is refused */
	const char *argument; /* "TIME"; NULL: a flag */
	const char *meaning;  /* one sentence or two */
};

/* A word after the verb that says what it does: `journal backup`. */
struct verb_word {
	const char *name;     /* the table ends with NULL */
	const char *synopsis; /* what follows the word */
	const char *meaning;  /* sentences */
};

struct cli;
typedef int (*verb_fn)(struct cli *c, int argc, char **argv);

struct verb {
	const char *name;
	verb_fn run;
	const char *synopsis; /* what follows the name: "[--since TIME] ADDRESS" */
	const char *summary;  /* one line for the list of verbs, no final dot */
	const char *help;     /* paragraphs, with an example; lines up to 78 wide */
	int least, most;      /* number of arguments; CLI_ANY */
	const struct option_row *options; /* besides the global ones; may be NULL */
	const char *passed_over;       /* options that change nothing: " layout ttl " */
	const struct verb_word *words; /* NULL: none */
	const char *program;           /* where run is, if not in this one: verbs.h */
};

struct cli_given {
	const struct option_row *row;
	const char *value; /* "" of a flag */
};

struct cli {
	const char *config_path;
	bool has_config; /* -c was given */
	bool json, quiet, verbose, lab;
	const struct verb *const *verbs; /* all there are; ends with NULL */
	const struct verb *verb;         /* NULL before it is known */
	struct cli_given given[CLI_MAX_GIVEN];
	size_t given_count;
};

/* The value of an option of the verb's own table, the first one if repeated;
 * NULL if it was not given. Asking for one that is not in the table is a bug. */
const char *cli_option(const struct cli *c, const char *name);
bool cli_flag(const struct cli *c, const char *name);
/* The i-th value of a repeated option; NULL past the last. */
const char *cli_option_at(const struct cli *c, const char *name, size_t i);

/* A number from an option: CLI_DONE, or CLI_USAGE after saying what is wrong.
 * *value is left alone when the option was not given. */
FMX_MUST_CHECK int cli_number(const struct cli *c, const char *name, uint64_t least,
			      uint64_t most, uint64_t *value);

/* Prints the sentence once, "fakemx: ...", and returns the exit code that e's
 * code stands for. */
int cli_fail(const struct cli *c, const struct error *e);
/* The same for a mistake on the command line, with where to read on. */
FMX_PRINTF(2, 3) int cli_usage(const struct cli *c, const char *fmt, ...);
/* A sentence on stderr, unless --quiet. */
FMX_PRINTF(2, 3) void cli_warn(const struct cli *c, const char *fmt, ...);

/* A question on the terminal: only "y" is a yes. Who asks looks before whether standard
 * input is a terminal. */
FMX_PRINTF(1, 2) bool cli_confirm(const char *fmt, ...);

/* The configuration that -c names, for verbs that need it. CLI_DONE, or the
 * mistake is printed and its exit code returned. */
struct config;
FMX_MUST_CHECK int cli_config(const struct cli *c, struct config *ret_config);
/* The same for verbs that show what is refused, or take back what was done: sites that
 * would endanger mail are taken, and why they are refused is in *ret_refused; its code
 * is 0 where they are not. */
FMX_MUST_CHECK int cli_config_refused(const struct cli *c, struct config *ret_config,
				      struct error *ret_refused);
/* The same for verbs that can do without: with no -c, a usual one that is not
 * there or cannot be used is passed over (the latter is said). */
FMX_MUST_CHECK int cli_config_if_any(const struct cli *c, struct config *ret_config,
				     bool *ret_has);

/* Escape sequences, or "" when the stream is no terminal or NO_COLOR is set
 * (https://no-color.org). */
enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_GOOD, CLI_WARN, CLI_BAD, CLI_FAINT };
const char *cli_style(FILE *stream, enum cli_style style);
/* Words of text, broken at `width` columns, later lines indented. */
void cli_folded(FILE *to, const char *text, size_t indent, size_t width);

/*
 * progress - a line on stderr while work takes over a second
 *
 * Shown on a terminal only and not with --quiet; wiped out by progress_end(),
 * so that the results stand alone.
 */
struct progress {
	bool is_shown; /* may be shown at all */
	int64_t began, drawn;
	const char *what; /* "zones" */
};
void progress_begin(struct progress *p, const struct cli *c, const char *what);
/* total 0: not known. note may be NULL. */
void progress_set(struct progress *p, uint64_t done, uint64_t total, const char *note);
/* For work of several kinds: any text that says where it stands. */
FMX_PRINTF(2, 3) void progress_say(struct progress *p, const char *fmt, ...);
void progress_end(struct progress *p);

/* The tables, for help and for scripts/check-docs. */
const struct option_row *cli_global_options(void);
struct cli_exit_code {
	int code;
	const char *meaning;
};
const struct cli_exit_code *cli_exit_codes(size_t *ret_count);
void cli_print_help(FILE *to, const struct verb *const *verbs);
/* word: one of the verb's, or NULL: all of it. */
void cli_print_verb_help(FILE *to, const struct verb *v, const char *word);

/*
 * Takes the command line apart. CLI_DONE: c->verb, *ret_argc and *ret_argv (in
 * argv's own array) are set, or c->verb is NULL because help or the version
 * was printed. CLI_USAGE: said.
 */
FMX_MUST_CHECK int cli_parse(struct cli *c, const struct verb *const *verbs, int argc,
			     char **argv, int *ret_argc, char ***ret_argv);

#endif
