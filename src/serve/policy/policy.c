#include "serve/policy/policy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"

static void take_request(struct policy_request *r, const char *value)
{
	r->is_access = strcmp(value, "smtpd_access_policy") == 0;
}

/* Where Postfix is in its dialogue with the client, and how deep that is at
 * least. VRFY and ETRN need no greeting. */
static void take_state(struct policy_request *r, const char *value)
{
	static const struct {
		const char *name;
		enum depth depth;
		bool takes_header;
	} states[] = {
		{ "CONNECT", DEPTH_CONNECT, false },
		{ "EHLO", DEPTH_HELO, false },
		{ "HELO", DEPTH_HELO, false },
		{ "MAIL", DEPTH_MAIL, true },
		{ "RCPT", DEPTH_RCPT, true },
		{ "DATA", DEPTH_DATA, true },
		{ "END-OF-MESSAGE", DEPTH_DATA, false },
	};
	r->depth = DEPTH_CONNECT;
	r->takes_header = false;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(states[i].name, value) != 0)
			continue;
		r->depth = states[i].depth;
		r->takes_header = states[i].takes_header;
	}
}

static void take_client(struct policy_request *r, const char *value)
{
	r->has_client = addr_parse(value, &r->client);
}

static void take_client_port(struct policy_request *r, const char *value)
{
	uint64_t port;
	bool is_port = number_parse(value, strlen(value), UINT16_MAX, &port);
	r->client_port = is_port ? (uint16_t)port : 0;
}

static void take_server(struct policy_request *r, const char *value)
{
	r->has_server = addr_parse(value, &r->server);
}

static void take_helo(struct policy_request *r, const char *value)
{
	(void)str_copy(r->helo, sizeof(r->helo), value);
}

static void take_sender(struct policy_request *r, const char *value)
{
	(void)str_copy(r->sender, sizeof(r->sender), value);
}

/* Part of a domain would be another domain. */
static void take_recipient(struct policy_request *r, const char *value)
{
	const char *at = strrchr(value, '@');
	size_t len = at ? strlen(at + 1) : 0;
	char *to = r->recipient_domain;
	*to = '\0';
	if (len && at[len] == '.')
		len--;
	if (len >= sizeof(r->recipient_domain))
		return;
	for (size_t i = 0; i < len; i++)
		to[i] = (char)tolower((unsigned char)at[1 + i]);
	to[len] = '\0';
}

/* Two long ones with the same beginning are not the same message. */
static void take_instance(struct policy_request *r, const char *value)
{
	if (!str_copy(r->instance, sizeof(r->instance), value))
		r->instance[0] = '\0';
}

static void take_user(struct policy_request *r, const char *value)
{
	r->is_authenticated = *value;
}

static const struct attribute {
	const char *name;
	void (*take)(struct policy_request *r, const char *value);
} attributes[] = {
	{ "request", take_request },       { "protocol_state", take_state },
	{ "client_address", take_client }, { "client_port", take_client_port },
	{ "server_address", take_server }, { "helo_name", take_helo },
	{ "sender", take_sender },         { "recipient", take_recipient },
	{ "instance", take_instance },     { "sasl_username", take_user },
};

/* Of an attribute that is told twice the last counts. Others are for others. */
static void take(struct policy_request *r, const char *name, size_t len,
		 const char *value)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		const struct attribute *a = &attributes[i];
		if (*a->name == *name && strlen(a->name) == len &&
		    memcmp(a->name, name, len) == 0)
			a->take(r, value);
	}
}

/* A line without its LF. A CR is taken off: somebody tries it by hand. */
static enum policy_next take_line(struct policy_reader *r, char *line, size_t len)
{
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	if (len == 0)
		return r->attributes ? POLICY_REQUEST : POLICY_BROKEN;
	const char *equals = memchr(line, '=', len);
	if (!equals || memchr(line, '\0', len) || ++r->attributes > POLICY_ATTRIBUTES_MAX)
		return POLICY_BROKEN;
	take(&r->request, line, (size_t)(equals - line), equals + 1);
	return POLICY_MORE;
}

static void begin(struct policy_reader *r)
{
	r->request = (struct policy_request){ .depth = DEPTH_CONNECT };
	r->is_done = false;
	r->bytes = r->attributes = r->line_len = 0;
}

enum policy_next policy_read(struct policy_reader *r, const char *data, size_t len,
			     size_t *ret_used)
{
	enum policy_next next = POLICY_MORE;
	size_t used = 0;
	*ret_used = 0;
	if (r->is_done || r->bytes == 0)
		begin(r);
	while (used < len && next == POLICY_MORE) {
		const char *lf = memchr(data + used, '\n', len - used);
		size_t part = lf ? (size_t)(lf - data) - used : len - used;
		if (part >= sizeof(r->line) - r->line_len)
			return POLICY_BROKEN;
		memcpy(r->line + r->line_len, data + used, part);
		r->line_len += part;
		used += part + (lf ? 1 : 0);
		if (!lf)
			break;
		next = take_line(r, r->line, r->line_len);
		r->line_len = 0;
	}
	r->bytes += used;
	if (r->bytes > POLICY_REQUEST_MAX)
		return POLICY_BROKEN;
	r->is_done = next == POLICY_REQUEST;
	*ret_used = used;
	return next;
}

bool policy_is_within(const struct policy_reader *r)
{
	return r->bytes > 0 && !r->is_done;
}

static enum policy_action defer(const struct ask_quick *q, char action[POLICY_ACTION_MAX])
{
	char until[STAMP_TEXT_MAX];
	(void)snprintf(action, POLICY_ACTION_MAX,
		       "DEFER_IF_PERMIT 4.7.1 This address came to a fake MX of the "
		       "domain and not to its mail servers; until %s mail from it has "
		       "to wait",
		       stamp_text(q->until, until));
	return POLICY_DEFER;
}

static enum policy_action prepend(const struct ask_quick *q,
				  char action[POLICY_ACTION_MAX])
{
	int n = snprintf(action, POLICY_ACTION_MAX, "PREPEND X-FakeMX: order=%s",
			 order_name(q->quick.order));
	if (q->quick.delay_us >= 0)
		(void)snprintf(action + n, POLICY_ACTION_MAX - (size_t)n, " delay=%.2f",
			       (double)q->quick.delay_us / (double)STAMP_SECOND);
	return POLICY_PREPEND;
}

enum policy_action policy_answer(const struct policy_request *r,
				 const struct ask_quick *q,
				 const struct policy_options *options,
				 char ret_action[POLICY_ACTION_MAX])
{
	bool is_ours = !r->is_access || !r->has_client || r->is_authenticated;
	if (!is_ours && q && !q->is_own) {
		if (q->is_listed && options->defers)
			return defer(q, ret_action);
		if (q->quick.order != ORDER_UNKNOWN && options->is_first &&
		    r->takes_header && *r->instance)
			return prepend(q, ret_action);
	}
	(void)str_copy(ret_action, POLICY_ACTION_MAX, "DUNNO");
	return POLICY_DUNNO;
}
