#include "source/name/names_spf.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HAVE_NS_TYPE 1 /* glibc has it; the header would define it again */
#include <spf2/spf.h>

#include "base/mem.h"

enum {
	RECORDS_KEPT = 64,   /* of one answer */
	HOSTS_KEPT = 11,     /* one more than libspf2 looks at: it says so then */
	LOCAL_PART_MAX = 64, /* RFC 5321 4.5.3.1.1 */
	TYPE_SPF = 99,
};

/* What DNS said to one question; texts are names, or cleaned SPF records. */
struct kept {
	struct names_spf_question question;
	int error; /* netdb.h */
	size_t count;
	struct addr *addrs;
	char **texts;
};

struct names_spf {
	SPF_dns_server_t dns; /* first: libspf2 hands it back */
	struct addr client;
	char sender[NAME_TEXT_MAX + LOCAL_PART_MAX + 2];
	struct kept kept[NAMES_SPF_QUESTIONS];
	size_t count, records;
	unsigned looks;
	bool is_missing; /* `asked` is what libspf2 could not be told */
	bool is_over;    /* a limit was reached, or a record refused */
	bool is_unsure;
	struct names_spf_question asked;
};

/* ---- what libspf2 may read ---- */

/* At '%'. Returns the bytes of a macro that is let through; 0 if it is not. */
static size_t macro_length(const char *at)
{
	const char *p = at + 1;
	if (*p++ != '{' || !*p || !strchr("idvslo", *p))
		return 0;
	p++;
	if (*p >= '1' && *p <= '9')
		p++;
	p += *p == 'r';
	p += *p == '.' || *p == '-';
	return *p == '}' ? (size_t)(p + 1 - at) : 0;
}

static bool is_clean_term(const char *term, size_t len)
{
	unsigned macros = 0;
	if (len > NAMES_SPF_TERM_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		size_t n = term[i] == '%' ? macro_length(term + i) : 1;
		macros += term[i] == '%';
		if (n == 0 || macros > NAMES_SPF_MACROS || term[i] < '!' || term[i] > '~')
			return false;
		i += n - 1;
	}
	return true;
}

/* name=value; not exists:%{i}=x. Of these only one changes who passes. */
static bool is_idle_modifier(const char *term, size_t len)
{
	size_t n = 0;
	while (n < len && (isalnum((unsigned char)term[n]) || strchr("-_.", term[n])))
		n++;
	return n < len && term[n] == '=' && strncasecmp(term, "redirect=", n + 1) != 0;
}

static bool is_record(const char *text)
{
	return strncasecmp(text, "v=spf1", 6) == 0 && (text[6] == ' ' || !text[6]);
}

bool names_spf_clean(const char *record, char ret_clean[NAMES_SPF_RECORD_MAX])
{
	unsigned terms = 0;
	size_t at = sizeof("v=spf1 ") - 1;
	if (!is_record(record) || strlen(record) >= NAMES_SPF_RECORD_MAX - 2)
		return false;
	memcpy(ret_clean, "v=spf1 ", at + 1);
	for (const char *p = record + 6; *p;) {
		size_t len = strcspn(p, " ");
		if (len > 0 && !is_idle_modifier(p, len)) {
			if (++terms > NAMES_SPF_TERMS || !is_clean_term(p, len))
				return false;
			memcpy(ret_clean + at, p, len);
			at += len;
			ret_clean[at++] = ' ';
		}
		p += len + (p[len] == ' ');
	}
	ret_clean[at] = '\0';
	return true;
}

/* ---- answers ---- */

static void keep_addrs(struct kept *k, const struct answer *a)
{
	k->addrs = xcalloc(RECORDS_KEPT, sizeof(*k->addrs));
	for (size_t i = 0; i < a->count && k->count < RECORDS_KEPT; i++)
		k->count += rdata_addr(a->records[i], &k->addrs[k->count]);
}

static void keep_names(struct kept *k, const struct answer *a)
{
	char name[NAME_TEXT_MAX];
	uint16_t preference;
	k->texts = xcalloc(HOSTS_KEPT, sizeof(*k->texts));
	for (size_t i = 0; i < a->count && k->count < HOSTS_KEPT; i++) {
		struct rdata r = a->records[i];
		bool is_there = a->count && k->question.type == RR_MX
				    ? rdata_mx(r, &preference, name)
				    : rdata_name(r, name);
		if (is_there && name_is_host(name))
			k->texts[k->count++] = xstrdup(name);
	}
}

