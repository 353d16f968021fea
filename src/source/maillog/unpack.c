#include "source/maillog/unpack.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/mem.h"
#include "source/maillog/child.h"

enum { HEAD_LEAST = 8, PIECE = 65536 };
enum { GZIP_WINDOW = 15 + 16 }; /* inflateInit2(): a gzip head, the largest window */

enum form { FORM_UNKNOWN, FORM_PLAIN, FORM_GZIP, FORM_PROGRAM };

struct unpack {
	int fd;
	char *path;
	enum form form;
	uint64_t taken;
	int64_t time;
	z_stream z;          /* FORM_GZIP */
	struct child *child; /* FORM_PROGRAM; NULL: at its end */
	const char *program;
	bool is_between; /* packed pieces: what follows is another, or padding */
	bool is_at_end;
	size_t head_len, head_at; /* the first piece, and what of it was given */
	unsigned char piece[PIECE];
};

struct unpack *unpack_new(int fd, const char *path)
{
	struct unpack *u = xcalloc(1, sizeof(*u));
	u->fd = fd;
	u->path = xstrdup(path);
	return u;
}

static ssize_t read_file(struct unpack *u, void *to, size_t size, struct error *e)
{
	struct pollfd wait = { .fd = u->fd, .events = POLLIN };
	ssize_t n;
	while ((n = read(u->fd, to, size)) < 0 && (errno == EINTR || errno == EAGAIN))
		if (errno == EAGAIN) /* somebody made our standard input so */
			(void)poll(&wait, 1, -1);
	if (n < 0)
		return error_set(e, -errno, "cannot read %s: %s", u->path,
				 strerror(errno));
	u->taken += (uint64_t)n;
	return n;
}

/* How other packers' files begin. */
static const struct {
	const char *program, *package, *bytes;
	size_t len;
} others[] = {
	{ "xz", "xz-utils",
	  "\xfd"
	  "7zXZ",
	  5 },
	{ "bzip2", "bzip2", "BZh", 3 },
	{ "zstd", "zstd", "\x28\xb5\x2f\xfd", 4 },
	{ "gzip", "gzip", "\x1f\x9d", 2 }, /* of compress */
};

/* Reads the file from its begin: a pipe has none any more. */
static int start_program(struct unpack *u, size_t i, struct error *e)
{
	const char *argv[] = { others[i].program, "-dc", NULL };
	u->program = others[i].program;
	if (lseek(u->fd, 0, SEEK_SET) != 0)
		return error_set(e, FMX_EFOREIGN,
				 "what comes through the pipe is packed by %s: put `%s "
				 "-dc |` into it, or name the file",
				 u->program, u->program);
	u->child = child_start(argv, u->fd, e);
	if (!u->child)
		return error_set(
		    e, FMX_EFOREIGN,
		    "%s is packed by %s, which is not installed (package %s)", u->path,
		    u->program, others[i].package);
	u->form = FORM_PROGRAM;
	return 0;
}

static int look_for_others(struct unpack *u, struct error *e)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (u->head_len >= others[i].len &&
		    memcmp(u->piece, others[i].bytes, others[i].len) == 0)
			return start_program(u, i, e);
	return 0;
}

static ssize_t read_program(struct unpack *u, char *to, size_t size, struct error *e)
{
	char how[400];
	ssize_t n;
	if (!u->child)
		return 0;
	while ((n = child_read(u->child, to, size)) == -EAGAIN)
		child_wait(u->child, -1);
	off_t at = lseek(u->fd, 0, SEEK_CUR); /* it shares our place */
	if (at > 0)
		u->taken = (uint64_t)at;
	if (n > 0)
		return n;
	bool is_good = child_end(u->child, how, sizeof(how));
	u->child = NULL;
	return is_good ? 0
		       : error_set(e, FMX_EFOREIGN, "%s is damaged: %s %s", u->path,
				   u->program, how);
}

/* RFC 1952 2.3: MTIME. */
static int64_t gzip_time(const unsigned char *head)
{
	return head[4] | head[5] << 8 | head[6] << 16 | (int64_t)head[7] << 24;
}

