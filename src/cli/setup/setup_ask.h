/*
 * setup_ask - questions at a terminal
 *
 * Use:
 *	char answer[256];
 *	if (!setup_ask("Which domain?", "example.com", answer, sizeof(answer)))
 *		...			// the input ended
 */
#ifndef FMX_CLI_SETUP_SETUP_ASK_H
#define FMX_CLI_SETUP_SETUP_ASK_H

#include "base/attr.h"

/* An empty answer is the fallback. False: no more input. */
FMX_MUST_CHECK bool setup_ask(const char *question, const char *fallback, char *ret,
			      size_t size);
/* False: no, or no more input. */
FMX_MUST_CHECK bool setup_ask_yes(const char *question, bool fallback);
/* The layout: none or high. False: no more input. */
FMX_MUST_CHECK bool setup_ask_high(bool *ret_is_high);

#endif