/* Two records are an error, as RFC 7208 4.5 says; none is no answer. */
static void keep_record(struct names_spf *s, struct kept *k, const struct answer *a)
{
	char text[RDATA_TEXT_MAX], clean[NAMES_SPF_RECORD_MAX];
	k->texts = xcalloc(1, sizeof(*k->texts));
	for (size_t i = 0; i < a->count; i++) {
		if (!rdata_text(a->records[i], text) || !is_record(text))
			continue;
		if (k->count > 0 || !names_spf_clean(text, clean)) {
			s->is_over = true;
			return;
		}
		k->texts[k->count++] = xstrdup(clean);
	}
	if (k->count == 0)
		k->error = NO_DATA;
}

void names_spf_answer(struct names_spf *s, const struct answer *a)
{
	assert(s->is_missing && s->count < NAMES_SPF_QUESTIONS);
	struct kept *k = &s->kept[s->count++];
	k->question = s->asked;
	s->is_missing = false;
	s->is_unsure |= !lookup_is_sure(a->status);
	k->error = a->status == LOOKUP_OK       ? NETDB_SUCCESS
		   : a->status == LOOKUP_NODATA ? NO_DATA
						: HOST_NOT_FOUND;
	if (k->error != NETDB_SUCCESS)
		return;
	switch (k->question.type) {
	case RR_A:
	case RR_AAAA: keep_addrs(k, a); break;
	case RR_TXT: keep_record(s, k, a); break;
	default: keep_names(k, a);
	}
}

/* ---- libspf2's layer of DNS ---- */

static const struct kept *find(const struct names_spf *s,
			       const struct names_spf_question *q)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->kept[i].question.type == q->type &&
		    strcmp(s->kept[i].question.name, q->name) == 0)
			return &s->kept[i];
	return NULL;
}

/* libspf2 reads at most the size that it is told here. */
static void put(SPF_dns_rr_t *to, size_t i, const void *data, size_t len)
{
	SPF_errcode_t e = SPF_dns_rr_buf_realloc(to, (int)i, len);
	if (e != SPF_E_SUCCESS)
		abort(); /* as xcalloc() */
	memcpy(to->rr[i], data, len);
	to->num_rr = (int)i + 1;
}

static void put_all(SPF_dns_rr_t *to, const struct kept *k)
{
	for (size_t i = 0; i < k->count; i++) {
		if (k->question.type == RR_A)
			put(to, i, k->addrs[i].bytes + 12, 4);
		else if (k->question.type == RR_AAAA)
			put(to, i, k->addrs[i].bytes, 16);
		else
			put(to, i, k->texts[i], strlen(k->texts[i]) + 1);
	}
}

static SPF_dns_rr_t *reply(struct names_spf *s, const char *domain, ns_type type,
			   int error)
{
	SPF_dns_rr_t *r = SPF_dns_rr_new_init(&s->dns, domain, type, 0, error);
	if (!r)
		abort(); /* as xcalloc() */
	return r;
}

static bool read_question(const char *domain, ns_type type, struct names_spf_question *q)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t len = strlen(domain);
	len -= len > 0 && domain[len - 1] == '.';
	if (len == 0 || len >= sizeof(q->name))
		return false;
	for (size_t i = 0; i < len; i++)
		q->name[i] = (char)tolower((unsigned char)domain[i]);
	q->name[len] = '\0';
	q->type = (enum rr_type)type;
	return name_is_host(q->name) && name_to_wire(q->name, wire, NULL);
}

/* One more lookup? TRY_AGAIN ends libspf2's work at once. */
static void note_missing(struct names_spf *s, const struct names_spf_question *q)
{
	bool is_record = q->type == RR_TXT;
	if (s->is_missing || s->is_over)
		return; /* it goes on after the first one */
	if (s->count >= NAMES_SPF_QUESTIONS ||
	    (is_record && s->records > NAMES_SPF_RECORDS)) {
		s->is_over = true;
		return;
	}
	s->records += is_record;
	s->asked = *q;
	s->is_missing = true;
}

static SPF_dns_rr_t *look(SPF_dns_server_t *dns, const char *domain, ns_type type,
			  int should_cache)
{
	struct names_spf *s = (struct names_spf *)dns;
	struct names_spf_question q;
	(void)should_cache;
	if (++s->looks > NAMES_SPF_LOOKS)
		s->is_over = true;
	if (s->is_over)
		return reply(s, domain, type, TRY_AGAIN);
	if ((int)type == TYPE_SPF) /* RFC 7208 3.1: no more */
		return reply(s, domain, type, NO_DATA);
	if (!read_question(domain, type, &q))
		return reply(s, domain, type, HOST_NOT_FOUND);
	const struct kept *k = find(s, &q);
	if (!k) {
		note_missing(s, &q);
		return reply(s, domain, type, TRY_AGAIN);
	}
	SPF_dns_rr_t *r = reply(s, domain, type, k->error);
	put_all(r, k);
	return r;
}

