#include "cli/zone_gone.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "zone/recorded.h"

struct looking {
	const struct cli *c;
	const struct zone_work *work;
	char only[NAME_TEXT_MAX]; /* "": all */
	bool is_halved;
	struct half half;
	size_t count;
};

/* Copies for a trial (--zone) leave records in the same folder. A zone that is found
 * under another path is looked at there, and job_revert() says what is left in it. */
static bool is_missed(const struct zone_work *w, const char *origin)
{
	bool is_of_config = false;
	for (size_t i = 0; i < w->config.site_count; i++)
		is_of_config |= w->config.zones[i].file[0] &&
				site_has_domain(&w->config.sites[i], origin);
	for (size_t i = 0; i < w->count && is_of_config; i++)
		if (strcmp(w->items[i].zone->origin, origin) == 0)
			return false;
	return is_of_config;
}

static void on_record(void *arg, const struct history *h, const char *record)
{
	struct looking *k = arg;
	const char *origin = h->origin, *path = h->path;
	if ((k->only[0] && strcmp(k->only, origin) != 0) ||
	    (k->is_halved && !half_has(&k->half, origin)) || access(path, F_OK) == 0 ||
	    (errno != ENOENT && errno != ENOTDIR) || !is_missed(k->work, origin))
		return;
	k->count++;
	cli_warn(k->c,
		 "%s: apply changed %s, which is not there any more; if it was renamed, "
		 "give it that name again and run revert once more; if the zone is no "
		 "longer served, remove its record %s",
		 origin, path, record);
}

size_t zone_gone_say(const struct zone_work *w, const struct cli *c)
{
	struct looking k = { .c = c, .work = w };
	struct error e;
	const char *only = cli_option(c, "origin");
	(void)fflush(stdout);
	if ((only && name_read(only, k.only, NULL, &e) != 0) ||
	    zone_want_half(c, &k.is_halved, &k.half) != CLI_DONE)
		return 0; /* said when the work was collected */
	if (w->has_recorded)
		recorded_each(&w->recorded, on_record, &k);
	else
		cli_warn(c, "%s", w->recorded_error.text);
	return k.count;
}
