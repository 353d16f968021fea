#include "journal/schema.h"

#include "journal/db.h"

/* This is SQL. */
/* clang-format off */

/*
 * Text of addresses and times in plain SQL, so that any sqlite3 can read the
 * views. An address is the byte 4 and 4 bytes, or 6 (3 below ::ffff:0:0) and 16; the text of
 * IPv6 is that of RFC 5952: the first of the longest runs of zeros is "::".
 */
#define DIGIT(blob, at) \
	"(instr('0123456789ABCDEF', substr(hex(" blob "), " #at ", 1)) - 1)"
#define OCTET(blob, high, low) "(" DIGIT(blob, high) " * 16 + " DIGIT(blob, low) ")"
#define GROUP(blob, at) \
	"coalesce(nullif(ltrim(lower(substr(hex(" blob "), " #at ", 4)), '0'), ''), '0') || ':'"
#define GROUPS(blob) \
	"':' || " GROUP(blob, 3) " || " GROUP(blob, 7) " || " GROUP(blob, 11) " || " \
	GROUP(blob, 15) " || " GROUP(blob, 19) " || " GROUP(blob, 23) " || " \
	GROUP(blob, 27) " || " GROUP(blob, 31)
#define ADDRESS(blob) \
	"CASE WHEN substr(hex(" blob "), 1, 2) = '04'" \
	" THEN " OCTET(blob, 3, 4) "||'.'||" OCTET(blob, 5, 6) \
		"||'.'||" OCTET(blob, 7, 8) "||'.'||" OCTET(blob, 9, 10) \
	" WHEN " blob " IS NULL THEN NULL" \
	" ELSE (SELECT substr(u, 1 + (substr(u, 2, 1) <> ':')," \
		" length(u) - (substr(u, 2, 1) <> ':') - (substr(u, -2, 1) <> ':'))" \
	" FROM (SELECT CASE WHEN z IS NULL THEN t ELSE substr(t, 1, instr(t, z) - 1)" \
		" || '::' || substr(t, instr(t, z) + length(z)) END u" \
	" FROM (SELECT t, (SELECT max(column1) FROM (VALUES (':0:0:'), (':0:0:0:')," \
		" (':0:0:0:0:'), (':0:0:0:0:0:'), (':0:0:0:0:0:0:'), (':0:0:0:0:0:0:0:')," \
		" (':0:0:0:0:0:0:0:0:')) WHERE instr(t, column1)) z" \
	" FROM (SELECT " GROUPS(blob) " t)))) END"
#define TIME(us) "strftime('%Y-%m-%dT%H:%M:%SZ', (" us ") / 1000000, 'unixepoch')"

/* Numbers that are stored: mx/layout.h, judge/visit.h, judge/run.h, judge/rule.h. */
#define ROLE(n) "CASE " n " WHEN 0 THEN 'real' WHEN 1 THEN 'decoy' WHEN 2 THEN 'control' END"
#define DEPTH(n) \
	"CASE " n " WHEN 0 THEN 'knock' WHEN 1 THEN 'connect' WHEN 2 THEN 'helo'" \
	" WHEN 3 THEN 'mail' WHEN 4 THEN 'rcpt' WHEN 5 THEN 'data' END"
#define OUTCOME(n) \
	"CASE " n " WHEN 1 THEN 'accepted' WHEN 2 THEN 'deferred' WHEN 3 THEN 'rejected'" \
	" WHEN 4 THEN 'aborted' END"
#define ORDER(n) \
	"CASE " n " WHEN 0 THEN 'unknown' WHEN 1 THEN 'straight' WHEN 2 THEN 'skipped'" \
	" WHEN 3 THEN 'shotgun' WHEN 4 THEN 'backdoor' END"
#define FATE(n) \
	"CASE " n " WHEN 0 THEN 'pending' WHEN 1 THEN 'reached' WHEN 2 THEN 'stopped'" \
	" WHEN 3 THEN 'unknown' END"
