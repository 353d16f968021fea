#include "zone/edit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_PATCHES = 4 * ZONE_MAX_MX + PLAN_MAX_EDITS + 8 };

/* Bytes [begin, begin + len) become text. */
struct patch {
	uint32_t begin, len;
	struct buf text;
};

struct editor {
	const struct zone_input *in;
	const struct zone_ranges *ranges;
	const struct zone_change *changes;
	size_t count;
	const char *newline;
	struct patch patches[MAX_PATCHES];
	size_t patch_count;
};

const char *edit_action_name(enum edit_action a)
{
	return a == EDIT_ADD ? "add" : "remove";
}

const char *edit_type_name(enum edit_type t)
{
	switch (t) {
	case EDIT_MX: return "MX";
	case EDIT_A: return "A";
	case EDIT_AAAA: return "AAAA";
	case EDIT_TLSA: return "TLSA";
	}
	assert(false);
	return "MX";
}

const char *zone_change_rdata(const struct zone_change *c, char *text, size_t size)
{
	if (c->type == EDIT_MX)
		(void)snprintf(text, size, "%u %s.", c->preference, c->target);
	else
		(void)str_copy(text, size, c->rdata);
	return text;
}

void zone_change_line(const struct zone_change *c, struct buf *out)
{
	char rdata[1024];
	buf_addf(out, "%s. %u IN %s %s\n", c->owner, c->ttl, edit_type_name(c->type),
		 zone_change_rdata(c, rdata, sizeof(rdata)));
}

/* ---- patches ---- */

static struct buf *patch(struct editor *ed, uint32_t begin, uint32_t len)
{
	assert(ed->patch_count < MAX_PATCHES);
	struct patch *p = &ed->patches[ed->patch_count++];
	*p = (struct patch){ .begin = begin, .len = len, .text = BUF_INIT(1 << 20) };
	return &p->text;
}

/* Insertion sort: insertions at one place keep the order they were made in. */
static void sort_patches(struct editor *ed)
{
	for (size_t i = 1; i < ed->patch_count; i++) {
		struct patch moving = ed->patches[i];
		size_t j = i;
		for (; j > 0 && ed->patches[j - 1].begin > moving.begin; j--)
			ed->patches[j] = ed->patches[j - 1];
		ed->patches[j] = moving;
	}
}

static void write_out(struct editor *ed, struct buf *out)
{
	const char *text = ed->in->text;
	uint32_t at = 0;
	sort_patches(ed);
	for (size_t i = 0; i < ed->patch_count; i++) {
		struct patch *p = &ed->patches[i];
		assert(p->begin >= at); /* patches never overlap */
		buf_add(out, text + at, p->begin - at);
		buf_add(out, buf_text(&p->text), p->text.len);
		at = p->begin + p->len;
	}
	buf_add(out, text + at, ed->in->len - at);
}

/* ---- names as the neighbour writes them ---- */

static void add_name(struct buf *out, const char *name, const char *origin, bool absolute)
{
	size_t n = strlen(name), o = strlen(origin);
	if (!absolute && strcmp(name, origin) == 0)
		buf_adds(out, "@");
	else if (!absolute && n > o + 1 && name[n - o - 1] == '.' &&
		 strcmp(name + n - o, origin) == 0)
		buf_add(out, name, n - o - 1);
	else
		buf_addf(out, "%s.", name);
}

static bool ends_with_dot(const char *text, struct lex_span s)
{
	return s.len > 0 && text[s.begin + s.len - 1] == '.';
}

static bool has_line_end(const char *text, struct lex_span s)
{
	return s.len > 0 && text[s.begin + s.len - 1] == '\n';
}

/* One line, nothing but spaces between its parts? */
static bool is_plain(const char *text, const struct mx_range *mx)
{
	uint32_t end = mx->exchange_span.begin + mx->exchange_span.len;
	for (uint32_t i = mx->en.whole.begin; i < end; i++)
		if (text[i] == '(' || text[i] == ')' || text[i] == '\n' || text[i] == ';')
			return false;
	return true;
}

/* ---- MX lines ---- */

static const struct mx_range *template_mx(const struct editor *ed)
{
	const struct mx_range *last = NULL;
	for (uint32_t i = 0; i < ed->ranges->mx_count; i++)
		if (ed->ranges->mx[i].depth == 0 && !ed->ranges->mx[i].is_generated)
			last = &ed->ranges->mx[i];
	return last;
}

/* Preference and exchange in the neighbour's columns. */
static void add_columns(struct buf *out, const char *text, const struct mx_range *t,
			const struct zone_change *c)
{
	char number[8];
	int digits = snprintf(number, sizeof(number), "%u", c->preference);
	uint32_t gap_begin = t->preference_span.begin + t->preference_span.len;
	uint32_t gap = t->exchange_span.begin - gap_begin;
	int wider = digits - (int)t->preference_span.len;
	buf_adds(out, number);
	if (text[gap_begin] == ' ' && gap > 1 && wider > 0)
		gap -= (uint32_t)wider < gap ? (uint32_t)wider : gap - 1;
	for (; wider < 0 && text[gap_begin] == ' ' && gap > 1; wider++)
		buf_adds(out, " ");
	buf_add(out, text + gap_begin, gap);
	add_name(out, c->target, t->origin, ends_with_dot(text, t->exchange_span));
}

