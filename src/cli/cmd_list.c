/* list - the listed senders, for other software. */
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "cli/archive.h"
#include "cli/verbs.h"
#include "outlet/gate.h"

static void put(void *arg, const char *text, size_t len)
{
	(void)arg;
	(void)fwrite(text, 1, len,
		     stdout); /* main() asks stdout whether all was written */
}

static void say_why_empty(const struct cli *c, const struct list_head *h,
			  const struct list_counts *n)
{
	if (h->note)
		cli_warn(c, "nobody is listed: %s", h->note);
	else if (!h->is_enforced && !h->is_would)
		cli_warn(c,
			 "mode = observe: nothing is listed; %" PRIu64 " sender%s would "
			 "be now (see fakemx list --would)",
			 n->would_be, number_plural(n->would_be));
}

static int print_list(const struct cli *c, struct archive *a, enum list_format format)
{
	struct error e;
	struct list_counts n;
	struct list_out out = { put, NULL };
	struct gate g;
	if (gate_open(&g, &a->config, a->db, a->ask, a->now, 0, &e) != 0)
		return cli_fail(c, &e);
	struct list_head head = gate_head(&g, a->ask);
	struct list_filter filter = gate_filter(&g);
	head.is_would = cli_flag(c, "would");
	int rc = list_ask(a->ask, format, &head, &filter, &out, &n, &e);
	if (rc == 0 && format == LIST_PLAIN)
		say_why_empty(c, &head, &n);
	gate_close(&g);
	return rc == 0 ? CLI_DONE : cli_fail(c, &e);
}

/* CLI_DONE, or what was said of a format that is not there. */
static int parse_format(const struct cli *c, enum list_format *ret_format)
{
	const char *format = cli_option(c, "format");
	*ret_format = c->json ? LIST_JSON : LIST_PLAIN;
	if (!format)
		return CLI_DONE;
	if (!list_format_parse(format, ret_format))
		return cli_usage(c, "unknown format '%s'; there are %s", format,
				 LIST_FORMAT_NAMES);
	if (c->json && *ret_format != LIST_JSON)
		return cli_usage(c, "--json and --format %s contradict each other",
				 format);
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	enum list_format format;

	(void)argc, (void)argv;
	int code = parse_format(c, &format);
	if (code)
		return code;
	code = archive_open(&a, c, DB_READ);
	if (code)
		return code;
	code = print_list(c, &a, format);
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	{ .name = "format",
	  .argument = "FORMAT",
	  .meaning = "plain (an address a line, the default), json, rspamd (a map), "
		     "postfix-cidr, nft (sets, for nft -f), rbldnsd (for its type "
		     "combined), dnsbl (a zone)." },
	{ .name = "would",
	  .meaning =
	      "Also show who is not listed only because of mode = observe or of too few "
	      "watched days. For looking at, not for use." },
	{ 0 },
};

const struct verb verb_list = {
	.name = "list",
	.run = run,
	.synopsis = "[--format " LIST_FORMAT_NAMES "] [--would]",
	.summary = "listed senders, for other software to act on",
	.help =
	    "Empty in mode = observe. Every entry has a reason and expires. `publish` "
	    "keeps files and zones\n"
	    "of these formats fresh.\n\n"
	    "  fakemx list > /run/listed.txt\n"
	    "  fakemx list --format nft | nft -f -",
	.options = options,
};
