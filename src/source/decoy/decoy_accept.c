#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/decoy/decoy_own.h"

enum { ACCEPTS_AT_ONCE = 64 }; /* then the other descriptors get their turn */

/* The visit of a connection that is over as soon as it began. */
static void give_short(struct decoy_listener *l, struct addr client, int64_t time,
		       int64_t answered)
{
	decoy_give(l, &(struct visit){ .client = client,
				       .depth = DEPTH_CONNECT,
				       .time = time,
				       .answered = answered,
				       .helo = "",
				       .mail_from = "",
				       .recipient_domain = "" });
}

/* MORE: what is said leaves together with the end of our side, as one packet
 * instead of two. */
static void refuse(struct decoy_listener *l, int fd)
{
	(void)!send(fd, l->refusal, l->refusal_len, MSG_NOSIGNAL | MSG_MORE); /* gone? */
	decoy_linger(l->set, fd);
}

static bool is_over_limit(struct decoy_set *d, struct addr client)
{
	if (d->counts.open >= d->limits.connections) {
		d->counts.over_connections++;
		return true;
	}
	if (decoy_is_over_client(d, client)) {
		d->counts.over_client++;
		return true;
	}
	return false;
}

static void take(struct decoy_listener *l, int fd, const struct sockaddr *sa)
{
	struct addr client = addr_from_sockaddr(sa, NULL);
	int64_t time = stamp_clock_now(l->set->clock);
	if (l->posture == POSTURE_BUSY) {
		refuse(l, fd);
		give_short(l, client, time, time);
	} else if (l->posture == POSTURE_RESET) {
		close(fd); /* resets: decoy_close_resets() */
		give_short(l, client, time, 0);
	} else if (is_over_limit(l->set, client) ||
		   !decoy_talk_begin(l, fd, client, time)) {
		decoy_reset(fd);
		give_short(l, client, time, 0);
	}
}

/* No descriptor is left: take the next client with the one kept in reserve and
 * reset it. Left in the queue it would wait, and a low decoy must not let
 * senders wait. False: there was none (accept4() wants a descriptor before it
 * looks). */
static bool take_with_reserve(struct decoy_listener *l)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	close(l->set->reserve);
	int fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
	if (fd >= 0) {
		decoy_reset(fd);
		give_short(l, addr_from_sockaddr((struct sockaddr *)&sa, NULL),
			   stamp_clock_now(l->set->clock), 0);
	}
	l->set->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static void pause_until_tick(struct decoy_listener *l)
{
	l->is_paused = true;
	uv_poll_stop(&l->poll);
}

static void say_out_of_files(struct decoy_listener *l, int error)
{
	char text[256];
	if (l->set->is_out_of_files)
		return;
	l->set->is_out_of_files = true;
	(void)snprintf(text, sizeof(text),
		       "%s: clients are reset because no connection can be taken: %s; "
		       "raise the limit of open files (LimitNOFILE)",
		       l->name, strerror(error));
	l->set->sink.trouble(l->set->sink.arg, l->host, false, text);
}

/* True: go on accepting. */
static bool on_accept_error(struct decoy_listener *l, int error)
{
	switch (error) {
	case EAGAIN: return false;
	case EMFILE:
	case ENFILE:
		if (l->set->reserve < 0) {
			pause_until_tick(l);
			return false;
		}
		if (!take_with_reserve(l))
			return false;
		l->set->counts.accept_failed++;
		say_out_of_files(l, error);
		return true;
	case ENOBUFS:
	case ENOMEM:
		l->set->counts.accept_failed++;
		pause_until_tick(l);
		return false;
	default: return true; /* of one connection that is gone (accept(2)) */
	}
}

void decoy_on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct decoy_listener *l = (struct decoy_listener *)poll;
	(void)status; /* accept4() tells more */
	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			take(l, fd, (struct sockaddr *)&sa);
		else if (!on_accept_error(l, errno))
			break;
	}
}