static void add_mx_line(const struct editor *ed, struct buf *out,
			const struct mx_range *t, const struct zone_change *c)
{
	const char *text = ed->in->text;
	if (is_plain(text, t)) {
		buf_add(out, text + t->en.whole.begin,
			t->preference_span.begin - t->en.whole.begin);
		add_columns(out, text, t, c);
		return;
	}
	buf_add(out, text + t->en.owner.begin, t->en.owner.len);
	buf_adds(out, "\t");
	if (t->en.ttl.len) {
		buf_add(out, text + t->en.ttl.begin, t->en.ttl.len);
		buf_adds(out, "\t");
	}
	buf_addf(out, "IN\tMX\t%u ", c->preference);
	add_name(out, c->target, t->origin, false);
}

static int add_mx(struct editor *ed, const struct zone_change *c, struct error *e)
{
	const struct mx_range *t = template_mx(ed);
	if (!t)
		return error_set(e, FMX_EREFUSED,
				 "the MX records of %s stand in %s, not in %s: name that "
				 "file with --zone",
				 ed->in->origin,
				 ed->ranges->include_path[0] ? ed->ranges->include_path
							     : "a $GENERATE",
				 ed->in->path);
	uint32_t end = t->en.whole.begin + t->en.whole.len;
	struct buf *out = patch(ed, end, 0);
	bool ended = has_line_end(ed->in->text, t->en.whole);
	if (!ended)
		buf_adds(out, ed->newline);
	add_mx_line(ed, out, t, c);
	if (ended)
		buf_adds(out, ed->newline);
	return 0;
}

/* The apex MX record that a change speaks of; NULL if it is not there. */
static const struct mx_range *find_mx(const struct editor *ed,
				      const struct zone_change *c)
{
	for (uint32_t i = 0; i < ed->ranges->mx_count; i++)
		if (strcmp(ed->ranges->mx[i].exchange, c->target) == 0 &&
		    ed->ranges->mx[i].preference == c->preference)
			return &ed->ranges->mx[i];
	return NULL;
}

static const struct zone_change *replacement(const struct editor *ed,
					     const struct zone_change *c)
{
	for (size_t i = 0; i < ed->count; i++)
		if (ed->changes[i].action == EDIT_ADD && ed->changes[i].type == EDIT_MX &&
		    c->type == EDIT_MX && strcmp(ed->changes[i].target, c->target) == 0)
			return &ed->changes[i];
	return NULL;
}

static bool is_replacement(const struct editor *ed, const struct zone_change *c)
{
	for (size_t i = 0; i < ed->count; i++)
		if (ed->changes[i].action == EDIT_REMOVE &&
		    replacement(ed, &ed->changes[i]) == c)
			return true;
	return false;
}

static bool is_removed(const struct editor *ed, uint32_t begin)
{
	for (size_t i = 0; i < ed->count; i++) {
		const struct zone_change *c = &ed->changes[i];
		if (c->action != EDIT_REMOVE || replacement(ed, c))
			continue;
		const struct mx_range *mx = c->type == EDIT_MX ? find_mx(ed, c) : NULL;
		if (mx && mx->en.whole.begin == begin)
			return true;
		for (size_t k = 0; c->type != EDIT_MX && k < ed->ranges->record_count;
		     k++)
			if (ed->ranges->records[k].en.whole.begin == begin &&
			    strcmp(ed->ranges->records[k].owner, c->owner) == 0 &&
			    strcmp(ed->ranges->records[k].rdata, c->rdata) == 0)
				return true;
	}
	return false;
}

/* The next record that stays inherits the owner of the one that goes. */
static int hand_on_owner(struct editor *ed, const struct lex_entry *gone, struct error *e)
{
	if (gone->owner.len == 0)
		return 0;
	struct lex l;
	struct lex_entry en;
	uint32_t from = gone->whole.begin + gone->whole.len;
	int rc = lex_init(&l, ed->in->text, ed->in->len, e);
	if (rc != 0)
		return rc;
	l.at = from;
	while ((rc = lex_next(&l, &en, e)) > 0) {
		bool goes = is_removed(ed, en.whole.begin);
		if (en.kind == LEX_BLANK || en.kind == LEX_TTL ||
		    (goes && en.owner.len == 0))
			continue;
		/* one that goes too, with an owner of its own, hands that on */
		if (en.kind == LEX_RECORD && en.owner.len == 0)
			buf_add(patch(ed, en.whole.begin, 0),
				ed->in->text + gone->owner.begin, gone->owner.len);
		return 0;
	}
	return rc;
}

