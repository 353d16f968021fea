/*
 * dialogue - the scripts of tests/data/smtp, read for a test to run
 *
 * Use:
 *	dialogue_each(check_one, arg);		// fails the test if there is none
 *
 * Ownership: a dialogue is lent to the callback.
 */
#ifndef FMX_TESTS_DIALOGUE_H
#define FMX_TESTS_DIALOGUE_H

#include "base/buf.h"
#include "judge/visit.h"

enum { DIALOGUE_STEPS_MAX = 64 };
#define DIALOGUE_NAME "fake1.mx.example.com"
#define DIALOGUE_CAUSE "mail.example.com"
enum { DIALOGUE_COMMANDS = 40 };

/* The client sends, then the server has answered. */
struct dialogue_step {
	struct buf sends, answers;
};

struct dialogue {
	char name[256];
	struct dialogue_step steps[DIALOGUE_STEPS_MAX];
	size_t step_count;
	enum depth depth;
	bool is_closed;
	char helo[VISIT_TEXT_MAX], mail_from[VISIT_TEXT_MAX], domain[VISIT_TEXT_MAX];
};

void dialogue_each(void (*run)(const struct dialogue *d, void *arg), void *arg);
/* Fails the test unless the texts are those that d wants. */
void dialogue_check(const struct dialogue *d, enum depth depth, const char *helo,
		    const char *mail_from, const char *domain);

#endif
