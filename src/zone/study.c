#include "zone/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "zone/panel.h"
#include "zone/serial.h"
#include "zone/undo.h"

struct study *study_new(void)
{
	struct study *s = xcalloc(1, sizeof(*s));
	s->reader = digest_reader_new();
	s->text.limit = UINT32_MAX;
	return s;
}

void study_free(struct study *s)
{
	if (!s)
		return;
	digest_reader_free(s->reader);
	ranges_release(&s->ranges);
	plan_clear(&s->plan);
	buf_release(&s->text);
	free(s);
}

void study_clear(struct study *s)
{
	ranges_release(&s->ranges);
	buf_clear(&s->text);
	plan_clear(&s->plan);
	zone_facts_clear(&s->facts);
	s->serial = 0;
}

/* ---- may this text be changed at all? ---- */

static int check_signed(const struct zone_input *in, const struct zone_facts *facts,
			struct error *e)
{
	static const char suffix[] = ".signed";
	size_t n = strlen(in->path), s = sizeof(suffix) - 1;
	bool by_name = n > s && strcmp(in->path + n - s, suffix) == 0;
	if (!by_name && !facts->has_rrsig)
		return 0;
	return error_set(e, FMX_EREFUSED,
			 "%s is a signed zone, made by a signer from another file: "
			 "change that one (%.*s%s) "
			 "instead",
			 in->path, (int)(by_name ? n - s : 0), in->path,
			 by_name ? "" : "the unsigned source");
}

static int check_zone(const struct zone_input *in, const struct zone_facts *facts,
		      struct error *e)
{
	if (facts->soa_count != 1)
		return error_set(e, FMX_EMALFORMED,
				 "%s has %u SOA records at %s, where a zone has one: is "
				 "%s the right origin?",
				 in->path, facts->soa_count, in->origin, in->origin);
	return check_signed(in, facts, e);
}

static bool has_mx(const struct zone_facts *facts, const struct mx_range *mx)
{
	for (uint32_t i = 0; i < facts->mx_count; i++)
		if (mx->preference == facts->mx[i].preference &&
		    strcmp(mx->exchange, facts->mx[i].exchange) == 0)
			return true;
	return false;
}

static bool has_range(const struct zone_ranges *ranges, const struct zone_mx *mx)
{
	for (uint32_t k = 0; k < ranges->mx_count; k++)
		if (ranges->mx[k].preference == mx->preference &&
		    strcmp(ranges->mx[k].exchange, mx->exchange) == 0)
			return true;
	return false;
}

/* Two readers, one truth: else the ranges are not what a server reads. */
static int check_ranges(const struct zone_input *in, const struct zone_facts *facts,
			const struct zone_ranges *ranges, struct error *e)
{
	bool same = ranges->soa_count > 0;
	for (uint32_t i = 0; i < ranges->soa_count; i++)
		same &= ranges->soa[i].serial == facts->serial;
	for (uint32_t i = 0; i < facts->mx_count; i++)
		same &= has_range(ranges, &facts->mx[i]);
	for (uint32_t i = 0; i < ranges->mx_count; i++)
		same &= has_mx(facts, &ranges->mx[i]);
	if (same)
		return 0;
	return error_set(e, FMX_EREFUSED,
			 "%s: fakemx and libzscanner do not read the same MX records and "
			 "serial in it; "
			 "nothing is changed (please report this zone file)",
			 in->path);
}

static int read_ranges(struct study *s, const struct zone_input *in,
		       const struct plan_want *want, struct error *e)
{
	const char *names[PLAN_MAX_NAMES + PLAN_MAX_ABOVE];
	size_t n =
	    plan_names(s->facts.mx, s->facts.mx_count, want, s->names, PLAN_MAX_NAMES);
	n += plan_names_above(want, in->origin, s->names + n);
	for (size_t i = 0; i < n; i++)
		names[i] = s->names[i];
	ranges_release(&s->ranges); /* of the text before, when two are read */
	return ranges_read(in, names, n, &s->ranges, e);
}

