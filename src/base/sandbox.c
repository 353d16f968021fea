#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sandbox_own.h"

/* What the headers of Linux 6.1 do not have yet. */
struct ruleset {
	uint64_t fs, net;
};
struct port_rule {
	uint64_t allowed, port;
};
enum { RULE_PATH = 1, RULE_PORT = 2, VERSION_TRUNCATE = 3, VERSION_PORTS = 4 };
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_CONNECT (UINT64_C(1) << 1)
#define ACCESS_SOCKETS (LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define ACCESS_FILES                                                                     \
	(ACCESS_SOCKETS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define ACCESS_HANDLED                                                                   \
	(ACCESS_FILES | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR |     \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |                    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                  \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)

/* ---- what is wanted ---- */

static bool is_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	if (len == 1) /* the root */
		return true;
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool is_covered(const struct sandbox *s, const struct sandbox_folder *f)
{
	for (size_t i = 0; i < s->folder_count; i++) {
		const struct sandbox_folder *has = &s->folders[i];
		if (is_within(f->path, has->path) &&
		    (has->kind == SANDBOX_FILES || f->kind == SANDBOX_SOCKETS))
			return true;
	}
	return false;
}

bool sandbox_folder(struct sandbox *s, const char *path, enum sandbox_kind kind)
{
	struct sandbox_folder f = { .kind = kind };
	char *real = realpath(path, NULL);
	bool is_there = real && str_copy(f.path, sizeof(f.path), real);
	free(real);
	if (is_there && is_covered(s, &f))
		return true;
	if (!is_there || s->folder_count == SANDBOX_FOLDERS)
		return false;
	s->folders[s->folder_count++] = f;
	return true;
}

bool sandbox_folder_of(struct sandbox *s, const char *file, enum sandbox_kind kind)
{
	struct stat st;
	bool is_link = lstat(file, &st) == 0 && S_ISLNK(st.st_mode);
	char *real = is_link ? realpath(file, NULL) : NULL;
	char *path = real ? real : xstrdup(file);
	bool is_there = sandbox_folder(s, dirname(path), kind);
	free(path);
	return is_there;
}

bool sandbox_has_port(const struct sandbox *s, uint16_t port)
{
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i] == port)
			return true;
	return s->connects_anywhere;
}

void sandbox_port(struct sandbox *s, uint16_t port)
{
	if (sandbox_has_port(s, port))
		return;
	if (s->port_count == SANDBOX_PORTS)
		s->connects_anywhere = true;
	else
		s->ports[s->port_count++] = port;
}

bool sandbox_covers(const struct sandbox *s, const struct sandbox *part,
		    const char **ret_path)
{
	for (size_t i = 0; i < part->folder_count; i++) {
		*ret_path = part->folders[i].path;
		if (!is_covered(s, &part->folders[i]))
			return false;
	}
	return true;
}

/* ---- Landlock ---- */

static int landlock_version(void)
{
	long n = syscall(SYS_landlock_create_ruleset, NULL, 0,
			 LANDLOCK_CREATE_RULESET_VERSION);
	return n > 0 ? (int)n : 0;
}

static int add_path(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	long n = syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0);
	int rc = n < 0 ? -errno : 0;
	(void)close(rule.parent_fd);
	return rc;
}

static int add_rules(const struct sandbox *s, int rules, const struct ruleset *handled)
{
	uint64_t truncate = handled->fs & ACCESS_TRUNCATE;
	int rc = add_path(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE | truncate);
	for (size_t i = 0; i < s->folder_count && rc == 0; i++)
		rc =
		    add_path(rules, s->folders[i].path,
			     s->folders[i].kind == SANDBOX_FILES ? ACCESS_FILES | truncate
								 : ACCESS_SOCKETS);
	for (size_t i = 0; handled->net && i < s->port_count && rc == 0; i++) {
		struct port_rule rule = { ACCESS_CONNECT, s->ports[i] };
		if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0) < 0)
			rc = -errno;
	}
	return rc;
}

static int enter_landlock(const struct sandbox *s, struct sandbox_held *held)
{
	held->landlock = landlock_version();
	if (!held->landlock)
		return 0;
	struct ruleset handled = { .fs = ACCESS_HANDLED };
	if (held->landlock >= VERSION_TRUNCATE)
		handled.fs |= ACCESS_TRUNCATE;
	held->has_ports = held->landlock >= VERSION_PORTS && !s->connects_anywhere;
	if (held->has_ports)
		handled.net = ACCESS_CONNECT;
	size_t size =
	    held->landlock >= VERSION_PORTS ? sizeof(handled) : sizeof(uint64_t);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
	if (rules < 0)
		return -errno;
	int rc = add_rules(s, rules, &handled);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		rc = -errno;
	(void)close(rules);
	return rc;
}

/* ---- all of it ---- */

int sandbox_enter(const struct sandbox *s, struct sandbox_held *ret, struct error *e)
{
	*ret = (struct sandbox_held){ .landlock = 0 };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(e, -errno, "no_new_privs: %s", strerror(errno));
	int rc = enter_landlock(s, ret);
	if (rc < 0)
		return error_set(e, rc, "the kernel refuses Landlock's rules: %s",
				 strerror(-rc));
	return sandbox_filter(&ret->has_seccomp, e);
}

struct sandbox_held sandbox_kernel(void)
{
	int version = landlock_version();
	return (struct sandbox_held){
		.landlock = version,
		.has_ports = version >= VERSION_PORTS,
		.has_seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0,
	};
}
