#include "serve/system/ready_check.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct telling {
	void (*tell)(void *arg, const char *sentence);
	void *arg;
	bool is_running; /* a serve has the ports */
};

/* errno of listening there, or 0. */
static int try_port(struct endpoint at)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(at.addr, at.port, &sa);
	int on = 1, error = 0;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* as decoys */
	if (bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, 1) < 0)
		error = errno;
	(void)close(fd); /* nothing was sent */
	return error;
}

static void check_decoy(const struct telling *t, const struct host *h, struct endpoint at)
{
	char text[ADDR_TEXT_MAX];
	struct error e;
	const char *role = h->role == ROLE_CONTROL ? "control address" : "decoy";
	int error = try_port(at);
	addr_text(at.addr, text);
	if (error == EADDRNOTAVAIL)
		(void)error_set(&e, -error,
				"the %s %s cannot start here: %s is not an address of "
				"this machine; add it (ip addr add %s/%d dev ...)",
				role, h->name, text, text,
				addr_is_v4(at.addr) ? 32 : 128);
	else if (error == EADDRINUSE && h->posture == POSTURE_CLOSED)
		(void)error_set(&e, -error,
				"the closed %s %s is not closed: a program answers at "
				"%s port %u (ss -ltnp 'sport = :%u' shows which)",
				role, h->name, text, at.port, at.port);
	else if (error == EADDRINUSE && !t->is_running)
		(void)error_set(&e, -error,
				"the %s %s cannot start here: another program listens "
				"at %s port %u (ss -ltnp 'sport = :%u' shows which); a "
				"mail server must leave this address out (Postfix: "
				"inet_interfaces)",
				role, h->name, text, at.port, at.port);
	else
		return;
	t->tell(t->arg, e.text);
}

static void check_log(const struct telling *t, const struct host *h, const char *watch)
{
	struct error e;
	if (watch[0] != '/' || access(watch, R_OK) == 0)
		return;
	(void)error_set(&e, -errno,
			"the mail log %s of %s cannot be read (%m); until it can be, "
			"nobody is judged",
			watch, h->name);
	t->tell(t->arg, e.text);
}

static void check_host(const struct telling *t, const struct host *h)
{
	if (h->is_elsewhere)
		return; /* another machine's ports and logs */
	for (uint8_t i = 0; h->role != ROLE_REAL && i < h->address_count; i++)
		check_decoy(t, h, h->addresses[i]);
	if (h->role != ROLE_REAL)
		return;
	check_log(t, h, h->watch);
	for (uint8_t i = 0; i < h->also_count; i++)
		check_log(t, h, h->also[i]);
}

int ready_check_user(const char *user, struct error *e)
{
	if (!*user || getpwnam(user))
		return 0;
	return error_set(e, FMX_EUSAGE,
			 "user \"%s\" does not exist; create it, or take the line out "
			 "of the configuration",
			 user);
}

/* Does a serve of this journal hold its lock? Whoever may not look supposes so. */
static bool is_running(const struct config *c)
{
	char path[CONFIG_TEXT_MAX + 32], lock[CONFIG_TEXT_MAX + 48];
	if (!config_journal_path(c, path, sizeof(path)))
		return false;
	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	int fd = open(lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES;
	bool is = flock(fd, LOCK_SH | LOCK_NB) != 0;
	(void)close(fd); /* gives the lock back */
	return is;
}

/* serve makes the last folder of the path, not those above it. */
static void check_state(const struct telling *t, const char *state)
{
	char parent[CONFIG_TEXT_MAX];
	struct stat st;
	struct error e;
	(void)str_copy(parent, sizeof(parent), state);
	size_t len = strlen(parent);
	while (len > 1 && parent[len - 1] == '/')
		parent[--len] = '\0';
	char *slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return;
	*slash = '\0';
	if (stat(parent, &st) == 0 || errno != ENOENT)
		return;
	(void)error_set(&e, -ENOENT,
			"serve cannot start here: its state folder %s cannot be made, "
			"for there is no folder %s; create that, or name another by "
			"`state`",
			state, parent);
	t->tell(t->arg, e.text);
}

static void check_stream(const struct telling *t, const struct config_stream *s)
{
	const char *const files[][2] = { { s->credentials, "credentials" },
					 { s->ca, "certificates (ca)" } };
	struct error e;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!*files[i][0] || access(files[i][0], R_OK) == 0)
			continue;
		(void)error_set(&e, -errno,
				"the %s %s of the section stream cannot be read (%m); "
				"until they can be, nobody is judged by the stream",
				files[i][1], files[i][0]);
		t->tell(t->arg, e.text);
	}
}

void ready_check(const struct config *c, void (*tell)(void *arg, const char *sentence),
		 void *arg)
{
	struct telling t = { tell, arg, is_running(c) };
	check_state(&t, c->state);
	check_stream(&t, &c->stream);
	for (size_t i = 0; i < c->site_count; i++)
		for (size_t k = 0; k < c->sites[i].host_count; k++)
			check_host(&t, &c->sites[i].hosts[k]);
}
