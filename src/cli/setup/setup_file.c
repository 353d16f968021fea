#include "cli/setup/setup_file.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/mem.h"
#include "cli/setup/setup_ask.h"
#include "config/config.h"

/* The folder of path; "." when it names none. */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
	if (!str_copy(folder, PATH_MAX, path))
		return false;
	char *slash = strrchr(folder, '/');
	if (!slash)
		return str_copy(folder, PATH_MAX, ".");
	slash[slash == folder] = '\0';
	return true;
}

int setup_said_no(const struct cli *c)
{
	cli_warn(c, "nothing was written");
	return CLI_TELL;
}

static int check_folder(const struct cli *c, const char *path)
{
	char folder[PATH_MAX], above[PATH_MAX];
	struct error e;
	bool is_good = folder_of(path, folder) && folder_of(folder, above);
	bool is_there = is_good && access(folder, F_OK) == 0;
	/* /etc/fakemx is made; any other missing folder is a mistyped one. */
	if (is_good && !is_there && strcmp(path, CONFIG_PATH) != 0) {
		(void)error_set(&e, -ENOENT,
				"cannot write %s: there is no folder %s. Make it, or say "
				"another file by --conf FILE; --print writes none",
				path, folder);
		return cli_fail(c, &e);
	}
	const char *at = is_there ? folder : above;
	if (is_good && access(at, W_OK) == 0)
		return CLI_DONE;
	(void)error_set(
	    &e, -EACCES,
	    "cannot write %s: %s (%s). Run setup as root, or say another file "
	    "by --conf FILE; --print writes none",
	    path, is_good ? strerror(errno) : "the name is too long",
	    is_good ? at : path);
	return cli_fail(c, &e);
}

int setup_file_check(const struct cli *c, const char *path, bool asks)
{
	struct error e;
	int code = check_folder(c, path);
	if (code != CLI_DONE || access(path, F_OK) != 0)
		return code;
	char question[PATH_MAX + 64];
	(void)snprintf(question, sizeof(question),
		       "%s is there already. Replace it in the end?", path);
	if (asks)
		return setup_ask_yes(question, false) ? CLI_DONE : setup_said_no(c);
	(void)error_set(
	    &e, -EEXIST,
	    "%s is there already, and nothing was changed. Move it away, or say "
	    "another file by --conf FILE; --print shows what setup would write",
	    path);
	return cli_fail(c, &e);
}

int setup_file_write(const struct cli *c, const char *path, const struct buf *text)
{
	char folder[PATH_MAX];
	struct error e;
	if (folder_of(path, folder) && mkdir(folder, 0755) != 0 && errno != EEXIST) {
		(void)error_set(&e, -errno, "cannot make the folder %s: %m", folder);
		return cli_fail(c, &e);
	}
	if (atomic_file_write(path, buf_text(text), text->len, 0640, &e) != 0)
		return cli_fail(c, &e);
	const struct group *g = getgrnam(SETUP_USER);
	if (g && geteuid() == 0 && chown(path, (uid_t)-1, g->gr_gid) != 0)
		cli_warn(c,
			 "%s cannot be given to the group " SETUP_USER
			 " (%m); serve must be able to read it",
			 path);
	return CLI_DONE;
}
