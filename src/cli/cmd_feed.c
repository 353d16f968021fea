/* feed - this machine's visits, sent on to the serve of another. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "cli/visits_log.h"

/* What was sent shortly before a connection broke may not have arrived; what comes
 * twice is known there. */
#define AGAIN (10 * STAMP_MINUTE)

enum { WAIT_LONGEST_S = 30 };

struct sending {
	const struct cli *c;
	struct visits_log log;
	struct sockaddr_un to;
};

static int connect_to(const struct sockaddr_un *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0) {
		int rc = -errno;
		(void)close(fd);
		return rc;
	}
	return fd;
}

/* Until somebody listens there. */
static FILE *open_socket(const struct sending *s)
{
	for (unsigned wait_s = 1;; wait_s *= 2) {
		int fd = connect_to(&s->to);
		FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
		if (out)
			return out;
		if (wait_s == 1)
			cli_warn(s->c, "cannot send to %s: %s; trying again",
				 s->to.sun_path, strerror(fd < 0 ? -fd : errno));
		if (fd >= 0)
			(void)close(fd);
		wait_s = wait_s < WAIT_LONGEST_S ? wait_s : WAIT_LONGEST_S;
		(void)sleep(wait_s);
	}
}

static int send_on(struct sending *s)
{
	bool is_stdin = strcmp(s->log.files[0], "-") == 0;
	for (;;) {
		s->log.out = open_socket(s);
		int code = visits_log_follow(s->c, &s->log);
		int rc = fclose(s->log.out);
		if (code != CLI_DONE || (s->log.has_ended && rc == 0))
			return code;
		if (is_stdin) {
			struct error e;
			(void)error_set(&e, -EPIPE,
					"%s takes no more, and standard input cannot be "
					"read again",
					s->to.sun_path);
			return cli_fail(s->c, &e);
		}
		cli_warn(s->c, "%s takes no more; trying again", s->to.sun_path);
		if (s->log.told - AGAIN > s->log.span.since)
			s->log.span.since = s->log.told - AGAIN;
		(void)sleep(1);
	}
}

/* "-", "unix:/run/fakemx/feed.sock" */
static int read_to(struct sending *s, bool *ret_is_socket)
{
	static const char socket_word[] = "unix:";
	const char *to = cli_option(s->c, "to");
	*ret_is_socket = strncmp(to, socket_word, sizeof(socket_word) - 1) == 0;
	if (strcmp(to, "-") == 0)
		return CLI_DONE;
	if (strncmp(to, "nats:", 5) == 0 || strncmp(to, "tls:", 4) == 0)
		return cli_usage(s->c, "--to: this version cannot send to a NATS server; "
				       "it sends to unix:PATH, or to - through ssh");
	if (!*ret_is_socket)
		return cli_usage(s->c, "--to is - or unix:PATH, not '%s'", to);
	to += sizeof(socket_word) - 1;
	s->to.sun_family = AF_UNIX;
	if (!*to || !str_copy(s->to.sun_path, sizeof(s->to.sun_path), to))
		return cli_usage(s->c, "--to: the path of a socket has 1 to %zu bytes",
				 sizeof(s->to.sun_path) - 1);
	return CLI_DONE;
}

static int read_options(struct sending *s, bool *ret_is_socket)
{
	const struct cli *c = s->c;
	if (!cli_option(c, "maillog") || !cli_option(c, "host") || !cli_option(c, "to"))
		return cli_usage(c, "feed needs --maillog, --host and --to");
	if (!*s->log.host)
		return cli_usage(c, "--host is the name of a host");
	int code = read_to(s, ret_is_socket);
	if (code == CLI_DONE)
		code = visits_log_check_stamps(c, &s->log);
	s->log.span = (struct report_span){ stamp_now() - STAMP_DAY, STAMP_NEVER, NULL };
	return code == CLI_DONE
		   ? archive_moment(c, "since", stamp_now(), &s->log.span.since)
		   : code;
}

static int run(struct cli *c, int argc, char **argv)
{
	bool is_socket = false;
	char *file = (char *)(uintptr_t)cli_option(c, "maillog");
	struct sending s = { .c = c,
			     .log = { .host = cli_option(c, "host"),
				      .files = &file,
				      .file_count = 1,
				      .stamps = cli_option(c, "stamps"),
				      .filter = cli_option(c, "filter"),
				      .is_feed = true,
				      .out = stdout } };
	(void)argc;
	(void)argv;
	int code = read_options(&s, &is_socket);
	if (code != CLI_DONE)
		return code;
	(void)signal(SIGPIPE, SIG_IGN);
	return is_socket ? send_on(&s) : visits_log_follow(c, &s.log);
}

static const struct option_row options[] = {
	{ .name = "maillog",
	  .argument = "WHERE",
	  .meaning =
	      "The mail log: a file, which is followed, journal for systemd's, or - "
	      "for standard input." },
	{ .name = "host",
	  .argument = "NAME",
	  .meaning =
	      "The real host whose log it is, as the other machine's configuration "
	      "names it." },
	{ .name = "to",
	  .argument = "WHERE",
	  .meaning =
	      "- for standard output, or unix:PATH for the socket of a serve; when "
	      "that is not there, it is tried again." },
	{ .name = "since",
	  .argument = "TIME",
	  .meaning =
	      "Visits from then on; those of the last day otherwise. What is known "
	      "there already is not counted again." },
	{ .name = "filter",
	  .argument = "WHERE",
	  .meaning =
	      "Where a spam filter (rspamd, SpamAssassin, amavis) writes its verdicts, "
	      "if "
	      "that is another log: a file, or journal with a match behind a colon." },
	{ .name = "stamps",
	  .argument = "ZONE",
	  .meaning =
	      "The time zone of stamps that name none; this machine's otherwise." },
	{ 0 },
};

const struct verb verb_feed = {
	.name = "feed",
	.run = run,
	.synopsis = "--maillog WHERE --host NAME --to -|unix:PATH [--since TIME] "
		    "[--filter WHERE] [--stamps ZONE]",
	.summary = "send this machine's visits to another's serve",
	.help =
	    "Reads the mail log of a real host here, follows it, and sends its visits as "
	    "lines\nof JSON, with the moments up to which all were sent. No "
	    "configuration is needed.\n\n"
	    "  fakemx feed --maillog /var/log/mail.log --host mx2.example.com \\\n"
	    "    --to unix:/run/fakemx/feed.sock\n"
	    "  fakemx feed --maillog journal --host mx2.example.com --to -",
	.options = options,
};