static int look_at_head(struct unpack *u, struct error *e)
{
	while (u->head_len < HEAD_LEAST) {
		ssize_t n = read_file(u, u->piece + u->head_len,
				      sizeof(u->piece) - u->head_len, e);
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		u->head_len += (size_t)n;
	}
	u->form = FORM_PLAIN;
	int rc = look_for_others(u, e);
	if (rc < 0 || u->form == FORM_PROGRAM)
		return rc;
	if (u->head_len < 2 || u->piece[0] != 0x1f || u->piece[1] != 0x8b)
		return 0;
	u->form = FORM_GZIP;
	u->time = gzip_time(u->piece);
	u->z.next_in = u->piece;
	u->z.avail_in = (uInt)u->head_len;
	if (inflateInit2(&u->z, GZIP_WINDOW) != Z_OK)
		abort(); /* no memory, as xcalloc() */
	return 0;
}

static ssize_t read_plain(struct unpack *u, char *to, size_t size, struct error *e)
{
	size_t n = u->head_len - u->head_at;
	if (n == 0)
		return read_file(u, to, size, e);
	n = n < size ? n : size;
	memcpy(to, u->piece + u->head_at, n);
	u->head_at += n;
	return (ssize_t)n;
}

/* Between two pieces: skips padding. 0 when there is another piece, or the
 * file's end (then is_at_end). */
static int next_piece(struct unpack *u, struct error *e)
{
	for (; u->z.avail_in && *u->z.next_in == 0; u->z.next_in++)
		u->z.avail_in--;
	if (u->z.avail_in == 0)
		return 0;
	if (*u->z.next_in != 0x1f)
		return error_set(e, FMX_EFOREIGN,
				 "%s is damaged: what stands behind its packed text is "
				 "not gzip's",
				 u->path);
	u->is_between = false;
	(void)inflateReset(&u->z); /* fails only on what was not initialised */
	return 0;
}

static int refill(struct unpack *u, struct error *e)
{
	if (u->z.avail_in)
		return 0;
	ssize_t n = read_file(u, u->piece, sizeof(u->piece), e);
	if (n < 0)
		return (int)n;
	u->z.next_in = u->piece;
	u->z.avail_in = (uInt)n;
	u->is_at_end = n == 0;
	if (n == 0 && !u->is_between)
		return error_set(e, FMX_EFOREIGN,
				 "%s is cut short: its packed text has no end", u->path);
	return 0;
}

static ssize_t read_gzip(struct unpack *u, char *to, size_t size, struct error *e)
{
	u->z.next_out = (unsigned char *)to;
	u->z.avail_out = (uInt)size;
	while (u->z.avail_out == size && !u->is_at_end) {
		int rc = refill(u, e);
		if (rc == 0 && u->is_between)
			rc = next_piece(u, e);
		if (rc < 0)
			return rc;
		if (u->z.avail_in == 0)
			continue;
		int z = inflate(&u->z, Z_NO_FLUSH);
		u->is_between = z == Z_STREAM_END;
		/* What came out before the damage is good, and inflate() says it
		 * again when it is asked again. */
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR &&
		    u->z.avail_out == size)
			return error_set(e, FMX_EFOREIGN, "%s is damaged: %s", u->path,
					 u->z.msg ? u->z.msg : zError(z));
	}
	return (ssize_t)(size - u->z.avail_out);
}

ssize_t unpack_read(struct unpack *u, char *to, size_t size, struct error *e)
{
	if (u->form == FORM_UNKNOWN) {
		int rc = look_at_head(u, e);
		if (rc < 0)
			return rc;
	}
	return u->form == FORM_GZIP      ? read_gzip(u, to, size, e)
	       : u->form == FORM_PROGRAM ? read_program(u, to, size, e)
					 : read_plain(u, to, size, e);
}

uint64_t unpack_taken(const struct unpack *u)
{
	return u->taken;
}

int64_t unpack_time(const struct unpack *u)
{
	return u->time;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	char how[400];
	if (u->form == FORM_GZIP)
		(void)inflateEnd(&u->z);
	if (u->child)
		(void)child_end(u->child, how, sizeof(how));
	(void)close(u->fd); /* only read */
	free(u->path);
	free(u);
}
