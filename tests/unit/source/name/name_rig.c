#include "name_rig.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dns/message.h"

struct record_row {
	const char *owner;
	enum rr_type type;
	const char *data; /* an address, or a name */
};

/* Of these the answer is made: all whose owner was asked for, and what their
 * CNAMEs lead to. An owner that is in none of them does not exist. */
static const struct record_row zone[] = {
	{ "1.2.0.10.in-addr.arpa", RR_PTR, "good.example.com" },
	{ "good.example.com", RR_A, "10.0.2.1" },
	{ "2.2.0.10.in-addr.arpa", RR_PTR, "host-10-0-2-2.isp.example" },
	{ "host-10-0-2-2.isp.example", RR_A, "10.0.2.2" },
	{ "3.2.0.10.in-addr.arpa", RR_PTR, "liar.example.com" },
	{ "liar.example.com", RR_A, "10.9.9.9" },
	{ "4.2.0.10.in-addr.arpa", RR_PTR, "nowhere.example.com" },
	/* several, in an order that DNS may turn around */
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "z.example.com" },
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "b.example.com" },
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "10-0-2-5.isp.example" },
	{ "5.2.0.10.in-addr.arpa", RR_PTR, "a.example.com" },
	{ "10-0-2-5.isp.example", RR_A, "10.0.2.5" },
	{ "b.example.com", RR_A, "10.0.2.7" },
	{ "b.example.com", RR_A, "10.0.2.5" },
	{ "z.example.com", RR_A, "10.0.2.5" },
	/* a piece of a /24 that another zone has (RFC 2317) */
	{ "6.2.0.10.in-addr.arpa", RR_CNAME, "6.0-127.2.0.10.in-addr.arpa" },
	{ "6.0-127.2.0.10.in-addr.arpa", RR_PTR, "Mixed.Example.CO.UK" },
	{ "mixed.example.co.uk", RR_A, "10.0.2.6" },
	/* hostile */
	{ "7.2.0.10.in-addr.arpa", RR_CNAME, "loop.example.com" },
	{ "loop.example.com", RR_CNAME, "7.2.0.10.in-addr.arpa" },
	{ "8.2.0.10.in-addr.arpa", RR_PTR, "\\000\\255\\010evil\\\".example.com" },
	{ "9.2.0.10.in-addr.arpa", RR_PTR, "192.0.2.1" },
	{ "10.2.0.10.in-addr.arpa", RR_PTR, "localhost" },
	{ "11.2.0.10.in-addr.arpa", RR_PTR, "" },
	{ "12.2.0.10.in-addr.arpa", RR_PTR,
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  ".\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001"
	  "\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\001\\0"
	  "01"
	  ".example.com" },
	{ "13.2.0.10.in-addr.arpa", RR_A, "10.0.2.13" }, /* exists, without a PTR */
	{ "14.2.0.10.in-addr.arpa", RR_PTR, "unsure.servfail.example" },
	{ "20.2.0.10.in-addr.arpa", RR_PTR, "spf.example.com" },
	{ "spf.example.com", RR_A, "10.0.2.20" },
	{ "pass.example", RR_TXT, "v=spf1 ip4:10.0.2.0/27 -all" },
	{ "fail.example", RR_TXT, "v=spf1 -all" },
	/* IPv6 */
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
	  RR_PTR, "six.example.com" },
	{ "six.example.com", RR_AAAA, "fd00::1" },
};
enum { ZONE = sizeof(zone) / sizeof(zone[0]) };

struct message {
	uint8_t bytes[8192];
	size_t len;
	unsigned answers;
};

