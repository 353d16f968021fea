/*
 * seen - what is known of one domain's mail from outside: by looks, or planned
 *
 * The values that findings and predictions are made from. `check` fills them
 * from lookups and probes (look/), `plan` from zone text; what nobody looked at
 * stays unknown, and nothing is concluded from it. No socket and no clock here.
 *
 * Use:
 *	struct seen s;
 *	seen_init(&s, "example.com");
 *	struct seen_host *h = seen_add_host(&s, 10, "mail.example.com");
 *	seen_add_address(h, addr)->state = STATE_OPEN; ...
 *	seen_settle(&s);		// roles, places, layout
 *	findings_of(&s, &found);	// finding.h
 *	seen_release(&s);
 *
 * Ownership: seen owns its arrays. Pointers to hosts and addresses last until
 * the next one is added.
 *
 * Limits: the SEEN_ numbers below; what is beyond is counted, not kept.
 */
#ifndef FMX_MX_SEEN_H
#define FMX_MX_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "mx/layout.h"
#include "mx/state.h"

enum {
	SEEN_HOSTS_MAX = 50,
	SEEN_ADDRESSES_MAX = 32, /* of one host */
	SEEN_SERVERS_MAX = 32,   /* addresses of name servers */
	SEEN_PATTERNS_MAX = 50,  /* of an MTA-STS policy */
	SEEN_TEXT_MAX = 256,     /* a reply or a name, with NUL */
	SEEN_SPF_MAX = 512,
	SEEN_AGAIN_SECONDS = 5,
};

/* Nobody looked, or what was seen. */
enum tri { TRI_UNKNOWN, TRI_NO, TRI_YES };

struct seen_address {
	struct addr addr;
	bool is_known; /* false: not probed, or could not be; reply may say why */
	enum state state;
	int64_t us; /* from the start of the probe to what decided the state */
	enum tri has_starttls;
	bool is_own; /* an address of the machine that looks */
	char reply[SEEN_TEXT_MAX];
};

enum host_lookup {
	HOST_UNKNOWN, /* nobody looked */
	HOST_FOUND,   /* at least one address */
	HOST_MISSING, /* no such name, or no address: a sure answer */
	HOST_FAILED,  /* no sure answer */
};

struct seen_host {
	uint16_t preference;
	char name[NAME_MAX_TEXT];
	bool lacks_address; /* in a zone file that is to be planned: nobody looked */
	enum role role;
	bool is_declared; /* a decoy because its owner says so */
	bool is_guessed;  /* a decoy, or a backup that is down */
	/* Down, looked at again SEEN_AGAIN_SECONDS later, and down still. */
	bool is_down_again;
	/* Planned in another zone, which does not have its address yet. */
	bool is_elsewhere;
	/* PLACE_REAL for real hosts, and for decoys that stand at or between real
	 * ones, where no decoy may be. */
	enum place place;
	enum host_lookup lookup;
	char failure[32];          /* HOST_FAILED: "SERVFAIL" */
	bool is_alias;             /* the name is a CNAME */
	char owner[NAME_MAX_TEXT]; /* registrable domain; "" unknown */
	enum tri is_secure;        /* its addresses are proven by DNSSEC */
	enum tri has_tlsa;
	struct seen_address *addresses;
	size_t address_count;
	size_t left_out; /* addresses beyond SEEN_ADDRESSES_MAX */
};

enum mx_kind {
	MX_UNKNOWN,  /* the lookup failed, or nobody looked */
	MX_PRESENT,  /* hosts holds them */
	MX_NULL,     /* RFC 7505: takes no mail, and says so */
	MX_IMPLICIT, /* none; the domain's own address stands in as a host */
	MX_NOTHING,  /* neither MX nor address */
};

enum sts_mode { STS_UNKNOWN, STS_ABSENT, STS_BROKEN, STS_NONE, STS_TESTING, STS_ENFORCE };

enum server_state { SERVER_UNKNOWN, SERVER_ANSWERS, SERVER_LAME, SERVER_SILENT };

