#include "cli/domains.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/mem.h"

enum { PROGRESS_MS = 250 };

/* ---- life ---- */

static void on_signal(uv_signal_t *s, int number)
{
	(void)number;
	domains_stop(s->data);
}

static void on_clock(uv_timer_t *t)
{
	struct domains *d = t->data;
	progress_set(&d->progress, d->told, d->names ? 0 : d->given_count, NULL);
}

int domains_init(struct domains *d)
{
	if (uv_loop_init(&d->loop) != 0) {
		struct error e;
		(void)error_set(&e, -ENFILE, "cannot start the event loop");
		return cli_fail(d->cli, &e);
	}
	/* A peer that closes while we say QUIT is no reason to die. */
	(void)signal(SIGPIPE, SIG_IGN);
	d->interrupt.data = d->terminate.data = d->clock.data = d;
	(void)uv_timer_init(&d->loop, &d->clock);
	(void)uv_signal_init(&d->loop, &d->interrupt);
	(void)uv_signal_init(&d->loop, &d->terminate);
	(void)uv_signal_start(&d->interrupt, on_signal, SIGINT);
	(void)uv_signal_start(&d->terminate, on_signal, SIGTERM);
	return CLI_DONE;
}

void domains_release(struct domains *d)
{
	if (d->names)
		names_close(d->names);
	uv_close((uv_handle_t *)&d->interrupt, NULL);
	uv_close((uv_handle_t *)&d->terminate, NULL);
	uv_close((uv_handle_t *)&d->clock, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&d->loop);
	free(d->given);
}

/* ---- the loop ---- */

void domains_stop(struct domains *d)
{
	d->is_stopped = true;
	uv_stop(&d->loop);
}

bool domains_ended(const struct domains *d)
{
	return !d->names || names_ended(d->names);
}

static void start(struct domains *d, const char *domain)
{
	d->open++; /* it may end at once */
	if (!d->start(d->arg, domain))
		d->open--;
}

/* A line that is no domain is a result too: one of many must not end the rest. */
static void start_line(struct domains *d, const char *line)
{
	char domain[NAME_TEXT_MAX];
	struct error e;
	if (name_read(line, domain, NULL, &e) == 0) {
		start(d, domain);
		return;
	}
	d->refuse(d->arg, line, &e);
	d->told++;
}

static void start_more(void *arg)
{
	struct domains *d = arg;
	char line[NAMES_LINE_MAX];
	while (!d->is_stopped && d->open < d->most_open) {
		if (d->next < d->given_count)
			start(d, d->given[d->next++]);
		else if (d->names && names_take(d->names, line))
			start_line(d, line);
		else
			break;
	}
	bool no_more = d->next == d->given_count && domains_ended(d);
	if (d->is_stopped || (no_more && d->open == 0))
		uv_stop(&d->loop);
}

void domains_told(struct domains *d)
{
	d->open--;
	d->told++;
	/* A reader at the other end of a pipe wants its line now; and if it went
	 * away, the rest of the list is not worth asking. */
	if (fflush(stdout) != 0 || ferror(stdout))
		d->is_stopped = true;
	start_more(d);
}

void domains_run(struct domains *d)
{
	progress_begin(&d->progress, d->cli, d->what);
	(void)uv_timer_start(&d->clock, on_clock, PROGRESS_MS, PROGRESS_MS);
	start_more(d);
	/* uv_stop within start_more, before the loop runs, ends it at once too. */
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	progress_end(&d->progress);
}

/* ---- which ---- */

int domains_read(struct domains *d, int argc, char **argv)
{
	const char *from = cli_option(d->cli, "from");
	struct error e;
	if (from && argc > 0)
		return cli_usage(d->cli, "give domains or --from, not both");
	if (!from && argc == 0)
		return cli_usage(d->cli, "no domain given");
	if (from && names_open(&d->loop, from, start_more, d, &d->names, &e) != 0)
		return cli_fail(d->cli, &e);
	d->given = xcalloc((size_t)argc + 1, sizeof(*d->given));
	for (int i = 0; i < argc; i++) {
		struct name_note note;
		if (name_read(argv[i], d->given[i], &note, &e) != 0)
			return cli_usage(d->cli, "%s", e.text);
		if (*note.text)
			cli_warn(d->cli, "%s: %s", note.text, d->given[i]);
		d->given_count++;
	}
	return CLI_DONE;
}

int domains_failure(const struct domains *d)
{
	struct error e;
	if (!d->names || !*names_failure(d->names))
		return CLI_DONE;
	(void)error_set(&e, -EIO, "cannot read the list %s: %s",
			cli_option(d->cli, "from"), names_failure(d->names));
	return cli_fail(d->cli, &e);
}
