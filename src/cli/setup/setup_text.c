#include "cli/setup/setup_text.h"

#include <string.h>

#include "base/stamp.h"

struct host *setup_add(struct setup *s)
{
	return s->count < SITE_MAX_HOSTS ? &s->hosts[s->count++] : NULL;
}

const struct setup_own *setup_machine_has(const struct setup_machine *m, struct addr a)
{
	for (size_t i = 0; i < m->count; i++)
		if (addr_equal(m->own[i].addr, a))
			return &m->own[i];
	return NULL;
}

/* ---- the configuration ---- */

static void add_addresses(const struct host *h, struct buf *out)
{
	buf_adds(out, "    address    = { ");
	for (uint8_t i = 0; i < h->address_count; i++) {
		char text[ADDR_TEXT_MAX];
		buf_addf(out, "%s\"%s\"", i ? ", " : "",
			 addr_text(h->addresses[i].addr, text));
	}
	buf_adds(out, " }\n");
}

/* What another decoy's machine saw comes by a feed, too. */
static void add_elsewhere(const struct host *h, struct buf *out)
{
	buf_addf(
	    out,
	    "    # It stands on another machine, which sends who came; there must be "
	    "a key for ssh.\n"
	    "    watch      = feed\n"
	    "    feed       = \"ssh %s fakemx feed --host %s --to - --since %%s\"\n",
	    h->name, h->name);
}

static bool is_contained(const struct setup *s, const struct host *h)
{
	return *s->container && h == &s->hosts[s->contained];
}

/* A log on another machine comes by a feed. */
static void add_watch(const struct setup *s, const struct host *h, struct buf *out)
{
	if (is_contained(s, h))
		buf_addf(
		    out,
		    "    # fakemx-feed@%s.service sends its visits: its log can be read "
		    "by\n"
		    "    # `docker logs` alone, which serve may not run.\n"
		    "    watch      = feed\n",
		    s->container);
	else if (strcmp(h->watch, "feed") == 0)
		buf_addf(
		    out,
		    "    # Its visits come from that machine; there must be fakemx and a "
		    "key for ssh.\n"
		    "    watch      = feed\n"
		    "    feed       = \"ssh %s fakemx feed --host %s --maillog journal "
		    "--to - --since %%s\"\n",
		    h->name, h->name);
	else if (*h->watch)
		buf_addf(out, "    watch      = \"%s\"\n", h->watch);
	else
		buf_adds(out,
			 "    # Without its mail log no sender can be judged: a path, "
			 "journal, or \"journal:MATCH\".\n"
			 "    # watch    = \"/var/log/mail.log\"\n");
}

static void add_host(const struct setup *s, const struct host *h, struct buf *out)
{
	bool is_real = h->role == ROLE_REAL;
	buf_addf(out, "\n  %s \"%s\" {\n    preference = %u\n",
		 is_real ? "host" : "decoy", h->name, h->preference);
	add_addresses(h, out);
	if (is_real)
		add_watch(s, h, out);
	else
		buf_addf(out, "    posture    = %s\n", posture_name(h->posture));
	if (!is_real && *h->watch)
		add_elsewhere(h, out);
	buf_adds(out, "  }\n");
}

static void add_decoy_hint(const struct setup *s, struct buf *out)
{
	buf_addf(
	    out,
	    "\n  # When you have a public address on which no mail server answers: take "
	    "the # away,\n"
	    "  # put your address in, write layout = high above, and see `fakemx plan "
	    "%s`.\n"
	    "  # decoy \"fake1.mx.%s\" {\n"
	    "  #   preference = %u           # greater than every real host's\n"
	    "  #   address    = { \"198.51.100.30\" }\n"
	    "  #   posture    = defer        # answers, and asks everybody to come "
	    "again\n"
	    "  # }\n",
	    s->domain, s->domain, s->high);
}

static void add_site_begin(const struct setup *s, struct buf *out)
{
	size_t len = strlen(s->domain);
	buf_addf(
	    out,
	    "site \"%s\" {\n"
	    "  # none: watch only. high: a decoy that is tried last, after every real "
	    "host.\n"
	    "  layout  = %s\n"
	    "  # All domains whose MX records are these.\n"
	    "  domains = { \"%s\" }\n",
	    len < SITE_NAME_MAX ? s->domain : "mail", layout_name(s->layout), s->domain);
	if (s->ttl > 0 && s->ttl <= 7 * 86400)
		buf_addf(out, "  mx_ttl  = %us\n", s->ttl);
}

