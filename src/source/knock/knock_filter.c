#include "source/knock/knock_filter.h"

#include <assert.h>
#include <linux/if_packet.h>
#include <string.h>

/*
 * Every test is "go on if so, else leave" with the leaving right behind it:
 * jumps reach 255 instructions only, so none is longer than a few. Loads beyond
 * the packet's end leave by themselves, as "no".
 */
static void put(struct knock_filter *f, uint16_t code, uint32_t k)
{
	assert(f->count < KNOCK_FILTER_CODE);
	f->code[f->count++] = (struct sock_filter){ code, 0, 0, k };
}

static void put_jump(struct knock_filter *f, uint16_t code, uint32_t k, uint8_t yes,
		     uint8_t no)
{
	assert(f->count < KNOCK_FILTER_CODE);
	f->code[f->count++] = (struct sock_filter){ code, yes, no, k };
}

enum {
	LOAD8 = BPF_LD | BPF_B | BPF_ABS,
	LOAD16 = BPF_LD | BPF_H | BPF_ABS,
	LOAD32 = BPF_LD | BPF_W | BPF_ABS,
	LOAD8_X = BPF_LD | BPF_B | BPF_IND,
	LOAD16_X = BPF_LD | BPF_H | BPF_IND,
	X_IS_V4_HEADER = BPF_LDX | BPF_B | BPF_MSH,
	X_IS = BPF_LDX | BPF_IMM,
	IF_EQUAL = BPF_JMP | BPF_JEQ | BPF_K,
	IF_ANY = BPF_JMP | BPF_JSET | BPF_K,
	AND = BPF_ALU | BPF_AND | BPF_K,
	ADD = BPF_ALU | BPF_ADD | BPF_K,
	A_IS_X = BPF_MISC | BPF_TXA,
	RETURN = BPF_RET | BPF_K,
	RETURN_A = BPF_RET | BPF_A,
};

static void leave_unless_equal(struct knock_filter *f, uint32_t k)
{
	put_jump(f, IF_EQUAL, k, 1, 0);
	put(f, RETURN, 0);
}

static void keep(struct knock_filter *f)
{
	put(f, A_IS_X, 0);
	put(f, ADD, 14);
	put(f, RETURN_A, 0);
}

/* What was meant for others, or leaves us, is none of our knocks. */
static void test_is_for_us(struct knock_filter *f)
{
	put(f, LOAD8, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE));
	leave_unless_equal(f, PACKET_HOST);
}

/* SYN without ACK in the TCP header at X. */
static void test_flags(struct knock_filter *f)
{
	put(f, LOAD8_X, 13);
	put(f, AND, 0x12);
	leave_unless_equal(f, 0x02);
}

struct family {
	const struct endpoint *targets;
	size_t count;
	bool is_v6;
};

static size_t find_ports(const struct family *of, uint16_t ports[KNOCK_FILTER_PORTS])
{
	size_t count = 0;
	for (size_t i = 0; i < of->count; i++) {
		size_t k = 0;
		if (addr_is_v4(of->targets[i].addr) == of->is_v6)
			continue;
		while (k < count && ports[k] != of->targets[i].port)
			k++;
		if (k == KNOCK_FILTER_PORTS)
			return k + 1; /* too many to compare */
		ports[k] = of->targets[i].port;
		count += k == count;
	}
	return count;
}

static void test_port(struct knock_filter *f, const struct family *of)
{
	uint16_t ports[KNOCK_FILTER_PORTS];
	size_t count = find_ports(of, ports);
	if (count > KNOCK_FILTER_PORTS)
		return;
	put(f, LOAD16_X, 2);
	for (size_t i = 0; i < count; i++)
		put_jump(f, IF_EQUAL, ports[i], (uint8_t)(count - i), 0);
	put(f, RETURN, 0);
}

static size_t count_addresses(const struct family *of)
{
	size_t count = 0;
	for (size_t i = 0; i < of->count; i++)
		count += addr_is_v4(of->targets[i].addr) != of->is_v6;
	return count;
}

static uint32_t word(struct addr a, unsigned at)
{
	const uint8_t *b = a.bytes + at;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Goes on with the instruction behind `then` if the address is not this one. */
static void test_v4(struct knock_filter *f, struct addr a, unsigned then)
{
	put_jump(f, IF_EQUAL, word(a, 12), 0, (uint8_t)then);
}

/* The last word first: it tells most. */
static void test_v6(struct knock_filter *f, struct addr a, unsigned then)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned at = 12 - 4 * i;
		put(f, LOAD32, 24 + at);
		put_jump(f, IF_EQUAL, word(a, at), 0, (uint8_t)(2 * (3 - i) + then));
	}
}

/* One after the other, each with its own `keep`, ending in "no". What is kept:
 * up to the TCP flags that X points before, or `whole` bytes. */
static void test_address(struct knock_filter *f, const struct family *of, uint32_t whole)
{
	bool is_any = count_addresses(of) > KNOCK_FILTER_MAX;
	if (!of->is_v6 && !is_any)
		put(f, LOAD32, 16);
	for (size_t i = 0; i < of->count && !is_any; i++) {
		struct addr a = of->targets[i].addr;
		if (addr_is_v4(a) == of->is_v6)
			continue;
		(of->is_v6 ? test_v6 : test_v4)(f, a, whole ? 1 : 3);
		if (whole)
			put(f, RETURN, whole);
		else
			keep(f);
	}
	if (!is_any)
		put(f, RETURN, 0);
	else if (whole)
		put(f, RETURN, whole);
	else
		keep(f);
}

static void make_v4(struct knock_filter *f, const struct family *of)
{
	put(f, LOAD8, 9);
	leave_unless_equal(f, IPPROTO_TCP);
	put(f, LOAD16, 6);
	put_jump(f, IF_ANY, 0x1fff, 0, 1); /* not the first fragment */
	put(f, RETURN, 0);
	put(f, X_IS_V4_HEADER, 0);
	test_flags(f);
	test_port(f, of);
	test_address(f, of, 0);
}

/* Behind extension headers the address alone can be told. */
static void make_v6(struct knock_filter *f, const struct family *of)
{
	static const uint8_t extensions[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING,
					      IPPROTO_FRAGMENT, IPPROTO_AH,
					      IPPROTO_DSTOPTS };
	enum { COUNT = sizeof(extensions) };
	put(f, LOAD8, 6);
	put_jump(f, IF_EQUAL, IPPROTO_TCP, COUNT + 1, 0);
	for (size_t i = 0; i < COUNT; i++)
		put_jump(f, IF_EQUAL, extensions[i], (uint8_t)(COUNT + 1 - i), 0);
	put(f, RETURN, 0);
	/* The two ways go on here, one instruction each: `to_extension` is patched
	 * once it is known where that is, for it may be far. */
	put(f, BPF_JMP | BPF_JA, 1);
	unsigned short to_extension = f->count;
	put(f, BPF_JMP | BPF_JA, 0);
	put(f, X_IS, 40);
	test_flags(f);
	test_port(f, of);
	test_address(f, of, 0);
	f->code[to_extension].k = f->count - to_extension - 1U;
	test_address(f, of, KNOCK_SNAP_V6);
}

void knock_filter_make(const struct endpoint *targets, size_t count, bool is_v6,
		       struct knock_filter *ret_filter)
{
	struct family of = { targets, count, is_v6 };
	struct knock_filter *f = ret_filter;
	f->count = 0;
	if (count_addresses(&of) == 0) {
		put(f, RETURN, 0);
		return;
	}
	test_is_for_us(f);
	if (is_v6)
		make_v6(f, &of);
	else
		make_v4(f, &of);
}
