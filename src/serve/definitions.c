#include "serve/definitions.h"

#include <string.h>
#include <strings.h>

enum { DEFINITION_MAX = 4 * 1024 * 1024 };

struct writing {
	struct ledger *ledger;
	struct past *past;
	const struct config *config;
	struct buf old_text, new_text;
	size_t written;
};

static void put(struct writing *w, struct record *r)
{
	ledger_add(w->ledger, r);
	w->written++;
}

static const struct site *known_site(const struct judge *j, uint16_t id)
{
	for (size_t i = 0; i < judge_site_count(j); i++) {
		const struct site *s = judge_site(j, i);
		if (s->id == id && judge_site_is_configured(j, id))
			return s;
	}
	return NULL;
}

static bool is_wanted(const struct config *c, uint16_t id)
{
	for (size_t i = 0; i < c->site_count; i++) {
		if (c->sites[i].id == id)
			return true;
	}
	return false;
}

static bool texts_equal(const struct writing *w)
{
	return strcmp(buf_text(&w->old_text), buf_text(&w->new_text)) == 0;
}

/* A journal without records gets the rules even when they are the defaults:
 * another version may have others. */
static void write_rules(struct writing *w)
{
	buf_clear(&w->old_text);
	buf_clear(&w->new_text);
	rules_text(judge_rules(ledger_judge(w->ledger)), &w->old_text);
	rules_text(&w->config->rules, &w->new_text);
	if (texts_equal(w) && ledger_counts(w->ledger).records > 0)
		return;
	struct record r = { .kind = RECORD_RULES,
			    .text = buf_text(&w->new_text),
			    .note = "" };
	put(w, &r);
}

static void write_unsites(struct writing *w)
{
	const struct judge *j = ledger_judge(w->ledger);
	for (size_t i = 0; i < judge_site_count(j); i++) {
		uint16_t id = judge_site(j, i)->id;
		if (!judge_site_is_configured(j, id) || is_wanted(w->config, id))
			continue;
		struct record r = {
			.kind = RECORD_UNSITE, .site = id, .text = "", .note = ""
		};
		put(w, &r);
	}
}

static void write_site(struct writing *w, const struct site *s)
{
	const struct site *old = known_site(ledger_judge(w->ledger), s->id);
	buf_clear(&w->old_text);
	buf_clear(&w->new_text);
	if (old)
		site_text(old, &w->old_text);
	site_text(s, &w->new_text);
	if (old && texts_equal(w))
		return;
	struct record r = { .kind = RECORD_SITE,
			    .site = s->id,
			    .text = buf_text(&w->new_text),
			    .note = "" };
	put(w, &r);
}

static void write_allow(struct writing *w, const char *text, bool is_on)
{
	struct record r = { .kind = RECORD_ALLOW,
			    .is_ok = is_on,
			    .text = text,
			    .note = PAST_CONFIG_NOTE };
	put(w, &r);
	past_record(w->past, &r);
}

static bool has_allow(const struct config *c, const char *text)
{
	for (size_t i = 0; i < c->allow_count; i++) {
		if (strcasecmp(c->allow[i], text) == 0)
			return true;
	}
	return false;
}

/* past_record() drops an entry that is taken off, so look again from the start
 * after each. */
static void write_allows(struct writing *w)
{
	const char *text;
	for (size_t i = 0; (text = past_config_allow(w->past, i)) != NULL;) {
		if (has_allow(w->config, text)) {
			i++;
			continue;
		}
		char gone[NAME_MAX_TEXT];
		(void)snprintf(gone, sizeof(gone), "%s", text);
		write_allow(w, gone, false);
	}
	for (size_t i = 0; i < w->config->allow_count; i++) {
		if (!past_config_allows(w->past, w->config->allow[i]))
			write_allow(w, w->config->allow[i], true);
	}
}

size_t definitions_write(struct ledger *l, struct past *past, const struct config *c)
{
	struct writing w = { .ledger = l,
			     .past = past,
			     .config = c,
			     .old_text = BUF_INIT(DEFINITION_MAX),
			     .new_text = BUF_INIT(DEFINITION_MAX) };
	write_rules(&w);
	write_unsites(&w);
	for (size_t i = 0; i < c->site_count; i++)
		write_site(&w, &c->sites[i]);
	write_allows(&w);
	buf_release(&w.old_text);
	buf_release(&w.new_text);
	return w.written;
}
