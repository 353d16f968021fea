/*
 * verbs - the rows that the cmd_*.c files define
 */
#ifndef FMX_CLI_VERBS_H
#define FMX_CLI_VERBS_H

struct verb;

extern const struct verb verb_check;
extern const struct verb verb_predict;
extern const struct verb verb_rehearse;
extern const struct verb verb_serve;

#endif
