/* setup - a first configuration from a few questions and from what is found. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "cli/cli.h"
#include "cli/domain_run.h"
#include "cli/setup/setup_ask.h"
#include "cli/setup/setup_file.h"
#include "cli/setup/setup_log.h"
#include "cli/setup/setup_site.h"
#include "cli/setup/setup_world.h"
#include "cli/verbs.h"
#include "cli/zone_want.h"
#include "dns/name.h"
#include "outlet/json.h"

enum { TEXT_MAX = 256 * 1024, ANSWER_MAX = 1024 };

struct setting {
	struct cli *c;
	FILE *say; /* what was found; stderr where results have stdout */
	bool asks;
	const char *path;
	struct setup s;
	struct setup_world w;
	struct setup_log log;
	bool here[SITE_MAX_HOSTS];
	bool has_decoy;
	struct plan_decoy decoy;
	enum setup_way way;
	bool is_left; /* something has to be done first */
	char day[STAMP_TEXT_MAX];
};

static int input_ended(const struct setting *u)
{
	struct error e;
	(void)error_set(&e, -EPIPE, "the input ended; nothing was written");
	return cli_fail(u->c, &e);
}

/* A sentence about what is left to do. */
FMX_PRINTF(2, 3) static void tell_left(struct setting *u, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)fprintf(u->say, "%s! %s%s\n", cli_style(u->say, CLI_WARN), text,
		      cli_style(u->say, CLI_PLAIN));
	u->is_left = true;
}

/* ---- what is asked before anything is looked up ---- */

static int read_paths(struct setting *u)
{
	const struct cli *c = u->c;
	const char *conf = cli_option(c, "conf");
	if (conf && c->has_config)
		return cli_usage(c, "--conf and -c say the same; give one of them");
	if (cli_flag(c, "print") && c->json)
		return cli_usage(c, "--print prints the configuration and --json what "
				    "was done; give one of them");
	u->path = conf ? conf : c->config_path;
	bool is_terminal = isatty(STDIN_FILENO);
	u->asks = is_terminal && !cli_flag(c, "yes");
	u->say = cli_flag(c, "print") || c->json ? stderr : stdout;
	if (!is_terminal && !cli_flag(c, "yes") && !cli_flag(c, "print"))
		return cli_usage(c, "standard input is no terminal, so setup cannot ask: "
				    "give --yes, the domain, and what else it should "
				    "know by options");
	return cli_flag(c, "print") ? CLI_DONE : setup_file_check(c, u->path, u->asks);
}

/* What this machine's own name suggests. */
static void suggest_domain(char ret[NAME_TEXT_MAX])
{
	char own[NAME_TEXT_MAX] = "";
	*ret = '\0';
	if (gethostname(own, sizeof(own) - 1) == 0 && strchr(own, '.'))
		name_registrable(own, ret);
}

static int read_domain(struct setting *u, int argc, char **argv,
		       char domain[NAME_TEXT_MAX])
{
	char answer[ANSWER_MAX], own[NAME_TEXT_MAX];
	struct error e;
	const char *text = argc ? argv[0] : answer;
	if (!argc && !u->asks)
		return cli_usage(u->c, "which domain? Give it as an argument: fakemx "
				       "setup --yes example.com");
	if (!argc) {
		suggest_domain(own);
		if (!setup_ask("The domain whose mail this is about:", own, answer,
			       sizeof(answer)))
			return input_ended(u);
	}
	if (name_read(text, domain, NULL, &e) != 0)
		return cli_usage(u->c, "%s", e.text);
	return CLI_DONE;
}

/* The options that say how the decoy of --decoy stands. */
static int read_way(struct setting *u)
{
	bool is_closed = cli_flag(u->c, "closed"),
	     is_elsewhere = cli_flag(u->c, "elsewhere");
	if ((is_closed || is_elsewhere) && !cli_option(u->c, "decoy"))
		return cli_usage(
		    u->c,
		    "--%s says how the decoy stands that --decoy names: give "
		    "--decoy NAME=ADDRESS too",
		    is_closed ? "closed" : "elsewhere");
	if (is_closed && is_elsewhere)
		return cli_usage(u->c, "--closed and --elsewhere contradict each other: "
				       "at a closed decoy nobody answers");
	u->way = is_closed ? SETUP_CLOSED : is_elsewhere ? SETUP_ELSEWHERE : SETUP_HERE;
	return CLI_DONE;
}

