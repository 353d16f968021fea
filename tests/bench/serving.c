#include "serving.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/engine.h"

void serving_take_core(int core)
{
	const struct sched_param first = { .sched_priority = 10 };
	cpu_set_t set;
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* one core: then both share */
}

void serving_run(const char *text, int ready)
{
	struct engine_options options = { .config_path = "",
					  .lab = true,
					  .ready_fd = ready };
	struct config config;
	struct engine *n;
	struct error e = { .text = "" };
	(void)signal(SIGPIPE, SIG_IGN);
	if (!freopen("/dev/null", "w", stderr))
		exit(1);
	int r = config_parse(text, strlen(text), "bench", true, &config, &e);
	if (r == 0)
		r = engine_start(&options, &config, &n, &e);
	if (r < 0)
		(void)printf("the serve of a bench: %s\n", e.text);
	else
		r = engine_run(n);
	exit(r == 0 ? 0 : 1);
}
