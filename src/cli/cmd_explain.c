/* explain - one sender: visits, walks, order, fate, listing, each with why. */
#include "cli/archive.h"
#include "cli/verbs.h"
#include "outlet/explain.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

static void print(const struct cli *c, const struct explain *x)
{
	if (c->json) {
		archive_print_json(explain_json(x));
		return;
	}
	struct buf b = BUF_INIT(TEXT_MAX);
	struct text_style style = archive_style();
	explain_text(x, &style, &b);
	archive_print(&b);
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	struct explain x;
	struct error e;
	struct addr client;

	(void)argc;
	if (!addr_parse(argv[0], &client))
		return cli_usage(c, "'%s' is not an IPv4 or IPv6 address", argv[0]);
	int code = archive_open(&a, c, DB_READ);
	if (code)
		return code;
	if (explain_make(a.ask, a.db, client, &x, &e) != 0) {
		code = cli_fail(c, &e);
	} else {
		print(c, &x);
		explain_release(&x);
	}
	archive_close(&a);
	return code;
}

const struct verb verb_explain = {
	.name = "explain",
	.run = run,
	.synopsis = "ADDRESS",
	.summary =
	    "one sender: visits, walks, order, fate, listing, each with its reason",
	.help = "Also says what would have been listed in mode = observe.\n\n"
		"  fakemx explain 198.51.100.7",
	.least = 1,
	.most = 1,
};
