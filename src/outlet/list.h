/*
 * list - the listed senders, for other software: one table of formats
 *
 * A document of any length goes out in pieces, so that a million senders need no
 * memory. Order: by address, then site; each address once but in JSON, which has an
 * entry a site. No moment of writing stands in it but as nft's timeouts and a zone's
 * serial: list_is_same() tells whether two documents say the same.
 *
 * Use:
 *	struct list_head head = list_head_of(ask);
 *	struct list_out out = { put, arg };
 *	list_ask(ask, LIST_RSPAMD, &head, NULL, &out, &counts, &e);
 *
 * Or, of entries from elsewhere, or of none (an empty list is a document, too):
 *	struct list_writer w;
 *	list_begin(&w, LIST_DNSBL, &head, &out);
 *	list_add(&w, &listing);
 *	list_end(&w);
 *
 * Ownership: borrows everything.
 */
#ifndef FMX_OUTLET_LIST_H
#define FMX_OUTLET_LIST_H

#include "base/buf.h"
#include "journal/ask/ask.h"

enum { LIST_VERSION = 1, LIST_TEXT_MAX = 256 };

/* RFC 5782, and facts of the field: what a consumer may keep, and for how long. */
enum { LIST_DNS_TTL = 300, LIST_DNS_MINIMUM = 60, LIST_DNS_EXPIRE = 7200 };

/* The order of the configuration's words (config/keys.c). */
enum list_format {
	LIST_PLAIN,
	LIST_JSON,
	LIST_RSPAMD,
	LIST_POSTFIX_CIDR,
	LIST_NFT,
	LIST_RBLDNSD,
	LIST_DNSBL,
	LIST_FORMATS
};
#define LIST_FORMAT_NAMES "plain|json|rspamd|postfix-cidr|nft|rbldnsd|dnsbl"

FMX_MUST_CHECK bool list_format_parse(const char *name, enum list_format *ret_format);
const char *list_format_name(enum list_format f);
/* MIME type, for HTTP. */
const char *list_format_type(enum list_format f);

struct list_head {
	bool is_would;    /* what would be listed, too */
	bool is_enforced; /* mode */
	const char *note; /* why nobody is listed; NULL: nothing keeps them off */
	int64_t now;      /* nft's timeouts */
	uint32_t serial;  /* of a zone */
};
/* Of the journal's mode and moment. */
struct list_head list_head_of(const struct ask *a);

struct list_out {
	void (*put)(void *arg, const char *text, size_t len);
	void *arg;
};

struct list_counts {
	uint64_t listed;   /* addresses */
	uint64_t would_be; /* senders that only mode, watched days or a pause keep off */
};

struct list_writer {
	enum list_format format;
	const struct list_head *head;
	const struct list_out *out;
	const struct sites *sites; /* for JSON's site; may be NULL */
	struct list_counts counts;
	struct buf text; /* waits to be put */
	bool has_pending, has_first, is_four;
	struct listing pending; /* the next may be of the same address */
};

void list_begin(struct list_writer *w, enum list_format format,
		const struct list_head *head, const struct list_out *out);
void list_add(struct list_writer *w, const struct listing *l);
/* What it counted; its buffer is released. */
struct list_counts list_end(struct list_writer *w);

/* All that the journal lists, but whom `leaves_out` (may be NULL) says. */
struct list_filter {
	bool (*leaves_out)(void *arg, const struct listing *l);
	void *arg;
};
FMX_MUST_CHECK int list_ask(struct ask *a, enum list_format format,
			    const struct list_head *head, const struct list_filter *f,
			    const struct list_out *out, struct list_counts *ret_counts,
			    struct error *e);

/* Of a line: is what stands in both the same, but for a timeout or a serial? */
bool list_is_same_line(const char *a, const char *b);

/* A DNSBL's names and texts (RFC 5782): "1.2.0.192" or 32 nibbles, below the zone's
 * name; the TXT with reason and hint. */
void list_dnsbl_owner(struct addr a, struct buf *out);
void list_dnsbl_txt(const struct listing *l, char text[LIST_TEXT_MAX]);
/* The zone's own entry, listed always: 127.0.0.2, and as ::ffff:7f00:2; and whether an
 * address is that, or the one that never is. */
#define LIST_DNSBL_TEST "fakemx: the test entry of this list"
struct addr list_dnsbl_test(void);
void list_dnsbl_six_owner(struct addr a, struct buf *out);
bool list_dnsbl_is_reserved(struct addr a);

#endif
