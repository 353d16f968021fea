#include "cli/setup/setup_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "source/maillog/logfiles.h"
#include "source/maillog/maillog_lines.h"
#include "source/maillog/output.h"

/* The first of each pair that is there; some are links to others. */
static const char *const files[] = {
	"/var/log/mail.log",      "/var/log/maillog",      "/var/log/mail/mail.log",
	"/var/log/exim4/mainlog", "/var/log/exim/mainlog", "/var/log/exim/main.log",
	"/var/log/exim_mainlog",
};

/* ---- counting ---- */

struct counting {
	struct maillog_lines *reader;
	int64_t now, since;
	const struct setup_machine
	    *own; /* whose look at port 25 is no session; NULL: nobody */
	uint64_t sessions;
};

static void on_visit(void *arg, const struct visit *v, const struct addr *local)
{
	struct counting *k = arg;
	(void)local;
	k->sessions +=
	    v->time >= k->since && !(k->own && setup_machine_has(k->own, v->client));
}

static void on_begin(void *arg, const char *file, int64_t latest)
{
	struct counting *k = arg;
	(void)file;
	k->now = latest;
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct counting *k = arg;
	maillog_lines_line(k->reader, line, len, k->now);
}

static bool on_pause(void *arg, uint64_t done, uint64_t total)
{
	(void)arg, (void)done, (void)total;
	return true;
}

static int on_end(void *arg, const char *file, struct error *e)
{
	(void)arg, (void)file, (void)e;
	return 0;
}

static void name_program(struct setup_log *log, const struct maillog_lines *reader)
{
	struct maillog_lines_counts c = maillog_lines_counts(reader);
	uint64_t most = 0;
	for (size_t i = 0; i < MAILLOG_READERS_MAX && maillog_lines_reader(i); i++)
		if (c.used_by[i] > most) {
			most = c.used_by[i];
			(void)str_copy(log->program, sizeof(log->program),
				       maillog_lines_reader(i));
		}
}

/* Where the path is said beside it. */
static void note_trouble(struct setup_log *log, const char *text)
{
	static const char words[] = "cannot read ";
	size_t n = sizeof(words) - 1, len = strlen(log->watch);
	if (strncmp(text, words, n) == 0 && strncmp(text + n, log->watch, len) == 0 &&
	    text[n + len] == ':')
		(void)snprintf(log->trouble, sizeof(log->trouble), "cannot be read%s",
			       text + n + len);
	else
		(void)str_copy(log->trouble, sizeof(log->trouble), text);
}

static void count_end(struct setup_log *log, struct counting *k)
{
	maillog_lines_finish(k->reader);
	name_program(log, k->reader);
	maillog_lines_free(k->reader);
	log->sessions = k->sessions;
}

static void count_place(struct setup_log *log, const struct setup_machine *own,
			int64_t now)
{
	struct counting k = { .since = now - STAMP_DAY, .own = own };
	struct logfiles_hooks hooks = {
		on_begin, on_line, on_pause, on_end, k.since, &k
	};
	struct logfiles_counts counts;
	struct error e;
	char before[WATCH_MAX + 2];
	char *paths[] = { before, log->watch };
	(void)snprintf(before, sizeof(before), "%s.1", log->watch);
	size_t skip = log->watch[0] != '/' || access(before, R_OK) != 0;

	k.reader = maillog_lines_new(on_visit, &k);
	if (logfiles_read(paths + skip, 2 - skip, &hooks, &counts, &e) < 0)
		note_trouble(log, e.text);
	count_end(log, &k);
	/* Exim as shipped logs messages only: a quiet one has nothing to be known by. */
	if (!*log->program && strstr(log->watch, "/exim"))
		(void)str_copy(log->program, sizeof(log->program), "exim");
}

/* Of a container: its name has letters, digits and _.- alone. */
static void count_container(struct setup_log *log, const struct setup_machine *own,
			    int64_t now)
{
	struct counting k = { .now = now, .since = now - STAMP_DAY, .own = own };
	char command[64 + SETUP_CONTAINER_MAX], line[8192];
	(void)snprintf(command, sizeof(command),
		       "timeout 20 docker logs --timestamps --since 24h %s 2>&1",
		       log->container);
	FILE *p = popen(command, "re"); /* NOLINT(bugprone-command-processor) */
	if (!p)
		return;
	k.reader = maillog_lines_new(on_visit, &k);
	while (fgets(line, sizeof(line), p))
		on_line(&k, line, strcspn(line, "\n"));
	(void)pclose(p); /* what it told was taken */
	count_end(log, &k);
}

