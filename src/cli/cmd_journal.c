/* journal - backup, verify, restore, import. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/stamp.h"
#include "base/suggestion.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/import_lines.h"
#include "cli/verbs.h"
#include "journal/upkeep/upkeep.h"
#include "outlet/json.h"

/* `records` is what a journal of the first edition had; now its visits. visits: NULL,
 * they were not counted. */
static void tell_json(const char *done, const char *file, const uint64_t *visits,
		      uint64_t runs)
{
	json_t *o = json_object();
	json_add(o, "version", json_integer(1));
	json_add(o, "done", json_text(done));
	json_add(o, "file", json_text(file));
	json_add(o, "records", visits ? json_count(*visits) : json_null());
	json_add(o, "visits", visits ? json_count(*visits) : json_null());
	json_add(o, "runs", json_count(runs));
	archive_print_json(o);
}

static void tell(const struct cli *c, const char *done, const char *file, uint64_t visits,
		 uint64_t runs)
{
	if (c->json) {
		tell_json(done, file, &visits, runs);
		return;
	}
	(void)printf("%s: %s, %" PRIu64 " visit%s in %" PRIu64 " run%s\n", file, done,
		     visits, number_plural(visits), runs, number_plural(runs));
}

/* Rebuilt and compared: nothing may differ. */
static int check(const struct cli *c, const char *path, const char *against,
		 struct verify_result *ret_result, struct error *e)
{
	struct progress progress;
	progress_begin(&progress, c, "visits");
	int rc =
	    journal_verify(path, against, archive_progress, &progress, ret_result, e);
	progress_end(&progress);
	return rc;
}

/* Who names a file that is not there is not helped by a running serve. */
static int check_is_there(const struct cli *c, const char *file)
{
	struct error e;
	if (!file || access(file, F_OK) == 0)
		return CLI_DONE;
	(void)error_cannot_read(&e, errno, file, "`fakemx journal backup FILE` makes one",
				NULL);
	return cli_fail(c, &e);
}

/* In a folder the copy is named by the moment: a second one does not meet the first. */
static const char *name_backup(const char *to, int64_t now, char path[PATH_MAX])
{
	struct stat st;
	char stamp[STAMP_TEXT_MAX];
	if (stat(to, &st) != 0 || !S_ISDIR(st.st_mode))
		return to;
	(void)stamp_second(now, stamp);
	(void)snprintf(path, PATH_MAX, "%s/fakemx-%s.sqlite", to, stamp);
	return path;
}

static int backup(struct cli *c, const char *to)
{
	struct archive a;
	struct error e;
	struct verify_result v;
	char path[PATH_MAX];

	int code = archive_open(&a, c, DB_READ);
	if (code)
		return code;
	to = name_backup(to, a.now, path);
	code = archive_check_folder(c, to);
	int rc = code ? 0 : journal_backup(a.db, to, cli_flag(c, "force"), &e);
	archive_close(&a);
	if (code)
		return code;
	if (rc != 0)
		return cli_fail(c, &e);
	if (check(c, to, NULL, &v, &e) != 0) {
		cli_warn(c,
			 "the copy %s is kept, but it is no sound backup, as the journal "
			 "is not sound",
			 to);
		return cli_fail(c, &e);
	}
	tell(c, "backup made", to, v.visits, v.runs);
	return CLI_DONE;
}

static int verify(struct cli *c, const char *file)
{
	struct archive a;
	struct error e;
	struct verify_result v;
	const char *against = cli_option(c, "against");
	char path[sizeof(a.path)];

	int code = check_is_there(c, file);
	if (code == CLI_DONE)
		code = check_is_there(c, against);
	if (code)
		return code;
	if (!file) {
		code = archive_find(&a, c);
		if (code)
			return code;
		(void)snprintf(path, sizeof(path), "%s", a.path);
		file = path;
		archive_close(&a);
	}
	if (check(c, file, against, &v, &e) != 0)
		return cli_fail(c, &e);
	if (against && c->json) /* of these only the runs are read */
		tell_json("equal", file, NULL, v.runs);
	else if (against)
		(void)printf("%s: equal to %s, %" PRIu64 " run%s\n", file, against,
			     v.runs, number_plural(v.runs));
	else
		tell(c, "sound", file, v.visits, v.runs);
	return CLI_DONE;
}

