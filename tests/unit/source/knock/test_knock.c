#include "source/knock/knock_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "source/knock/knock.h"
#include "source/knock/knock_filter.h"
#include "source/knock/knock_table.h"

/* Packets, in hexadecimal: from port 4660, sequence 0xa1b2c3d4, to port 25. */
#define V4(proto, fragment)                                                              \
	"45 00 003c 0001 " fragment " 40 " proto " 0000 c6336401 c000021e "
#define V4_OPTIONS "47 00 0044 0001 0000 40 06 0000 c6336401 c000021e 94040000 01010101 "
#define V6(next)                                                                         \
	"60000000 0028 " next                                                            \
	" 40 20010db8000100000000000000000001 20010db800020000000000000000001e "
#define TCP(flags) "1234 0019 a1b2c3d4 00000000 a0 " flags " faf0 0000 0000 "
#define SYN TCP("02")
#define ROUTING "2b 00 0000 00000000 " /* next: routing; as hop-by-hop, destination */

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t digits = 0;
	for (; *hex; hex++) {
		const char *known = "0123456789abcdef";
		const char *at = strchr(known, *hex);
		if (!at)
			continue;
		uint8_t half = (uint8_t)(at - known);
		if (digits % 2 == 0)
			out[digits / 2] = (uint8_t)(half << 4);
		else
			out[digits / 2] |= half;
		digits++;
	}
	return digits / 2;
}

/* clang-format off */
static const struct {
	const char *story, *hex;
	bool is_knock;
} packets[] = {
	{ "IPv4", V4("06", "0000") SYN, true },
	{ "IPv4 that must not be fragmented", V4("06", "4000") SYN, true },
	{ "IPv4 with options", V4_OPTIONS SYN, true },
	{ "IPv4, the first of several fragments", V4("06", "2000") SYN, true },
	{ "IPv4, a later fragment that looks like a SYN", V4("06", "2001") SYN, false },
	{ "IPv4, UDP", V4("11", "0000") SYN, false },
	{ "IPv4 with a header of 16 bytes", "44" "00 003c 0001 0000 40 06 0000 c6336401 c000021e " SYN, false },
	{ "the answer: SYN and ACK", V4("06", "0000") TCP("12"), false },
	{ "a SYN that asks for ECN", V4("06", "0000") TCP("c2"), true },
	{ "ACK", V4("06", "0000") TCP("10"), false },
	{ "RST", V4("06", "0000") TCP("04"), false },
	{ "no flag", V4("06", "0000") TCP("00"), false },
	{ "version 5", "55" "00 003c 0001 0000 40 06 0000 c6336401 c000021e " SYN, false },
	{ "IPv6", V6("06") SYN, true },
	{ "IPv6, SYN and ACK", V6("06") TCP("12"), false },
	{ "IPv6 that says it is from an IPv4 address",
	  "60000000 0028 06 40 00000000000000000000ffffc6336401 20010db800020000000000000000001e " SYN, false },
	{ "IPv6, UDP", V6("11") SYN, false },
	{ "IPv6 behind a hop-by-hop header", V6("00") "06 00 0000 00000000 " SYN, true },
	{ "IPv6 behind destination options of 16 bytes",
	  V6("3c") "06 01 0000 00000000 00000000 00000000 " SYN, true },
	{ "IPv6, hop-by-hop, routing, destination", V6("00") "2b 00 0000 00000000 "
	  "3c 00 0000 00000000 06 00 0000 00000000 " SYN, true },
	{ "IPv6, the first fragment", V6("2c") "06 00 0001 00000007 " SYN, true },
	{ "IPv6, a later fragment", V6("2c") "06 00 0009 00000007 " SYN, false },
	{ "IPv6 behind AH", V6("33") "06 01 0000 00000001 00000002 " SYN, true },
	{ "IPv6 behind ESP", V6("32") "06 00 0000 00000000 " SYN, false },
	{ "IPv6 behind eight headers",
	  V6("2b") ROUTING ROUTING ROUTING ROUTING ROUTING ROUTING ROUTING
	  "06 00 0000 00000000 " SYN, true },
	{ "IPv6 behind nine headers",
	  V6("2b") ROUTING ROUTING ROUTING ROUTING ROUTING ROUTING ROUTING ROUTING
	  "06 00 0000 00000000 " SYN, false },
	{ "IPv6, an extension header longer than the packet", V6("00") "06 ff 0000 00000000 " SYN, false },
};
/* clang-format on */

enum { PACKET_MAX = 256, PACKETS = sizeof(packets) / sizeof(packets[0]) };

