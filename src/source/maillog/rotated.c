#include "source/maillog/rotated.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"

/* What gzip, xz, bzip2 and zstd put behind a name; unpack.h tells by the
 * content. */
static size_t packed_ending(const char *name)
{
	static const char *const endings[] = { ".gz", ".xz", ".bz2", ".zst" };
	size_t len = strlen(name);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);
		if (len > n && strcmp(name + len - n, endings[i]) == 0)
			return n;
	}
	return 0;
}

/* What follows the log's name: ".1", "-20261122", ".2.gz". */
static bool is_rotated_name(const char *suffix)
{
	return (suffix[0] == '.' || suffix[0] == '-') && suffix[1] >= '0' &&
	       suffix[1] <= '9';
}

static bool is_being_packed(const char *path)
{
	char plain[PATH_MAX];
	size_t ending = packed_ending(path);
	(void)snprintf(plain, sizeof(plain), "%.*s", (int)(strlen(path) - ending), path);
	return ending && access(plain, F_OK) == 0;
}

/* Packing keeps a file's time (gzip(1), logrotate(8)). */
static bool look_at(const char *folder, const char *name, struct rotated *r)
{
	struct stat st;
	if (snprintf(r->path, sizeof(r->path), "%s/%s", folder, name) >= PATH_MAX ||
	    stat(r->path, &st) != 0 || !S_ISREG(st.st_mode) || is_being_packed(r->path))
		return false;
	r->changed = st.st_mtim.tv_sec * STAMP_SECOND + st.st_mtim.tv_nsec / 1000;
	return true;
}

static int compare_changed(const void *a, const void *b)
{
	const struct rotated *x = a, *y = b;
	return (x->changed > y->changed) - (x->changed < y->changed);
}

struct rotated *rotated_list(const char *path, int64_t since, size_t *ret_count)
{
	struct rotated *list = NULL, r;
	size_t count = 0;
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char folder[PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
		       slash ? path : ".");
	DIR *dir = opendir(slash == path ? "/" : folder);
	*ret_count = 0;
	if (!dir)
		return NULL; /* then the log cannot be read either, which is said */
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strncmp(entry->d_name, base, strlen(base)) != 0 ||
		    !is_rotated_name(entry->d_name + strlen(base)) ||
		    !look_at(folder, entry->d_name, &r) || r.changed < since)
			continue;
		list = xrealloc(list, count + 1, sizeof(*list));
		list[count++] = r;
	}
	closedir(dir);
	if (count)
		qsort(list, count, sizeof(*list), compare_changed);
	*ret_count = count;
	return list;
}

int rotated_open(struct rotated *r)
{
	enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };
	size_t len = strlen(r->path);
	int fd = open(r->path, FLAGS);
	if (fd >= 0 || errno != ENOENT || packed_ending(r->path))
		return fd >= 0 ? fd : -errno;
	if (len + sizeof(".gz") > sizeof(r->path))
		return -ENOENT;
	memcpy(r->path + len, ".gz", sizeof(".gz"));
	fd = open(r->path, FLAGS);
	return fd >= 0 ? fd : -errno;
}
