#include "dns/update.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "dns/tsig_own.h"

enum {
	CLASS_NONE = 254,
	CLASS_ANY = 255,
	TYPE_ANY = 255,
	OPCODE_UPDATE = 5,
	FUDGE_ROOM = 512
};

struct item {
	uint16_t type, class_;
	uint32_t ttl;
	uint16_t len;
	bool is_empty; /* no rdata at all */
	bool is_prerequisite;
	char owner[NAME_TEXT_MAX];
	uint8_t rdata[UPDATE_RDATA_MAX];
};

struct update {
	const struct tsig_key *key;
	char zone[NAME_TEXT_MAX];
	char server_text[ADDR_TEXT_MAX + 8];
	struct item *items;
	size_t count;

	/* of the exchange: */
	uint8_t wire[UPDATE_MESSAGE_MAX + 2]; /* with TCP's length before it */
	size_t wire_len;
	uint8_t mac[64];
	size_t mac_len;
	uint16_t id;
	uint8_t answer[65537];
	size_t answer_len;
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	unsigned handles;
	bool is_over;
	update_callback *done;
	void *arg;
	struct update_result result;
};

struct update *update_new(const char *zone, const struct tsig_key *key)
{
	struct update *u = xcalloc(1, sizeof(*u));
	u->key = key;
	(void)str_copy(u->zone, sizeof(u->zone), zone);
	return u;
}

void update_free(struct update *u)
{
	if (!u)
		return;
	free(u->items);
	free(u);
}

static struct item *add_item(struct update *u, const char *owner, uint16_t type,
			     uint16_t class_)
{
	u->items = xrealloc(u->items, u->count + 1, sizeof(*u->items));
	struct item *i = &u->items[u->count++];
	*i = (struct item){ .type = type, .class_ = class_, .is_empty = true };
	(void)str_copy(i->owner, sizeof(i->owner), owner);
	return i;
}

static void set_rdata(struct item *i, const uint8_t *rdata, uint16_t len)
{
	assert(len <= UPDATE_RDATA_MAX);
	memcpy(i->rdata, rdata, len);
	i->len = len;
	i->is_empty = false;
}

void update_require(struct update *u, const char *owner, uint16_t type,
		    const uint8_t *rdata, uint16_t len)
{
	struct item *i = add_item(u, owner, type, KNOT_CLASS_IN);
	i->is_prerequisite = true;
	set_rdata(i, rdata, len);
}

void update_require_none(struct update *u, const char *owner, uint16_t type)
{
	add_item(u, owner, type, CLASS_NONE)->is_prerequisite = true;
}

void update_add(struct update *u, const char *owner, uint16_t type, uint32_t ttl,
		const uint8_t *rdata, uint16_t len)
{
	struct item *i = add_item(u, owner, type, KNOT_CLASS_IN);
	i->ttl = ttl;
	set_rdata(i, rdata, len);
}

void update_delete(struct update *u, const char *owner, uint16_t type,
		   const uint8_t *rdata, uint16_t len)
{
	set_rdata(add_item(u, owner, type, CLASS_NONE), rdata, len);
}

void update_delete_name(struct update *u, const char *owner)
{
	(void)add_item(u, owner, TYPE_ANY, CLASS_ANY);
}

uint16_t update_mx_rdata(uint16_t preference, const char *exchange,
			 uint8_t ret[UPDATE_RDATA_MAX])
{
	size_t len;
	ret[0] = (uint8_t)(preference >> 8);
	ret[1] = (uint8_t)preference;
	return name_to_wire(exchange, ret + 2, &len) ? (uint16_t)(len + 2) : 0;
}

/* ---- the message ---- */

static int put_items(struct update *u, knot_pkt_t *pkt, bool prerequisites,
		     struct error *e)
{
	for (size_t i = 0; i < u->count; i++) {
		struct item *item = &u->items[i];
		uint8_t owner[NAME_WIRE_MAX];
		if (item->is_prerequisite != prerequisites)
			continue;
		if (!name_to_wire(item->owner, owner, NULL))
			return error_set(e, FMX_EMALFORMED, "\"%s\" is not a domain name",
					 item->owner);
		knot_rrset_t rr;
		knot_rrset_init(&rr, owner, item->type, item->class_, item->ttl);
		/* An RRset without rdata stands for the type itself (RFC 2136 2.4.3). */
		int rc = knot_rrset_add_rdata(&rr, item->is_empty ? NULL : item->rdata,
					      item->len, NULL);
		if (rc == KNOT_EOK)
			rc =
			    knot_pkt_put(pkt, KNOT_COMPR_HINT_NONE, &rr, KNOT_PF_NOTRUNC);
		knot_rdataset_clear(&rr.rrs, NULL);
		if (rc != KNOT_EOK)
			return error_set(e, FMX_ETOOBIG,
					 "the update of %s does not fit in %d bytes",
					 u->zone, UPDATE_MESSAGE_MAX);
	}
	return 0;
}

