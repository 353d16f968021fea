#include "cli/publish/publish_zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "dns/transfer.h"
#include "dns/update.h"

enum { NIBBLES = 32, OWNER_MAX = NAME_TEXT_MAX, RECORD_ROOM = 16 };

/* One address of the zone. */
struct publish_name {
	struct addr addr;
	uint64_t txt; /* hash of its TXT's rdata */
	bool is_six;  /* as nibbles: of IPv6, and of the test entry ::ffff:7f00:2 */
	bool has_a, has_txt, is_odd; /* odd: has something else, too */
};

static const uint8_t answer[4] = { 127, 0, 0, 2 };

static int compare(const void *a, const void *b)
{
	const struct publish_name *x = a, *y = b;
	int by_addr = addr_compare(x->addr, y->addr);
	return by_addr ? by_addr : (int)x->is_six - (int)y->is_six;
}

static void sort(struct publish_names *n)
{
	if (n->count)
		qsort(n->at, n->count, sizeof(*n->at), compare);
}

static struct publish_name *add(struct publish_names *n, struct addr a, bool is_six)
{
	n->at = xroom(n->at, n->count, &n->cap, sizeof(*n->at));
	struct publish_name *name = &n->at[n->count++];
	*name = (struct publish_name){ .addr = a, .is_six = is_six };
	return name;
}

/* ---- what is there ---- */

static bool read_four(const char *text, size_t len, struct addr *ret_addr)
{
	struct addr a;
	if (!addr_parse_n(text, len, &a) || !addr_is_v4(a))
		return false;
	*ret_addr = a;
	for (int i = 0; i < 4; i++)
		ret_addr->bytes[12 + i] = a.bytes[15 - i];
	return true;
}

static int nibble(char c)
{
	const char *hex = "0123456789abcdef";
	const char *at = c ? strchr(hex, c) : NULL;
	return at ? (int)(at - hex) : -1;
}

static bool read_six(const char *text, size_t len, struct addr *ret_addr)
{
	if (len != 2 * NIBBLES - 1)
		return false;
	for (int i = 0; i < NIBBLES; i++) {
		int n = nibble(text[2 * i]);
		uint8_t *byte = &ret_addr->bytes[15 - i / 2];
		if (n < 0 || (i < NIBBLES - 1 && text[2 * i + 1] != '.'))
			return false;
		*byte = (uint8_t)(i % 2 ? *byte | n << 4 : n);
	}
	return true;
}

struct reading {
	struct publish_names *names;
	size_t zone_len;
};

static void on_record(void *arg, const struct transfer_record *r)
{
	struct reading *x = arg;
	struct addr a;
	size_t len = strlen(r->owner);
	if (len < x->zone_len + 2)
		return;
	len -= x->zone_len + 1;
	bool is_six = read_six(r->owner, len, &a);
	if (!is_six && !read_four(r->owner, len, &a))
		return;
	struct publish_names *n = x->names;
	struct publish_name *last = n->count ? &n->at[n->count - 1] : NULL;
	if (!last || last->is_six != is_six || !addr_equal(last->addr, a))
		last = add(n, a, is_six);
	if (r->type == RR_A && !last->has_a && r->len == sizeof(answer) &&
	    memcmp(r->rdata, answer, sizeof(answer)) == 0) {
		last->has_a = true;
	} else if (r->type == RR_TXT && !last->has_txt) {
		last->has_txt = true;
		last->txt = hash_bytes(r->rdata, r->len);
	} else {
		last->is_odd = true;
	}
}

/* Records of one name may come apart. */
static void join(struct publish_names *n)
{
	size_t kept = 0;
	sort(n);
	for (size_t i = 0; i < n->count; i++) {
		struct publish_name *to = kept ? &n->at[kept - 1] : NULL;
		const struct publish_name *from = &n->at[i];
		if (!to || compare(to, from) != 0) {
			n->at[kept++] = *from;
			continue;
		}
		to->is_odd |= from->is_odd || (to->has_a && from->has_a) ||
			      (to->has_txt && from->has_txt);
		to->has_a |= from->has_a;
		to->txt = to->has_txt ? to->txt : from->txt;
		to->has_txt |= from->has_txt;
	}
	n->count = kept;
}

