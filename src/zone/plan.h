/*
 * plan - what has to change in a zone so that its MX set has the wanted layout
 *
 * Declarative: wanted = the real hosts that are there + the layout's decoys;
 * what is missing is added, what is too much is taken out, and of a zone that
 * is as wanted nothing changes. Pure: the zone is a value (plan_zone), the
 * result is a list of changes, plus refusals: sentences for what must not be
 * done (exit 3 of apply, an error finding of plan).
 *
 * Preferences (DESIGN section 6; risks.md row 24): low is 0; high is the worst
 * real one + 10, or the greatest value of the same digit count, since some
 * tools sort preferences as text.
 *
 * Use:
 *	struct plan plan;
 *	plan_make(&zone, &want, &plan);
 *	if (plan.refusal[0])		// must not be done: says why
 *	if (plan.count == 0)		// nothing to do
 *
 * Ownership: a plan owns the rdata of its changes; plan_clear() frees them. It
 * must begin as zeros.
 */
#ifndef FMX_ZONE_PLAN_H
#define FMX_ZONE_PLAN_H

#include "mx/layout.h"
#include "zone/edit.h"

enum {
	PLAN_MAX_FORMER = 16,
	PLAN_MAX_ABOVE = 16,
	PLAN_MAX_ALSO = 7,
	PLAN_MAX_NAMES = 2 * (ZONE_MAX_MX + 2 + PLAN_MAX_ALSO + PLAN_MAX_FORMER)
};

struct plan_decoy {
	char name[NAME_TEXT_MAX]; /* "": none */
	struct addr addresses[HOST_MAX_ADDRESSES];
	uint8_t address_count;
	bool is_sure; /* written with a final dot: meant in full */
};

/* What was changed once and is to be taken back: a revert. */
struct plan_undo {
	const struct zone_change *changes;
	size_t count;
	bool keeps_addresses; /* caches may still ask for the decoys */
};

struct plan_want {
	enum layout layout;
	struct plan_decoy low, high;
	struct plan_decoy also[PLAN_MAX_ALSO]; /* high ones, tried after it, in order */
	size_t also_count;
	/* Names that are decoys too, of an earlier plan: taken out. */
	char former[PLAN_MAX_FORMER][NAME_TEXT_MAX];
	size_t former_count;
	int64_t ttl; /* of all MX records; -1: as it is */
	bool renumber;
	bool lab; /* addresses that are not public are no reason to refuse */
	const struct plan_undo *undo; /* for undo.h; NULL: nothing is known */
};

/* What is there: from a zone file (ranges.h) or from lookups. */
struct plan_zone {
	const char *origin; /* whose MX set */
	const char *zone;   /* the zone that it is in; NULL: origin is one */
	const struct zone_mx *mx;
	uint32_t mx_count;
	/* Of the names plan_names() gives. */
	const struct record_range *records;
	size_t record_count;
	bool has_other_mx, has_wildcard_mx; /* never touched */
};

struct plan {
	struct zone_change changes[PLAN_MAX_EDITS + 1]; /* the last is never used */
	size_t count;
	/* The MX set after; a host is a decoy if named so in the want. */
	struct zone_mx after[ZONE_MAX_MX];
	uint32_t after_count;
	uint32_t ttl_before; /* the longest TTL of the MX set: for advice */
	/* Neither refused nor as wanted: the zone has no MX record, or a null MX
	 * alone (RFC 7505). Nothing is to be done. */
	bool is_no_mail;
	char refusal[512];
	char note[512]; /* undo.h: what of the decoys stays, and why; "" for nothing */
};

/* The decoy of that name, wanted by the layout or not; NULL. */
const struct plan_decoy *plan_decoy_named(const struct plan_want *want, const char *name);

/* True for a name that want calls a decoy, now or formerly. */
bool plan_is_decoy(const struct plan_want *want, const char *name);

/* The names whose addresses, aliases and TLSA a plan must know: all MX hosts,
 * decoys now and formerly, and _25._tcp. of each. Returns how many; at most
 * `most`, of which PLAN_MAX_NAMES is always enough. */
size_t plan_names(const struct zone_mx *mx, uint32_t mx_count,
		  const struct plan_want *want, char (*ret_names)[NAME_TEXT_MAX],
		  size_t most);

/* The names between the decoys and their zone: it may be delegated there. At
 * most PLAN_MAX_ABOVE. */
size_t plan_names_above(const struct plan_want *want, const char *origin,
			char (*ret_names)[NAME_TEXT_MAX]);

/* The preference of a high decoy over hosts whose worst is `worst`; -1 when
 * there is no greater one. */
int plan_high_preference(uint16_t worst);

/* An empty plan. Its arrays are large and stay as they are. */
void plan_clear(struct plan *p);

/* One change more; NULL, and a refusal, when there are PLAN_MAX_EDITS. rdata is
 * copied; NULL for an MX. */
struct zone_change *plan_add(struct plan *p, enum edit_action action, enum edit_type type,
			     const char *owner, uint32_t ttl, const char *rdata);

/* The changes of MX records that lead from the zone to p->after, instead of those
 * that the plan has. */
void plan_set_mx(const struct plan_zone *zone, struct plan *p);

/* A record that a decoy alone has: an address of it, or a TLSA for its port 25. */
bool plan_is_of_decoy(const struct plan_want *want, const struct record_range *r);
/* Such a record, out of the zone. */
void plan_take_out(struct plan *p, const struct record_range *r, uint32_t ttl);
bool plan_changes_mx(const struct plan *p);
/* False when another change before this one is of the same owner and type. */
bool plan_is_first_of_rrset(const struct plan *p, size_t change);

void plan_make(const struct plan_zone *zone, const struct plan_want *want,
	       struct plan *ret);

#endif
