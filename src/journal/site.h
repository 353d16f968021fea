/*
 * site - what is configured, over the life of a journal: sites, hosts, groups
 *
 * A site and a host of the same names keep their numbers; a number is never used
 * again. Sites that share an address now are a group, named by its least site id;
 * ids that ever were one group are kin: look-ups read the runs of all kin, and no row
 * is rewritten when they part. A former host keeps its row with `here_until`.
 *
 * Ownership: sites_release() frees what sites_load() gave.
 */
#ifndef FMX_JOURNAL_SITE_H
#define FMX_JOURNAL_SITE_H

#include "journal/db.h"
#include "judge/rule.h"
#include "mx/layout.h"

enum { SITE_MAX_KIN = 64 };

struct host_place { /* where a host id stands: what take resolves a visit by */
	uint16_t host, site, group;
	enum role role;
	enum place place;
	unsigned bit;         /* of 64, by its number: for showing only */
	int64_t since, until; /* configured; INT64_MAX: still */
	bool has_source;
	/* The next host of the same role at one of its addresses, which is one machine
	 * with it, round to itself: an index of sites.hosts. What one's source or probe
	 * says is said of all. */
	size_t sibling;
	const struct host *definition; /* as last defined */
};

struct site_place {
	uint16_t group, kin;
	size_t sibling; /* the next site of the group, round to itself: of sites.all */
	bool was_group; /* rows may stand under its number */
	int64_t since, until; /* configured; INT64_MAX: still */
};

struct sites {
	struct site *all;          /* as last defined, former ones too; ascending ids */
	struct site_place *places; /* of each */
	size_t count;
	struct host_place *hosts; /* ascending ids, former ones too */
	size_t host_count;
	struct site *former; /* of former hosts: a site of each alone */
	size_t former_count;
	struct addr *own; /* ascending */
	size_t own_count;
	struct rules rules;
	int64_t generation; /* changes when a definition does */
};

/*
 * Makes the journal agree with the configuration, in one transaction: gives site.id and
 * host.id in place, writes what changed, closes what is gone (its host is unwatched
 * from its watermark on), opens a `changed` span where a set of real hosts became
 * another, and writes the rules. is_started: serve begins; a `started` span for each
 * group.
 */
FMX_MUST_CHECK int sites_define(struct db *db, struct site *sites, size_t count,
				const struct rules *rules, int64_t now, bool is_started,
				struct error *e);
/* At a file that took the place of serve's: as at a start, but sites and hosts keep the
 * numbers that they have. -ESTALE: the file knows them by others. */
FMX_MUST_CHECK int sites_move(struct db *db, struct site *sites, size_t count,
			      const struct rules *rules, int64_t now, struct error *e);
/* Without the domains, of which there may be a hundred thousand. */
FMX_MUST_CHECK int sites_load(struct db *db, struct sites *ret_sites, struct error *e);
/* After sites_load(), in the same transaction or alone: for sites_has_domain(). */
FMX_MUST_CHECK int sites_load_domains(struct db *db, struct sites *s, struct error *e);
void sites_release(struct sites *s);
const struct host_place *sites_host(const struct sites *s, uint16_t host); /* NULL */
const struct site *sites_find(const struct sites *s, uint16_t id);         /* NULL */
const struct host *sites_host_of(const struct sites *s, uint16_t host);    /* NULL */
uint16_t sites_group(const struct sites *s, uint16_t site);
/* Is it a domain of the site, or of one in its group? */
bool sites_has_domain(const struct sites *s, uint16_t site, const char *domain);
/* The site names of a group joined by ", ". */
void sites_group_name(const struct sites *s, uint16_t group, struct buf *out);
/* A real host's address, now or formerly, or a decoy's: ours. */
bool sites_is_own(const struct sites *s, struct addr a);
/* Ids whose runs belong to the group's look-ups, itself first. */
size_t sites_kin(const struct sites *s, uint16_t group, uint16_t ret[SITE_MAX_KIN]);

#endif
