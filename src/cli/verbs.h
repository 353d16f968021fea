/*
 * verbs - the rows that the cmd_*.c files define
 *
 * Verbs that need the libraries of DNS and HTTPS live in a program of their
 * own, fakemx-net: loading these forty libraries costs ten times what a verb
 * like `list` may take to start. Their rows are here as everybody's, for help
 * and options, but the function that does the work is linked into fakemx-net
 * alone. In fakemx it is NULL, and main() executes fakemx-net instead.
 */
#ifndef FMX_CLI_VERBS_H
#define FMX_CLI_VERBS_H

struct cli;
struct verb;

extern const struct verb verb_apply;
extern const struct verb verb_check;
extern const struct verb verb_plan;
extern const struct verb verb_predict;
extern const struct verb verb_rehearse;
extern const struct verb verb_revert;
extern const struct verb verb_serve;
extern const struct verb verb_report;
extern const struct verb verb_visits;
extern const struct verb verb_explain;
extern const struct verb verb_list;
extern const struct verb verb_allow;
extern const struct verb verb_forget;
extern const struct verb verb_journal;

#define FMX_IN_NET __attribute__((weak))
FMX_IN_NET int apply_run(struct cli *c, int argc, char **argv);
FMX_IN_NET int check_run(struct cli *c, int argc, char **argv);
FMX_IN_NET int plan_run(struct cli *c, int argc, char **argv);
FMX_IN_NET int revert_run(struct cli *c, int argc, char **argv);

#endif
