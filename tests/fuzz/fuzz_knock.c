/*
 * Packets of strangers: whatever is taken for a knock is one in the first
 * bytes of the packet alone, and stays the same with more behind it; the
 * kernel's filter never refuses it, if it was for its target.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/knock/knock_filter.h"
#include "source/knock/knock_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PACKET_MAX = 2048 };

static void check_filter(const uint8_t *data, size_t size, const struct knock_syn *s)
{
	static struct knock_filter f;
	static uint8_t out[PACKET_MAX];
	struct endpoint target = { s->to, s->to_port };
	struct sock_fprog p = { 0, f.code };
	struct knock_syn again;
	int fds[2];
	knock_filter_make(&target, 1, !addr_is_v4(s->to), &f);
	p.len = f.count;
	int rc = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds);
	assert(rc == 0);
	rc = setsockopt(fds[1], SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p));
	assert(rc == 0 && send(fds[0], data, size, 0) == (ssize_t)size);
	ssize_t kept = recv(fds[1], out, sizeof(out), 0);
	assert(kept > 0 && (size_t)kept <= size);
	/* Extension headers longer than what is kept hide it. */
	if (knock_read(out, (size_t)kept, &again))
		assert(memcmp(&again, s, sizeof(again)) == 0);
	else
		assert(kept == KNOCK_SNAP_V6);
	close(fds[0]);
	close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct knock_syn s, cut;
	memset(&s, 0, sizeof(s));
	memset(&cut, 0, sizeof(cut));
	if (size > PACKET_MAX || !knock_read(data, size, &s))
		return 0;
	size_t least = size;
	while (least > 0 && knock_read(data, least - 1, &cut)) {
		assert(addr_equal(cut.from, s.from) && addr_equal(cut.to, s.to));
		assert(cut.from_port == s.from_port && cut.to_port == s.to_port);
		least--;
	}
	assert(least >= 34); /* a header of IPv4, and the flags */
	check_filter(data, size, &s);
	return 0;
}
