/*
 * decoy_own - what the files of the decoy set share; nobody else includes it
 *
 * decoy.c holds the set: apply, tick, stop. decoy_socket.c opens sockets and
 * says why it cannot. decoy_accept.c takes connections and does what needs no
 * dialogue. decoy_talk.c holds the dialogues. decoy_closed.c looks whether
 * closed decoys are closed.
 *
 * Ownership: a listener belongs to its set, a connection to the loop: whoever
 * wants it gone calls decoy_talk_end() and never frees.
 */
#ifndef FMX_SOURCE_DECOY_DECOY_OWN_H
#define FMX_SOURCE_DECOY_DECOY_OWN_H

#include "source/decoy/decoy.h"
#include "source/decoy/smtp.h"

enum {
	DECOY_LINGER_MAX = 1024, /* closed by us, the client not heard yet */
	DECOY_LINGER_MS = 2000,
	DECOY_TICK_MS = 1000,
	DECOY_PENDING_MAX = 8192, /* replies that a client does not read */
};

/* What the client of a dialogue has said, from its first byte on. */
struct decoy_talk {
	struct smtp smtp;
	char *pending; /* replies that did not fit into the socket */
	uint32_t pending_len;
};

/* A held connection. Ten thousand of these are what the set is made for: 300
 * bytes each is the limit, of which libuv takes 160. Hence no timer of its
 * own, and poll.data is the talk (NULL before the first byte). */
struct decoy_conn {
	uv_poll_t poll;
	struct decoy_listener *listener;
	struct decoy_conn *older, *newer; /* in order of start */
	struct decoy_conn *next;          /* of the same bucket of clients */
	struct addr client;
	int64_t time; /* of the set's clock; after DECOY_HELD_MS, of its next visit */
	uint32_t start_ms;  /* of the loop's, as is */
	uint32_t active_ms; /* the last byte's */
	uint32_t held_ms;   /* since when it holds the watermark */
	int fd;
};

struct decoy_listener {
	uv_poll_t poll;
	struct decoy_set *set;
	int fd;
	uint16_t site, host;
	enum posture posture;
	bool is_paused; /* until the next tick: no descriptors or memory */
	int64_t oldest; /* start of its oldest connection; of the tick that runs */
	struct endpoint at;
	char *name, *cause;
	char *refusal; /* of busy: made once, said often */
	size_t refusal_len;
	struct decoy_listener *next;
};

/* One host's watermark. Several listeners (addresses) may have one host, and
 * several hosts (of sites that share a decoy) one listener. */
struct decoy_mark {
	uint16_t host;
	struct decoy_listener *listener;
	int64_t given;
};

struct decoy_check; /* of one closed decoy */

struct decoy_linger {
	int fd;
	uint32_t due_ms;
};

struct decoy_set {
	uv_loop_t *loop;
	uv_timer_t tick;
	struct stamp_clock clock;
	struct decoy_limits limits;
	struct source_sink sink;
	struct decoy_counts counts;
	struct decoy_listener *listeners;
	struct decoy_mark *marks; /* in order of host */
	size_t mark_count;
	struct decoy_check *checks;
	struct decoy_conn *oldest, *newest;
	struct decoy_conn **clients; /* buckets, a power of two */
	size_t client_mask;
	struct decoy_linger linger[DECOY_LINGER_MAX]; /* a ring */
	size_t linger_first, linger_count;
	int *inherited; /* -1: used */
	size_t inherited_count;
	int reserve;          /* a descriptor to give up when there is none left */
	unsigned handles;     /* that the loop has not closed yet */
	bool is_out_of_files; /* trouble was said */
	bool is_stopped;
};

/* decoy_socket.c */
FMX_MUST_CHECK int decoy_listen(const struct decoy_spec *spec, int *ret_fd,
				struct error *e);
/* Whether close() of what fd accepts from now on resets. Sockets inherit it
 * when their handshake is over, so that `reset` needs one call less. */
void decoy_close_resets(int fd, bool resets);
bool decoy_is_listening(int fd, struct endpoint *ret_at);
/* "192.0.2.30 port 25" */
enum { DECOY_AT_TEXT_MAX = ADDR_TEXT_MAX + 16 };
const char *decoy_at_text(struct endpoint at, char text[DECOY_AT_TEXT_MAX]);

/* decoy_accept.c */
void decoy_on_acceptable(uv_poll_t *poll, int status, int events);

/* decoy_close.c */
void decoy_give(struct decoy_listener *l, const struct visit *known);
/* Closes fd so that what was written arrives: not before the client had time
 * to read, for close() with unread bytes from it would reset. */
void decoy_linger(struct decoy_set *d, int fd);
void decoy_linger_close(struct decoy_set *d, bool all);
void decoy_reset(int fd);

/* decoy_talk.c */
bool decoy_is_over_client(const struct decoy_set *d, struct addr client);
/* False: the kernel watches no more descriptors (epoll's limit of a user). */
FMX_MUST_CHECK bool decoy_talk_begin(struct decoy_listener *l, int fd, struct addr client,
				     int64_t time);
enum decoy_end { DECOY_CLOSE, DECOY_LINGER, DECOY_RESET };
void decoy_talk_end(struct decoy_conn *c, enum decoy_end how);
/* As 421 and close; for a stop, or a decoy that goes. */
void decoy_talk_dismiss(struct decoy_conn *c);
void decoy_talk_time_out(struct decoy_set *d);

/* decoy_closed.c */
void decoy_check_apply(struct decoy_set *d, const struct decoy_spec *specs, size_t count);
void decoy_check_tick(struct decoy_set *d);

static inline uint32_t decoy_now_ms(const struct decoy_set *d)
{
	return (uint32_t)uv_now(d->loop); /* wraps; only differences are used */
}

#endif