static int read_decoy(struct setting *u, const char *text)
{
	int code = zone_want_decoy(u->c, "decoy", text, &u->decoy);
	if (code != CLI_DONE)
		return code;
	if (u->decoy.address_count == 0)
		return cli_usage(u->c, "--decoy %s: where does it stand? NAME=ADDRESS",
				 text);
	u->has_decoy = true;
	return CLI_DONE;
}

/* ---- what is found ---- */

static void tell_hosts(struct setting *u)
{
	(void)fprintf(u->say, "The mail of %s goes to\n", u->s.domain);
	for (size_t i = 0; i < u->s.count; i++) {
		const struct host *h = &u->s.hosts[i];
		(void)fprintf(u->say, "  %5u %s%s%s\n", h->preference, h->name,
			      u->here[i] ? ", this machine" : "",
			      h->role == ROLE_DECOY ? ", a Fake MX" : "");
	}
}

/* A real host that does not answer now may be down, or port 25 closed from here. */
static void tell_silent(struct setting *u)
{
	for (size_t i = 0; i < u->w.seen.host_count; i++) {
		const struct seen_host *h = &u->w.seen.hosts[i];
		const struct host *of = NULL;
		for (size_t k = 0; k < u->s.count; k++)
			if (strcmp(u->s.hosts[k].name, h->name) == 0)
				of = &u->s.hosts[k];
		if (!of || of->role != ROLE_REAL || !seen_host_is_down(h))
			continue;
		char text[ADDR_TEXT_MAX];
		tell_left(
		    u,
		    "No mail server answers at port 25 of %s (%s is %s). Until one "
		    "does, fakemx judges nobody; if it runs, does a firewall or your "
		    "provider close port 25 from here?",
		    h->name, addr_text(h->addresses[0].addr, text),
		    state_name(h->addresses[0].state));
	}
}

static const char *sessions_text(const struct setup_log *log, char *to, size_t size)
{
	if (*log->trouble)
		(void)snprintf(to, size, "%s", log->trouble);
	else if (!*log->program)
		(void)snprintf(to, size, "no session of a mail server");
	else
		(void)snprintf(to, size, "%s, %" PRIu64 " session%s in the last day",
			       setup_program_name(log->program), log->sessions,
			       number_plural(log->sessions));
	return to;
}

/* An empty answer where none was found is none. */
static int ask_log(struct setting *u, const struct setup_logs *logs)
{
	char answer[ANSWER_MAX], why[SETUP_NOTE_MAX];
	for (;;) {
		if (!setup_ask(logs->count ? "The mail log (a number or a path):"
					   : "The mail log (its path; empty: none yet):",
			       logs->count ? "1" : "", answer, sizeof(answer)))
			return input_ended(u);
		if (!*answer || setup_log_answer(logs, answer, &u->w.machine, stamp_now(),
						 &u->log, why))
			return CLI_DONE;
		(void)fprintf(stderr, "%s\n", why);
	}
}

/* Names the logs, and lets somebody choose. */
static int choose_log(struct setting *u, const struct setup_logs *logs)
{
	char line[SETUP_NOTE_MAX + 64], place[WATCH_MAX];
	for (size_t i = 0; i < logs->count; i++)
		(void)fprintf(u->say, "Mail log %zu: %s (%s)\n", i + 1,
			      setup_log_place(&logs->logs[i], place, sizeof(place)),
			      sessions_text(&logs->logs[i], line, sizeof(line)));
	if (*logs->note)
		tell_left(u, "%s", logs->note);
	if (logs->count)
		u->log = logs->logs[0];
	if (!u->asks || (logs->count == 1 && logs->logs[0].sessions))
		return CLI_DONE;
	return ask_log(u, logs);
}

/* The configuration quotes it. */
static int check_watch(const struct setting *u, const char *watch)
{
	if (strpbrk(watch, "\"\\\n") || strstr(watch, "${") || strlen(watch) >= WATCH_MAX)
		return cli_usage(u->c,
				 "--log: a path may not hold quotes, backslashes or "
				 "\"${\", and not be longer than %d bytes",
				 WATCH_MAX - 1);
	return CLI_DONE;
}

