#include "cli/check_show.h"

#include <assert.h>
#include <string.h>

#include "base/number.h"
#include "base/stamp.h"
#include "cli/check_senders.h"
#include "cli/cli.h"
#include "mx/hoster.h"
#include "outlet/json.h"
#include "zone/plan.h"

enum { JSON_MAX = 4 << 20, WIDTH = 78 };

/* ---- JSON ------------------------------------------------------------- */

static json_t *address_json(const struct seen_address *a)
{
	json_t *o = json_object();
	json_add(o, "address", json_addr(a->addr));
	json_add(o, "state", a->is_known ? json_text(state_name(a->state)) : json_null());
	json_add(o, "seconds", a->is_known ? json_seconds(a->us) : json_null());
	json_add(o, "reply", json_text_or_null(a->reply));
	return o;
}

static json_t *host_json(const struct seen_host *h, bool is_known)
{
	json_t *o = json_object(), *addresses = json_array();
	for (size_t i = 0; i < h->address_count; i++)
		json_push(addresses, address_json(&h->addresses[i]));
	json_add(o, "preference", json_integer(h->preference));
	json_add(o, "host", json_text(h->name));
	json_add(o, "role", is_known ? json_text(role_name(h->role)) : json_null());
	json_add(o, "addresses", addresses);
	return o;
}

static json_t *finding_json(const struct finding *f)
{
	json_t *o = json_object();
	json_add(o, "id", json_text(f->kind->id));
	json_add(o, "severity", json_text(severity_name(f->severity)));
	json_add(o, "text", json_text(f->text));
	json_add(o, "fix", json_text(f->fix));
	return o;
}

static json_t *senders_of(const struct seen *s)
{
	struct check_senders cs;
	json_t *list =
	    check_senders_init(&cs, s) ? senders_json(&cs.senders) : json_array();
	check_senders_release(&cs);
	return list;
}

static void print_line(FILE *to, json_t *o)
{
	struct buf b = BUF_INIT(JSON_MAX);
	json_line(o, &b);
	assert(!buf_failed(&b)); /* the limits of seen.h keep it far below */
	(void)fprintf(to, "%s\n", buf_text(&b));
	buf_release(&b);
}

void check_json_error(FILE *to, const char *domain, const char *failure)
{
	json_t *o = json_object();
	json_add(o, "version", json_integer(1));
	json_add(o, "domain", json_text(domain));
	json_add(o, "layout", json_null());
	json_add(o, "hosts", json_array());
	json_add(o, "findings", json_array());
	json_add(o, "senders", json_array());
	json_add(o, "error", json_text(failure));
	print_line(to, o);
}

void check_json(FILE *to, const struct look_result *r, const struct findings *f)
{
	const struct seen *s = &r->seen;
	if (r->status != LOOKUP_OK) {
		check_json_error(to, s->domain, r->failure);
		return;
	}
	json_t *o = json_object(), *hosts = json_array(), *findings = json_array();
	bool is_known = seen_roles_are_known(s);
	for (size_t i = 0; i < s->host_count; i++)
		json_push(hosts, host_json(&s->hosts[i], is_known));
	for (size_t i = 0; i < f->count; i++)
		json_push(findings, finding_json(&f->items[i]));
	json_add(o, "version", json_integer(1));
	json_add(o, "domain", json_text(s->domain));
	json_add(o, "layout", is_known ? json_text(layout_name(s->layout)) : json_null());
	json_add(o, "hosts", hosts);
	json_add(o, "findings", findings);
	json_add(o, "senders", senders_of(s));
	print_line(to, o);
}

/* ---- text ------------------------------------------------------------- */

static enum cli_style state_style(const struct seen_host *h, const struct seen_address *a)
{
	if (!a->is_known)
		return CLI_FAINT;
	if (h->role == ROLE_DECOY)
		return CLI_PLAIN;
	return a->state == STATE_OPEN ? CLI_GOOD : CLI_BAD;
}

static void text_address(FILE *to, const struct seen_host *h,
			 const struct seen_address *a, int width, const char *role)
{
	bool is_first = role != NULL;
	char address[ADDR_TEXT_MAX], seconds[32] = "";
	char preference[8] = "";
	if (is_first)
		(void)snprintf(preference, sizeof(preference), "%u", h->preference);
	if (a && a->is_known)
		(void)snprintf(seconds, sizeof(seconds), "%.3f s",
			       (double)a->us / (double)STAMP_SECOND);
	(void)fprintf(to, "  %5s  %-5s  %-*s  ", preference, is_first ? role : "", width,
		      is_first ? h->name : "");
	if (!a) {
		(void)fprintf(to, "%s\n",
			      h->lookup == HOST_FAILED ? h->failure : "no address");
		return;
	}
	(void)fprintf(to, "%-15s  %s%-12s%s %9s  %.60s\n", addr_text(a->addr, address),
		      cli_style(to, state_style(h, a)),
		      a->is_known ? state_name(a->state) : "not known",
		      cli_style(to, CLI_PLAIN), seconds, a->reply);
}

