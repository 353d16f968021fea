/*
 * layout - a site: the MX hosts that one or many domains share
 *
 * Plain values made from the configuration (config/) or from a journal's
 * SITE record. Lower preference is tried first (RFC 5321 5.1); equal
 * preferences are one rank. A decoy's place follows from its preference: low
 * when better than every real host, high when worse than every one; a decoy
 * between is refused by site_check().
 *
 * Use:
 *	struct site s;
 *	if (site_check(&s, &rules, &e) != 0)	// exit code 3 or 64 by e.code
 *		...
 *
 * Ownership: a site owns its hosts and domains; site_release() frees them.
 *
 * Limits: SITE_MAX_HOSTS hosts a site, HOST_MAX_ADDRESSES addresses a host,
 * 65,535 sites and hosts over the life of a journal (ids are never reused).
 */
#ifndef FMX_MX_LAYOUT_H
#define FMX_MX_LAYOUT_H

#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/error.h"

enum {
	NAME_MAX_TEXT = 256, /* a host name or domain, with NUL */
	SITE_NAME_MAX = 64,  /* with NUL */
	SITE_MAX_HOSTS = 32,
	HOST_MAX_ADDRESSES = 16,
	HOST_MAX_WATCHES = 4,
	WATCH_MAX = 256, /* a path, "feed" or "journal", with NUL */
	FEED_MAX = 512,  /* a command, with NUL */
	ZONE_MAX = 64,   /* Europe/Berlin, with NUL */
	SMTP_PORT = 25,
};

enum role { ROLE_REAL, ROLE_DECOY, ROLE_CONTROL };
enum layout { LAYOUT_NONE, LAYOUT_HIGH, LAYOUT_LOW, LAYOUT_BOTH };

/* What a decoy does. Low decoys: closed or reset only (risks.md row 2). */
enum posture {
	POSTURE_CLOSED, /* nothing listens, the kernel answers RST */
	POSTURE_RESET,  /* handshake, then RST */
	POSTURE_BUSY,   /* greeting 421, close */
	POSTURE_DEFER,  /* dialogue; each RCPT, and DATA, gets 451 */
};

/* Where a host stands towards the real hosts. */
enum place { PLACE_LOW, PLACE_REAL, PLACE_HIGH, PLACE_CONTROL };

struct host {
	uint16_t id; /* stable over the life of a journal; 0 = not given yet */
	enum role role;
	enum place place;     /* set by site_check() */
	enum posture posture; /* decoys and controls */
	uint16_t preference;  /* 0 for controls: they are in no MX */
	uint8_t address_count;
	struct endpoint addresses[HOST_MAX_ADDRESSES];
	char name[NAME_MAX_TEXT];
	/* Of a real host, "" is not watched; of the others, "" is served here. */
	char watch[WATCH_MAX];
	/* With watch = feed: the command that brings it, "" for the socket. The
	 * configuration's alone: no part of the definition (site_text()). */
	char feed[FEED_MAX];
	/* Of its log, likewise: with watch = command, what writes it; only that
	 * machine's lines, "" for all; the zone of stamps that have none, "" for ours. */
	char command[FEED_MAX];
	char log_host[NAME_MAX_TEXT];
	char stamps[ZONE_MAX];
	/* Likewise: where a spam filter writes its verdicts, "" in the same log; and with
	 * filter = command, what writes them. */
	char filter[WATCH_MAX];
	char filter_command[FEED_MAX];
	/* Likewise: where else its visits can be seen, as a host behind a load balancer
	 * is many machines. */
	uint8_t also_count;
	char also[HOST_MAX_WATCHES - 1][WATCH_MAX];
	bool is_elsewhere; /* likewise: another machine serves it, or sees its visits */
};

struct site {
	uint16_t id; /* as host.id */
	enum layout layout;
	char name[SITE_NAME_MAX];
	struct host *hosts;
	size_t host_count;
	char *
	    *domains; /* lower case, no final dot; sorted by site_check(), site_parse() */
	size_t domain_count;
	int64_t mx_ttl; /* of the MX records, microseconds; 0: 1 h. Not in site_text() */
};

const char *role_name(enum role r);       /* "real" "decoy" "control" */
const char *layout_name(enum layout l);   /* "none" "high" "low" "both" */
const char *posture_name(enum posture p); /* "closed" "reset" "busy" "defer" */
FMX_MUST_CHECK bool role_parse(const char *text, enum role *ret_role);
/* "last" and "first" too, for high and low. */
FMX_MUST_CHECK bool layout_parse(const char *text, enum layout *ret_layout);
FMX_MUST_CHECK bool posture_parse(const char *text, enum posture *ret_posture);

/* A real host needs a source; the others are our own eyes. */
bool host_is_watched(const struct host *h);
bool host_watches(const struct host *h, const char *watch); /* one of its list */
bool host_has_address(const struct host *h, struct addr a);

/* Needs sorted domains. Exactly the domain, not one below it. */
bool site_has_domain(const struct site *s, const char *domain);
void site_sort_domains(struct site *s);
/* Gives every host its place; returns the first decoy that stands between real
 * hosts or at one's preference, or NULL. Without a real host decoys are low. */
const struct host *site_set_places(struct site *s);

/*
 * Sets every host's place and judges the site. 0, or
 * FMX_EREFUSED (exit 3): two low decoys; a low decoy that answers (busy,
 *   defer) or has more than one IPv4 address or any IPv6 address; a decoy with
 *   a real host's address; a decoy between real hosts or at a real host's
 *   preference; a private, loopback or documentation decoy address unless lab.
 * FMX_EUSAGE (exit 64): no real host, layout and decoys disagree, no name or
 *   address, the same address or name twice.
 * Each sentence names site and host and says what to do. With lab, an address
 * that is not public is no reason (the caller warns).
 */
FMX_MUST_CHECK int site_check(struct site *s, bool lab, struct error *e);

/* The same judgement over all sites together: a decoy of one site must not
 * have the address of another's real host; names of sites are unique. */
FMX_MUST_CHECK int site_check_all(struct site *sites, size_t count, bool lab,
				  struct error *e);

/* Canonical text, ids included: what a SITE record holds. Two sites are the
 * same definition exactly if their texts are equal. */
void site_text(const struct site *s, struct buf *out);
FMX_MUST_CHECK int site_parse(const char *text, struct site *ret_site, struct error *e);

void site_release(struct site *s);

#endif
