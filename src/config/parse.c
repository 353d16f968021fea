/*
 * Text to tree. libconfuse scans and nests; what it lets pass is caught here:
 * "${HOME}" (which it would expand), a key given twice (the last would win),
 * and the line of each value (which it forgets).
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/suggestion.h"
#include "config/tree.h"

/* libconfuse gives its callbacks no pointer of ours and scans with globals, so
 * where the first mistake goes is one too; set only during tree_parse(). */
static struct mistake {
	const char *file;
	struct error *error;
	bool is_set;
} mistake;

FMX_PRINTF(2, 3) static void mistaken(unsigned line, const char *fmt, ...)
{
	if (mistake.is_set)
		return;
	mistake.is_set = true;
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)error_set(mistake.error, FMX_EUSAGE, "%s:%u: %s", mistake.file, line, text);
}

static bool is_list(enum config_type type)
{
	return type == CONFIG_WATCH || type == CONFIG_ADDRESSES ||
	       type == CONFIG_SERVERS || type == CONFIG_SOCKETS ||
	       type == CONFIG_DOMAINS || type == CONFIG_LISTS ||
	       type == CONFIG_HOSTNAMES || type == CONFIG_ENTRIES || type == CONFIG_URLS;
}

/* `where` says a section for a sentence: "a site", or "the file" itself. */
static const char *known_in(const char *section, const char *word)
{
	struct suggestion n = suggestion_for(word);
	size_t count;
	const struct config_key *keys = config_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].section, section) == 0)
			suggestion_offer(&n, keys[i].name);
	const struct config_section *sections = config_sections(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(sections[i].parent, section) == 0)
			suggestion_offer(&n, sections[i].name);
	return n.best;
}

static bool is_of_lab(const char *word)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].section, "lab") == 0 &&
		    strcmp(keys[i].name, word) == 0)
			return true;
	return false;
}

static void unknown_key(cfg_t *at, const char *word)
{
	const char *section = strcmp(at->name, "root") == 0 ? "" : at->name;
	if (strcmp(section, TREE_LAB) == 0)
		section = "lab";
	if (!*section && is_of_lab(word)) {
		mistaken((unsigned)at->line,
			 "%s is safe as it is; only a trial may change it: lab = true "
			 "and lab { %s = ... }",
			 word, word);
		return;
	}
	const char *best = known_in(section, word);
	char where[64];
	(void)snprintf(where, sizeof(where), *section ? "a %s section" : "the file",
		       section);
	if (best)
		mistaken((unsigned)at->line, "unknown key '%s' in %s; did you mean '%s'?",
			 word, where, best);
	else
		mistaken((unsigned)at->line,
			 "unknown key '%s' in %s; see fakemx.conf(5) for all keys", word,
			 where);
}

/* libconfuse's sentences by their beginnings, and ours; of a word in quotes behind it,
 * %s. */
static const struct {
	const char *theirs, *ours;
} sentences[] = {
	{ "missing title for section '",
	  "a %s section has its name in quotes before the {, as in %s \"NAME\" { ... }" },
	{ "found duplicate title '",
	  "two sections of one kind are called '%s': rename one, or make them one" },
	{ "missing equal sign after option '", "after %s an = and a value are missing" },
	{ "missing opening brace for section '",
	  "after %s a { is missing, which begins the section" },
	{ "attempt to append to non-list option '",
	  "%s takes one value, so nothing can be added to it: write = instead of +=" },
	{ "unexpected closing brace",
	  "this } closes nothing, or a value is missing before it" },
	{ "unexpected token '}'",
	  "this } closes nothing, or a value is missing before it" },
	{ "unexpected token '{'",
	  "a { is not understood here: a list stands only where several values may, and "
	  "a section has no = before its {" },
	{ "unexpected token '",
	  "'%s' is not understood here: is an =, a comma or a quote missing before it?" },
	{ "bad escape sequence '",
	  "'%s' means nothing within quotes: write \\\\ for one backslash" },
	{ "invalid octal number '",
	  "'%s' means nothing within quotes: write \\\\ for one backslash" },
};

