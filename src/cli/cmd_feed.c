/* feed - this machine's visits, sent on to the serve of another. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/beside.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "cli/archive.h"
#include "cli/cli.h"
#include "cli/feed_journal.h"
#include "cli/verbs.h"
#include "cli/visits_log.h"
#include "mx/host_name.h"
#include "source/feed/feed.h"

/* What was sent shortly before a connection broke may not have arrived; what comes
 * twice is known there. */
#define AGAIN (10 * STAMP_MINUTE)
/* The same of a stream, which has acknowledged all before its last watermark. */
#define AGAIN_ACKNOWLEDGED STAMP_MINUTE

enum { WAIT_LONGEST_S = 30 };

enum way { TO_STDOUT, TO_SOCKET, TO_STREAM };

struct sending {
	const struct cli *c;
	struct visits_log log;
	enum way way;
	struct sockaddr_un to;
	char program[PATH_MAX], subject[NAME_MAX_TEXT + 16]; /* of a stream */
	const char *argv[16];
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

/* A log, or what a serve of this machine has written down. */
static int follow(const struct cli *c, struct visits_log *v)
{
	return v->file_count ? visits_log_follow(c, v) : feed_journal_follow(c, v);
}

static int send_on(struct sending *s)
{
	bool is_stdin = s->log.file_count && strcmp(s->log.files[0], "-") == 0;
	for (;;) {
		s->log.out = open_socket(s);
		int code = follow(s->c, &s->log);
		int rc = fclose(s->log.out);
		if (code != CLI_DONE || (s->log.has_ended && rc == 0))
			return code;
		if (is_stdin) {
			struct error e;
			(void)error_set(&e, -EPIPE,
					"the connection to %s ended, and standard input "
					"cannot be read a second time",
					s->to.sun_path);
			return cli_fail(s->c, &e);
		}
		cli_warn(s->c, "the connection to %s ended; trying again",
			 s->to.sun_path);
		if (s->log.told - AGAIN > s->log.span.since)
			s->log.span.since = s->log.told - AGAIN;
		(void)sleep(1);
	}
}

/* ---- to a stream: fakemx-stream knows how ---- */

static void add_argument(struct sending *s, const char *option, const char *value)
{
	size_t n = 0;
	while (s->argv[n])
		n++;
	if (!value)
		return;
	s->argv[n] = option;
	s->argv[n + 1] = value;
}

static int stream_arguments(struct sending *s, const char *task)
{
	struct error e;
	int rc = beside_find("fakemx-stream", s->program, sizeof(s->program), &e);
	if (rc < 0)
		return cli_fail(s->c, &e);
	(void)snprintf(s->subject, sizeof(s->subject), "fakemx.%s",
		       s->log.host ? s->log.host : "");
	const char *subject = cli_option(s->c, "subject");
	memset(s->argv, 0, sizeof(s->argv));
	add_argument(s, s->program, task);
	add_argument(s, "--servers", cli_option(s->c, "to"));
	add_argument(s, "--subject", subject ? subject : s->subject);
	add_argument(s, "--credentials", cli_option(s->c, "credentials"));
	add_argument(s, "--ca", cli_option(s->c, "ca"));
	add_argument(s, "--replicas", cli_option(s->c, "replicas"));
	return CLI_DONE;
}

/* In the child. Who is killed must not leave one behind that sends what it still has
 * among the lines of the next run. */
static void become_stream(const struct sending *s, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		execv(s->program, (char *const *)(uintptr_t)s->argv);
	_exit(EXIT_FAILURE);
}

/* The child with one end of a pipe as its file `child_fd`; the other end, or NULL. */
static FILE *start_stream(const struct sending *s, int child_fd, pid_t *ret_pid)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return NULL;
	int theirs = ends[child_fd == STDIN_FILENO ? 0 : 1];
	int ours = ends[child_fd == STDIN_FILENO ? 1 : 0];
	pid_t parent = getpid();
	*ret_pid = fork();
	if (*ret_pid == 0) {
		(void)dup2(theirs, child_fd);
		become_stream(s, parent);
	}
	(void)close(theirs);
	return fdopen(ours, child_fd == STDIN_FILENO ? "w" : "r");
}

