#include "serve/system/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/beside.h"
#include "base/hash.h"
#include "base/program.h"
#include "source/feed/feed.h"

static bool is_number(char c)
{
	return c && strchr("0123456789TZ:.+-", c);
}

/* The command with %s and %q replaced by a time or a number, %% by %. */
static bool is_filled(const char *command, const char *text)
{
	for (; *command; command++) {
		if (command[0] == '%' && command[1] == '%' && *text == '%') {
			command++;
			text++;
		} else if (command[0] == '%' &&
			   (command[1] == 's' || command[1] == 'q') && *text != '%') {
			command++;
			while (is_number(*text))
				text++;
		} else if (*command == *text) {
			text++;
		} else {
			return false;
		}
	}
	return !*text;
}

bool commands_stream(const struct config *c, char *to, size_t size, struct error *e)
{
	const struct config_stream *s = &c->stream;
	char program[CONFIG_TEXT_MAX], host[64] = "";
	e->text[0] = '\0';
	if (!*s->servers || beside_find("fakemx-stream", program, sizeof(program), e) < 0)
		return false;
	(void)gethostname(host, sizeof(host) - 1);
	/* Each judge has its own place in the stream. */
	int n = snprintf(to, size,
			 "exec '%s' take --servers '%s' --subject '%s' --durable "
			 "fakemx-%016llx --after %%q%s%s%s%s%s%s",
			 program, s->servers, s->subject,
			 (unsigned long long)(hash_stored(host, strlen(host)) ^
					      hash_stored(c->state, strlen(c->state))),
			 *s->credentials ? " --credentials '" : "", s->credentials,
			 *s->credentials ? "'" : "", *s->ca ? " --ca '" : "", s->ca,
			 *s->ca ? "'" : "");
	return n > 0 && (size_t)n < size;
}

/* ---- a shell's line ---- */

static bool is_of_host(const struct host *h, const char *line)
{
	return (*h->feed && is_filled(h->feed, line)) ||
	       (*h->command && is_filled(h->command, line)) ||
	       (*h->filter_command && is_filled(h->filter_command, line));
}

static bool allows_line(const struct config *c, const char *line)
{
	char stream[FEED_COMMAND_MAX];
	struct error e;
	if (*c->alarm && strcmp(line, c->alarm) == 0)
		return true;
	for (size_t i = 0; i < c->site_count; i++)
		for (size_t k = 0; k < c->sites[i].host_count; k++)
			if (is_of_host(&c->sites[i].hosts[k], line))
				return true;
	return commands_stream(c, stream, sizeof(stream), &e) && is_filled(stream, line);
}

/* ---- journalctl ---- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* "journal", "journal:MATCH" or "journal:/FOLDER"; folder "": any of them. */
static bool is_journal(const char *watch, const char *folder)
{
	static const char word[] = "journal";
	size_t len = sizeof(word) - 1;
	if (!begins(watch, word) || (watch[len] && watch[len] != ':'))
		return false;
	return !*folder || (watch[len] && strcmp(watch + len + 1, folder) == 0);
}

static bool has_journal(const struct config *c, const char *folder)
{
	for (size_t i = 0; i < c->site_count; i++)
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			const struct host *h = &c->sites[i].hosts[k];
			bool has =
			    is_journal(h->watch, folder) || is_journal(h->filter, folder);
			for (uint8_t n = 0; n < h->also_count && !has; n++)
				has = is_journal(h->also[n], folder);
			if (has)
				return true;
		}
	return false;
}

/* What does nothing but read. */
static bool is_reading(const struct config *c, const char *word)
{
	static const char directory[] = "--directory=";
	static const char *const whole[] = { "--output=json", "--no-pager", "--all",
					     "--follow", "--no-tail" };
	if (*word != '-')
		return true; /* a match */
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strcmp(word, whole[i]) == 0)
			return true;
	if (begins(word, directory))
		return has_journal(c, word + sizeof(directory) - 1);
	return begins(word, "--output-fields=") || begins(word, "--cursor=") ||
	       begins(word, "--since=@");
}

static bool allows_journal(const struct config *c, const char *const *words)
{
	if (!has_journal(c, ""))
		return false;
	for (; *words; words++)
		if (!is_reading(c, *words))
			return false;
	return true;
}

/* ---- all ---- */

static bool allows_unpacking(const char *const *argv)
{
	static const char *const programs[] = { "xz", "bzip2", "zstd", "gzip" };
	if (!argv[1] || strcmp(argv[1], "-dc") != 0 || argv[2])
		return false;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(argv[0], programs[i]) == 0)
			return true;
	return false;
}

bool commands_allow(const struct config *c, const char *const *argv,
		    const char *const *extra)
{
	for (; extra && *extra; extra++)
		if (!begins(*extra, "FAKEMX_ALARM"))
			return false;
	if (strcmp(argv[0], "/bin/sh") == 0)
		return argv[1] && strcmp(argv[1], "-c") == 0 && argv[2] && !argv[3] &&
		       allows_line(c, argv[2]);
	if (strcmp(argv[0], "journalctl") == 0)
		return allows_journal(c, argv + 1);
	return allows_unpacking(argv);
}

/* ---- in the helper ---- */

struct reader {
	const char *path;
	bool lab, is_again; /* read here, and so released here */
	struct config config;
};

static bool allows(void *arg, const char *const *argv, const char *const *extra)
{
	const struct reader *r = arg;
	return commands_allow(&r->config, argv, extra);
}

static void reread(void *arg)
{
	struct reader *r = arg;
	struct config c;
	struct error e; /* serve reads the same file, and says it */
	if (config_load(r->path, r->lab, &c, &e) < 0)
		return;
	if (r->is_again)
		config_release(&r->config);
	r->config = c;
	r->is_again = true;
}

int commands_split(const struct config *c, const char *path, bool lab, struct error *e)
{
	struct reader r = { .path = path, .lab = lab, .config = *c };
	struct program_rules rules = { allows, reread, &r };
	return program_split(&rules, e);
}
