#include "dns/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/tsig_own.h"

enum { TYPE_AXFR = 252, QUERY_MAX = 1024, MESSAGE_MAX = 65535 };

struct transfer {
	int fd;
	char server[ADDR_TEXT_MAX + 8], zone[NAME_TEXT_MAX];
	const struct tsig_key *key;
	uint16_t id;
	uint8_t mac[64];
	size_t mac_len;
	bool is_first;
	/* What came since the last signature, the message under way at its end. */
	uint8_t *bytes;
	size_t unsigned_len;
	transfer_fn fn;
	void *arg;
	unsigned soas;
};

static int failed(const struct transfer *t, int code, const char *what, struct error *e)
{
	return error_set(e, code ? code : -EIO, "the zone %s, asked of the server %s: %s",
			 t->zone, t->server, what);
}

static int system_failed(const struct transfer *t, struct error *e)
{
	int code = errno ? errno : EIO;
	return failed(t, -code,
		      code == EAGAIN ? "no answer in 20 seconds" : strerror(code), e);
}

static int open_connection(struct transfer *t, struct transfer_server s, struct error *e)
{
	struct sockaddr_storage sa;
	struct timeval most = { .tv_sec = TRANSFER_SECONDS };
	char text[ADDR_TEXT_MAX];
	socklen_t len = addr_to_sockaddr(s.addr, s.port, &sa);
	(void)snprintf(t->server, sizeof(t->server), "%s@%u", addr_text(s.addr, text),
		       s.port);
	t->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)) != 0 ||
	    setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) != 0 ||
	    connect(t->fd, (const struct sockaddr *)&sa, len) != 0)
		return system_failed(t, e);
	return 0;
}

static int begin(struct transfer *t, struct transfer_server s, const char *zone,
		 struct error *e)
{
	*t = (struct transfer){ .fd = -1, .is_first = true };
	(void)str_copy(t->zone, sizeof(t->zone), zone);
	if (getrandom(&t->id, sizeof(t->id), 0) != sizeof(t->id))
		t->id = 1; /* one question a connection: TCP guards it */
	t->bytes = xcalloc(1, MESSAGE_MAX);
	return open_connection(t, s, e);
}

static void end(struct transfer *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	free(t->bytes);
}

/* ---- bytes ---- */

static int send_message(struct transfer *t, uint8_t *wire, size_t len, struct error *e)
{
	wire[0] = (uint8_t)(len >> 8);
	wire[1] = (uint8_t)len;
	for (size_t at = 0; at < len + 2;) {
		ssize_t n = send(t->fd, wire + at, len + 2 - at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return system_failed(t, e);
		at += (size_t)n;
	}
	return 0;
}

static int read_bytes(struct transfer *t, uint8_t *to, size_t len, struct error *e)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(t->fd, to + at, len - at, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return system_failed(t, e);
		if (n == 0)
			return failed(t, 0, "it closed the connection", e);
		at += (size_t)n;
	}
	return 0;
}

/* To the end of t->bytes. */
static int read_message(struct transfer *t, size_t *ret_len, struct error *e)
{
	uint8_t prefix[2];
	int rc = read_bytes(t, prefix, 2, e);
	if (rc != 0)
		return rc;
	*ret_len = (size_t)prefix[0] << 8 | prefix[1];
	if (t->unsigned_len + *ret_len > TRANSFER_UNSIGNED_MAX)
		return failed(t, FMX_ETOOBIG, "it signs its messages too seldom", e);
	t->bytes = xrealloc(t->bytes, t->unsigned_len + MESSAGE_MAX, 1);
	return read_bytes(t, t->bytes + t->unsigned_len, *ret_len, e);
}

/* ---- the question ---- */

static int ask(struct transfer *t, uint16_t type, struct error *e)
{
	uint8_t wire[QUERY_MAX + 2], zone[NAME_WIRE_MAX];
	if (!name_to_wire(t->zone, zone, NULL))
		return failed(t, FMX_EMALFORMED, "it is no domain name", e);
	knot_pkt_t *pkt = knot_pkt_new(wire + 2, QUERY_MAX, NULL);
	if (!pkt)
		return failed(t, -ENOMEM, "out of memory", e);
	knot_pkt_clear(pkt); /* a new packet counts its whole wire as used */
	knot_wire_set_id(pkt->wire, t->id);
	int rc = knot_pkt_put_question(pkt, zone, KNOT_CLASS_IN, type);
	size_t len = pkt->size;
	knot_pkt_free(pkt);
	t->mac_len = sizeof(t->mac);
	if (rc == KNOT_EOK && t->key)
		rc = knot_tsig_sign(wire + 2, &len, QUERY_MAX, NULL, 0, t->mac,
				    &t->mac_len, &t->key->knot, 0, 0);
	if (rc != KNOT_EOK)
		return failed(t, FMX_EMALFORMED, "the question cannot be made", e);
	return send_message(t, wire, len, e);
}

/* ---- the answer ---- */