static int find_log(struct setting *u)
{
	const char *given = cli_option(u->c, "log");
	char line[SETUP_NOTE_MAX + 64];
	int code = CLI_DONE;
	if (given) {
		code = check_watch(u, given);
		if (code != CLI_DONE)
			return code;
		setup_log_at(given, &u->w.machine, stamp_now(), &u->log);
		if (!setup_log_is_place(u->log.watch))
			return cli_usage(
			    u->c,
			    "--log %s: there is no such file in this folder; give "
			    "a path that begins with /, journal, or "
			    "journal:MATCH",
			    given);
		if (!*u->log.trouble) /* tell_log() says it */
			(void)fprintf(u->say, "Mail log: %s (%s)\n", u->log.watch,
				      sessions_text(&u->log, line, sizeof(line)));
	} else {
		struct setup_logs *logs = xcalloc(1, sizeof(*logs));
		setup_logs_find(logs, &u->w.machine, stamp_now());
		code = choose_log(u, logs);
		free(logs);
	}
	(void)str_copy(u->s.program, sizeof(u->s.program), u->log.program);
	(void)str_copy(u->s.container, sizeof(u->s.container), u->log.container);
	return code == CLI_DONE ? check_watch(u, u->log.watch) : code;
}

static void tell_log(struct setting *u, bool any_here)
{
	if (!any_here)
		tell_left(u,
			  "None of these hosts is this machine, so their visits have to "
			  "be sent here: the configuration has the command "
			  "(FEEDS in man fakemx.conf).");
	else if (!*u->log.watch)
		tell_left(u,
			  "No mail log was found, and without one nobody can be judged. "
			  "Where is it? Say it by --log.");
	else if (strncmp(u->log.trouble, "cannot be read", 14) == 0)
		tell_left(
		    u,
		    "The mail log %s %s. Until it can be read, nobody is judged; is "
		    "the path right?",
		    u->log.watch, u->log.trouble);
	else if (*u->log.trouble)
		tell_left(u, "The mail log cannot be read: %s.", u->log.trouble);
	else if (cli_option(u->c, "log") && !*u->log.program && *u->log.watch == '/')
		tell_left(
		    u,
		    "%s shows no session of a mail server that fakemx reads. Is it "
		    "the right log? `fakemx visits --why --maillog %s` says what is "
		    "in it.",
		    u->log.watch, u->log.watch);
}

/* ---- the decoy ---- */

static bool is_six_only(const struct plan_decoy *d)
{
	for (uint8_t i = 0; i < d->address_count; i++)
		if (addr_is_v4(d->addresses[i]))
			return false;
	return d->address_count > 0;
}

/* Which of the ways that setup_ways() numbers. */
static int ask_way(struct setting *u, bool *ret_six)
{
	char answer[16];
	struct buf ways = BUF_INIT(TEXT_MAX);
	setup_ways(&u->w.machine, &ways);
	(void)fputs(buf_text(&ways), u->say);
	buf_release(&ways);
	for (;;) {
		if (!setup_ask("Which way (1 to 4)?", "1", answer, sizeof(answer)))
			return input_ended(u);
		if (strlen(answer) == 1 && *answer >= '1' && *answer <= '4')
			break;
		(void)fputs("Please answer 1, 2, 3 or 4.\n", stderr);
	}
	u->way = *answer == '2'   ? SETUP_ELSEWHERE
		 : *answer == '4' ? SETUP_CLOSED
				  : SETUP_HERE;
	*ret_six = *answer == '3';
	return CLI_DONE;
}

static int ask_decoy(struct setting *u)
{
	char answer[ANSWER_MAX];
	bool six = false, is_high;
	if (u->has_decoy || !u->asks || u->s.layout != LAYOUT_NONE)
		return CLI_DONE;
	(void)fputs(
	    "\nThere are two ways to begin:\n"
	    "  none  watch only, the better way: nothing changes, and after two weeks\n"
	    "        the report can hold the days with a decoy against those "
	    "without\n"
	    "  high  a decoy that is tried last, after every real host\n",
	    u->say);
	if (!setup_ask_high(&is_high))
		return input_ended(u);
	if (!is_high)
		return CLI_DONE;
	int code = ask_way(u, &six);
	if (code != CLI_DONE)
		return code;
	if (!setup_ask(six ? "IPv6 address of the decoy (empty: none yet):"
			   : "Address of the decoy (empty: none yet):",
		       "", answer, sizeof(answer)))
		return input_ended(u);
	if (!*answer)
		return CLI_DONE;
	char text[ANSWER_MAX + NAME_TEXT_MAX + 16];
	(void)snprintf(text, sizeof(text), "fake1.mx.%s=%s", u->s.domain, answer);
	return read_decoy(u, text);
}

