#include "source/maillog/journald.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-journal.h>

#include "base/mem.h"
#include "base/stamp.h"

#define LIBRARY "libsystemd.so.0"
#define FACILITY_MAIL "SYSLOG_FACILITY=2" /* LOG_MAIL of syslog(3) */

/* What we use of the library. */
struct api {
	__typeof__(sd_journal_open) *open;
	__typeof__(sd_journal_open_directory) *open_directory;
	__typeof__(sd_journal_close) *close;
	__typeof__(sd_journal_get_usage) *get_usage;
	__typeof__(sd_journal_add_match) *add_match;
	__typeof__(sd_journal_set_data_threshold) *set_data_threshold;
	__typeof__(sd_journal_seek_head) *seek_head;
	__typeof__(sd_journal_seek_realtime_usec) *seek_realtime_usec;
	__typeof__(sd_journal_wait) *wait;
	__typeof__(sd_journal_next) *next;
	__typeof__(sd_journal_get_data) *get_data;
	__typeof__(sd_journal_get_realtime_usec) *get_realtime_usec;
};

struct journald {
	char *path;
	const char *folder; /* NULL: this machine's journal */
	int64_t since;      /* where to begin, or to go on after an error */
	lines_fn fn;
	void *arg;
	void *library;
	struct api api;
	sd_journal *journal; /* NULL: not open */
	struct tail_counts counts;
	char line[LINES_MAX];
};

bool journald_is(const char *path)
{
	size_t len = strlen(JOURNALD_WORD);
	return strncmp(path, JOURNALD_WORD, len) == 0 &&
	       (path[len] == '\0' || (path[len] == ':' && path[len + 1] == '/'));
}

struct journald *journald_new(const char *path, int64_t since, lines_fn fn, void *arg)
{
	struct journald *j = xcalloc(1, sizeof(*j));
	j->path = xstrdup(path);
	j->folder = strchr(j->path, ':');
	if (j->folder)
		j->folder++;
	j->since = since;
	j->fn = fn;
	j->arg = arg;
	return j;
}

/* ---- opening ---- */

static int load(struct journald *j, struct error *e)
{
#define ROW(name)                                                                        \
	{                                                                                \
		"sd_journal_" #name, offsetof(struct api, name)                          \
	}
	static const struct {
		const char *symbol;
		size_t at;
	} rows[] = {
		ROW(open),      ROW(open_directory),     ROW(close),
		ROW(get_usage), ROW(add_match),          ROW(set_data_threshold),
		ROW(seek_head), ROW(seek_realtime_usec), ROW(wait),
		ROW(next),      ROW(get_data),           ROW(get_realtime_usec),
	};
#undef ROW
	if (j->library)
		return 0;
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return error_set(e, -ENOENT, "cannot load systemd's library: %s",
				 dlerror());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *symbol = dlsym(library, rows[i].symbol);
		if (!symbol) {
			(void)dlclose(library);
			return error_set(e, -ENOSYS, LIBRARY " has no %s",
					 rows[i].symbol);
		}
		memcpy((char *)&j->api + rows[i].at, &symbol, sizeof(symbol));
	}
	j->library = library;
	return 0;
}

static void close_journal(struct journald *j)
{
	if (j->journal)
		j->api.close(j->journal);
	j->journal = NULL;
}

static int fail(struct journald *j, int rc, struct error *e)
{
	close_journal(j);
	return error_set(e, rc, "cannot read systemd's %s: %s", j->path, strerror(-rc));
}

/* The library opens what it may, and is content with nothing. */
static int check_files(struct journald *j, struct error *e)
{
	uint64_t bytes = 0;
	int rc = j->api.get_usage(j->journal, &bytes);
	if (rc < 0)
		return fail(j, rc, e);
	if (bytes > 0)
		return 0;
	close_journal(j);
	return error_set(e, -ENOENT,
			 "systemd's %s has no file that may be read (let fakemx into the "
			 "group adm or systemd-journal)",
			 j->path);
}

