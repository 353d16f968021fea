#include "broken_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static sqlite3_vfs *real;
static sqlite3_vfs vfs;
/* The database and its -wal have methods of their own. */
enum { TABLES = 4 };
static const sqlite3_io_methods *real_methods[TABLES];
static sqlite3_io_methods methods[TABLES];
static enum broken how;
static int64_t written, most;

static int count_write(void)
{
	written++;
	if (how == BROKEN_NOT || written <= most)
		return SQLITE_OK;
	if (how == BROKEN_KILLS)
		(void)kill(getpid(), SIGKILL);
	return SQLITE_FULL;
}

static const sqlite3_io_methods *real_of(sqlite3_file *f)
{
	return real_methods[f->pMethods - methods];
}

static int write_some(sqlite3_file *f, const void *data, int size, sqlite3_int64 at)
{
	int rc = count_write();
	return rc == SQLITE_OK ? real_of(f)->xWrite(f, data, size, at) : rc;
}

static int cut(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = count_write();
	return rc == SQLITE_OK ? real_of(f)->xTruncate(f, size) : rc;
}

static int open_file(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
		     int *ret_flags)
{
	(void)v;
	int rc = real->xOpen(real, name, f, flags, ret_flags);
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	int at = 0;
	while (real_methods[at] && real_methods[at] != f->pMethods)
		if (++at == TABLES)
			abort();
	real_methods[at] = f->pMethods;
	methods[at] = *f->pMethods;
	methods[at].xWrite = write_some;
	methods[at].xTruncate = cut;
	f->pMethods = &methods[at];
	return rc;
}

void broken_install(void)
{
	real = sqlite3_vfs_find(NULL);
	vfs = *real;
	vfs.zName = "broken";
	vfs.xOpen = open_file;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}

void broken_after(enum broken what, int64_t writes)
{
	how = what;
	most = written + writes;
}

int64_t broken_written(void)
{
	return written;
}
