#include "source/tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

/* One open file and the line that is not at its end yet. */
struct stream {
	int fd; /* -1: none */
	off_t offset;
	bool is_earlier;
	bool is_skipping; /* the rest of a line that was cut, or begun before us */
	size_t partial_len;
	char *partial; /* NULL: none */
};

/* A file that was renamed before we came. */
struct earlier {
	int64_t changed;
	char path[PATH_MAX];
};

struct tail {
	char *path;
	struct earlier *earlier; /* from the oldest */
	size_t earlier_count, earlier_read;
	char *compressed; /* NULL: none would have been wanted */
	bool from_end;    /* of the first file */
	tail_line_fn fn;
	void *arg;
	struct stream file, old; /* old: renamed, read for a while */
	uint64_t old_until_ms;
	struct tail_counts counts;
	char bytes[65536];
};

struct tail *tail_new(const char *path, bool from_end, tail_line_fn fn, void *arg)
{
	struct tail *t = xcalloc(1, sizeof(*t));
	t->path = xstrdup(path);
	t->from_end = from_end;
	t->fn = fn;
	t->arg = arg;
	t->file.fd = t->old.fd = -1;
	return t;
}

static void forget_partial(struct stream *s)
{
	free(s->partial);
	s->partial = NULL;
	s->partial_len = 0;
	s->is_skipping = false;
}

/* Keeps the beginning of a line. What passes the limit is given cut. */
static void hold(struct tail *t, struct stream *s, const char *bytes, size_t len)
{
	if (s->is_skipping)
		return;
	size_t room = TAIL_LINE_MAX - s->partial_len, keep = len < room ? len : room;
	s->partial = xrealloc(s->partial, s->partial_len + keep + 1, 1);
	memcpy(s->partial + s->partial_len, bytes, keep);
	s->partial_len += keep;
	if (keep == len)
		return;
	t->fn(t->arg, s->partial, s->partial_len);
	t->counts.too_long++;
	forget_partial(s);
	s->is_skipping = true;
}

static void end_line(struct tail *t, struct stream *s, const char *bytes, size_t len)
{
	if (s->partial || len > TAIL_LINE_MAX)
		hold(t, s, bytes, len);
	if (!s->is_skipping)
		t->fn(t->arg, s->partial ? s->partial : bytes,
		      s->partial ? s->partial_len : len);
	forget_partial(s);
}

static void give_lines(struct tail *t, struct stream *s, const char *bytes, size_t len)
{
	const char *end = bytes + len;
	while (bytes < end) {
		const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
		if (!lf) {
			hold(t, s, bytes, (size_t)(end - bytes));
			return;
		}
		end_line(t, s, bytes, (size_t)(lf - bytes));
		bytes = lf + 1;
	}
}

static void close_stream(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	forget_partial(s);
	*s = (struct stream){ .fd = -1 };
}

/* Behind the last byte; within a line, the rest of that line is nobody's. */
static void skip_to_end(struct stream *s)
{
	char last = '\n';
	off_t end = lseek(s->fd, 0, SEEK_END);
	if (end <= 0)
		return;
	if (pread(s->fd, &last, 1, end - 1) == 1 && last != '\n')
		s->is_skipping = true;
	s->offset = end;
}

static int open_stream(struct tail *t)
{
	bool is_earlier = t->earlier_read < t->earlier_count;
	const char *path = is_earlier ? t->earlier[t->earlier_read++].path : t->path;
	t->file.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (t->file.fd < 0) {
		if (is_earlier)
			return open_stream(t); /* removed meanwhile */
		if (errno == ENOENT)
			t->from_end = false; /* when it comes, all of it is new */
		return -errno;
	}
	t->file.offset = 0;
	t->file.is_earlier = is_earlier;
	if (t->from_end)
		skip_to_end(&t->file);
	t->from_end = false;
	return 0;
}

