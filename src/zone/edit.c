#include "zone/edit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_PATCHES = 4 * ZONE_MAX_MX + PLAN_MAX_EDITS + 8, LINE_MAX_PATCHES = 3 };

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
	/* Of each removal of an MX record: the addition that takes its place. */
	const struct zone_change *replacement[PLAN_MAX_EDITS];
	bool replaces[PLAN_MAX_EDITS];
	/* Where entries begin that were given a TTL: once is enough. */
	uint32_t has_ttl[MAX_PATCHES];
	size_t has_ttl_count;
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

enum range_type edit_range_of(enum edit_type t)
{
	assert(t != EDIT_MX);
	return t == EDIT_A ? RANGE_A : t == EDIT_AAAA ? RANGE_AAAA : RANGE_TLSA;
}

bool edit_action_parse(const char *text, enum edit_action *ret)
{
	for (int a = EDIT_ADD; a <= EDIT_REMOVE; a++)
		if (strcmp(text, edit_action_name((enum edit_action)a)) == 0) {
			*ret = (enum edit_action)a;
			return true;
		}
	return false;
}

bool edit_type_parse(const char *text, enum edit_type *ret)
{
	for (int t = EDIT_MX; t <= EDIT_TLSA; t++)
		if (strcmp(text, edit_type_name((enum edit_type)t)) == 0) {
			*ret = (enum edit_type)t;
			return true;
		}
	return false;
}

const char *zone_change_rdata(const struct zone_change *c, char text[CHANGE_MX_TEXT_MAX])
{
	if (c->type != EDIT_MX)
		return c->rdata;
	(void)snprintf(text, CHANGE_MX_TEXT_MAX, "%u %s.", c->preference, c->target);
	return text;
}

void zone_change_line(const struct zone_change *c, struct buf *out)
{
	char mx[CHANGE_MX_TEXT_MAX];
	buf_addf(out, "%s. %u IN %s %s\n", c->owner, c->ttl, edit_type_name(c->type),
		 zone_change_rdata(c, mx));
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
	for (uint32_t i = mx->at.en.whole.begin; i < end; i++)
		if (text[i] == '(' || text[i] == ')' || text[i] == '\n' || text[i] == ';')
			return false;
	return true;
}

/* ---- MX lines ---- */

static bool is_here(const struct record_place *at)
{
	return at->depth == 0 && !at->is_generated;
}

