/*
 * names_spf - does the SPF of an envelope sender's domain pass for a client?
 *
 * libspf2 thinks (RFC 7208), and it may ask nothing: its own lookups would block
 * the loop and go to another resolver. It gets a layer of DNS that knows only
 * the answers given here. When one is missing, the check says which; once it is
 * there, libspf2 begins from the start.
 *
 * What domains publish comes from strangers, and libspf2 1.2.10 has had its
 * overflows, all in macros and in terms near the limits of its buffers. So a
 * record is written anew before it gets it: printable, of bounded length, with the
 * plain macros only, without explanations. A record that is not like that
 * does not pass.
 *
 * Use:
 *	struct names_spf *s = names_spf_new(client, "a@sender.example");
 *	while ((state = names_spf_step(s, &q)) == NAMES_SPF_ASKS)
 *		...ask q, then names_spf_answer(s, answer);
 *	names_spf_free(s);
 *
 * Ownership: answers are copied.
 *
 * Limits: NAMES_SPF_QUESTIONS lookups, of them 1 + NAMES_SPF_RECORDS for
 * records; libspf2's own limits of RFC 7208 4.6.4; NAMES_SPF_LOOKS looks into the
 * answers, because includes may multiply. Whoever needs more does not pass. The
 * mechanism ptr and the macros i d v s l o are known, the others are not. The
 * caller limits the time. One thread.
 */
#ifndef FMX_SOURCE_NAME_NAMES_SPF_H
#define FMX_SOURCE_NAME_NAMES_SPF_H

#include "dns/message.h"

enum {
	NAMES_SPF_QUESTIONS = 20,
	NAMES_SPF_RECORDS = 10,
	NAMES_SPF_LOOKS = 200,
	NAMES_SPF_RECORD_MAX = 2048, /* bytes of a record */
	NAMES_SPF_TERM_MAX = 200,
	NAMES_SPF_TERMS = 100,
	NAMES_SPF_MACROS = 6, /* of one term */
};

enum names_spf_state {
	NAMES_SPF_ASKS,
	NAMES_SPF_PASSES,
	NAMES_SPF_DOES_NOT, /* fails, is neutral, is broken, or is not there */
	NAMES_SPF_UNSURE,   /* DNS did not answer */
};

struct names_spf_question {
	char name[NAME_TEXT_MAX];
	enum rr_type type;
};

/* "author@sender.example" to "sender.example", in lower case. False: there is no
 * domain that could have a record. */
FMX_MUST_CHECK bool names_spf_domain(const char *mail_from,
				     char ret_domain[NAME_TEXT_MAX]);

struct names_spf;
/* NULL: nothing to check, for want of a domain, or of a client but loopback. */
struct names_spf *names_spf_new(struct addr client, const char *mail_from);
enum names_spf_state names_spf_step(struct names_spf *s,
				    struct names_spf_question *ret_question);
/* To the question that the last step asked. */
void names_spf_answer(struct names_spf *s, const struct answer *a);
void names_spf_free(struct names_spf *s);

/* The record as libspf2 gets it; false if it may not have it. */
FMX_MUST_CHECK bool names_spf_clean(const char *record,
				    char ret_clean[NAMES_SPF_RECORD_MAX]);

#endif