static void say_ours(unsigned line, const char *theirs, const char *ours, char *text)
{
	char *word = text + strlen(theirs);
	const char *at = strstr(ours, "%s"), *next = at ? strstr(at + 2, "%s") : NULL;
	word[strcspn(word, "'")] = '\0';
	if (!at)
		mistaken(line, "%s", ours);
	else if (!next)
		mistaken(line, "%.*s%s%s", (int)(at - ours), ours, word, at + 2);
	else
		mistaken(line, "%.*s%s%.*s%s%s", (int)(at - ours), ours, word,
			 (int)(next - at - 2), at + 2, word, next + 2);
}

/* libconfuse speaks of options, tokens and titles; what is left of it is rare. */
FMX_PRINTF(2, 0) static void on_error(cfg_t *at, const char *fmt, va_list ap)
{
	static const char unknown[] = "no such option '";
	char text[256];
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (strncmp(text, unknown, sizeof(unknown) - 1) == 0) {
		char *word = text + sizeof(unknown) - 1;
		word[strcspn(word, "'")] = '\0';
		unknown_key(at, word);
		return;
	}
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strncmp(text, sentences[i].theirs, strlen(sentences[i].theirs)) ==
		    0) {
			say_ours((unsigned)at->line, sentences[i].theirs,
				 sentences[i].ours, text);
			return;
		}
	mistaken((unsigned)at->line, "%s", text);
}

/*
 * Keeps text and line of a value. The option's default number is free (our
 * options have none): it remembers the line of the first value, also after
 * libconfuse threw that value away for a second `key = ...`.
 */
static int on_value(cfg_t *at, cfg_opt_t *opt, const char *text, void *result)
{
	if (opt->def.number && opt->nvalues <= 1) {
		mistaken((unsigned)at->line, "%s is given twice; first on line %ld",
			 opt->name, opt->def.number);
		return -1;
	}
	opt->def.number = at->line;
	size_t len = strlen(text) + 1;
	struct value *v = xcalloc(1, sizeof(*v) + len);
	v->line = (unsigned)at->line;
	memcpy(v->text, text, len);
	*(void **)result = v;
	return 0;
}

static const char *name_in_tree(const char *section)
{
	return strcmp(section, "lab") == 0 ? TREE_LAB : section;
}

/* The option table of one section, ended by CFG_END. */
static cfg_opt_t *options_of(const char *section)
{
	size_t key_count, section_count, n = 0;
	const struct config_key *keys = config_keys(&key_count);
	const struct config_section *sections = config_sections(&section_count);
	cfg_opt_t *opts = xcalloc(key_count + section_count + 1, sizeof(*opts));
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(keys[i].section, section) != 0)
			continue;
		opts[n++] = (cfg_opt_t){
			.name = keys[i].name,
			.type = CFGT_PTR,
			.flags = CFGF_NODEFAULT | (is_list(keys[i].type) ? CFGF_LIST : 0),
			.parsecb = on_value,
			.freecb = free,
		};
	}
	for (size_t i = 0; i < section_count; i++) {
		if (strcmp(sections[i].parent, section) != 0)
			continue;
		opts[n++] = (cfg_opt_t){
			.name = name_in_tree(sections[i].name),
			.type = CFGT_SEC,
			.flags = CFGF_NODEFAULT | CFGF_MULTI |
				 (sections[i].has_title ? CFGF_TITLE | CFGF_NO_TITLE_DUPES
							: 0),
			.subopts = options_of(sections[i].name),
		};
	}
	opts[n] = (cfg_opt_t)CFG_END();
	return opts;
}

static void options_free(cfg_opt_t *opts)
{
	for (cfg_opt_t *o = opts; o->name; o++)
		if (o->type == CFGT_SEC)
			options_free(o->subopts);
	free(opts);
}

/* "//" and the other one begin a comment between words alone: /srv//x is one
 * word to libconfuse, a#b a word and a comment. */
