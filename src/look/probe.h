/*
 * probe - see what answers at one address and port, as a mail server would
 *
 * One polite conversation on the caller's libuv loop: connect, read the
 * greeting, EHLO (HELO if that is refused), QUIT. No mail command is ever
 * sent. The result is one state of DESIGN section 1 with the time to each
 * stage; states that only a mail command would show (defer-mail, defer-rcpt)
 * look open.
 *
 * Use:
 *	struct probe *p = probe_start(loop, addr, 25, 10 * STAMP_SECOND, done, me);
 *	...
 *	static void done(const struct probe_result *r, void *me)
 *	{
 *		if (r->known && r->state == STATE_OPEN)
 *
 * Ownership: the probe owns its handles and itself. It ends with exactly one
 * call of the callback, after its connection is closed, never from within
 * probe_start; or with probe_cancel, and then without a call. The loop must
 * run until then. The program ignores SIGPIPE.
 *
 * Limits: the caller keeps to one connection per address at a time (prober.h
 * does). A stranger's bytes are bounded by reply.h, and all of the
 * conversation by the time-out.
 */
#ifndef FMX_LOOK_PROBE_H
#define FMX_LOOK_PROBE_H

#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "look/reply.h"
#include "mx/state.h"

enum { PROBE_PORT = 25 };
#define PROBE_TIMEOUT_US INT64_C(10000000) /* when the user says nothing */

struct probe_result {
	struct addr addr;
	uint16_t port;
	/* Our end of the connection, as the other side's log names it; all zero
	 * when there was none. */
	struct addr local;
	uint16_t local_port;
	/* False: we could not look (no route from here, no descriptors left).
	 * Then state means nothing, and reply says why. */
	bool known;
	enum state state;
	/* From the start to the end of each stage; -1 for one not reached. */
	int64_t connect_us, greeting_us, ehlo_us;
	int64_t total_us;                  /* from the start to what decided the state */
	char greeting[REPLY_TEXT_MAX];     /* first line, printable; "" if none came */
	char reply[REPLY_TEXT_MAX];        /* the line that decided, or our sentence */
	char keywords[REPLY_KEYWORDS_MAX]; /* of EHLO: "PIPELINING SIZE STARTTLS" */
	bool has_starttls;
};

struct probe;

typedef void probe_callback(const struct probe_result *r, void *arg);

/* timeout_us bounds the whole conversation; QUIT may add 80 ms. */
struct probe *probe_start(uv_loop_t *loop, struct addr addr, uint16_t port,
			  int64_t timeout_us, probe_callback *callback, void *arg);

/* The callback will not be called. The connection closes as the loop runs. */
void probe_cancel(struct probe *p);

#endif
