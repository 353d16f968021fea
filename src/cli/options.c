/* The command line: global options before and after the verb, the verb's own
 * after it, arguments between them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/suggestion.h"
#include "cli/cli.h"
#include "config/config.h"

/* The command line while it is taken apart. */
struct parsing {
	struct cli *c;
	int argc;
	char **argv;
	int at;
	bool wants_help, wants_version;
};

static const struct option_row *find(const struct option_row *rows, const char *name,
				     size_t len)
{
	for (; rows && rows->name; rows++)
		if (strlen(rows->name) == len && memcmp(rows->name, name, len) == 0)
			return rows;
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; rows && rows->name; rows++)
		if (rows->letter == letter)
			return rows;
	return NULL;
}

static const struct option_row *verb_options(const struct cli *c)
{
	return c->verb ? c->verb->options : NULL;
}

static int unknown_option(const struct cli *c, const char *name, size_t len)
{
	char word[SUGGESTION_MAX_WORD + 1];
	if (len >= sizeof(word))
		len = sizeof(word) - 1;
	memcpy(word, name, len);
	word[len] = '\0';
	struct suggestion n = suggestion_for(word);
	for (const struct option_row *r = cli_global_options(); r->name; r++)
		suggestion_offer(&n, r->name);
	for (const struct option_row *r = verb_options(c); r && r->name; r++)
		suggestion_offer(&n, r->name);
	if (n.best)
		return cli_usage(c, "unknown option --%s; did you mean --%s?", word,
				 n.best);
	return cli_usage(c, "unknown option --%s", word);
}

static void take_global(struct parsing *p, const struct option_row *row,
			const char *value)
{
	struct cli *c = p->c;
	if (strcmp(row->name, "config") == 0) {
		c->config_path = value;
		c->has_config = true;
	} else if (strcmp(row->name, "json") == 0) {
		c->json = true;
	} else if (strcmp(row->name, "quiet") == 0) {
		c->quiet = true;
	} else if (strcmp(row->name, "verbose") == 0) {
		c->verbose = true;
	} else if (strcmp(row->name, "lab") == 0) {
		c->lab = true;
	} else if (strcmp(row->name, "help") == 0) {
		p->wants_help = true;
	} else {
		p->wants_version = true;
	}
}

static bool is_global(const struct option_row *row)
{
	return find(cli_global_options(), row->name, strlen(row->name)) == row;
}

static int take(struct parsing *p, const struct option_row *row, const char *value)
{
	struct cli *c = p->c;
	bool is_second = is_global(row) && row->argument && c->has_config;
	for (size_t i = 0; i < c->given_count; i++)
		is_second = is_second || c->given[i].row == row;
	if (is_second && !row->may_repeat && row->argument)
		return cli_usage(c, "--%s is given twice", row->name);
	if (is_global(row)) {
		take_global(p, row, value);
		return CLI_DONE;
	}
	if (c->given_count == CLI_MAX_GIVEN)
		return cli_usage(c, "more than %d options", CLI_MAX_GIVEN);
	c->given[c->given_count++] = (struct cli_given){ row, value };
	return CLI_DONE;
}

/* The value of row: after '=', or the next word. NULL: said. */
static const char *value_of(struct parsing *p, const struct option_row *row,
			    const char *attached)
{
	if (attached)
		return attached;
	if (p->at + 1 < p->argc)
		return p->argv[++p->at];
	(void)cli_usage(p->c, "--%s needs %s", row->name, row->argument);
	return NULL;
}

static int parse_long(struct parsing *p, const char *name)
{
	size_t len = strcspn(name, "=");
	const char *attached = name[len] ? name + len + 1 : NULL;
	const struct option_row *row = find(cli_global_options(), name, len);
	if (!row)
		row = find(verb_options(p->c), name, len);
	if (!row)
		return unknown_option(p->c, name, len);
	if (!row->argument && attached)
		return cli_usage(p->c, "--%s takes no value", row->name);
	const char *value = row->argument ? value_of(p, row, attached) : "";
	return value ? take(p, row, value) : CLI_USAGE;
}

