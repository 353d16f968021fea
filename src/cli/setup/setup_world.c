#include "cli/setup/setup_world.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "cli/resolving.h"
#include "look/look.h"
#include "look/prober.h"

enum { OWN_TIMEOUT_SECONDS = 3 };

struct looking {
	struct setup_world *world;
	enum lookup_status status;
	char failure[512];
};

/* ---- the domain ---- */

static void on_seen(struct look_result *r, void *arg)
{
	struct looking *k = arg;
	k->status = r->status;
	(void)str_copy(k->failure, sizeof(k->failure), r->failure);
	if (r->status != LOOKUP_OK)
		return;
	k->world->seen = r->seen; /* taken; an empty one is left */
	seen_init(&r->seen, "");
}

/* ---- this machine ---- */

static bool is_new(const struct setup_machine *m, struct addr a)
{
	return m->count < SETUP_OWN_MAX && !setup_machine_has(m, a);
}

static void find_own(struct setup_machine *m)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) != 0)
		return; /* then none of the hosts is held to be here */
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
		    (i->ifa_addr->sa_family != AF_INET &&
		     i->ifa_addr->sa_family != AF_INET6))
			continue;
		struct addr a = addr_from_sockaddr(i->ifa_addr, NULL);
		if (addr_kind(a) == ADDR_LINK_LOCAL || !is_new(m, a))
			continue;
		struct setup_own *own = &m->own[m->count++];
		*own = (struct setup_own){ .addr = a };
		(void)str_copy(own->face, sizeof(own->face), i->ifa_name);
	}
	freeifaddrs(all);
}

/* Whatever greets holds the port; a decoy of ours that runs already does too, and is
 * told apart by its text. */
static void on_own(const struct probe_result *r, void *arg)
{
	struct setup_own *own = arg;
	own->is_taken = r->known && r->state != STATE_CLOSED &&
			r->state != STATE_UNREACHABLE && r->state != STATE_DEAD &&
			!strstr(r->greeting, "takes no mail");
}

static void probe_own(uv_loop_t *loop, struct setup_machine *m)
{
	struct prober *p =
	    prober_new(loop, SMTP_PORT, OWN_TIMEOUT_SECONDS * STAMP_SECOND);
	for (size_t i = 0; i < m->count; i++)
		if (addr_kind(m->own[i].addr) != ADDR_LOOPBACK)
			prober_ask(p, m->own[i].addr, on_own, &m->own[i]);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	prober_free(p);
	(void)uv_run(loop, UV_RUN_DEFAULT);
}

/* ---- both ---- */

static int look_at(const struct cli *c, uv_loop_t *loop, const struct look_options *o,
		   const char *domain, struct looking *k)
{
	struct looker *l;
	struct error e;
	if (looker_new(loop, o, &l, &e) != 0)
		return cli_fail(c, &e);
	look_start(l, domain, on_seen, k);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	looker_free(l);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	if (k->status == LOOKUP_OK)
		return CLI_DONE;
	(void)error_set(&e, -EIO, "%s", k->failure);
	return cli_fail(c, &e);
}

int setup_world_look(const struct cli *c, const char *domain, const char *decoy,
		     struct setup_world *ret_world)
{
	struct setup_world w = { .machine = { .count = 0 } };
	struct looking k = { .world = &w, .status = LOOKUP_OK };
	struct look_options o = { .mx_only = true,
				  .lab = c->lab,
				  .decoys = &decoy,
				  .decoy_count = decoy ? 1 : 0 };
	struct error e;
	uv_loop_t loop;
	(void)signal(SIGPIPE, SIG_IGN);
	seen_init(&w.seen, domain);
	int code = cli_resolver(c, NULL, &o.resolver);
	if (code != CLI_DONE)
		return code;
	if (uv_loop_init(&loop) != 0) {
		(void)error_set(&e, -ENFILE, "cannot start the event loop");
		return cli_fail(c, &e);
	}
	code = look_at(c, &loop, &o, domain, &k);
	if (code == CLI_DONE) {
		find_own(&w.machine);
		probe_own(&loop, &w.machine);
		*ret_world = w;
	}
	(void)uv_loop_close(&loop);
	return code;
}

void setup_world_release(struct setup_world *w)
{
	seen_release(&w->seen);
}
