#include "mx/state.h"

#include <assert.h>
#include <string.h>

static const char *const names[STATE_COUNT] = {
	[STATE_OPEN] = "open",
	[STATE_CLOSED] = "closed",
	[STATE_DEAD] = "dead",
	[STATE_UNREACHABLE] = "unreachable",
	[STATE_RESET] = "reset",
	[STATE_BUSY] = "busy",
	[STATE_REJECT] = "reject",
	[STATE_BANNER_CLOSE] = "banner-close",
	[STATE_SILENT] = "silent",
	[STATE_DEFER_HELO] = "defer-helo",
	[STATE_DEFER_MAIL] = "defer-mail",
	[STATE_DEFER_RCPT] = "defer-rcpt",
};

const char *state_name(enum state s)
{
	assert((unsigned)s < STATE_COUNT);
	return names[s];
}

bool state_parse_n(const char *text, size_t len, enum state *ret_state)
{
	for (unsigned i = 0; i < STATE_COUNT; i++)
		if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0) {
			*ret_state = (enum state)i;
			return true;
		}
	return false;
}

bool state_parse(const char *text, enum state *ret_state)
{
	return state_parse_n(text, strlen(text), ret_state);
}

enum state posture_state(enum posture p)
{
	switch (p) {
	case POSTURE_CLOSED: return STATE_CLOSED;
	case POSTURE_RESET: return STATE_RESET;
	case POSTURE_BUSY: return STATE_BUSY;
	case POSTURE_DEFER: return STATE_DEFER_RCPT;
	}
	assert(false);
	return STATE_CLOSED;
}
