#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "outlet/report/report.h"

static void hide_risk(struct report_at_risk *a)
{
	free(a->name);
	free(a->sender_domain);
	free(a->recipient_domain);
	a->name = xstrdup("");
	a->sender_domain = a->recipient_domain = NULL;
	a->client = (struct addr){ { 0 } };
	a->since = a->message_time = 0;
	a->is_hidden = true;
}

static void hide_site(struct report_site *s, size_t number)
{
	char name[32];
	unsigned of_role[3] = { 0 };
	(void)snprintf(name, sizeof(name), "site %zu", number);
	free(s->name);
	s->name = xstrdup(name);
	for (size_t i = 0; i < s->host_count; i++) {
		struct report_host *h = &s->hosts[i];
		(void)snprintf(h->name, sizeof(h->name), "%s host %u", role_name(h->role),
			       ++of_role[h->role]);
		*h->why = '\0'; /* it may name anything */
	}
	for (size_t i = 0; i < s->counts.at_risk_count; i++)
		hide_risk(&s->counts.at_risk[i]);
	for (size_t i = 0; i < s->compared_count; i++)
		(void)snprintf(s->compared[i].zone, sizeof(s->compared[i].zone),
			       "blocklist %zu", i + 1);
}

void report_anonymize(struct report *r)
{
	r->is_anonymous = true;
	for (size_t i = 0; i < r->site_count; i++)
		hide_site(&r->sites[i], i + 1);
}
