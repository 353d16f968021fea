/*
 * unpack - the bytes of an open file, unpacked if it is packed
 *
 * The first bytes tell, not the name: a file without them comes as it is. So
 * pipes are read too, from their front. Several packed pieces in a row are one
 * text (RFC 1952 2.2), and zeros behind the last one are padding.
 *
 * Use:
 *	struct unpack *u = unpack_new(fd, path);
 *	while ((n = unpack_read(u, bytes, sizeof(bytes), &e)) > 0)
 *		...
 *	unpack_free(u);		// closes fd
 *
 * Ownership: takes fd.
 *
 * What xz, zstd, bzip2 or compress packed is unpacked by its own program; from a
 * file only.
 *
 * Limits: constant memory.
 */
#ifndef FMX_SOURCE_MAILLOG_UNPACK_H
#define FMX_SOURCE_MAILLOG_UNPACK_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct unpack;
struct unpack *unpack_new(int fd, const char *path);
/* Waits for bytes. Their number, 0 at the end, or a negative code: FMX_EFOREIGN
 * for a packed file that is cut short, damaged, or packed by another program.
 * All that could be unpacked before the damage was given then. */
FMX_MUST_CHECK ssize_t unpack_read(struct unpack *u, char *to, size_t size,
				   struct error *e);
/* Of the file as it lies on the disk. */
uint64_t unpack_taken(const struct unpack *u);
/* When it was packed, in seconds, as it says itself; 0 not known. After the
 * first read. */
int64_t unpack_time(const struct unpack *u);
void unpack_free(struct unpack *u);

#endif
