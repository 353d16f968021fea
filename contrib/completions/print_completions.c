/*
 * print_completions - what a shell needs to complete fakemx, from the table of verbs
 *
 *	print_completions bash|zsh|fish
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/verbs.h"

/* Options whose value is a file. */
static bool is_file(const struct option_row *o)
{
	return o->argument && strstr(o->argument, "FILE");
}

/* For between quotes: without what a shell would read. */
static void print_plain(const char *text)
{
	for (; *text; text++)
		(void)putchar(strchr("'\"`$\\:[]", *text) ? ' ' : *text);
}

static void print_options(const struct option_row *o)
{
	for (; o && o->name; o++)
		printf(" --%s", o->name);
}

static void print_words(const struct verb_word *w)
{
	for (; w && w->name; w++)
		printf(" %s", w->name);
}

static void print_file_options(const struct option_row *o)
{
	for (; o && o->name; o++)
		if (is_file(o))
			printf("|--%s", o->name);
}

static void print_bash(void)
{
	printf("# bash completion of fakemx; made from its table of verbs\n"
	       "_fakemx()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
	       "verb= i words=\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tcase ${COMP_WORDS[i]} in\n\t\t");
	for (const struct verb *const *v = verbs_all(); *v; v++)
		printf("%s%s", v == verbs_all() ? "" : "|", (*v)->name);
	printf(") verb=${COMP_WORDS[i]}; break ;;\n\t\tesac\n\tdone\n"
	       "\tcase $prev in\n\t-c");
	print_file_options(cli_global_options());
	for (const struct verb *const *v = verbs_all(); *v; v++)
		print_file_options((*v)->options);
	printf(")\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	       "\t\treturn ;;\n\tesac\n"
	       "\tcase $verb in\n\t'') words=\"");
	for (const struct verb *const *v = verbs_all(); *v; v++)
		printf("%s%s", v == verbs_all() ? "" : " ", (*v)->name);
	printf("\" ;;\n");
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		printf("\t%s) words=\"", (*v)->name);
		print_words((*v)->words);
		print_options((*v)->options);
		printf("\" ;;\n");
	}
	printf("\tesac\n\twords+=\"");
	print_options(cli_global_options());
	printf("\"\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	       "}\ncomplete -o default -F _fakemx fakemx\n");
}

static void print_zsh_option(const struct option_row *o)
{
	printf("\t\t'%s--%s[", o->may_repeat ? "*" : "", o->name);
	print_plain(o->meaning);
	printf("]");
	if (o->argument) {
		printf(":");
		print_plain(o->argument);
		printf(":%s", is_file(o) ? "_files" : "");
	}
	printf("' \\\n");
}

static void print_zsh(void)
{
	printf(
	    "#compdef fakemx\n# zsh completion of fakemx; made from its table of verbs\n"
	    "local -a verbs\nverbs=(\n");
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		printf("\t'%s:", (*v)->name);
		print_plain((*v)->summary);
		printf("'\n");
	}
	printf(")\nif (( CURRENT == 2 )); then\n\t_describe verb verbs\n\treturn\nfi\n"
	       "local verb=$words[2]\nshift words\n(( CURRENT-- ))\ncase $verb in\n");
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		printf("%s)\n\t_arguments \\\n", (*v)->name);
		for (const struct option_row *o = (*v)->options; o && o->name; o++)
			print_zsh_option(o);
		for (const struct option_row *o = cli_global_options(); o->name; o++)
			print_zsh_option(o);
		if ((*v)->words) {
			printf("\t\t'1:task:(");
			print_words((*v)->words);
			printf(")' \\\n");
		}
		printf("\t\t'*:argument:_files'\n\t;;\n");
	}
	printf("esac\n");
}

static void print_fish_options(const char *verb, const struct option_row *o)
{
	for (; o && o->name; o++) {
		printf("complete -c fakemx");
		if (*verb)
			printf(" -n '__fish_seen_subcommand_from %s'", verb);
		printf(" -l %s", o->name);
		if (o->letter)
			printf(" -s %c", o->letter);
		if (o->argument)
			printf(is_file(o) ? " -r" : " -x");
		printf(" -d '");
		print_plain(o->meaning);
		printf("'\n");
	}
}

static void print_fish(void)
{
	printf("# fish completion of fakemx; made from its table of verbs\n");
	for (const struct verb *const *v = verbs_all(); *v; v++) {
		printf("complete -c fakemx -n __fish_use_subcommand -f -a %s -d '",
		       (*v)->name);
		print_plain((*v)->summary);
		printf("'\n");
		print_fish_options((*v)->name, (*v)->options);
		for (const struct verb_word *w = (*v)->words; w && w->name; w++)
			printf("complete -c fakemx -n '__fish_seen_subcommand_from %s' "
			       "-a %s\n",
			       (*v)->name, w->name);
	}
	print_fish_options("", cli_global_options());
}

int main(int argc, char **argv)
{
	const char *shell = argc == 2 ? argv[1] : "";
	if (strcmp(shell, "bash") == 0)
		print_bash();
	else if (strcmp(shell, "zsh") == 0)
		print_zsh();
	else if (strcmp(shell, "fish") == 0)
		print_fish();
	else
		return 64;
	return fflush(stdout) == 0 ? 0 : 1;
}
