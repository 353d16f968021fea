/*
 * source - the text of a configuration, with what it includes
 *
 * `include "PATTERN"` (a path or a glob) at the top level stands for the text of these
 * files, in the order of their names; a relative pattern begins at the folder of the file
 * that was named first. The parts become one text, so that a key given twice is one
 * wherever it stands; source_place() puts the file and line back into a sentence that
 * speaks of a line of the whole.
 *
 * Use:
 *	struct source s;
 *	if (source_read(path, &s, &e) == 0 &&
 *	    config_parse(buf_text(&s.text), s.text.len, path, lab, &c, &e) != 0)
 *		source_place(&s, &e);
 *	source_release(&s);
 *
 * Private to config/.
 *
 * Limits: CONFIG_MAX_BYTES in all, SOURCE_MAX_DEPTH files within each other.
 */
#ifndef FMX_CONFIG_SOURCE_H
#define FMX_CONFIG_SOURCE_H

#include "base/buf.h"
#include "base/error.h"

enum { SOURCE_MAX_DEPTH = 8 };

/* From this line of the whole on, the text is that of a file. */
struct source_piece {
	unsigned first;
	char *path;
	unsigned line; /* of that file */
};

struct source {
	struct buf text;
	struct source_piece *pieces;
	size_t piece_count;
	const char *path;    /* of the first file; borrowed */
	unsigned lines;      /* of the text so far */
	struct buf warnings; /* sentences, one a line */
};

/* -errno where a file cannot be read, FMX_EUSAGE. Released also on failure. */
FMX_MUST_CHECK int source_read(const char *path, struct source *ret, struct error *e);
void source_place(const struct source *s, struct error *e);
void source_release(struct source *s);

#endif