static int open_journal(struct journald *j, struct error *e)
{
	int rc = load(j, e);
	if (rc < 0 || j->journal)
		return rc;
	rc = j->folder
		 ? j->api.open_directory(&j->journal, j->folder, 0)
		 : j->api.open(&j->journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (rc < 0) {
		j->journal = NULL;
		return fail(j, rc, e);
	}
	rc = check_files(j, e);
	if (rc < 0)
		return rc;
	(void)j->api.set_data_threshold(j->journal, LINES_MAX); /* a wish */
	rc = j->api.add_match(j->journal, FACILITY_MAIL, 0);
	if (rc >= 0)
		rc = j->since < 0
			 ? j->api.seek_head(j->journal)
			 : j->api.seek_realtime_usec(j->journal, (uint64_t)j->since);
	return rc < 0 ? fail(j, rc, e) : 0;
}

/* ---- reading ---- */

/* The field's text; false if the entry has none. */
static bool get(struct journald *j, const char *field, const char **ret_text,
		size_t *ret_len)
{
	const void *data;
	size_t len, name = strlen(field) + 1;
	if (j->api.get_data(j->journal, field, &data, &len) < 0 || len < name)
		return false;
	*ret_text = (const char *)data + name;
	*ret_len = len - name;
	return true;
}

/* When the program wrote it; the journal's own time is a little later. */
static int64_t time_of(struct journald *j, uint64_t arrived)
{
	const char *text;
	char digits[24];
	size_t len;
	if (!get(j, "_SOURCE_REALTIME_TIMESTAMP", &text, &len) || len >= sizeof(digits))
		return (int64_t)arrived;
	memcpy(digits, text, len);
	digits[len] = '\0';
	char *end;
	int64_t time = strtoll(digits, &end, 10);
	return time > 0 && *end == '\0' ? time : (int64_t)arrived;
}

struct field {
	const char *text;
	size_t len;
};

static struct field get_or(struct journald *j, const char *field, const char *other,
			   const char *otherwise)
{
	struct field f = { otherwise, strlen(otherwise) };
	if (!get(j, field, &f.text, &f.len))
		(void)get(j, other, &f.text, &f.len);
	return f;
}

static void add(struct journald *j, size_t *len, const char *text, size_t text_len)
{
	size_t room = sizeof(j->line) - *len;
	size_t n = text_len < room ? text_len : room;
	memcpy(j->line + *len, text, n);
	*len += n;
	j->counts.too_long += n < text_len;
}

/* A message of several lines is one entry, and stays one line. */
static size_t make_line(struct journald *j, uint64_t arrived)
{
	char stamp[STAMP_TEXT_MAX];
	size_t len = 0;
	struct field message = get_or(j, "MESSAGE", "MESSAGE", "");
	/* A text is good until the next one is asked for. */
	char *kept = xcalloc(message.len + 1, 1);
	memcpy(kept, message.text, message.len);
	for (size_t i = 0; i < message.len; i++)
		if (kept[i] == '\n' || kept[i] == '\0')
			kept[i] = ' ';
	(void)stamp_text(time_of(j, arrived), stamp);
	add(j, &len, stamp, strlen(stamp));
	struct field f = get_or(j, "_HOSTNAME", "_HOSTNAME", "localhost");
	add(j, &len, " ", 1);
	add(j, &len, f.text, f.len);
	f = get_or(j, "SYSLOG_IDENTIFIER", "_COMM", "unknown");
	add(j, &len, " ", 1);
	add(j, &len, f.text, f.len);
	f = get_or(j, "SYSLOG_PID", "_PID", "0");
	add(j, &len, "[", 1);
	add(j, &len, f.text, f.len);
	add(j, &len, "]: ", 3);
	add(j, &len, kept, message.len);
	free(kept);
	return len;
}

static int give_entry(struct journald *j, size_t *ret_len)
{
	uint64_t arrived;
	int rc = j->api.get_realtime_usec(j->journal, &arrived);
	if (rc < 0)
		return rc;
	*ret_len = make_line(j, arrived);
	j->since = (int64_t)arrived + 1;
	j->counts.bytes += *ret_len + 1;
	j->fn(j->arg, j->line, *ret_len);
	return 0;
}

int journald_poll(struct journald *j, size_t budget, struct error *e)
{
	int rc = open_journal(j, e);
	if (rc < 0)
		return rc;
	rc = j->api.wait(j->journal, 0); /* takes note of new files */
	for (size_t len = 0; rc >= 0; budget -= len) {
		rc = j->api.next(j->journal);
		if (rc == 0)
			return TAIL_AT_END;
		if (rc > 0)
			rc = give_entry(j, &len);
		if (rc >= 0 && budget <= len)
			return TAIL_MORE;
	}
	return fail(j, rc, e);
}

struct tail_counts journald_counts(const struct journald *j)
{
	return j->counts;
}

void journald_free(struct journald *j)
{
	if (!j)
		return;
	close_journal(j);
	if (j->library)
		(void)dlclose(j->library);
	free(j->path);
	free(j);
}
