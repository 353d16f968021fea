/*
 * Lines of a log, however framed: none may hurt, and one that is read is read the
 * same by another reader that saw the same lines. Its time has a width, its text is
 * bytes that are there, and a line without parts never grows.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "source/maillog/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1795446000000000) /* 2026-11-23T15:00:00Z */

static bool are_same(struct slice a, struct slice b)
{
	return slice_len(a) == slice_len(b) &&
	       (slice_len(a) == 0 || memcmp(a.at, b.at, slice_len(a)) == 0);
}

static void expect_same(const struct logline *a, const struct logline *b)
{
	assert(a->precision_us >= 1);
	assert(a->time == b->time && a->precision_us == b->precision_us);
	assert(a->told == b->told);
	assert(are_same(a->host, b->host) && are_same(a->tag, b->tag));
	assert(are_same(a->program, b->program) && are_same(a->pid, b->pid));
	assert(are_same(a->text, b->text));
	assert(slice_len(a->program) <= slice_len(a->tag));
	assert(slice_len(a->text) <= FRAME_MAX);
}

static void one_line(struct frame *f, struct frame *g, const uint8_t *data, size_t size)
{
	struct logline a, b;
	/* behind its own end nothing may be read */
	char *line = malloc(size + 1), *same = malloc(size + 1);
	assert(line && same);
	memcpy(line, data, size);
	memcpy(same, data, size);
	enum frame_kind kind = frame_read(f, line, size, NOW, &a);
	assert(frame_read(g, same, size, NOW, &b) == kind);
	if (kind == FRAME_LINE)
		expect_same(&a, &b);
	free(line);
	free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame *f = frame_new(), *g = frame_new();
	while (size) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t len = lf ? (size_t)(lf - data) : size;
		one_line(f, g, data, len);
		data += lf ? len + 1 : len;
		size -= lf ? len + 1 : len;
	}
	frame_free(f);
	frame_free(g);
	return 0;
}
