/*
 * config - the configuration file as values of the model
 *
 * One table, config_keys(), says what may stand in the file: from it the
 * parser is made, mistakes are found, defaults are taken and fakemx.conf(5)
 * is checked. Every mistake is one sentence with file and line: an unknown
 * key (with the nearest known one), a wrong type, a number out of range, a key
 * given twice, a key that is missing.
 *
 * Use:
 *	struct config c;
 *	if (config_load(CONFIG_PATH, false, &c, &e) != 0)
 *		return cli_fail(cli, &e);	// exit 3 or 64, by e.code
 *	...
 *	config_release(&c);
 *
 * Ownership: config_release() frees what a successful load made. After a
 * failure there is nothing to release.
 *
 * Limits: CONFIG_MAX_BYTES of text, CONFIG_MAX_SITES sites, and those of
 * layout.h. Not for several threads at once: libconfuse's scanner is global.
 */
#ifndef FMX_CONFIG_CONFIG_H
#define FMX_CONFIG_CONFIG_H

#include "judge/rule.h"
#include "mx/layout.h"

#define CONFIG_PATH "/etc/fakemx/fakemx.conf"

enum {
	CONFIG_MAX_BYTES = 8 * 1024 * 1024,
	CONFIG_MAX_SITES = 4096,
	CONFIG_MAX_WARNINGS = 64 * 1024, /* bytes */
	CONFIG_TEXT_MAX = 1024,          /* a path or command, with NUL */
	CONFIG_USER_MAX = 64,
	CONFIG_MAX_SERVERS = 16,
	CONFIG_MAX_SOCKETS = 8,
	CONFIG_MAX_PUBLISH = 64,
	CONFIG_MAX_COMPARE = 4,
	CONFIG_MAX_NAMES = 16,
	CONFIG_WEB_PORT = 8025,
	CONFIG_SOCKET_MAX = 108, /* path of a unix socket, with NUL */
};

/* Where a site's records live and what to call around a change of them. "" is
 * not given. Read by plan, apply and revert, and by them alone. */
struct config_zone {
	char file[CONFIG_TEXT_MAX];       /* a zone file, a folder or a glob */
	char check[CONFIG_TEXT_MAX];      /* %z zone, %f file */
	char reload[CONFIG_TEXT_MAX];     /* the same */
	struct endpoint update_server;    /* RFC 2136; port 0 when not given */
	char update_key[CONFIG_TEXT_MAX]; /* file with the TSIG key */
	/* Whom to ask whether all agree; none: the zone's NS records. */
	struct endpoint update_servers[CONFIG_MAX_SERVERS];
	uint8_t update_server_count;
};

/* A list that `publish` keeps fresh: a file, or a zone by dynamic update. */
struct config_publish {
	char name[SITE_NAME_MAX];
	uint32_t format;            /* enum list_format (outlet/list.h) */
	char file[CONFIG_TEXT_MAX]; /* "": zone and update */
	char zone[NAME_MAX_TEXT];
	char after[CONFIG_TEXT_MAX]; /* command after a change; "" none */
	struct config_zone update;   /* update_server and update_key alone */
};

/* What happens to the lists while a known sender is at risk. */
enum config_on_risk {
	ON_RISK_HOLD,  /* nothing new is listed, and its pool leaves */
	ON_RISK_EMPTY, /* nobody is listed */
	ON_RISK_OFF,   /* nothing happens */
};

/* Where serve listens for programs of this machine: a path, or "" and an
 * address that is loopback or private. */
struct config_socket {
	char path[CONFIG_SOCKET_MAX];
	struct endpoint at;
};

/* Where `web` listens: a path, or "" and an address. */
struct config_web {
	bool is_there; /* the file has a web section */
	char path[CONFIG_SOCKET_MAX];
	struct endpoint at;
	bool beyond_loopback; /* the address need not be of loopback */
	char names[CONFIG_MAX_NAMES][NAME_MAX_TEXT]; /* of a proxy; lower case */
	uint8_t name_count;
};

/* What the decoys may use of the machine. */
struct config_limits {
	uint32_t connections;            /* all decoys together */
	uint32_t connections_per_client; /* of one IPv4 address or IPv6 /64 */
	uint32_t commands;               /* of one connection */
	int64_t idle;                    /* between two commands */
	int64_t session;                 /* of a connection */
};

struct config_stream {                 /* NATS JetStream; servers "": there is none */
	char servers[CONFIG_TEXT_MAX]; /* URLs, with commas between */
	char subject[NAME_MAX_TEXT];
	char credentials[CONFIG_TEXT_MAX];
	char ca[CONFIG_TEXT_MAX];
};

