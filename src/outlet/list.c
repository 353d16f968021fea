#include "outlet/list.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "outlet/list_own.h"

enum { PIECE = 64 * 1024, PIECE_MAX = 1024 * 1024 };

static const struct list_row rows[LIST_FORMATS] = {
	[LIST_PLAIN] = { .name = "plain",
			 .type = "text/plain",
			 .entry = list_plain_entry },
	[LIST_JSON] = { .name = "json",
			.type = "application/json",
			.repeats = true,
			.begin = list_json_begin,
			.entry = list_json_entry,
			.end = list_json_end },
	[LIST_RSPAMD] = { .name = "rspamd",
			  .type = "text/plain",
			  .comment = "#",
			  .entry = list_rspamd_entry },
	[LIST_POSTFIX_CIDR] = { .name = "postfix-cidr",
				.type = "text/plain",
				.comment = "#",
				.entry = list_cidr_entry },
	[LIST_NFT] = { .name = "nft",
		       .type = "text/plain",
		       .comment = "#",
		       .begin = list_nft_begin,
		       .entry = list_nft_entry },
	[LIST_RBLDNSD] = { .name = "rbldnsd",
			   .type = "text/plain",
			   .comment = "#",
			   .begin = list_rbldnsd_begin,
			   .entry = list_rbldnsd_entry,
			   .end = list_rbldnsd_end },
	[LIST_DNSBL] = { .name = "dnsbl",
			 .type = "text/dns",
			 .comment = ";",
			 .begin = list_dnsbl_begin,
			 .entry = list_dnsbl_entry },
};

bool list_format_parse(const char *name, enum list_format *ret_format)
{
	for (int i = 0; i < LIST_FORMATS; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*ret_format = (enum list_format)i;
		return true;
	}
	return false;
}

const char *list_format_name(enum list_format f)
{
	return rows[f].name;
}

const char *list_format_type(enum list_format f)
{
	return rows[f].type;
}

struct list_head list_head_of(const struct ask *a)
{
	return (struct list_head){ .is_enforced = ask_sites(a)->rules.enforce,
				   .now = ask_now(a),
				   .serial = (uint32_t)(ask_now(a) / STAMP_SECOND) };
}

/* ---- a document ---- */

static void put(struct list_writer *w)
{
	assert(!buf_failed(&w->text)); /* an entry is short */
	w->out->put(w->out->arg, buf_text(&w->text), w->text.len);
	buf_clear(&w->text);
}

static void say_head(struct list_writer *w, const char *mark)
{
	const struct list_head *h = w->head;
	buf_addf(&w->text,
		 "%s Senders that fakemx lists; written by fakemx, do not edit.\n", mark);
	if (h->note)
		buf_addf(&w->text, "%s Nobody is listed: %s.\n", mark, h->note);
	else if (h->is_would)
		buf_addf(&w->text,
			 "%s Do not use this as a list: it also names senders that would "
			 "be listed only.\n",
			 mark);
	else if (!h->is_enforced)
		buf_addf(&w->text,
			 "%s Nobody is listed: mode = observe; `fakemx list --would` "
			 "has who would be.\n",
			 mark);
}

void list_begin(struct list_writer *w, enum list_format format,
		const struct list_head *head, const struct list_out *out)
{
	*w = (struct list_writer){
		.format = format, .head = head, .out = out, .text = BUF_INIT(PIECE_MAX)
	};
	if (rows[format].comment)
		say_head(w, rows[format].comment);
	if (rows[format].begin)
		rows[format].begin(w);
}

static void flush(struct list_writer *w)
{
	if (!w->has_pending)
		return;
	w->has_pending = false;
	w->counts.listed++;
	rows[w->format].entry(w, &w->pending);
	if (w->text.len >= PIECE)
		put(w);
}

void list_add(struct list_writer *w, const struct listing *l)
{
	w->counts.would_be += !l->is_listed && l->would_be;
	if (w->head->note || !(l->is_listed || (w->head->is_would && l->would_be)))
		return;
	if (w->has_pending && !rows[w->format].repeats &&
	    addr_equal(w->pending.client, l->client)) {
		if (l->until > w->pending.until)
			w->pending = *l;
		return;
	}
	flush(w);
	w->pending = *l;
	w->has_pending = true;
}

struct list_counts list_end(struct list_writer *w)
{
	flush(w);
	if (rows[w->format].end)
		rows[w->format].end(w);
	put(w);
	buf_release(&w->text);
	return w->counts;
}

/* ---- of the journal ---- */

struct asking {
	struct list_writer writer;
	const struct list_filter *filter;
};

static int on_listing(void *arg, const struct listing *l)
{
	struct asking *x = arg;
	if (!x->filter || !x->filter->leaves_out(x->filter->arg, l))
		list_add(&x->writer, l);
	return 0;
}

int list_ask(struct ask *a, enum list_format format, const struct list_head *head,
	     const struct list_filter *f, const struct list_out *out,
	     struct list_counts *ret_counts, struct error *e)
{
	struct asking x = { .filter = f };
	/* Who would be is asked where it is counted or shown. */
	bool would_too = head->is_would || (format <= LIST_JSON && !head->note);
	list_begin(&x.writer, format, head, out);
	x.writer.sites = ask_sites(a);
	int rc = head->note ? 0 : ask_listed(a, would_too, on_listing, &x, e);
	if (rc != 0) {
		buf_release(&x.writer.text);
		return rc;
	}
	*ret_counts = list_end(&x.writer);
	return 0;
}

/* ---- the same? ---- */

static const char *skip_digits(const char *at)
{
	while (isdigit((unsigned char)*at))
		at++;
	return at;
}

/* "... timeout 3600s ..." and "1780000000 ; serial" */
bool list_is_same_line(const char *a, const char *b)
{
	static const char timeout[] = " timeout ", serial[] = " ; serial\n";
	const char *x = a, *y = b;
	if (strcmp(skip_digits(a), serial) == 0 && strcmp(skip_digits(b), serial) == 0)
		return true;
	while (*x && *x == *y) {
		x++, y++;
		if (x - a < (ptrdiff_t)(sizeof(timeout) - 1) ||
		    strncmp(x - (sizeof(timeout) - 1), timeout, sizeof(timeout) - 1) != 0)
			continue;
		x = skip_digits(x);
		y = skip_digits(y);
	}
	return !*x && !*y;
}