static struct addr address(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

static void check_syn(const struct knock_syn *s)
{
	bool is_v4 = addr_is_v4(s->from);
	assert_true(
	    addr_equal(s->from, address(is_v4 ? "198.51.100.1" : "2001:db8:1::1")));
	assert_true(addr_equal(s->to, address(is_v4 ? "192.0.2.30" : "2001:db8:2::1e")));
	assert_int_equal(s->from_port, 0x1234);
	assert_int_equal(s->to_port, 25);
	assert_int_equal(s->sequence, 0xa1b2c3d4);
}

static void a_knock_is_a_syn_of_either_family(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKETS; i++) {
		uint8_t bytes[PACKET_MAX];
		struct knock_syn s;
		size_t len = from_hex(packets[i].hex, bytes);
		bool is_knock = knock_read(bytes, len, &s);
		if (is_knock != packets[i].is_knock)
			fail_msg("%s: got %d", packets[i].story, is_knock);
		if (is_knock)
			check_syn(&s);
	}
}

/* On the heap, so that the sanitizer sees each byte beyond the end. */
static void a_packet_cut_at_any_byte_is_a_knock_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKETS; i++) {
		uint8_t bytes[PACKET_MAX];
		size_t whole = from_hex(packets[i].hex, bytes);
		for (size_t len = 0; len <= whole; len++) {
			uint8_t *cut = xcalloc(1, len ? len : 1);
			struct knock_syn s;
			memcpy(cut, bytes, len);
			if (knock_read(cut, len, &s)) {
				/* up to the flags, which stand 6 bytes before the end */
				assert_true(packets[i].is_knock && len >= whole - 6);
				check_syn(&s);
			} else {
				assert_true(!packets[i].is_knock || len < whole - 6);
			}
			free(cut);
		}
	}
}

/* The kernel runs the filter on any socket, also on one of a pair. */
struct pipe {
	int in, out;
};

static struct pipe open_pipe(const struct knock_filter *f)
{
	int fds[2];
	struct sock_filter code[KNOCK_FILTER_CODE];
	struct sock_fprog p = { f->count, code };
	memcpy(code, f->code, f->count * sizeof(*code));
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)),
			 0);
	return (struct pipe){ fds[0], fds[1] };
}

static void close_pipe(struct pipe p)
{
	close(p.in);
	close(p.out);
}

/* What of the packet comes through; 0: nothing. */
static size_t through(struct pipe p, const uint8_t *bytes, size_t len, uint8_t *out)
{
	(void)send(p.in, bytes, len, 0);
	ssize_t n = recv(p.out, out, PACKET_MAX, 0);
	return n > 0 ? (size_t)n : 0;
}

static const struct endpoint *mixed_targets(size_t *ret_count)
{
	static struct endpoint targets[4];
	targets[0] = (struct endpoint){ address("192.0.2.29"), 25 };
	targets[1] = (struct endpoint){ address("192.0.2.30"), 25 };
	targets[2] = (struct endpoint){ address("2001:db8:2::1d"), 2525 };
	targets[3] = (struct endpoint){ address("2001:db8:2::1e"), 25 };
	*ret_count = 4;
	return targets;
}

static void the_filter_lets_pass_what_is_a_knock(void **state)
{
	(void)state;
	size_t count;
	const struct endpoint *targets = mixed_targets(&count);
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct knock_filter f;
		knock_filter_make(targets, count, is_v6, &f);
		struct pipe p = open_pipe(&f);
		for (size_t i = 0; i < PACKETS; i++) {
			uint8_t bytes[PACKET_MAX], out[PACKET_MAX];
			struct knock_syn s;
			size_t len = from_hex(packets[i].hex, bytes);
			if (bytes[0] >> 4 != (is_v6 ? 6 : 4))
				continue;
			size_t kept = through(p, bytes, len, out);
			if (knock_read(out, kept, &s) != packets[i].is_knock)
				fail_msg("%s: the filter kept %zu bytes",
					 packets[i].story, kept);
			if (bytes[0] == 0x45 && packets[i].is_knock)
				assert_int_equal(kept, 34); /* and no more */
		}
		close_pipe(p);
	}
}

static bool passes(const struct endpoint *targets, size_t count, const char *hex)
{
	uint8_t bytes[PACKET_MAX], out[PACKET_MAX];
	struct knock_filter f;
	size_t len = from_hex(hex, bytes);
	knock_filter_make(targets, count, bytes[0] >> 4 == 6, &f);
	struct pipe p = open_pipe(&f);
	size_t kept = through(p, bytes, len, out);
	close_pipe(p);
	return kept > 0;
}

