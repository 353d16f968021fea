#include "cli/half_power.h"

#include <unistd.h>

#include "base/buf.h"
#include "cli/archive.h"
#include "outlet/report/before_after.h"

struct asking {
	const struct cli *c;
	const char *seed;
	struct ask *ask;
	size_t told;
};

static void say_unknown(const struct asking *g, size_t days)
{
	cli_warn(
	    g->c,
	    "--half %s: how long it takes until a fall by %.0f %% shows can be told "
	    "once serve has watched %d whole days without a decoy (two weeks are "
	    "better); so far it has watched %zu. `layout = none` is the way to begin",
	    g->seed, 100 * before_after_fall, EFFECT_LEAST_DAYS, days);
}

static void say_group(const struct asking *g, const struct before_after *b)
{
	size_t all = b->half_domains[0] + b->half_domains[1];
	double mail = b->effect[COUNT_UNWELCOME].mean_before;
	if (b->half.before < EFFECT_LEAST_DAYS || mail <= 0) {
		say_unknown(g, b->half.before);
		return;
	}
	struct buf shows = BUF_INIT(256);
	before_after_power(b, &shows);
	cli_warn(
	    g->c,
	    "--half %s: with %zu domains, %zu of them with the decoy, and %.0f unwelcome "
	    "messages a day a fall by %.0f %% %s (by the %zu days watched without a "
	    "decoy)",
	    g->seed, all, b->half_domains[0], mail, 100 * before_after_fall,
	    shows.len > 0 ? buf_text(&shows) : "does not show within ten years",
	    b->half.before);
	buf_release(&shows);
}

static int ask_group(struct asking *g, uint16_t group, struct error *e)
{
	const struct view *view;
	struct before_after b;
	int rc = ask_view(g->ask, group, &view, e);
	if (rc == 0)
		rc = before_after_make(g->ask, view, ask_now(g->ask), g->seed, &b, e);
	if (rc != 0)
		return rc;
	if (b.half_domains[0] > 0) {
		say_group(g, &b);
		g->told++;
	}
	before_after_release(&b);
	return 0;
}

static int ask_groups(struct asking *g, struct error *e)
{
	const struct sites *all = ask_sites(g->ask);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < all->count; i++)
		if (sites_group(all, all->all[i].id) == all->all[i].id &&
		    all->places[i].until == INT64_MAX)
			rc = ask_group(g, all->all[i].id, e);
	return rc;
}

void half_power_say(const struct cli *c, bool has_config, const struct config *config)
{
	struct asking g = { .c = c, .seed = cli_option(c, "half") };
	char path[CONFIG_TEXT_MAX + 32];
	struct db *db = NULL;
	struct error e;
	if (!g.seed)
		return;
	int rc = 0;
	if (has_config && config_journal_path(config, path, sizeof(path)) &&
	    access(path, F_OK) == 0) {
		rc = db_open(path, DB_READ, &db, &e);
		if (rc == 0)
			rc = ask_open(db, archive_now(config), &g.ask, &e);
		if (rc == 0)
			rc = ask_groups(&g, &e);
	}
	if (rc != 0)
		cli_warn(c, "--half %s: how long the comparison takes is not known: %s",
			 g.seed, e.text);
	else if (g.told == 0)
		say_unknown(&g, 0);
	ask_close(g.ask);
	db_close(db);
}
