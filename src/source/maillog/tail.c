#include "source/maillog/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "source/maillog/rotated.h"
#include "source/maillog/unpack.h"

enum {
	BEFORE_MAX = 256,    /* bytes that tell a file from another */
	COPIES_LOOKED_AT = 2 /* of the youngest: an older one is of an older rotation */
};

/* One open file and the line that is not at its end yet. */
struct stream {
	int fd;                  /* -1: none, or `packed` has it */
	struct unpack *packed;   /* NULL: none */
	off_t offset;            /* of the text, unpacked */
	bool is_earlier;         /* rotated; its name is not ours */
	bool is_copy;            /* of one that was truncated: it does not grow */
	struct timespec emptied; /* of an empty file: its last change when we looked */
	struct lines lines;
	size_t before_len;
	char before[BEFORE_MAX]; /* what stands in front of offset */
};

struct tail {
	char *path;
	struct rotated *earlier; /* from the oldest */
	size_t earlier_count, earlier_read;
	bool from_end; /* of the first file */
	lines_fn fn;
	void *arg;
	struct stream file, old; /* old: renamed, read for a while */
	uint64_t old_until_ms;
	struct tail_counts counts;
	bool has_missed;
	struct error missed;
	char bytes[65536];
};

struct tail *tail_new(const char *path, bool from_end, lines_fn fn, void *arg)
{
	struct tail *t = xcalloc(1, sizeof(*t));
	t->path = xstrdup(path);
	t->from_end = from_end;
	t->fn = fn;
	t->arg = arg;
	t->file.fd = t->old.fd = -1;
	return t;
}

/* ---- streams ---- */

static bool is_open(const struct stream *s)
{
	return s->fd >= 0 || s->packed;
}

static void close_stream(struct tail *t, struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	unpack_free(s->packed);
	(void)lines_drop(&s->lines);
	t->counts.too_long += s->lines.too_long;
	*s = (struct stream){ .fd = -1 };
}

static void remember(struct stream *s, const char *bytes, size_t len)
{
	if (len >= BEFORE_MAX) {
		memcpy(s->before, bytes + len - BEFORE_MAX, BEFORE_MAX);
		s->before_len = BEFORE_MAX;
		return;
	}
	size_t keep = BEFORE_MAX - len < s->before_len ? BEFORE_MAX - len : s->before_len;
	memmove(s->before, s->before + s->before_len - keep, keep);
	memcpy(s->before + keep, bytes, len);
	s->before_len = keep + len;
}

/* Are the bytes in front of s->offset in fd those that s has read? */
static bool is_read_before(const struct stream *s, int fd)
{
	char now[BEFORE_MAX];
	off_t at = s->offset - (off_t)s->before_len;
	return pread(fd, now, s->before_len, at) == (ssize_t)s->before_len &&
	       memcmp(now, s->before, s->before_len) == 0;
}

/* Behind the last byte; within a line, the rest of that line is nobody's. */
static void skip_to_end(struct stream *s)
{
	struct stat st;
	off_t end =
	    fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) ? lseek(s->fd, 0, SEEK_END) : 0;
	if (end <= 0)
		return;
	size_t len = end < BEFORE_MAX ? (size_t)end : BEFORE_MAX;
	ssize_t n = pread(s->fd, s->before, len, end - (off_t)len);
	s->before_len = n > 0 ? (size_t)n : 0;
	s->lines.is_skipping = n > 0 && s->before[n - 1] != '\n';
	s->offset = end;
}

static void miss(struct tail *t, const struct error *e)
{
	t->has_missed = true;
	t->missed = *e;
}

static void miss_file(struct tail *t, const char *path, int error)
{
	struct error e;
	(void)error_cannot_read(&e, error, path, NULL, NULL);
	miss(t, &e);
}

/* An empty file that changed since we looked, and is empty. */
static bool was_emptied_unread(struct stream *s)
{
	struct stat st;
	if (s->fd < 0 || s->is_earlier || s->offset > 0 || fstat(s->fd, &st) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size > 0)
		return false;
	bool is_other = st.st_mtim.tv_sec != s->emptied.tv_sec ||
			st.st_mtim.tv_nsec != s->emptied.tv_nsec;
	bool is_first = s->emptied.tv_sec == 0;
	s->emptied = st.st_mtim;
	return is_other && !is_first;
}