/* What is no zone text at all, by how it begins; NULL: it may be one. */
static const char *what_else(const struct zone_input *in)
{
	static const struct {
		const char *begin;
		size_t len;
		const char *is;
	} kinds[] = {
		{ "\xef\xbb\xbf", 3,
		  "begins with a byte order mark, which name servers refuse: save it as "
		  "UTF-8 without one" },
		{ "\xff\xfe", 2, "is UTF-16: save it as UTF-8 or ASCII" },
		{ "\xfe\xff", 2, "is UTF-16: save it as UTF-8 or ASCII" },
		{ "\x1f\x8b", 2, "is packed by gzip: unpack it first" },
		{ "\xfd"
		  "7zXZ",
		  5, "is packed by xz: unpack it first" },
		{ "\x02\x00\x00\x00", 4,
		  "is BIND's raw format: make text of it with named-compilezone -f raw "
		  "-F "
		  "text" },
		{ "\x00\x00\x00\x02", 4,
		  "is BIND's raw format: make text of it with named-compilezone -f raw "
		  "-F "
		  "text" },
	};
	if (in->len == 0)
		return "is empty: is this the zone's file?";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (in->len >= kinds[i].len &&
		    memcmp(in->text, kinds[i].begin, kinds[i].len) == 0)
			return kinds[i].is;
	return NULL;
}

static int read_zone(struct study *s, const struct zone_input *in,
		     const struct plan_want *want, struct error *e)
{
	int rc = digest_read(s->reader, in, &s->before, &s->facts, e);
	if (rc == 0)
		rc = check_zone(in, &s->facts, e);
	const char *other = rc == FMX_EMALFORMED ? what_else(in) : NULL;
	if (other)
		rc = error_set(e, rc, "%s %s", in->path, other);
	if (rc == 0 && s->facts.mx_count > ZONE_MAX_MX)
		rc = error_set(e, FMX_EREFUSED, "%s has more than %d MX records",
			       in->origin, ZONE_MAX_MX);
	if (rc == 0)
		rc = read_ranges(s, in, want, e);
	return rc == 0 ? check_ranges(in, &s->facts, &s->ranges, e) : rc;
}

static int check_panel(const struct zone_input *in, struct error *e)
{
	const struct panel *p = panel_of(in->text, in->len);
	if (!p)
		return 0;
	struct buf way = BUF_INIT(1024);
	const char *at = strstr(p->way, "%s");
	buf_add(&way, p->way, (size_t)(at - p->way));
	buf_adds(&way, in->origin);
	buf_adds(&way, at + 2);
	int rc = error_set(
	    e, FMX_EREFUSED,
	    "%s is written by %s, which would overwrite a change of it. Make the "
	    "change there: %s",
	    in->path, p->name, buf_text(&way));
	buf_release(&way);
	return rc;
}

int study_plan(struct study *s, const struct zone_input *in, const struct plan_want *want,
	       struct error *e)
{
	int rc = read_zone(s, in, want, e);
	if (rc != 0)
		return rc;
	struct plan_zone zone = { .origin = in->origin,
				  .mx = s->facts.mx,
				  .mx_count = s->facts.mx_count,
				  .records = s->ranges.records,
				  .record_count = s->ranges.record_count,
				  .has_other_mx = s->facts.has_other_mx,
				  .has_wildcard_mx = s->facts.has_wildcard_mx };
	undo_make(&zone, want, &s->plan);
	if (s->plan.refusal[0])
		return error_set(e, FMX_EREFUSED, "%s", s->plan.refusal);
	return s->plan.count ? check_panel(in, e) : 0;
}

/* ---- hosts without an address ---- */

/* Any record of those that can give it one, or say that others do. */
static bool has_record_of(const struct zone_ranges *ranges, const char *name)
{
	for (size_t i = 0; i < ranges->record_count; i++)
		if (strcmp(ranges->records[i].owner, name) == 0)
			return true;
	return false;
}