static int build(struct update *u, knot_pkt_t *pkt, struct error *e)
{
	uint8_t zone[NAME_WIRE_MAX];
	if (!name_to_wire(u->zone, zone, NULL))
		return error_set(e, FMX_EMALFORMED, "\"%s\" is not a domain name",
				 u->zone);
	knot_wire_set_id(pkt->wire, u->id);
	knot_wire_set_opcode(pkt->wire, OPCODE_UPDATE);
	if (knot_pkt_reserve(pkt, FUDGE_ROOM) != KNOT_EOK ||
	    knot_pkt_put_question(pkt, zone, KNOT_CLASS_IN, KNOT_RRTYPE_SOA) !=
		KNOT_EOK ||
	    knot_pkt_begin(pkt, KNOT_ANSWER) != KNOT_EOK)
		return error_set(e, FMX_ETOOBIG, "the update of %s does not fit",
				 u->zone);
	int rc = put_items(u, pkt, true, e);
	if (rc == 0 && knot_pkt_begin(pkt, KNOT_AUTHORITY) != KNOT_EOK)
		rc = error_set(e, FMX_ETOOBIG, "the update of %s does not fit", u->zone);
	return rc == 0 ? put_items(u, pkt, false, e) : rc;
}

static int sign(struct update *u, struct error *e)
{
	size_t most = UPDATE_MESSAGE_MAX;
	if (!u->key)
		return 0;
	u->mac_len = sizeof(u->mac);
	if (knot_tsig_sign(u->wire + 2, &u->wire_len, most, NULL, 0, u->mac, &u->mac_len,
			   &u->key->knot, 0, 0) == KNOT_EOK)
		return 0;
	return error_set(e, FMX_EMALFORMED,
			 "the update of %s cannot be signed with the key %s", u->zone,
			 u->key->name);
}

static int make_message(struct update *u, struct error *e)
{
	if (uv_random(NULL, NULL, &u->id, sizeof(u->id), 0, NULL) != 0)
		u->id = (uint16_t)stamp_monotonic(); /* TSIG and TCP guard it anyway */
	knot_pkt_t *pkt = knot_pkt_new(u->wire + 2, UPDATE_MESSAGE_MAX, NULL);
	if (!pkt)
		return error_set(e, -ENOMEM, "out of memory");
	knot_pkt_clear(pkt); /* a new packet counts its whole wire as used */
	int rc = build(u, pkt, e);
	u->wire_len = pkt->size;
	knot_pkt_free(pkt);
	if (rc == 0)
		rc = sign(u, e);
	u->wire[0] = (uint8_t)(u->wire_len >> 8);
	u->wire[1] = (uint8_t)u->wire_len;
	return rc;
}

/* ---- the answer ---- */

