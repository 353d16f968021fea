/*
 * The state as bytes: a magic, a version, the fields in a fixed order, least
 * significant byte first, and a checksum. One function per struct does both
 * directions, so that what is written is what is read.
 *
 * Numbers in slabs are kept, free ones included: what comes after a load is
 * then told in the same order as it would have been without.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "old/judge_internal.h"

#define MAGIC "fakemx-judge"
enum { VERSION = 4, HEAD = sizeof(MAGIC) - 1 + 4, TAIL = 8 };

struct io {
	struct buf *out; /* NULL: loading */
	const uint8_t *at, *end;
	uint32_t version; /* of what is read */
	bool failed;      /* asked once, at the end */
};

static void io_number(struct io *io, uint64_t *value, unsigned bytes)
{
	uint8_t raw[8];
	if (io->out) {
		for (unsigned i = 0; i < bytes; i++)
			raw[i] = (uint8_t)(*value >> (8 * i));
		buf_add(io->out, raw, bytes);
		return;
	}
	*value = 0;
	if ((size_t)(io->end - io->at) < bytes) {
		io->failed = true;
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		*value |= (uint64_t)io->at[i] << (8 * i);
	io->at += bytes;
}

/* Any integer or bool, as wide as it is; both ways. */
#define IO(io, lvalue)                                                                   \
	do {                                                                             \
		uint64_t io_value = (uint64_t)(lvalue);                                  \
		io_number((io), &io_value, sizeof(lvalue));                              \
		if (!(io)->out)                                                          \
			(lvalue) = (__typeof__(lvalue))io_value;                         \
	} while (0)

static void io_addr(struct io *io, struct addr *a)
{
	for (size_t i = 0; i < sizeof(a->bytes); i++)
		IO(io, a->bytes[i]);
}

/* A count that what is left cannot hold, at `each` bytes, is damage. */
static uint32_t io_count(struct io *io, size_t count, size_t each)
{
	uint32_t n = (uint32_t)count;
	IO(io, n);
	if (!io->out && n > (size_t)(io->end - io->at) / each) {
		io->failed = true;
		n = 0;
	}
	return n;
}

static void io_text(struct io *io, char **text)
{
	uint32_t n = io_count(io, io->out ? strlen(*text) : 0, 1);
	if (io->out) {
		buf_add(io->out, *text, n);
		return;
	}
	*text = xcalloc(n + 1, 1);
	memcpy(*text, io->at, n);
	io->at += n;
}

static void io_spans(struct io *io, struct spans *s)
{
	uint32_t n = io_count(io, s->count, 16);
	if (!io->out) {
		s->at = xcalloc(n, sizeof(*s->at));
		s->count = s->cap = n;
	}
	for (uint32_t i = 0; i < n; i++) {
		IO(io, s->at[i].from);
		IO(io, s->at[i].to);
	}
}

/* Sorted: how they lay in memory is nobody's business. */
static void io_dues(struct io *io, struct dues *d)
{
	uint32_t n = io_count(io, d->heap_count + d->line_count, 8);
	uint64_t *entries = xcalloc(n, sizeof(*entries));
	if (io->out)
		dues_list(d, entries);
	for (uint32_t i = 0; i < n; i++) {
		IO(io, entries[i]);
		if (!io->out)
			dues_push(d, (uint32_t)(entries[i] >> 32), (uint32_t)entries[i]);
	}
	free(entries);
}

static void io_ids(struct io *io, uint32_t **ids, size_t *count)
{
	uint32_t n = io_count(io, *count, 4), room = 1;
	while (room < n) /* as append_eye() keeps it: a power of two */
		room *= 2;
	if (!io->out) {
		*ids = xcalloc(room, sizeof(**ids));
		*count = n;
	}
	for (uint32_t i = 0; i < n; i++)
		IO(io, (*ids)[i]);
}

typedef void (*item_fn)(struct io *io, void *item);

static void io_slab(struct io *io, struct slab *s, item_fn fn)
{
	uint32_t top = io_count(io, s->top, 1);
	uint32_t idle = io_count(io, s->top - s->count, 4);
	uint32_t *free_ids = xcalloc(idle, sizeof(*free_ids));
	uint8_t *is_free = xcalloc(top, 1);
	if (io->out)
		slab_free_ids(s, free_ids);
	for (uint32_t i = 0; i < idle; i++) {
		IO(io, free_ids[i]);
		if (free_ids[i] >= top || is_free[free_ids[i]])
			io->failed = true;
		else
			is_free[free_ids[i]] = 1;
	}
	if (!io->out && !io->failed)
		slab_restore(s, top, free_ids, idle);
	for (uint32_t i = 0; i < top && !io->failed; i++)
		if (!is_free[i])
			fn(io, slab_get(s, i));
	free(is_free);
	free(free_ids);
}

static void io_run(struct io *io, struct run *r)
{
	IO(io, r->from);
	IO(io, r->to);
}

static void io_sender(struct io *io, void *item)
{
	struct sender *s = item;
	io_addr(io, &s->client);
	IO(io, s->group);
	IO(io, s->day);
	IO(io, s->flags);
	IO(io, s->visits);
	IO(io, s->walk_number);
	IO(io, s->last_visit);
	io_run(io, &s->run);
	IO(io, s->accepted);
	IO(io, s->next_in_pool);
	IO(io, s->pool);
	IO(io, s->name);
	IO(io, s->walk);
	IO(io, s->mark);
}

static void io_shown(struct io *io, struct shown *s)
{
	uint8_t flags = (uint8_t)(s->is_final | s->returned_later << 1 | s->is_new << 2);
	IO(io, s->order);
	IO(io, s->order_reason);
	IO(io, s->fate);
	IO(io, s->fate_reason);
	IO(io, s->tier);
	IO(io, flags);
	IO(io, s->delay);
	IO(io, s->delay_error);
	s->is_final = flags & 1;
	s->returned_later = flags & 2;
	s->is_new = flags & 4;
}

/* Before version 4 as a time, and what was in time was not known apart. */
static void io_walk_first(struct io *io, struct walk *w)
{
	int64_t busy = 0;
	if (io->version >= 4) {
		IO(io, w->busy);
		IO(io, w->first);
		return;
	}
	IO(io, busy);
	if (busy > 0)
		walk_set_busy(w, busy);
	w->first = second_down(w->began);
}

static void io_walk(struct io *io, void *item)
{
	struct walk *w = item;
	IO(io, w->sender);
	IO(io, w->number);
	IO(io, w->older);
	IO(io, w->since);
	IO(io, w->need);
	IO(io, w->helo);
	IO(io, w->began);
	IO(io, w->real);
	IO(io, w->high);
	IO(io, w->low);
	IO(io, w->answered);
	IO(io, w->low_wait);
	io_walk_first(io, w);
	IO(io, w->real_width);
	IO(io, w->high_width);
	IO(io, w->low_width);
	IO(io, w->wait_width);
	IO(io, w->bits);
	IO(io, w->pair);
	io_shown(io, &w->shown);
}

static void io_mark(struct io *io, void *item)
{
	struct mark *m = item;
	IO(io, m->sender);
	IO(io, m->second);
	IO(io, m->micros);
	IO(io, m->width);
	IO(io, m->first_counted);
	IO(io, m->last_counted);
	IO(io, m->since);
	IO(io, m->until);
	IO(io, m->counted);
	IO(io, m->reason);
	IO(io, m->is_on);
}

static void io_pool(struct io *io, void *item)
{
	struct pool *p = item;
	for (size_t i = 0; i < sizeof(p->bits); i++)
		IO(io, p->bits[i]);
	IO(io, p->group);
	IO(io, p->is_v4);
	IO(io, p->flags);
	IO(io, p->first);
	io_run(io, &p->run);
	IO(io, p->accepted);
}

static void io_domain(struct io *io, void *item)
{
	struct domain *d = item;
	io_text(io, &d->text);
	IO(io, d->first);
	IO(io, d->flags);
	io_run(io, &d->run);
	IO(io, d->accepted);
}

static void io_name(struct io *io, void *item)
{
	struct name *n = item;
	io_addr(io, &n->client);
	io_text(io, &n->text);
	IO(io, n->domain);
	IO(io, n->next_in_domain);
	IO(io, n->refs);
	IO(io, n->seen);
	IO(io, n->is_confirmed);
	IO(io, n->is_generic);
	IO(io, n->spf_passes);
}

static void io_letter(struct io *io, void *item)
{
	struct letter *l = item;
	IO(io, l->mark);
	for (int family = 0; family < 2; family++) {
		io_run(io, &l->met[family]);
		IO(io, l->accepted[family]);
	}
	IO(io, l->first);
	IO(io, l->older);
	IO(io, l->newer);
	IO(io, l->seen);
	IO(io, l->group);
}

static void io_writer(struct io *io, void *item)
{
	struct writer *w = item;
	io_addr(io, &w->client);
	IO(io, w->next);
	IO(io, w->is_used);
}

static void io_eye(struct io *io, void *item)
{
	struct eye *eye = item;
	IO(io, eye->host_id);
	IO(io, eye->group);
	IO(io, eye->is_real);
	IO(io, eye->is_watched);
	IO(io, eye->is_down);
	IO(io, eye->watermark);
	IO(io, eye->good);
	IO(io, eye->probed);
	IO(io, eye->down_from);
	IO(io, eye->defined);
	IO(io, eye->newest);
	IO(io, eye->newest_bad);
	if (!io->out && eye->is_real)
		eye->minutes = xcalloc(EYE_MINUTES, sizeof(*eye->minutes));
	for (size_t i = 0; eye->minutes && i < EYE_MINUTES; i++) {
		IO(io, eye->minutes[i].minute);
		IO(io, eye->minutes[i].visits);
		IO(io, eye->minutes[i].bad);
	}
}

static void io_spot(struct io *io, void *item)
{
	struct spot *p = item;
	io_addr(io, &p->addr);
	IO(io, p->site);
	IO(io, p->was_real);
	IO(io, p->eye);
}

static void io_site(struct io *io, struct site_slot *slot)
{
	char *text = NULL;
	struct buf b = BUF_INIT(SIZE_MAX / 2);
	if (io->out) {
		site_text(&slot->site, &b);
		text = buf_take(&b);
	}
	io_text(io, &text);
	if (!io->out && !io->failed && site_parse(text, &slot->site, NULL) != 0)
		io->failed = true;
	free(text);
	IO(io, slot->is_configured);
	IO(io, slot->group);
}

static void io_group(struct io *io, struct group *g)
{
	io_ids(io, &g->eyes, &g->eye_count);
	io_ids(io, &g->lows, &g->low_count);
	io_spans(io, &g->unwell);
	io_spans(io, &g->unwatched);
	io_spans(io, &g->changed);
	if (io->out || io->version >= 3)
		io_spans(io, &g->lost);
	IO(io, g->open_from);
	IO(io, g->frontier);
	IO(io, g->decided);
	io_dues(io, &g->waits);
	IO(io, g->visits);
	IO(io, g->day);
	IO(io, g->has_nat);
	io_addr(io, &g->nat);
}

static void io_sites(struct io *io, struct judge *j)
{
	uint32_t n = io_count(io, j->site_count, 1), room = 1;
	while (room < n)
		room *= 2;
	if (!io->out) {
		j->sites = xcalloc(room, sizeof(struct site_slot *));
		j->groups = xcalloc(room, sizeof(*j->groups));
	}
	for (uint32_t i = 0; i < n && !io->failed; i++) {
		if (!io->out) {
			j->sites[i] = xcalloc(1, sizeof(**j->sites));
			j->site_count = i + 1;
		}
		io_site(io, j->sites[i]);
		io_group(io, &j->groups[i]);
	}
}

static void io_hosts(struct io *io, struct judge *j)
{
	j->host_ids = io_count(io, j->host_ids, 6);
	j->site_ids = io_count(io, j->site_ids, 2);
	if (!io->out) {
		j->eye_of = xcalloc(j->host_ids, sizeof(*j->eye_of));
		j->site_of = xcalloc(j->host_ids, sizeof(*j->site_of));
		j->site_by_id = xcalloc(j->site_ids, sizeof(*j->site_by_id));
	}
	for (uint32_t i = 0; i < j->host_ids; i++) {
		IO(io, j->eye_of[i]);
		IO(io, j->site_of[i]);
	}
	for (uint32_t i = 0; i < j->site_ids; i++)
		IO(io, j->site_by_id[i]);
}

static void io_rules(struct io *io, struct rules *rules)
{
	char *text = NULL;
	struct buf b = BUF_INIT(4096);
	if (io->out) {
		rules_text(rules, &b);
		text = buf_take(&b);
	}
	io_text(io, &text);
	if (!io->out && rules_parse(text, rules, NULL) != 0)
		io->failed = true;
	free(text);
}

static void io_allowed(struct io *io, struct judge *j)
{
	uint32_t n = io_count(io, j->allowed_count, 4);
	if (!io->out) {
		j->allowed = xcalloc(n, sizeof(*j->allowed));
		j->allowed_count = n;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct allowed *a = &j->allowed[i];
		io_text(io, &a->text);
		if (!io->out)
			a->is_prefix = prefix_parse(a->text, &a->prefix);
	}
}

static void io_judge(struct io *io, struct judge *j)
{
	io_rules(io, &j->rules);
	IO(io, j->now);
	IO(io, j->next_sweep);
	IO(io, j->next_sweep_all);
	IO(io, j->records);
	IO(io, j->dropped);
	IO(io, j->listed);
	IO(io, j->is_running);
	IO(io, j->down_from);
	IO(io, j->alive);
	IO(io, j->started);
	io_spans(io, &j->gaps);
	io_spans(io, &j->grace);
	io_sites(io, j);
	io_hosts(io, j);
	io_slab(io, &j->eyes, io_eye);
	io_slab(io, &j->spots, io_spot);
	io_slab(io, &j->senders, io_sender);
	io_slab(io, &j->walks, io_walk);
	io_slab(io, &j->marks, io_mark);
	io_slab(io, &j->pools, io_pool);
	io_slab(io, &j->names, io_name);
	io_slab(io, &j->domains, io_domain);
	io_dues(io, &j->dues);
	io_allowed(io, j);
	if (!io->out && io->version < 2)
		return; /* knew no letters */
	io_slab(io, &j->letters, io_letter);
	io_slab(io, &j->writers, io_writer);
	IO(io, j->oldest_letter);
	IO(io, j->newest_letter);
}

static uint64_t checksum(const uint8_t *data, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * UINT64_C(1099511628211);
	return h;
}

void judge_save(const struct judge *j, struct buf *out)
{
	size_t start = out->len;
	struct judge copy = *j; /* writing changes nothing, but takes no const */
	struct io io = { .out = out, .version = VERSION };
	buf_adds(out, MAGIC);
	IO(&io, io.version);
	io_judge(&io, &copy);
	if (buf_failed(out))
		return;
	uint64_t sum = checksum((const uint8_t *)out->data + start, out->len - start);
	IO(&io, sum);
}

static void rebuild(struct slab *s, struct index *x, index_hash_fn hash_of)
{
	uint32_t idle = s->top - s->count;
	uint32_t *free_ids = xcalloc(idle, sizeof(*free_ids));
	uint8_t *is_free = xcalloc(s->top, 1);
	slab_free_ids(s, free_ids);
	for (uint32_t i = 0; i < idle; i++)
		is_free[free_ids[i]] = 1;
	for (uint32_t i = 0; i < s->top; i++)
		if (!is_free[i])
			index_add(x, hash_of(s, i), i, hash_of, s);
	free(is_free);
	free(free_ids);
}

static void rebuild_all(struct judge *j)
{
	rebuild(&j->spots, &j->spot_index, spot_hash);
	rebuild(&j->senders, &j->sender_index, sender_hash);
	rebuild(&j->pools, &j->pool_index, pool_hash);
	rebuild(&j->names, &j->name_index, name_hash);
	rebuild(&j->domains, &j->domain_index, domain_hash);
	rebuild(&j->letters, &j->letter_index, letter_hash);
	j->name_bytes = 0;
	for (uint32_t i = 0; i < j->names.top; i++) {
		const struct name *n = slab_get(&j->names, i);
		j->name_bytes += n->text ? strlen(n->text) + 1 : 0;
	}
	for (uint32_t i = 0; i < j->domains.top; i++) {
		const struct domain *d = slab_get(&j->domains, i);
		j->name_bytes += d->text ? strlen(d->text) + 1 : 0;
	}
}

int judge_load(struct judge *j, const void *data, size_t len, struct error *e)
{
	const uint8_t *bytes = data;
	if (len < HEAD + TAIL || memcmp(bytes, MAGIC, sizeof(MAGIC) - 1) != 0)
		return error_set(e, FMX_EMALFORMED, "the checkpoint is not one of ours");
	struct io io = { .at = bytes + sizeof(MAGIC) - 1, .end = bytes + len };
	IO(&io, io.version);
	if (io.version < 1 || io.version > VERSION)
		return error_set(e, FMX_EMALFORMED,
				 "the checkpoint has version %u, we read 1 to %d",
				 io.version, VERSION);
	struct io tail = { .at = bytes + len - TAIL, .end = bytes + len };
	uint64_t sum = 0;
	IO(&tail, sum);
	if (sum != checksum(bytes, len - TAIL))
		return error_set(e, FMX_EMALFORMED, "the checkpoint is damaged");
	judge_reset(j);
	io.end = bytes + len - TAIL;
	io_judge(&io, j);
	if (io.failed || io.at != io.end) {
		judge_reset(j);
		return error_set(e, FMX_EMALFORMED, "the checkpoint cannot be read");
	}
	rebuild_all(j);
	return 0;
}