/* The next of the rotated files; false: no more. */
static bool open_earlier(struct tail *t)
{
	while (t->earlier_read < t->earlier_count) {
		struct rotated *r = &t->earlier[t->earlier_read++];
		int fd = rotated_open(r);
		if (fd >= 0) {
			t->file.packed = unpack_new(fd, r->path);
			t->file.is_earlier = true;
			return true;
		}
		if (fd != -ENOENT) /* else removed meanwhile: too old to be kept */
			miss_file(t, r->path, -fd);
	}
	return false;
}

static int open_stream(struct tail *t)
{
	t->file = (struct stream){ .fd = -1, .lines = { .fn = t->fn, .arg = t->arg } };
	if (open_earlier(t))
		return 0;
	t->file.fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (t->file.fd < 0) {
		if (errno == ENOENT)
			t->from_end = false; /* when it comes, all of it is new */
		return -errno;
	}
	if (t->from_end)
		skip_to_end(&t->file);
	t->from_end = false;
	(void)was_emptied_unread(&t->file); /* from now on */
	return 0;
}

/* What is rotated and damaged ends there: it will not become better. */
static ssize_t read_some(struct tail *t, struct stream *s, size_t want)
{
	struct error e;
	ssize_t n;
	if (s->packed) {
		n = unpack_read(s->packed, t->bytes, want, &e);
		if (n < 0)
			miss(t, &e);
		return n < 0 ? 0 : n;
	}
	do
		n = read(s->fd, t->bytes, want);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) /* a pipe whose writer has paused */
		return 0;
	return n < 0 ? -errno : n;
}

/* Reads to the end of the file, or of the budget (then TAIL_MORE). */
static int read_stream(struct tail *t, struct stream *s, size_t *budget)
{
	for (;;) {
		if (*budget == 0)
			return TAIL_MORE;
		size_t want = *budget < sizeof(t->bytes) ? *budget : sizeof(t->bytes);
		ssize_t n = read_some(t, s, want);
		if (n < 0 && s->offset == 0)
			close_stream(t, s); /* a folder, say: what comes may be a file */
		if (n <= 0)
			return n < 0 ? (int)n : TAIL_AT_END;
		*budget -= (size_t)n;
		s->offset += n;
		t->counts.bytes += (uint64_t)n;
		remember(s, t->bytes, (size_t)n);
		lines_give(&s->lines, t->bytes, (size_t)n);
	}
}

/* ---- copied and truncated ---- */