/* One row, one thing that a server may say: RFC 2136 2.2, RFC 8945 5.3. */
static const struct {
	uint16_t rcode, tsig_error;
	enum update_outcome outcome;
	const char *text;
} meanings[] = {
	{ KNOT_RCODE_NOTAUTH, KNOT_RCODE_BADSIG, UPDATE_REFUSED,
	  "does not accept the signature: the secret of the key %s is not the one it "
	  "knows (BADSIG)" },
	{ KNOT_RCODE_NOTAUTH, KNOT_RCODE_BADKEY, UPDATE_REFUSED,
	  "does not know the key %s, not with this algorithm, or does not allow it to "
	  "update (BADKEY)" },
	{ KNOT_RCODE_NOTAUTH, KNOT_RCODE_BADTIME, UPDATE_REFUSED,
	  "says that the clocks differ by more than five minutes (BADTIME): set this "
	  "machine's, or its; "
	  "the key is %s" },
	{ KNOT_RCODE_NOTAUTH, KNOT_RCODE_BADTRUNC, UPDATE_REFUSED,
	  "wants a longer signature than the key %s gives (BADTRUNC)" },
	{ KNOT_RCODE_NXRRSET, 0, UPDATE_RACE,
	  "says that a record that was there is gone (NXRRSET): somebody else changes "
	  "the zone" },
	{ KNOT_RCODE_YXRRSET, 0, UPDATE_RACE,
	  "says that a record came that was not there (YXRRSET): somebody else changes "
	  "the zone" },
	{ KNOT_RCODE_YXDOMAIN, 0, UPDATE_RACE,
	  "says that a name came that was not there (YXDOMAIN): somebody else changes "
	  "the zone" },
	{ KNOT_RCODE_NXDOMAIN, 0, UPDATE_RACE,
	  "says that a name that was there is gone (NXDOMAIN): somebody else changes the "
	  "zone" },
	{ KNOT_RCODE_REFUSED, 0, UPDATE_REFUSED,
	  "refuses the update (REFUSED): allow it for the key %s (BIND: update-policy, "
	  "Knot: acl)" },
	{ KNOT_RCODE_NOTAUTH, 0, UPDATE_REFUSED,
	  "is not authoritative for the zone (NOTAUTH), or does not know the key %s: "
	  "name its primary "
	  "server" },
	{ KNOT_RCODE_NOTZONE, 0, UPDATE_REFUSED,
	  "says that a name lies outside the zone (NOTZONE)" },
	{ KNOT_RCODE_NOTIMPL, 0, UPDATE_REFUSED,
	  "does not take dynamic updates at all (NOTIMP): plan its zone file instead" },
	{ KNOT_RCODE_FORMERR, 0, UPDATE_REFUSED, "cannot read the update (FORMERR)" },
	{ KNOT_RCODE_SERVFAIL, 0, UPDATE_FAILED,
	  "failed while updating (SERVFAIL): its log says why" },
};

static bool is_meant(size_t i, uint16_t rcode, uint16_t tsig_error)
{
	return meanings[i].rcode == rcode &&
	       (meanings[i].tsig_error == 0 || meanings[i].tsig_error == tsig_error);
}

void update_explain(uint16_t rcode, uint16_t tsig_error, const char *server,
		    const char *key, struct update_result *ret)
{
	*ret = (struct update_result){ .outcome = UPDATE_DONE };
	if (rcode == KNOT_RCODE_NOERROR)
		return;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!is_meant(i, rcode, tsig_error))
			continue;
		const char *slot = strstr(meanings[i].text, "%s");
		int before =
		    slot ? (int)(slot - meanings[i].text) : (int)strlen(meanings[i].text);
		ret->outcome = meanings[i].outcome;
		(void)error_set(&ret->error,
				ret->outcome == UPDATE_RACE ? FMX_ECONFLICT : -EACCES,
				"the server %s %.*s%s%s", server, before,
				meanings[i].text, slot ? key : "", slot ? slot + 2 : "");
		return;
	}
	ret->outcome = UPDATE_REFUSED;
	(void)error_set(&ret->error, -EACCES, "the server %s answers with RCODE %u",
			server, rcode);
}

static uint16_t tsig_error_of(const knot_pkt_t *pkt)
{
	return pkt->tsig_rr ? knot_tsig_rdata_error(pkt->tsig_rr) : 0;
}

/* An answer that says yes must be signed; one that says no may not be able to
 * (RFC 8945 5.3.1: BADKEY and BADSIG come unsigned). */
static bool is_trusted(const struct update *u, const knot_pkt_t *pkt)
{
	if (!u->key)
		return true;
	if (!pkt->tsig_rr)
		return false;
	return knot_tsig_client_check(pkt->tsig_rr, pkt->wire, pkt->size, u->mac,
				      u->mac_len, &u->key->knot, 0) == KNOT_EOK;
}

