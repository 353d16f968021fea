#include "serve/system/privilege.h"

#include <assert.h>
#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "serve/system/ready_check.h"

int privilege_become(const char *user, struct error *e)
{
	if (!*user || geteuid() != 0)
		return 0;
	if (ready_check_user(user, e) != 0)
		return FMX_EUSAGE;
	const struct passwd *p = getpwnam(user);
	assert(p);
	/* A container may lack it; then closed decoys are not watched. */
	capng_get_caps_process();
	bool has_raw = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	capng_clear(CAPNG_SELECT_BOTH);
	int r = capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			     CAP_NET_BIND_SERVICE);
	if (r == 0 && has_raw)
		r = capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				 CAP_NET_RAW);
	if (r == 0)
		r = capng_change_id((int)p->pw_uid, (int)p->pw_gid,
				    CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (r != 0)
		return error_set(e, -EPERM, "cannot become user \"%s\" (step %d): %s",
				 user, -r, strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(e, -errno, "no_new_privs: %s", strerror(errno));
	return 0;
}

int privilege_finish(struct error *e)
{
	capng_get_caps_process();
	if (geteuid() == 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return 0;
	/* Ambient capabilities came from systemd, which chose them; what
	 * privilege_become() kept is never ambient. The packet sockets are open
	 * in every case, and a reload needs no others. */
	bool is_ambient = capng_have_capability(CAPNG_AMBIENT, CAP_NET_BIND_SERVICE);
	capng_clear(CAPNG_SELECT_CAPS);
	int r = 0;
	if (is_ambient)
		r = capng_update(CAPNG_ADD,
				 CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
				 CAP_NET_BIND_SERVICE);
	if (r != 0 || capng_apply(CAPNG_SELECT_CAPS) != 0)
		return error_set(e, -EPERM, "cannot give capabilities away: %s",
				 strerror(errno));
	return 0;
}
