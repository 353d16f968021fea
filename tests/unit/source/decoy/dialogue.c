#include "dialogue.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void add_byte(struct buf *b, int byte)
{
	char c = (char)byte;
	buf_add(b, &c, 1);
}

/* One escape after the backslash at p; returns what follows it. */
static const char *add_escape(struct buf *b, const char *p)
{
	static const char names[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
	const char *at = strchr(names, p[1]);
	if (p[1] && at) {
		add_byte(b, bytes[at - names]);
		return p + 2;
	}
	char hex[3] = { 0 }, *end;
	if (p[1] == 'x')
		memcpy(hex, p + 2, 2);
	add_byte(b, (int)strtol(hex, &end, 16));
	assert_true(end == hex + 2);
	return p + 4;
}

static void add_raw(struct buf *b, const char *p)
{
	while (*p) {
		unsigned times;
		char c;
		int used = 0;
		if (*p == '\\') {
			p = add_escape(b, p);
		} else if (sscanf(p, "{%u*%c}%n", &times, &c, &used) == 2 && used) {
			while (times--)
				add_byte(b, c);
			p += used;
		} else {
			add_byte(b, *p++);
		}
	}
}

static void add_want(struct dialogue *d, const char *key, const char *value)
{
	bool ok = true;
	if (strcmp(key, "depth") == 0)
		ok = depth_parse(value, &d->depth);
	else if (strcmp(key, "closed") == 0)
		d->is_closed = strcmp(value, "yes") == 0;
	else if (strcmp(key, "helo") == 0)
		ok = str_copy(d->helo, sizeof(d->helo), value);
	else if (strcmp(key, "mail_from") == 0)
		ok = str_copy(d->mail_from, sizeof(d->mail_from), value);
	else if (strcmp(key, "recipient_domain") == 0)
		ok = str_copy(d->domain, sizeof(d->domain), value);
	else
		ok = false;
	if (!ok)
		fail_msg("%s: want %s=%s is not understood", d->name, key, value);
}

static struct dialogue_step *step_for(struct dialogue *d, bool is_sending)
{
	struct dialogue_step *last = d->step_count ? &d->steps[d->step_count - 1] : NULL;
	if (last && (!is_sending || last->answers.len == 0))
		return last;
	assert_true(is_sending && d->step_count < DIALOGUE_STEPS_MAX);
	last = &d->steps[d->step_count++];
	*last = (struct dialogue_step){ BUF_INIT(4 << 20), BUF_INIT(1 << 20) };
	return last;
}

static void read_line(struct dialogue *d, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return;
	char *equals = strchr(line, '=');
	const char *text = strlen(line) > 3 ? line + 3 : "";
	if (strncmp(line, "want ", 5) == 0 && equals) {
		*equals = '\0';
		add_want(d, line + 5, equals + 1);
	} else if (strncmp(line, "C:", 2) == 0) {
		buf_addf(&step_for(d, true)->sends, "%s\r\n", text);
	} else if (strncmp(line, "R: ", 3) == 0) {
		add_raw(&step_for(d, true)->sends, text);
	} else if (strncmp(line, "S: ", 3) == 0) {
		buf_addf(&step_for(d, false)->answers, "%s\r\n", text);
	} else {
		fail_msg("%s: what is this: %s", d->name, line);
	}
}

static void read_file(struct dialogue *d, const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		read_line(d, line);
	fclose(f);
	assert_true(d->step_count > 0);
}

void dialogue_each(void (*run)(const struct dialogue *d, void *arg), void *arg)
{
	static const char folder[] = FMX_TEST_DATA "/smtp";
	struct dirent *entry;
	size_t count = 0;
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[1024];
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "README") == 0)
			continue;
		struct dialogue *d = xcalloc(1, sizeof(*d));
		(void)str_copy(d->name, sizeof(d->name), entry->d_name);
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		read_file(d, path);
		run(d, arg);
		for (size_t i = 0; i < d->step_count; i++) {
			buf_release(&d->steps[i].sends);
			buf_release(&d->steps[i].answers);
		}
		free(d);
		count++;
	}
	closedir(dir);
	assert_true(count > 0);
}

static void check_text(const struct dialogue *d, const char *what, const char *got,
		       const char *want)
{
	if (strcmp(got ? got : "", want) != 0)
		fail_msg("%s: %s: got \"%s\", want \"%s\"", d->name, what, got ? got : "",
			 want);
}

void dialogue_check(const struct dialogue *d, enum depth depth, const char *helo,
		    const char *mail_from, const char *domain)
{
	check_text(d, "depth", depth_name(depth), depth_name(d->depth));
	check_text(d, "helo", helo, d->helo);
	check_text(d, "mail_from", mail_from, d->mail_from);
	check_text(d, "recipient_domain", domain, d->domain);
}