static void read_answer(struct update *u)
{
	struct update_result *r = &u->result;
	const char *key = u->key ? u->key->name : "(none)";
	knot_pkt_t *pkt =
	    knot_pkt_new(u->answer + 2, (uint16_t)(u->answer_len - 2), NULL);
	bool ok = pkt && knot_pkt_parse(pkt, 0) == KNOT_EOK &&
		  knot_wire_get_qr(pkt->wire) && knot_wire_get_id(pkt->wire) == u->id &&
		  knot_wire_get_opcode(pkt->wire) == OPCODE_UPDATE;
	if (!ok) {
		r->outcome = UPDATE_FAILED;
		(void)error_set(
		    &r->error, FMX_EMALFORMED,
		    "the server %s sent something that is no answer to the update",
		    u->server_text);
	} else {
		uint16_t rcode = knot_wire_get_rcode(pkt->wire);
		update_explain(rcode, tsig_error_of(pkt), u->server_text, key, r);
		if (r->outcome == UPDATE_DONE && !is_trusted(u, pkt)) {
			r->outcome = UPDATE_FAILED;
			(void)error_set(&r->error, FMX_EMALFORMED,
					"the answer of %s is not signed with the key "
					"%s: whether the "
					"update was made is not known",
					u->server_text, key);
		}
	}
	knot_pkt_free(pkt);
}

/* ---- the exchange ---- */

static void on_closed(uv_handle_t *h)
{
	struct update *u = h->data;
	if (--u->handles > 0)
		return;
	update_callback *done = u->done;
	void *arg = u->arg;
	struct update_result r = u->result;
	update_free(u);
	done(&r, arg);
}

static void finish(struct update *u)
{
	if (u->is_over)
		return;
	u->is_over = true;
	uv_close((uv_handle_t *)&u->tcp, on_closed);
	uv_close((uv_handle_t *)&u->timer, on_closed);
}

static void fail(struct update *u, const char *what, int code)
{
	if (u->is_over)
		return;
	u->result.outcome = UPDATE_FAILED;
	(void)error_set(&u->result.error, code ? code : -ETIMEDOUT, "%s %s%s%s", what,
			u->server_text, code ? ": " : "", code ? uv_strerror(code) : "");
	finish(u);
}

static void on_timeout(uv_timer_t *t)
{
	fail(t->data, "no answer to the update in 20 s from", 0);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	(void)suggested;
	struct update *u = h->data;
	*ret = uv_buf_init((char *)u->answer + u->answer_len,
			   (unsigned)(sizeof(u->answer) - u->answer_len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	struct update *u = s->data;
	if (u->is_over)
		return;
	if (n < 0) {
		fail(u, "the connection was closed before an answer came from", (int)n);
		return;
	}
	u->answer_len += (size_t)n;
	size_t want =
	    u->answer_len < 2 ? 2 : 2 + ((size_t)u->answer[0] << 8 | u->answer[1]);
	if (u->answer_len < want || want == 2)
		return;
	u->answer_len = want;
	read_answer(u);
	finish(u);
}

static void on_written(uv_write_t *w, int status)
{
	if (status < 0)
		fail(w->data, "the update could not be sent to", status);
}

static void on_connected(uv_connect_t *c, int status)
{
	struct update *u = c->data;
	if (status < 0) {
		fail(u, "cannot connect to the server", status);
		return;
	}
	uv_buf_t out = uv_buf_init((char *)u->wire, (unsigned)u->wire_len + 2);
	int rc = uv_read_start((uv_stream_t *)&u->tcp, on_alloc, on_read);
	if (rc == 0)
		rc = uv_write(&u->write, (uv_stream_t *)&u->tcp, &out, 1, on_written);
	if (rc < 0)
		fail(u, "the update could not be sent to", rc);
}

static void begin(struct update *u, uv_loop_t *loop, struct addr server, uint16_t port)
{
	struct sockaddr_storage sa;
	(void)addr_to_sockaddr(server, port, &sa);
	(void)uv_tcp_init(loop, &u->tcp);
	(void)uv_timer_init(loop, &u->timer);
	u->handles = 2;
	u->tcp.data = u->timer.data = u->connect.data = u->write.data = u;
	(void)uv_timer_start(&u->timer, on_timeout, UPDATE_TIMEOUT_US / STAMP_MILLISECOND,
			     0);
	int rc = uv_tcp_connect(&u->connect, &u->tcp, (const struct sockaddr *)&sa,
				on_connected);
	if (rc < 0)
		fail(u, "cannot connect to the server", rc);
}

int update_send(struct update *u, uv_loop_t *loop, struct addr server, uint16_t port,
		update_callback *done, void *arg, struct error *e)
{
	char text[ADDR_TEXT_MAX];
	u->done = done;
	u->arg = arg;
	(void)snprintf(u->server_text, sizeof(u->server_text), "%s@%u",
		       addr_text(server, text), port);
	int rc = make_message(u, e);
	if (rc != 0)
		update_free(u);
	else
		begin(u, loop, server, port);
	return rc;
}
