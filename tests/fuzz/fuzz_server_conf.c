/*
 * Any text as the configuration of a name server, of BIND, Knot and NSD in
 * turn: refused with a sentence, or a list in which every zone has a name, and a
 * file or a reason.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zone/conf_knot.h"
#include "zone/conf_named.h"
#include "zone/conf_nsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const readers[])(struct zone_list *, const char *,
				      struct error *) = { conf_named_read, conf_knot_read,
							  conf_nsd_read };
	static int fd = -1;
	char path[64];
	if (fd < 0)
		fd = memfd_create("conf", MFD_CLOEXEC);
	assert(fd >= 0 && ftruncate(fd, 0) == 0);
	assert(pwrite(fd, data, size, 0) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < 3; i++) {
		struct zone_list l = { 0 };
		struct error e = { 0 };
		int rc = readers[i](&l, path, &e);
		assert(rc != 0 ? e.text[0] : l.count > 0);
		zone_list_settle(&l);
		for (size_t k = 0; k < l.count; k++)
			assert(l.items[k].path[0] || l.items[k].problem);
		zone_list_release(&l);
	}
	return 0;
}