static int end_stream(const struct sending *s, pid_t pid)
{
	struct error e;
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == FEED_NO_LIBRARY) {
		(void)error_set(&e, -ENOENT, FEED_NEEDS_NATS);
		return cli_fail(s->c, &e);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CLI_DONE : CLI_FAILED;
}

/* Where the last one that sent to the subject ended. */
static int read_last(struct sending *s)
{
	char text[STAMP_TEXT_MAX + 2] = "";
	pid_t pid;
	int code = stream_arguments(s, "last");
	if (code != CLI_DONE)
		return code;
	FILE *from = start_stream(s, STDOUT_FILENO, &pid);
	if (!from)
		return CLI_FAILED;
	if (!fgets(text, sizeof(text), from))
		text[0] = '\0';
	(void)fclose(from);
	text[strcspn(text, "\n")] = '\0';
	int64_t told;
	if (stamp_parse(text, &told, NULL) && told - AGAIN > s->log.span.since) {
		s->log.complete = told - AGAIN;
		s->log.span.since = told - AGAIN_ACKNOWLEDGED;
	}
	return end_stream(s, pid);
}

static int send_to_stream(struct sending *s)
{
	pid_t pid;
	int code = read_last(s);
	if (code == CLI_DONE)
		code = stream_arguments(s, "send");
	if (code != CLI_DONE)
		return code;
	s->log.out = start_stream(s, STDIN_FILENO, &pid);
	if (!s->log.out)
		return CLI_FAILED;
	code = follow(s->c, &s->log);
	(void)fclose(s->log.out);
	int ended = end_stream(s, pid);
	return code == CLI_DONE ? ended : code;
}

static int run_stream(const struct sending *s)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		become_stream(s, parent);
	return pid < 0 ? CLI_FAILED : end_stream(s, pid);
}

static int set_up(struct sending *s)
{
	uint64_t replicas;
	int code = cli_number(s->c, "replicas", 1, 5, &replicas);
	if (s->way != TO_STREAM)
		return cli_usage(s->c, "--setup makes a stream: --to nats://SERVER");
	if (code == CLI_DONE)
		code = stream_arguments(s, "setup");
	if (code != CLI_DONE)
		return code;
	return run_stream(s);
}

/* The key of a user of the stream: the secret half to a file, the other shown. */
static int make_key(struct sending *s, const char *path)
{
	int code = stream_arguments(s, "key");
	if (code != CLI_DONE)
		return code;
	memset(s->argv + 2, 0, sizeof(s->argv) - 2 * sizeof(s->argv[0]));
	add_argument(s, "--credentials", path);
	return run_stream(s);
}

/* Each server of a list with commas has a name. */
static bool has_names(const char *servers)
{
	while (*servers) {
		const char *end = servers + strcspn(servers, ",");
		const char *scheme = strstr(servers, "://");
		const char *name = scheme && scheme < end ? scheme + 3 : servers;
		const char *user = memrchr(name, '@', (size_t)(end - name));
		name = user ? user + 1 : name;
		if (name == end || *name == ':' || *name == '/')
			return false;
		servers = end + (*end == ',');
	}
	return true;
}

/* One that lines can be sent to: no pattern, no empty part. */
static bool is_subject(const char *text)
{
	size_t n = strlen(text);
	if (n == 0 || text[0] == '.' || text[n - 1] == '.' || strstr(text, ".."))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == '*' || *text == '>')
			return false;
	return true;
}

static int check_stream(const struct sending *s)
{
	static const char *const names[] = { "subject", "credentials", "ca" };
	const struct cli *c = s->c;
	const char *to = cli_option(c, "to"), *subject = cli_option(c, "subject");
	bool sets_up = cli_flag(c, "setup");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (s->way != TO_STREAM && cli_option(c, names[i]))
			return cli_usage(c,
					 "--%s is for a stream (--to nats://SERVER), "
					 "and '%s' is none",
					 names[i], to);
	if (cli_option(c, "replicas") && !sets_up)
		return cli_usage(c, "--replicas is for --setup, which makes the stream");
	if (s->way == TO_STREAM && !has_names(to))
		return cli_usage(c, "--to nats://SERVER: '%s' does not name the server",
				 to);
	if (subject && !sets_up && !is_subject(subject))
		return cli_usage(c,
				 "--subject is words with dots between, such as "
				 "fakemx.mx1.example.com, not '%s'",
				 subject);
	return CLI_DONE;
}

