/* allow - put on the allow list with a note, take off it, show it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "journal/upkeep/upkeep.h"
#include "mx/host_name.h"
#include "outlet/json.h"

enum { NOTE_MAX = 1000 };

struct entry {
	char *text, *note;
	int64_t since;
};

/* The allow list as the journal has it. */
struct allowed {
	struct entry *entries;
	size_t count, cap;
};

static const struct entry *find(const struct allowed *a, const char *text)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->entries[i].text, text) == 0)
			return &a->entries[i];
	return NULL;
}

static int on_entry(void *arg, const struct allow_entry *from)
{
	struct allowed *a = arg;
	a->entries = xroom(a->entries, a->count, &a->cap, sizeof(*a->entries));
	a->entries[a->count++] = (struct entry){ .text = xstrdup(from->text),
						 .note = xstrdup(from->note),
						 .since = from->since };
	return 0;
}

static void release(struct allowed *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->entries[i].text);
		free(a->entries[i].note);
	}
	free(a->entries);
}

/* ---- show ---- */

static void show_json(const struct allowed *a)
{
	json_t *o = json_object();
	json_t *list = json_array();
	for (size_t i = 0; i < a->count; i++) {
		const struct entry *n = &a->entries[i];
		json_t *row = json_object();
		json_add(row, "entry", json_text(n->text));
		json_add(row, "note", json_text_or_null(n->note));
		json_add(row, "since", json_stamp(n->since));
		json_push(list, row);
	}
	json_add(o, "version", json_integer(1));
	json_add(o, "allowed", list);
	archive_print_json(o);
}

static void show_text(const struct allowed *a)
{
	char since[STAMP_TEXT_MAX];
	if (a->count == 0)
		(void)puts("The allow list is empty.");
	for (size_t i = 0; i < a->count; i++) {
		const struct entry *n = &a->entries[i];
		(void)printf("%-40s %s  %s\n", n->text, stamp_second(n->since, since),
			     n->note);
	}
}

static int show(const struct cli *c, struct archive *archive)
{
	struct allowed a = { .entries = NULL };
	struct error e;
	int code = CLI_DONE;
	if (allow_each(archive->db, on_entry, &a, &e) != 0)
		code = cli_fail(c, &e);
	else if (c->json)
		show_json(&a);
	else
		show_text(&a);
	release(&a);
	return code;
}

/* ---- change ---- */

static void tell(const struct cli *c, const char *text, const char *what)
{
	if (c->json) {
		json_t *o = json_object();
		json_add(o, "version", json_integer(1));
		json_add(o, "entry", json_text(text));
		json_add(o, "done", json_text(what));
		archive_print_json(o);
	} else {
		(void)printf("%s: %s\n", text, what);
	}
}

static int change(const struct cli *c, struct archive *archive, const char *text,
		  bool is_on)
{
	struct allowed a = { .entries = NULL };
	struct error e;
	const char *note = cli_option(c, "note");
	int rc = allow_each(archive->db, on_entry, &a, &e);
	const struct entry *old = find(&a, text);
	bool was_on = old != NULL;
	bool is_same = old ? is_on && (!note || strcmp(note, old->note) == 0) : !is_on;

	if (rc == 0 && !is_same)
		rc = allow_set(archive->db, text, note ? note : "", is_on, false,
			       archive->now, &e);
	release(&a);
	if (rc != 0)
		return cli_fail(c, &e);
	struct prefix p;
	if (is_on && prefix_parse(text, &p) && prefix_is_vast(p))
		cli_warn(c,
			 "%s is a large part of the internet: nobody in it is ever "
			 "listed, and each of them that is stopped raises an alarm",
			 text);
	if (is_on)
		tell(c, text, was_on ? "was on the allow list" : "put on the allow list");
	else
		tell(c, text,
		     was_on ? "taken off the allow list" : "was not on the allow list");
	return CLI_DONE;
}

static int check_usage(const struct cli *c, int argc, char **argv,
		       char text[NAME_MAX_TEXT])
{
	const char *note = cli_option(c, "note");
	bool is_removal = cli_flag(c, "remove");
	if (argc == 0 && (note || is_removal))
		return cli_usage(c, "--%s needs an address, prefix or name",
				 note ? "note" : "remove");
	if (is_removal && note)
		return cli_usage(c, "--remove takes no --note");
	if (note && strlen(note) > NOTE_MAX)
		return cli_usage(c, "the note is longer than %d bytes", NOTE_MAX);
	if (argc > 0 && host_name_read(argv[0], text, NAME_MAX_TEXT) == 1)
		return cli_usage(
		    c,
		    "%s is a whole top-level domain, and not all who send "
		    "from there can be trusted: name a domain below it, or a "
		    "host by its whole name",
		    text);
	if (argc > 0 && !allow_canonical(argv[0], text))
		return cli_usage(c, "'%s' is neither an address, a prefix nor a name",
				 argv[0]);
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	char text[NAME_MAX_TEXT] = "";

	int code = check_usage(c, argc, argv, text);
	if (code)
		return code;
	code = archive_open(&a, c, argc > 0 ? DB_WRITE : DB_READ);
	if (code)
		return code;
	code = argc > 0 ? change(c, &a, text, !cli_flag(c, "remove")) : show(c, &a);
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	{ .name = "note",
	  .argument = "TEXT",
	  .meaning = "Why it is there; shown with the entry." },
	{ .name = "remove", .meaning = "Take it off the list." },
	{ 0 },
};

const struct verb verb_allow = {
	.name = "allow",
	.run = run,
	.synopsis = "[[--remove] [--note TEXT] ADDRESS|PREFIX|NAME]",
	.summary = "put a sender on the allow list, or show the list",
	.help = "An allow-listed sender is never listed, and raises the alarm when it is "
		"stopped. A\nname stands for the confirmed names at and below it. What "
		"the configuration's allow\nputs on the list is taken off there.\n\n"
		"  fakemx allow 203.0.113.0/24 --note \"our scanner\"\n"
		"  fakemx allow --remove partner.example",
	.most = 1,
	.options = options,
};
