/*
 * zone_work - which zones a command line or configuration means, and what is
 * wanted of each
 *
 * Shared by plan, apply and revert. The files that --zone names, with the
 * layout and decoys of the options, else of the configuration's site of that
 * name; or the `zone` sections of the configuration, all sites or those whose
 * domains --origin names. Folder, resolver and lab are the configuration's in
 * either case.
 *
 * Use:
 *	struct zone_work w;
 *	int code = zone_work_collect(&w, cli, false);
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
#include "cli/zone_want.h"
#include "dns/resolver.h"
#include "zone/job.h"
#include "zone/list.h"
#include "zone/recorded.h"

struct zone_work_item {
	const struct zone_item *zone;
	const struct zone_want *want;
	const char *check, *reload;
	const struct config_zone *update; /* by RFC 2136; NULL: a file */
	/* What a name server has: the new serial exceeds it. */
	uint32_t serial_floor;
	bool has_serial_floor;
	/* "" or why the zone is refused without a look: a shared file, updates. */
	char problem[512];
};

struct zone_work {
	struct config config;
	bool has_config;
	struct zone_list *lists; /* one of the command line, or one a site */
	struct zone_want *wants; /* likewise, and one a site beside --zone */
	size_t list_count;
	struct zone_work_item *items;
	size_t count;
	struct error refused; /* the configuration, by which nothing is applied; code 0 */
	char state[CONFIG_TEXT_MAX];
	struct recorded recorded; /* what was applied before, if has_recorded */
	struct error recorded_error;
	bool has_recorded;
	struct resolver_options resolver;
	int64_t now;
	struct error ask_error; /* code 0: serials were asked for, or nobody wanted */
	size_t asked, silent;   /* zones: asked for, and not known */
};

/* CLI_DONE, or said. */
FMX_MUST_CHECK int zone_work_collect(struct zone_work *w, const struct cli *c,
				     bool reverts);
void zone_work_release(struct zone_work *w);

/* Asks the name servers of all zones that are files for their serials; of a revert
 * those of which an apply is recorded. */
void zone_work_ask_serials(struct zone_work *w, bool reverts);
/* Of how many of these zones that is not known, or why of none. */
void zone_work_say_serials(const struct zone_work *w, const struct cli *c);

/* The job of one item. */
void zone_work_job(const struct zone_work *w, size_t index, struct job *ret);

/* The options that plan, apply and revert share. */
#define ZONE_WORK_OPTIONS                                                                \
	{ .name = "zone",                                                                \
	  .may_repeat = true,                                                            \
	  .argument = "FILE",                                                            \
	  .meaning =                                                                     \
	      "A zone file; a folder or glob of them; a server's named.conf, knot.conf " \
	      "or nsd.conf; or - "                                                       \
	      "for a list on standard input, a line a zone: FILE, or ZONE FILE." },      \
	{                                                                                \
		.name = "origin", .argument = "NAME",                                    \
		.meaning = "The zone's name, when the file's does not tell it; with a "  \
			   "configuration: only this zone of it."                        \
	}

/* Those of a change; of one family, so that a command line of one verb is one of the
 * others too: what means nothing to a verb changes nothing there. */
#define CHANGE_OPTIONS                                                                   \
	{ .name = "yes", .meaning = "Do it without asking." },                           \
	    { .name = "max-change",                                                      \
	      .argument = "PERCENT",                                                     \
	      .meaning =                                                                 \
		  "Of ten zones or more, refuse when more than this part would change; " \
		  "30 if not given." },                                                  \
	{                                                                                \
		.name = "sample", .argument = "N",                                       \
		.meaning = "Change N zones, then stop until told to go on."              \
	}

#define WAIT_OPTION                                                                      \
	{                                                                                \
		.name = "wait",                                                          \
		.meaning = "Of dynamic updates: wait until no cache asks for the "       \
			   "decoys any more, and take their addresses out too."          \
	}

#endif
