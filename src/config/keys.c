/* The table of everything that may stand in the configuration file. */
#include "config/config.h"

#include <stddef.h>

#include "base/stamp.h"

static const struct config_section sections[] = {
	{ "site", "", true, true, "One set of MX hosts that one or many domains share." },
	{ "host", "site", true, true, "A real host: it takes mail." },
	{ "decoy", "site", true, true, "A fake MX: it never takes mail." },
	{ "control", "site", true, true,
	  "An address in no MX at all, watched like a decoy to count the background "
	  "of scanners." },
	{ "zone", "site", false, false, "Where the DNS records of the domains live." },
	{ "update", "zone", false, false,
	  "Changes go by dynamic update (RFC 2136) instead of a file." },
	{ "publish", "", true, true,
	  "A list of senders that `fakemx publish` keeps fresh for other software." },
	{ "update", "publish", false, false,
	  "The zone is kept by dynamic update (RFC 2136) instead of a file." },
	{ "web", "", false, false,
	  "Where `fakemx web` shows the report; without it on 127.0.0.1:8025." },
	{ "stream", "", false, false,
	  "NATS JetStream: what the machines of a fleet saw, for hosts with watch = "
	  "stream." },
	{ "lab", "", false, false,
	  "Only with lab = true: the times by which senders are judged, for a trial." },
};

#define FIELD(type, field) offsetof(type, field), sizeof(((type *)NULL)->field)
#define SECOND STAMP_SECOND
#define HOUR STAMP_HOUR
#define DAY STAMP_DAY

/* clang-format off */
#define GLOBAL(key, type, field, least, most, words, fallback, meaning) \
	{ "", key, type, false, FIELD(struct config, field), least, most, words, fallback, meaning }