void setup_conf(const struct setup *s, struct buf *out)
{
	buf_addf(
	    out,
	    "# The configuration of fakemx, as `fakemx setup %s` wrote it on %s.\n"
	    "# It is yours to change; every key is in `man fakemx.conf`. Afterwards:\n"
	    "#   fakemx serve --check-config && systemctl reload fakemx\n\n",
	    s->domain, s->day);
	if (s->lab)
		buf_adds(out, "# A trial: addresses that are not public are allowed.\n"
			      "lab = true\n\n");
	buf_adds(out, "# observe: nobody is listed, and the report says who would have "
		      "been. enforce: lists.\n"
		      "mode = observe\n\n");
	if (s->has_user)
		buf_adds(out, "# Whom serve becomes if root starts it.\n"
			      "user = \"_fakemx\"\n\n");
	add_site_begin(s, out);
	bool has_decoy = false;
	for (size_t i = 0; i < s->count; i++) {
		add_host(s, &s->hosts[i], out);
		has_decoy = has_decoy || s->hosts[i].role == ROLE_DECOY;
	}
	if (!has_decoy)
		add_decoy_hint(s, out);
	buf_adds(out, "}\n");
}

/* ---- what has to be done ---- */

static bool is_decoys(const struct setup *s, struct addr a)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->hosts[i].role == ROLE_DECOY && host_has_address(&s->hosts[i], a))
			return true;
	return false;
}

/* The machine's addresses but the decoys', for the mail server to listen on. */
static void add_others(const struct setup *s, const struct setup_machine *m,
		       const char *between, bool brackets, struct buf *out)
{
	for (size_t i = 0; i < m->count; i++) {
		struct addr a = m->own[i].addr;
		char text[ADDR_TEXT_MAX];
		bool is_six = brackets && !addr_is_v4(a);
		if (is_decoys(s, a) || addr_kind(a) == ADDR_LOOPBACK ||
		    addr_kind(a) == ADDR_LINK_LOCAL)
			continue;
		buf_addf(out, "%s%s%s%s", is_six ? "[" : "", addr_text(a, text),
			 is_six ? "]" : "", between);
	}
	buf_addf(out, "127.0.0.1%s%s", between, brackets ? "[::1]" : "::1");
}

static void add_taken(const struct setup *s, const struct setup_machine *m,
		      const char *address, struct buf *out)
{
	buf_addf(out, "A mail server answers at %s, port 25, where the decoy should. ",
		 address);
	if (strcmp(s->program, "exim") == 0) {
		buf_adds(out,
			 "Tell Exim which addresses are its own, and restart it:\n"
			 "  sed -i \"s/^dc_local_interfaces=.*/dc_local_interfaces='");
		add_others(s, m, " ; ", false, out);
		buf_adds(out, "'/\" /etc/exim4/update-exim4.conf.conf\n"
			      "  update-exim4.conf && systemctl restart exim4\n");
	} else if (!*s->program || strcmp(s->program, "postfix") == 0) {
		buf_adds(out, "Tell Postfix which addresses are its own, and restart it "
			      "(a reload is not enough):\n"
			      "  postconf -e 'inet_interfaces = ");
		add_others(s, m, ", ", true, out);
		buf_adds(out,
			 "'\n  systemctl restart postfix\n"
			 "If that leaves it one address of a family besides loopback, "
			 "it also sends from that one.\n");
	} else {
		buf_addf(out, "Configure %s to listen on its other addresses only.\n",
			 s->program);
	}
}

static const char *a_face(const struct setup_machine *m)
{
	for (size_t i = 0; i < m->count; i++)
		if (addr_kind(m->own[i].addr) == ADDR_PUBLIC)
			return m->own[i].face;
	return "eth0";
}