/* ---- the check ---- */

bool names_spf_domain(const char *mail_from, char ret_domain[NAME_TEXT_MAX])
{
	const char *at = strrchr(mail_from, '@');
	struct names_spf_question q;
	if (!at || at == mail_from || !read_question(at + 1, ns_t_txt, &q) ||
	    name_is_literal(q.name))
		return false;
	return str_copy(ret_domain, NAME_TEXT_MAX, q.name);
}

/* The local part matters to macros alone; an odd one becomes a plain one. */
static void set_sender(struct names_spf *s, const char *mail_from, const char *domain)
{
	size_t len = (size_t)(strrchr(mail_from, '@') - mail_from);
	size_t n = 0;
	while (n < len &&
	       (isalnum((unsigned char)mail_from[n]) || strchr("._+=-", mail_from[n])))
		n++;
	bool is_plain = n == len && len <= LOCAL_PART_MAX;
	(void)snprintf(s->sender, sizeof(s->sender), "%.*s@%s",
		       is_plain ? (int)len : (int)sizeof("postmaster") - 1,
		       is_plain ? mail_from : "postmaster", domain);
}

struct names_spf *names_spf_new(struct addr client, const char *mail_from)
{
	char domain[NAME_TEXT_MAX];
	/* libspf2 lets loopback pass whatever the record says. */
	if (addr_kind(client) == ADDR_LOOPBACK || !names_spf_domain(mail_from, domain))
		return NULL;
	struct names_spf *s = xcalloc(1, sizeof(*s));
	s->dns.lookup = look;
	s->dns.name = "answers";
	s->client = client;
	set_sender(s, mail_from, domain);
	return s;
}

void names_spf_free(struct names_spf *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		for (size_t k = 0; s->kept[i].texts && k < s->kept[i].count; k++)
			free(s->kept[i].texts[k]);
		free(s->kept[i].texts);
		free(s->kept[i].addrs);
	}
	free(s);
}

static void set_client(const struct names_spf *s, SPF_request_t *request)
{
	struct in_addr v4;
	struct in6_addr v6;
	memcpy(&v4, s->client.bytes + 12, sizeof(v4));
	memcpy(&v6, s->client.bytes, sizeof(v6));
	(void)(addr_is_v4(s->client) ? SPF_request_set_ipv4(request, v4)
				     : SPF_request_set_ipv6(request, v6));
}

/* From the start, with the answers that there are. */
static bool evaluate(struct names_spf *s)
{
	SPF_response_t *response = NULL;
	SPF_server_t *server = SPF_server_new_dns(&s->dns, 0);
	if (!server)
		abort(); /* as xcalloc() */
	/* Never shown to anybody, but made for each failure: of nothing. */
	SPF_response_t *ignored = NULL;
	(void)SPF_server_set_explanation(server, "-", &ignored);
	if (ignored)
		SPF_response_free(ignored);
	(void)SPF_server_set_rec_dom(server, "localhost");
	SPF_request_t *request = SPF_request_new(server);
	if (!request)
		abort();
	set_client(s, request);
	bool passes = SPF_request_set_env_from(request, s->sender) == SPF_E_SUCCESS &&
		      SPF_request_query_mailfrom(request, &response) == SPF_E_SUCCESS &&
		      response && SPF_response_result(response) == SPF_RESULT_PASS;
	if (response)
		SPF_response_free(response);
	SPF_request_free(request);
	SPF_server_free(server);
	return passes;
}

enum names_spf_state names_spf_step(struct names_spf *s,
				    struct names_spf_question *ret_question)
{
	s->looks = 0;
	s->is_missing = false;
	if (s->is_unsure)
		return NAMES_SPF_UNSURE;
	bool passes = !s->is_over && evaluate(s);
	if (s->is_over)
		return NAMES_SPF_DOES_NOT;
	if (s->is_missing) {
		*ret_question = s->asked;
		return NAMES_SPF_ASKS;
	}
	return passes ? NAMES_SPF_PASSES : NAMES_SPF_DOES_NOT;
}