/* What serve saw stands in the journal that a configuration names. */
static int check_source(const struct sending *s)
{
	const struct cli *c = s->c;
	if (s->log.file_count || c->has_config || access(c->config_path, F_OK) == 0)
		return CLI_DONE;
	return cli_usage(
	    c,
	    "what is to be sent? Give a mail log by --maillog WHERE; without "
	    "it, feed sends what the serve of this machine saw, but there "
	    "is no configuration %s",
	    c->config_path);
}

/* "-", "unix:/run/fakemx/feed.sock", "nats://mx1:4222,nats://mx2:4222" */
static int read_to(struct sending *s)
{
	static const char socket_word[] = "unix:";
	const char *to = cli_option(s->c, "to");
	bool is_socket = strncmp(to, socket_word, sizeof(socket_word) - 1) == 0;
	bool is_stream = strncmp(to, "nats://", 7) == 0 || strncmp(to, "tls://", 6) == 0;
	s->way = is_socket ? TO_SOCKET : is_stream ? TO_STREAM : TO_STDOUT;
	if (strcmp(to, "-") == 0 || is_stream)
		return CLI_DONE;
	if (!is_socket)
		return cli_usage(s->c, "--to is -, unix:PATH or nats://SERVER, not '%s'",
				 to);
	to += sizeof(socket_word) - 1;
	s->to.sun_family = AF_UNIX;
	if (!*to || !str_copy(s->to.sun_path, sizeof(s->to.sun_path), to))
		return cli_usage(s->c, "--to: the path of a socket has 1 to %zu bytes",
				 sizeof(s->to.sun_path) - 1);
	return CLI_DONE;
}

static int read_options(struct sending *s)
{
	const struct cli *c = s->c;
	if (cli_flag(c, "setup") && !cli_option(c, "to"))
		return cli_usage(c, "--setup needs --to nats://SERVER");
	if (cli_flag(c, "setup")) {
		int rc = read_to(s);
		return rc == CLI_DONE ? check_stream(s) : rc;
	}
	char name[256];
	if (!cli_option(c, "host") || !cli_option(c, "to"))
		return cli_usage(c, "feed needs --host and --to");
	if (s->log.stamps && !s->log.file_count)
		return cli_usage(c, "--stamps is of a --maillog");
	if (host_name_read(s->log.host, name, sizeof(name)) == 0)
		return cli_usage(c, "--host is the name of a host, not '%s'",
				 s->log.host);
	int code = read_to(s);
	if (code == CLI_DONE)
		code = check_stream(s);
	if (code == CLI_DONE)
		code = check_source(s);
	if (code == CLI_DONE)
		code = visits_log_check_stamps(c, &s->log);
	s->log.span = (struct report_span){ stamp_now() - STAMP_DAY, STAMP_NEVER, NULL };
	return code == CLI_DONE
		   ? archive_moment(c, "since", stamp_now(), &s->log.span.since)
		   : code;
}

static int run(struct cli *c, int argc, char **argv)
{
	char *file = (char *)(uintptr_t)cli_option(c, "maillog");
	struct sending s = { .c = c,
			     .log = { .host = cli_option(c, "host"),
				      .files = &file,
				      .file_count = file ? 1 : 0,
				      .stamps = cli_option(c, "stamps"),
				      .filter = cli_option(c, "filter"),
				      .is_feed = true,
				      .out = stdout } };
	(void)argc;
	(void)argv;
	if (cli_option(c, "make-key"))
		return make_key(&s, cli_option(c, "make-key"));
	int code = read_options(&s);
	if (code != CLI_DONE)
		return code;
	(void)signal(SIGPIPE, SIG_IGN);
	if (cli_flag(c, "setup"))
		return set_up(&s);
	switch (s.way) {
	case TO_SOCKET: return send_on(&s);
	case TO_STREAM: return send_to_stream(&s);
	default: return follow(c, &s.log);
	}
}