static const struct mx_range *template_mx(const struct editor *ed)
{
	const struct mx_range *last = NULL;
	for (uint32_t i = 0; i < ed->ranges->mx_count; i++)
		if (is_here(&ed->ranges->mx[i].at))
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

/* The neighbour's line up to its preference; with the plan's TTL, where the
 * neighbour's is another. */
static void add_front(struct buf *out, const char *text, const struct mx_range *t,
		      uint32_t ttl)
{
	const struct lex_entry *en = &t->at.en;
	uint32_t from = en->whole.begin, to = t->preference_span.begin;
	if (t->at.ttl == ttl) {
		buf_add(out, text + from, to - from);
		return;
	}
	bool class_first = en->class_.len && en->class_.begin < en->type.begin;
	uint32_t at = class_first ? en->class_.begin : en->type.begin;
	if (en->ttl.len)
		at = en->ttl.begin;
	buf_add(out, text + from, at - from);
	buf_addf(out, "%u%s", ttl, en->ttl.len ? "" : " ");
	at += en->ttl.len;
	buf_add(out, text + at, to - at);
}

static void add_mx_line(const struct editor *ed, struct buf *out,
			const struct mx_range *t, const struct zone_change *c)
{
	const char *text = ed->in->text;
	if (is_plain(text, t)) {
		add_front(out, text, t, c->ttl);
		add_columns(out, text, t, c);
		return;
	}
	buf_add(out, text + t->at.en.owner.begin, t->at.en.owner.len);
	buf_adds(out, "\t");
	if (t->at.en.ttl.len || t->at.ttl != c->ttl)
		buf_addf(out, "%u\t", c->ttl);
	buf_addf(out, "IN\tMX\t%u ", c->preference);
	add_name(out, c->target, t->origin, false);
}

/* ---- which record a change speaks of ---- */

static bool is_mx(const struct mx_range *mx, const struct zone_change *c)
{
	return c->type == EDIT_MX && mx->preference == c->preference &&
	       strcmp(mx->exchange, c->target) == 0;
}

/* A new preference or TTL of a record is a removal and an addition: the record
 * keeps its line. Of one exchange at two preferences each keeps its own. */
static void pair_changes(struct editor *ed)
{
	for (int exact = 1; exact >= 0; exact--)
		for (size_t i = 0; i < ed->count; i++) {
			const struct zone_change *old = &ed->changes[i];
			if (old->action != EDIT_REMOVE || old->type != EDIT_MX ||
			    ed->replacement[i])
				continue;
			for (size_t k = 0; k < ed->count && !ed->replacement[i]; k++) {
				const struct zone_change *new = &ed->changes[k];
				if (new->action != EDIT_ADD || new->type != EDIT_MX ||
				    ed->replaces[k] ||
				    strcmp(new->target, old->target) != 0 ||
				    (exact && new->preference != old->preference))
					continue;
				ed->replacement[i] = new;
				ed->replaces[k] = true;
			}
		}
}

static bool is_record(const struct record_range *r, const struct zone_change *c)
{
	return c->type != EDIT_MX && r->type == edit_range_of(c->type) &&
	       strcmp(r->owner, c->owner) == 0 && strcmp(r->rdata, c->rdata) == 0;
}

/* The removal that speaks of the record which begins there; -1: none. It may stand
 * in the zone twice. */
static int removal_at(const struct editor *ed, uint32_t begin)
{
	const struct mx_range *mx = ed->ranges->mx;
	const struct record_range *r = ed->ranges->records;
	size_t mx_left = ed->ranges->mx_count, r_left = ed->ranges->record_count;
	while (mx_left && (!is_here(&mx->at) || mx->at.en.whole.begin != begin))
		mx++, mx_left--;
	while (!mx_left && r_left && (!is_here(&r->at) || r->at.en.whole.begin != begin))
		r++, r_left--;
	for (size_t i = 0; (mx_left || r_left) && i < ed->count; i++) {
		const struct zone_change *c = &ed->changes[i];
		if (c->action == EDIT_REMOVE &&
		    (mx_left ? is_mx(mx, c) : is_record(r, c)))
			return (int)i;
	}
	return -1;
}

static bool is_removed(const struct editor *ed, uint32_t begin)
{
	int i = removal_at(ed, begin);
	return i >= 0 && !ed->replacement[i];
}

static bool gets_ttl(const struct editor *ed, uint32_t begin)
{
	int i = removal_at(ed, begin);
	for (size_t k = 0; k < ed->has_ttl_count; k++)
		if (ed->has_ttl[k] == begin)
			return true;
	return i >= 0 && ed->replacement[i] &&
	       ed->replacement[i]->ttl != ed->changes[i].ttl;
}

/* ---- what followers take from a record ---- */

/* The TTL stands before the class or type; where there was none, one comes. */
static void set_ttl(struct editor *ed, const struct lex_entry *en, uint32_t ttl)
{
	if (en->ttl.len && en->ttl_value == ttl)
		return;
	if (en->ttl.len) {
		buf_addf(patch(ed, en->ttl.begin, en->ttl.len), "%u", ttl);
		return;
	}
	bool class_first = en->class_.len && en->class_.begin < en->type.begin;
	buf_addf(patch(ed, class_first ? en->class_.begin : en->type.begin, 0), "%u ",
		 ttl);
}

/* Entries after `en`, in the same file. */
static int entries_after(const struct editor *ed, const struct lex_entry *en,
			 struct lex *ret, struct error *e)
{
	int rc = lex_init(ret, ed->in->text, ed->in->len, e);
	ret->at = en->whole.begin + en->whole.len;
	ret->line = en->line + 1;
	return rc;
}

/* The next record that stays inherits the owner of the one that goes. */
static int hand_on_owner(struct editor *ed, const struct lex_entry *gone,
			 const char *owner, struct error *e)
{
	struct lex l;
	struct lex_entry en;
	bool is_elsewhere = false; /* another origin: the owner must be absolute */
	if (gone->owner.len == 0)
		return 0;
	int rc = entries_after(ed, gone, &l, e);
	while (rc == 0 && (rc = lex_next(&l, &en, e)) > 0) {
		rc = 0;
		is_elsewhere |= en.kind == LEX_ORIGIN;
		if (en.kind != LEX_RECORD)
			continue;
		if (en.owner.len) /* one that goes too hands its own on */
			return 0;
		if (is_removed(ed, en.whole.begin))
			continue;
		struct buf *out = patch(ed, en.whole.begin, 0);
		if (is_elsewhere)
			buf_addf(out, "%s.", owner);
		else
			buf_add(out, ed->in->text + gone->owner.begin, gone->owner.len);
		return 0;
	}
	return rc;
}

/* Without a $TTL, the next record that says no TTL takes that of the record
 * before: it is given what it had, if what stands before it changes. */
static int hand_on_ttl(struct editor *ed, const struct record_place *at, struct error *e)
{
	struct lex l;
	struct lex_entry en;
	uint32_t ttl = at->ttl;
	if (!at->is_inherited)
		return 0;
	int rc = entries_after(ed, &at->en, &l, e);
	while (rc == 0 && (rc = lex_next(&l, &en, e)) > 0) {
		rc = 0;
		if (en.kind == LEX_BLANK || en.kind == LEX_ORIGIN)
			continue;
		if (en.kind == LEX_INCLUDE || en.kind == LEX_GENERATE)
			return error_set(e, FMX_EREFUSED,
					 "%s line %u: records there may take their TTL "
					 "from the record before, which changes: write a "
					 "$TTL at the beginning of the zone first",
					 ed->in->path, en.line);
		if (en.kind == LEX_RECORD && is_removed(ed, en.whole.begin)) {
			ttl = en.ttl.len ? en.ttl_value : ttl;
			continue;
		}
		if (en.kind == LEX_TTL || en.ttl.len || gets_ttl(ed, en.whole.begin))
			return 0;
		set_ttl(ed, &en, ttl);
		ed->has_ttl[ed->has_ttl_count++] = en.whole.begin;
		return 0;
	}
	return rc;
}

/* ---- the changes ---- */

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
	uint32_t end = t->at.en.whole.begin + t->at.en.whole.len;
	struct buf *out = patch(ed, end, 0);
	bool ended = has_line_end(ed->in->text, t->at.en.whole);
	if (!ended)
		buf_adds(out, ed->newline);
	add_mx_line(ed, out, t, c);
	if (ended)
		buf_adds(out, ed->newline);
	return t->at.ttl == c->ttl ? 0 : hand_on_ttl(ed, &t->at, e);
}

