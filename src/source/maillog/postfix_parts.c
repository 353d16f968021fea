#include "source/maillog/postfix_parts.h"

#include <string.h>

#include "source/maillog/words.h"

static struct slice named(const char *program)
{
	return (struct slice){ program, program + strlen(program) };
}

/* "reject: RCPT from [192.0.2.1]:4711: ...": smtpd has a name in front of it. */
static bool is_screens(struct slice in)
{
	struct slice stage;
	return slice_take_text(&in, "reject: ") && slice_take_until(&in, ' ', &stage) &&
	       slice_take_text(&in, "from [");
}

struct slice postfix_program(const struct logline *l, struct slice words)
{
	static const struct {
		const char *words, *program;
	} rows[] = {
		{ "daemon started -- ", "master" },
		{ "CONNECT from ", "postscreen" },
		{ "PASS ", "postscreen" },
		{ "ALLOWLISTED ", "postscreen" },
		{ "DENYLISTED ", "postscreen" },
		{ "DISCONNECT ", "postscreen" },
		{ "HANGUP after ", "postscreen" },
		{ "message-id=", "cleanup" },
		{ "reject: header ", "cleanup" },
		{ "reject: body ", "cleanup" },
		{ "milter-reject: END-OF-MESSAGE ", "cleanup" },
		{ "hold: ", "cleanup" },
		{ "milter-hold: ", "cleanup" },
		{ "from=<", "qmgr" },
		{ "removed", "qmgr" },
		{ "to=<", "smtp" },
	};
	if (!slice_is(l->tag, "postfix"))
		return l->program;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slice in = words;
		if (slice_take_text(&in, rows[i].words))
			return named(rows[i].program);
	}
	return named(is_screens(words) ? "postscreen" : "smtpd");
}

bool postfix_is_submission(struct slice tag)
{
	return !slice_is(tag, "postfix/smtpd") && /* most are that */
	       (words_find(tag, "submission") || words_find(tag, "smtps"));
}