static bool is_given_address(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->changes[i].action == EDIT_ADD &&
		    strcmp(p->changes[i].owner, name) == 0)
			return true;
	return false;
}

/* A cut between the name and its zone, or a wildcard beside one of these names. */
static bool may_come_from_above(const struct zone_input *in, const char *name)
{
	enum { ABOVE = 128 };
	char(*names)[NAME_TEXT_MAX] = xcalloc(2 * ABOVE, sizeof(*names));
	const char **list = xcalloc(2 * ABOVE, sizeof(*list));
	struct zone_ranges *found = xcalloc(1, sizeof(*found));
	struct error ignored; /* then nothing is known */
	size_t n = 0;
	for (const char *p = strchr(name, '.'); p && n + 2 <= 2 * ABOVE;
	     p = strchr(p + 1, '.')) {
		bool is_apex = strcmp(p + 1, in->origin) == 0;
		(void)snprintf(names[n++], NAME_TEXT_MAX, "*%.250s", p);
		if (is_apex)
			break;
		(void)str_copy(names[n++], NAME_TEXT_MAX, p + 1);
	}
	for (size_t i = 0; i < n; i++)
		list[i] = names[i];
	bool may = ranges_read(in, list, n, found, &ignored) != 0;
	for (size_t i = 0; i < found->record_count; i++) {
		const struct record_range *r = &found->records[i];
		may |=
		    r->owner[0] == '*' || r->type == RANGE_NS || r->type == RANGE_DNAME;
	}
	ranges_release(found);
	free(found);
	free(list);
	free(names);
	return may;
}

uint64_t study_lacking(const struct study *s, const struct zone_input *in)
{
	uint64_t lacking = 0;
	for (uint32_t i = 0; i < s->plan.after_count; i++) {
		const char *name = s->plan.after[i].exchange;
		if (name_is_below(name, in->origin) && !has_record_of(&s->ranges, name) &&
		    !is_given_address(&s->plan, name) && !may_come_from_above(in, name))
			lacking |= UINT64_C(1) << i;
	}
	return lacking;
}

/* ---- proof ---- */

uint32_t study_next_serial(const struct study_serials *serials, uint32_t current,
			   uint32_t highest)
{
	if (serials->has_floor && serial_is_newer(serials->floor, highest))
		highest = serials->floor;
	return serial_next(current, highest, serials->now);
}

/* The records that a plan adds, or takes out, as libzscanner reads them. */
static int planned_records(struct study *s, const char *origin, enum edit_action action,
			   struct zone_digest *ret, struct error *e)
{
	struct buf lines = BUF_INIT(PLAN_MAX_EDITS * LEX_ENTRY_MAX);
	*ret = (struct zone_digest){ 0, 0 };
	for (size_t i = 0; i < s->plan.count; i++)
		if (s->plan.changes[i].action == action)
			zone_change_line(&s->plan.changes[i], &lines);
	struct zone_input in = { .path = "the plan",
				 .text = buf_text(&lines),
				 .len = lines.len,
				 .origin = origin };
	int rc = lines.len ? digest_read(s->reader, &in, ret, NULL, e) : 0;
	buf_release(&lines);
	return rc;
}

static int planned_set(struct study *s, const char *origin, struct error *e)
{
	struct zone_digest added, removed;
	int rc = planned_records(s, origin, EDIT_ADD, &added, e);
	if (rc == 0)
		rc = planned_records(s, origin, EDIT_REMOVE, &removed, e);
	if (rc == 0)
		s->wanted = digest_add(digest_take(s->before, removed), added);
	return rc;
}