/* ---- what somebody names ---- */

static bool make_absolute(const char *where, char ret[WATCH_MAX])
{
	char folder[WATCH_MAX];
	return *where && access(where, F_OK) == 0 && getcwd(folder, sizeof(folder)) &&
	       snprintf(ret, WATCH_MAX, "%s/%s", folder, where) < WATCH_MAX;
}

static bool is_word(const char *where)
{
	return strcmp(where, "feed") == 0 || output_is_journal(where);
}

bool setup_log_is_place(const char *watch)
{
	return *watch == '/' || is_word(watch);
}

void setup_log_at(const char *where, const struct setup_machine *own, int64_t now,
		  struct setup_log *ret)
{
	*ret = (struct setup_log){ .sessions = 0 };
	if (*where == '/' || is_word(where) || !make_absolute(where, ret->watch))
		(void)str_copy(ret->watch, sizeof(ret->watch), where);
	if (strcmp(where, "feed") != 0)
		count_place(ret, own, now);
}

bool setup_log_answer(const struct setup_logs *l, const char *answer,
		      const struct setup_machine *own, int64_t now, struct setup_log *ret,
		      char why[SETUP_NOTE_MAX])
{
	char path[WATCH_MAX];
	size_t digits = strspn(answer, "0123456789");
	bool is_number = digits > 0 && !answer[digits];
	unsigned long n = is_number ? strtoul(answer, NULL, 10) : 0;
	if (n >= 1 && n <= l->count) {
		*ret = l->logs[n - 1];
		return true;
	}
	if ((is_number && l->count) || strlen(answer) >= WATCH_MAX ||
	    (*answer != '/' && !is_word(answer) && !make_absolute(answer, path))) {
		char numbers[64] = "";
		if (l->count > 1)
			(void)snprintf(numbers, sizeof(numbers),
				       "a number from 1 to %zu, or ", l->count);
		else if (l->count)
			(void)str_copy(numbers, sizeof(numbers), "1, or ");
		(void)snprintf(why, SETUP_NOTE_MAX,
			       "Please answer %sthe path of a log, which begins with /.",
			       numbers);
		return false;
	}
	setup_log_at(answer, own, now, ret);
	return true;
}

/* ---- containers ---- */

static bool field(const char **rest, char *to, size_t size)
{
	size_t n = strcspn(*rest, "|\n");
	if (n >= size)
		return false;
	memcpy(to, *rest, n);
	to[n] = '\0';
	*rest += n + ((*rest)[n] == '|');
	return true;
}

static bool is_mail_image(const char *image)
{
	static const char *const words[] = { "mailserver", "postfix",  "exim",
					     "opensmtpd",  "sendmail", "smtp" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(image, words[i]))
			return true;
	return false;
}

/* A folder of logs that the container shares: docker-mailserver's. */
static bool find_mounted(const char *mounts, char watch[WATCH_MAX])
{
	static const struct {
		const char *at, *file;
	} rows[] = { { "/var/log/mail", "mail.log" },
		     { "/var/log/exim4", "mainlog" },
		     { "/var/log", "mail.log" } };
	while (*mounts) {
		size_t n = strcspn(mounts, " ");
		size_t source = strcspn(mounts, "=");
		for (size_t i = 0;
		     source > 0 && source < n && i < sizeof(rows) / sizeof(rows[0]);
		     i++) {
			const char *to = mounts + source + 1;
			size_t len = n - source - 1;
			while (len > 1 && to[len - 1] == '/')
				len--;
			if (len == strlen(rows[i].at) && memcmp(to, rows[i].at, len) == 0)
				return snprintf(
					   watch, WATCH_MAX, "%.*s/%s",
					   (int)(source - (mounts[source - 1] == '/')),
					   mounts, rows[i].file) < WATCH_MAX;
		}
		mounts += n;
		mounts += strspn(mounts, " ");
	}
	return false;
}

static bool is_name(const char *name)
{
	return *name &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == '\0';
}

