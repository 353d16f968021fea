#include "zone/dynamic.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/serial.h"

/* The serial that a BIND journal leads to: what its header says (lib/dns,
 * journal.c: 16 bytes of format, then serial and offset of begin and end). */
static bool journal_serial(const char *journal, uint32_t *ret)
{
	uint8_t header[64];
	int fd = open(journal, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, header, sizeof(header));
	if (fd >= 0)
		(void)close(fd);
	if (n != (ssize_t)sizeof(header) || memcmp(header, ";BIND LOG V9", 12) != 0)
		return false;
	*ret = (uint32_t)header[24] << 24 | (uint32_t)header[25] << 16 |
	       (uint32_t)header[26] << 8 | header[27];
	return true;
}

/* How BIND writes a zone down that it was given by updates or transfer. */
static bool is_written_by_bind(const char *text, size_t len)
{
	static const char head[] = "$ORIGIN .\n$TTL ";
	return len >= sizeof(head) - 1 && memcmp(text, head, sizeof(head) - 1) == 0;
}

/* BIND keeps updates in a journal beside the file, and would lose ours or
 * overwrite the file. Of a zone that it signs, or that it makes differences of,
 * the journal leads to what the file holds: that is no hindrance. So it does after
 * `rndc sync`, but then the file is one that BIND wrote. */
static int check_journal(const struct dynamic_of *of, const char *path,
			 const struct zone_input *in, uint32_t serial, struct error *e)
{
	char journal[4200];
	uint32_t last;
	(void)snprintf(journal, sizeof(journal), "%s.jnl", path);
	if (access(journal, F_OK) != 0)
		return 0;
	bool is_all_here =
	    journal_serial(journal, &last) && !serial_is_newer(last, serial);
	if (is_all_here && (of->is_static || !is_written_by_bind(in->text, in->len)))
		return 0;
	if (is_all_here)
		return error_set(
		    e, FMX_EREFUSED,
		    "%s was written by BIND itself and has a journal (%s): its zone "
		    "takes updates, and a change of the file would not be seen. Use "
		    "`update { server = ...  key = ... }` in the configuration; or, if "
		    "no updates come any more, name the zone by BIND's own "
		    "configuration (--zone named.conf --origin %s)",
		    path, journal, in->origin);
	return error_set(
	    e, FMX_EREFUSED,
	    "%s is not all of its zone: its name server takes updates (%s holds newer "
	    "ones). Use `update { server = ...  key = ... }` in the configuration "
	    "instead of the file, or, if these updates are over, let the server write "
	    "them down first (rndc sync -clean)",
	    path, journal);
}

/* A server names the journal after the file that it was told; somebody may have
 * told it what the link points at. */
int dynamic_check(const struct dynamic_of *of, const struct zone_input *in,
		  uint32_t serial, struct error *e)
{
	int rc = check_journal(of, in->path, in, serial, e);
	struct stat st;
	bool is_link = lstat(in->path, &st) == 0 && S_ISLNK(st.st_mode);
	char *resolved = rc == 0 && is_link ? realpath(in->path, NULL) : NULL;
	if (resolved)
		rc = check_journal(of, resolved, in, serial, e);
	free(resolved);
	return rc == 0 && of->knot ? knot_journal_check(of->knot, in, serial, e) : rc;
}