/* The owners whose records the plan changes, but for the apex. */
static int planned_owners(const struct study *s, const char *origin,
			  struct digest_names *ret, struct error *e)
{
	ret->count = 0;
	for (size_t i = 0; i < s->plan.count; i++) {
		const struct zone_change *c = &s->plan.changes[i];
		if (c->type == EDIT_MX || (i > 0 && strcmp(c->owner, c[-1].owner) == 0))
			continue;
		if (!digest_name(ret, c->owner))
			return error_set(e, FMX_EREFUSED, "%s: too many names change",
					 origin);
	}
	return 0;
}

/* Where servers do not read the same TTLs, also those that know only what is
 * written must see no other record change. */
static int prove_rest(struct study *s, const struct zone_input *before,
		      const struct zone_input *after, struct error *e)
{
	struct digest_names names;
	struct zone_digest a, b;
	int rc = planned_owners(s, before->origin, &names, e);
	if (rc == 0)
		rc = digest_read_rest(s->reader, before, &names, &a, e);
	if (rc == 0)
		rc = digest_read_rest(s->reader, after, &names, &b, e);
	if (rc == 0 && !digest_equal(a, b))
		rc = error_set(
		    e, FMX_EREFUSED,
		    "%s: the edited zone would change other records for name "
		    "servers that take TTLs as Knot and NSD do: write a $TTL at "
		    "its beginning first; nothing is changed",
		    before->path);
	return rc;
}

static int prove(struct study *s, const struct zone_input *in, uint32_t serial,
		 struct error *e)
{
	struct zone_digest after;
	struct zone_facts facts;
	int rc = digest_read(s->reader, in, &after, &facts, e);
	if (rc != 0)
		return rc;
	s->ttl_differs |= facts.ttl_differs;
	if (digest_equal(after, s->wanted) && facts.serial == serial)
		return 0;
	return error_set(e, FMX_EREFUSED,
			 "%s: the edited zone would not be the old one plus the plan "
			 "(%llu records, %llu wanted; serial %u, %u wanted); nothing is "
			 "changed",
			 in->path, (unsigned long long)after.count,
			 (unsigned long long)s->wanted.count, facts.serial, serial);
}

static struct zone_input new_text(const struct study *s, const struct zone_input *in)
{
	struct zone_input after = *in;
	after.text = s->text.data;
	after.len = s->text.len;
	return after;
}

int study_edit(struct study *s, const struct zone_input *in,
	       const struct study_serials *serials, struct error *e)
{
	s->serial = 0;
	if (s->plan.count == 0)
		return 0;
	uint32_t serial = study_next_serial(serials, s->facts.serial, s->facts.serial);
	s->ttl_differs = s->facts.ttl_differs;
	int rc = zone_edit(in, &s->ranges, s->plan.changes, s->plan.count, serial,
			   &s->text, e);
	if (rc != 0)
		return rc;
	struct zone_input after = new_text(s, in);
	rc = planned_set(s, in->origin, e);
	if (rc == 0)
		rc = prove(s, &after, serial, e);
	if (rc == 0 && s->ttl_differs)
		rc = prove_rest(s, in, &after, e);
	if (rc == 0)
		s->serial = serial;
	return rc;
}

int study_restore(struct study *s, const struct zone_input *in, uint32_t serial,
		  struct error *e)
{
	struct zone_facts facts;
	struct zone_ranges *ranges = xcalloc(1, sizeof(*ranges));
	s->serial = 0;
	buf_clear(&s->text);
	int rc = digest_read(s->reader, in, &s->wanted, &facts, e);
	if (rc == 0)
		rc = check_zone(in, &facts, e);
	if (rc == 0)
		rc = ranges_read(in, NULL, 0, ranges, e);
	if (rc == 0)
		rc = check_ranges(in, &facts, ranges, e);
	if (rc == 0)
		rc = zone_edit(in, ranges, NULL, 0, serial, &s->text, e);
	struct zone_input after = new_text(s, in);
	if (rc == 0)
		rc = prove(s, &after, serial, e);
	if (rc == 0)
		s->serial = serial;
	ranges_release(ranges);
	free(ranges);
	return rc;
}
