/* list - the listed senders, for other software. */
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "cli/archive.h"
#include "cli/verbs.h"
#include "outlet/list.h"

enum { TEXT_MAX = 1 << 30 };

static void print_plain(const struct cli *c, const struct list *l)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	list_plain(l, &b);
	archive_print(&b);
	if (!l->sites->rules.enforce)
		cli_warn(c,
			 "mode = observe: nothing is listed; %" PRIu64 " sender%s would "
			 "be now (see fakemx report)",
			 l->would_be, number_plural(l->would_be));
}

static int print_list(const struct cli *c, struct archive *a, bool is_json)
{
	struct error e;
	struct list l;
	if (list_make(a->ask, &l, &e) != 0)
		return cli_fail(c, &e);
	if (is_json)
		archive_print_json(list_json(&l));
	else
		print_plain(c, &l);
	list_release(&l);
	return CLI_DONE;
}

/* CLI_DONE, or what was said of a format that is not there. */
static int parse_format(const struct cli *c, bool *ret_is_json)
{
	const char *format = cli_option(c, "format");
	*ret_is_json = c->json;
	if (!format || strcmp(format, "plain") == 0) {
		if (format && c->json)
			return cli_usage(c, "--json and --format plain contradict");
		return CLI_DONE;
	}
	*ret_is_json = true;
	if (strcmp(format, "json") == 0)
		return CLI_DONE;
	return cli_usage(c, "unknown format '%s'; there are plain and json", format);
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	bool is_json;

	(void)argc, (void)argv;
	int code = parse_format(c, &is_json);
	if (code)
		return code;
	code = archive_open(&a, c, DB_READ);
	if (code)
		return code;
	code = print_list(c, &a, is_json);
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	{ .name = "format", .argument = "FORMAT", .meaning = "plain (default) or json." },
	{ 0 },
};

const struct verb verb_list = {
	.name = "list",
	.run = run,
	.synopsis = "[--format plain|json]",
	.summary = "listed senders, for other software to act on",
	.help = "Empty in mode = observe. Every entry has a reason and expires.\n\n"
		"  fakemx list > /run/listed.txt",
	.options = options,
};
