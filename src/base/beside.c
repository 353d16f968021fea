#include "base/beside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int beside_find(const char *name, char *ret_path, size_t size, struct error *e)
{
	static const char *const folders[] = { "", "../libexec/fakemx/", "../lib/fakemx/",
					       "../../bin/" };

	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return error_set(e, -errno, "cannot read /proc/self/exe: %m");
	self[n] = '\0';
	int folder = (int)(strrchr(self, '/') - self) + 1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int len =
		    snprintf(ret_path, size, "%.*s%s%s", folder, self, folders[i], name);
		if (len > 0 && (size_t)len < size && access(ret_path, X_OK) == 0)
			return 0;
	}
	return error_set(e, -ENOENT, "there is no %s in %.*s, where it belongs", name,
			 folder, self);
}
