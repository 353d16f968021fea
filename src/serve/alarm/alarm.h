/*
 * alarm - what somebody should look at: told once when it begins, once when over
 *
 * An alarm is known by its kind, its host (of a sender at risk: the site) and,
 * of a sender, its address. However often it is raised, it is told once. What
 * passes by itself is not told: each kind has a time for which it must stand
 * first. An acknowledged alarm (its sender was put on the allow list) is over,
 * and stays quiet until it was cleared.
 *
 * What was told is kept by the caller, so that a restart tells neither
 * again what still stands, nor forgets to say that it is over: a kept alarm
 * that nobody raises again for ALARM_LOADED is over.
 *
 * Pure: no clock, no file, no log.
 *
 * Use:
 *	struct alarms *a = alarms_new(tell, arg);
 *	alarms_raise(a, &(struct alarm_key){ ALARM_HOST, "mail.example.com" },
 *		     "it does not answer", now);
 *	alarms_tick(a, now);		// each second
 *	alarms_clear(a, &key, "it answers", now);
 *
 * Ownership: plain memory, alarms_free(). Keys and texts are copied; an alarm
 * is lent to the callback.
 *
 * Limits: ALARM_MAX alarms, the rest is counted.
 */
#ifndef FMX_SERVE_ALARM_ALARM_H
#define FMX_SERVE_ALARM_ALARM_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/stamp.h"
#include "mx/layout.h"

enum { ALARM_MAX = 4096, ALARM_TEXT_MAX = 400 };
#define ALARM_LOADED (5 * STAMP_MINUTE)

/* The table is alarm_rows(). */
enum alarm_kind {
	ALARM_SENDER,
	ALARM_DECOY,
	ALARM_HOST,
	ALARM_SOURCE,
	ALARM_JOURNAL,
	ALARM_LISTS, /* of publish alone */
	ALARM_KINDS
};

struct alarm_row {
	const char *name;
	int64_t after; /* it must stand for so long; see alarms_set_wait() */
	const char *meaning;
};

struct alarm_key {
	enum alarm_kind kind;
	char host[NAME_MAX_TEXT]; /* or the site; "" of ALARM_JOURNAL */
	struct addr client;       /* of ALARM_SENDER; all zero otherwise */
};

enum alarm_state {
	ALARM_WAITING, /* raised, not told yet */
	ALARM_ON,      /* told */
	ALARM_QUIET,   /* acknowledged */
};

struct alarm {
	struct alarm_key key;
	enum alarm_state state;
	int64_t since;  /* raised */
	int64_t loaded; /* 0: raised in this run */
	char text[ALARM_TEXT_MAX];
};

typedef void (*alarm_tell_fn)(void *arg, const struct alarm *a, bool is_over);

const struct alarm_row *alarm_rows(void); /* by enum alarm_kind */
struct alarm_key alarm_key(enum alarm_kind kind, const char *host);

struct alarms;
struct alarms *alarms_new(alarm_tell_fn tell, void *arg);
void alarms_free(struct alarms *a); /* NULL is fine */
/* Another time for which those of a kind must stand. */
void alarms_set_wait(struct alarms *a, enum alarm_kind kind, int64_t after);

/* Told by the next tick at the earliest. text: a sentence; double quotes and
 * control characters in it are replaced. */
void alarms_raise(struct alarms *a, const struct alarm_key *key, const char *text,
		  int64_t now);
void alarms_clear(struct alarms *a, const struct alarm_key *key, const char *text);
void alarms_acknowledge(struct alarms *a, const struct alarm_key *key, const char *text);
void alarms_tick(struct alarms *a, int64_t now);

/* index 0, 1, ... until NULL; any call that clears changes what is where. */
const struct alarm *alarms_at(const struct alarms *a, size_t index);
bool alarms_is_on(const struct alarms *a, enum alarm_kind kind, const char *host);
/* That are on. ALARM_KINDS: all that there are, told or not. */
size_t alarms_count(const struct alarms *a, enum alarm_kind kind);
/* True once after what is saved has changed. */
bool alarms_has_changed(struct alarms *a);

/* One that was told in an earlier run. */
void alarms_keep(struct alarms *a, const struct alarm_key *key, bool is_quiet,
		 int64_t since, const char *text, int64_t now);

#endif