#define RULE(key, least, most, fallback, meaning) \
	{ "lab", #key, CONFIG_DURATION, false, FIELD(struct config, rules.key), least, most, NULL, fallback, meaning }
#define HOST(section, key, type, required, field, most, words, fallback, meaning) \
	{ section, key, type, required, FIELD(struct host, field), 0, most, words, fallback, meaning }
#define ZONE(section, key, type, required, field, meaning) \
	{ section, key, type, required, FIELD(struct config_zone, field), 0, 0, NULL, NULL, meaning }

#define PUBLISH(key, type, required, field, words, meaning) \
	{ "publish", key, type, required, FIELD(struct config_publish, field), 0, 0, words, NULL, meaning }
#define STREAM(key, type, required, field, fallback, meaning) \
	{ "stream", key, type, required, FIELD(struct config, stream.field), 0, 0, NULL, fallback, meaning }

#define ADDRESSES \
	"Its addresses, each as ADDRESS or ADDRESS@PORT; port 25 if none is given."
#define POSTURE \
	"What it does: closed (nothing listens), reset (handshake, then RST), busy " \
	"(421, close), defer (dialogue, 451 to each recipient). A low decoy: closed " \
	"or reset only."
#define FEED \
	"With watch = feed: a command whose standard output is the feed. %s in it becomes " \
	"the time from which visits are wanted, %% is %."
#define ELSEWHERE \
	"feed: it stands on another machine, which sends who came to it. Without it, this " \
	"machine is the decoy."

static const struct config_key keys[] = {
	GLOBAL("mode", CONFIG_WORD, rules.enforce, 0, 0, "observe enforce", "observe",
	       "observe lists nobody and says who would have been listed; enforce lists."),
	GLOBAL("lab", CONFIG_FLAG, lab, 0, 0, NULL, "false",
	       "A trial: loopback, private and documentation addresses are a warning, not "
	       "refused, and enforce does not wait for 14 watched days."),
	GLOBAL("state", CONFIG_TEXT, state, 0, 0, NULL, "/var/lib/fakemx",
	       "Folder of the journal."),
	GLOBAL("user", CONFIG_TEXT, user, 0, 0, NULL, NULL,
	       "User that serve becomes once its ports are open, if started as root."),
	GLOBAL("clock", CONFIG_TEXT, clock, 0, 0, NULL, NULL,
	       "Only with lab: file of eight bytes, the microseconds (signed, native order) "
	       "that the clock is ahead. Lets hours pass in a trial."),
	GLOBAL("retention", CONFIG_DURATION, retention, 6 * DAY, 3650 * DAY, NULL, "90d",
	       "How long visits stay in the journal."),
	GLOBAL("allow", CONFIG_ENTRIES, allow, 0, 0, NULL, NULL,
	       "Addresses, prefixes, names and domains that are never listed; a stopped one "
	       "of them raises an alarm."),
	GLOBAL("names", CONFIG_FLAG, names, 0, 0, NULL, "true",
	       "Look up the names of clients, and the SPF of senders at decoys: they tell senders that may be good from others, "
	       "and addresses that belong together."),
	GLOBAL("resolver", CONFIG_ENDPOINT, resolver, 0, 0, NULL, NULL,
	       "The recursive name server to ask, as ADDRESS or ADDRESS@PORT; those of "
	       "/etc/resolv.conf otherwise. Only a named one is asked about addresses that are "
	       "not public."),
	GLOBAL("compare", CONFIG_LISTS, compare, 0, 0, NULL, NULL,
	       "DNS blocklists, such as zen.spamhaus.org, that the resolver is asked whether a client is on "
	       "when it first comes to a decoy: the report says of how many stopped senders they knew "
	       "nothing. Mind their terms of use. At most four."),
	GLOBAL("half", CONFIG_TEXT, half, 0, 0, NULL, NULL,
	       "The word given to plan --half: the report compares the half of the domains that "
	       "has a decoy with the other."),
	GLOBAL("here", CONFIG_TEXT, here, 0, 0, NULL, NULL,
	       "The host, decoy or control that this machine is, where one file names those of many "
	       "machines: only it is served and watched here. Without it, all of them."),
	GLOBAL("active", CONFIG_FLAG, is_active, 0, 0, NULL, "true",
	       "false on a standby: it judges the same stream, and runs no alarm command and publishes nothing."),
	GLOBAL("feed_socket", CONFIG_TEXT, feed_socket, 0, 0, NULL, NULL,
	       "Unix socket that feeds come to, for hosts with watch = feed and no feed "
	       "command; feed.sock in the folder of the journal otherwise."),
	GLOBAL("policy", CONFIG_SOCKETS, policy, 0, 0, NULL, NULL,
	       "Where Postfix may ask about a client (check_policy_service): paths of unix "
	       "sockets, and ADDRESS@PORT of loopback or a private network."),
	GLOBAL("policy_defer", CONFIG_FLAG, policy_defer, 0, 0, NULL, "false",
	       "Mail of listed senders is put off when Postfix asks; otherwise it is only told "
	       "of senders in order."),
	GLOBAL("on_risk", CONFIG_WORD, on_risk, 0, 0, "hold empty off", "hold",
	       "While the alarm stands that a known sender is at risk: hold lists nobody new "
	       "and takes its pool off the lists; empty empties them; off changes nothing. The "
	       "DNS is never touched by itself: see fakemx off."),
	GLOBAL("alarm", CONFIG_TEXT, alarm, 0, 0, NULL, NULL,
	       "Command that is run once when an alarm begins and once when it is over."),
	GLOBAL("metrics", CONFIG_TEXT, metrics, 0, 0, NULL, NULL,
	       "File for Prometheus, written every 15 seconds and at the end."),
	GLOBAL("connections", CONFIG_COUNT, limits.connections, 1, 1000000, NULL, "10000",
	       "Connections held by all decoys together; more are reset and counted."),
	GLOBAL("connections_per_client", CONFIG_COUNT, limits.connections_per_client, 1,
	       1000000, NULL, "50", "The same for one IPv4 address or IPv6 /64."),
	GLOBAL("commands", CONFIG_COUNT, limits.commands, 10, 1000000, NULL, "1000",
	       "Commands that a decoy takes in one connection."),
	GLOBAL("idle_timeout", CONFIG_DURATION, limits.idle, SECOND, HOUR, NULL, "60s",
	       "A decoy closes a connection on which nothing came for so long."),
	GLOBAL("session_timeout", CONFIG_DURATION, limits.session, SECOND, HOUR, NULL, "5m",
	       "A decoy closes a connection after so long, whatever happens on it."),

	GLOBAL("listing_expires", CONFIG_DURATION, rules.listing_expires, SECOND, 7 * DAY,
	       NULL, "24h", "How long a sender stays on the list."),

	{ "site", "layout", CONFIG_WORD, true, FIELD(struct site, layout), 0, 0,
	  "none high low both", NULL,
	  "Where the decoys stand: none, high (tried last, after every real host), low (tried "
	  "first: classic nolisting, at a cost), both. last and first are taken for high and low." },
	{ "site", "domains", CONFIG_DOMAINS, false, FIELD(struct site, domains), 0, 0, NULL,
	  NULL, "The domains whose MX records these are." },
	{ "site", "domains_file", CONFIG_NAMES, false, FIELD(struct site, domains), 0, 0, NULL,
	  NULL, "The same, or more of them, in a file: one a line, # begins a comment." },
	{ "site", "mx_ttl", CONFIG_DURATION, false, FIELD(struct site, mx_ttl), SECOND, 7 * DAY,
	  NULL, "1h",
	  "TTL of the MX records: a changed set of real hosts excuses for twice as long, "
	  "48 hours at least." },

	HOST("host", "preference", CONFIG_COUNT, true, preference, 65535, NULL, NULL,
	     "The preference of its MX record; the lower, the sooner it is tried."),
	HOST("host", "address", CONFIG_ADDRESSES, true, addresses, 0, NULL, NULL, ADDRESSES),
	HOST("host", "watch", CONFIG_WATCH, false, watch, 0, NULL, NULL,
	     "Where every visit to it can be seen: the path of its mail log, feed (another "
	     "machine sends them), journal (systemd's, with a match behind a colon), or command; "
	     "or a list of them, of a host that is many machines. Without it no sender can be judged."),
	HOST("host", "command", CONFIG_TEXT, false, command, 0, NULL, NULL,
	     "With watch = command: what writes the mail log to its standard output. %s in it "
	     "becomes the time from which lines are wanted, %% is %."),
	HOST("host", "log_host", CONFIG_TEXT, false, log_host, 0, NULL, NULL,
	     "Of a central log only the lines of this machine are read."),
	HOST("host", "stamps", CONFIG_TEXT, false, stamps, 0, NULL, NULL,
	     "The time zone of stamps in the log that name none; that of serve otherwise."),
	HOST("host", "filter", CONFIG_LOG, false, filter, 0, NULL, NULL,
	     "Where a spam filter writes its verdicts, if that is another log: a path, journal "
	     "(with a match behind a colon), or command."),
	HOST("host", "filter_command", CONFIG_TEXT, false, filter_command, 0, NULL, NULL,
	     "With filter = command: what writes that log to its standard output, as command."),

	HOST("host", "feed", CONFIG_TEXT, false, feed, 0, NULL, NULL, FEED),

	HOST("decoy", "preference", CONFIG_COUNT, true, preference, 65535, NULL, NULL,
	     "The preference of its MX record: above or below every real host's."),
	HOST("decoy", "address", CONFIG_ADDRESSES, true, addresses, 0, NULL, NULL, ADDRESSES),
	HOST("decoy", "posture", CONFIG_WORD, true, posture, 0, "closed reset busy defer", NULL,
	     POSTURE),

	HOST("decoy", "watch", CONFIG_WATCH, false, watch, 0, NULL, NULL, ELSEWHERE),
	HOST("decoy", "feed", CONFIG_TEXT, false, feed, 0, NULL, NULL, FEED),

	HOST("control", "address", CONFIG_ADDRESSES, true, addresses, 0, NULL, NULL,
	     ADDRESSES),
	HOST("control", "posture", CONFIG_WORD, true, posture, 0, "closed reset busy defer",
	     NULL, POSTURE),
	HOST("control", "watch", CONFIG_WATCH, false, watch, 0, NULL, NULL, ELSEWHERE),
	HOST("control", "feed", CONFIG_TEXT, false, feed, 0, NULL, NULL, FEED),

	ZONE("zone", "file", CONFIG_TEXT, false, file,
	     "The zone file, a folder of them, or a glob."),
	ZONE("zone", "check", CONFIG_TEXT, false, check,
	     "Command that must succeed before a changed file is put in place; %z is the zone, "
	     "%f the file."),
	ZONE("zone", "reload", CONFIG_TEXT, false, reload,
	     "Command that makes the name server load the changed file."),
	ZONE("update", "server", CONFIG_ENDPOINT, true, update_server,
	     "The primary name server, as ADDRESS or ADDRESS@PORT; port 53 if none is given."),
	ZONE("update", "key", CONFIG_TEXT, false, update_key, "File with the TSIG key."),
	ZONE("update", "servers", CONFIG_SERVERS, false, update_servers,
	     "The name servers that must agree after a change; otherwise the zone's NS records."),

	PUBLISH("format", CONFIG_WORD, true, format,
		"plain json rspamd postfix-cidr nft rbldnsd dnsbl",
		"The format, one of those of `fakemx list`."),
	PUBLISH("file", CONFIG_TEXT, false, file, NULL,
		"The file, an absolute path: replaced as a whole when its content changed."),
	PUBLISH("zone", CONFIG_TEXT, false, zone, NULL,
		"With format = dnsbl and an update section: the name of the zone, which must "
		"be there and have nothing but the list."),
	PUBLISH("after", CONFIG_TEXT, false, after, NULL,
		"Command that is run after a change, by the user that publish runs as; %f is "
		"the file, %z the zone."),

	{ "web", "listen", CONFIG_LISTEN, false, FIELD(struct config, web), 0, 0, NULL,
	  "127.0.0.1:8025",
	  "Where the page is: ADDRESS:PORT (IPv6 in brackets) or unix:PATH. Nobody is asked for "
	  "a password, so it is an address of loopback." },
	{ "web", "beyond_loopback", CONFIG_FLAG, false, FIELD(struct config, web.beyond_loopback),
	  0, 0, NULL, "false",
	  "listen may be an address that other machines reach: they all see the report." },
	{ "web", "proxy_names", CONFIG_HOSTNAMES, false, FIELD(struct config, web.names), 0, 0,
	  NULL, NULL,
	  "Host names by which a proxy in front of it is asked; requests for other names but "
	  "localhost and the address itself are refused." },
	STREAM("servers", CONFIG_URLS, true, servers, NULL,
	       "Its servers, such as nats://mx1.example.com:4222, or tls://."),
	STREAM("subject", CONFIG_TEXT, false, subject, "fakemx.>", "The subjects that serve reads."),
	STREAM("credentials", CONFIG_TEXT, false, credentials, NULL,
	       "File with a user's credentials (.creds) or an nkey's seed."),
	STREAM("ca", CONFIG_TEXT, false, ca, NULL,
	       "File with the certificates that its servers are checked by; the system's otherwise."),

	RULE(confirm, SECOND, HOUR, "60s",
	     "A sender that went to a high decoy is judged this long afterwards."),
	RULE(patience, SECOND, 5 * DAY, "4h",
	     "A sender that saw decoys only is called stopped after this much time in which "
	     "the real hosts were well."),
	RULE(final, SECOND, 30 * DAY, "5d", "Stopped is final after this."),
	RULE(excuse, SECOND, 30 * DAY, "24h",
	     "A contact with a real host excuses visits to high decoys for so long."),
	RULE(grace, 0, HOUR, "60s", "After a start nothing is judged for so long."),
	RULE(probe_interval, SECOND, HOUR, "60s",
	     "Time between two health probes of a real host."),
	RULE(unwell_tail, 0, 7 * DAY, "6h",
	     "After trouble of a real host everybody is excused for so long."),
	RULE(delay_window, SECOND, HOUR, "10m",
	     "The longest way from a low decoy to a real host that counts as delay; a later "
	     "arrival is a return."),
	RULE(known_window, DAY, 3650 * DAY, "90d",
	     "Accepted mail makes a sender known for so long."),
	RULE(pool_accepted, SECOND, 3650 * DAY, "30d",
	     "Accepted mail keeps the sender's whole pool off the list for so long."),
	RULE(listing_least, SECOND, 168 * HOUR, "2h",
	     "The shortest time between two hours that list a sender."),
	RULE(listing_most, SECOND, 3650 * DAY, "168h", "The longest."),
	RULE(watched_days, 0, 365 * DAY, "14d",
	     "enforce lists nobody before the real hosts were watched for so long."),
};
/* clang-format on */

const struct config_key *config_keys(size_t *ret_count)
{
	*ret_count = sizeof(keys) / sizeof(keys[0]);
	return keys;
}

const struct config_section *config_sections(size_t *ret_count)
{
	*ret_count = sizeof(sections) / sizeof(sections[0]);
	return sections;
}

const char *config_type_name(enum config_type type)
{
	static const char *const names[] = {
		[CONFIG_TEXT] = "text",
		[CONFIG_FLAG] = "true or false",
		[CONFIG_COUNT] = "a number",
		[CONFIG_DURATION] = "a duration",
		[CONFIG_WORD] = "a word",
		[CONFIG_WATCH] = "a path, feed, journal or command, or a list",
		[CONFIG_LOG] = "a path, journal or command",
		[CONFIG_ENDPOINT] = "an address",
		[CONFIG_ADDRESSES] = "a list of addresses",
		[CONFIG_SERVERS] = "a list of addresses",
		[CONFIG_SOCKETS] = "a list of addresses and paths",
		[CONFIG_DOMAINS] = "a list of domains",
		[CONFIG_NAMES] = "a path",
		[CONFIG_LISTS] = "a list of domains",
		[CONFIG_LISTEN] = "an address with port",
		[CONFIG_HOSTNAMES] = "a list of host names",
		[CONFIG_ENTRIES] = "a list of addresses, prefixes and names",
		[CONFIG_URLS] = "a list of URLs",
	};
	return names[type];
}
