#include "zone/recorded.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static bool is_record(const char *name)
{
	const char *dot = strrchr(name, '.');
	return name[0] != '.' && dot && strcmp(dot, ".apply") == 0;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int recorded_read(struct recorded *ret, const char *state, struct error *e)
{
	struct dirent *entry;
	size_t cap = 0;
	*ret = (struct recorded){ 0 };
	(void)snprintf(ret->folder, sizeof(ret->folder), "%s/zones", state);
	DIR *d = opendir(ret->folder);
	if (!d)
		return errno == ENOENT ? 0
				       : error_set(e, -errno, "cannot read %s: %s",
						   ret->folder, strerror(errno));
	while ((entry = readdir(d))) {
		if (!is_record(entry->d_name))
			continue;
		ret->names = xroom(ret->names, ret->count, &cap, sizeof(*ret->names));
		ret->names[ret->count++] = xstrdup(entry->d_name);
	}
	(void)closedir(d);
	if (ret->count)
		qsort(ret->names, ret->count, sizeof(*ret->names), by_bytes);
	return 0;
}

void recorded_release(struct recorded *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->names[i]);
	free(r->names);
	*r = (struct recorded){ 0 };
}

/* How the names of a zone's records begin: with its name, a dot, and a mark of the
 * file's path. */
static void begin_of(const char *origin, struct buf *out)
{
	history_file_name(origin, out);
	buf_adds(out, ".");
}

/* .apply alone is a zone without a file; anything but a mark is another zone. */
static bool is_of_file(const char *name, const struct buf *begin)
{
	return strncmp(name, buf_text(begin), begin->len) == 0 &&
	       strspn(name + begin->len, "0123456789abcdef") == 16 &&
	       strcmp(name + begin->len + 16, ".apply") == 0;
}

/* The first name that is not before it. */
static size_t find(const struct recorded *r, const char *begin)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(r->names[middle], begin) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void each_of(const struct recorded *r, const struct buf *begin,
		    recorded_told_fn *told, void *arg)
{
	char record[4096];
	for (size_t i = find(r, buf_text(begin));
	     i < r->count && strncmp(r->names[i], buf_text(begin), begin->len) == 0;
	     i++) {
		struct history h;
		(void)snprintf(record, sizeof(record), "%s/%s", r->folder, r->names[i]);
		if ((begin->len && !is_of_file(r->names[i], begin)) ||
		    !history_read_header(record, &h))
			continue;
		if (h.path[0])
			told(arg, &h, record);
		history_release(&h);
	}
}

bool recorded_has(const struct recorded *r, const char *origin)
{
	struct buf begin = BUF_INIT(4000);
	bool has = false;
	begin_of(origin, &begin);
	for (size_t i = find(r, buf_text(&begin));
	     i < r->count && !has &&
	     strncmp(r->names[i], buf_text(&begin), begin.len) == 0;
	     i++)
		has = is_of_file(r->names[i], &begin);
	buf_release(&begin);
	return has;
}

void recorded_each(const struct recorded *r, recorded_told_fn *told, void *arg)
{
	struct buf all = BUF_INIT(1);
	each_of(r, &all, told, arg);
}

struct moved {
	int64_t applied;
	char *path;
	size_t size;
	bool is_found;
};

static void on_moved(void *arg, const struct history *h, const char *record)
{
	struct moved *m = arg;
	(void)record;
	if (access(h->path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR) ||
	    (m->is_found && h->applied < m->applied))
		return;
	m->applied = h->applied;
	m->is_found = str_copy(m->path, m->size, h->path);
}

bool recorded_moved(const struct recorded *r, const char *origin, char *ret_path,
		    size_t size)
{
	struct buf begin = BUF_INIT(4000);
	struct moved m = { .path = ret_path, .size = size };
	begin_of(origin, &begin);
	each_of(r, &begin, on_moved, &m);
	buf_release(&begin);
	return m.is_found;
}
