/*
 * tree - the file as sections and values with their lines, not yet judged
 *
 * What parse.c makes with libconfuse and fill.c turns into values of the
 * model. Private to config/.
 *
 * Ownership: tree_free() frees a section with everything below it.
 */
#ifndef FMX_CONFIG_TREE_H
#define FMX_CONFIG_TREE_H

#include <confuse.h>

#include "base/error.h"
#include "config/config.h"

/* What the section `lab` is called in the tree: libconfuse cannot tell a key and a
 * section of one name apart. */
#define TREE_LAB "LAB"

/* What a CFGT_PTR option of ours points to. */
struct value {
	unsigned line;
	char text[];
};

/* Where a scan of the bare text stands: which characters mean something. */
enum context { PLAIN, QUOTED, BARE_QUOTED, LINE_COMMENT, BLOCK_COMMENT };

struct scan {
	enum context now;
	bool in_word;
	const char *opening;    /* of a block comment: its star */
	unsigned line, began;   /* began: the line of the quote or comment */
	unsigned depth, opened; /* opened: the line of the outermost brace */
};

void scan_step(struct scan *s, const char *at);

/* Quotes, comments and braces that end, no NUL, no "${": what libconfuse would
 * let pass. */
FMX_MUST_CHECK int tree_check(const char *text, size_t len, const char *name,
			      struct error *e);

/* NULL, with a sentence that starts "NAME:LINE: ". */
FMX_MUST_CHECK cfg_t *tree_parse(const char *text, size_t len, const char *name,
				 struct error *e);
void tree_free(cfg_t *tree);

size_t tree_size(cfg_t *section, const char *key);
const struct value *tree_value(cfg_t *section, const char *key, size_t i);
/* The line of the section's first value; its last line if it has none. */
unsigned tree_line(cfg_t *section);

/* Sets *to (the struct of this section) from the section's values and the
 * table's fallbacks; say is the section in words. */
FMX_MUST_CHECK int fill(cfg_t *section, const char *section_name, const char *say,
			const char *file, void *to, struct error *e);
FMX_MUST_CHECK bool fill_is_domain(const char *text, char *to, size_t size);

#endif
