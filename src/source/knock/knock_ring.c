#include "source/knock/knock_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME = 2048 }; /* the kernel asks for a size; blocks are filled densely */

static int failed(struct error *e, const char *what)
{
	int code = errno;
	return error_set(e, -code, "%s: %s", what, strerror(code));
}

static int cannot_open(struct error *e)
{
	switch (errno) {
	case EPERM:
	case EACCES:
		return error_set(
		    e, -EPERM,
		    "serve may not open a packet socket; give it "
		    "CAP_NET_RAW (systemd: AmbientCapabilities= and "
		    "CapabilityBoundingSet=, see contrib/systemd/fakemx.service; "
		    "else: setcap cap_net_raw,cap_net_bind_service+ep "
		    "fakemx-serve), or make the decoy `reset`");
	case EAFNOSUPPORT:
		return error_set(e, -EAFNOSUPPORT,
				 "packet sockets are not allowed here (systemd: add "
				 "AF_PACKET to RestrictAddressFamilies=; else the kernel "
				 "lacks CONFIG_PACKET); or make the decoy `reset`");
	default: return failed(e, "cannot open a packet socket");
	}
}

/* Protocol 0: until it is bound it receives nothing. */
int knock_ring_open(bool is_v6, struct knock_ring *ret_ring, struct error *e)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	*ret_ring = (struct knock_ring){ .fd = fd, .is_v6 = is_v6 };
	return fd < 0 ? cannot_open(e) : 0;
}

void knock_ring_close(struct knock_ring *r)
{
	if (r->map)
		(void)munmap(r->map, r->blocks * KNOCK_RING_BLOCK);
	if (r->fd >= 0)
		close(r->fd);
	r->map = NULL;
	r->fd = -1;
}

static int make_ring(struct knock_ring *r)
{
	struct tpacket_req3 req = { .tp_block_size = KNOCK_RING_BLOCK,
				    .tp_block_nr = KNOCK_RING_BYTES / KNOCK_RING_BLOCK,
				    .tp_frame_size = FRAME,
				    .tp_retire_blk_tov = KNOCK_RING_DELAY_MS };
	int version = TPACKET_V3;
	int rc = setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version));
	if (rc != 0)
		return rc;
	for (; req.tp_block_nr >= KNOCK_RING_LEAST; req.tp_block_nr /= 2) {
		req.tp_frame_nr = req.tp_block_nr * (KNOCK_RING_BLOCK / FRAME);
		rc = setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req));
		if (rc == 0 || errno != ENOMEM)
			break;
	}
	r->blocks = req.tp_block_nr;
	return rc;
}

static int start(struct knock_ring *r, struct error *e)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol =
				      htons(r->is_v6 ? ETH_P_IPV6 : ETH_P_IP) };
	if (make_ring(r) != 0)
		return failed(e, "cannot get the ring of a packet socket");
	void *map = mmap(NULL, r->blocks * KNOCK_RING_BLOCK, PROT_READ | PROT_WRITE,
			 MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return failed(e, "cannot map the ring of a packet socket");
	r->map = map;
	r->next = 0;
	if (bind(r->fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return 0;
	int rc = failed(e, "cannot bind a packet socket");
	(void)munmap(map, r->blocks * KNOCK_RING_BLOCK);
	r->map = NULL;
	return rc;
}

/* The filter comes first, so that nothing else ever gets into the ring. */
int knock_ring_set(struct knock_ring *r, const struct knock_filter *f, struct error *e)
{
	struct sock_filter code[KNOCK_FILTER_CODE];
	struct sock_fprog program = { f->count, code };
	memcpy(code, f->code, f->count * sizeof(*code));
	if (setsockopt(r->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) !=
	    0)
		return failed(e, "cannot set the filter of a packet socket");
	return r->map ? 0 : start(r, e);
}

static struct tpacket_hdr_v1 *head_of(const struct knock_ring *r)
{
	void *block = r->map + r->next * KNOCK_RING_BLOCK;
	return &((struct tpacket_block_desc *)block)->hdr.bh1;
}

static int64_t time_of(uint32_t seconds, uint32_t nanoseconds)
{
	return seconds * STAMP_SECOND + nanoseconds / 1000;
}

static void read_block(struct knock_ring *r, const struct tpacket_hdr_v1 *head,
		       knock_ring_fn fn, void *arg)
{
	const uint8_t *at =
	    r->map + r->next * KNOCK_RING_BLOCK + head->offset_to_first_pkt;
	for (uint32_t i = 0; i < head->num_pkts; i++) {
		const struct tpacket3_hdr *p = (const void *)at;
		int64_t time = time_of(p->tp_sec, p->tp_nsec);
		fn(arg, at + p->tp_net, p->tp_snaplen, time);
		r->last = time > r->last ? time : r->last;
		at += p->tp_next_offset;
	}
}

size_t knock_ring_read(struct knock_ring *r, knock_ring_fn fn, void *arg)
{
	size_t packets = 0;
	/* Once around at most: a flood must not keep the loop here. */
	for (size_t i = 0; r->map && i < r->blocks; i++) {
		struct tpacket_hdr_v1 *head = head_of(r);
		uint32_t status = __atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE);
		if (!(status & TP_STATUS_USER))
			break;
		packets += head->num_pkts;
		read_block(r, head, fn, arg);
		__atomic_store_n(&head->block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = (r->next + 1) % r->blocks;
	}
	return packets;
}

static uint64_t lost_now(const struct knock_ring *r)
{
	struct tpacket_stats_v3 stats = { 0 }; /* since the last time it was asked */
	socklen_t len = sizeof(stats);
	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) != 0)
		return 0;
	return stats.tp_drops;
}

/*
 * The kernel counts a packet in the head of the block that it still fills
 * before it gives it its time. So if that count is zero after `now` was taken,
 * whatever comes will be later.
 */
int64_t knock_ring_upto(struct knock_ring *r, int64_t now)
{
	if (!r->map)
		return now;
	r->lost += lost_now(r);
	const struct tpacket_hdr_v1 *head = head_of(r);
	bool is_ready =
	    __atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
	bool is_empty = __atomic_load_n(&head->num_pkts, __ATOMIC_ACQUIRE) == 0;
	int64_t upto = !is_ready && is_empty ? now : r->last;
	return upto == 0 ? 0 : upto - KNOCK_RING_SLACK;
}
