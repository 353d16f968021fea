/* journal - backup, verify, restore. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "outlet/json.h"

static void tell(const struct cli *c, const char *done, const char *file,
		 uint64_t records)
{
	if (c->json) {
		json_t *o = json_object();
		json_add(o, "version", json_integer(1));
		json_add(o, "done", json_text(done));
		json_add(o, "file", json_text(file));
		json_add(o, "records", json_integer((json_int_t)records));
		archive_print_json(o);
		return;
	}
	(void)printf("%s: %s, %" PRIu64 " record%s\n", file, done, records,
		     records == 1 ? "" : "s");
}

static int backup(struct cli *c, const char *to)
{
	struct archive a;
	struct error e;
	uint64_t records = 0;

	int code = archive_open(&a, c, JOURNAL_READ);
	if (code)
		return code;
	int rc = journal_backup(a.journal, to, &e);
	if (rc == 0)
		rc = journal_verify(to, &records, &e);
	archive_close(&a);
	if (rc != 0)
		return cli_fail(c, &e);
	tell(c, "backup made", to, records);
	return CLI_DONE;
}

static int verify(struct cli *c, const char *file)
{
	struct archive a;
	struct error e;
	uint64_t records = 0;
	char path[sizeof(a.path)];

	if (!file) {
		int code = archive_find(&a, c);
		if (code)
			return code;
		(void)snprintf(path, sizeof(path), "%s", a.path);
		file = path;
		archive_close(&a);
	}
	if (journal_verify(file, &records, &e) != 0)
		return cli_fail(c, &e);
	tell(c, "sound", file, records);
	return CLI_DONE;
}

static int restore(struct cli *c, const char *from)
{
	struct archive a;
	struct error e;
	uint64_t records = 0;

	int code = archive_find(&a, c);
	if (code)
		return code;
	bool was_there = access(a.path, F_OK) == 0;
	int rc = journal_restore(from, a.path, &e);
	if (rc == 0)
		rc = journal_verify(a.path, &records, &e);
	if (rc != 0) {
		code = cli_fail(c, &e);
	} else {
		tell(c, "restored", a.path, records);
		if (was_there)
			cli_warn(c, "what was there is kept as %s.before-restore",
				 a.path);
	}
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
};

static int run(struct cli *c, int argc, char **argv)
{
	struct nearest n = nearest_to(argv[0]);
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		nearest_offer(&n, tasks[i].name);
		if (strcmp(tasks[i].name, argv[0]) != 0)
			continue;
		if (argc - 1 < tasks[i].least)
			return cli_usage(c, "journal %s needs a file", argv[0]);
		return tasks[i].run(c, argc > 1 ? argv[1] : NULL);
	}
	if (n.best)
		return cli_usage(c, "unknown task 'journal %s'; did you mean '%s'?",
				 argv[0], n.best);
	return cli_usage(c,
			 "unknown task 'journal %s'; there are backup, verify and "
			 "restore",
			 argv[0]);
}

const struct verb verb_journal = {
	.name = "journal",
	.run = run,
	.synopsis = "backup TO | verify [FILE] | restore FROM",
	.summary = "back the journal up, verify it, put a backup in its place",
	.help = "backup makes a consistent copy while serve runs. verify reads every "
		"record, of the\njournal or of FILE. restore verifies FROM, wants serve "
		"stopped, and keeps what was\nthere as *.before-restore.\n\n"
		"  fakemx journal backup /var/backups/fakemx.sqlite\n"
		"  fakemx journal verify",
	.least = 1,
	.most = 2,
};