struct config {
	struct site *sites;        /* ids 0: the journal gives them */
	struct config_zone *zones; /* of the site with the same index */
	size_t site_count;
	struct rules rules; /* listing_expires and mode; under lab, all of them */
	struct config_limits limits;
	int64_t retention;                 /* older records leave the journal */
	char state[CONFIG_TEXT_MAX];       /* folder of the journal */
	char user[CONFIG_USER_MAX];        /* whom serve becomes; "" stays */
	char alarm[CONFIG_TEXT_MAX];       /* command; "" none */
	char metrics[CONFIG_TEXT_MAX];     /* file; "" none */
	char feed_socket[CONFIG_TEXT_MAX]; /* "": feed.sock in the state folder */
	struct config_stream stream;
	char here[NAME_MAX_TEXT];    /* the host that this machine is; "" all */
	char clock[CONFIG_TEXT_MAX]; /* lab: struct stamp_clock's file; "" none */
	bool names;                  /* look up the names of clients */
	struct endpoint resolver;    /* whom to ask; port 0: the system's */
	struct config_socket policy[CONFIG_MAX_SOCKETS];
	uint8_t policy_count;
	struct config_web web;
	bool is_active;    /* alarms and publishes; a standby only judges */
	bool policy_defer; /* put off mail of listed senders */
	char **compare;    /* DNS blocklists that are asked about clients at decoys */
	size_t compare_count;
	char half[CONFIG_USER_MAX]; /* seed of `plan --half`; "" all zones have decoys */
	enum config_on_risk on_risk;
	struct config_publish *publish;
	size_t publish_count;
	char **allow; /* addresses, prefixes, names, domains */
	size_t allow_count;
	bool lab;
	/* Sentences for the log, one a line: under lab, addresses that would
	 * have been refused. */
	struct buf warnings;
};

/*
 * lab: as `lab = true` in the file. Fails with FMX_EREFUSED (exit 3) where the
 * sites would endanger mail, -errno where the file cannot be read (exit 64
 * too: it is the configuration that is wrong), else FMX_EUSAGE.
 */
FMX_MUST_CHECK int config_load(const char *path, bool lab, struct config *ret_config,
			       struct error *e);
/* The same, but a configuration that is refused with FMX_EREFUSED is given all the
 * same: for whoever shows what is refused, or takes back what was done. */
FMX_MUST_CHECK int config_load_refused(const char *path, bool lab,
				       struct config *ret_config, struct error *e);
/* The same of a text, NUL after its len bytes; name stands for the file in
 * sentences. */
FMX_MUST_CHECK int config_parse(const char *text, size_t len, const char *name, bool lab,
				struct config *ret_config, struct error *e);
void config_release(struct config *c);

/* path of the journal in the state folder. False: it is too long. */
FMX_MUST_CHECK bool config_journal_path(const struct config *c, char *to, size_t size);

/* The file in the state folder that says that `fakemx off` was run. False: the path is
 * too long. */
FMX_MUST_CHECK bool config_off_path(const struct config *c, char *to, size_t size);

/* path of the metrics that serve leaves for `web`. False: it is too long. */
FMX_MUST_CHECK bool config_metrics_path(const struct config *c, char *to, size_t size);

/* path of the socket for feeds. False: it is too long. */
FMX_MUST_CHECK bool config_feed_socket(const struct config *c, char *to, size_t size);

enum config_type {
	CONFIG_TEXT,      /* any string */
	CONFIG_FLAG,      /* true, false */
	CONFIG_COUNT,     /* a whole number */
	CONFIG_DURATION,  /* 90s 15m 24h 7d */
	CONFIG_WORD,      /* one of `words` */
	CONFIG_WATCH,     /* a list of paths, feed, journal, journal:MATCH, command */
	CONFIG_LOG,       /* a path, journal, journal:MATCH or command */
	CONFIG_ENDPOINT,  /* ADDRESS[@PORT] */
	CONFIG_ADDRESSES, /* a list of those */
	CONFIG_SERVERS,   /* likewise, of name servers */
	CONFIG_SOCKETS,   /* a list of ADDRESS@PORT and absolute paths */
	CONFIG_DOMAINS,   /* a list of domain names */
	CONFIG_NAMES,     /* a file of them, one a line */
	CONFIG_LISTS,     /* a list of the zones of DNS blocklists */
	CONFIG_LISTEN,    /* ADDRESS:PORT, [ADDRESS]:PORT, unix:PATH */
	CONFIG_HOSTNAMES, /* a list of them */
	CONFIG_ENTRIES,   /* a list of addresses, prefixes, names */
	CONFIG_URLS,      /* a list of nats://HOST:PORT, kept with commas between */
};

struct config_key {
	const char *section; /* "", or a row of config_sections() */
	const char *name;
	enum config_type type;
	bool is_required;
	size_t offset, size;  /* of the field in the section's struct */
	int64_t least, most;  /* COUNT: the number; DURATION: microseconds */
	const char *words;    /* WORD: in the order of the field's values */
	const char *fallback; /* as it would stand in the file; NULL is none */
	const char *meaning;
};

struct config_section {
	const char *name;
	const char *parent; /* "" is the file itself */
	bool has_title;
	bool may_repeat;
	const char *meaning;
};

const struct config_key *config_keys(size_t *ret_count);
const struct config_section *config_sections(size_t *ret_count);
const char *config_type_name(enum config_type type);

#endif
