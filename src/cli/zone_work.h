/*
 * zone_work - which zones a command line or configuration means, and what is
 * wanted of each
 *
 * Shared by plan, apply and revert. From --zone, --origin, --layout, --decoy
 * and --low alone, without a configuration file; or from the `zone` sections
 * of the configuration, all sites or those whose domains --origin names.
 *
 * Use:
 *	struct zone_work w;
 *	int code = zone_work_collect(&w, cli, true);
 *	if (code != CLI_DONE)		// said
 *		return code;
 *	for (size_t i = 0; i < w.count; i++)
 *		w.items[i].job ...
 *	zone_work_release(&w);
 *
 * Ownership: the work owns everything its jobs point to.
 */
#ifndef FMX_CLI_ZONE_WORK_H
#define FMX_CLI_ZONE_WORK_H

#include "cli/cli.h"
#include "config/config.h"
#include "zone/job.h"
#include "zone/list.h"

/* What a decoy does at the door, for the prediction. */
struct zone_postures {
	enum posture low, high;
};

struct zone_work_item {
	const struct zone_item *zone;
	const struct plan_want *want;
	struct zone_postures postures;
	const char *check, *reload;
	const struct config_zone *update; /* by RFC 2136; NULL: a file */
	/* What a name server has: the new serial exceeds it. */
	uint32_t serial_floor;
	bool has_serial_floor;
	/* "" or why the zone is refused without a look: a shared file, updates. */
	char problem[320];
};

struct zone_work {
	struct config config;
	bool has_config;
	struct zone_list *lists; /* one of the command line, or one a site */
	struct plan_want *wants; /* likewise */
	size_t list_count;
	struct zone_work_item *items;
	size_t count;
	char state[CONFIG_TEXT_MAX];
	int64_t now;
};

/* needs_layout: plan and apply; revert needs none. CLI_DONE, or said. */
FMX_MUST_CHECK int zone_work_collect(struct zone_work *w, const struct cli *c,
				     bool needs_layout);
void zone_work_release(struct zone_work *w);

/* Asks the name servers of all zones that are files for their serials; says
 * which zones could not be asked for. */
void zone_work_ask_serials(struct zone_work *w, const struct cli *c);

/* The job of one item. */
void zone_work_job(const struct zone_work *w, size_t index, struct job *ret);

/* The options that plan, apply and revert share. */
#define ZONE_WORK_OPTIONS                                                                \
	{ .name = "zone",                                                                \
	  .may_repeat = true,                                                            \
	  .argument = "FILE",                                                            \
	  .meaning =                                                                     \
	      "A zone file; a folder or glob of them; named.conf or knot.conf; or - "    \
	      "for a list on standard input, a line a zone: FILE, or ZONE FILE." },      \
	{                                                                                \
		.name = "origin", .argument = "NAME",                                    \
		.meaning = "The zone's name, when the file's does not tell it; with a "  \
			   "configuration: only this zone of it."                        \
	}

#define ZONE_WANT_OPTIONS                                                                \
	{ .name = "layout",                                                              \
	  .argument = "LAYOUT",                                                          \
	  .meaning = "none, high (the default of fakemx), low or both." },               \
	    { .name = "decoy",                                                           \
	      .argument = "NAME=ADDRESS[,ADDRESS]",                                      \
	      .meaning = "The high decoy. Without addresses its name must have some." }, \
	    { .name = "low", .argument = "NAME=ADDRESS", .meaning = "The low decoy." },  \
	    { .name = "ttl",                                                             \
	      .argument = "SECONDS",                                                     \
	      .meaning =                                                                 \
		  "One TTL for all MX records; a short one makes retreat quick." },      \
	    { .name = "online",                                                          \
	      .meaning =                                                                 \
		  "Ask the name servers for their serials too, so that the new one "     \
		  "exceeds them; otherwise no packet is sent for a zone file." },        \
	{                                                                                \
		.name = "renumber",                                                      \
		.meaning = "Move the real hosts to 10, 20, ... where one stands at 0."   \
	}

#endif
