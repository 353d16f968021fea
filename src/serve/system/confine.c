#include "serve/system/confine.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "serve/system/commands.h"

enum { DNS_PORT = 53 };

static void add_socket(struct sandbox *s, const char *path)
{
	if (*path)
		(void)sandbox_folder_of(s, path,
					SANDBOX_SOCKETS); /* opening it says why */
}

/* Whom serve asks: name servers, the real hosts, and closed decoys whether they are. A
 * trial's have any ports. */
static void add_ports(struct sandbox *s, const struct config *c)
{
	s->connects_anywhere = c->lab;
	sandbox_port(s, DNS_PORT);
	sandbox_port(s, SMTP_PORT);
	if (c->resolver.port)
		sandbox_port(s, c->resolver.port);
	for (size_t i = 0; i < c->site_count; i++)
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			const struct host *h = &c->sites[i].hosts[k];
			bool is_asked =
			    !h->is_elsewhere &&
			    (h->role == ROLE_REAL || h->posture == POSTURE_CLOSED);
			for (uint8_t n = 0; is_asked && n < h->address_count; n++)
				sandbox_port(s, h->addresses[n].port);
		}
}

/* A folder that is not there is missing here, too: what wants to write says so. */
static struct sandbox *wanted(const struct config *c)
{
	struct sandbox *s = xcalloc(1, sizeof(*s));
	(void)sandbox_folder(s, c->state, SANDBOX_FILES);
	if (*c->metrics)
		(void)sandbox_folder_of(s, c->metrics, SANDBOX_FILES);
	add_socket(s, c->feed_socket);
	for (uint8_t i = 0; i < c->policy_count; i++)
		add_socket(s, c->policy[i].path);
	add_ports(s, c);
	return s;
}

static void say(const struct sandbox_held *held)
{
	if (held->landlock && held->has_seccomp)
		log_info("confined landlock=%d ports=%s seccomp=yes", held->landlock,
			 held->has_ports ? "yes" : "no");
	else
		log_warning(
		    "confined landlock=%d seccomp=%s note=\"this kernel cannot hold "
		    "serve to what it needs; its user's rights and the unit's "
		    "sandbox alone do\"",
		    held->landlock, held->has_seccomp ? "yes" : "no");
}

int confine_serve(const struct config *c, const char *path, bool lab,
		  struct confined *ret, struct error *e)
{
	int r = commands_split(c, path, lab, e);
	if (r < 0)
		return r;
	/* What SQLite sorts on disk would go to /var/tmp. */
	(void)setenv("SQLITE_TMPDIR", c->state, 0);
	struct sandbox *s = wanted(c);
	ret->allowed = *s;
	free(s);
	r = sandbox_enter(&ret->allowed, &ret->held, e);
	if (r == 0)
		say(&ret->held);
	return r;
}

static int check_ports(const struct confined *now, const struct sandbox *s,
		       struct error *e)
{
	for (size_t i = 0; i < s->port_count && now->held.has_ports; i++)
		if (!sandbox_has_port(&now->allowed, s->ports[i]))
			return error_set(
			    e, FMX_EUSAGE,
			    "serve gave away at its start what it does not "
			    "need, and may not connect to port %u; restart it",
			    s->ports[i]);
	return 0;
}

int confine_check(const struct confined *now, const struct config *c, struct error *e)
{
	struct sandbox *s = wanted(c);
	const char *path = "";
	int r = check_ports(now, s, e);
	if (r == 0 && now->held.landlock && !sandbox_covers(&now->allowed, s, &path))
		r = error_set(e, FMX_EUSAGE,
			      "serve gave away at its start what it does not need, and "
			      "may not write in %s; restart it",
			      path);
	free(s);
	return r;
}

/* ---- for people ---- */

static void print_folders(const struct sandbox *s, FILE *to)
{
	for (size_t i = 0; i < s->folder_count; i++)
		(void)fprintf(to, "  write    in %s%s\n", s->folders[i].path,
			      s->folders[i].kind == SANDBOX_SOCKETS
				  ? ", where it makes its socket"
				  : "");
	(void)fprintf(to, "           nowhere else; it reads what its user may read\n");
}

static void print_ports(const struct sandbox *s, FILE *to)
{
	(void)fprintf(to, "  connect  by TCP to ");
	for (size_t i = 0; i < s->port_count && !s->connects_anywhere; i++)
		(void)fprintf(to, "%s%u", i ? ", " : "ports ", s->ports[i]);
	(void)fprintf(to, "%s\n",
		      s->connects_anywhere ? "any port (lab = true)" : " alone");
}

void confine_print(const struct config *c, FILE *to)
{
	struct sandbox *s = wanted(c);
	struct sandbox_held kernel = sandbox_kernel();
	(void)fprintf(to, "Once it has begun, fakemx-serve may\n");
	print_folders(s, to);
	print_ports(s, to);
	(void)fprintf(
	    to,
	    "  execute  nothing; a helper, split off before, starts the\n"
	    "           configuration's commands, journalctl where a host is\n"
	    "           watched by it, and what unpacks old logs\n"
	    "  call     %zu system calls, none of which starts a program, traces\n"
	    "           one, or changes users, mounts or the clock\n",
	    sandbox_calls());
	(void)fprintf(to,
		      "This kernel holds it to that by\n"
		      "  Landlock %s\n"
		      "  seccomp  %s\n",
		      kernel.has_ports ? "yes"
		      : kernel.landlock
			  ? "yes, but not to the ports (Linux 6.7 does)"
			  : "no; its user's rights and the unit's sandbox do",
		      kernel.has_seccomp ? "yes" : "no");
	free(s);
}