static enum context step(const struct scan *s, const char *at)
{
	switch (s->now) {
	case PLAIN:
		if (*at == '"')
			return QUOTED;
		if (*at == '\'')
			return BARE_QUOTED;
		if (*at == '#' || (!s->in_word && strncmp(at, "//", 2) == 0))
			return LINE_COMMENT;
		return !s->in_word && strncmp(at, "/*", 2) == 0 ? BLOCK_COMMENT : PLAIN;
	case QUOTED: return *at == '"' ? PLAIN : QUOTED;
	case BARE_QUOTED: return *at == '\'' ? PLAIN : BARE_QUOTED;
	case LINE_COMMENT: return *at == '\n' ? PLAIN : LINE_COMMENT;
	case BLOCK_COMMENT:
		return *at == '/' && at[-1] == '*' && at - 1 > s->opening ? PLAIN
									  : BLOCK_COMMENT;
	}
	assert(false);
	return PLAIN;
}

void scan_step(struct scan *s, const char *at)
{
	enum context next = step(s, at);
	if (next != s->now && next != PLAIN)
		s->began = s->line;
	if (next == BLOCK_COMMENT && s->now == PLAIN)
		s->opening = at + 1; /* the star of it ends nothing */
	if (s->now == PLAIN && *at == '{' && s->depth++ == 0)
		s->opened = s->line;
	if (s->now == PLAIN && *at == '}' && s->depth > 0)
		s->depth--;
	s->in_word = s->now == PLAIN && next == PLAIN && !strchr(" \t\r\n={}()+,*", *at);
	s->now = next;
	s->line += *at == '\n';
}

static bool is_comment(enum context c)
{
	return c == LINE_COMMENT || c == BLOCK_COMMENT;
}

/* libconfuse 3.3 counts the lines of a comment more than once, and takes one
 * between a key and its value for the value. Lines stay, comments go. */
static char *without_comments(const char *text, size_t len)
{
	char *bare = xcalloc(len + 1, 1);
	struct scan s = { .now = PLAIN, .line = 1 };
	memcpy(bare, text, len);
	for (size_t i = 0; i < len; i++) {
		bool quoted = s.now == QUOTED || s.now == BARE_QUOTED;
		if (quoted && text[i] == '\\' && text[i + 1] && text[i + 1] != '\n') {
			i++;
			continue;
		}
		bool was = is_comment(s.now);
		scan_step(&s, text + i);
		if ((was || is_comment(s.now)) && text[i] != '\n')
			bare[i] = ' ';
	}
	return bare;
}

static bool scan_is_over(const struct scan *s)
{
	if (s->now == BLOCK_COMMENT)
		mistaken(s->began, "this comment never ends");
	else if (s->now != PLAIN && s->now != LINE_COMMENT)
		mistaken(s->began, "this quoted text never ends");
	else if (s->depth > 0)
		mistaken(s->opened, "the { of this line is never closed");
	else
		return true;
	return false;
}

/*
 * What libconfuse lets pass: a value that depends on the environment of who
 * reads it, and a text that was cut short. The second would also leave its
 * scanner, which is global, inside the quotes.
 */
static bool text_is_fit(const char *text, size_t len)
{
	struct scan s = { .now = PLAIN, .line = 1 };
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0') {
			mistaken(s.line, "a NUL byte stands here: is this a text file?");
			return false;
		}
		if ((s.now == PLAIN || s.now == QUOTED) && text[i] == '$' &&
		    text[i + 1] == '{') {
			mistaken(s.line, "\"${\" is not expanded here; write it in "
					 "single quotes if you mean it");
			return false;
		}
		bool quoted = s.now == QUOTED || s.now == BARE_QUOTED;
		if (quoted && text[i] == '\\' && text[i + 1] && text[i + 1] != '\n')
			i++;
		else
			scan_step(&s, text + i);
	}
	return scan_is_over(&s);
}

/* `key = {}` after `key = { value }`: the values are gone, the line is not. */
static bool lists_are_single(cfg_t *at)
{
	for (cfg_opt_t *o = at->opts; o->name; o++) {
		if (o->type != CFGT_PTR || !o->def.number || o->nvalues)
			continue;
		mistaken((unsigned)o->def.number,
			 "%s is given twice, once as an empty list; remove one", o->name);
		return false;
	}
	return true;
}

