#include "old/record.h"

#include <assert.h>

const char *record_kind_name(enum record_kind kind)
{
	switch (kind) {
	case RECORD_START: return "start";
	case RECORD_STOP: return "stop";
	case RECORD_VISIT: return "visit";
	case RECORD_WATERMARK: return "watermark";
	case RECORD_HEALTH: return "health";
	case RECORD_SITE: return "site";
	case RECORD_RULES: return "rules";
	case RECORD_NAME: return "name";
	case RECORD_ALLOW: return "allow";
	case RECORD_FORGET: return "forget";
	case RECORD_UNSITE: return "unsite";
	}
	assert(false); /* the switch above is complete: -Wswitch says so */
	return "unknown";
}