static int take_line_out(struct editor *ed, const struct record_place *at,
			 const char *owner, struct error *e)
{
	(void)patch(ed, at->en.whole.begin, at->en.whole.len);
	int rc = hand_on_owner(ed, &at->en, owner, e);
	return rc == 0 && at->ttl != at->ttl_before ? hand_on_ttl(ed, at, e) : rc;
}

static int change_line(struct editor *ed, const struct mx_range *mx,
		       const struct zone_change *new, struct error *e)
{
	if (!new)
		return take_line_out(ed, &mx->at, ed->in->origin, e);
	if (new->preference != mx->preference)
		buf_addf(patch(ed, mx->preference_span.begin, mx->preference_span.len),
			 "%u", new->preference);
	if (new->ttl == mx->at.ttl)
		return 0;
	set_ttl(ed, &mx->at.en, new->ttl);
	return hand_on_ttl(ed, &mx->at, e);
}

/* Wherever the record stands: once, or more than once. */
static int change_mx(struct editor *ed, const struct zone_change *old,
		     const struct zone_change *new, struct error *e)
{
	bool is_there = false;
	int rc = 0;
	for (uint32_t i = 0; i < ed->ranges->mx_count && rc == 0; i++) {
		const struct mx_range *mx = &ed->ranges->mx[i];
		if (!is_mx(mx, old))
			continue;
		if (!is_here(&mx->at)) {
			is_there = false;
			break;
		}
		is_there = true;
		rc = change_line(ed, mx, new, e);
	}
	if (rc == 0 && !is_there)
		rc =
		    error_set(e, FMX_EREFUSED,
			      "the MX record %u %s of %s does not stand in %s itself",
			      old->preference, old->target, ed->in->origin, ed->in->path);
	return rc;
}