/* An MX record as a name server gave it; host "" is the null MX. */
struct seen_mx {
	uint16_t preference;
	uint32_t ttl;
	char host[NAME_MAX_TEXT];
};

/* One address of one name server, asked directly. */
struct seen_server {
	char name[NAME_MAX_TEXT];
	struct endpoint at;
	enum server_state state;
	char why[48]; /* LAME, SILENT: "REFUSED", "timeout" */
	bool has_serial, has_mx;
	bool mx_is_alias; /* the domain is a CNAME there */
	uint32_t serial;
	struct seen_mx *mx; /* in order, as seen_add_mx() keeps them */
	size_t mx_count;
};

struct seen {
	char domain[NAME_MAX_TEXT];
	char zone[NAME_MAX_TEXT];  /* that it is in; "" unknown */
	bool is_alias;             /* the domain is a CNAME */
	char owner[NAME_MAX_TEXT]; /* registrable domain; "" unknown */
	enum mx_kind mx;
	bool has_null_beside;         /* a null MX among others */
	uint32_t ttl;                 /* of the MX; 0 unknown */
	uint32_t ttl_least, ttl_most; /* where a zone file gives its MX several */
	enum tri is_signed;
	struct seen_host *hosts;
	size_t host_count;
	size_t left_out; /* hosts beyond SEEN_HOSTS_MAX */

	bool has_spf, spf_has_mx;
	char spf[SEEN_SPF_MAX]; /* the record, perhaps cut short */

	enum sts_mode sts;
	char sts_error[SEEN_TEXT_MAX]; /* STS_BROKEN */
	char (*sts_patterns)[NAME_MAX_TEXT];
	size_t sts_count;

	struct seen_server *servers;
	size_t server_count;
	bool has_inner_servers; /* addresses that are not public, which nobody asked */

	/* Port 25 of an address known to be open answered from here: NO makes
	 * every `dead` worthless. */
	enum tri vantage;
	bool lab; /* addresses that are not public are a warning, no error */
	/* The configuration's site that has the domain, borrowed; NULL: none. */
	const struct site *site;

	enum layout layout; /* set by seen_settle */
};

void seen_init(struct seen *s, const char *domain);
void seen_release(struct seen *s);

/* What is known of a domain but its hosts, for other hosts: a plan's. Lent, so
 * released by seen_release_hosts() alone. */
void seen_lend(const struct seen *from, struct seen *to);
void seen_release_hosts(struct seen *s);

/* NULL when there are too many; then counted in left_out. */
struct seen_host *seen_add_host(struct seen *s, uint16_t preference, const char *name);
struct seen_address *seen_add_address(struct seen_host *h, struct addr a);
struct seen_server *seen_add_server(struct seen *s, const char *name, struct endpoint at);
/* Sorted by preference and host, so that equal sets are equal lists. */
void seen_add_mx(struct seen_server *v, const struct seen_mx *mx);
/* The same MX set, whatever its TTL. */
bool seen_same_mx(const struct seen_server *a, const struct seen_server *b);
void seen_add_pattern(struct seen *s, const char *pattern);

/* At least one address is known to be open / known and none is open. */
bool seen_host_is_open(const struct seen_host *h);
bool seen_host_is_down(const struct seen_host *h);

/* Some address of some host was looked at, or a decoy is declared; without
 * either, roles and layout are a default and no knowledge. */
bool seen_roles_are_known(const struct seen *s);

/* Somebody gave it a name such as fake1.mx.example.com. */
bool seen_is_called_decoy(const char *name);

/* Down, alone at one end of the list, while another host is open, and nobody says
 * that it is a decoy: one that was only restarted is open at a second look. */
bool seen_wants_second_look(const struct seen *s, size_t host);

/* RFC 8461 4.1: does the policy list this host? */
bool seen_sts_lists(const struct seen *s, const char *host);

/*
 * Sorts the hosts by preference, then name, and sets roles, places and layout.
 * A host is a decoy if declared; or if strictly first or last while another host
 * is open, and called like one (seen_is_called_decoy), or last and down.
 */
void seen_settle(struct seen *s);

#endif