/* The file is not what we have read: truncated, and perhaps as long again, or longer. */
static bool is_other_text(const struct stream *s)
{
	struct stat st;
	if (s->is_earlier || s->offset == 0 || fstat(s->fd, &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	return st.st_size < s->offset || !is_read_before(s, s->fd);
}

/* Moves a packed copy behind what s has read; false: it is of something else. */
static bool skip_read(struct tail *t, const struct stream *s, struct unpack *copy)
{
	struct stream there = { .fd = -1 };
	while (there.offset < s->offset) {
		off_t left = s->offset - there.offset;
		size_t want =
		    left < (off_t)sizeof(t->bytes) ? (size_t)left : sizeof(t->bytes);
		ssize_t n = unpack_read(copy, t->bytes, want, NULL);
		if (n <= 0)
			return false;
		there.offset += n;
		remember(&there, t->bytes, (size_t)n);
	}
	return there.before_len >= s->before_len &&
	       memcmp(there.before + there.before_len - s->before_len, s->before,
		      s->before_len) == 0;
}

/* Makes s go on in the copy, if r is one. */
static bool go_on_in(struct tail *t, struct stream *s, struct rotated *r)
{
	int fd = rotated_open(r);
	if (fd < 0)
		return false;
	if (is_read_before(s, fd) && lseek(fd, s->offset, SEEK_SET) == s->offset) {
		close(s->fd);
		s->fd = fd;
		return true;
	}
	struct unpack *copy = unpack_new(fd, r->path);
	if (!skip_read(t, s, copy)) {
		unpack_free(copy);
		return false;
	}
	close(s->fd);
	s->fd = -1;
	s->packed = copy;
	return true;
}

/* What was written since we looked last is in the copy; without one it is
 * lost. */
static void leave_truncated(struct tail *t)
{
	size_t count;
	struct rotated *list = rotated_list(t->path, INT64_MIN, &count);
	t->counts.rotations++;
	bool is_found = false;
	for (size_t i = 0; i < count && i < COPIES_LOOKED_AT && !is_found; i++)
		is_found = go_on_in(t, &t->file, &list[count - 1 - i]);
	free(list);
	if (is_found) {
		t->file.is_earlier = t->file.is_copy = true;
		return;
	}
	struct error e;
	miss(t, (error_set(&e, -ENODATA,
			   "%s was truncated, and no copy of it is beside it: what "
			   "nobody had read is lost",
			   t->path),
		 &e));
	close_stream(t, &t->file);
}

static void miss_emptied(struct tail *t)
{
	struct error e;
	miss(t, (error_set(&e, -ENODATA,
			   "%s was written and emptied between two looks at it: what "
			   "stood there is lost",
			   t->path),
		 &e));
}

/* Between the copying and the truncation there are two of the same. */
static bool is_copy_of_ours(const struct tail *t, struct rotated *r)
{
	char a[BEFORE_MAX], b[BEFORE_MAX];
	int fd = rotated_open(r);
	int ours = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct unpack *theirs = fd >= 0 ? unpack_new(fd, r->path) : NULL;
	ssize_t n = theirs ? unpack_read(theirs, a, sizeof(a), NULL) : -1;
	bool is_same = n > 0 && ours >= 0 && pread(ours, b, (size_t)n, 0) == n &&
		       memcmp(a, b, (size_t)n) == 0;
	unpack_free(theirs);
	if (ours >= 0)
		close(ours);
	return is_same;
}

void tail_earlier(struct tail *t, int64_t since)
{
	t->earlier = rotated_list(t->path, since, &t->earlier_count);
	if (t->earlier_count && is_copy_of_ours(t, &t->earlier[t->earlier_count - 1]))
		t->earlier_count--;
}

/* ---- renamed and made anew ---- */

static void end_old(struct tail *t)
{
	if (!t->old.is_copy && t->old.lines.partial)
		lines_end(&t->old.lines); /* its writer is gone */
	close_stream(t, &t->old);
}

/* At the end of the file: is it still the one of that name? True: there is
 * something else to read. */
static bool has_rotated(struct tail *t, uint64_t now_ms)
{
	struct stat open_file, named;
	if (is_other_text(&t->file)) {
		leave_truncated(t);
		return true;
	}
	if (!t->file.is_earlier &&
	    (fstat(t->file.fd, &open_file) != 0 || stat(t->path, &named) != 0 ||
	     (named.st_ino == open_file.st_ino && named.st_dev == open_file.st_dev)))
		return false; /* renamed and not made anew yet: read on */
	end_old(t);
	t->old = t->file;
	t->old_until_ms = now_ms + TAIL_OLD_MS;
	t->file = (struct stream){ .fd = -1 };
	if (!t->old.is_earlier)
		t->counts.rotations++;
	return true;
}

static int poll_old(struct tail *t, uint64_t now_ms, size_t *budget)
{
	if (!is_open(&t->old))
		return TAIL_AT_END;
	int rc = read_stream(t, &t->old, budget);
	if (rc == TAIL_AT_END && now_ms >= t->old_until_ms)
		end_old(t);
	return rc;
}

int tail_poll(struct tail *t, uint64_t now_ms, size_t budget)
{
	if (is_open(&t->file) && is_other_text(&t->file))
		leave_truncated(t);
	else if (was_emptied_unread(&t->file))
		miss_emptied(t);
	for (;;) {
		int rc = poll_old(t, now_ms, &budget);
		if (rc == TAIL_AT_END && !is_open(&t->file))
			rc = open_stream(t);
		if (rc == TAIL_AT_END)
			rc = read_stream(t, &t->file, &budget);
		if (rc != TAIL_AT_END || !has_rotated(t, now_ms))
			return rc;
	}
}

const char *tail_missed(struct tail *t)
{
	bool is_new = t->has_missed;
	t->has_missed = false;
	return is_new ? t->missed.text : NULL;
}

struct tail_counts tail_counts(const struct tail *t)
{
	struct tail_counts c = t->counts;
	c.too_long += t->file.lines.too_long + t->old.lines.too_long;
	return c;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	close_stream(t, &t->file);
	close_stream(t, &t->old);
	free(t->earlier);
	free(t->path);
	free(t);
}