/* -qv, -c FILE, -cFILE */
static int parse_letters(struct parsing *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_row *row =
		    find_letter(cli_global_options(), *letters);
		if (!row)
			row = find_letter(verb_options(p->c), *letters);
		if (!row)
			return cli_usage(p->c, "unknown option -%c", *letters);
		if (row->argument) {
			const char *attached = letters[1] ? letters + 1 : NULL;
			const char *value = value_of(p, row, attached);
			return value ? take(p, row, value) : CLI_USAGE;
		}
		int code = take(p, row, "");
		if (code)
			return code;
	}
	return CLI_DONE;
}

static int take_verb(struct cli *c, const char *name)
{
	struct suggestion n = suggestion_for(name);
	for (const struct verb *const *v = c->verbs; *v; v++) {
		suggestion_offer(&n, (*v)->name);
		if (strcmp((*v)->name, name) == 0) {
			c->verb = *v;
			return CLI_DONE;
		}
	}
	if (n.best)
		return cli_usage(c, "unknown verb '%s'; did you mean '%s'?", name,
				 n.best);
	return cli_usage(c, "unknown verb '%s'", name);
}

static int check_count(const struct cli *c, int count)
{
	const struct verb *v = c->verb;
	if (count >= v->least && count <= v->most)
		return CLI_DONE;
	if (v->most == 0)
		return cli_usage(c, "%s takes no arguments", v->name);
	return cli_usage(c, "%s: too %s arguments; it is fakemx %s %s", v->name,
			 count < v->least ? "few" : "many", v->name, v->synopsis);
}

/* Words to options and arguments; the arguments are moved to args, which is
 * argv's own beginning: there are never more of them than words read. */
static int parse_words(struct parsing *p, char **args, int *ret_count)
{
	bool only_arguments = false;
	for (p->at = 1; p->at < p->argc; p->at++) {
		char *word = p->argv[p->at];
		int code = CLI_DONE;
		if (!only_arguments && strcmp(word, "--") == 0)
			only_arguments = true;
		else if (!only_arguments && strncmp(word, "--", 2) == 0)
			code = parse_long(p, word + 2);
		else if (!only_arguments && word[0] == '-' && word[1])
			code = parse_letters(p, word + 1);
		else if (!p->c->verb && strcmp(word, "help") == 0)
			p->wants_help = true; /* `fakemx help plan`, as others have it */
		else if (!p->c->verb)
			code = take_verb(p->c, word);
		else
			args[(*ret_count)++] = word;
		if (code)
			return code;
	}
	return CLI_DONE;
}

int cli_parse(struct cli *c, const struct verb *const *verbs, int argc, char **argv,
	      int *ret_argc, char ***ret_argv)
{
	*c = (struct cli){ .config_path = CONFIG_PATH, .verbs = verbs };
	struct parsing p = { .c = c, .argc = argc, .argv = argv };
	int count = 0;
	int code = parse_words(&p, argv, &count);
	if (code)
		return code;
	if (p.wants_help || p.wants_version) {
		if (p.wants_version)
			(void)puts("fakemx " FMX_VERSION);
		else if (c->verb)
			cli_print_verb_help(stdout, c->verb, count ? argv[0] : NULL);
		else
			cli_print_help(stdout, verbs);
		c->verb = NULL;
		return CLI_DONE;
	}
	if (!c->verb) {
		cli_print_help(stderr, verbs);
		return CLI_USAGE;
	}
	*ret_argc = count;
	*ret_argv = argv;
	return check_count(c, count);
}

const char *cli_option_at(const struct cli *c, const char *name, size_t i)
{
	assert(find(verb_options(c), name, strlen(name)));
	for (size_t k = 0; k < c->given_count; k++)
		if (strcmp(c->given[k].row->name, name) == 0 && i-- == 0)
			return c->given[k].value;
	return NULL;
}

const char *cli_option(const struct cli *c, const char *name)
{
	return cli_option_at(c, name, 0);
}

bool cli_flag(const struct cli *c, const char *name)
{
	return cli_option_at(c, name, 0) != NULL;
}

int cli_number(const struct cli *c, const char *name, uint64_t least, uint64_t most,
	       uint64_t *value)
{
	const char *text = cli_option(c, name);
	if (!text)
		return CLI_DONE;
	uint64_t n;
	if (!number_parse(text, strlen(text), most, &n) || n < least)
		return cli_usage(c, "--%s is a whole number from %llu to %llu, not '%s'",
				 name, (unsigned long long)least,
				 (unsigned long long)most, text);
	*value = n;
	return CLI_DONE;
}
