/* The formats of a list: each as its consumer reads it. */
#include <stdio.h>
#include <string.h>

#include "outlet/list_own.h"

static void add_addr(struct buf *out, struct addr a)
{
	char text[ADDR_TEXT_MAX];
	buf_adds(out, addr_text(a, text));
}

static void add_stamp(struct buf *out, int64_t t)
{
	char text[STAMP_TEXT_MAX];
	buf_adds(out, stamp_text(t, text));
}

/* buf_addf() costs more than the rest of an entry. */
static void add_number(struct buf *out, unsigned n)
{
	char text[12];
	size_t at = sizeof(text);
	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	buf_add(out, text + at, sizeof(text) - at);
}

static void add_comment(struct buf *out, const struct listing *l)
{
	buf_adds(out, " # until ");
	add_stamp(out, l->until);
	buf_adds(out, ": ");
	buf_adds(out, reason_text(l->reason));
	buf_adds(out, "\n");
}

void list_plain_entry(struct list_writer *w, const struct listing *l)
{
	add_addr(&w->text, l->client);
	buf_adds(&w->text, "\n");
}

/*
 * ---- JSON, streamed: a tree of a million entries is a gigabyte ----
 *
 * The one JSON that is not jansson's: an object an entry, made, printed and freed, is
 * 1.5 s of CPU for a million, and the whole list may take 2 (scripts/bench list).
 */

void list_json_begin(struct list_writer *w)
{
	buf_addf(&w->text, "{\n  \"version\": %d,\n  \"mode\": \"%s\",\n  \"listed\": [",
		 LIST_VERSION, w->head->is_enforced ? "enforce" : "observe");
}

void list_json_entry(struct list_writer *w, const struct listing *l)
{
	const struct site *s = w->sites ? sites_find(w->sites, l->site) : NULL;
	buf_adds(&w->text,
		 w->has_first ? ",\n    { \"address\": \"" : "\n    { \"address\": \"");
	w->has_first = true;
	add_addr(&w->text, l->client);
	buf_adds(&w->text, "\", \"site\": ");
	if (s)
		buf_add_json(&w->text, s->name);
	else
		buf_adds(&w->text, "null");
	buf_adds(&w->text, ", \"reason\": ");
	buf_add_json(&w->text, reason_text(l->reason));
	buf_adds(&w->text, ", \"counted_visits\": ");
	add_number(&w->text, l->counted_visits);
	buf_adds(&w->text, ", \"since\": \"");
	add_stamp(&w->text, l->since);
	buf_adds(&w->text, "\", \"until\": \"");
	add_stamp(&w->text, l->until);
	buf_adds(&w->text, "\" }");
}

void list_json_end(struct list_writer *w)
{
	buf_addf(&w->text, "%s],\n  \"would_be_listed\": %llu,\n  \"note\": ",
		 w->has_first ? "\n  " : "", (unsigned long long)w->counts.would_be);
	if (w->head->note)
		buf_add_json(&w->text, w->head->note);
	else
		buf_adds(&w->text, "null");
	buf_adds(&w->text, "\n}\n");
}

/* ---- rspamd's map of addresses; Postfix's cidr_table(5) ---- */

void list_rspamd_entry(struct list_writer *w, const struct listing *l)
{
	add_addr(&w->text, l->client);
	add_comment(&w->text, l);
}

/* Without warn_if_reject before it, mail is put off; it is never rejected. */
void list_cidr_entry(struct list_writer *w, const struct listing *l)
{
	add_addr(&w->text, l->client);
	buf_adds(&w->text, " 450 4.7.1 fakemx: ");
	buf_adds(&w->text, reason_text(l->reason));
	buf_adds(&w->text, "; see fakemx explain ");
	add_addr(&w->text, l->client);
	buf_adds(&w->text, "\n");
}

/* ---- nft -f: all of the file is one transaction ---- */

void list_nft_begin(struct list_writer *w)
{
	for (int family = 4; family <= 6; family += 2)
		buf_addf(
		    &w->text,
		    "add table inet fakemx\n"
		    "add set inet fakemx listed%d { type ipv%d_addr; flags timeout; }\n"
		    "flush set inet fakemx listed%d\n",
		    family, family, family);
}

void list_nft_entry(struct list_writer *w, const struct listing *l)
{
	int64_t left = (l->until - w->head->now + STAMP_SECOND - 1) / STAMP_SECOND;
	buf_adds(&w->text, addr_is_v4(l->client) ? "add element inet fakemx listed4 { "
						 : "add element inet fakemx listed6 { ");
	add_addr(&w->text, l->client);
	buf_addf(&w->text, " timeout %llds }", (long long)(left > 1 ? left : 1));
	add_comment(&w->text, l);
}

