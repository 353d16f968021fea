/*
 * Any text as a zone: refused, or planned; then the edited text is as wanted
 * (nothing more to plan), giving the former bytes back gives exactly those but for
 * the serials, and what was planned can be taken back from the edited text, once:
 * then nothing is left to take back.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "zone/history.h"
#include "zone/study.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone_input input(const char *text, size_t len)
{
	return (struct zone_input){
		.path = "/nowhere/zone", .text = text, .len = len, .origin = "example.com"
	};
}

static void want_of(uint8_t choice, struct plan_want *want)
{
	*want = (struct plan_want){ .layout = (enum layout)(choice & 3), .ttl = -1 };
	want->renumber = choice & 4;
	if (choice & 8)
		want->ttl = choice & 16 ? 300 : 3600;
	(void)str_copy(want->low.name, NAME_TEXT_MAX, "fake0.example.com");
	(void)str_copy(want->high.name, NAME_TEXT_MAX, "fake1.mx.example.com");
	(void)!addr_parse("8.8.8.20", &want->low.addresses[0]);
	(void)!addr_parse("8.8.8.30", &want->high.addresses[0]);
	want->low.address_count = want->high.address_count = 1;
	if (choice & 32)
		(void)str_copy(want->former[want->former_count++], NAME_TEXT_MAX,
			       "old.example.com");
}

static char *copy_of(const struct buf *b)
{
	char *copy = malloc(b->len + 1);
	assert(copy);
	memcpy(copy, buf_text(b), b->len + 1);
	return copy;
}

/* With another serial, and the old one again: every byte, unless the old one was
 * written with zeros in front. */
static void comes_back(struct study *s, const char *text, size_t len, uint32_t serial)
{
	struct zone_input in = input(text, len);
	uint32_t old = s->facts.serial;
	struct error e;
	int rc = study_restore(s, &in, serial, &e);
	assert(rc == 0);
	size_t other_len = s->text.len;
	char *other = copy_of(&s->text);
	in = input(other, other_len);
	rc = study_restore(s, &in, old, &e);
	assert(rc == 0 && s->text.len <= len);
	assert(s->text.len < len || memcmp(buf_text(&s->text), text, len) == 0);
	free(other);
}

/* As revert does of a file that somebody changed since. */
static void is_taken_back(struct study *s, const struct history *done, const char *text,
			  size_t len)
{
	struct study_serials serials = { .now = INT64_C(1796000000) * STAMP_SECOND };
	struct plan_undo undo = { done->changes, done->change_count, false };
	struct plan_want none = { .layout = LAYOUT_NONE, .ttl = -1, .undo = &undo };
	struct zone_input in = input(text, len);
	struct error e;
	for (size_t i = 0; i < done->decoy_count; i++)
		(void)str_copy(none.former[none.former_count++], NAME_TEXT_MAX,
			       done->decoys[i]);
	study_clear(s);
	if (study_plan(s, &in, &none, &e) != 0 || study_edit(s, &in, &serials, &e) != 0 ||
	    s->serial == 0)
		return;
	char *back = copy_of(&s->text);
	in = input(back, s->text.len);
	study_clear(s);
	int rc = study_plan(s, &in, &none, &e);
	assert(rc == 0 && s->plan.count == 0);
	free(back);
}

static void try(struct study *s, const struct plan_want *want, const char *text,
		size_t len)
{
	struct study_serials serials = { .now = INT64_C(1796000000) * STAMP_SECOND };
	struct zone_input in = input(text, len);
	struct error e;
	study_clear(s);
	if (study_plan(s, &in, want, &e) != 0 || study_edit(s, &in, &serials, &e) != 0 ||
	    s->serial == 0)
		return;
	size_t new_len = s->text.len;
	char *new = copy_of(&s->text);
	struct history done = { .decoy_count = 0 };
	history_note_decoys(&done, want);
	history_note_changes(&done, s->plan.changes, s->plan.count);
	comes_back(s, text, len, s->serial + 1);

	struct zone_input again = input(new, new_len);
	study_clear(s);
	int rc = study_plan(s, &again, want, &e);
	assert(rc == 0 && s->plan.count == 0);
	is_taken_back(s, &done, new, new_len);
	history_release(&done);
	free(new);
}

/* Generated records cost time and show nothing new by the thousand. */
static bool makes_many(const char *text)
{
	for (const char *p = text; (p = strcasestr(p, "$GENERATE")); p++)
		if (strspn(p + strcspn(p, "-"), "-0123456789") > 4)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct study *s;
	struct plan_want want;
	if (size == 0)
		return 0;
	if (!s)
		s = study_new();
	want_of(data[0], &want);
	char *text = malloc(size);
	assert(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (!makes_many(text))
		try(s, &want, text, size - 1);
	free(text);
	return 0;
}
