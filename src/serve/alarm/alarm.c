#include "serve/alarm/alarm.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const struct alarm_row rows[ALARM_KINDS] = {
	[ALARM_SENDER] = { "sender", 0,
			   "A known sender is at risk: mail of it was accepted here, and "
			   "now "
			   "it went to decoys only. Over when it came to a real host, is "
			   "put "
			   "on the allow list, or forgotten." },
	[ALARM_DECOY] = { "decoy", 0,
			  "A closed decoy answers, or drops what it should refuse." },
	[ALARM_HOST] = { "host", 30 * STAMP_SECOND,
			 "A real host has not passed its health probes for half a "
			 "minute: "
			 "within two minutes of the trouble." },
	[ALARM_SOURCE] = { "source", STAMP_MINUTE,
			   "Nobody has seen who comes to a host for a minute: its log, "
			   "feed "
			   "or knocks cannot be read, or no longer show our own "
			   "probes." },
	[ALARM_JOURNAL] = { "journal", 0,
			    "The journal cannot be written: the disk is full, or the "
			    "file "
			    "was deleted or replaced. What comes meanwhile waits in "
			    "memory." },
	[ALARM_LISTS] = { "lists", 0,
			  "fakemx publish, not serve, tells it: all lists were emptied, "
			  "because the journal is gone or stale, or publish does not "
			  "run." },
};

struct alarms {
	struct alarm *all;
	size_t count;
	bool has_changed;
	int64_t after[ALARM_KINDS];
	alarm_tell_fn tell;
	void *arg;
};

const struct alarm_row *alarm_rows(void)
{
	return rows;
}

struct alarm_key alarm_key(enum alarm_kind kind, const char *host)
{
	struct alarm_key key = { .kind = kind };
	(void)str_copy(key.host, sizeof(key.host), host); /* a name's length */
	return key;
}

struct alarms *alarms_new(alarm_tell_fn tell, void *arg)
{
	struct alarms *a = xcalloc(1, sizeof(*a));
	a->tell = tell;
	a->arg = arg;
	for (size_t i = 0; i < ALARM_KINDS; i++)
		a->after[i] = rows[i].after;
	return a;
}

void alarms_set_wait(struct alarms *a, enum alarm_kind kind, int64_t after)
{
	a->after[kind] = after;
}

void alarms_free(struct alarms *a)
{
	if (!a)
		return;
	free(a->all);
	free(a);
}

static struct alarm *find(const struct alarms *a, const struct alarm_key *key)
{
	for (size_t i = 0; i < a->count; i++) {
		struct alarm *each = &a->all[i];
		if (each->key.kind == key->kind &&
		    strcmp(each->key.host, key->host) == 0 &&
		    addr_equal(each->key.client, key->client))
			return each;
	}
	return NULL;
}

static struct alarm *add(struct alarms *a, const struct alarm_key *key, int64_t now)
{
	if (a->count == ALARM_MAX)
		return NULL;
	a->all = xrealloc(a->all, a->count + 1, sizeof(*a->all));
	struct alarm *n = &a->all[a->count++];
	*n = (struct alarm){ .key = *key, .since = now };
	return n;
}

static void tell(struct alarms *a, const struct alarm *each, bool is_over)
{
	a->has_changed = true;
	a->tell(a->arg, each, is_over);
}

static void begin_if_due(struct alarms *a, struct alarm *each, int64_t now)
{
	if (each->state != ALARM_WAITING || now - each->since < a->after[each->key.kind])
		return;
	each->state = ALARM_ON;
	tell(a, each, false);
}

/* What cannot be shown or saved becomes a space. */
static void set_text(struct alarm *each, const char *text)
{
	size_t n = 0;
	for (; text[n] && n < sizeof(each->text) - 1; n++) {
		char c = text[n];
		each->text[n] = c == '"' ? '\'' : (unsigned char)c < ' ' ? ' ' : c;
	}
	each->text[n] = '\0';
}

void alarms_raise(struct alarms *a, const struct alarm_key *key, const char *text,
		  int64_t now)
{
	struct alarm *each = find(a, key);
	if (each) {
		each->loaded = 0;
		return;
	}
	each = add(a, key, now);
	if (each)
		set_text(each, text);
}

/* The last takes the place of the one that goes. */
static void drop(struct alarms *a, struct alarm *each)
{
	*each = a->all[--a->count];
	a->has_changed = true;
}

void alarms_clear(struct alarms *a, const struct alarm_key *key, const char *text)
{
	struct alarm *each = find(a, key);
	if (!each)
		return;
	if (each->state == ALARM_ON) {
		set_text(each, text);
		tell(a, each, true);
	}
	drop(a, each);
}

void alarms_acknowledge(struct alarms *a, const struct alarm_key *key, const char *text)
{
	struct alarm *each = find(a, key);
	if (!each || each->state == ALARM_QUIET)
		return;
	bool was_on = each->state == ALARM_ON;
	each->state = ALARM_QUIET;
	set_text(each, text);
	if (was_on)
		tell(a, each, true);
}

void alarms_tick(struct alarms *a, int64_t now)
{
	for (size_t i = a->count; i-- > 0;) {
		struct alarm *each = &a->all[i];
		struct alarm_key key = each->key;
		begin_if_due(a, each, now);
		/* Of senders the judge knows; the others would be raised again. */
		if (key.kind != ALARM_SENDER && each->loaded &&
		    now - each->loaded >= ALARM_LOADED)
			alarms_clear(a, &key, "it is not seen any more");
	}
}

const struct alarm *alarms_at(const struct alarms *a, size_t index)
{
	return index < a->count ? &a->all[index] : NULL;
}

bool alarms_is_on(const struct alarms *a, enum alarm_kind kind, const char *host)
{
	struct alarm_key key = alarm_key(kind, host);
	const struct alarm *each = find(a, &key);
	return each && each->state == ALARM_ON;
}

size_t alarms_count(const struct alarms *a, enum alarm_kind kind)
{
	size_t n = 0;
	if (kind == ALARM_KINDS)
		return a->count;
	for (size_t i = 0; i < a->count; i++)
		n += a->all[i].key.kind == kind && a->all[i].state == ALARM_ON;
	return n;
}

bool alarms_has_changed(struct alarms *a)
{
	bool has_changed = a->has_changed;
	a->has_changed = false;
	return has_changed;
}

void alarms_keep(struct alarms *a, const struct alarm_key *key, bool is_quiet,
		 int64_t since, const char *text, int64_t now)
{
	struct alarm *each = find(a, key) ? NULL : add(a, key, since);
	if (!each)
		return;
	each->state = is_quiet ? ALARM_QUIET : ALARM_ON;
	each->loaded = now;
	set_text(each, text);
}