static void other_addresses_and_ports_stay_out(void **state)
{
	(void)state;
	struct endpoint t = { address("192.0.2.30"), 25 };
	assert_true(passes(&t, 1, V4("06", "0000") SYN));
	t.port = 26;
	assert_false(passes(&t, 1, V4("06", "0000") SYN));
	t = (struct endpoint){ address("192.0.2.31"), 25 };
	assert_false(passes(&t, 1, V4("06", "0000") SYN));
	assert_false(passes(&t, 1, V6("06") SYN)); /* no target of that family */
	assert_false(passes(&t, 0, V4("06", "0000") SYN));
	for (unsigned i = 0; i < 16; i++) {
		t = (struct endpoint){ address("2001:db8:2::1e"), 25 };
		t.addr.bytes[i] ^= 0x10;
		assert_false(passes(&t, 1, V6("06") SYN));
		assert_false(passes(&t, 1, V6("00") "06 00 0000 00000000 " SYN));
	}
}

/* Of one more than the filter compares, ports alone count. */
static void the_filter_holds_as_many_addresses_as_it_says(void **state)
{
	(void)state;
	enum { MOST = KNOCK_FILTER_MAX };
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		struct endpoint targets[MOST + 1];
		const char *hex = is_v6 ? V6("06") SYN : V4("06", "0000") SYN;
		for (unsigned i = 0; i <= MOST; i++) {
			targets[i] = (struct endpoint){
				address(is_v6 ? "2001:db8:2::" : "192.0.2.0"), 25
			};
			targets[i].addr.bytes[14] = 7;
			targets[i].addr.bytes[15] = (uint8_t)i;
		}
		assert_false(passes(targets, MOST, hex));
		targets[MOST - 1].addr = address(is_v6 ? "2001:db8:2::1e" : "192.0.2.30");
		assert_true(passes(targets, MOST, hex));
		targets[MOST - 1].addr.bytes[14] ^= 1;
		assert_true(passes(targets, MOST + 1, hex));
	}
	struct endpoint targets[KNOCK_FILTER_PORTS + 1];
	for (unsigned i = 0; i <= KNOCK_FILTER_PORTS; i++)
		targets[i] =
		    (struct endpoint){ address("192.0.2.30"), (uint16_t)(100 + i) };
	assert_false(passes(targets, KNOCK_FILTER_PORTS, V4("06", "0000") SYN));
	targets[KNOCK_FILTER_PORTS - 1].port = 25;
	assert_true(passes(targets, KNOCK_FILTER_PORTS, V4("06", "0000") SYN));
	targets[KNOCK_FILTER_PORTS - 1].port = 99;
	assert_true(passes(targets, KNOCK_FILTER_PORTS + 1, V4("06", "0000") SYN));
}

static struct knock_syn syn(unsigned client, uint16_t port)
{
	struct knock_syn s = { .from = address("198.51.100.0"),
			       .to = address("192.0.2.30"),
			       .from_port = port,
			       .to_port = 25,
			       .sequence = 77 };
	s.from.bytes[13] = (uint8_t)(client >> 16);
	s.from.bytes[14] = (uint8_t)(client >> 8);
	s.from.bytes[15] = (uint8_t)client;
	return s;
}

#define T0 (INT64_C(1800000000) * STAMP_SECOND)

static void retransmissions_are_one_knock(void **state)
{
	(void)state;
	static const int waits[] = { 1, 3, 7, 15, 31, 63, 127 };
	struct knock_table *t = knock_table_new();
	struct knock_syn s = syn(1, 1000);
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		assert_int_equal(knock_table_take(t, &s, T0 + waits[i] * STAMP_SECOND),
				 i == 0 ? KNOCK_UNANSWERED : KNOCK_AGAIN);
	assert_int_equal(knock_table_take(t, &s, T0 + KNOCK_TRIES + 1), KNOCK_NEW);
	s.from_port++;
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	s.to_port++;
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	s.to.bytes[15]++;
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	s.from.bytes[15]++;
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	knock_table_free(t);
}

static void what_was_refused_and_tries_again_heard_something(void **state)
{
	(void)state;
	struct knock_table *t = knock_table_new();
	struct knock_syn s = syn(1, 1000);
	/* half a second after RST, twice: Windows */
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	assert_int_equal(knock_table_take(t, &s, T0 + STAMP_SECOND / 2), KNOCK_AGAIN);
	assert_int_equal(knock_table_take(t, &s, T0 + STAMP_SECOND), KNOCK_AGAIN);
	/* another connection from the same port */
	s = syn(2, 1000);
	assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	s.sequence++;
	assert_int_equal(knock_table_take(t, &s, T0 + STAMP_SECOND), KNOCK_AGAIN);
	knock_table_free(t);
}