/* Reads to the end of the file, or of the budget (then TAIL_MORE). */
static int read_stream(struct tail *t, struct stream *s, size_t *budget)
{
	for (;;) {
		if (*budget == 0)
			return TAIL_MORE;
		size_t want = *budget < sizeof(t->bytes) ? *budget : sizeof(t->bytes);
		ssize_t n = read(s->fd, t->bytes, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return TAIL_AT_END;
		*budget -= (size_t)n;
		s->offset += n;
		t->counts.bytes += (uint64_t)n;
		give_lines(t, s, t->bytes, (size_t)n);
	}
}

/* What follows the file's name: ".1", "-20261122", ".2.gz". */
static bool is_rotated_name(const char *suffix, bool *ret_compressed)
{
	static const char *const packers[] = { ".gz", ".xz", ".bz2", ".zst" };
	size_t len = strlen(suffix);
	if ((suffix[0] != '.' && suffix[0] != '-') || suffix[1] < '0' || suffix[1] > '9')
		return false;
	*ret_compressed = false;
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		size_t n = strlen(packers[i]);
		if (len > n && strcmp(suffix + len - n, packers[i]) == 0)
			*ret_compressed = true;
	}
	return true;
}

static int compare_earlier(const void *a, const void *b)
{
	const struct earlier *x = a, *y = b;
	return (x->changed > y->changed) - (x->changed < y->changed);
}

/* Packing keeps a file's time (gzip(1)). */
static void consider(struct tail *t, const char *folder, const char *name,
		     const char *suffix, int64_t since)
{
	struct earlier e;
	struct stat st;
	bool is_compressed;
	if (!is_rotated_name(suffix, &is_compressed) ||
	    snprintf(e.path, sizeof(e.path), "%s/%s", folder, name) >= PATH_MAX ||
	    stat(e.path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	e.changed = st.st_mtim.tv_sec * STAMP_SECOND + st.st_mtim.tv_nsec / 1000;
	if (e.changed < since)
		return;
	if (is_compressed) {
		free(t->compressed);
		t->compressed = xstrdup(e.path);
		return;
	}
	t->earlier = xrealloc(t->earlier, t->earlier_count + 1, sizeof(e));
	t->earlier[t->earlier_count++] = e;
}

const char *tail_earlier(struct tail *t, int64_t since)
{
	const char *slash = strrchr(t->path, '/');
	const char *base = slash ? slash + 1 : t->path;
	char folder[PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - t->path) : 1,
		       slash ? t->path : ".");
	DIR *dir = opendir(slash == t->path ? "/" : folder);
	if (!dir)
		return NULL; /* then the file cannot be read either, which is said */
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strncmp(entry->d_name, base, strlen(base)) == 0)
			consider(t, folder, entry->d_name, entry->d_name + strlen(base),
				 since);
	closedir(dir);
	if (t->earlier_count)
		qsort(t->earlier, t->earlier_count, sizeof(*t->earlier), compare_earlier);
	return t->compressed;
}

static void end_old(struct tail *t)
{
	if (t->old.partial)
		end_line(t, &t->old, "", 0); /* its writer is gone */
	close_stream(&t->old);
}

/* At the end of the file: is it still the one of that name? True: there is
 * something else to read. */
static bool has_rotated(struct tail *t, uint64_t now_ms)
{
	struct stat open_file, named;
	if (fstat(t->file.fd, &open_file) != 0)
		return false;
	if (S_ISREG(open_file.st_mode) && open_file.st_size < t->file.offset) {
		forget_partial(&t->file);
		(void)lseek(t->file.fd, 0, SEEK_SET);
		t->file.offset = 0;
		t->counts.rotations++;
		return true;
	}
	bool is_last = t->earlier_read == t->earlier_count;
	if (is_last && (stat(t->path, &named) != 0 || (named.st_ino == open_file.st_ino &&
						       named.st_dev == open_file.st_dev)))
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
	if (t->old.fd < 0)
		return TAIL_AT_END;
	int rc = read_stream(t, &t->old, budget);
	if (rc == TAIL_AT_END && now_ms >= t->old_until_ms)
		end_old(t);
	return rc;
}

int tail_poll(struct tail *t, uint64_t now_ms, size_t budget)
{
	for (;;) {
		int rc = poll_old(t, now_ms, &budget);
		if (rc == TAIL_AT_END && t->file.fd < 0)
			rc = open_stream(t);
		if (rc == TAIL_AT_END)
			rc = read_stream(t, &t->file, &budget);
		if (rc != TAIL_AT_END || !has_rotated(t, now_ms))
			return rc;
	}
}

struct tail_counts tail_counts(const struct tail *t)
{
	return t->counts;
}

void tail_free(struct tail *t)
{
	if (!t)
		return;
	close_stream(&t->file);
	close_stream(&t->old);
	free(t->earlier);
	free(t->compressed);
	free(t->path);
	free(t);
}