static void add_address(const struct setup *s, const struct setup_machine *m,
			const struct host *h, struct addr a, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	addr_text(a, text);
	const struct setup_own *own = setup_machine_has(m, a);
	if (*h->watch)
		buf_addf(out,
			 "On the machine of %s install fakemx, copy this configuration "
			 "there, with this line at its top, and start serve there too:\n"
			 "  here = \"%s\"\n",
			 text, h->name);
	else if (own && own->is_taken)
		add_taken(s, m, text, out);
	else if (!own && h->posture == POSTURE_CLOSED)
		buf_addf(out,
			 "%s is not an address of this machine: see that nothing listens "
			 "on its port 25, and that no firewall drops what comes there. "
			 "Who knocks there is not seen from here.\n",
			 text);
	else if (!own && addr_kind(a) != ADDR_LOOPBACK)
		buf_addf(
		    out,
		    "%s is not an address of this machine. If your provider leads it "
		    "here, add it (and to your network's configuration, so that it is "
		    "there after a restart):\n"
		    "  ip addr add %s/%d dev %s\n",
		    text, text, addr_is_v4(a) ? 32 : 128, a_face(m));
}

void setup_free_addresses(const struct setup *s, const struct setup_machine *m,
			  struct buf *out)
{
	for (size_t i = 0; i < s->count; i++)
		for (uint8_t n = 0;
		     s->hosts[i].role == ROLE_DECOY && n < s->hosts[i].address_count; n++)
			add_address(s, m, &s->hosts[i], s->hosts[i].addresses[n].addr,
				    out);
}

void setup_container_steps(const struct setup *s, struct buf *out)
{
	if (*s->container)
		buf_addf(
		    out,
		    "The log of the container %s can be read by `docker logs` alone. "
		    "This unit does so, and sends its visits to serve:\n"
		    "  echo HOST=%s > /etc/fakemx/feed-%s.conf\n"
		    "  systemctl enable --now fakemx-feed@%s\n"
		    "That unit may ask docker, which is as good as root. Better give the "
		    "container the logging driver journald, where you can, and run setup "
		    "again: then nothing of fakemx needs such a right.\n",
		    s->container, s->hosts[s->contained].name, s->container,
		    s->container);
}

void setup_log_advice(const struct setup *s, struct buf *out)
{
	if (strcmp(s->program, "exim") != 0)
		return;
	buf_adds(out,
		 "Exim on Debian does not log each connection. This adds it; it replaces "
		 "Debian's value, so that is repeated:\n"
		 "  echo 'MAIN_LOG_SELECTOR = +smtp_protocol_error +smtp_syntax_error "
		 "+tls_certificate_verified +tls_peerdn +smtp_connection +incoming_port "
		 "+incoming_interface' >> /etc/exim4/exim4.conf.localmacros\n"
		 "  update-exim4.conf && systemctl restart exim4\n");
}

/* ---- ways to an address ---- */

void setup_ways(const struct setup_machine *m, struct buf *out)
{
	buf_adds(out,
		 "A decoy needs a public address on which no mail server answers. This "
		 "machine has\n");
	for (size_t i = 0; i < m->count; i++) {
		char text[ADDR_TEXT_MAX];
		if (addr_kind(m->own[i].addr) == ADDR_PUBLIC)
			buf_addf(out, "     %s on %s: %s\n",
				 addr_text(m->own[i].addr, text), m->own[i].face,
				 m->own[i].is_taken ? "a mail server answers there"
						    : "free");
	}
	buf_adds(
	    out,
	    "The ways to one, with what each sees and costs:\n"
	    "  1  A second address of this machine. Every visit is seen. It costs the "
	    "address.\n"
	    "  2  A small machine elsewhere that runs fakemx too and sends its visits "
	    "here.\n"
	    "     Every visit is seen. It costs the machine.\n"
	    "  3  An IPv6 address alone. Most servers have some to spare. Mail programs "
	    "treat it as any\n"
	    "     other last MX; bots without IPv6 never come to it and leave no trace, "
	    "so that fewer\n"
	    "     are seen.\n"
	    "  4  An address of yours without a mail server, left closed. Bots go away "
	    "just the same,\n"
	    "     but only who knocked can be seen, never who was stopped: no numbers.\n"
	    "Without any, stay with layout none; `fakemx report --maillog` estimates "
	    "what a\n"
	    "decoy would stop.\n");
}
