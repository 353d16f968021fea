#include "cli/publish/publish_shut_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/program.h"
#include "cli/shut_in.h"
#include "zone/command.h"

enum { DNS_PORT = 53 };

/* With %z and %f as zone/command.h puts them there. */
static bool is_after(const struct config *config, const char *line)
{
	for (size_t i = 0; i < config->publish_count; i++) {
		const struct config_publish *p = &config->publish[i];
		struct buf filled = BUF_INIT(64 * 1024);
		command_fill(p->after, p->zone, p->file, &filled);
		bool is = *p->after && !buf_failed(&filled) &&
			  strcmp(buf_text(&filled), line) == 0;
		buf_release(&filled);
		if (is)
			return true;
	}
	return *config->alarm && strcmp(line, config->alarm) == 0;
}

static bool allows(void *arg, const char *const *argv, const char *const *extra)
{
	for (; extra && *extra; extra++)
		if (strncmp(*extra, "FAKEMX_ALARM", strlen("FAKEMX_ALARM")) != 0)
			return false;
	return strcmp(argv[0], "/bin/sh") == 0 && argv[1] && strcmp(argv[1], "-c") == 0 &&
	       argv[2] && !argv[3] && is_after(arg, argv[2]);
}

static void reread(void *arg)
{
	(void)arg; /* publish reads its configuration once */
}

int publish_shut_in(const struct cli *c, const struct config *config, struct error *e)
{
	union {
		const struct config *ours;
		void *arg; /* only read */
	} of = { config };
	struct program_rules rules = { allows, reread, of.arg };
	int rc = program_split(&rules, e);
	if (rc != 0)
		return rc;
	struct sandbox *s = xcalloc(1, sizeof(*s));
	(void)setenv("SQLITE_TMPDIR", config->state, 0);
	(void)sandbox_folder(s, config->state, SANDBOX_FILES);
	sandbox_port(s, DNS_PORT);
	for (size_t i = 0; i < config->publish_count; i++) {
		const struct config_publish *p = &config->publish[i];
		if (*p->file)
			(void)sandbox_folder_of(s, p->file, SANDBOX_FILES);
		if (p->update.update_server.port)
			sandbox_port(s, p->update.update_server.port);
	}
	return shut_in(c, s, true, e);
}
