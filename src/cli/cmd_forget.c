/* forget - erase what is known of an address, name or domain. */
#include <stdio.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "journal/upkeep/upkeep.h"
#include "mx/host_name.h"
#include "outlet/json.h"

/* `forget com` for `forget example.com`: what is below a single label may be half of what
 * is known. */
static int check_wide(const struct cli *c, const struct archive *a, const char *what)
{
	struct error e;
	char name[NAME_MAX_TEXT];
	if (host_name_read(what, name, sizeof(name)) != 1 || cli_flag(c, "yes"))
		return CLI_DONE;
	int64_t rows = journal_forget_count(a->db, what, &e);
	if (rows < 0)
		return cli_fail(c, &e);
	if (rows == 0)
		return CLI_DONE;
	if (!isatty(STDIN_FILENO))
		return cli_usage(
		    c,
		    "%s is a whole top-level domain: all that is known below "
		    "it, %lld record%s, would be erased. If that is meant, "
		    "say --yes",
		    name, (long long)rows, number_plural((uint64_t)rows));
	if (cli_confirm("%s is a whole top-level domain. Erase all that is known below "
			"it, %lld record%s?",
			name, (long long)rows, number_plural((uint64_t)rows)))
		return CLI_DONE;
	cli_warn(c, "nothing was erased");
	return CLI_TELL;
}

static int forget(const struct cli *c, const struct archive *a, const char *what)
{
	struct error e;
	int64_t erased = journal_forget(a->db, what, a->now, &e);
	if (erased < 0)
		return e.code == FMX_EUSAGE ? cli_usage(c, "%s", e.text)
					    : cli_fail(c, &e);
	if (c->json) {
		json_t *o = json_object();
		json_add(o, "version", json_integer(1));
		json_add(o, "forgotten", json_text(what));
		json_add(o, "records", json_integer(erased));
		archive_print_json(o);
	} else {
		(void)printf("%s: %lld record%s erased\n", what, (long long)erased,
			     number_plural((uint64_t)erased));
	}
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	(void)argc;
	int code = archive_open(&a, c, DB_WRITE);
	if (code)
		return code;
	code = check_wide(c, &a, argv[0]);
	if (code == CLI_DONE)
		code = forget(c, &a, argv[0]);
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	{ .name = "yes",
	  .meaning = "Erase all below a whole top-level domain without asking." },
	{ 0 },
};

const struct verb verb_forget = {
	.name = "forget",
	.run = run,
	.synopsis = "[--yes] ADDRESS|NAME|DOMAIN",
	.summary = "erase what is known of an address, name or domain",
	.help =
	    "Overwrites visits and names in the journal: those of the address; or, of a "
	    "name or\ndomain, those of all clients whose confirmed name is that name or "
	    "lies below it. Where\na client only claimed the name, in HELO or as a "
	    "sender, the name is erased and the\nvisit stays. Backups are not touched, "
	    "nor is the allow list. A whole top-level\ndomain, such as com, is "
	    "asked about first, with how many records that would be.\n\n"
	    "  fakemx forget 198.51.100.7",
	.least = 1,
	.most = 1,
	.options = options,
};
