/*
 * verbs - the rows that the cmd_*.c files define
 *
 * Verbs that need the libraries of DNS and HTTPS live in a program of their
 * own, fakemx-net: loading these forty libraries costs ten times what a verb
 * like `list` may take to start; the rehearsal, which nothing else needs, in
 * fakemx-rehearse, and the HTTP server in fakemx-web. Their rows are here as everybody's,
 * for help and options, but the function that does the work is linked into that program
 * alone. In fakemx it is NULL, and main() executes the row's program instead.
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
extern const struct verb verb_setup;
extern const struct verb verb_report;
extern const struct verb verb_visits;
extern const struct verb verb_feed;
extern const struct verb verb_explain;
extern const struct verb verb_list;
extern const struct verb verb_publish;
extern const struct verb verb_off;
extern const struct verb verb_web;
extern const struct verb verb_allow;
extern const struct verb verb_forget;
extern const struct verb verb_journal;
const struct verb *const *verbs_all(void); /* ends with NULL */

#define FMX_ELSEWHERE __attribute__((weak))
FMX_ELSEWHERE int apply_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int check_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int off_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int plan_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int publish_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int revert_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int setup_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int rehearse_run(struct cli *c, int argc, char **argv);
FMX_ELSEWHERE int web_run(struct cli *c, int argc, char **argv);

#endif