static void the_table_lets_the_oldest_go(void **state)
{
	(void)state;
	struct knock_table *t = knock_table_new();
	enum { SOME = KNOCK_TABLE_MAX / 32, MANY = 4 * KNOCK_TABLE_MAX };
	unsigned kept = 0;
	/* What a busy site draws in two minutes is all remembered ... */
	for (unsigned i = 0; i < SOME; i++) {
		struct knock_syn s = syn(i, 1000);
		assert_int_equal(knock_table_take(t, &s, T0), KNOCK_NEW);
	}
	for (unsigned i = 0; i < SOME; i++) {
		struct knock_syn s = syn(i, 1000);
		assert_int_equal(knock_table_take(t, &s, T0), KNOCK_AGAIN);
	}
	/* ... and gone after a flood, the newest of which is not. */
	for (unsigned i = 0; i < MANY; i++) {
		struct knock_syn s = syn(SOME + i, 1000);
		assert_int_equal(knock_table_take(t, &s, T0 + STAMP_MILLISECOND * i / 64),
				 KNOCK_NEW);
	}
	for (unsigned i = 0; i < SOME; i++) {
		struct knock_syn s = syn(SOME + MANY - 1 - i, 1000);
		kept += knock_table_take(t, &s, T0 + 9 * STAMP_SECOND) != KNOCK_NEW;
	}
	assert_int_equal(kept, SOME);
	for (unsigned i = 0; i < SOME; i++) {
		struct knock_syn s = syn(i, 1000);
		kept += knock_table_take(t, &s, T0 + 9 * STAMP_SECOND) != KNOCK_NEW;
	}
	assert_true(kept < SOME + SOME / 8);
	knock_table_free(t);
}

/* The kernel's, for all of this program: epoll at its limit of a user. */
static bool is_epoll_full;
int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	if (is_epoll_full && op == EPOLL_CTL_ADD) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

static void on_visit(void *arg, const struct visit *v)
{
	(void)arg, (void)v;
}

static void on_watermark(void *arg, uint16_t host, int64_t upto)
{
	(void)arg, (void)host, (void)upto;
}

static void on_trouble(void *arg, uint16_t host, bool is_over, const char *sentence)
{
	(void)arg, (void)host, (void)is_over, (void)sentence;
}

struct blind {
	char why[KNOCK_WHY_MAX];
};

static void on_blind(void *arg, uint16_t host, int64_t until, const char *why)
{
	struct blind *b = arg;
	(void)host, (void)until;
	(void)str_copy(b->why, sizeof(b->why), why);
}

static void what_cannot_be_watched_is_said_and_no_reason_to_end(void **state)
{
	(void)state;
	struct blind blind = { "" };
	struct knock_sink sink = { .source = { .visit = on_visit,
					       .watermark = on_watermark,
					       .trouble = on_trouble,
					       .arg = &blind },
				   .blind = on_blind };
	struct decoy_spec spec = { .site = 1,
				   .host = 7,
				   .posture = POSTURE_CLOSED,
				   .name = "fake1.mx.example.com",
				   .cause = "mail.example.com" };
	struct stamp_clock real = { NULL };
	uv_loop_t loop;
	assert_true(addr_parse("127.0.0.1", &spec.at.addr));
	spec.at.port = 2525;
	assert_int_equal(uv_loop_init(&loop), 0);
	struct knock *k = knock_new(&loop, real, &sink);
	is_epoll_full = true; /* without the capability it is blind anyhow */
	knock_apply(k, &spec, 1);
	is_epoll_full = false;
	assert_false(knock_watches(k, 7));
	assert_string_not_equal(blind.why, "");
	knock_stop(k);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	knock_free(k);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_knock_is_a_syn_of_either_family),
		cmocka_unit_test(a_packet_cut_at_any_byte_is_a_knock_or_nothing),
		cmocka_unit_test(the_filter_lets_pass_what_is_a_knock),
		cmocka_unit_test(other_addresses_and_ports_stay_out),
		cmocka_unit_test(the_filter_holds_as_many_addresses_as_it_says),
		cmocka_unit_test(retransmissions_are_one_knock),
		cmocka_unit_test(what_was_refused_and_tries_again_heard_something),
		cmocka_unit_test(the_table_lets_the_oldest_go),
		cmocka_unit_test(what_cannot_be_watched_is_said_and_no_reason_to_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
