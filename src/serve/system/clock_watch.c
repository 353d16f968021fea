#include "serve/system/clock_watch.h"

#include "base/mem.h"

struct clock_watch {
	int64_t apart;           /* clock less monotonic, as it is believed */
	int64_t seen;            /* the same, as it was at the last look while held */
	int64_t seen_since;      /* monotonic: it has been so since */
	volatile int64_t offset; /* to add to the clock for the believed one */
	bool is_held;
};

struct clock_watch *clock_watch_new(int64_t now, int64_t monotonic)
{
	struct clock_watch *c = xcalloc(1, sizeof(*c));
	c->apart = now - monotonic;
	return c;
}

void clock_watch_free(struct clock_watch *c)
{
	free(c);
}

struct stamp_clock clock_watch_clock(const struct clock_watch *c)
{
	return (struct stamp_clock){ .offset_us = &c->offset };
}

static bool is_far(int64_t a, int64_t b)
{
	int64_t by = a > b ? a - b : b - a;
	return by >= CLOCK_WATCH_JUMP;
}

static bool believe(struct clock_watch *c, int64_t apart)
{
	bool was_held = c->is_held;
	c->apart = apart;
	c->offset = 0;
	c->is_held = false;
	return was_held;
}

bool clock_watch_look(struct clock_watch *c, int64_t now, int64_t monotonic)
{
	int64_t apart = now - monotonic;
	if (!is_far(apart, c->apart))
		return believe(c, apart); /* slewed, or back again */
	bool is_new = !c->is_held;
	if (is_new || is_far(apart, c->seen))
		c->seen_since = monotonic;
	else if (monotonic - c->seen_since >= CLOCK_WATCH_AGREES)
		return believe(c, apart);
	c->seen = apart;
	c->is_held = true;
	c->offset = c->apart - apart;
	return is_new;
}

bool clock_watch_is_held(const struct clock_watch *c)
{
	return c->is_held;
}

int64_t clock_watch_jump(const struct clock_watch *c)
{
	return -c->offset;
}
