#include "outlet/web/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"

FMX_PRINTF(2, 3) static struct route refuse(int status, const char *fmt, ...)
{
	struct route r = { .kind = ROUTE_NOTHING, .status = status };
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(r.sentence, sizeof(r.sentence), fmt, ap);
	va_end(ap);
	utf8_make_safe(r.sentence); /* a stranger's Host or path may be in it */
	return r;
}

/* "localhost:8025" "127.0.0.1" "[::1]:8025" to the name alone, without brackets. */
static bool host_name(const char *host, char *to, size_t size)
{
	bool has_brackets = *host == '[';
	const char *begin = host + has_brackets;
	size_t len = strcspn(begin, has_brackets ? "]" : ":");
	const char *rest = begin + len;
	if (has_brackets && *rest++ != ']')
		return false;
	if (*rest && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1)))
		return false;
	if (len == 0 || len >= size)
		return false;
	memcpy(to, begin, len);
	to[len] = '\0';
	if (to[len - 1] == '.')
		to[len - 1] = '\0'; /* fully qualified */
	return true;
}

/* Addresses of loopback and the one that we listen on need no name to be pointed at. */
static bool is_ours(const struct config_web *web, const char *host)
{
	char name[NAME_MAX_TEXT];
	struct addr a;
	if (!host_name(host, name, sizeof(name)))
		return false;
	if (strcasecmp(name, "localhost") == 0)
		return true;
	for (size_t i = 0; i < web->name_count; i++)
		if (strcasecmp(name, web->names[i]) == 0)
			return true;
	if (!addr_parse(name, &a))
		return false;
	return addr_kind(a) == ADDR_LOOPBACK || web->beyond_loopback;
}

static struct route to_sender(enum route_kind kind, const char *text)
{
	char trimmed[128];
	struct route r = { .kind = kind, .status = kind == ROUTE_SEND_ON ? 303 : 200 };
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	(void)snprintf(trimmed, sizeof(trimmed), "%.*s", (int)(len < 120 ? len : 120),
		       text);
	if (!addr_parse(trimmed, &r.client))
		return refuse(400,
			      "'%s' is not an IPv4 or IPv6 address. Senders are looked "
			      "up by their address, such as 192.0.2.7 or 2001:db8::7.",
			      trimmed);
	return r;
}

static struct route to_report(const struct route_request *q, const char *site)
{
	struct route r = { .kind = ROUTE_REPORT,
			   .status = 200,
			   .period = PAGE_PERIOD_USUAL };
	if (q->period && !page_period_parse(q->period, &r.period))
		return refuse(400,
			      "There is no period '%.60s'. There are 1d, 7d, 30d, 90d "
			      "and all.",
			      q->period);
	if (!str_copy(r.name, sizeof(r.name), site))
		return refuse(404, "There is no site of that name.");
	return r;
}

static bool begins(const char *path, const char *with, const char **ret_rest)
{
	size_t len = strlen(with);
	if (strncmp(path, with, len) != 0)
		return false;
	*ret_rest = path + len;
	return true;
}

static struct route by_path(const struct route_request *q)
{
	static const struct {
		const char *path;
		enum route_kind kind;
	} plain[] = { { "/metrics", ROUTE_METRICS }, { "/healthz", ROUTE_HEALTH } };
	const char *rest;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(q->path, plain[i].path) == 0)
			return (struct route){ .kind = plain[i].kind, .status = 200 };
	if (strcmp(q->path, "/") == 0)
		return to_report(q, "");
	if (begins(q->path, "/site/", &rest) && *rest)
		return to_report(q, rest);
	if (begins(q->path, "/sender/", &rest) && *rest)
		return to_sender(ROUTE_SENDER, rest);
	if (strcmp(q->path, "/sender") == 0)
		return to_sender(ROUTE_SEND_ON, q->address ? q->address : "");
	if (begins(q->path, "/list/", &rest) && *rest) {
		struct route r = { .kind = ROUTE_LIST, .status = 200 };
		if (str_copy(r.name, sizeof(r.name), rest))
			return r;
	}
	return refuse(404, "There is no page of that name. The report is at /, and a "
			   "sender at /sender/ADDRESS.");
}

struct route route_of(const struct config_web *web, const struct route_request *q)
{
	if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0)
		return refuse(405, "Nothing can be changed here: only GET and HEAD are "
				   "answered.");
	if (q->has_body)
		return refuse(413,
			      "GET and HEAD have no body here; this request has one.");
	if (!q->host)
		return refuse(400, "The request names no host.");
	if (!is_ours(web, q->host))
		return refuse(
		    403,
		    "This page is not known as '%.100s'. If a proxy in front of "
		    "it is, name it in the configuration: web { proxy_names = { "
		    "\"NAME\" } }.",
		    q->host);
	return by_path(q);
}