bool setup_log_of_container(const char *engine, const char *line, struct setup_log *ret,
			    char note[SETUP_NOTE_MAX])
{
	char name[SETUP_CONTAINER_MAX], image[256], driver[32], mounts[4096];
	*ret = (struct setup_log){ .sessions = 0 };
	*note = '\0';
	line += *line == '/';
	if (!field(&line, name, sizeof(name)) || !field(&line, image, sizeof(image)) ||
	    !field(&line, driver, sizeof(driver)) || !is_name(name) ||
	    !is_mail_image(image))
		return false;
	if (field(&line, mounts, sizeof(mounts)) && find_mounted(mounts, ret->watch))
		return true;
	if (strcmp(driver, "journald") == 0)
		return snprintf(ret->watch, WATCH_MAX, "journal:CONTAINER_NAME=%s",
				name) < WATCH_MAX;
	if (strcmp(engine, "docker") == 0 && strcmp(driver, "none") != 0) {
		(void)str_copy(ret->watch, WATCH_MAX, "feed");
		return str_copy(ret->container, sizeof(ret->container), name);
	}
	(void)snprintf(
	    note, SETUP_NOTE_MAX,
	    "The log of the container %s cannot be read from outside (%s's "
	    "logging driver %s). Start the container with --log-driver=journald, "
	    "then run setup again.",
	    name, engine, *driver ? driver : "is unknown");
	return false;
}

const char *setup_log_place(const struct setup_log *log, char *to, size_t size)
{
	if (*log->container)
		(void)snprintf(to, size, "the container %s, by `docker logs`",
			       log->container);
	else
		(void)str_copy(to, size, log->watch);
	return to;
}

/* ---- finding ---- */

/* podman-docker tells of podman's containers a second time. */
static bool is_there(const struct setup_logs *l, const struct setup_log *log)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->logs[i].watch, log->watch) == 0 &&
		    strcmp(l->logs[i].container, log->container) == 0)
			return true;
	return false;
}

static void add(struct setup_logs *l, struct setup_log log,
		const struct setup_machine *own, int64_t now)
{
	if (l->count == SETUP_LOGS_MAX || is_there(l, &log))
		return;
	if (*log.container)
		count_container(&log, own, now);
	else
		count_place(&log, own, now);
	/* A journal without mail is every machine's and no finding. */
	if (*log.program || *log.container || log.watch[0] == '/')
		l->logs[l->count++] = log;
}

static void add_at(struct setup_logs *l, const char *watch,
		   const struct setup_machine *own, int64_t now)
{
	struct setup_log log = { .sessions = 0 };
	(void)str_copy(log.watch, sizeof(log.watch), watch);
	add(l, log, own, now);
}

/* Whoever has no such program, or may not ask it, has no containers. */
static void find_containers(struct setup_logs *l, const char *engine,
			    const struct setup_machine *own, int64_t now)
{
	char command[512], line[8192], note[SETUP_NOTE_MAX];
	struct setup_log log;
	(void)snprintf(
	    command, sizeof(command),
	    "command -v %s >/dev/null 2>&1 || exit 0; ids=$(timeout 5 %s ps -q "
	    "2>/dev/null) && [ -n \"$ids\" ] && timeout 5 %s inspect --format "
	    "'" SETUP_CONTAINER_FORMAT "' $ids 2>/dev/null",
	    engine, engine, engine);
	FILE *p = popen(command, "re"); /* NOLINT(bugprone-command-processor) */
	if (!p)
		return;
	while (fgets(line, sizeof(line), p)) {
		if (setup_log_of_container(engine, line, &log, note))
			add(l, log, own, now);
		else if (*note)
			(void)str_copy(l->note, sizeof(l->note), note);
	}
	(void)pclose(p); /* what it told was taken */
}

static int by_sessions(const void *a, const void *b)
{
	const struct setup_log *x = a, *y = b;
	return (x->sessions < y->sessions) - (x->sessions > y->sessions);
}

void setup_logs_find(struct setup_logs *l, const struct setup_machine *own, int64_t now)
{
	*l = (struct setup_logs){ .count = 0 };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], F_OK) == 0)
			add_at(l, files[i], own, now);
	if (access("/usr/bin/journalctl", X_OK) == 0 ||
	    access("/bin/journalctl", X_OK) == 0)
		add_at(l, OUTPUT_JOURNAL_WORD, own, now);
	find_containers(l, "docker", own, now);
	find_containers(l, "podman", own, now);
	qsort(l->logs, l->count, sizeof(l->logs[0]), by_sessions);
}

const char *setup_program_name(const char *program)
{
	static const struct {
		const char *program, *name;
	} rows[] = { { "postfix", "Postfix" },
		     { "exim", "Exim" },
		     { "opensmtpd", "OpenSMTPD" },
		     { "sendmail", "Sendmail" } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].program, program) == 0)
			return rows[i].name;
	return program;
}
