#include "cli/setup/setup_site.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "dns/name.h"
#include "mx/hoster.h"

static int check_mx(const struct seen *seen, struct error *e)
{
	switch (seen->mx) {
	case MX_PRESENT: return 0;
	case MX_NULL:
		return error_set(e, -ENOENT,
				 "%s has a null MX record, which says that it takes no "
				 "mail: there is nothing to watch",
				 seen->domain);
	case MX_IMPLICIT:
		return error_set(e, -ENOENT,
				 "%s has no MX record, so its mail goes to its own "
				 "address. Give it one that names your mail server "
				 "(MX 10 mail.%s), then run setup again",
				 seen->domain, seen->domain);
	default:
		return error_set(e, -ENOENT,
				 "%s has neither an MX record nor an address, so nobody "
				 "can send it mail. Is the name right?",
				 seen->domain);
	}
}

static bool is_decoy(const struct seen_host *h)
{
	return h->role == ROLE_DECOY && (h->is_declared || seen_is_called_decoy(h->name));
}

static int check_hoster(const struct seen *seen, const struct seen_host *h,
			struct error *e)
{
	const struct hoster *who = hoster_of(h->name);
	if (!who)
		return 0;
	return error_set(e, FMX_EREFUSED,
			 "do not set up a Fake MX for %s: its mail goes to %s (%s), and "
			 "beside that %s. `fakemx check %s` still shows what the world "
			 "sees",
			 seen->domain, who->name, h->name, who->meaning, seen->domain);
}

/* The name goes into a file, and with a feed into a command. */
static int check_name(const struct seen_host *h, struct error *e)
{
	if (name_is_host(h->name) && h->name[0] != '-')
		return 0;
	return error_set(e, FMX_EFOREIGN,
			 "the MX host \"%s\" has no name that a host may have; give it "
			 "one in the DNS, then run setup again",
			 h->name);
}

static void take_host(const struct seen_host *from, struct host *to)
{
	*to = (struct host){ .role = is_decoy(from) ? ROLE_DECOY : ROLE_REAL,
			     .place = from->place,
			     .preference = from->preference,
			     .posture = from->place == PLACE_LOW ? POSTURE_CLOSED
								 : POSTURE_DEFER };
	(void)str_copy(to->name, sizeof(to->name), from->name);
	for (size_t i = 0; i < from->address_count && i < HOST_MAX_ADDRESSES; i++)
		to->addresses[to->address_count++] =
		    (struct endpoint){ from->addresses[i].addr, SMTP_PORT };
}

static bool is_here(const struct host *h, const struct setup_machine *m,
		    const char *own_name)
{
	bool is = *own_name && strcasecmp(h->name, own_name) == 0;
	for (uint8_t i = 0; i < h->address_count; i++)
		is = is || setup_machine_has(m, h->addresses[i].addr);
	return is;
}

static int take_hosts(const struct seen *seen, bool decoys, struct setup *s,
		      struct error *e)
{
	for (size_t i = 0; i < seen->host_count; i++) {
		const struct seen_host *h = &seen->hosts[i];
		if (is_decoy(h) != decoys || (decoys && h->is_declared))
			continue;
		int r = check_name(h, e);
		if (r == 0 && !decoys)
			r = check_hoster(seen, h, e);
		if (r == 0 && h->address_count == 0)
			r = error_set(
			    e, -ENOENT,
			    "the MX host %s has no address, so nobody can reach "
			    "it; mend that in the DNS, then run setup again",
			    h->name);
		if (r != 0)
			return r;
		struct host *to = setup_add(s);
		if (!to)
			return error_set(e, FMX_ETOOBIG, "%s has more than %d MX hosts",
					 seen->domain, SITE_MAX_HOSTS);
		take_host(h, to);
	}
	return 0;
}

/* Of the decoys that are in the MX set already. */
static enum layout layout_of(const struct setup *s)
{
	bool low = false, high = false;
	for (size_t i = 0; i < s->count; i++) {
		low = low ||
		      (s->hosts[i].role == ROLE_DECOY && s->hosts[i].place == PLACE_LOW);
		high = high || (s->hosts[i].role == ROLE_DECOY &&
				s->hosts[i].place == PLACE_HIGH);
	}
	return low && high ? LAYOUT_BOTH
	       : low       ? LAYOUT_LOW
	       : high      ? LAYOUT_HIGH
			   : LAYOUT_NONE;
}

