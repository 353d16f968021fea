/*
 * setup_text - answers to text: the configuration, and what to do besides
 *
 * Pure: what setup found and was told goes in, text comes out.
 *
 * Use:
 *	struct setup s = { .domain = "example.com", .layout = LAYOUT_NONE };
 *	*setup_add(&s) = (struct host){ .role = ROLE_REAL, ... };
 *	setup_conf(&s, &text);			// fakemx.conf
 *	setup_free_address(&s, &machine, &steps); // how its address becomes free
 *
 * Ownership: plain data; the texts go to the caller's buffers.
 *
 * Limits: those of layout.h for one site, and SETUP_OWN_MAX addresses of this machine.
 */
#ifndef FMX_CLI_SETUP_SETUP_TEXT_H
#define FMX_CLI_SETUP_SETUP_TEXT_H

#include <netinet/in.h>

#include "base/buf.h"
#include "mx/layout.h"

enum {
	SETUP_OWN_MAX = 64,
	SETUP_PROGRAM_MAX = 32,
	SETUP_FACE_MAX = 16,
	SETUP_CONTAINER_MAX = 128,
};

struct setup {
	char domain[NAME_MAX_TEXT];
	uint32_t ttl; /* of the MX records, seconds; 0: not known */
	enum layout layout;
	uint16_t high; /* the preference of a high decoy */
	bool lab;
	bool has_user;                     /* this machine has the user _fakemx */
	struct host hosts[SITE_MAX_HOSTS]; /* real ones, then decoys */
	size_t count;
	char program[SETUP_PROGRAM_MAX]; /* that wrote the log: "postfix"; "" */
	/* Whose log `docker logs` alone can read, and the host that it is of; "": none.
	 */
	char container[SETUP_CONTAINER_MAX];
	size_t contained;
	const char *day; /* "2026-11-30" */
};

/* The ways to a decoy. */
enum setup_way {
	SETUP_HERE,      /* this machine answers at its address */
	SETUP_ELSEWHERE, /* another machine does, and sends who came by a feed */
	SETUP_CLOSED,    /* nobody does: an address of ours without a mail server */
};

/* An address of this machine. */
struct setup_own {
	struct addr addr;
	char face[SETUP_FACE_MAX]; /* "eth0" */
	bool is_taken;             /* a mail server answers at its port 25 */
};

struct setup_machine {
	struct setup_own own[SETUP_OWN_MAX];
	size_t count;
};

/* One host more, or NULL. */
struct host *setup_add(struct setup *s);
const struct setup_own *setup_machine_has(const struct setup_machine *m, struct addr a);

/* The configuration. */
void setup_conf(const struct setup *s, struct buf *out);

/* What has to be done on this machine before its decoys can listen, one sentence or
 * command a line, commands indented; nothing when nothing has. */
void setup_free_addresses(const struct setup *s, const struct setup_machine *m,
			  struct buf *out);
/* The unit that sends a container's visits; nothing when there is no such container. */
void setup_container_steps(const struct setup *s, struct buf *out);
/* The same for the log: Exim's must say more than Debian lets it. */
void setup_log_advice(const struct setup *s, struct buf *out);

/* The ways to an address for a decoy, numbered, with what each sees and costs. */
void setup_ways(const struct setup_machine *m, struct buf *out);

#endif