/* ---- the end ---- */

static int check_text(const struct setting *u, const struct buf *text)
{
	struct config config;
	struct error e;
	if (config_parse(buf_text(text), text->len, u->path, u->c->lab, &config, &e) ==
	    0) {
		config_release(&config);
		return CLI_DONE;
	}
	/* The options are wrong, not a line of a file that nobody has yet. */
	const char *sentence = e.text;
	size_t n = strlen(u->path);
	if (strncmp(sentence, u->path, n) == 0 && sentence[n] == ':') {
		sentence += n + 1;
		size_t digits = strspn(sentence, "0123456789");
		sentence += digits + (sentence[digits] == ':' && digits > 0);
		sentence += *sentence == ' ';
	}
	char words[sizeof(e.text)];
	(void)str_copy(words, sizeof(words), sentence);
	(void)error_set(&e, e.code, "%s; nothing was written", words);
	return cli_fail(u->c, &e);
}

static void show_plan(const struct setting *u)
{
	struct cli *p = xcalloc(1, sizeof(*p));
	char domain[NAME_TEXT_MAX], *argv[] = { domain, NULL };
	(void)str_copy(domain, sizeof(domain), u->s.domain);
	*p = *u->c;
	p->verb = &verb_plan;
	p->config_path = u->path;
	p->has_config = true;
	p->given_count = 0;
	const char *resolver = cli_option(u->c, "resolver");
	for (const struct option_row *o = verb_plan.options; resolver && o->name; o++)
		if (strcmp(o->name, "resolver") == 0)
			p->given[p->given_count++] = (struct cli_given){ o, resolver };
	(void)fprintf(u->say, "\nWhat `fakemx plan %s` says:\n\n", u->s.domain);
	if (domain_run(p, 1, argv, false) == CLI_FAILED)
		(void)fputs("(It could not be made now.)\n", u->say);
	free(p);
}

static void tell_steps(struct setting *u)
{
	struct buf steps = BUF_INIT(TEXT_MAX);
	setup_free_addresses(&u->s, &u->w.machine, &steps);
	setup_container_steps(&u->s, &steps);
	u->is_left = u->is_left || steps.len > 0;
	setup_log_advice(&u->s, &steps);
	if (steps.len)
		(void)fprintf(u->say, "\nTo do first\n%s", buf_text(&steps));
	if (u->s.layout != LAYOUT_NONE)
		(void)fputs(
		    "\nA firewall must let port 25 of the decoy's address through; "
		    "one that drops it delays good mail.\n",
		    u->say);
	buf_release(&steps);
}

static void tell_next(const struct setting *u)
{
	bool is_usual = strcmp(u->path, CONFIG_PATH) == 0;
	char option[ANSWER_MAX] = "";
	if (!is_usual)
		(void)snprintf(option, sizeof(option), " -c %s", u->path);
	(void)fprintf(u->say, "\nNext:\n  fakemx%s serve --check-config\n", option);
	if (is_usual)
		(void)fputs("  systemctl enable --now fakemx\n", u->say);
	else
		(void)fprintf(u->say, "  fakemx%s serve\n", option);
	if (u->s.layout == LAYOUT_NONE)
		(void)fprintf(
		    u->say,
		    "  fakemx%s report --since 1d\n\n"
		    "layout = none only watches and changes nothing. It is the way "
		    "to begin: let it run\nfor two weeks (seven whole days are the "
		    "least), then add a decoy, and the report\nsays what came to "
		    "your mail servers before and after it.\n",
		    option);
	else
		(void)fprintf(
		    u->say,
		    "  fakemx%s plan %s\n\n"
		    "To know afterwards what the decoy is worth here, let serve "
		    "watch for two weeks\nbefore you change the DNS: the report "
		    "compares the days before with those after.\n",
		    option, u->s.domain);
}