static void put(struct message *m, const void *data, size_t len)
{
	assert_true(m->len + len <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
}

static void put16(struct message *m, unsigned v)
{
	put(m, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void put_name(struct message *m, const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t len;
	assert_true(name_to_wire(name, wire, &len));
	put(m, wire, len);
}

static void put_record(struct message *m, const struct record_row *row)
{
	size_t at;
	struct addr a;
	put_name(m, row->owner);
	put16(m, row->type);
	put16(m, 1);
	put16(m, 0);
	put16(m, 3600);
	at = m->len;
	put16(m, 0);
	if (row->type == RR_TXT) {
		put(m, (uint8_t[]){ (uint8_t)strlen(row->data) }, 1);
		put(m, row->data, strlen(row->data));
	} else if (row->type == RR_A || row->type == RR_AAAA) {
		assert_true(addr_parse(row->data, &a));
		put(m, a.bytes + (row->type == RR_A ? 12 : 0),
		    row->type == RR_A ? 4 : 16);
	} else {
		put_name(m, row->data);
	}
	m->bytes[at] = (uint8_t)((m->len - at - 2) >> 8);
	m->bytes[at + 1] = (uint8_t)(m->len - at - 2);
	m->answers++;
}

/* Returns the RCODE. */
static unsigned put_answers(struct message *m, const char *name, enum rr_type type)
{
	char owner[NAME_TEXT_MAX];
	bool exists = false;
	if (strstr(name, "servfail"))
		return 2;
	/* Each client of 10.1.0.0/16 has many names, none of which is true. */
	if (strstr(name, ".1.10.in-addr.arpa"))
		for (unsigned i = 0; i < 20; i++) {
			char many[64];
			(void)snprintf(many, sizeof(many), "n%u.many.example", i);
			put_record(m, &(struct record_row){ name, RR_PTR, many });
			exists = true;
		}
	assert_true(str_copy(owner, sizeof(owner), name));
	for (int link = 0; link < 3; link++) {
		const char *next = NULL;
		for (size_t i = 0; i < ZONE; i++) {
			if (strcmp(zone[i].owner, owner) != 0)
				continue;
			exists = true;
			if (zone[i].type == type || zone[i].type == RR_CNAME)
				put_record(m, &zone[i]);
			if (zone[i].type == RR_CNAME)
				next = zone[i].data;
		}
		if (!next)
			break;
		assert_true(str_copy(owner, sizeof(owner), next));
	}
	return exists ? 0 : 3;
}

static void give_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct name_rig *s = h->data;
	(void)size;
	*buf = uv_buf_init((char *)s->in, sizeof(s->in));
}

static void on_question(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf,
			const struct sockaddr *from, unsigned flags)
{
	struct name_rig *s = udp->data;
	struct message m = { .len = 0 };
	char name[NAME_TEXT_MAX];
	(void)flags, (void)buf;
	if (n < 17 || !from)
		return;
	s->asked++;
	if (s->is_dead)
		return;
	assert_true(name_from_wire(s->in + 12, name));
	size_t end = 12;
	while (s->in[end])
		end += s->in[end] + 1u;
	end += 5;
	put(&m, s->in, end);
	unsigned type = (unsigned)(s->in[end - 4] << 8 | s->in[end - 3]);
	unsigned rcode = put_answers(&m, name, (enum rr_type)type);
	m.bytes[2] = 0x84;
	m.bytes[3] = (uint8_t)(0x80 | rcode);
	m.bytes[6] = 0;
	m.bytes[7] = (uint8_t)m.answers;
	memset(m.bytes + 8, 0, 4);
	uv_buf_t out = uv_buf_init((char *)m.bytes, (unsigned)m.len);
	(void)uv_udp_try_send(udp, &out, 1, from);
}

void name_rig_open(struct name_rig *s, uv_loop_t *loop)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int len = sizeof(sa);
	memset(s, 0, sizeof(*s));
	assert_int_equal(uv_udp_init(loop, &s->udp), 0);
	s->udp.data = s;
	assert_int_equal(uv_udp_bind(&s->udp, (const struct sockaddr *)&sa, 0), 0);
	assert_int_equal(uv_udp_getsockname(&s->udp, (struct sockaddr *)&sa, &len), 0);
	s->port = ntohs(sa.sin_port);
	assert_int_equal(uv_udp_recv_start(&s->udp, give_room, on_question), 0);
}

void name_rig_close(struct name_rig *s)
{
	uv_close((uv_handle_t *)&s->udp, NULL);
}