/* Untitled sections may stand once; libconfuse would merge or repeat them. */
static bool sections_are_single(cfg_t *at, const char *name)
{
	if (!lists_are_single(at))
		return false;
	size_t count;
	const struct config_section *s = config_sections(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(s[i].parent, name) != 0)
			continue;
		const char *in_tree = name_in_tree(s[i].name);
		unsigned n = cfg_size(at, in_tree);
		for (unsigned k = 0; k < n; k++) {
			cfg_t *below = cfg_getnsec(at, in_tree, k);
			if (k > 0 && !s[i].may_repeat) {
				mistaken(tree_line(below),
					 "a second %s section; there may be one",
					 s[i].name);
				return false;
			}
			if (!sections_are_single(below, s[i].name))
				return false;
		}
	}
	return true;
}

/* `lab {` in the file itself is the section, `lab =` the key. */
static void name_lab_section(char *text, size_t len)
{
	struct scan s = { .now = PLAIN, .line = 1 };
	for (size_t i = 0; i < len; i++) {
		bool is_begin =
		    i == 0 || isspace((unsigned char)text[i - 1]) || text[i - 1] == '}';
		if (s.now == PLAIN && s.depth == 0 && is_begin &&
		    strncmp(text + i, "lab", 3) == 0 &&
		    text[i + 3 + strspn(text + i + 3, " \t\r\n")] == '{')
			memcpy(text + i, TREE_LAB, 3);
		bool quoted = s.now == QUOTED || s.now == BARE_QUOTED;
		if (quoted && text[i] == '\\' && text[i + 1] && text[i + 1] != '\n')
			i++;
		else
			scan_step(&s, text + i);
	}
}

static bool read_text(cfg_t *tree, const char *text, size_t len)
{
	if (!len)
		return true;        /* fmemopen() refuses nothing at all */
	char *copy = xstrdup(text); /* text_is_fit(): there is no NUL in it */
	name_lab_section(copy, len);
	FILE *f = fmemopen(copy, len, "r");
	if (!f)
		mem_lacks();
	errno = 0;
	int rc = cfg_parse_fp(tree, f);
	if (rc != CFG_SUCCESS && errno == ENOMEM)
		mem_lacks(); /* it cannot free what it did not finish */
	(void)fclose(f);     /* only read */
	free(copy);
	if (rc != CFG_SUCCESS)
		mistaken(
		    (unsigned)tree->line,
		    "this cannot be read: is a quote, a comma or a brace missing in it "
		    "or before it?");
	return rc == CFG_SUCCESS;
}

int tree_check(const char *text, size_t len, const char *name, struct error *e)
{
	mistake = (struct mistake){ .file = name, .error = e };
	bool is_fit = text_is_fit(text, len);
	mistake = (struct mistake){ 0 };
	return is_fit ? 0 : FMX_EUSAGE;
}

cfg_t *tree_parse(const char *text, size_t len, const char *name, struct error *e)
{
	mistake = (struct mistake){ .file = name, .error = e };
	cfg_t *tree = NULL;
	if (text_is_fit(text, len)) {
		cfg_opt_t *opts = options_of("");
		tree = cfg_init(opts, CFGF_NONE);
		options_free(opts); /* cfg_init() made its own copy */
		if (!tree)
			mem_lacks();
		(void)cfg_set_error_function(tree, on_error);
		char *bare = without_comments(text, len);
		if (!read_text(tree, bare, len) || !sections_are_single(tree, "")) {
			tree_free(tree);
			tree = NULL;
		}
		free(bare);
	}
	mistake = (struct mistake){ 0 };
	return tree;
}

void tree_free(cfg_t *tree)
{
	(void)cfg_free(tree); /* fails only for NULL */
}

size_t tree_size(cfg_t *section, const char *key)
{
	return cfg_size(section, key);
}

const struct value *tree_value(cfg_t *section, const char *key, size_t i)
{
	return cfg_getnptr(section, key, (unsigned)i);
}

unsigned tree_line(cfg_t *section)
{
	unsigned line = (unsigned)section->line;
	for (cfg_opt_t *o = section->opts; o->name; o++)
		if (o->type == CFGT_PTR && o->def.number && o->def.number < (long)line)
			line = (unsigned)o->def.number;
	return line;
}
