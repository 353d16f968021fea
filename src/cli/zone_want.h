/*
 * zone_want - what is wanted of a zone, as the command line or a site says it
 *
 * Use:
 *	struct zone_want want;
 *	const struct site *s = zone_want_site(&config, "example.com");
 *	int code = s ? zone_want_of_site(cli, s, config.lab, reverts, &want)
 *		     : zone_want_of_options(cli, reverts, &want);
 *	if (code != CLI_DONE)		// said
 *		return code;
 *
 * A revert takes the options that apply took: its decoys are what is taken out,
 * the rest is passed over.
 *
 * Ownership: plain data.
 */
#ifndef FMX_CLI_ZONE_WANT_H
#define FMX_CLI_ZONE_WANT_H

#include "cli/cli.h"
#include "config/config.h"
#include "mx/half.h"
#include "zone/plan.h"

/* What a decoy does at the door, for the prediction. */
struct zone_postures {
	enum posture low, high;
};

struct zone_want {
	struct plan_want plan;
	struct zone_postures postures;
};

/* A layout or a decoy on the command line. */
bool zone_want_is_given(const struct cli *c);
FMX_MUST_CHECK int zone_want_of_options(const struct cli *c, bool reverts,
					struct zone_want *ret);
FMX_MUST_CHECK int zone_want_of_site(const struct cli *c, const struct site *s, bool lab,
				     bool reverts, struct zone_want *ret);
/* --half. Without it *ret_given is false. CLI_DONE, or said. */
FMX_MUST_CHECK int zone_want_half(const struct cli *c, bool *ret_given, struct half *ret);
/* NAME=ADDRESS[,ADDRESS], the value of that option. CLI_DONE, or the mistake is said. */
FMX_MUST_CHECK int zone_want_decoy(const struct cli *c, const char *option,
				   const char *text, struct plan_decoy *ret);
/* The site that has the domain, or NULL. */
const struct site *zone_want_site(const struct config *c, const char *domain);

#define ZONE_WANT_OPTIONS                                                                \
	{ .name = "layout",                                                              \
	  .argument = "LAYOUT",                                                          \
	  .meaning =                                                                     \
	      "none, high (tried last; the default), low (tried first) or both." },      \
	    { .name = "decoy",                                                           \
	      .argument = "NAME=ADDRESS[,ADDRESS]",                                      \
	      .meaning = "The high decoy. Without addresses its name must have some." }, \
	    { .name = "low", .argument = "NAME=ADDRESS", .meaning = "The low decoy." },  \
	    { .name = "ttl",                                                             \
	      .argument = "SECONDS",                                                     \
	      .meaning =                                                                 \
		  "The TTL of all MX records; with a short one the change is quickly "   \
		  "undone." },                                                           \
	    { .name = "online",                                                          \
	      .meaning =                                                                 \
		  "Ask the name servers for their serials before, so that the new one "  \
		  "exceeds them. Without it they are asked after a reload alone." },     \
	    { .name = "resolver",                                                        \
	      .argument = "ADDR[@PORT]",                                                 \
	      .meaning = "Ask this recursive server instead of the system's." },         \
	    { .name = "half",                                                            \
	      .argument = "SEED",                                                        \
	      .meaning = "Only a random half of the zones, so that the report can "      \
			 "compare both "                                                 \
			 "halves; the same word gives the same half again." },           \
	{                                                                                \
		.name = "renumber",                                                      \
		.meaning = "Move the real hosts to 10, 20, ... where one stands at 0."   \
	}

#endif