static const struct option_row options[] = {
	{ .name = "maillog",
	  .argument = "WHERE",
	  .meaning =
	      "The mail log: a file, which is followed, journal for systemd's, or - "
	      "for standard input. Without it, what the serve of this machine saw." },
	{ .name = "host",
	  .argument = "NAME",
	  .meaning =
	      "The host whose visits they are, as the other machine's configuration "
	      "names it." },
	{ .name = "to",
	  .argument = "WHERE",
	  .meaning = "- for standard output; unix:PATH for the socket of a serve; or "
		     "nats://SERVER[,...], tls://SERVER[,...] for a stream of NATS "
		     "JetStream. What "
		     "cannot be reached is tried again." },
	{ .name = "subject",
	  .argument = "S",
	  .meaning = "With a stream: the subject under which the lines are sent; "
		     "fakemx.NAME if not given." },
	{ .name = "credentials",
	  .argument = "FILE",
	  .meaning = "With a stream: a user's credentials (.creds), or an nkey's seed." },
	{ .name = "ca",
	  .argument = "FILE",
	  .meaning =
	      "With a stream: the certificates by which its servers are checked." },
	{ .name = "setup",
	  .meaning =
	      "Make the stream, or change it, and end. It keeps lines in files for seven "
	      "days, and takes one that comes twice within an hour once." },
	{ .name = "replicas",
	  .argument = "N",
	  .meaning = "With --setup: on how many servers each line is kept, 1 to 5." },
	{ .name = "make-key",
	  .argument = "FILE",
	  .meaning =
	      "Make credentials for a stream, and end: the seed of an nkey into a new "
	      "FILE, its public key, by which nats-server knows the user, is printed." },
	{ .name = "since",
	  .argument = "TIME",
	  .meaning =
	      "Visits from then on; those of the last day if not given. What is known "
	      "there already is not counted again." },
	{ .name = "filter",
	  .argument = "WHERE",
	  .meaning =
	      "Where a spam filter (rspamd, SpamAssassin, amavis) writes its verdicts, "
	      "if "
	      "that is another log: a file, or journal with a match behind a colon." },
	{ .name = "stamps",
	  .argument = "ZONE",
	  .meaning = "The time zone of the times in the log where they name none; this "
		     "machine's if not given." },
	{ 0 },
};

const struct verb verb_feed = {
	.name = "feed",
	.run = run,
	.synopsis = "[--maillog WHERE] --host NAME --to "
		    "-|unix:PATH|nats://SERVER [--subject S] [--credentials FILE] "
		    "[--ca FILE] [--since TIME] [--filter WHERE] [--stamps ZONE] | "
		    "--setup [--replicas N] "
		    "--to nats://SERVER | --make-key FILE",
	.summary = "send this machine's visits to another's serve",
	.help =
	    "Reads the mail log of a real host here, follows it, and sends its visits as "
	    "lines\nof JSON, with the moments up to which all were sent. No "
	    "configuration is needed.\nWithout --maillog it sends what came to a decoy "
	    "that the serve of this "
	    "machine is:\nits visits in the journal, as they are committed.\n\n"
	    "  fakemx feed --maillog /var/log/mail.log --host mx2.example.com \\\n"
	    "    --to unix:/run/fakemx/feed.sock\n"
	    "  fakemx feed --maillog journal --host mx2.example.com --to -\n"
	    "  fakemx feed --host fake1.mx.example.com --to unix:/run/fakemx/feed.sock\n"
	    "  fakemx feed --setup --replicas 3 --to "
	    "nats://mx1.example.com,nats://mx2.example.com,nats://mx3.example.com\n"
	    "  fakemx feed --maillog journal --host mx2.example.com --to "
	    "nats://mx1.example.com",
	.options = options,
};
