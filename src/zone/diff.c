#include "zone/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A text, and a place at the start of one of its lines. */
struct side {
	const char *text, *end, *at;
	size_t line; /* of `at`, from 0 */
};

/* Bytes [from, to) of each side differ; both begin and end at line starts. */
struct hunk {
	const char *a, *a_end, *b, *b_end;
	size_t a_line, b_line;
};

struct hunks {
	struct hunk *items;
	size_t count;
};

static const char *next_line(const char *p, const char *end)
{
	const char *newline = memchr(p, '\n', (size_t)(end - p));
	return newline ? newline + 1 : end;
}

static size_t count_lines(const char *from, const char *to)
{
	size_t n = 0;
	for (const char *p = from; p < to; p = next_line(p, to))
		n++;
	return n;
}

static bool same_line(const char *a, const char *a_end, const char *b, const char *b_end)
{
	if (a == a_end || b == b_end)
		return a == a_end && b == b_end; /* both ends meet */
	size_t n = (size_t)(next_line(a, a_end) - a);
	return n == (size_t)(next_line(b, b_end) - b) && memcmp(a, b, n) == 0;
}

/* In blocks of a fixed size, which compilers turn into vector instructions. */
static size_t newlines(const char *from, const char *to)
{
	enum { BLOCK = 64 };
	size_t n = 0;
	const char *p = from;
	for (; to - p >= BLOCK; p += BLOCK) {
		uint8_t found = 0;
		for (int i = 0; i < BLOCK; i++)
			found = (uint8_t)(found + (p[i] == '\n'));
		n += found;
	}
	for (; p < to; p++)
		n += *p == '\n';
	return n;
}

/* Over what is the same in both, as whole lines: most of a large zone. */
static void skip_same(struct side *a, struct side *b)
{
	size_t left = (size_t)(a->end - a->at), other = (size_t)(b->end - b->at), n = 0;
	size_t most = left < other ? left : other;
	enum { STEP = 4096 };
	while (n + STEP <= most && memcmp(a->at + n, b->at + n, STEP) == 0)
		n += STEP;
	while (n < most && a->at[n] == b->at[n])
		n++;
	if (n < left || n < other) /* not at both ends: back to the line's start */
		while (n > 0 && a->at[n - 1] != '\n')
			n--;
	size_t lines = newlines(a->at, a->at + n);
	a->at += n;
	b->at += n;
	a->line += lines;
	b->line += lines;
}

/* The nearest place, by lines skipped in both, where the texts meet again. */
static void meet_again(struct side *a, struct side *b)
{
	const char *as[DIFF_MAX_GAP + 1], *bs[DIFF_MAX_GAP + 1];
	size_t an = 0, bn = 0;
	as[0] = a->at;
	bs[0] = b->at;
	for (size_t gap = 1; gap <= DIFF_MAX_GAP; gap++) {
		if (as[an] < a->end) {
			as[an + 1] = next_line(as[an], a->end);
			an++;
		}
		if (bs[bn] < b->end) {
			bs[bn + 1] = next_line(bs[bn], b->end);
			bn++;
		}
		for (size_t x = 0; x <= gap; x++) {
			size_t y = gap - x;
			if (x > an || y > bn || !same_line(as[x], a->end, bs[y], b->end))
				continue;
			a->at = as[x];
			b->at = bs[y];
			a->line += x;
			b->line += y;
			return;
		}
	}
	a->at = a->end;
	b->at = b->end;
}

static struct hunks compare(struct side *a, struct side *b)
{
	struct hunks h = { NULL, 0 };
	for (skip_same(a, b); a->at < a->end || b->at < b->end; skip_same(a, b)) {
		struct hunk one = {
			.a = a->at, .b = b->at, .a_line = a->line, .b_line = b->line
		};
		meet_again(a, b);
		one.a_end = a->at;
		one.b_end = b->at;
		h.items = xrealloc(h.items, h.count + 1, sizeof(*h.items));
		h.items[h.count++] = one;
	}
	return h;
}

/* A diff is text: a NUL byte, which a comment may hold, would end it. */
static void add_text(struct buf *out, const char *from, size_t len)
{
	const char *nul;
	for (; (nul = memchr(from, '\0', len)); from = nul + 1) {
		size_t n = (size_t)(nul - from);
		buf_add(out, from, n);
		buf_adds(out, "?");
		len -= n + 1;
	}
	buf_add(out, from, len);
}

static void add_lines(struct buf *out, char sign, const char *from, const char *to)
{
	while (from < to) {
		const char *next = next_line(from, to);
		buf_add(out, &sign, 1);
		add_text(out, from, (size_t)(next - from));
		if (next[-1] != '\n')
			buf_adds(out, "\n\\ No newline at end of file\n");
		from = next;
	}
}

static void add_range(struct buf *out, char sign, size_t from, size_t count)
{
	buf_addf(out, "%c%zu", sign, count ? from + 1 : from);
	if (count != 1)
		buf_addf(out, ",%zu", count);
}

/* Up to DIFF_CONTEXT lines before p, and how many they are. */
static const char *context_before(const char *text, const char *p, size_t *ret_lines)
{
	*ret_lines = 0;
	while (p > text && *ret_lines < DIFF_CONTEXT) {
		for (p--; p > text && p[-1] != '\n';)
			p--;
		(*ret_lines)++;
	}
	return p;
}

static const char *context_after(const char *p, const char *end)
{
	for (int i = 0; i < DIFF_CONTEXT && p < end; i++)
		p = next_line(p, end);
	return p;
}

/* Hunks whose context would touch are shown as one. */
static void add_group(struct buf *out, const struct side *a, const struct hunk *h,
		      size_t count)
{
	const struct hunk *last = &h[count - 1];
	size_t before;
	const char *from = context_before(a->text, h->a, &before);
	const char *to = context_after(last->a_end, a->end);
	size_t after = count_lines(last->a_end, to);
	buf_adds(out, "@@ ");
	add_range(out, '-', h->a_line - before, count_lines(from, to));
	buf_adds(out, " ");
	add_range(out, '+', h->b_line - before,
		  before + count_lines(h->b, last->b_end) + after);
	buf_adds(out, " @@\n");
	add_lines(out, ' ', from, h->a);
	for (size_t i = 0; i < count; i++) {
		add_lines(out, '-', h[i].a, h[i].a_end);
		add_lines(out, '+', h[i].b, h[i].b_end);
		add_lines(out, ' ', h[i].a_end, i + 1 < count ? h[i + 1].a : to);
	}
}

static bool touch(const struct hunk *x, const struct hunk *y)
{
	return y->a_line - (x->a_line + count_lines(x->a, x->a_end)) <= 2 * DIFF_CONTEXT;
}

void diff_unified(const char *name, const char *before, size_t before_len,
		  const char *after, size_t after_len, struct buf *out)
{
	struct side a = { before, before + before_len, before, 0 };
	struct side b = { after, after + after_len, after, 0 };
	struct hunks h = compare(&a, &b);
	if (h.count)
		buf_addf(out, "--- %s\n+++ %s (planned)\n", name, name);
	for (size_t i = 0; i < h.count;) {
		size_t n = 1;
		while (i + n < h.count && touch(&h.items[i + n - 1], &h.items[i + n]))
			n++;
		add_group(out, &a, &h.items[i], n);
		i += n;
	}
	free(h.items);
}
