#include "config/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "config/tree.h"

static const char word[] = "include";

/* Some editors begin a file with a byte order mark. */
static int take_mark(const char *path, struct buf *to, struct error *e)
{
	static const char utf16[][2] = { { '\xff', '\xfe' }, { '\xfe', '\xff' } };
	size_t mark = utf8_mark(buf_text(to), to->len);
	if (to->len >= 2 &&
	    (memcmp(to->data, utf16[0], 2) == 0 || memcmp(to->data, utf16[1], 2) == 0))
		return error_set(e, FMX_EUSAGE,
				 "%s is written in UTF-16; save it as UTF-8 (such as by "
				 "`iconv -f UTF-16 -t UTF-8`)",
				 path);
	if (mark) {
		to->len -= mark;
		memmove(to->data, to->data + mark, to->len + 1);
	}
	return 0;
}

static int read_file(const char *path, struct buf *to, struct error *e)
{
	char piece[65536];
	ssize_t n = -1;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	/* A pipe would let serve wait for who writes to it. */
	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) &&
	    !S_ISDIR(st.st_mode)) {
		(void)close(fd);
		return error_set(e, FMX_EUSAGE,
				 "the configuration %s is a pipe or a device; put a file "
				 "there",
				 path);
	}
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0 && !buf_failed(to))
		buf_add(to, piece, (size_t)n);
	int cause = errno;
	if (fd >= 0)
		(void)close(fd); /* only read */
	if (n < 0 && cause == ENOENT)
		return error_set(e, -cause,
				 "there is no configuration %s: `fakemx setup DOMAIN` "
				 "writes one, -c names another",
				 path);
	if (n < 0)
		return error_set(e, -cause, "cannot read the configuration %s: %s%s",
				 path, strerror(cause),
				 cause == EACCES
				     ? "; run this as root, or as a member of "
				       "the group that the file belongs to"
				     : "");
	if (buf_failed(to))
		return error_set(e, FMX_EUSAGE, "%s is larger than %d bytes", path,
				 CONFIG_MAX_BYTES);
	return take_mark(path, to, e);
}

/* ---- the whole ---- */

static void begin_piece(struct source *s, const char *path, unsigned line)
{
	s->pieces = xrealloc(s->pieces, s->piece_count + 1, sizeof(*s->pieces));
	s->pieces[s->piece_count++] = (struct source_piece){ .first = s->lines + 1,
							     .path = xstrdup(path),
							     .line = line };
}

static void add_text(struct source *s, const char *text, size_t len)
{
	buf_add(&s->text, text, len);
	for (size_t i = 0; i < len; i++)
		s->lines += text[i] == '\n';
}

static void end_line(struct source *s)
{
	if (s->text.len && s->text.data[s->text.len - 1] != '\n')
		add_text(s, "\n", 1);
}

/* ---- include ---- */

/* The length of `include "PATTERN"` at text, or 0. */
static size_t directive(const char *text, char *pattern, size_t size)
{
	size_t n = strlen(word);
	if (strncmp(text, word, n) != 0)
		return 0;
	size_t gap = strspn(text + n, " \t");
	char quote = text[n + gap];
	if (gap == 0 || (quote != '"' && quote != '\''))
		return 0;
	const char *begin = text + n + gap + 1;
	const char *end = strchr(begin, quote);
	size_t len = end ? (size_t)(end - begin) : size;
	if (len >= size)
		return 0;
	memcpy(pattern, begin, len);
	pattern[len] = '\0';
	return (size_t)(end + 1 - text);
}

static int read_one(struct source *s, const char *path, unsigned depth, struct error *e);

static int include(struct source *s, const char *pattern, unsigned depth,
		   const char *from, unsigned line, struct error *e)
{
	char full[2 * CONFIG_TEXT_MAX];
	const char *slash = strrchr(s->path, '/');
	int folder = *pattern == '/' || !slash ? 0 : (int)(slash + 1 - s->path);
	glob_t found;
	if (snprintf(full, sizeof(full), "%.*s%s", folder, s->path, pattern) >=
	    (int)sizeof(full))
		return error_set(e, FMX_EUSAGE, "%s:%u: include: the path is too long",
				 from, line);
	if (depth >= SOURCE_MAX_DEPTH)
		return error_set(e, FMX_EUSAGE,
				 "%s:%u: more than %d files include each other", from,
				 line, SOURCE_MAX_DEPTH);
	int rc = glob(full, 0, NULL, &found);
	if (rc == GLOB_NOMATCH && strpbrk(pattern, "*?[")) {
		buf_addf(&s->warnings,
			 "%s:%u: include: no file matches %s, so nothing is included\n",
			 from, line, full);
		return 0;
	}
	if (rc == GLOB_NOMATCH)
		return error_set(e, FMX_EUSAGE, "%s:%u: include: there is no %s", from,
				 line, full);
	if (rc != 0)
		return error_set(e, FMX_EUSAGE, "%s:%u: include: cannot read %s", from,
				 line, full);
	for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
		rc = read_one(s, found.gl_pathv[i], depth + 1, e);
	globfree(&found);
	return rc;
}