static void tell_json(const struct setting *u)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	json_t *o = json_object();
	json_add(o, "version", json_integer(1));
	json_add(o, "domain", json_text(u->s.domain));
	json_add(o, "configuration", json_text(u->path));
	json_add(o, "layout", json_text(layout_name(u->s.layout)));
	json_add(o, "log", json_text_or_null(u->log.watch));
	json_add(o, "sessions", json_count(u->log.sessions));
	json_add(o, "ready", json_boolean(!u->is_left));
	json_line(o, &out);
	(void)puts(buf_text(&out));
	buf_release(&out);
}

static int finish(struct setting *u)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	bool prints = cli_flag(u->c, "print");
	setup_conf(&u->s, &text);
	int code = check_text(u, &text);
	if (code == CLI_DONE && prints)
		(void)fputs(buf_text(&text), stdout);
	if (code == CLI_DONE && u->asks && !prints) {
		(void)fprintf(u->say, "\n%s", buf_text(&text));
		if (!setup_ask_yes("Write this configuration?", true)) {
			buf_release(&text);
			return setup_said_no(u->c);
		}
	}
	if (code == CLI_DONE && !prints)
		code = setup_file_write(u->c, u->path, &text);
	buf_release(&text);
	if (code != CLI_DONE)
		return code;
	tell_steps(u);
	if (!prints) {
		(void)fprintf(u->say, "\nWritten and checked: %s\n", u->path);
		if (u->s.layout != LAYOUT_NONE && !u->c->json)
			show_plan(u);
		tell_next(u);
		if (u->c->json)
			tell_json(u);
	}
	return u->is_left ? CLI_TELL : CLI_DONE;
}

/* The domain is known: look, find, ask. */
static int prepare(struct setting *u)
{
	char own[NAME_TEXT_MAX] = "";
	struct error e;
	(void)gethostname(own, sizeof(own) - 1);
	if (u->has_decoy && setup_site_decoy_name(&u->w.seen, &u->decoy, &e) != 0)
		return cli_fail(u->c, &e);
	if (setup_site_hosts(&u->w.seen, &u->w.machine, own, &u->s, u->here, &e) != 0)
		return cli_fail(u->c, &e);
	tell_hosts(u);
	tell_silent(u);
	int code = find_log(u);
	if (code != CLI_DONE)
		return code;
	tell_log(u, setup_site_watch(&u->s, u->here, u->log.watch,
				     cli_option(u->c, "log") != NULL));
	code = ask_decoy(u);
	if (code == CLI_DONE && u->has_decoy &&
	    setup_site_decoy(&u->w.seen, &u->decoy, u->way, &u->s, &e) != 0)
		code = cli_fail(u->c, &e);
	if (code == CLI_DONE && u->has_decoy && is_six_only(&u->decoy))
		(void)fputs("The decoy has no IPv4 address: bots without IPv6 never come "
			    "to it and leave no trace, so that fewer are seen.\n",
			    u->say);
	return code == CLI_DONE ? finish(u) : code;
}

static int start(struct setting *u, int argc, char **argv)
{
	char domain[NAME_TEXT_MAX];
	int code = read_way(u);
	if (code == CLI_DONE)
		code = read_paths(u);
	if (code == CLI_DONE)
		code = read_domain(u, argc, argv, domain);
	const char *decoy = cli_option(u->c, "decoy");
	if (code == CLI_DONE && decoy)
		code = read_decoy(u, decoy);
	if (code != CLI_DONE)
		return code;
	u->s.lab = u->c->lab;
	u->s.has_user = getpwnam(SETUP_USER) != NULL;
	u->s.day = u->day;
	(void)stamp_second(stamp_now(), u->day);
	u->day[strcspn(u->day, "T")] = '\0';
	code = setup_world_look(u->c, domain, u->has_decoy ? u->decoy.name : NULL, &u->w);
	if (code != CLI_DONE)
		return code;
	code = prepare(u);
	setup_world_release(&u->w);
	return code;
}

int setup_run(struct cli *c, int argc, char **argv)
{
	struct setting *u = xcalloc(1, sizeof(*u));
	u->c = c;
	int code = start(u, argc, argv);
	free(u);
	return code;
}