#define TIER(n) \
	"CASE " n " WHEN 1 THEN 'weak' WHEN 2 THEN 'plausible' WHEN 3 THEN 'returning'" \
	" WHEN 4 THEN 'known' END"
#define IS_TOLD "r.told >> 12 & 1"

const char schema_sql[] =
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	/* judge/rule.h, rules_text() */
	"CREATE TABLE rules(one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT NOT NULL);"

	/* definition: mx/site_text.c, without its domains (lines); until NULL: still configured. grp: the group it is in;
	 * kin: equal of sites that ever were in one group. */
	"CREATE TABLE site(id INTEGER PRIMARY KEY, name TEXT NOT NULL, grp INTEGER NOT NULL,"
	" kin INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER,"
	" definition TEXT NOT NULL, domains TEXT NOT NULL);"
	"CREATE INDEX site_kin ON site(kin);"
	/* definition: that of a site with this host alone. told: what begins before it is late.
	 * judged: up to where its slots were looked through for trouble. */
	"CREATE TABLE host(id INTEGER PRIMARY KEY, site INTEGER NOT NULL, name TEXT NOT NULL,"
	" role INTEGER NOT NULL, place INTEGER NOT NULL, since INTEGER NOT NULL,"
	" here_until INTEGER, source INTEGER NOT NULL, definition TEXT NOT NULL,"
	" told INTEGER, probed INTEGER, probe_ok INTEGER, good INTEGER, unwell_until INTEGER,"
	" judged INTEGER, tells INTEGER NOT NULL DEFAULT 0);"
	/* A group that ever was. resweep counts causes to ask all open walks again, swept is
	 * what due has done of them (cursor: where it is). */
	"CREATE TABLE grp(id INTEGER PRIMARY KEY, frontier INTEGER,"
	" resweep INTEGER NOT NULL DEFAULT 0, swept INTEGER NOT NULL DEFAULT 0, cursor BLOB);"

	"CREATE TABLE visit(id INTEGER PRIMARY KEY, seen INTEGER NOT NULL,"
	" time INTEGER NOT NULL, width INTEGER NOT NULL, client BLOB NOT NULL,"
	" grp INTEGER NOT NULL, host INTEGER NOT NULL, role INTEGER NOT NULL,"
	" depth INTEGER NOT NULL, outcome INTEGER, late INTEGER NOT NULL,"
	" ours INTEGER NOT NULL, spam INTEGER, earlier INTEGER, answered INTEGER,"
	" ended INTEGER, helo TEXT, mail_from TEXT, domain TEXT, name TEXT,"
	" source INTEGER NOT NULL, envelopes BLOB);"

	/* answered, last, high, low, accepted, clean, unjudged: microseconds after began; NULL
	 * never. told: bits, db.h. need: of open decoy walks alone. */
	"CREATE TABLE run(kind INTEGER NOT NULL, grp INTEGER NOT NULL, client BLOB NOT NULL,"
	" began INTEGER NOT NULL, width INTEGER, earlier INTEGER, answered INTEGER,"
	" last INTEGER NOT NULL, high INTEGER, high_width INTEGER, low INTEGER,"
	" low_width INTEGER, accepted INTEGER, clean INTEGER, unjudged INTEGER,"
	" rcpt_hours INTEGER NOT NULL, envelopes BLOB, half_hours INTEGER NOT NULL,"
	" hosts INTEGER NOT NULL, visits INTEGER NOT NULL, depth INTEGER NOT NULL, ids BLOB,"
	" told INTEGER, delay INTEGER, delay_error INTEGER, missing INTEGER,"
	" stopped_at INTEGER, corrected_at INTEGER, need INTEGER,"
	" PRIMARY KEY(kind, grp, client, began)) WITHOUT ROWID;"
	/* Decoy runs of which a new row may say something: due decides them next. */
	"CREATE TABLE woken(grp INTEGER NOT NULL, client BLOB NOT NULL,"
	" began INTEGER NOT NULL, PRIMARY KEY(grp, client, began)) WITHOUT ROWID;"
	"CREATE INDEX run_need ON run(grp, need) WHERE need IS NOT NULL;"
	"CREATE INDEX run_open ON run(grp, client) WHERE need IS NOT NULL;"
	/* Retention finds the oldest by it. All are in it; what does not ask for kind > 0
	 * is not lured away from the key. */
	"CREATE INDEX run_began ON run(began) WHERE kind > 0;"

	/* told_by: addresses, 16 bytes each; told, accepted: the first, the last moment. */
	"CREATE TABLE envelope(grp INTEGER NOT NULL, hash INTEGER NOT NULL, told4 INTEGER,"
	" told6 INTEGER, real4 INTEGER, real6 INTEGER, real4_last INTEGER,"
	" real6_last INTEGER, accepted INTEGER, told_by BLOB,"
	" PRIMARY KEY(grp, hash)) WITHOUT ROWID;"
	"CREATE INDEX envelope_otherwise ON envelope(grp, hash) WHERE " DB_OTHERWISE ";"
	"CREATE TABLE name(client BLOB PRIMARY KEY, name TEXT, domain TEXT,"
	" generic INTEGER NOT NULL, confirmed_at INTEGER, learnt INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE INDEX name_domain ON name(domain) WHERE domain IS NOT NULL;"
	"CREATE INDEX name_name ON name(name) WHERE name IS NOT NULL;"
	"CREATE TABLE spf(client BLOB NOT NULL, domain TEXT NOT NULL,"
	" passed_at INTEGER NOT NULL, PRIMARY KEY(client, domain)) WITHOUT ROWID;"
	"CREATE INDEX spf_domain ON spf(domain);"
	"CREATE TABLE wrote_to(domain TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;"

	/* What serve saw in the DNS, when it changed: hosts as "30 fake1.example", in
	 * order; decoys: ours among them. */
	"CREATE TABLE mx(site INTEGER NOT NULL, domain TEXT NOT NULL, time INTEGER NOT NULL,"
	" decoys INTEGER NOT NULL, hosts TEXT NOT NULL, PRIMARY KEY(site, domain, time))"
	" WITHOUT ROWID;"
	/* Was a client on a DNS blocklist when it first came to a decoy? 0 no, 1 yes, 2 not
	 * known: the list refused to say, or nobody answered. */
	"CREATE TABLE compared(client BLOB NOT NULL, zone TEXT NOT NULL,"
	" time INTEGER NOT NULL, answer INTEGER NOT NULL, PRIMARY KEY(client, zone))"
	" WITHOUT ROWID;"

	/* kind: judge/span.h. host 0: of the whole site. */
	"CREATE TABLE span(host INTEGER NOT NULL, site INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,"
	" PRIMARY KEY(host, site, kind, since)) WITHOUT ROWID;"
	"CREATE TABLE slot(host INTEGER NOT NULL, five INTEGER NOT NULL,"
	" visits INTEGER NOT NULL, accepted INTEGER NOT NULL, refused INTEGER NOT NULL,"
	" unknown_rcpt INTEGER NOT NULL, deferred INTEGER NOT NULL,"
	" aborted INTEGER NOT NULL, spam INTEGER NOT NULL, bad INTEGER NOT NULL,"
	" late INTEGER NOT NULL, unkept INTEGER NOT NULL, PRIMARY KEY(host, five))"
	" WITHOUT ROWID;"
	"CREATE TABLE refusal(host INTEGER NOT NULL, five INTEGER NOT NULL,"
	" client BLOB NOT NULL, count INTEGER NOT NULL, PRIMARY KEY(host, five, client))"
	" WITHOUT ROWID;"
	"CREATE TABLE probe(host INTEGER NOT NULL, time INTEGER NOT NULL,"
	" ok INTEGER NOT NULL, PRIMARY KEY(host, time)) WITHOUT ROWID;"
	"CREATE TABLE source(name TEXT PRIMARY KEY, position TEXT NOT NULL,"
	" time INTEGER NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE listing(client BLOB NOT NULL, grp INTEGER NOT NULL,"
	" since INTEGER NOT NULL, until INTEGER NOT NULL, first INTEGER NOT NULL,"
	" at INTEGER NOT NULL, off INTEGER, why INTEGER NOT NULL,"
	" PRIMARY KEY(client, grp, since)) WITHOUT ROWID;"
	"CREATE INDEX listing_until ON listing(until);"
	"CREATE TABLE allow(text TEXT PRIMARY KEY, note TEXT NOT NULL,"
	" is_config INTEGER NOT NULL, since INTEGER NOT NULL) WITHOUT ROWID;"
	/* What serve told and is not over: alarms.h. */
	"CREATE TABLE alarm(kind TEXT NOT NULL, host TEXT NOT NULL, client BLOB NOT NULL,"
	" since INTEGER NOT NULL, quiet INTEGER NOT NULL, text TEXT NOT NULL,"
	" PRIMARY KEY(kind, host, client)) WITHOUT ROWID;"

	"CREATE VIEW visits AS SELECT v.id, " TIME("v.time") " AS time,"
	" " TIME("v.seen") " AS seen, s.name AS site, h.name AS host,"
	" " ROLE("v.role") " AS role, " ADDRESS("v.client") " AS address,"
	" " DEPTH("v.depth") " AS depth, " OUTCOME("v.outcome") " AS outcome,"
	" v.helo, v.mail_from AS sender, v.domain AS recipient_domain, v.name,"
	" CASE v.spam WHEN 1 THEN 0 WHEN 2 THEN 1 END AS spam, v.late,"
	" v.ours AS names_ours, v.client"
	" FROM visit v LEFT JOIN host h ON h.id = v.host LEFT JOIN site s ON s.id = h.site;"

	/* A real run that touches a decoy run of its address is no walk of its own. */
	"CREATE VIEW walks AS SELECT s.name AS site, " ADDRESS("r.client") " AS address,"
	" " TIME("r.began") " AS began, " TIME("r.began + r.last") " AS last,"
	" CASE r.kind WHEN 1 THEN 'real' ELSE 'decoy' END AS kind,"
	" CASE WHEN " IS_TOLD " THEN " ORDER("r.told & 15") " END AS walk_order,"
	" CASE WHEN r.kind = 1 THEN 'reached' WHEN " IS_TOLD " THEN " FATE("(r.told >> 4 & 15)")
	" END AS fate, CASE r.kind WHEN 3 THEN r.told >> 13 & 1 END AS final,"
	" CASE WHEN " IS_TOLD " THEN " TIER("(r.told >> 8 & 15)") " END AS at_risk,"
	" r.delay / 1e6 AS delay_seconds, r.visits, " DEPTH("r.depth") " AS depth,"
	" " TIME("r.began + r.accepted") " AS accepted, r.client"
	" FROM run r LEFT JOIN site s ON s.id = r.grp WHERE r.kind = 3 OR r.kind = 1"
	" AND NOT EXISTS (SELECT 1 FROM run d WHERE d.kind = 3 AND d.grp = r.grp"
	" AND d.client = r.client AND d.began <= r.began + r.last + 1800000000"
	" AND d.began > r.began - 172800000000"
	" AND d.began + d.last >= r.began - 1800000000);"

	"CREATE VIEW senders AS SELECT " ADDRESS("r.client") " AS address, n.name,"
	" " TIME("min(r.began)") " AS first, " TIME("max(r.began + r.last)") " AS last,"
	" sum(CASE WHEN r.kind IN (1, 2) THEN r.visits ELSE 0 END) AS real_visits,"
	" sum(CASE WHEN r.kind IN (3, 4) THEN r.visits ELSE 0 END) AS decoy_visits,"
	" " TIME("max(r.began + r.accepted)") " AS last_accepted,"
	" (SELECT " TIME("max(l.until)") " FROM listing l WHERE l.client = r.client"
	" AND l.off IS NULL) AS listed_until, r.client"
	" FROM run r LEFT JOIN name n ON n.client = r.client GROUP BY r.client;";
