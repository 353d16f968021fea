/* --help, and the tables that it and the manual are checked by. */
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "config/config.h"

enum { USE_MAX = 4096, PARAGRAPH_MAX = 8192 };

static const struct option_row globals[] = {
	{ .name = "config",
	  .letter = 'c',
	  .argument = "FILE",
	  .meaning = "The configuration; " CONFIG_PATH " if not given." },
	{ .name = "json", .meaning = "Results as JSON." },
	{ .name = "quiet", .letter = 'q', .meaning = "No progress, no warnings." },
	{ .name = "verbose", .letter = 'v', .meaning = "Say more." },
	{ .name = "lab",
	  .meaning = "A trial: loopback, private and documentation addresses are "
		     "allowed, with a warning." },
	{ .name = "help", .letter = 'h', .meaning = "This help, or that of the verb." },
	{ .name = "version", .meaning = "Print the version." },
	{ 0 },
};

const struct option_row *cli_global_options(void)
{
	return globals;
}

static const struct cli_exit_code exit_codes[] = {
	{ CLI_DONE, "done, nothing to do, all well" },
	{ CLI_FAILED,
	  "failed: network, file, database, server refused, a lookup failed" },
	{ CLI_TELL, "something to tell: changes pending (also because you answered no), "
		    "findings of severity warning or error" },
	{ CLI_REFUSED, "refused: it would endanger mail" },
	{ CLI_USAGE,
	  "wrong usage, or a configuration that is wrong or cannot be read; the "
	  "message names option, or file and line" },
};

const struct cli_exit_code *cli_exit_codes(size_t *ret_count)
{
	*ret_count = sizeof(exit_codes) / sizeof(exit_codes[0]);
	return exit_codes;
}

static bool is_passed_over(const struct verb *v, const char *option)
{
	char word[64];
	(void)snprintf(word, sizeof(word), " %s ", option);
	return v && v->passed_over && strstr(v->passed_over, word);
}

/* What the other verb of a pair needs, and this one takes all the same. */
static void print_passed_over(FILE *to, const struct verb *v)
{
	struct buf text = BUF_INIT(USE_MAX);
	buf_adds(&text, "Taken as well, and changing nothing:");
	const char *link = "";
	for (const struct option_row *o = v->options; o->name; o++)
		if (is_passed_over(v, o->name)) {
			buf_addf(&text, "%s --%s", link, o->name);
			link = ",";
		}
	(void)fputs("  ", to);
	cli_folded(to, buf_text(&text), 2, 78);
	buf_release(&text);
}

static void print_options(FILE *to, const struct verb *v, const struct option_row *rows)
{
	for (; rows && rows->name; rows++) {
		if (is_passed_over(v, rows->name))
			continue;
		char left[128];
		char letter[8] = "    ";
		if (rows->letter)
			(void)snprintf(letter, sizeof(letter), "-%c, ", rows->letter);
		int n = snprintf(left, sizeof(left), "%s--%s%s%s", letter, rows->name,
				 rows->argument ? " " : "",
				 rows->argument ? rows->argument : "");
		(void)fprintf(to, "  %-26s", left);
		if (n > 25)
			(void)fprintf(to, "\n%28s", "");
		cli_folded(to, rows->meaning, 28, 78);
	}
}

static void print_exit_codes(FILE *to)
{
	for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
		(void)fprintf(to, "  %2d  ", exit_codes[i].code);
		cli_folded(to, exit_codes[i].meaning, 6, 78);
	}
}

static void heading(FILE *to, const char *text)
{
	(void)fprintf(to, "\n%s%s%s\n", cli_style(to, CLI_BOLD), text,
		      cli_style(to, CLI_PLAIN));
}

void cli_print_help(FILE *to, const struct verb *const *v)
{
	(void)fputs(
	    "fakemx sets up, runs, watches and proves a Fake MX: MX records that "
	    "lead\nnowhere, so that spambots which never retry go away, while real "
	    "servers walk\non to the real MX.\n",
	    to);
	heading(to, "Use");
	(void)fputs(
	    "  fakemx [options] VERB [options] [arguments]\n"
	    "  fakemx VERB --help      explains a verb, as `fakemx help VERB` does\n",
	    to);
	heading(to, "Verbs");
	for (; *v; v++) {
		(void)fprintf(to, "  %-10s ", (*v)->name);
		cli_folded(to, (*v)->summary, 13, 78);
	}
	heading(to, "Options, before or after the verb");
	print_options(to, NULL, cli_global_options());
	heading(to, "Exit codes");
	print_exit_codes(to);
	(void)fputs("\nThe manual: man fakemx, man fakemx.conf\n", to);
}

/* Words are broken where the screen ends; indented lines are to be typed. */
static void print_paragraphs(FILE *to, const char *text)
{
	struct buf words = BUF_INIT(PARAGRAPH_MAX);
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = text + strcspn(text, "\n");
		bool is_words = end > text && *text != ' ';
		if (is_words) {
			buf_adds(&words, words.len ? " " : "");
			buf_add(&words, text, (size_t)(end - text));
		}
		if (words.len && (!is_words || !*end)) {
			cli_folded(to, buf_text(&words), 0, 78);
			buf_clear(&words);
		}
		if (!is_words)
			(void)fprintf(to, "%.*s\n", (int)(end - text), text);
	}
	buf_release(&words);
}

static const struct verb_word *find_word(const struct verb *v, const char *word)
{
	for (const struct verb_word *w = v->words; word && w && w->name; w++)
		if (strcmp(w->name, word) == 0)
			return w;
	return NULL;
}

static void print_word_help(FILE *to, const struct verb *v, const struct verb_word *w)
{
	(void)fprintf(to, "fakemx %s %s\n", v->name, w->name);
	heading(to, "Use");
	(void)fprintf(to, "  fakemx [options] %s %s %s\n\n", v->name, w->name,
		      w->synopsis);
	cli_folded(to, w->meaning, 0, 78);
	(void)fprintf(to, "\nAll of it: fakemx %s --help\n", v->name);
}

void cli_print_verb_help(FILE *to, const struct verb *v, const char *word)
{
	const struct verb_word *w = find_word(v, word);
	if (w) {
		print_word_help(to, v, w);
		return;
	}
	struct buf use = BUF_INIT(USE_MAX);
	buf_addf(&use, "fakemx %s - %s", v->name, v->summary);
	cli_folded(to, buf_text(&use), 2, 78);
	heading(to, "Use");
	buf_clear(&use);
	buf_addf(&use, "fakemx [options] %s%s%s", v->name, *v->synopsis ? " " : "",
		 v->synopsis);
	(void)fputs("  ", to);
	cli_folded(to, buf_text(&use), 6, 78);
	buf_release(&use);
	if (v->help) {
		(void)fputs("\n", to);
		print_paragraphs(to, v->help);
	}
	if (v->options && v->options->name) {
		heading(to, "Options");
		print_options(to, v, v->options);
		if (v->passed_over)
			print_passed_over(to, v);
	}
	heading(to, "Options of all verbs");
	print_options(to, NULL, cli_global_options());
}
