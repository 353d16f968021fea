/* print_findings - docs/findings.md, from the table of findings. Written by
 * scripts/docs; a test holds the file against it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "mx/finding.h"

static void anchor(const char *id)
{
	for (; *id; id++)
		(void)putchar(tolower((unsigned char)*id));
}

static void summary(void)
{
	(void)puts("| id | severity | in short |\n|---|---|---|");
	for (unsigned i = 0; i < FINDING_COUNT; i++) {
		const struct finding_kind *k = finding_kind((enum finding_id)i);
		size_t first = strcspn(k->text, ".:");
		/* "." may also stand inside a name or a quoted dot. */
		while (k->text[first] && k->text[first + 1] != ' ' && k->text[first + 1])
			first += 1 + strcspn(k->text + first + 1, ".:");
		(void)printf("| [%s](#", k->id);
		anchor(k->id);
		(void)printf(") | %s | %.*s |\n", severity_name(k->severity), (int)first,
			     k->text);
	}
}

int main(void)
{
	(void)puts(
	    "# Findings\n\n"
	    "<!-- Made by scripts/docs from src/mx/finding_table.c: change it there. "
	    "-->\n\n"
	    "What `fakemx check` and `fakemx plan` tell about a domain. An *error* "
	    "makes\n"
	    "`fakemx apply` refuse (exit 3); *error* and *warning* give exit code 2, "
	    "*info*\n"
	    "none. The ids never change their meaning. Words in braces are filled in.\n");
	summary();
	for (unsigned i = 0; i < FINDING_COUNT; i++) {
		const struct finding_kind *k = finding_kind((enum finding_id)i);
		(void)printf(
		    "\n## %s\n\n*%s.* %s\n\n**Fix.** %s\n\n**Why.** %s\n\nSource: %s.\n",
		    k->id, severity_name(k->severity), k->text, k->fix, k->why,
		    k->source);
	}
	return 0;
}