static void text_hosts(FILE *to, const struct seen *s)
{
	int width = 4;
	for (size_t i = 0; i < s->host_count; i++)
		if ((int)strlen(s->hosts[i].name) > width)
			width = (int)strlen(s->hosts[i].name);
	if (s->host_count > 0)
		(void)fprintf(to, "\n%s  %5s  %-5s  %-*s  %-15s  %-12s %9s  %s%s\n",
			      cli_style(to, CLI_BOLD), "PREF", "ROLE", width, "HOST",
			      "ADDRESS", "STATE", "TIME", "REPLY",
			      cli_style(to, CLI_PLAIN));
	for (size_t i = 0; i < s->host_count; i++) {
		const struct seen_host *h = &s->hosts[i];
		const char *role = seen_roles_are_known(s) ? role_name(h->role) : "?";
		if (h->address_count == 0)
			text_address(to, h, NULL, width, role);
		for (size_t j = 0; j < h->address_count; j++)
			text_address(to, h, &h->addresses[j], width, j ? NULL : role);
	}
}

static void text_findings(FILE *to, const struct findings *f)
{
	static const enum cli_style styles[] = { CLI_PLAIN, CLI_WARN, CLI_BAD };
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *x = &f->items[i];
		(void)fprintf(to, "\n%s%s%s %s\n  ", cli_style(to, styles[x->severity]),
			      severity_name(x->severity), cli_style(to, CLI_PLAIN),
			      x->kind->id);
		cli_folded(to, x->text, 2, WIDTH);
		(void)fprintf(to, "  Fix: ");
		cli_folded(to, x->fix, 7, WIDTH);
	}
}

/* What `plan` would add; nothing where a Fake MX makes no sense. */
static void text_proposal(FILE *to, const struct seen *s)
{
	uint16_t worst = 0;
	size_t open = 0;
	const struct hoster *hoster = NULL;
	for (size_t i = 0; i < s->host_count; i++) {
		worst = s->hosts[i].preference > worst ? s->hosts[i].preference : worst;
		open += seen_host_is_open(&s->hosts[i]);
		hoster = hoster ? hoster : hoster_of(s->hosts[i].name);
	}
	int high = plan_high_preference(worst);
	if (s->mx != MX_PRESENT || open == 0 || high < 0)
		return;
	char text[1024];
	if (hoster) {
		(void)snprintf(
		    text, sizeof(text),
		    "There is no Fake MX here, and with %s as the mail host it "
		    "should stay so: %s.",
		    hoster->name, hoster->meaning);
		(void)fputc('\n', to);
		cli_folded(to, text, 0, WIDTH);
		return;
	}
	(void)snprintf(
	    text, sizeof(text),
	    "There is no Fake MX here. %zu of %zu host%s take%s mail. `fakemx plan` "
	    "with layout high would add a decoy that no queueing sender visits while "
	    "a real host accepts:",
	    open, s->host_count, number_plural(s->host_count), open == 1 ? "s" : "");
	(void)fputc('\n', to);
	cli_folded(to, text, 0, WIDTH);
	(void)fprintf(to, "\n  %s. MX %d fake1.mx.%s.\n", s->domain, high, s->domain);
}

static void text_senders(FILE *to, const struct seen *s)
{
	struct check_senders cs;
	if (check_senders_init(&cs, s)) {
		(void)fprintf(to, "\nWhat senders do with this:\n\n");
		senders_table(to, &cs.senders);
	}
	check_senders_release(&cs);
}

/* Who is not called a decoy and was not declared one can be read two ways. */
static void text_guess(FILE *to, const struct seen *s)
{
	for (size_t i = 0; i < s->host_count; i++) {
		char text[2 * NAME_MAX_TEXT + 200];
		if (!s->hosts[i].is_guessed)
			continue;
		(void)snprintf(
		    text, sizeof(text),
		    "%s is taken for a decoy, since it is last and takes no mail%s; "
		    "or it is a backup that is down. --decoy %s says that it is "
		    "meant so.",
		    s->hosts[i].name,
		    s->hosts[i].is_down_again ? ", neither at a second look" : "",
		    s->hosts[i].name);
		(void)fputc('\n', to);
		cli_folded(to, text, 0, WIDTH);
	}
}

void check_text(FILE *to, const struct look_result *r, const struct findings *f)
{
	const struct seen *s = &r->seen;
	static const char *const layouts[] = {
		[LAYOUT_NONE] = "no Fake MX",
		[LAYOUT_HIGH] = "Fake MX behind the real hosts (layout high)",
		[LAYOUT_LOW] = "Fake MX in front of the real hosts (layout low)",
		[LAYOUT_BOTH] = "Fake MX on both sides (layout both)",
	};
	bool is_known = seen_roles_are_known(s);
	(void)fprintf(to, "%s%s%s: %s%s\n", cli_style(to, CLI_BOLD), s->domain,
		      cli_style(to, CLI_PLAIN),
		      is_known ? layouts[s->layout]
			       : "not probed, so whether there is a Fake MX is not known",
		      is_known && f->count == 0 ? ", nothing wrong" : "");
	text_hosts(to, s);
	text_guess(to, s);
	text_findings(to, f);
	if (s->layout == LAYOUT_NONE && findings_worst(f) != SEVERITY_ERROR)
		text_proposal(to, s);
	text_senders(to, s);
}