/* Every message is signed, or those between two signatures are with the second. */
static int check_signature(struct transfer *t, const knot_pkt_t *pkt, struct error *e)
{
	int rc;
	if (!t->key)
		return 0;
	if (!pkt->tsig_rr) {
		t->unsigned_len += pkt->size;
		return t->is_first ? failed(t, FMX_EMALFORMED,
					    "the answer is not signed with the key", e)
				   : 0;
	}
	rc = t->is_first
		 ? knot_tsig_client_check(pkt->tsig_rr, pkt->wire, pkt->size, t->mac,
					  t->mac_len, &t->key->knot, 0)
		 : knot_tsig_client_check_next(pkt->tsig_rr, t->bytes,
					       t->unsigned_len + pkt->size, t->mac,
					       t->mac_len, &t->key->knot, 0);
	if (rc != KNOT_EOK)
		return failed(t, FMX_EMALFORMED, "the signature of the answer is wrong",
			      e);
	t->mac_len = knot_tsig_rdata_mac_length(pkt->tsig_rr);
	if (t->mac_len > sizeof(t->mac))
		return failed(t, FMX_EMALFORMED, "the signature is too long", e);
	memcpy(t->mac, knot_tsig_rdata_mac(pkt->tsig_rr), t->mac_len);
	t->is_first = false;
	t->unsigned_len = 0;
	return 0;
}

static void tell(struct transfer *t, const knot_rrset_t *rr)
{
	struct transfer_record r = { .type = rr->type, .ttl = rr->ttl };
	char owner[NAME_TEXT_MAX];
	if (rr->type == KNOT_RRTYPE_SOA && ++t->soas > 1)
		return;
	if (!name_from_wire(rr->owner, owner))
		return; /* no name that we would have written */
	r.owner = owner;
	const knot_rdata_t *at = rr->rrs.rdata;
	for (uint16_t i = 0; i < rr->rrs.count; i++) {
		r.rdata = at->data;
		r.len = at->len;
		t->fn(t->arg, &r);
		at = knot_rdataset_next((knot_rdata_t *)(uintptr_t)at);
	}
}

static int check_message(struct transfer *t, knot_pkt_t *pkt, struct error *e)
{
	char text[400];
	if (!pkt || knot_pkt_parse(pkt, 0) != KNOT_EOK ||
	    knot_wire_get_id(pkt->wire) != t->id || !knot_wire_get_qr(pkt->wire))
		return failed(t, FMX_EMALFORMED, "it answers with something else", e);
	uint8_t rcode = knot_wire_get_rcode(pkt->wire);
	if (rcode == KNOT_RCODE_NOERROR)
		return check_signature(t, pkt, e);
	(void)snprintf(text, sizeof(text),
		       "it does not let the zone be read (RCODE %u): allow AXFR %s%s",
		       rcode, t->key ? "for the key " : "to this machine",
		       t->key ? t->key->name : "");
	return failed(t, FMX_EREFUSED, text, e);
}

static int take_message(struct transfer *t, size_t len, struct error *e)
{
	knot_pkt_t *pkt = knot_pkt_new(t->bytes + t->unsigned_len, (uint16_t)len, NULL);
	int rc = check_message(t, pkt, e);
	const knot_pktsection_t *s = rc == 0 ? knot_pkt_section(pkt, KNOT_ANSWER) : NULL;
	if (s && t->soas == 0 && s->count == 0)
		rc = failed(t, FMX_EMALFORMED, "it sends nothing", e);
	for (uint16_t i = 0; s && i < s->count; i++)
		tell(t, knot_pkt_rr(s, i));
	knot_pkt_free(pkt);
	return rc;
}

int transfer_zone(struct transfer_server s, const char *zone, const struct tsig_key *key,
		  transfer_fn fn, void *arg, struct error *e)
{
	struct transfer t;
	size_t len;
	int rc = begin(&t, s, zone, e);
	t.key = key;
	t.fn = fn;
	t.arg = arg;
	if (rc == 0)
		rc = ask(&t, TYPE_AXFR, e);
	while (rc == 0 && t.soas < 2) {
		rc = read_message(&t, &len, e);
		if (rc == 0)
			rc = take_message(&t, len, e);
	}
	if (rc == 0 && t.unsigned_len)
		rc = failed(&t, FMX_EMALFORMED, "the end of the answer is not signed", e);
	end(&t);
	return rc;
}

int transfer_serial(struct transfer_server s, const char *zone, uint32_t *ret_serial,
		    struct error *e)
{
	struct transfer t;
	struct answer *a = xcalloc(1, sizeof(*a));
	size_t len;
	int rc = begin(&t, s, zone, e);
	if (rc == 0)
		rc = ask(&t, RR_SOA, e);
	if (rc == 0)
		rc = read_message(&t, &len, e);
	if (rc == 0) {
		answer_read(a, t.bytes, len, zone, RR_SOA);
		if (a->count != 1 || !rdata_serial(a->records[0], ret_serial))
			rc = failed(&t, FMX_EREFUSED,
				    "it does not serve the zone: make it there first", e);
	}
	free(a);
	end(&t);
	return rc;
}