/* Adds a file's text; an include of it becomes what it names. */
static int add_file(struct source *s, const char *path, const struct buf *file,
		    unsigned depth, struct error *e)
{
	const char *text = buf_text(file);
	struct scan at = { .now = PLAIN, .line = 1 };
	char pattern[CONFIG_TEXT_MAX];
	size_t from = 0, n;
	begin_piece(s, path, 1);
	for (size_t i = 0; i < file->len;) {
		bool may_begin = at.now == PLAIN && at.depth == 0 &&
				 (i == 0 || isspace((unsigned char)text[i - 1]));
		if (may_begin && (n = directive(text + i, pattern, sizeof(pattern)))) {
			add_text(s, text + from, i - from);
			end_line(s);
			int rc = include(s, pattern, depth, path, at.line, e);
			if (rc != 0)
				return rc;
			end_line(s);
			begin_piece(s, path, at.line);
			from = i += n;
			continue;
		}
		bool quoted = at.now == QUOTED || at.now == BARE_QUOTED;
		if (quoted && text[i] == '\\' && text[i + 1] && text[i + 1] != '\n')
			i++;
		else
			scan_step(&at, text + i);
		i++;
	}
	add_text(s, text + from, file->len - from);
	end_line(s);
	return 0;
}

static int read_one(struct source *s, const char *path, unsigned depth, struct error *e)
{
	struct buf file = BUF_INIT(CONFIG_MAX_BYTES);
	int rc = read_file(path, &file, e);
	if (rc == 0)
		rc = tree_check(buf_text(&file), file.len, path, e);
	if (rc == 0)
		rc = add_file(s, path, &file, depth, e);
	buf_release(&file);
	if (rc == 0 && buf_failed(&s->text))
		rc = error_set(e, FMX_EUSAGE,
			       "%s and what it includes is larger than %d "
			       "bytes",
			       s->path, CONFIG_MAX_BYTES);
	return rc;
}

int source_read(const char *path, struct source *ret, struct error *e)
{
	*ret = (struct source){ .text = BUF_INIT(CONFIG_MAX_BYTES),
				.path = path,
				.warnings = BUF_INIT(CONFIG_MAX_WARNINGS) };
	return read_one(ret, path, 0, e);
}

/* ---- sentences ---- */

static const struct source_piece *piece_of(const struct source *s, unsigned line)
{
	const struct source_piece *p = NULL;
	for (size_t i = 0; i < s->piece_count && s->pieces[i].first <= line; i++)
		p = &s->pieces[i];
	return p;
}

/* "first on line 12" speaks of the whole, too. */
static void place_first(const struct source *s, char *text, size_t size)
{
	static const char first[] = "first on line ";
	char *at = strstr(text, first);
	unsigned line = at ? (unsigned)strtoul(at + strlen(first), NULL, 10) : 0;
	const struct source_piece *p = line ? piece_of(s, line) : NULL;
	if (p)
		(void)snprintf(at, size - (size_t)(at - text), "first in %s:%u", p->path,
			       p->line + (line - p->first));
}

void source_place(const struct source *s, struct error *e)
{
	size_t n = strlen(s->path);
	char *end, rest[sizeof(e->text)];
	if (s->piece_count < 2 || strncmp(e->text, s->path, n) != 0 || e->text[n] != ':')
		return;
	unsigned line = (unsigned)strtoul(e->text + n + 1, &end, 10);
	const struct source_piece *p = piece_of(s, line);
	if (!line || *end != ':' || !p)
		return;
	(void)str_copy(rest, sizeof(rest), end);
	place_first(s, rest, sizeof(rest));
	(void)error_set(e, e->code, "%.200s:%u%.300s", p->path,
			p->line + (line - p->first), rest);
}

void source_release(struct source *s)
{
	for (size_t i = 0; i < s->piece_count; i++)
		free(s->pieces[i].path);
	free(s->pieces);
	buf_release(&s->text);
	buf_release(&s->warnings);
}
