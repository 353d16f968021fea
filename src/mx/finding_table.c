/* The table of findings. A sentence says what is, a fix what to do, and why
 * what it costs whom; the source is where that is known from. */
#include "mx/finding.h"

#include <assert.h>

/* clang-format off */
static const struct finding_kind kinds[FINDING_COUNT] = {
[FINDING_LOW_ANSWERS] = {
	.id = "FMX-LOW-ANSWERS", .severity = SEVERITY_ERROR,
	.text = "The low decoy {host} answers at {address} ({detail}). Senders that stay with "
		"the first host that answers never reach a real one.",
	.fix = "Let {host} refuse the connection: posture closed or reset, nothing else.",
	.why = "Once connected, Courier, Haraka, qmail and Postal never walk on, OpenSMTPD does not "
	       "after 451 to MAIL or RCPT, and dma bounces; Postfix, Exim and Sendmail do walk on, "
	       "so who tests with these does not see the loss.",
	.source = "measured on ten mail programs; RFC 5321 5.1 only says that a client SHOULD try two "
		  "addresses",
},
[FINDING_LOW_DROPS] = {
	.id = "FMX-LOW-DROPS", .severity = SEVERITY_ERROR,
	.text = "The low decoy {host} does not refuse at once: {address} is {detail}. Every good "
		"sender waits there first, 30 seconds to five minutes.",
	.fix = "Open port 25 of {address} in every firewall on the way (cloud security groups "
	       "drop), so that the machine itself answers with RST.",
	.why = "Measured with a dropped SYN: Postfix and Haraka lose 30 s, Courier and chasquid "
	       "60 s, Sendmail 120 s, Exim, OpenSMTPD and dma 135 s; with a silent server most "
	       "lose 300 s. Exim's callouts give up earlier, and the mail is put off.",
	.source = "measured on ten mail programs",
},
[FINDING_LOW_UNREACHABLE] = {
	.id = "FMX-LOW-UNREACHABLE", .severity = SEVERITY_WARNING,
	.text = "The low decoy {host} at {address} is refused by a router or firewall ({detail}), "
		"not by the machine itself.",
	.fix = "Let the machine answer with RST. Firewalls limit how many ICMP messages they "
	       "send: under load this decoy drops.",
	.why = "Linux sends about one ICMP error per second to one target (icmp_ratelimit); every "
	       "SYN beyond that is a dropped one, with the delays of FMX-LOW-DROPS.",
	.source = "RFC 1812 4.3.2.8; icmp(7), icmp_ratelimit",
},
[FINDING_LOW_SEVERAL] = {
	.id = "FMX-LOW-SEVERAL", .severity = SEVERITY_ERROR,
	.text = "There is more than one low decoy: {detail}. Senders with small limits use them "
		"up before the first real host.",
	.fix = "Keep one low decoy, with one IPv4 address.",
	.why = "Stalwart tries two MX hosts by default and HCL Notes is said to; Postfix tries "
	       "five addresses.",
	.source = "postconf(5) smtp_mx_address_limit; documentation of Stalwart",
},
[FINDING_LOW_ADDRESSES] = {
	.id = "FMX-LOW-ADDRESSES", .severity = SEVERITY_ERROR,
	.text = "The low decoy {host} has {detail}. Each address is one more failed try of every "
		"good sender.",
	.fix = "Give {host} exactly one IPv4 address and no AAAA record.",
	.why = "Senders count addresses, not hosts, against their limits, and pay each delay "
	       "again.",
	.source = "postconf(5) smtp_mx_address_limit; measured on ten mail programs",
},
[FINDING_LOW_DIRECT] = {
	.id = "FMX-LOW-DIRECT", .severity = SEVERITY_INFO,
	.text = "The low decoy {host} costs some good mail: programs that send without a queue "
		"(shops, printers, banks' notices, sign-up verifiers) may try only the first host.",
	.fix = "Watch who stops there with `fakemx report`, or use a high decoy instead "
	       "(layout high), which no queueing sender visits while a real host accepts.",
	.why = "Six users of one site in four weeks were hit, mostly by JavaMail programs; address "
	       "verifiers lock users of such domains out.",
	.source = "M. Simerson 2013; Reacher issue 1049; Liberapay issue 2459",
},
[FINDING_LOW_REPUTATION] = {
	.id = "FMX-LOW-REPUTATION", .severity = SEVERITY_INFO,
	.text = "Mail that {domain} sends may be rated worse: some receivers test whether the "
		"sender's first MX, {host}, answers.",
	.fix = "Accept it, or use layout high. Never let the low decoy drop packets: that costs as much, and time besides.",
	.why = "rspamd's mx_check (off by default, on in mailcow) adds 3.0 when the first MX "
	       "refuses, 2.0 when it times out, and advises greylisting; policyd-weight adds 2.1.",
	.source = "rspamd module mx_check; policyd-weight BOGUS_MX",
},
[FINDING_HIGH_REJECTS] = {
	.id = "FMX-HIGH-REJECTS", .severity = SEVERITY_ERROR,
	.text = "The high decoy {host} at {address} says \"{detail}\": while the real hosts are "
		"down, good mail bounces there.",
	.fix = "Let {host} say 421 or 451, never 5xx: posture defer, busy, reset or closed.",
	.why = "With the real hosts down and a 5xx greeting at the decoy, Exim, Sendmail, "
	       "Courier, dma and Haraka returned the mail to its author.",
	.source = "measured on ten mail programs",
},
[FINDING_HIGH_HELO] = {
	.id = "FMX-HIGH-HELO", .severity = SEVERITY_WARNING,
	.text = "The high decoy {host} at {address} defers EHLO (\"{detail}\"): dma bounces on "
		"that while the real hosts are down.",
	.fix = "Let {host} answer EHLO with 250 and defer each recipient: posture defer.",
	.why = "Measured: dma returned the mail to its author after 451 to EHLO.",
	.source = "measured on ten mail programs",
},
[FINDING_HIGH_CLOSES] = {
	.id = "FMX-HIGH-CLOSES", .severity = SEVERITY_WARNING,
	.text = "The high decoy {host} at {address} ends connections without a greeting "
		"({detail}); some programs hang on that.",
	.fix = "Greet with 421 before closing, or reset: posture busy or reset.",
	.why = "nodemailer's direct transport and npm sendmail wait for ever for a greeting that "
	       "cannot come.",
	.source = "measured on ten mail programs",
},
[FINDING_HIGH_DROPS] = {
	.id = "FMX-HIGH-DROPS", .severity = SEVERITY_WARNING,
	.text = "The last host {host} at {address} is {detail}. A decoy should refuse at once; a "
		"real backup that looks like this is down.",
	.fix = "If it is meant as a decoy, open port 25 in the firewalls so that the machine itself "
	       "answers. If it is a real host, bring it up or take it out of the MX.",
	.why = "While the real hosts are down, each message waits 30 to 300 s for it in every "
	       "queue run, and bots, which would else connect and show themselves, leave no trace.",
	.source = "measured on ten mail programs",
},
[FINDING_HIGH_OPEN] = {
	.id = "FMX-HIGH-OPEN", .severity = SEVERITY_INFO,
	.text = "The high decoy {host} at {address} greets as a mail server would (\"{detail}\"). "
		"Whether it defers each recipient cannot be seen without sending mail.",
	.fix = "Make sure that it never says 250 to DATA and never 5xx (`fakemx serve`, posture "
	       "defer, does neither).",
	.why = "A decoy that accepts loses mail while the real hosts are down; one that relays "
	       "makes backscatter.",
	.source = "RFC 5321 4.2.5, 6.1",
},
[FINDING_DECOY_BETWEEN] = {
	.id = "FMX-DECOY-BETWEEN", .severity = SEVERITY_ERROR,
	.text = "The decoy {host} ({detail}) stands between real hosts. It catches no bot there, "
		"and good senders meet it whenever the first real host is busy.",
	.fix = "Give it a preference above that of every real host.",
	.why = "Bots aim at the first or the last MX.",
	.source = "follows from the meaning of a decoy",
},
[FINDING_DECOY_EQUAL] = {
	.id = "FMX-DECOY-EQUAL", .severity = SEVERITY_ERROR,
	.text = "The decoy {host} has the same preference as a real host ({detail}): it gets an "
		"equal share of all good mail's first tries.",
	.fix = "Give it a preference of its own, above that of every real host.",
	.why = "Hosts of equal preference are tried in random order.",
	.source = "RFC 5321 5.1",
},
[FINDING_DECOY_IS_REAL] = {
	.id = "FMX-DECOY-IS-REAL", .severity = SEVERITY_ERROR,
	.text = "The decoy {host} has the address {address} of the real host {detail}.",
	.fix = "Give the decoy an address of its own, on which no mail server listens.",
	.why = "Either the decoy takes mail, or the real host refuses it.",
	.source = "follows from the meaning of a decoy",
},
[FINDING_DECOY_OWN] = {
	.id = "FMX-DECOY-OWN", .severity = SEVERITY_WARNING,
	.text = "The decoy {host} has the address {address}, which belongs to this machine, and another "
		"program answers there: {detail}.",
	.fix = "Take {address} from that program (Postfix: inet_interfaces without it, then restart; "
	       "Exim on Debian: dc_local_interfaces), or put the decoy on another machine.",
	.why = "A mail server that listens on all addresses takes mail at the decoy, or takes the decoy "
	       "for itself: Postfix bounces with 5.4.6 \"mail for {domain} loops back to myself\", Exim "
	       "freezes the message, qmail says ambiguous MX.",
	.source = "postconf(5) inet_interfaces, proxy_interfaces",
},
[FINDING_DECOYS_SHARED] = {
	.id = "FMX-DECOYS-SHARED", .severity = SEVERITY_WARNING,
	.text = "The low decoy and the high decoy {host} share the address {address}: what comes "
		"there cannot be told apart.",
	.fix = "Give low and high decoys a name and an address each.",
	.why = "A good sender that meets the low decoy first looks like a bot that goes for the last.",
	.source = "advice of rspamd and of this program's own judging",
},
[FINDING_DECOYS_ONLY] = {
	.id = "FMX-DECOYS-ONLY", .severity = SEVERITY_ERROR,
	.text = "Every MX host of {domain} is declared a decoy ({detail}), so nobody takes its "
		"mail.",
	.fix = "Publish an MX for the host that takes mail; or, where one of these does, do not "
	       "declare it a decoy.",
	.why = "Mail waits in the queues of its senders, for some days at most, and then goes back.",
	.source = "RFC 5321 4.5.4.1",
},
[FINDING_DECOY_FOREIGN] = {
	.id = "FMX-DECOY-FOREIGN", .severity = SEVERITY_WARNING,
	.text = "The decoy {host} is a name of {detail}.{address}",
	.fix = "Use a name below {domain}, written in full, and an address that is yours; else the decoy's "
	       "address must be put into the zone of {detail}.",
	.why = "The owner of a foreign name or address may point it anywhere at any time; public "
	       "\"fake MX\" hosts have vanished and come back. And a decoy without address is a mistake, "
	       "not a decoy.",
	.source = "field reports on public fake MX services; RFC 1034 4.2",
},
[FINDING_ADDRESS_BOGUS] = {
	.id = "FMX-ADDRESS-BOGUS", .severity = SEVERITY_ERROR,
	.text = "{host} has the address {address}, which is {detail}: nobody on the internet can "
		"reach it, and receivers rate mail from {domain} worse for it.",
	.fix = "Publish a public address that is yours, or none.",
	.why = "rspamd's mx_check adds 8.0 for only bogus addresses, 5.0 when mixed, 3.0 for "
	       "private ones. Inside networks that use the address, mail goes to a stranger.",
	.source = "rspamd module mx_check; IANA special-purpose address registries",
},
[FINDING_MX_CNAME] = {
	.id = "FMX-MX-CNAME", .severity = SEVERITY_ERROR,
	.text = "The MX target {host} is a CNAME. Some senders refuse it, others mistake it for "
		"another host.",
	.fix = "Let {host} have address records itself, or name the CNAME's target in the MX.",
	.why = "An MX must point at a name with addresses, not at an alias.",
	.source = "RFC 2181 10.3; RFC 5321 5.1",
},
[FINDING_MX_LITERAL] = {
	.id = "FMX-MX-LITERAL", .severity = SEVERITY_ERROR,
	.text = "The MX target {host} is an address, not a name: senders look for a host of that "
		"name and find none.",
	.fix = "Make a name for the address and put the name into the MX.",
	.why = "An MX holds a domain name.",
	.source = "RFC 1035 3.3.9",
},
[FINDING_MX_MISSING] = {
	.id = "FMX-MX-MISSING", .severity = SEVERITY_ERROR,
	.text = "The MX target {host} has no address.",
	.fix = "Publish an A record for it, or mend the name: in a zone file, one without a "
	       "final dot goes on with the zone's. A decoy needs an address, too: without one "
	       "senders fail in ways of their own, and it is a void lookup for SPF.",
	.why = "Two void lookups are allowed in all of SPF; senders treat a missing host as a "
	       "broken domain.",
	.source = "RFC 7208 4.6.4; RFC 5321 5.1",
},
[FINDING_MX_NULL] = {
	.id = "FMX-MX-NULL", .severity = SEVERITY_ERROR,
	.text = "{domain} has a null MX (\".\") beside other MX records: some senders take it to "
		"refuse all mail.",
	.fix = "Remove the null MX. It is no decoy.",
	.why = "A null MX must stand alone.",
	.source = "RFC 7505 3",
},
[FINDING_MX_IMPLICIT] = {
	.id = "FMX-MX-IMPLICIT", .severity = SEVERITY_INFO,
	.text = "{domain} has no MX; senders use its own address instead.",
	.fix = "Publish an MX for the host that takes mail. A Fake MX needs one.",
	.why = "Without MX the address record stands in, as if with preference 0.",
	.source = "RFC 5321 5.1",
},
[FINDING_MX_ORDER] = {
	.id = "FMX-MX-ORDER", .severity = SEVERITY_WARNING,
	.text = "Sorted as text, the preferences stand in another order than as numbers "
		"({detail}).",
	.fix = "Use preferences of equal length, such as 10, 20 and 90.",
	.why = "Scripts that sort MX records as text take 100 for better than 20, and so a high "
	       "decoy for the best host.",
	.source = "RFC 5321 5.1: the preference is a number",
},
[FINDING_MX_MANY] = {
	.id = "FMX-MX-MANY", .severity = SEVERITY_WARNING,
	.text = "{domain} has more MX hosts or addresses than are looked at here ({detail} left "
		"out); no sender tries that many.",
	.fix = "Remove what no sender will ever use.",
	.why = "Postfix tries five addresses, Exim five hosts.",
	.source = "postconf(5) smtp_mx_address_limit; Exim specification, hosts_max_try",
},
[FINDING_NO_MAIL] = {
	.id = "FMX-NO-MAIL", .severity = SEVERITY_INFO,
	.text = "{domain} takes no mail and says so (null MX).",
	.fix = "Nothing to do; a Fake MX makes no sense here.",
	.why = "Senders bounce mail for such a domain at once.",
	.source = "RFC 7505",
},
[FINDING_NO_HOST] = {
	.id = "FMX-NO-HOST", .severity = SEVERITY_ERROR,
	.text = "{domain} has neither an MX nor an address: it takes no mail, but does not say so.",
	.fix = "Publish an MX, or a null MX (\"0 .\") if it is to take no mail.",
	.why = "Senders keep such mail for days before they return it.",
	.source = "RFC 7505 1",
},
[FINDING_REAL_LIMIT] = {
	.id = "FMX-REAL-LIMIT", .severity = SEVERITY_ERROR,
	.text = "Before the first real host come {detail} addresses of decoys. Senders that try "
		"five addresses never get to {host}.",
	.fix = "Keep one low decoy, with one IPv4 address.",
	.why = "Postfix gives up after five addresses, in each queue run again, and then bounces.",
	.source = "postconf(5) smtp_mx_address_limit",
},
[FINDING_REAL_THIRD] = {
	.id = "FMX-REAL-THIRD", .severity = SEVERITY_WARNING,
	.text = "The first real host, {host}, is host number {detail} of the list; some senders try "
		"two.",
	.fix = "Keep at most one low decoy before it.",
	.why = "Stalwart tries two MX hosts by default and HCL Notes is said to; Postfix counts two "
	       "sessions.",
	.source = "postconf(5) smtp_mx_session_limit; documentation of Stalwart",
},
[FINDING_REAL_DOWN] = {
	.id = "FMX-REAL-DOWN", .severity = SEVERITY_WARNING,
	.text = "The host {host} does not take mail at {detail}{address}.",
	.fix = "Bring it up, or take the address out of the DNS. If it is meant as a decoy, say "
	       "--decoy {host} and give it a preference beyond all real hosts.",
	.why = "Every sender that picks this address loses time, and some give up.",
	.source = "measured on ten mail programs",
},
[FINDING_HOST_UNNAMED] = {
	.id = "FMX-HOST-UNNAMED", .severity = SEVERITY_WARNING,
	.text = "The DNS names {host} as a host for mail to {domain}, but the site {detail} of the "
		"configuration does not: a sender that delivers there looks as if it never came.",
	.fix = "Add a section host \"{host}\" to the site {detail}, with its preference, its addresses and "
	       "watch, the log that shows who comes there; while it has no watch, no sender of the site is "
	       "judged. If it takes no mail of {domain}, take it out of the MX.",
	.why = "Who walks on from a decoy to a host that nobody watches has delivered, and is counted "
	       "as stopped: this accuses good mail, and may list it.",
	.source = "follows from how senders are judged; fakemx.conf(5), host",
},
[FINDING_ALL_DOWN] = {
	.id = "FMX-ALL-DOWN", .severity = SEVERITY_ERROR,
	.text = "No host of {domain} takes mail: {detail}.",
	.fix = "Bring the real hosts up. A Fake MX must wait until they are.",
	.why = "Mail waits in the queues of its senders, for some days at most.",
	.source = "RFC 5321 4.5.4.1",
},
[FINDING_VANTAGE] = {
	.id = "FMX-VANTAGE", .severity = SEVERITY_WARNING,
	.text = "No connection to port 25 from here got any answer{detail}: most likely outgoing "
		"port 25 is blocked here, so nothing was learnt about the hosts.",
	.fix = "Look from another place, or ask the provider to open outgoing port 25; "
	       "--vantage-check proves whether it is open.",
	.why = "Most clouds and home connections drop outgoing port 25.",
	.source = "policies of cloud providers on outgoing port 25",
},
[FINDING_LOOKUP_FAILED] = {
	.id = "FMX-LOOKUP-FAILED", .severity = SEVERITY_WARNING,
	.text = "The addresses of {host} could not be looked up ({detail}).",
	.fix = "Mend the zone or the name servers of {host}; a sender that meets this waits.",
	.why = "A failed lookup is a temporary failure: mail waits instead of walking on.",
	.source = "RFC 5321 5.1",
},
[FINDING_TTL_LONG] = {
	.id = "FMX-TTL-LONG", .severity = SEVERITY_INFO,
	.text = "The MX records live {detail} in caches: that long it takes until a decoy is gone "
		"everywhere, should you want it gone.",
	.fix = "Lower the TTL to 300 to 3600 seconds while trying a Fake MX; raise it again when it "
	       "has proved itself.",
	.why = "A decoy that was removed is gone from all caches one TTL later.",
	.source = "RFC 1035 3.2.1",
},
[FINDING_TTL_DIFFERS] = {
	.id = "FMX-TTL-DIFFERS", .severity = SEVERITY_INFO,
	.text = "The MX records of {domain} have different TTLs ({detail}): a set of records has "
		"one, so name servers and caches take now this one, now that.",
	.fix = "`fakemx plan` gives all of them the shortest; --ttl says another.",
	.why = "Records of one name and type are one set with one TTL; with several, nobody can tell how long a change takes.",
	.source = "RFC 2181 5.2",
},
[FINDING_NS_DISAGREE] = {
	.id = "FMX-NS-DISAGREE", .severity = SEVERITY_WARNING,
	.text = "The name servers of {domain} give different MX records ({detail}).",
	.fix = "Wait until the secondaries have the change. If it lasts, mend them (NOTIFY, serial, transfer rights).",
	.why = "Senders see one layout or the other by chance, and predictions hold for neither.",
	.source = "RFC 1034 4.3.5",
},
[FINDING_NS_SERIAL] = {
	.id = "FMX-NS-SERIAL", .severity = SEVERITY_INFO,
	.text = "The name servers of {domain} have different serials ({detail}), though the same MX "
		"records.",
	.fix = "Normal for some minutes after a change. If it lasts, see why the secondaries do not get the zone.",
	.why = "A secondary that lags keeps a decoy after it was removed.",
	.source = "RFC 1034 4.3.5",
},
[FINDING_NS_LAME] = {
	.id = "FMX-NS-LAME", .severity = SEVERITY_WARNING,
	.text = "The name server {host} ({address}) does not serve {domain}: {detail}.",
	.fix = "Mend it or take it out of the NS records.",
	.why = "Resolvers that ask it lose time, and some fail; after a DNS change nobody can tell "
	       "what it will say when it comes back.",
	.source = "RFC 1912 2.8",
},
[FINDING_SPF_DECOY] = {
	.id = "FMX-SPF-DECOY", .severity = SEVERITY_WARNING,
	.text = "The SPF record of {domain} names its MX hosts as senders (\"mx\"), and so "
		"authorises the decoy {host} too.",
	.fix = "Name the real hosts instead: \"{detail}\".",
	.why = "Whoever gets hold of the decoy's address may send as {domain}; a decoy without "
	       "address is a void lookup.",
	.source = "RFC 7208 5.4, 4.6.4",
},
[FINDING_SPF_LIMIT] = {
	.id = "FMX-SPF-LIMIT", .severity = SEVERITY_WARNING,
	.text = "The SPF record of {domain} uses \"mx\", and its MX hosts have {detail}; with more "
		"than ten, receivers report a permanent error.",
	.fix = "Name the sending addresses with ip4 and ip6 instead of \"mx\".",
	.why = "Evaluation ends with permerror beyond ten, and DMARC then fails.",
	.source = "RFC 7208 4.6.4",
},
[FINDING_STS_REAL] = {
	.id = "FMX-STS-REAL", .severity = SEVERITY_ERROR,
	.text = "The MTA-STS policy of {domain} is enforced and does not list the real host {host}: "
		"senders with MTA-STS do not deliver there.",
	.fix = "Add \"mx: {host}\" to the policy and change the id in the TXT record.",
	.why = "Hosts outside an enforced policy must not be used.",
	.source = "RFC 8461 5",
},
[FINDING_STS_BROKEN] = {
	.id = "FMX-STS-BROKEN", .severity = SEVERITY_WARNING,
	.text = "{domain} announces an MTA-STS policy, but it cannot be used: {detail}.",
	.fix = "Mend https://mta-sts.{domain}/.well-known/mta-sts.txt, or remove the TXT record.",
	.why = "Senders go without the policy, or keep an old one that may exclude your hosts.",
	.source = "RFC 8461 3.3, 5.1",
},
[FINDING_STS_DECOY] = {
	.id = "FMX-STS-DECOY", .severity = SEVERITY_INFO,
	.text = "Senders with MTA-STS never visit the decoy {host}, which the policy does not list "
		"({detail}). That is right; they are no bots.",
	.fix = "Leave closed decoys out of the policy. In testing mode expect reports about them.",
	.why = "Hosts outside the policy are not used, so these senders skip decoys.",
	.source = "RFC 8461 5",
},
[FINDING_STS_LISTS_DECOY] = {
	.id = "FMX-STS-LISTS-DECOY", .severity = SEVERITY_WARNING,
	.text = "The MTA-STS policy of {domain} lists the decoy {host}, which cannot show a valid "
		"certificate.",
	.fix = "Take {host} out of the policy (\"mx: {detail}\").",
	.why = "The policy then vouches for a host that nobody runs as a mail server, and failure "
	       "reports count it.",
	.source = "RFC 8461 4.1, 8.3; RFC 8460",
},
[FINDING_TLS_MISSING] = {
	.id = "FMX-TLS-MISSING", .severity = SEVERITY_WARNING,
	.text = "The real host {host} at {address} does not offer STARTTLS, though {detail} demands "
		"it.",
	.fix = "Turn on TLS there, or withdraw the demand.",
	.why = "Senders that honour the demand do not deliver in the clear.",
	.source = "RFC 8461 5; RFC 7672 2.2",
},
[FINDING_DANE_DECOY] = {
	.id = "FMX-DANE-DECOY", .severity = SEVERITY_WARNING,
	.text = "The real hosts of {domain} are protected by DANE, the decoy {host} has no TLSA "
		"record: an attacker may stand in for it and take mail in the clear.",
	.fix = "Publish a TLSA record at _25._tcp.{host} (`fakemx plan` adds one).",
	.why = "Whoever can redirect packets for the decoy's address gets mail unencrypted, as no record "
	       "demands TLS; dead hosts should carry a well-formed TLSA.",
	.source = "V. Dukhovni, internet.nl issue 257; RFC 7672 2.2",
},
[FINDING_HOSTED] = {
	.id = "FMX-HOSTED", .severity = SEVERITY_WARNING,
	.text = "The real host {host} is run by {detail}: {address}.",
	.fix = "Remove the decoy: fakemx cannot see who comes to a hoster's MX, so it cannot tell whom a decoy stops.",
	.why = "Nothing can be measured without the real host's log, and so no loss could be seen. A "
	       "hoster filters bots already, and many take foreign MX records for a mistake.",
	.source = "the MX names are the hosters' own, from their set-up pages (src/mx/hoster.c)",
},
[FINDING_PANEL] = {
	.id = "FMX-PANEL", .severity = SEVERITY_INFO,
	.text = "{host} is run by {detail}, which judges a domain by its MX records.",
	.fix = "In cPanel set Email Routing of {domain} to \"Local\" by hand before adding a low "
	       "decoy; other panels' checks will complain about the decoy: ignore that.",
	.why = "cPanel's automatic routing takes mail as local only if the lowest MX points at the "
	       "server; Mail-in-a-Box and YunoHost warn of additional MX records.",
	.source = "documentation of cPanel, Email Routing",
},
[FINDING_PLAN_REFUSED] = {
	.id = "FMX-PLAN-REFUSED", .severity = SEVERITY_ERROR,
	.text = "{detail}",
	.fix = "Mend what the sentence names, then plan again; apply refuses it until then.",
	.why = "The change would endanger mail or the zone, or the zone is not fakemx's to change: a "
	       "decoy on a real host's address, no room for a better preference, a signed file, MX "
	       "records in an included file, a dynamic zone.",
	.source = "RFC 1035 5, RFC 2136, RFC 2181 10.3, RFC 5321 5.1",
},
[FINDING_ZONE_UNREADABLE] = {
	.id = "FMX-ZONE-UNREADABLE", .severity = SEVERITY_ERROR,
	.text = "{detail}",
	.fix = "Of a file: have it checked by the name server's own tool (named-checkzone, kzonecheck), and "
	       "see whether --origin names the right zone. Of a domain: see whether it is written right, and "
	       "whether its name servers answer.",
	.why = "fakemx reads zones with the parser of Knot DNS. What that cannot read may be no zone for a name server either, so fakemx never writes to it.",
	.source = "RFC 1035 5",
},
};
/* clang-format on */

const struct finding_kind *finding_kind(enum finding_id id)
{
	assert((unsigned)id < FINDING_COUNT && kinds[id].id);
	return &kinds[id];
}
