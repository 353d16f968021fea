/*
 * decoy_rig - a live decoy set on loopback, and a client in another thread
 *
 * Use:
 *	struct rig r;
 *	rig_start(&r, NULL);
 *	struct decoy_spec s = rig_spec(&r, 7, POSTURE_BUSY);
 *	assert_int_equal(decoy_apply(r.set, &s, 1, NULL), 0);
 *	rig_client(&r, client, &arg);		// runs client, and the loop meanwhile
 *	rig_wait_visits(&r, 1);
 *	rig_stop(&r);
 *
 * The client may not use cmocka's assertions: it puts a sentence into
 * rig.complaint, which rig_client() fails with.
 *
 * Ownership: the rig owns everything; texts of visits are copies.
 */
#ifndef FMX_TESTS_DECOY_RIG_H
#define FMX_TESTS_DECOY_RIG_H

#include <stdatomic.h>

#include "source/decoy/decoy.h"

enum { RIG_VISITS_MAX = 4096, RIG_TROUBLES_MAX = 16 };

struct rig_visit {
	struct visit v;
	char helo[VISIT_TEXT_MAX], mail_from[VISIT_TEXT_MAX], domain[VISIT_TEXT_MAX];
};

struct rig {
	uv_loop_t loop;
	uv_async_t wake;
	struct decoy_set *set;
	struct rig_visit visits[RIG_VISITS_MAX];
	size_t visit_count;
	int64_t upto[16]; /* last watermark by host id */
	char troubles[RIG_TROUBLES_MAX][512];
	bool is_over[RIG_TROUBLES_MAX];
	size_t trouble_count;
	uint16_t port;
	struct sockaddr_storage at; /* of the last rig_spec() */
	socklen_t at_len;
	atomic_bool is_client_done;
	char complaint[1024];
};

typedef void (*rig_client_fn)(struct rig *r, void *arg);

void rig_start(struct rig *r, const struct decoy_limits *limits); /* NULL: default */
struct decoy_spec rig_spec(struct rig *r, uint16_t host, enum posture posture);
void rig_apply(struct rig *r, const struct decoy_spec *specs, size_t count);
void rig_client(struct rig *r, rig_client_fn run, void *arg);
void rig_wait_visits(struct rig *r, size_t count);
void rig_wait_troubles(struct rig *r, size_t count);
void rig_turn(struct rig *r, unsigned ms); /* runs the loop that long */
void rig_stop(struct rig *r);

/* For clients: blocking, five seconds at most. */
int rig_connect(struct rig *r); /* -errno */
void rig_send(struct rig *r, int fd, const char *data, size_t len);
/* Reads exactly the text; else complains. */
void rig_expect(struct rig *r, int fd, const char *want);
/* Nothing more comes: 0 end, ECONNRESET, or -1: something did. */
int rig_end(int fd);
void rig_complain(struct rig *r, const char *what, const char *got, const char *want);

#endif
