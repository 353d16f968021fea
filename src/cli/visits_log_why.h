/*
 * visits_log_why - what was made of each line of a mail log, and of the rest a count
 *
 * A line that told of a session is printed with the name of the mail server. Of all
 * others there is one sentence a kind at the end, with how many they are, an example,
 * and, where the program is a mail server that is not read yet, what to do.
 *
 * Use:
 *	struct why *w = why_new();
 *	why_line(w, made, line, len);	// prints
 *	why_end(w);			// prints, and frees
 *
 * Limits: WHY_KINDS kinds; more of them are counted together.
 */
#ifndef FMX_CLI_VISITS_LOG_WHY_H
#define FMX_CLI_VISITS_LOG_WHY_H

#include "source/maillog/maillog_lines.h"

enum { WHY_KINDS = 64 };

struct why;
struct why *why_new(void);
void why_line(struct why *w, const struct maillog_made *made, const char *line,
	      size_t len);
void why_end(struct why *w);

/* The mail server whose log fakemx does not read yet that wrote this line, or NULL. */
const char *why_unread_server(const char *line);
/* What its administrator can do. */
#define WHY_UNREAD                                                                       \
	"whose log fakemx does not read yet: let a script of yours write its sessions "  \
	"as a feed (fakemx.conf(5), FEEDS)"

#endif
