#include "serve/system/labclock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int labclock_open(const char *path, struct labclock *ret_clock, struct error *e)
{
	*ret_clock = (struct labclock)LABCLOCK_REAL;
	if (!*path)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(e, -errno, "clock file %s: %s", path, strerror(errno));
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && st.st_size < (off_t)sizeof(int64_t))
		r = FMX_EUSAGE;
	void *map = MAP_FAILED;
	if (r == 0)
		map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (r == 0 && map == MAP_FAILED)
		r = -errno;
	close(fd);
	if (r == FMX_EUSAGE)
		return error_set(e, r, "clock file %s is shorter than eight bytes", path);
	if (r < 0)
		return error_set(e, r, "clock file %s: %s", path, strerror(-r));
	ret_clock->map = map;
	ret_clock->clock.offset_us = map;
	return 0;
}

void labclock_close(struct labclock *c)
{
	if (c->map)
		(void)munmap(c->map, sizeof(int64_t)); /* our own mapping: cannot fail */
	*c = (struct labclock)LABCLOCK_REAL;
}

int64_t labclock_offset(const struct labclock *c)
{
	return c->clock.offset_us ? *c->clock.offset_us : 0;
}
