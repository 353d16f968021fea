#include "source/logclock.h"

static int64_t greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t slack_of(const struct logclock *c)
{
	return c->slack ? c->slack : LOGCLOCK_SLACK;
}

int64_t logclock_distance(const struct logclock *c)
{
	return c->offset < 0 ? -c->offset : c->offset;
}

int64_t logclock_doubt(const struct logclock *c)
{
	return c->offset ? logclock_distance(c) + 2 * slack_of(c) : 0;
}

/* The window is over: its best line came at once, more or less, so it shows the
 * offset. */
static void conclude(struct logclock *c)
{
	bool is_off = c->best > slack_of(c) || c->best < -slack_of(c);
	c->offset = is_off ? c->best : 0;
	c->began = 0;
}

void logclock_line(struct logclock *c, int64_t stamp, uint32_t precision_us, int64_t now)
{
	/* Whole seconds are cut off, so the line was written up to a second
	 * later than it says: in doubt the clocks agree. */
	int64_t ahead = stamp - now, behind = stamp + precision_us - now;
	int64_t shows = ahead > 0 ? ahead : behind < 0 ? behind : 0;
	if (c->began && (now - c->began >= LOGCLOCK_WINDOW || now < c->began) &&
	    c->lines >= LOGCLOCK_LINES)
		conclude(c);
	if (!c->began) {
		c->began = now;
		c->best = shows;
		c->lines = 0;
	}
	c->lines++;
	c->best = greater(c->best, shows);
	if (ahead > slack_of(c))
		c->offset = c->offset > 0 ? greater(c->offset, ahead) : ahead;
}
