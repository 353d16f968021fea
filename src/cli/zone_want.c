#include "cli/zone_want.h"

#include <string.h>

#include "base/mem.h"

int zone_want_decoy(const struct cli *c, const char *option, const char *text,
		    struct plan_decoy *ret)
{
	char name[NAME_INPUT_MAX], addresses[1024];
	size_t n = strcspn(text, "=");
	struct error e;
	if (n >= sizeof(name) ||
	    !str_copy(addresses, sizeof(addresses), text[n] ? text + n + 1 : ""))
		return cli_usage(c, "--%s: too long", option);
	memcpy(name, text, n);
	name[n] = '\0';
	if (name_read(name, ret->name, NULL, &e) != 0)
		return cli_usage(c, "--%s: %s", option, e.text);
	if (!name_is_host(ret->name) || (text[n] && !addresses[0]))
		return cli_usage(
		    c,
		    "--%s %s: a decoy is NAME=ADDRESS, its host name in full "
		    "and an address of yours, such as --%s "
		    "fake1.mx.example.com=192.0.2.30",
		    option, text, option);
	ret->is_sure = n > 0 && name[n - 1] == '.';
	char *rest = addresses, *one;
	while ((one = strsep(&rest, ",")) && *one) {
		if (ret->address_count == HOST_MAX_ADDRESSES)
			return cli_usage(c, "--%s: more than %d addresses", option,
					 HOST_MAX_ADDRESSES);
		if (!addr_parse(one, &ret->addresses[ret->address_count++]))
			return cli_usage(c, "--%s: \"%s\" is not an IPv4 or IPv6 address",
					 option, one);
	}
	return CLI_DONE;
}

static int read_decoy(const struct cli *c, const char *option, struct plan_decoy *ret)
{
	const char *text = cli_option(c, option);
	return text ? zone_want_decoy(c, option, text, ret) : CLI_DONE;
}

static int read_ttl(const struct cli *c, struct plan_want *want)
{
	uint64_t ttl = 0;
	int code = cli_number(c, "ttl", 1, 604800, &ttl);
	want->ttl = ttl ? (int64_t)ttl : -1;
	return code;
}

static int check_decoys_given(const struct cli *c, const struct plan_want *want)
{
	bool high = want->layout == LAYOUT_HIGH || want->layout == LAYOUT_BOTH;
	bool low = want->layout == LAYOUT_LOW || want->layout == LAYOUT_BOTH;
	bool low_is_asked = cli_option(c, "low") && !cli_option(c, "layout") && !low;
	if (low_is_asked && !want->high.name[0])
		return cli_usage(c, "--low goes with --layout low, or with --decoy and "
				    "--layout both");
	if (low_is_asked)
		cli_warn(c,
			 "--low %s is passed over: layout %s has no decoy that is tried "
			 "first; --layout both has",
			 want->low.name, layout_name(want->layout));
	if (high && !want->high.name[0])
		return cli_usage(c,
				 "layout %s needs the high decoy: --decoy NAME=ADDRESS",
				 layout_name(want->layout));
	if (low && !want->low.name[0])
		return cli_usage(c, "layout %s needs the low decoy: --low NAME=ADDRESS",
				 layout_name(want->layout));
	if (want->high.name[0] && strcmp(want->high.name, want->low.name) == 0)
		return cli_usage(
		    c, "--decoy and --low name the same host: each decoy needs its own");
	return CLI_DONE;
}

static int read_layout(const struct cli *c, struct plan_want *want)
{
	const char *layout = cli_option(c, "layout");
	if (!layout || layout_parse(layout, &want->layout))
		return CLI_DONE;
	return cli_usage(c, "--layout %s: there are none, high, low and both", layout);
}

bool zone_want_is_given(const struct cli *c)
{
	return cli_option(c, "decoy") || cli_option(c, "low") || cli_option(c, "layout");
}

int zone_want_of_options(const struct cli *c, bool reverts, struct zone_want *ret)
{
	struct plan_want *want = &ret->plan;
	*ret = (struct zone_want){ .plan = { .layout = LAYOUT_HIGH,
					     .ttl = -1,
					     .lab = c->lab,
					     .renumber = cli_flag(c, "renumber") },
				   .postures = { POSTURE_CLOSED, POSTURE_DEFER } };
	int code = read_layout(c, want);
	if (code == CLI_DONE)
		code = read_ttl(c, want);
	if (code == CLI_DONE)
		code = read_decoy(c, "decoy", &want->high);
	if (code == CLI_DONE)
		code = read_decoy(c, "low", &want->low);
	if (code == CLI_DONE && !reverts)
		code = check_decoys_given(c, want);
	if (reverts)
		want->layout = LAYOUT_NONE;
	return code;
}

int zone_want_half(const struct cli *c, bool *ret_given, struct half *ret)
{
	const char *seed = cli_option(c, "half");
	*ret_given = seed != NULL;
	if (!seed)
		return CLI_DONE;
	if (!*seed)
		return cli_usage(c, "--half needs a word, the experiment's name, say: "
				    "the same word gives the same half again");
	half_init(ret, seed);
	return CLI_DONE;
}

/* ---- the same from a site ---- */

/* The decoy that is tried next after `last`, NULL before the first; equal ones as they
 * are written. */
static const struct host *next_decoy(const struct site *s, const struct host *last)
{
	const struct host *next = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *h = &s->hosts[i];
		bool is_after = !last || h->preference > last->preference ||
				(h->preference == last->preference && h > last);
		if (h->role == ROLE_DECOY && is_after &&
		    (!next || h->preference < next->preference))
			next = h;
	}
	return next;
}

/* The next place for it; NULL: there is none. */
static struct plan_decoy *place_of(struct plan_want *want, const struct host *h)
{
	if (h->place == PLACE_LOW)
		return &want->low; /* site_check allows one */
	if (!want->high.name[0])
		return &want->high;
	return want->also_count < PLAN_MAX_ALSO ? &want->also[want->also_count++] : NULL;
}

static void set_decoy(struct plan_decoy *d, const struct host *h)
{
	(void)str_copy(d->name, sizeof(d->name), h->name);
	d->is_sure = true;
	for (uint8_t i = 0; i < h->address_count; i++)
		d->addresses[d->address_count++] = h->addresses[i].addr;
}

int zone_want_of_site(const struct cli *c, const struct site *s, bool lab, bool reverts,
		      struct zone_want *ret)
{
	struct plan_want *want = &ret->plan;
	*ret = (struct zone_want){ .plan = { .layout = s->layout,
					     .ttl = -1,
					     .lab = lab || c->lab,
					     .renumber = cli_flag(c, "renumber") },
				   .postures = { POSTURE_CLOSED, POSTURE_DEFER } };
	for (const struct host *h = NULL; (h = next_decoy(s, h));) {
		struct plan_decoy *place = place_of(want, h);
		if (!place)
			return cli_usage(c, "site \"%s\" has more than %d high decoys",
					 s->name, PLAN_MAX_ALSO + 1);
		set_decoy(place, h);
		if (place == &want->low)
			ret->postures.low = h->posture;
		else if (place == &want->high)
			ret->postures.high = h->posture;
	}
	int code = read_layout(c, want);
	if (code == CLI_DONE)
		code = read_ttl(c, want);
	if (code == CLI_DONE && !reverts)
		code = check_decoys_given(c, want);
	if (reverts)
		want->layout = LAYOUT_NONE;
	return code;
}

const struct site *zone_want_site(const struct config *c, const char *domain)
{
	for (size_t i = 0; i < c->site_count; i++)
		if (site_has_domain(&c->sites[i], domain))
			return &c->sites[i];
	return NULL;
}