static int remove_entry(struct editor *ed, const struct lex_entry *en, struct error *e)
{
	(void)patch(ed, en->whole.begin, en->whole.len);
	return hand_on_owner(ed, en, e);
}

/* The TTL stands before the class or type; where there was none, one comes. */
static void set_ttl(struct editor *ed, const struct lex_entry *en, uint32_t ttl)
{
	uint32_t now;
	if (en->ttl.len && lex_ttl(ed->in->text, en->ttl, &now) && now == ttl)
		return;
	if (en->ttl.len) {
		buf_addf(patch(ed, en->ttl.begin, en->ttl.len), "%u", ttl);
		return;
	}
	bool class_first = en->class_.len && en->class_.begin < en->type.begin;
	buf_addf(patch(ed, class_first ? en->class_.begin : en->type.begin, 0), "%u ",
		 ttl);
}

static int change_mx(struct editor *ed, const struct zone_change *old,
		     const struct zone_change *new, struct error *e)
{
	const struct mx_range *mx = find_mx(ed, old);
	if (!mx || mx->depth || mx->is_generated)
		return error_set(
		    e, FMX_EREFUSED, "the MX record %u %s of %s does not stand in %s",
		    old->preference, old->target, ed->in->origin, ed->in->path);
	if (!new)
		return remove_entry(ed, &mx->en, e);
	if (new->ttl != old->ttl)
		set_ttl(ed, &mx->en, new->ttl);
	if (new->preference != old->preference)
		buf_addf(patch(ed, mx->preference_span.begin, mx->preference_span.len),
			 "%u", new->preference);
	return 0;
}

/* ---- the other records ---- */

static void add_at_end(struct editor *ed, const struct zone_change *c)
{
	uint32_t end = (uint32_t)ed->in->len;
	struct buf *out = patch(ed, end, 0);
	bool ended = end > 0 && ed->in->text[end - 1] == '\n';
	if (!ended)
		buf_adds(out, ed->newline);
	add_name(out, c->owner, ed->ranges->last_origin, false);
	if (!ed->ranges->has_default_ttl || ed->ranges->default_ttl != c->ttl)
		buf_addf(out, "\t%u", c->ttl);
	buf_addf(out, "\tIN\t%s\t%s", edit_type_name(c->type), c->rdata);
	if (ended)
		buf_adds(out, ed->newline);
}

static int remove_record(struct editor *ed, const struct zone_change *c, struct error *e)
{
	for (size_t i = 0; i < ed->ranges->record_count; i++) {
		const struct record_range *r = &ed->ranges->records[i];
		if (strcmp(r->owner, c->owner) == 0 && strcmp(r->rdata, c->rdata) == 0 &&
		    r->depth == 0)
			return remove_entry(ed, &r->en, e);
	}
	return error_set(e, FMX_EREFUSED, "the %s record of %s does not stand in %s",
			 edit_type_name(c->type), c->owner, ed->in->path);
}

static int make_change(struct editor *ed, const struct zone_change *c, struct error *e)
{
	if (c->action == EDIT_REMOVE)
		return c->type == EDIT_MX ? change_mx(ed, c, replacement(ed, c), e)
					  : remove_record(ed, c, e);
	if (c->type == EDIT_MX)
		return is_replacement(ed, c) ? 0 : add_mx(ed, c, e);
	add_at_end(ed, c);
	return 0;
}

static int make_changes(struct editor *ed, enum edit_action action, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < ed->count && rc == 0; i++)
		if (ed->changes[i].action == action)
			rc = make_change(ed, &ed->changes[i], e);
	return rc;
}

int zone_edit(const struct zone_input *in, const struct zone_ranges *p,
	      const struct zone_change *changes, size_t count, uint32_t serial,
	      struct buf *out, struct error *e)
{
	assert(count <= PLAN_MAX_EDITS);
	if (!p->has_soa || p->soa.depth)
		return error_set(e, FMX_EREFUSED,
				 "the SOA record of %s does not stand in %s", in->origin,
				 in->path);
	struct editor *ed = xcalloc(1, sizeof(*ed));
	const char *newline = memchr(in->text, '\n', in->len);
	ed->in = in;
	ed->ranges = p;
	ed->changes = changes;
	ed->count = count;
	ed->newline =
	    newline && newline > in->text && newline[-1] == '\r' ? "\r\n" : "\n";
	buf_addf(patch(ed, p->soa.serial_span.begin, p->soa.serial_span.len), "%u",
		 serial);
	/* Additions first: at one place they must stand before an owner handed on. */
	int rc = make_changes(ed, EDIT_ADD, e);
	if (rc == 0)
		rc = make_changes(ed, EDIT_REMOVE, e);
	if (rc == 0)
		write_out(ed, out);
	if (rc == 0 && buf_failed(out))
		rc = error_set(e, FMX_ETOOBIG, "%s: too large", in->path);
	for (size_t i = 0; i < ed->patch_count; i++)
		buf_release(&ed->patches[i].text);
	free(ed);
	return rc;
}
