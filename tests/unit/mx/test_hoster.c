#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mx/hoster.h"

/* The names as these hosters tell their customers to write them. */
static void hosters_are_known_by_their_mx_names(void **state)
{
	(void)state;
	static const struct {
		const char *mx, *name; /* NULL: nobody's that is known */
		enum hoster_kind kind;
	} rows[] = {
		{ "aspmx.l.google.com", "Google", HOSTER_MAIL },
		{ "ALT1.ASPMX.L.GOOGLE.COM", "Google", HOSTER_MAIL },
		{ "smtp.google.com", "Google", HOSTER_MAIL },
		{ "aspmx2.googlemail.com", "Google", HOSTER_MAIL },
		{ "example-com.mail.protection.outlook.com", "Microsoft", HOSTER_MAIL },
		{ "example-com.p-v1.mx.microsoft", "Microsoft", HOSTER_MAIL },
		{ "in1-smtp.messagingengine.com", "Fastmail", HOSTER_MAIL },
		{ "mail.protonmail.ch", "Proton", HOSTER_MAIL },
		{ "mx.zoho.com", "Zoho", HOSTER_MAIL },
		{ "mx2.zoho.eu", "Zoho", HOSTER_MAIL },
		{ "route1.mx.cloudflare.net", "Cloudflare", HOSTER_FORWARD },
		{ "mx01.mail.icloud.com", "iCloud", HOSTER_MAIL },
		{ "mx1.mail.ovh.net", "OVH", HOSTER_MAIL },
		{ "mx00.ionos.de", "IONOS", HOSTER_MAIL },
		{ "mx01.kundenserver.de", "IONOS", HOSTER_MAIL },
		{ "eu-smtp-inbound-1.mimecast.com", "Mimecast", HOSTER_FILTER },
		{ "mxa-00123456.gslb.pphosted.com", "Proofpoint", HOSTER_FILTER },
		{ "mx1-us1.ppe-hosted.com", "Proofpoint", HOSTER_FILTER },
		{ "d12345.ess.barracudanetworks.com", "Barracuda", HOSTER_FILTER },
		{ "inbound-smtp.eu-west-1.amazonaws.com", "Amazon SES", HOSTER_FORWARD },
		{ "ec2-1.compute.amazonaws.com", NULL, HOSTER_MAIL },
		{ "mx.yandex.net", "Yandex", HOSTER_MAIL },
		{ "mxext1.mailbox.org", "mailbox.org", HOSTER_MAIL },
		{ "aspmx1.migadu.com", "Migadu", HOSTER_MAIL },
		{ "spool.mail.gandi.net", "Gandi", HOSTER_MAIL },
		{ "mta-gw.infomaniak.ch", "Infomaniak", HOSTER_MAIL },
		{ "mail.example.com", NULL, HOSTER_MAIL },
		{ "notgoogle.com", NULL, HOSTER_MAIL }, /* no name below it */
		{ "mail.gandi.net.example.com", NULL, HOSTER_MAIL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct hoster *h = hoster_of(rows[i].mx);
		const char *got = h ? h->name : "nobody";
		const char *want = rows[i].name ? rows[i].name : "nobody";
		if (strcmp(got, want) != 0 || (h && h->kind != rows[i].kind))
			fail_msg("%s: got %s, want %s", rows[i].mx, got, want);
		if (h) /* what a decoy beside it means is said */
			assert_true(strlen(h->meaning) > 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosters_are_known_by_their_mx_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