static int read_zone(struct publish_zone *z, struct transfer_server s, const char *zone,
		     const struct tsig_key *key, struct error *e)
{
	uint32_t serial;
	struct reading x = { &z->there, strlen(zone) };
	int64_t now = stamp_monotonic();
	int rc = transfer_serial(s, zone, &serial, e);
	if (rc != 0 ||
	    (z->read && serial == z->serial && now - z->read < PUBLISH_ZONE_AGE))
		return rc;
	z->read = 0;
	z->there.count = 0;
	rc = transfer_zone(s, zone, key, on_record, &x, e);
	if (rc != 0)
		return rc;
	join(&z->there);
	z->read = now;
	z->serial = serial;
	return 0;
}

/* ---- what is wanted ---- */

/* The rdata of a TXT of one string. */
static uint16_t txt_rdata(const char *text, uint8_t to[LIST_TEXT_MAX])
{
	size_t len = strlen(text);
	to[0] = (uint8_t)len; /* LIST_TEXT_MAX has a NUL */
	for (size_t i = 0; i < len; i++)
		to[i + 1] = (uint8_t)text[i];
	return (uint16_t)(len + 1);
}

static void want(struct publish_names *n, struct addr a, bool is_six, const char *text)
{
	uint8_t rdata[LIST_TEXT_MAX];
	struct publish_name *name = add(n, a, is_six);
	name->has_a = name->has_txt = true;
	name->txt = hash_bytes(rdata, txt_rdata(text, rdata));
}

struct wanting {
	struct publish_names names;
	struct published_list *list;
};

static int on_listing(void *arg, const struct listing *l)
{
	struct wanting *x = arg;
	const struct list_filter *f = &x->list->filter;
	const struct publish_names *n = &x->names;
	char text[LIST_TEXT_MAX];
	bool is_again = n->count && addr_equal(n->at[n->count - 1].addr, l->client);
	if (!l->is_listed || is_again || list_dnsbl_is_reserved(l->client) ||
	    (f->leaves_out && f->leaves_out(f->arg, l)))
		return 0;
	list_dnsbl_txt(l, text);
	want(&x->names, l->client, !addr_is_v4(l->client), text);
	return 0;
}

static int collect(struct wanting *x, struct error *e)
{
	struct published_list *l = x->list;
	int rc =
	    l->ask && !l->head.note ? ask_listed(l->ask, false, on_listing, x, e) : 0;
	l->counts = (struct list_counts){ .listed = x->names.count };
	want(&x->names, list_dnsbl_test(), false, LIST_DNSBL_TEST);
	want(&x->names, list_dnsbl_test(), true, LIST_DNSBL_TEST);
	sort(&x->names);
	return rc;
}

/* ---- the difference ---- */

struct sending {
	const struct config_publish *section;
	const struct tsig_key *key;
	uv_loop_t loop;
	struct update *update; /* the piece that is filled; NULL */
	size_t room;
	uint64_t changes;
	struct update_result result;
};

static void on_sent(const struct update_result *r, void *arg)
{
	((struct sending *)arg)->result = *r;
}

static int send_piece(struct sending *s, struct error *e)
{
	const struct endpoint *to = &s->section->update.update_server;
	struct update *u = s->update;
	if (!u)
		return 0;
	s->update = NULL;
	s->result = (struct update_result){ .outcome = UPDATE_FAILED };
	int rc = update_send(u, &s->loop, to->addr, to->port, on_sent, s, e);
	if (rc != 0)
		return rc;
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	if (s->result.outcome == UPDATE_DONE)
		return 0;
	return error_set(e, FMX_EREFUSED, "%s", s->result.error.text);
}

static void owner_of(const struct sending *s, const struct publish_name *n,
		     char owner[OWNER_MAX])
{
	struct buf b = BUF_INIT(OWNER_MAX);
	if (n->is_six)
		list_dnsbl_six_owner(n->addr, &b);
	else
		list_dnsbl_owner(n->addr, &b);
	(void)snprintf(owner, OWNER_MAX, "%.100s.%.150s", buf_text(&b), s->section->zone);
	buf_release(&b);
}

static int make_room(struct sending *s, size_t len, struct error *e)
{
	int rc = s->update && len > s->room ? send_piece(s, e) : 0;
	if (rc != 0)
		return rc;
	if (!s->update) {
		s->update = update_new(s->section->zone, s->key);
		s->room = PUBLISH_PIECE;
	}
	s->room -= len < s->room ? len : s->room;
	s->changes++;
	return 0;
}

