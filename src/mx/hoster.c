#include "mx/hoster.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* What most of a kind have in common. */
#define CHECKS                                                                           \
	"its set-up check takes other MX records for a mistake, and its log of "         \
	"connections cannot be had"
#define QUIET "its log of connections cannot be had, so a loss would not be seen"
#define FILTERS                                                                          \
	"bots are filtered there already, and the log that shows who came is the "       \
	"filter's"
#define FORWARDS                                                                         \
	"it passes mail on at once and keeps no log that fakemx can read, so a loss "    \
	"would not be seen"

/* clang-format off */
static const struct {
	const char *domain; /* the name itself, or a name below it */
	struct hoster hoster;
} table[] = {
	{ "google.com",                  { "Google", HOSTER_MAIL, CHECKS } },
	{ "googlemail.com",              { "Google", HOSTER_MAIL, CHECKS } },
	{ "outlook.com",                 { "Microsoft", HOSTER_MAIL, CHECKS } },
	{ "mx.microsoft",                { "Microsoft", HOSTER_MAIL, CHECKS } },
	{ "office365.us",                { "Microsoft", HOSTER_MAIL, CHECKS } },
	{ "partner.outlook.cn",          { "Microsoft", HOSTER_MAIL, CHECKS } },
	{ "messagingengine.com",         { "Fastmail", HOSTER_MAIL, CHECKS } },
	{ "protonmail.ch",               { "Proton", HOSTER_MAIL, CHECKS } },
	{ "protonmail.com",              { "Proton", HOSTER_MAIL, CHECKS } },
	{ "zoho.com",                    { "Zoho", HOSTER_MAIL, CHECKS } },
	{ "zoho.eu",                     { "Zoho", HOSTER_MAIL, CHECKS } },
	{ "zoho.in",                     { "Zoho", HOSTER_MAIL, CHECKS } },
	{ "zoho.com.au",                 { "Zoho", HOSTER_MAIL, CHECKS } },
	{ "zoho.jp",                     { "Zoho", HOSTER_MAIL, CHECKS } },
	{ "zohomail.com",                { "Zoho", HOSTER_MAIL, CHECKS } },
	{ "mail.icloud.com",             { "iCloud", HOSTER_MAIL, CHECKS } },
	{ "mx.cloudflare.net",           { "Cloudflare", HOSTER_FORWARD,
	    "its Email Routing wants to be the only MX and turns itself off beside another" } },
	{ "mail.ovh.net",                { "OVH", HOSTER_MAIL, QUIET } },
	{ "mail.ovh.ca",                 { "OVH", HOSTER_MAIL, QUIET } },
	{ "mail.ovh.us",                 { "OVH", HOSTER_MAIL, QUIET } },
	{ "ionos.com",                   { "IONOS", HOSTER_MAIL, QUIET } },
	{ "ionos.de",                    { "IONOS", HOSTER_MAIL, QUIET } },
	{ "ionos.co.uk",                 { "IONOS", HOSTER_MAIL, QUIET } },
	{ "ionos.fr",                    { "IONOS", HOSTER_MAIL, QUIET } },
	{ "ionos.es",                    { "IONOS", HOSTER_MAIL, QUIET } },
	{ "ionos.it",                    { "IONOS", HOSTER_MAIL, QUIET } },
	{ "kundenserver.de",             { "IONOS", HOSTER_MAIL, QUIET } },
	{ "1and1.com",                   { "IONOS", HOSTER_MAIL, QUIET } },
	{ "1and1.co.uk",                 { "IONOS", HOSTER_MAIL, QUIET } },
	{ "perfora.net",                 { "IONOS", HOSTER_MAIL, QUIET } },
	{ "yandex.net",                  { "Yandex", HOSTER_MAIL, CHECKS } },
	{ "yandex.ru",                   { "Yandex", HOSTER_MAIL, CHECKS } },
	{ "mailbox.org",                 { "mailbox.org", HOSTER_MAIL, CHECKS } },
	{ "migadu.com",                  { "Migadu", HOSTER_MAIL, CHECKS } },
	{ "mail.gandi.net",              { "Gandi", HOSTER_MAIL, QUIET } },
	{ "infomaniak.ch",               { "Infomaniak", HOSTER_MAIL, CHECKS } },
	{ "infomaniak.com",              { "Infomaniak", HOSTER_MAIL, CHECKS } },
	{ "ikmail.com",                  { "Infomaniak", HOSTER_MAIL, CHECKS } },
	{ "yahoodns.net",                { "Yahoo", HOSTER_MAIL, QUIET } },
	{ "mail.ru",                     { "Mail.ru", HOSTER_MAIL, CHECKS } },
	{ "secureserver.net",            { "GoDaddy", HOSTER_MAIL, QUIET } },
	{ "emailsrvr.com",               { "Rackspace", HOSTER_MAIL, QUIET } },
	{ "privateemail.com",            { "Namecheap", HOSTER_MAIL, QUIET } },
	{ "registrar-servers.com",       { "Namecheap", HOSTER_FORWARD, FORWARDS } },
	{ "hostinger.com",               { "Hostinger", HOSTER_MAIL, QUIET } },
	{ "titan.email",                 { "Titan", HOSTER_MAIL, QUIET } },
	{ "rzone.de",                    { "Strato", HOSTER_MAIL, QUIET } },
	{ "your-server.de",              { "Hetzner", HOSTER_MAIL, QUIET } },
	{ "one.com",                     { "one.com", HOSTER_MAIL, QUIET } },
	{ "loopia.se",                   { "Loopia", HOSTER_MAIL, QUIET } },
	{ "aruba.it",                    { "Aruba", HOSTER_MAIL, QUIET } },
	{ "posteo.de",                   { "Posteo", HOSTER_MAIL, QUIET } },
	{ "tutanota.de",                 { "Tuta", HOSTER_MAIL, CHECKS } },
	{ "runbox.com",                  { "Runbox", HOSTER_MAIL, QUIET } },
	{ "purelymail.com",              { "Purelymail", HOSTER_MAIL, CHECKS } },
	{ "mailfence.com",               { "Mailfence", HOSTER_MAIL, CHECKS } },
	{ "mxhichina.com",               { "Alibaba", HOSTER_MAIL, QUIET } },
	{ "qiye.aliyun.com",             { "Alibaba", HOSTER_MAIL, QUIET } },
	{ "qq.com",                      { "Tencent", HOSTER_MAIL, QUIET } },
	{ "mxmail.netease.com",          { "NetEase", HOSTER_MAIL, QUIET } },
	{ "mimecast.com",                { "Mimecast", HOSTER_FILTER, FILTERS } },
	{ "mimecast.co.za",              { "Mimecast", HOSTER_FILTER, FILTERS } },
	{ "mimecast-offshore.com",       { "Mimecast", HOSTER_FILTER, FILTERS } },
	{ "pphosted.com",                { "Proofpoint", HOSTER_FILTER, FILTERS } },
	{ "ppe-hosted.com",              { "Proofpoint", HOSTER_FILTER, FILTERS } },
	{ "gpphosted.com",               { "Proofpoint", HOSTER_FILTER, FILTERS } },
	{ "barracudanetworks.com",       { "Barracuda", HOSTER_FILTER, FILTERS } },
	{ "iphmx.com",                   { "Cisco", HOSTER_FILTER, FILTERS } },
	{ "messagelabs.com",             { "Broadcom", HOSTER_FILTER, FILTERS } },
	{ "trendmicro.com",              { "Trend Micro", HOSTER_FILTER, FILTERS } },
	{ "trendmicro.eu",               { "Trend Micro", HOSTER_FILTER, FILTERS } },
	{ "hydra.sophos.com",            { "Sophos", HOSTER_FILTER, FILTERS } },
	{ "hornetsecurity.com",          { "Hornetsecurity", HOSTER_FILTER, FILTERS } },
	{ "antispameurope.com",          { "Hornetsecurity", HOSTER_FILTER, FILTERS } },
	{ "antispamcloud.com",           { "SpamExperts", HOSTER_FILTER, FILTERS } },
	{ "mailcontrol.com",             { "Forcepoint", HOSTER_FILTER, FILTERS } },
	{ "fireeyecloud.com",            { "Trellix", HOSTER_FILTER, FILTERS } },
	{ "mailroute.net",               { "MailRoute", HOSTER_FILTER, FILTERS } },
	{ "mtaroutes.com",               { "MXGuarddog", HOSTER_FILTER, FILTERS } },
	{ "amazonaws.com",               { "Amazon SES", HOSTER_FORWARD, FORWARDS } },
	{ "mailgun.org",                 { "Mailgun", HOSTER_FORWARD, FORWARDS } },
	{ "sendgrid.net",                { "SendGrid", HOSTER_FORWARD, FORWARDS } },
	{ "inbound.postmarkapp.com",     { "Postmark", HOSTER_FORWARD, FORWARDS } },
	{ "forwardemail.net",            { "Forward Email", HOSTER_FORWARD, FORWARDS } },
	{ "improvmx.com",                { "ImprovMX", HOSTER_FORWARD, FORWARDS } },
	{ "simplelogin.co",              { "SimpleLogin", HOSTER_FORWARD, FORWARDS } },
};
/* clang-format on */

/* Machines for rent have names below amazonaws.com, too. */
static bool is_rented(const char *name, const char *domain)
{
	return strcmp(domain, "amazonaws.com") == 0 &&
	       strncasecmp(name, "inbound-smtp.", 13) != 0;
}

const struct hoster *hoster_of(const char *mx_host)
{
	size_t n = strlen(mx_host);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t m = strlen(table[i].domain);
		if (n < m || strcasecmp(mx_host + n - m, table[i].domain) != 0)
			continue;
		if ((n == m || mx_host[n - m - 1] == '.') &&
		    !is_rented(mx_host, table[i].domain))
			return &table[i].hoster;
	}
	return NULL;
}
