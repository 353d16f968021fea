/* fakemx-serve - the decoys and everything live. `fakemx serve` executes it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/suggestion.h"
#include "serve/apply.h"
#include "serve/engine.h"
#include "serve/system/confine.h"
#include "serve/system/ready_check.h"

/* DESIGN section 4. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_REFUSED = 3, EXIT_USAGE = 64 };

enum {
	OPTION_CHECK = 256,
	OPTION_LAB,
	OPTION_PRIVILEGES,
	OPTION_READY_FD,
	OPTION_VERSION
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check-config", no_argument, NULL, OPTION_CHECK },
	{ "lab", no_argument, NULL, OPTION_LAB },
	{ "ready-fd", required_argument, NULL, OPTION_READY_FD },
	{ "privileges", no_argument, NULL, OPTION_PRIVILEGES },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
    "Usage: fakemx-serve [options]\n"
    "Run the decoys, watch the real hosts, journal and judge every visit.\n"
    "\n"
    "  -c, --config FILE  the configuration; " CONFIG_PATH " otherwise\n"
    "      --check-config read it, say whether it is good, and end\n"
    "      --lab          a trial: loopback, private and documentation addresses are\n"
    "                     allowed, with a warning\n"
    "      --privileges   print what it may do once it has begun, and end\n"
    "      --ready-fd N   write \"ready\" and \"caught-up\" lines to this descriptor\n"
    "  -q, --quiet        log warnings and errors only\n"
    "  -v, --verbose      log more\n"
    "      --version      print the version\n"
    "  -h, --help         this help\n"
    "\n"
    "SIGTERM and SIGINT stop in order, SIGHUP reads the configuration again without\n"
    "dropping a connection, SIGUSR1 catches up with every log and says so.\n"
    "Exit status: 0 stopped in order, 1 failed, 3 refused because it would endanger\n"
    "mail, 64 wrong usage or configuration.\n";

struct command {
	struct engine_options engine;
	bool is_check, is_quiet, is_asking; /* --privileges */
};

static int fail(const struct error *e)
{
	(void)fprintf(stderr, "fakemx-serve: %s\n", e->text);
	switch (e->code) {
	case FMX_EREFUSED: return EXIT_REFUSED;
	case FMX_EUSAGE: return EXIT_USAGE;
	default: return EXIT_FAILED;
	}
}

static int usage(const char *what, const char *word)
{
	struct suggestion n = suggestion_for(word + strspn(word, "-"));
	for (const struct option *o = options; o->name; o++)
		suggestion_offer(&n, o->name);
	(void)fprintf(stderr, "fakemx-serve: %s '%s'", what, word);
	if (n.best)
		(void)fprintf(stderr, "; did you mean --%s?", n.best);
	(void)fprintf(stderr, "; see fakemx-serve --help\n");
	return EXIT_USAGE;
}

static int parse_fd(const char *text, int *ret_fd)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	if (errno || *end || end == text || n < 0 || n > 1 << 20)
		return usage("not a descriptor:", text);
	*ret_fd = (int)n;
	return -1;
}

/* -1: go on; else the exit status. */
static int parse(struct command *c, int argc, char **argv)
{
	int option;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:qvh", options, NULL)) != -1) {
		switch (option) {
		case 'c': c->engine.config_path = optarg; break;
		case OPTION_CHECK: c->is_check = true; break;
		case OPTION_PRIVILEGES: c->is_asking = true; break;
		case OPTION_LAB: c->engine.lab = true; break;
		case 'q':
			c->is_quiet = true;
			log_init(LOG_LEVEL_WARNING);
			break;
		case 'v': log_init(LOG_LEVEL_DEBUG); break;
		case OPTION_READY_FD: {
			int code = parse_fd(optarg, &c->engine.ready_fd);
			if (code >= 0)
				return code;
			break;
		}
		case OPTION_VERSION:
			(void)puts("fakemx-serve " FMX_VERSION);
			return EXIT_DONE;
		case 'h': (void)fputs(help, stdout); return EXIT_DONE;
		case ':': return usage("an argument is missing after", argv[optind - 1]);
		default: return usage("unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage("unknown argument", argv[optind]);
	return -1;
}

/* The configuration's warnings, one a line. */
static void say_warnings(const struct config *config)
{
	for (const char *line = buf_text(&config->warnings); *line;) {
		int len = (int)strcspn(line, "\n");
		log_warning("configuration note=\"%.*s\"", len, line);
		line += len + (line[len] == '\n');
	}
}

static void on_trouble(void *arg, const char *sentence)
{
	(void)arg;
	log_warning("configuration note=\"%s\"", sentence);
}

static int serve(const struct command *c, struct config *config)
{
	struct engine *n;
	struct error e;
	say_warnings(config);
	if (c->is_check && ready_check_user(config->user, &e) != 0) {
		config_release(config);
		return fail(&e);
	}
	if (c->is_check) {
		ready_check(config, on_trouble, NULL);
		if (!c->is_quiet)
			(void)printf("%s is good: %zu site%s, mode %s\n",
				     c->engine.config_path, config->site_count,
				     number_plural(config->site_count),
				     config->rules.enforce ? "enforce" : "observe");
		config_release(config);
		return EXIT_DONE;
	}
	if (c->is_asking) {
		confine_print(config, stdout);
		config_release(config);
		return EXIT_DONE;
	}
	/* Before a loop is made, which takes some. */
	struct descriptors shared;
	if (apply_descriptors(config, 0, &shared, &e) < 0) {
		config_release(config);
		return fail(&e);
	}
	if (engine_start(&c->engine, config, &n, &e) < 0)
		return fail(&e);
	int r = engine_run(n);
	engine_free(n);
	return r == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* SQLite's -shm file is memory: where its file system fails, or turns read-only, the
 * kernel can say so by this signal alone. It ends us when we return. */
static void on_bus_error(int number)
{
	static const char text[] =
	    "fakemx-serve: the file system of the journal failed or became read-only "
	    "(SIGBUS), so serve ends. What was committed is kept, and the time until "
	    "serve runs again counts as unwatched. Is the disk well? (dmesg)\n";
	(void)number;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}

/* Where libuv cannot grow the list of what it watches, it aborts without a word. */
static void *grow(void *old, size_t size)
{
	return xrealloc(old, size, 1);
}

int main(int argc, char **argv)
{
	struct command c = { .engine = { .config_path = CONFIG_PATH, .ready_fd = -1 } };
	int code = parse(&c, argc, argv);
	if (code >= 0)
		return code;
	/* A client that goes away while we answer is no reason to end. */
	(void)signal(SIGPIPE, SIG_IGN);
	struct sigaction bus = { .sa_handler = on_bus_error, .sa_flags = SA_RESETHAND };
	(void)sigaction(SIGBUS, &bus, NULL);                    /* cannot fail */
	(void)uv_replace_allocator(malloc, grow, calloc, free); /* none is NULL */

	struct config config;
	struct error e;
	if (config_load(c.engine.config_path, c.engine.lab, &config, &e) < 0) {
		/* A file that cannot be read is a configuration error too. */
		if (e.code != FMX_EREFUSED)
			e.code = FMX_EUSAGE;
		return fail(&e);
	}
	return serve(&c, &config);
}
