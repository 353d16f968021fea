/*
 * study - one zone's text read, planned, edited and proven, all in memory
 *
 * Two readers must agree on what is there (ranges.h, digest.h); the edited text
 * must then be read as the old record set plus exactly the plan, with the new
 * serial: else there is no new text. Where name servers differ in the TTLs they
 * read, both readings must agree that no other record changes.
 *
 * Use:
 *	struct study *s = study_new();
 *	study_clear(s);
 *	rc = study_plan(s, &in, want, &e);
 *	if (rc == 0)
 *		rc = study_edit(s, &in, &serials, &e);
 *	if (rc == 0 && s->serial)		// s->text is the new zone
 *
 * Ownership: study_free. What it points to lasts until study_clear().
 */
#ifndef FMX_ZONE_STUDY_H
#define FMX_ZONE_STUDY_H

#include "zone/digest.h"
#include "zone/plan.h"

/* What the new serial must exceed besides the old one, and its style's clock. */
struct study_serials {
	int64_t now;
	uint32_t floor;
	bool has_floor;
};

struct study {
	struct zone_facts facts; /* of the text that was planned on */
	struct zone_ranges ranges;
	struct plan plan;
	struct buf text; /* the new zone */
	uint32_t serial; /* its serial; 0: nothing changes */
	/* for study.c: */
	struct digest_reader *reader;
	struct zone_digest before, wanted;
	bool ttl_differs;
	char names[PLAN_MAX_NAMES + PLAN_MAX_ABOVE][NAME_TEXT_MAX];
};

struct study *study_new(void);
void study_free(struct study *s);
void study_clear(struct study *s);

/* What is there, and what has to change: facts, ranges, plan. FMX_EREFUSED with
 * the plan's own refusal too. */
FMX_MUST_CHECK int study_plan(struct study *s, const struct zone_input *in,
			      const struct plan_want *want, struct error *e);
/* Which of plan.after have no address in the zone that they are in, a bit each: such
 * as mail.example.com.example.com, of a final dot that was left out. What a wildcard or
 * another zone may give one is not counted. */
uint64_t study_lacking(const struct study *s, const struct zone_input *in);
/* The plan as a new text for `in`, proven: text and serial. */
FMX_MUST_CHECK int study_edit(struct study *s, const struct zone_input *in,
			      const struct study_serials *serials, struct error *e);
/* The text of `in` as the new text, with this serial; facts, ranges and plan stay. */
FMX_MUST_CHECK int study_restore(struct study *s, const struct zone_input *in,
				 uint32_t serial, struct error *e);

/* The serial after `current`, and after `highest` that somebody has seen. */
uint32_t study_next_serial(const struct study_serials *serials, uint32_t current,
			   uint32_t highest);

#endif
