/*
 * verbs - the rows that the cmd_*.c files define
 */
#ifndef FMX_CLI_VERBS_H
#define FMX_CLI_VERBS_H

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

#endif
