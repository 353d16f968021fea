#include "zone/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct lines {
	const char **at; /* count + 1 places: the last is the end */
	size_t count;
};

/* Lines [a, a_end) of the one become [b, b_end) of the other. */
struct hunk {
	size_t a, a_end, b, b_end;
};

struct hunks {
	struct hunk *items;
	size_t count;
};

static struct lines split(const char *text, size_t len)
{
	struct lines l = { xcalloc(1, sizeof(*l.at)), 0 };
	size_t cap = 1;
	const char *end = text + len;
	for (const char *p = text; p < end;) {
		if (l.count + 2 > cap) {
			cap *= 2;
			cap += 2;
			l.at = xrealloc(l.at, cap, sizeof(*l.at));
		}
		l.at[l.count++] = p;
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		p = newline ? newline + 1 : end;
	}
	l.at[l.count] = end;
	return l;
}

static size_t line_length(const struct lines *l, size_t i)
{
	return (size_t)(l->at[i + 1] - l->at[i]);
}

static bool same_line(const struct lines *a, size_t i, const struct lines *b, size_t j)
{
	if (i >= a->count || j >= b->count)
		return i >= a->count && j >= b->count; /* both ends meet */
	size_t n = line_length(a, i);
	return n == line_length(b, j) && memcmp(a->at[i], b->at[j], n) == 0;
}

/* The nearest place, by lines skipped in both, where the texts meet again. */
static void meet_again(const struct lines *a, size_t i, const struct lines *b, size_t j,
		       size_t *ret_i, size_t *ret_j)
{
	for (size_t gap = 1; gap <= DIFF_MAX_GAP; gap++)
		for (size_t x = 0; x <= gap; x++) {
			size_t p = i + x, q = j + gap - x;
			if (p > a->count || q > b->count || !same_line(a, p, b, q))
				continue;
			*ret_i = p;
			*ret_j = q;
			return;
		}
	*ret_i = a->count;
	*ret_j = b->count;
}

static struct hunks compare(const struct lines *a, const struct lines *b)
{
	struct hunks h = { NULL, 0 };
	size_t i = 0, j = 0;
	while (i < a->count || j < b->count) {
		if (same_line(a, i, b, j)) {
			i++;
			j++;
			continue;
		}
		size_t p, q;
		meet_again(a, i, b, j, &p, &q);
		h.items = xrealloc(h.items, h.count + 1, sizeof(*h.items));
		h.items[h.count++] = (struct hunk){ i, p, j, q };
		i = p;
		j = q;
	}
	return h;
}

static void add_lines(struct buf *out, char sign, const struct lines *l, size_t from,
		      size_t to)
{
	for (size_t i = from; i < to && i < l->count; i++) {
		size_t n = line_length(l, i);
		bool ended = n > 0 && l->at[i][n - 1] == '\n';
		buf_add(out, &sign, 1);
		buf_add(out, l->at[i], n);
		if (!ended)
			buf_adds(out, "\n\\ No newline at end of file\n");
	}
}

static size_t less(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void add_range(struct buf *out, char sign, size_t from, size_t count)
{
	buf_addf(out, "%c%zu", sign, count ? from + 1 : from);
	if (count != 1)
		buf_addf(out, ",%zu", count);
}

/* Hunks whose context would touch are shown as one. */
static void add_group(struct buf *out, const struct lines *a, const struct lines *b,
		      const struct hunk *h, size_t count)
{
	const struct hunk *last = &h[count - 1];
	size_t before = less(h->a, DIFF_CONTEXT),
	       after = less(a->count - last->a_end, DIFF_CONTEXT);
	buf_adds(out, "@@ ");
	add_range(out, '-', h->a - before, last->a_end + after - (h->a - before));
	buf_adds(out, " ");
	add_range(out, '+', h->b - before, last->b_end + after - (h->b - before));
	buf_adds(out, " @@\n");
	add_lines(out, ' ', a, h->a - before, h->a);
	for (size_t i = 0; i < count; i++) {
		add_lines(out, '-', a, h[i].a, h[i].a_end);
		add_lines(out, '+', b, h[i].b, h[i].b_end);
		size_t to = i + 1 < count ? h[i + 1].a : last->a_end + after;
		add_lines(out, ' ', a, h[i].a_end, to);
	}
}

void diff_unified(const char *name, const char *before, size_t before_len,
		  const char *after, size_t after_len, struct buf *out)
{
	struct lines a = split(before, before_len), b = split(after, after_len);
	struct hunks h = compare(&a, &b);
	if (h.count)
		buf_addf(out, "--- %s\n+++ %s (planned)\n", name, name);
	for (size_t i = 0; i < h.count;) {
		size_t n = 1;
		while (i + n < h.count &&
		       h.items[i + n].a - h.items[i + n - 1].a_end <= 2 * DIFF_CONTEXT)
			n++;
		add_group(out, &a, &b, &h.items[i], n);
		i += n;
	}
	free(h.items);
	free(a.at);
	free(b.at);
}