static int restore(struct cli *c, const char *from)
{
	struct archive a;
	struct error e;
	struct verify_result v;

	int code = check_is_there(c, from);
	if (code == CLI_DONE)
		code = archive_find(&a, c);
	if (code)
		return code;
	bool was_there = access(a.path, F_OK) == 0;
	struct progress progress;
	progress_begin(&progress, c, "visits");
	int rc = journal_restore(from, a.path, archive_progress, &progress, &v, &e);
	progress_end(&progress);
	if (rc != 0) {
		code = cli_fail(c, &e);
	} else {
		tell(c, "restored", a.path, v.visits, v.runs);
		if (was_there)
			cli_warn(c, "what was there is kept as %s.before-restore",
				 a.path);
	}
	archive_close(&a);
	return code;
}

static int import(struct cli *c, const char *from)
{
	struct archive a;
	struct import_counts counts;

	int code = archive_find(&a, c);
	if (code)
		return code;
	code = import_lines(c, &a, from, &counts);
	if (code == CLI_DONE)
		tell(c, "imported", a.path, counts.visits, counts.runs);
	archive_close(&a);
	return code;
}

static const struct {
	const char *name;
	int least, most; /* of the file */
	int (*run)(struct cli *c, const char *file);
} tasks[] = {
	{ "backup", 1, 1, backup },
	{ "verify", 0, 1, verify },
	{ "restore", 1, 1, restore },
	{ "import", 1, 1, import },
};

/* An option belongs to one task. */
static int check_options(const struct cli *c, const char *task)
{
	static const char *const owners[][2] = { { "force", "backup" },
						 { "against", "verify" } };
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
		if (cli_option(c, owners[i][0]) && strcmp(task, owners[i][1]) != 0)
			return cli_usage(c, "--%s goes with journal %s", owners[i][0],
					 owners[i][1]);
	return CLI_DONE;
}

static int run(struct cli *c, int argc, char **argv)
{
	struct suggestion n = suggestion_for(argv[0]);
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		suggestion_offer(&n, tasks[i].name);
		if (strcmp(tasks[i].name, argv[0]) != 0)
			continue;
		if (argc - 1 < tasks[i].least || (argc > 1 && !*argv[1]))
			return cli_usage(c, "journal %s needs a file", argv[0]);
		int code = check_options(c, argv[0]);
		return code ? code : tasks[i].run(c, argc > 1 ? argv[1] : NULL);
	}
	if (n.best)
		return cli_usage(c, "unknown task 'journal %s'; did you mean '%s'?",
				 argv[0], n.best);
	return cli_usage(c,
			 "unknown task 'journal %s'; there are backup, verify, restore "
			 "and import",
			 argv[0]);
}

static const struct option_row options[] = {
	{ .name = "force", .meaning = "backup: replace the backup that is there." },
	{ .name = "against",
	  .argument = "FILE",
	  .meaning =
	      "verify: compare with this journal, of another machine that judged the "
	      "same visits." },
	{ 0 },
};

static const struct verb_word words[] = {
	{ "backup", "[--force] TO",
	  "Makes a consistent copy of the journal while serve runs, and verifies it. TO "
	  "is "
	  "a file that is not there yet (--force replaces a backup), or a folder: then "
	  "the "
	  "copy is called fakemx-, the date and the time. Never copy the journal with "
	  "cp: "
	  "the daemon is writing." },
	{ "verify", "[--against FILE] [FILE]",
	  "Judges all visits of the journal (or of FILE) again and compares: runs and "
	  "verdicts must be equal. With --against the runs are compared with those of "
	  "another machine's journal." },
	{ "restore", "FROM",
	  "Verifies the backup FROM, then puts it in the journal's place. serve must be "
	  "stopped; what was there is kept as *.before-restore." },
	{ "import", "FILE|-",
	  "Reads lines as `fakemx visits` prints them into a new journal, for the hosts "
	  "of "
	  "the configuration, and judges them. Only where there is no visit yet, and not "
	  "while serve runs." },
	{ 0 },
};

const struct verb verb_journal = {
	.name = "journal",
	.run = run,
	.synopsis =
	    "backup [--force] TO | verify [--against FILE] [FILE] | restore FROM | "
	    "import FILE|-",
	.summary =
	    "back up, verify or restore the journal, or import visits into a new one",
	.help =
	    "backup makes a consistent copy while serve runs. verify judges all visits "
	    "again and\ncompares with what the journal (or FILE) says. restore verifies "
	    "FROM, wants serve\nstopped, and keeps what was there as *.before-restore. "
	    "import reads lines as `fakemx\nvisits` prints them into a new journal, for "
	    "the hosts of the configuration.\n\n"
	    "  fakemx journal backup /var/backups          (a folder: the name has the "
	    "date)\n"
	    "  fakemx journal verify\n"
	    "  fakemx visits | fakemx -c other.conf journal import -",
	.least = 1,
	.most = 2,
	.options = options,
	.words = words,
};
