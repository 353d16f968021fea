/* Where things are in the state folder. */
#include <stdio.h>

#include "base/mem.h"
#include "config/config.h"

static bool is_in_state(const struct config *c, const char *name, char *to, size_t size)
{
	int n = snprintf(to, size, "%s/%s", c->state, name);
	return n > 0 && (size_t)n < size;
}

bool config_journal_path(const struct config *c, char *to, size_t size)
{
	return is_in_state(c, "journal.sqlite", to, size);
}

bool config_off_path(const struct config *c, char *to, size_t size)
{
	return is_in_state(c, "off", to, size);
}

bool config_metrics_path(const struct config *c, char *to, size_t size)
{
	return is_in_state(c, "metrics.prom", to, size);
}

bool config_feed_socket(const struct config *c, char *to, size_t size)
{
	return *c->feed_socket ? str_copy(to, size, c->feed_socket)
			       : is_in_state(c, "feed.sock", to, size);
}
