/*
 * broken_vfs - a disk that fails after so many writes
 *
 * Stands between SQLite and the file system; what it lets pass is really written.
 */
#ifndef FMX_TESTS_UNIT_BROKEN_VFS_H
#define FMX_TESTS_UNIT_BROKEN_VFS_H

#include <stdint.h>

enum broken { BROKEN_NOT, BROKEN_KILLS, BROKEN_IS_FULL };

/* For all files that are opened from now on. Once is enough. */
void broken_install(void);
/* From the write after `writes` more on. KILLS ends the process as kill -9 would. */
void broken_after(enum broken how, int64_t writes);
int64_t broken_written(void); /* writes so far */

#endif
