/* forget - erase what is known of an address, name or domain. */
#include <stdio.h>

#include "base/number.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "journal/upkeep/upkeep.h"
#include "outlet/json.h"

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	struct error e;

	(void)argc;
	int code = archive_open(&a, c, DB_WRITE);
	if (code)
		return code;
	int64_t erased = journal_forget(a.db, argv[0], a.now, &e);
	if (erased < 0) {
		code =
		    e.code == FMX_EUSAGE ? cli_usage(c, "%s", e.text) : cli_fail(c, &e);
	} else if (c->json) {
		json_t *o = json_object();
		json_add(o, "version", json_integer(1));
		json_add(o, "forgotten", json_text(argv[0]));
		json_add(o, "records", json_integer(erased));
		archive_print_json(o);
	} else {
		(void)printf("%s: %lld record%s erased\n", argv[0], (long long)erased,
			     number_plural((uint64_t)erased));
	}
	archive_close(&a);
	return code;
}

const struct verb verb_forget = {
	.name = "forget",
	.run = run,
	.synopsis = "ADDRESS|NAME|DOMAIN",
	.summary = "erase what is known of an address, name or domain",
	.help =
	    "Overwrites visits and names in the journal: those of the address; or, of a "
	    "name or\ndomain, those of all clients whose confirmed name is that name or "
	    "lies below it. Where\na client only claimed the name, in HELO or as a "
	    "sender, the name is erased and the\nvisit stays. Backups are not touched, "
	    "nor is the allow list.\n\n"
	    "  fakemx forget 198.51.100.7",
	.least = 1,
	.most = 1,
};