/* How many removals before this one speak of the same record: it may stand in the
 * zone more than once, and each removal takes one. */
static size_t rank_of(const struct editor *ed, size_t change)
{
	const struct zone_change *c = &ed->changes[change];
	size_t rank = 0;
	for (size_t i = 0; i < change; i++) {
		const struct zone_change *o = &ed->changes[i];
		rank += o->action == EDIT_REMOVE && o->type == c->type &&
			strcmp(o->owner, c->owner) == 0 &&
			strcmp(o->rdata, c->rdata) == 0;
	}
	return rank;
}

static int take_record_out(struct editor *ed, size_t change, struct error *e)
{
	const struct zone_change *old = &ed->changes[change];
	size_t rank = rank_of(ed, change);
	bool has_room = ed->patch_count + LINE_MAX_PATCHES <= MAX_PATCHES;
	for (size_t i = 0; i < ed->ranges->record_count && has_room; i++) {
		const struct record_range *r = &ed->ranges->records[i];
		if (is_here(&r->at) && is_record(r, old) && rank-- == 0)
			return take_line_out(ed, &r->at, old->owner, e);
	}
	return error_set(e, FMX_EREFUSED,
			 "the record %s %s %s does not stand in %s itself, or too often: "
			 "take it out by hand",
			 old->owner, edit_type_name(old->type), old->rdata, ed->in->path);
}

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

static int make_changes(struct editor *ed, enum edit_action action, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < ed->count && rc == 0; i++) {
		const struct zone_change *c = &ed->changes[i];
		if (c->action != action)
			continue;
		if (action == EDIT_REMOVE)
			rc = c->type == EDIT_MX ? change_mx(ed, c, ed->replacement[i], e)
						: take_record_out(ed, i, e);
		else if (c->type != EDIT_MX)
			add_at_end(ed, c);
		else if (!ed->replaces[i])
			rc = add_mx(ed, c, e);
	}
	return rc;
}

static int set_serial(struct editor *ed, uint32_t serial, struct error *e)
{
	const struct zone_ranges *r = ed->ranges;
	for (uint32_t i = 0; i < r->soa_count; i++) {
		const struct soa_range *soa = &r->soa[i];
		if (soa->depth || soa->is_generated)
			return error_set(e, FMX_EREFUSED,
					 "the SOA record of %s stands in %s, not in %s "
					 "itself",
					 ed->in->origin,
					 soa->is_generated ? "a $GENERATE"
							   : r->include_path,
					 ed->in->path);
		buf_addf(patch(ed, soa->serial_span.begin, soa->serial_span.len), "%u",
			 serial);
	}
	return r->soa_count
		   ? 0
		   : error_set(e, FMX_EREFUSED, "%s: the zone %s has no SOA record",
			       ed->in->path, ed->in->origin);
}

/* Additions first: at one place they must stand before an owner handed on. */
static int edit_all(struct editor *ed, uint32_t serial, struct buf *out, struct error *e)
{
	pair_changes(ed);
	int rc = set_serial(ed, serial, e);
	if (rc == 0)
		rc = make_changes(ed, EDIT_ADD, e);
	if (rc == 0)
		rc = make_changes(ed, EDIT_REMOVE, e);
	if (rc == 0)
		write_out(ed, out);
	if (rc == 0 && buf_failed(out))
		rc = error_set(e, FMX_ETOOBIG, "%s: too large", ed->in->path);
	return rc;
}

int zone_edit(const struct zone_input *in, const struct zone_ranges *p,
	      const struct zone_change *changes, size_t count, uint32_t serial,
	      struct buf *out, struct error *e)
{
	assert(count <= PLAN_MAX_EDITS);
	struct editor *ed = xcalloc(1, sizeof(*ed));
	const char *newline = memchr(in->text, '\n', in->len);
	ed->in = in;
	ed->ranges = p;
	ed->changes = changes;
	ed->count = count;
	ed->newline =
	    newline && newline > in->text && newline[-1] == '\r' ? "\r\n" : "\n";
	int rc = edit_all(ed, serial, out, e);
	for (size_t i = 0; i < ed->patch_count; i++)
		buf_release(&ed->patches[i].text);
	free(ed);
	return rc;
}
