/* web - the page over HTTP, until a signal ends it. */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/socket_file.h"
#include "cli/archive.h"
#include "cli/shut_in.h"
#include "cli/verbs.h"
#include "outlet/web/web.h"
#include "serve/system/labclock.h"
#include "serve/system/notify.h"

enum { WAITING = 128, SOCKET_MODE = 0660 };

struct listening {
	int fd;
	bool has_file;
	struct socket_file file;
	char where[CONFIG_SOCKET_MAX + 32]; /* for people */
};

static int listen_at(const struct endpoint *at, int *ret_fd, struct error *e)
{
	struct sockaddr_storage to;
	char text[ADDR_TEXT_MAX];
	socklen_t size = addr_to_sockaddr(at->addr, at->port, &to);
	int one = 1;
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(e, -errno, "cannot make a socket: %m");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&to, size) == 0 && listen(fd, WAITING) == 0) {
		*ret_fd = fd;
		return 0;
	}
	int cause = errno;
	(void)close(fd);
	return error_set(e, -cause, "cannot listen on %s, port %u: %s%s",
			 addr_text(at->addr, text), at->port, strerror(cause),
			 cause == EADDRINUSE ? " (does another `fakemx web` run?)" : "");
}

/* systemd's socket goes before the configuration's. */
static int open_socket(const struct config_web *w, struct listening *l, struct error *e)
{
	char text[ADDR_TEXT_MAX];
	*l = (struct listening){ .fd = -1 };
	if (sd_listen_fds(1) > 0) {
		l->fd = SD_LISTEN_FDS_START;
		(void)snprintf(l->where, sizeof(l->where), "systemd's socket");
		if (sd_is_socket(l->fd, AF_UNSPEC, SOCK_STREAM, 1) > 0)
			return 0;
		return error_set(e, FMX_EUSAGE,
				 "what systemd hands over is not a listening stream "
				 "socket (ListenStream= in the .socket unit)");
	}
	if (*w->path) {
		int rc = socket_file_open(&l->file, w->path, SOCKET_MODE, e);
		if (rc < 0)
			return rc;
		l->has_file = true;
		l->fd = l->file.fd;
		(void)snprintf(l->where, sizeof(l->where), "unix:%s", w->path);
		return 0;
	}
	(void)snprintf(l->where, sizeof(l->where),
		       addr_is_v4(w->at.addr) ? "http://%s:%u/" : "http://[%s]:%u/",
		       addr_text(w->at.addr, text), w->at.port);
	return listen_at(&w->at, &l->fd, e);
}

static void remove_socket(struct listening *l)
{
	if (!l->has_file)
		return;
	l->file.fd = -1; /* closed by the web */
	socket_file_close(&l->file);
}

/* It reads, and answers: it writes nothing but what SQLite sorts on disk, and connects to
 * nobody. */
static int give_away(const struct cli *c, const struct config *config, struct error *e)
{
	struct sandbox *s = xcalloc(1, sizeof(*s));
	(void)sandbox_folder(s, "/var/tmp", SANDBOX_FILES);
	(void)sandbox_folder(s, "/tmp", SANDBOX_FILES);
	if (*config->web.path) /* the socket's file is removed at the end */
		(void)sandbox_folder_of(s, config->web.path, SANDBOX_SOCKETS);
	return shut_in(c, s, true, e);
}

/* Until SIGTERM or SIGINT: they are blocked in every thread. */
static void wait_for_end(struct web *w, const sigset_t *ends)
{
	const struct timespec second = { .tv_sec = 1 };
	while (sigtimedwait(ends, NULL, &second) < 0) {
		web_tick(w);
		notify_watchdog();
	}
	notify_stopping();
}

static int answer(const struct cli *c, const struct archive *a, struct stamp_clock clock)
{
	struct error e;
	struct web *w;
	struct listening l;
	char metrics[CONFIG_TEXT_MAX + 32];
	sigset_t ends;
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!config_metrics_path(&a->config, metrics, sizeof(metrics))) {
		(void)error_set(&e, FMX_EUSAGE, "the state folder's name is too long");
		return cli_fail(c, &e);
	}
	struct answerer_options options = { a->path, metrics, &a->config, clock };
	if (open_socket(&a->config.web, &l, &e) < 0)
		return cli_fail(c, &e);
	if (give_away(c, &a->config, &e) < 0) {
		remove_socket(&l);
		return cli_fail(c, &e);
	}
	if (web_start(l.fd, &options, &w, &e) < 0) {
		remove_socket(&l);
		return cli_fail(c, &e);
	}
	cli_warn(c, "the report is at %s", l.where);
	notify_ready(l.where);
	wait_for_end(w, &ends);
	web_stop(w);
	remove_socket(&l);
	return CLI_DONE;
}

int web_run(struct cli *c, int argc, char **argv)
{
	struct archive a;
	struct error e;
	struct labclock clock = LABCLOCK_REAL;
	(void)argc, (void)argv;
	int code = archive_find(&a, c);
	if (code)
		return code;
	if (labclock_open(a.config.clock, &clock, &e) != 0) {
		code = cli_fail(c, &e);
	} else {
		code = answer(c, &a, clock.clock);
		labclock_close(&clock);
	}
	archive_close(&a);
	return code;
}