static uint16_t worst_real(const struct setup *s)
{
	uint16_t worst = 0;
	for (size_t i = 0; i < s->count; i++)
		if (s->hosts[i].role == ROLE_REAL && s->hosts[i].preference > worst)
			worst = s->hosts[i].preference;
	return worst;
}

int setup_site_hosts(const struct seen *seen, const struct setup_machine *machine,
		     const char *own_name, struct setup *s, bool here[SITE_MAX_HOSTS],
		     struct error *e)
{
	(void)str_copy(s->domain, sizeof(s->domain), seen->domain);
	s->ttl = seen->ttl;
	int r = check_mx(seen, e);
	if (r == 0)
		r = take_hosts(seen, false, s, e);
	if (r == 0)
		r = take_hosts(seen, true, s, e);
	s->layout = layout_of(s);
	int high = plan_high_preference(worst_real(s));
	s->high = high < 0 ? UINT16_MAX : (uint16_t)high;
	for (size_t i = 0; i < s->count; i++)
		here[i] = s->hosts[i].role == ROLE_REAL &&
			  is_here(&s->hosts[i], machine, own_name);
	return r;
}

bool setup_site_watch(struct setup *s, bool here[SITE_MAX_HOSTS], const char *watch,
		      bool insists)
{
	size_t real = 0;
	bool any = false;
	for (size_t i = 0; i < s->count; i++) {
		real += s->hosts[i].role == ROLE_REAL;
		any = any || here[i];
	}
	if (!any && *watch && (real == 1 || insists))
		here[0] = any = true; /* real hosts stand first, the best before all */
	for (size_t i = real; i-- > 0;) {
		(void)str_copy(s->hosts[i].watch, WATCH_MAX, here[i] ? watch : "feed");
		if (here[i])
			s->contained = i; /* the best of them */
	}
	if (!any)
		*s->container = '\0';
	return any;
}

int setup_site_decoy_name(const struct seen *seen, const struct plan_decoy *d,
			  struct error *e)
{
	for (size_t i = 0; i < seen->host_count; i++) {
		const struct seen_host *h = &seen->hosts[i];
		char text[ADDR_TEXT_MAX];
		bool is_same = h->address_count == 0;
		for (size_t k = 0; k < h->address_count; k++)
			for (uint8_t n = 0; n < d->address_count; n++)
				is_same = is_same || addr_equal(h->addresses[k].addr,
								d->addresses[n]);
		if (strcmp(h->name, d->name) == 0 && !is_same)
			return error_set(
			    e, FMX_EREFUSED,
			    "%s is an MX host of %s already, with the address %s: give "
			    "the "
			    "decoy a name of its own, such as fake1.mx.%s; nothing was "
			    "written",
			    d->name, seen->domain, addr_text(h->addresses[0].addr, text),
			    seen->domain);
	}
	return 0;
}

int setup_site_decoy(const struct seen *seen, const struct plan_decoy *d,
		     enum setup_way way, struct setup *s, struct error *e)
{
	uint16_t worst = worst_real(s);
	int preference = plan_high_preference(worst);
	for (size_t i = 0; i < seen->host_count; i++)
		if (strcmp(seen->hosts[i].name, d->name) == 0 &&
		    seen->hosts[i].preference > worst)
			preference = seen->hosts[i].preference;
	if (preference < 0)
		return error_set(e, FMX_EUSAGE,
				 "the last real host of %s has preference %u, and there "
				 "is no greater one for a decoy; give it a smaller one "
				 "in the DNS",
				 s->domain, worst);
	struct host *h = setup_add(s);
	if (!h)
		return error_set(e, FMX_ETOOBIG, "more than %d MX hosts", SITE_MAX_HOSTS);
	*h = (struct host){ .role = ROLE_DECOY,
			    .place = PLACE_HIGH,
			    .preference = (uint16_t)preference,
			    .posture =
				way == SETUP_CLOSED ? POSTURE_CLOSED : POSTURE_DEFER,
			    .address_count = d->address_count };
	if (way == SETUP_ELSEWHERE)
		(void)str_copy(h->watch, sizeof(h->watch), "feed");
	(void)str_copy(h->name, sizeof(h->name), d->name);
	for (uint8_t i = 0; i < d->address_count; i++)
		h->addresses[i] = (struct endpoint){ d->addresses[i], SMTP_PORT };
	s->layout = layout_of(s);
	return 0;
}
