/*
 * print_tables - the tables that the manual describes, one row a line, fields
 * between tabs, for scripts/check-docs:
 *
 *	verb NAME
 *	option VERB NAME ARGUMENT	(VERB "" for those of all verbs)
 *	exit CODE
 *	section NAME
 *	key SECTION NAME DEFAULT	(SECTION "" for the file itself)
 *	alarm KIND
 *	metric NAME TYPE LABELS
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "serve/alarm/alarm.h"
#include "serve/metrics/metrics.h"

static const char *text(const char *t)
{
	return t ? t : "";
}

static void print_options(const char *verb, const struct option_row *rows)
{
	for (; rows && rows->name; rows++)
		printf("option\t%s\t%s\t%s\n", verb, rows->name, text(rows->argument));
}

int main(void)
{
	print_options("", cli_global_options());
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		printf("verb\t%s\n", (*v)->name);
		print_options((*v)->name, (*v)->options);
	}
	size_t n;
	const struct cli_exit_code *codes = cli_exit_codes(&n);
	for (size_t i = 0; i < n; i++)
		printf("exit\t%d\n", codes[i].code);
	const struct config_section *sections = config_sections(&n);
	for (size_t i = 0; i < n; i++)
		printf("section\t%s\n", sections[i].name);
	const struct config_key *keys = config_keys(&n);
	for (size_t i = 0; i < n; i++)
		printf("key\t%s\t%s\t%s\n", keys[i].section, keys[i].name,
		       text(keys[i].fallback));
	for (size_t i = 0; i < ALARM_KINDS; i++)
		printf("alarm\t%s\n", alarm_rows()[i].name);
	const struct metric_row *metrics = metrics_rows(&n);
	for (size_t i = 0; i < n; i++)
		printf("metric\t%s\t%s\t%s\n", metrics[i].name, metrics[i].type,
		       metrics[i].labels);
	return 0;
}