/* ---- rbldnsd, type `combined` ---- */

static void begin_dataset(struct list_writer *w, bool is_four)
{
	w->is_four = is_four;
	buf_addf(&w->text, "$DATASET %s @\n", is_four ? "ip4set" : "ip6trie");
	buf_addf(&w->text, "$SOA %d localhost. nobody.invalid. 0 300 60 %d %d\n",
		 LIST_DNS_TTL, LIST_DNS_EXPIRE, LIST_DNS_MINIMUM);
	buf_addf(&w->text, "$NS %d localhost.\n$TTL %d\n", LIST_DNS_TTL, LIST_DNS_TTL);
	buf_adds(&w->text, ":127.0.0.2:fakemx: listed; see fakemx explain $\n");
	buf_adds(&w->text, is_four ? "127.0.0.2" : "::ffff:7f00:2");
	buf_adds(&w->text, " :127.0.0.2:" LIST_DNSBL_TEST "\n");
}

void list_rbldnsd_begin(struct list_writer *w)
{
	begin_dataset(w, true);
}

void list_rbldnsd_entry(struct list_writer *w, const struct listing *l)
{
	bool is_four = addr_is_v4(l->client);
	char txt[LIST_TEXT_MAX];
	if (list_dnsbl_is_reserved(l->client))
		return;
	if (is_four != w->is_four)
		begin_dataset(w, is_four);
	w->has_first |= !is_four;
	list_dnsbl_txt(l, txt);
	add_addr(&w->text, l->client);
	buf_adds(&w->text, " :127.0.0.2:");
	buf_adds(&w->text, txt);
	buf_adds(&w->text, "\n");
}

/* The other family is there, too: its test entry says that the list is alive. */
void list_rbldnsd_end(struct list_writer *w)
{
	if (!w->has_first)
		begin_dataset(w, false);
}

/* ---- a DNSBL's zone ---- */

struct addr list_dnsbl_test(void)
{
	return (struct addr){ { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 2 } };
}

/* 127.0.0.1 is never listed (RFC 5782 5), and 127.0.0.2 is already. */
bool list_dnsbl_is_reserved(struct addr a)
{
	return addr_is_v4(a) && a.bytes[12] == 127 && a.bytes[13] == 0 &&
	       a.bytes[14] == 0 && (a.bytes[15] == 1 || a.bytes[15] == 2);
}

void list_dnsbl_six_owner(struct addr a, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";
	char text[64];
	size_t n = 0;
	for (int i = 15; i >= 0; i--) {
		text[n++] = hex[a.bytes[i] & 15];
		text[n++] = '.';
		text[n++] = hex[a.bytes[i] >> 4];
		text[n++] = '.';
	}
	buf_add(out, text, n - 1);
}

void list_dnsbl_owner(struct addr a, struct buf *out)
{
	char text[ADDR_TEXT_MAX];
	if (!addr_is_v4(a)) {
		list_dnsbl_six_owner(a, out);
		return;
	}
	int n = snprintf(text, sizeof(text), "%u.%u.%u.%u", a.bytes[15], a.bytes[14],
			 a.bytes[13], a.bytes[12]);
	buf_add(out, text, (size_t)n);
}

void list_dnsbl_txt(const struct listing *l, char text[LIST_TEXT_MAX])
{
	char address[ADDR_TEXT_MAX];
	(void)snprintf(text, LIST_TEXT_MAX, "fakemx: %s; see fakemx explain %s",
		       reason_text(l->reason), addr_text(l->client, address));
}

static void add_records(struct list_writer *w, const char *txt)
{
	buf_adds(&w->text, " A 127.0.0.2\n TXT \"");
	buf_adds(&w->text, txt);
	buf_adds(&w->text, "\"\n");
}

void list_dnsbl_begin(struct list_writer *w)
{
	struct addr test = list_dnsbl_test();
	buf_addf(&w->text,
		 "$TTL %d\n@ SOA localhost. nobody.invalid. (\n%u ; serial\n"
		 " 300 60 %d %d )\n NS localhost.\n",
		 LIST_DNS_TTL, w->head->serial, LIST_DNS_EXPIRE, LIST_DNS_MINIMUM);
	list_dnsbl_owner(test, &w->text);
	add_records(w, LIST_DNSBL_TEST);
	list_dnsbl_six_owner(test, &w->text); /* ::ffff:7f00:2 */
	add_records(w, LIST_DNSBL_TEST);
}

void list_dnsbl_entry(struct list_writer *w, const struct listing *l)
{
	char txt[LIST_TEXT_MAX];
	if (list_dnsbl_is_reserved(l->client))
		return;
	list_dnsbl_txt(l, txt);
	list_dnsbl_owner(l->client, &w->text);
	add_records(w, txt);
}
