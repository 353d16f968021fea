/*
 * parse_commands - every command in code blocks of README and docs
 *
 *	parse_commands FILE.md...
 *
 * A line of a block that begins with fakemx (or build/fakemx) must be understood as the
 * program would: verb, options, number of arguments; of one that begins with scripts/
 * the script must be there. One sentence a mistake; exit code 1 if there is one, or no
 * command at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/verbs.h"

enum { LINE_MAX_BYTES = 4096, WORDS_MAX = 64 };

static const char *file;
static unsigned line_number, commands, mistakes;

/* The next word of a shell's, in place; NULL at the end of the command. */
static char *next_word(char **rest)
{
	char *at = *rest + strspn(*rest, " \t"), *to = at, *word = at;
	if (!*at || strchr("|>;#&<", *at))
		return NULL;
	char quote = '\0';
	for (; *at && (quote || !strchr(" \t|;>", *at)); at++) {
		if (quote ? *at == quote : *at == '\'' || *at == '"')
			quote = quote ? '\0' : *at;
		else
			*to++ = *at;
	}
	*rest = *at ? at + 1 : at;
	*to = '\0';
	return word;
}

static void check_fakemx(char *line)
{
	char *words[WORDS_MAX + 1] = { NULL }, *word, **args;
	int count = 0, left;
	struct cli *c = xcalloc(1, sizeof(*c));
	while (count < WORDS_MAX && (word = next_word(&line)))
		words[count++] = word;
	commands++;
	if (count > 1 && cli_parse(c, verbs_all(), count, words, &left, &args) != 0) {
		(void)fprintf(stderr, "%s:%u: the program does not understand it\n", file,
			      line_number);
		mistakes++;
	}
	free(c);
}

static void check_script(char *line)
{
	char *word = next_word(&line);
	commands++;
	if (access(word, X_OK) != 0) {
		(void)fprintf(stderr, "%s:%u: there is no %s\n", file, line_number, word);
		mistakes++;
	}
}

static void check_line(char *line)
{
	line += strspn(line, " \t");
	line += strncmp(line, "$ ", 2) == 0 ? 2 : 0;
	line += strncmp(line, "sudo ", 5) == 0 ? 5 : 0;
	line += strncmp(line, "build/fakemx ", 13) == 0 ? 6 : 0;
	if (strncmp(line, "fakemx ", 7) == 0 &&
	    line[7] != '{') /* a section of rspamd's */
		check_fakemx(line);
	else if (strncmp(line, "scripts/", 8) == 0)
		check_script(line);
}

/* Lines of a fenced block, or indented by four; one that ends in \ goes on. */
static void check_file(FILE *f)
{
	char line[LINE_MAX_BYTES], whole[LINE_MAX_BYTES] = "";
	bool is_fenced = false;
	for (line_number = 1; fgets(line, sizeof(line), f); line_number++) {
		size_t len = strcspn(line, "\n");
		line[len] = '\0';
		if (strncmp(line, "```", 3) == 0) {
			is_fenced = !is_fenced;
			continue;
		}
		if (!is_fenced && strncmp(line, "    ", 4) != 0)
			continue;
		bool goes_on = len > 0 && line[len - 1] == '\\';
		line[len - goes_on] = '\0';
		size_t used = strlen(whole);
		(void)snprintf(whole + used, sizeof(whole) - used, "%s", line);
		if (goes_on)
			continue;
		check_line(whole);
		whole[0] = '\0';
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		file = argv[i];
		FILE *f = fopen(file, "re");
		if (!f) {
			perror(file);
			return 1;
		}
		check_file(f);
		(void)fclose(f);
	}
	if (commands == 0)
		(void)fprintf(stderr, "no command was found\n");
	return mistakes > 0 || commands == 0;
}
