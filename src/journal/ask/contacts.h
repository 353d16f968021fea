/*
 * contacts - who came to which host how often, and was deferred when
 *
 * For an estimate, which asks what runs do not keep: who was put off and never came back,
 * who came to the worst host alone. One pass over the visits, by client; what is asked
 * of few of them is looked up.
 *
 * Use:
 *	contacts_each(ask, on_sender, x, &e);
 *	... in on_sender:
 *	contacts_of(ask, group, client, 0, at, &sender, &e);
 */
#ifndef FMX_JOURNAL_ASK_CONTACTS_H
#define FMX_JOURNAL_ASK_CONTACTS_H

#include "journal/ask/ask.h"

struct contact { /* of one client at one host */
	uint16_t host;
	uint64_t visits;
	int64_t last,
	    deferred; /* the last moment of either; deferred MOMENT_NONE never */
};

/* All of one client, by host. Not 0 ends the pass and is returned. */
typedef int (*contacts_fn)(void *arg, struct addr client, const struct contact *c,
			   size_t count);
FMX_MUST_CHECK int contacts_each(struct ask *a, contacts_fn fn, void *arg,
				 struct error *e);

enum { CONTACTS_MOMENTS = 8 };

/* One sender, and what it and its pool did at real hosts from `since` on. */
struct contacts_sender {
	struct sender who;
	/* Hosts, as bits (host_place.bit), that it or its pool came to. */
	uint64_t own_hosts, pool_hosts;
	int64_t twin_last, pool_last;      /* of its other address; MOMENT_NONE never */
	int64_t moments[CONTACTS_MOMENTS]; /* at which runs of its own began: some */
	size_t moment_count;
	enum tier tier; /* what speaks for it at `at` */
};
/* Of the group's real hosts. since: 0 or later. */
FMX_MUST_CHECK int contacts_of(struct ask *a, uint16_t group, struct addr client,
			       int64_t since, int64_t at, struct contacts_sender *ret,
			       struct error *e);
/* Names as logs told them, the last of each client. */
typedef int (*contacts_name_fn)(void *arg, struct addr client, const char *name,
				int64_t time);
FMX_MUST_CHECK int contacts_names(struct db *db, contacts_name_fn fn, void *arg,
				  struct error *e);
/* The stretches in which the host was visited at least once in `within`. */
typedef int (*contacts_alive_fn)(void *arg, const struct span *alive);
FMX_MUST_CHECK int contacts_alive(struct db *db, uint16_t host, int64_t within,
				  contacts_alive_fn fn, void *arg, struct error *e);

#endif