static int take_out(struct sending *s, const struct publish_name *n, struct error *e)
{
	char owner[OWNER_MAX];
	owner_of(s, n, owner);
	int rc = make_room(s, strlen(owner) + RECORD_ROOM, e);
	if (rc == 0)
		update_delete_name(s->update, owner);
	return rc;
}

static void text_of(const struct publish_name *n, char text[LIST_TEXT_MAX])
{
	struct listing l = { .client = n->addr, .reason = REASON_LISTED };
	if (list_dnsbl_is_reserved(n->addr))
		(void)str_copy(text, LIST_TEXT_MAX, LIST_DNSBL_TEST);
	else
		list_dnsbl_txt(&l, text);
}

static int put_in(struct sending *s, const struct publish_name *n, bool is_anew,
		  struct error *e)
{
	char owner[OWNER_MAX], text[LIST_TEXT_MAX];
	uint8_t txt[LIST_TEXT_MAX];
	owner_of(s, n, owner);
	text_of(n, text);
	uint16_t len = txt_rdata(text, txt);
	int rc =
	    make_room(s, 3 * (strlen(owner) + RECORD_ROOM) + sizeof(answer) + len, e);
	if (rc != 0)
		return rc;
	if (is_anew)
		update_delete_name(s->update, owner);
	update_add(s->update, owner, RR_A, LIST_DNS_TTL, answer, sizeof(answer));
	update_add(s->update, owner, RR_TXT, LIST_DNS_TTL, txt, len);
	return 0;
}

static bool is_as_wanted(const struct publish_name *there, const struct publish_name *w)
{
	return there->has_a && there->has_txt && !there->is_odd && there->txt == w->txt;
}

static const struct publish_name *name_at(const struct publish_names *names, size_t i)
{
	return i < names->count ? &names->at[i] : NULL;
}

/* Both by address. */
static int send_difference(struct sending *s, const struct publish_names *there,
			   const struct publish_names *wanted, struct error *e)
{
	size_t i = 0, k = 0;
	int rc = 0;
	const struct publish_name *t = name_at(there, 0), *w = name_at(wanted, 0);
	while (rc == 0 && (t || w)) {
		int by = !t ? 1 : !w ? -1 : compare(t, w);
		if (by < 0)
			rc = take_out(s, t, e);
		else if (by > 0)
			rc = put_in(s, w, false, e);
		else if (!is_as_wanted(t, w))
			rc = put_in(s, w, true, e);
		if (by <= 0)
			t = name_at(there, ++i);
		if (by >= 0)
			w = name_at(wanted, ++k);
	}
	return rc == 0 ? send_piece(s, e) : rc;
}

static int update_zone(struct publish_zone *z, struct sending *s,
		       struct transfer_server at, struct publish_names *wanted,
		       struct error *e)
{
	if (uv_loop_init(&s->loop) != 0)
		return error_set(e, -ENOMEM, "no event loop");
	int rc = send_difference(s, &z->there, wanted, e);
	update_free(s->update);
	(void)uv_loop_close(&s->loop); /* nothing is open in it any more */
	if (rc != 0 || s->changes == 0) {
		z->read = rc == 0 ? z->read : 0; /* some may be done */
		return rc;
	}
	struct publish_names old = z->there;
	z->there = *wanted;
	*wanted = old;
	return transfer_serial(at, s->section->zone, &z->serial, e);
}

int publish_zone(struct publish_zone *z, const struct config_publish *p,
		 struct published_list *l, uint64_t *ret_changes, struct error *e)
{
	const struct endpoint *to = &p->update.update_server;
	struct transfer_server at = { to->addr, to->port };
	struct tsig_key *key = NULL;
	struct wanting x = { .list = l };
	int rc = *p->update.update_key ? tsig_key_read(p->update.update_key, &key, e) : 0;
	struct sending s = { .section = p, .key = key };
	if (rc == 0)
		rc = collect(&x, e);
	if (rc == 0)
		rc = read_zone(z, at, p->zone, key, e);
	if (rc == 0)
		rc = update_zone(z, &s, at, &x.names, e);
	free(x.names.at);
	tsig_key_free(key);
	if (rc == 0)
		*ret_changes = s.changes;
	return rc;
}

void publish_zone_release(struct publish_zone *z)
{
	free(z->there.at);
	*z = (struct publish_zone){ .read = 0 };
}
