/*
 * The input is read three times: as a file, which may be packed, damaged or
 * plain; packed by us, cut where its first byte says; and packed whole. What is
 * plain comes as it is; what is packed whole comes back; of a cut one comes the
 * beginning, and then an error. Lines never hold an LF and are as many as there
 * are LFs, but for zeros in front and for cut ones.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

#include "source/maillog/lines.h"
#include "source/maillog/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 22, GZIP = 15 + 16 };

/* What came out, and how it ended. */
struct out {
	uint8_t *bytes;
	size_t len;
	ssize_t end;
	struct lines lines;
	size_t line_count, line_bytes;
};

static void on_line(void *arg, const char *line, size_t len)
{
	struct out *o = arg;
	assert(len <= LINES_MAX && !memchr(line, '\n', len));
	o->line_count++;
	o->line_bytes += len;
}

static void read_all(const uint8_t *data, size_t size, struct out *o)
{
	struct error e;
	char piece[999];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	assert(lseek(fd, 0, SEEK_SET) == 0);
	struct unpack *u = unpack_new(fd, "fuzz");
	*o = (struct out){ .bytes = malloc(OUT_MAX + sizeof(piece)) };
	o->lines = (struct lines){ .fn = on_line, .arg = o };
	while (o->len < OUT_MAX &&
	       (o->end = unpack_read(u, piece, sizeof(piece), &e)) > 0) {
		memcpy(o->bytes + o->len, piece, (size_t)o->end);
		o->len += (size_t)o->end;
		lines_give(&o->lines, piece, (size_t)o->end);
	}
	assert(o->end >= 0 || (o->end == FMX_EFOREIGN && *e.text));
	assert(unpack_taken(u) <= size);
	unpack_free(u);
}

static void check_lines(struct out *o)
{
	size_t lfs = 0;
	for (size_t i = 0; i < o->len; i++)
		lfs += o->bytes[i] == '\n';
	assert(o->line_bytes + lfs <= o->len);
	/* one that was cut was given before its LF came */
	assert(o->line_count >= lfs && o->line_count - lfs <= o->lines.too_long);
	(void)lines_drop(&o->lines);
	free(o->bytes);
}

static void pack_and_cut(const uint8_t *data, size_t size)
{
	z_stream z = { .next_in = (uint8_t *)(uintptr_t)data, .avail_in = (uInt)size };
	assert(deflateInit2(&z, 1, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	size_t cap = deflateBound(&z, size), len;
	uint8_t *packed = malloc(cap);
	struct out o;
	z.next_out = packed;
	z.avail_out = (uInt)cap;
	assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
	len = cap - z.avail_out;
	(void)deflateEnd(&z);

	read_all(packed, len, &o);
	assert(o.end == 0 && o.len == size && memcmp(o.bytes, data, size) == 0);
	check_lines(&o);
	size_t cut = 2 + data[0] * (len - 3) / 256;
	read_all(packed, cut, &o);
	assert(o.end == FMX_EFOREIGN && o.len <= size &&
	       memcmp(o.bytes, data, o.len) == 0);
	check_lines(&o);
	free(packed);
}

static bool is_packed(const uint8_t *data, size_t size)
{
	return (size >= 2 && data[0] == 0x1f && (data[1] == 0x8b || data[1] == 0x9d)) ||
	       (size >= 3 && memcmp(data, "BZh", 3) == 0) ||
	       (size >= 5 && memcmp(data,
				    "\xfd"
				    "7zXZ",
				    5) == 0) ||
	       (size >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct out o;
	if (size == 0 || size > OUT_MAX / 2)
		return 0;
	read_all(data, size, &o);
	if (!is_packed(data, size))
		assert(o.end == 0 && o.len == size && memcmp(o.bytes, data, size) == 0);
	check_lines(&o);
	pack_and_cut(data, size);
	return 0;
}
