/* allow - put on the allow list with a note, take off it, show it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "mx/layout.h"
#include "outlet/json.h"

enum { NOTE_MAX = 1000 };

struct entry {
	char *text, *note;
	int64_t since;
	bool is_on;
};

/* The allow list as the journal has it. */
struct allowed {
	struct entry *entries;
	size_t count;
};

static struct entry *find(struct allowed *a, const char *text)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->entries[i].text, text) == 0)
			return &a->entries[i];
	return NULL;
}

/* A journal_record_fn: the last record of a text holds. */
static int on_allow(void *arg, const struct record *r, struct error *e)
{
	struct allowed *a = arg;
	struct entry *n = find(a, r->text);
	(void)e;
	if (!n) {
		a->entries = xrealloc(a->entries, a->count + 1, sizeof(*a->entries));
		n = &a->entries[a->count++];
		*n = (struct entry){ .text = xstrdup(r->text) };
	}
	free(n->note);
	n->note = xstrdup(r->note);
	n->since = r->time;
	n->is_on = r->is_ok;
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
		if (!n->is_on)
			continue;
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
	for (size_t i = 0; i < a->count; i++) {
		const struct entry *n = &a->entries[i];
		if (n->is_on)
			(void)printf("%-40s %s  %s\n", n->text,
				     stamp_text(n->since, since), n->note);
	}
}

static int show(const struct cli *c, struct archive *archive)
{
	struct allowed a = { NULL, 0 };
	struct error e;
	int code = CLI_DONE;
	if (journal_allowed(archive->journal, on_allow, &a, &e) != 0)
		code = cli_fail(c, &e);
	else if (c->json)
		show_json(&a);
	else
		show_text(&a);
	release(&a);
	return code;
}

/* ---- change ---- */

/* One way to write each entry, so that it is found again. */
static bool canonical(const char *word, char text[NAME_MAX_TEXT])
{
	struct prefix p;
	struct addr a;
	char buf[PREFIX_TEXT_MAX];

	if (addr_parse(word, &a))
		return str_copy(text, NAME_MAX_TEXT, addr_text(a, buf));
	if (prefix_parse(word, &p))
		return str_copy(text, NAME_MAX_TEXT, prefix_text(p, buf));
	size_t len = strlen(word);
	if (len > 0 && word[len - 1] == '.')
		len--;
	if (len == 0 || len >= NAME_MAX_TEXT || word[0] == '.')
		return false;
	bool has_letter = false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)word[i]) && !strchr("-._", word[i]))
			return false;
		has_letter = has_letter || isalpha((unsigned char)word[i]);
		text[i] = (char)tolower((unsigned char)word[i]);
	}
	text[len] = '\0';
	return has_letter; /* 192.0.2.1.5 is no name but a mistyped address */
}

static int write_change(struct archive *archive, const char *text, const char *note,
			bool is_on, struct error *e)
{
	struct record r = { .kind = RECORD_ALLOW,
			    .time = archive->now,
			    .seen = archive->now,
			    .is_ok = is_on,
			    .text = text,
			    .note = note };
	if (journal_append(archive->journal, &r) != 0)
		return error_set(e, -ENOBUFS, "too many records wait to be written");
	return journal_commit(archive->journal, NULL, NULL, e);
}

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
	struct allowed a = { NULL, 0 };
	struct error e;
	const char *note = cli_option(c, "note");
	int rc = journal_allowed(archive->journal, on_allow, &a, &e);
	const struct entry *old = find(&a, text);
	bool was_on = old && old->is_on;
	bool is_same =
	    was_on == is_on && (!is_on || !note || strcmp(note, old->note) == 0);

	if (rc == 0 && !is_same)
		rc = write_change(archive, text, note ? note : "", is_on, &e);
	release(&a);
	if (rc != 0)
		return cli_fail(c, &e);
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
	if (argc > 0 && !canonical(argv[0], text))
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
	code = archive_open(&a, c, argc > 0 ? JOURNAL_WRITE : JOURNAL_READ);
	if (code)
		return code;
	code = argc > 0 ? change(c, &a, text, !cli_flag(c, "remove")) : show(c, &a);
	archive_close(&a);
	return code;
}

static const struct option_row options[] = {
	{ .name = "note", .argument = "TEXT", .meaning = "Why; shown with the entry." },
	{ .name = "remove", .meaning = "Take off the list." },
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
