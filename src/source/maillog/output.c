#include "source/maillog/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/stamp.h"
#include "source/maillog/child.h"
#include "source/maillog/frame.h"

enum {
	ARGS_MAX = 40,
	CURSOR_MAX = 256,
	BACK_OFF_MS = 1000,
	BACK_OFF_LONGEST_MS = 60000,
	READY_MS = 2000, /* who says nothing so long has nothing to say */
	/* A command that was started says at once what it has: it is at its end when it
	 * is silent for so long, or its lines are of now; at the latest after ... */
	QUIET_MS = 500,
	QUIET_LATEST_MS = 10000
};
/* Lines of several programs are out of order, but not that much. */
#define DISORDER (5 * STAMP_SECOND)

/* A line of a command's that was read, should it come again. */
struct known {
	uint64_t hash; /* 0: none */
	int64_t told;
	unsigned run; /* the last start of the command that told it */
};

struct output {
	char *where;
	enum output_kind kind;
	int64_t since;
	lines_fn fn;
	void *arg;
	struct lines lines;
	struct tail_counts counts;
	struct child *child; /* NULL: none runs */
	bool is_following;   /* the journal was read to its end once */
	bool is_ready, is_over;
	uint64_t started_ms, start_at_ms, wait_ms, heard_ms;
	char cursor[CURSOR_MAX]; /* of the journal's last line; empty: none */
	bool is_at_cursor; /* the next line is that one again, if it is still there */
	struct error why;  /* it does not run */
	/* of a command */
	struct frame *frame;
	int64_t newest;    /* told; INT64_MIN: none */
	bool is_caught_up; /* what it had when it was started was read */
	bool is_again, has_overlap, has_missed;
	int64_t missed_from, missed_to;
	struct known known[OUTPUT_KNOWN];
	size_t known_count; /* all of them */
	unsigned runs;      /* starts of the command */
	char bytes[65536];
};

bool output_is_journal(const char *path)
{
	size_t len = strlen(OUTPUT_JOURNAL_WORD);
	return strncmp(path, OUTPUT_JOURNAL_WORD, len) == 0 &&
	       (path[len] == '\0' ||
		(path[len] == ':' && (path[len + 1] == '/' || strchr(path, '='))));
}

/* ---- lines ---- */

/* "__CURSOR" : "..."; within a text its quotes would be escaped. */
static void note_cursor(struct output *o, const char *line, size_t len)
{
	static const char key[] = "\"__CURSOR\":\"";
	const char *p = memmem(line, len, key, sizeof(key) - 1);
	if (!p)
		return;
	p += sizeof(key) - 1;
	const char *end = memchr(p, '"', (size_t)(line + len - p));
	if (!end || end - p >= CURSOR_MAX)
		return;
	memcpy(o->cursor, p, (size_t)(end - p));
	o->cursor[end - p] = '\0';
}

static struct known *find_known(struct output *o, uint64_t hash, int64_t told)
{
	for (size_t i = 0; i < OUTPUT_KNOWN; i++)
		if (o->known[i].hash == hash && o->known[i].told == told &&
		    o->known[i].run != o->runs)
			return &o->known[i];
	return NULL;
}

/* True: it was read before. */
static bool is_repeated(struct output *o, uint64_t hash, int64_t told)
{
	if (told > o->newest) {
		o->has_missed = !o->has_overlap;
		o->missed_from = o->newest;
		o->missed_to = told;
		o->is_again = false;
		return false;
	}
	struct known *k = find_known(o, hash, told);
	if (!k && told >= o->newest - DISORDER)
		return false;
	o->has_overlap = true;
	if (k)
		k->run = o->runs; /* each comes again once a start */
	return true;
}

static void on_command_line(struct output *o, const char *line, size_t len)
{
	struct logline l;
	int64_t now = stamp_now();
	bool has_stamp = frame_read(o->frame, line, len, now, &l) == FRAME_LINE;
	if (!has_stamp) {
		if (!o->is_again)
			o->fn(o->arg, line, len);
		return;
	}
	uint64_t hash = hash_bytes(line, len) | 1;
	if (o->is_again && is_repeated(o, hash, l.told))
		return;
	if (l.told > o->newest)
		o->newest = l.told;
	o->known[o->known_count++ % OUTPUT_KNOWN] =
	    (struct known){ .hash = hash, .told = l.told, .run = o->runs };
	o->fn(o->arg, line, len);
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct output *o = arg;
	o->is_ready = true;
	if (o->kind == OUTPUT_COMMAND) {
		on_command_line(o, line, len);
		return;
	}
	if (o->kind == OUTPUT_STDIN) {
		o->fn(o->arg, line, len);
		return;
	}
	char before[CURSOR_MAX];
	memcpy(before, o->cursor, sizeof(before));
	note_cursor(o, line, len);
	bool is_old = o->is_at_cursor && strcmp(before, o->cursor) == 0;
	o->is_at_cursor = false;
	if (!is_old)
		o->fn(o->arg, line, len);
}

/* ---- programs ---- */

struct args {
	const char *list[ARGS_MAX + 1];
	size_t count;
	char since[64], cursor[CURSOR_MAX + 16], folder[PATH_MAX];
	char *matches;
};

static void add(struct args *a, const char *word)
{
	if (a->count < ARGS_MAX)
		a->list[a->count++] = word;
}

static void add_matches(struct args *a, const char *where)
{
	const char *colon = strchr(where, ':');
	char *save = NULL;
	if (colon && colon[1] == '/') {
		(void)snprintf(a->folder, sizeof(a->folder), "--directory=%s", colon + 1);
		add(a, a->folder);
	}
	if (!colon || colon[1] == '/') {
		add(a, "SYSLOG_FACILITY=2"); /* LOG_MAIL of syslog(3) */
		add(a, "+");
		add(a, "_TRANSPORT=driver"); /* what journald says itself */
		return;
	}
	a->matches = xstrdup(colon + 1);
	for (char *word = strtok_r(a->matches, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		if (*word != '-') /* matches alone, no options */
			add(a, word);
}

static struct child *start_journal(struct output *o, struct error *e)
{
	struct args a = { .count = 0 };
	add(&a, "journalctl");
	add(&a, "--output=json");
	add(&a, "--no-pager");
	add(&a, "--all");
	add(&a,
	    "--output-fields=MESSAGE,_HOSTNAME,SYSLOG_IDENTIFIER,_COMM,SYSLOG_PID,_PID,"
	    "_SOURCE_REALTIME_TIMESTAMP,CONTAINER_NAME,CONTAINER_ID,"
	    "CONTAINER_PARTIAL_MESSAGE");
	if (o->is_following) {
		add(&a, "--follow");
		add(&a, "--no-tail");
	}
	if (*o->cursor) {
		(void)snprintf(a.cursor, sizeof(a.cursor), "--cursor=%s", o->cursor);
		add(&a, a.cursor);
	} else if (o->since > 0) {
		(void)snprintf(a.since, sizeof(a.since),
			       "--since=@%" PRId64 ".%06" PRId64, o->since / STAMP_SECOND,
			       o->since % STAMP_SECOND);
		add(&a, a.since);
	}
	o->is_at_cursor = *o->cursor;
	add_matches(&a, o->where);
	struct child *child = child_start(a.list, -1, e);
	free(a.matches);
	return child;
}

/* Since when it is wanted: what it said last, or what it was started for. */
static int64_t wanted(const struct output *o)
{
	int64_t t = o->newest != INT64_MIN ? o->newest - DISORDER : o->since;
	return t > 0 ? t : 0;
}

static struct child *start_command(struct output *o, struct error *e)
{
	char filled[OUTPUT_COMMAND_MAX], time[STAMP_TEXT_MAX];
	size_t n = 0;
	(void)stamp_text(wanted(o), time);
	for (const char *c = o->where; *c && n < sizeof(filled); c++) {
		const char *piece = c;
		size_t len = 1;
		if (c[0] == '%' && (c[1] == 's' || c[1] == '%')) {
			piece = *++c == 's' ? time : "%";
			len = strlen(piece);
		}
		if (n + len < sizeof(filled))
			memcpy(filled + n, piece, len);
		n += len;
	}
	if (n >= sizeof(filled)) {
		(void)error_set(e, -E2BIG, "the mail log command is longer than %d bytes",
				OUTPUT_COMMAND_MAX);
		return NULL;
	}
	filled[n] = '\0';
	const char *argv[] = { "/bin/sh", "-c", filled, NULL };
	o->is_again = o->newest != INT64_MIN;
	o->runs++;
	o->has_overlap = false;
	return child_start(argv, -1, e);
}

static int start(struct output *o, uint64_t now_ms, struct error *e)
{
	o->is_ready = o->is_caught_up = false;
	o->started_ms = o->heard_ms = now_ms;
	o->lines = (struct lines){ .fn = on_line, .arg = o };
	o->child = o->kind == OUTPUT_COMMAND ? start_command(o, e) : start_journal(o, e);
	if (o->child)
		return 0;
	o->why = *e;
	o->start_at_ms = now_ms + BACK_OFF_LONGEST_MS;
	return e->code;
}

/* ---- ends ---- */

static void end_lines(struct output *o)
{
	lines_end(&o->lines);
	o->counts.too_long += o->lines.too_long;
	o->lines.too_long = 0;
}

/* journalctl is content with that, whatever the cause. */
static int no_lines(const struct output *o, struct error *e)
{
	return error_set(e, -ENOENT,
			 "systemd's %s shows no mail program's line, or has no file that "
			 "may be read (let fakemx into the group adm or systemd-journal)",
			 o->where);
}

static int on_journal_end(struct output *o, bool is_good, const char *how,
			  struct error *e)
{
	if (is_good && o->kind == OUTPUT_JOURNAL_ONCE) {
		o->is_over = true;
		return TAIL_AT_END;
	}
	if (is_good && !o->is_following) {
		o->is_following = true;
		return TAIL_AT_END;
	}
	return error_set(e, -EIO, "systemd's %s cannot be read: journalctl %s", o->where,
			 *how ? how : "ended");
}

/* Its output is closed. */
static int on_end(struct output *o, uint64_t now_ms, struct error *e)
{
	char how[400];
	end_lines(o);
	bool ran_long = now_ms - o->started_ms >= BACK_OFF_LONGEST_MS;
	bool is_empty = o->kind == OUTPUT_JOURNAL_ONCE && o->counts.bytes == 0;
	bool is_good = child_end(o->child, how, sizeof(how));
	o->child = NULL;
	if (o->kind != OUTPUT_COMMAND) {
		int rc = is_good && is_empty ? no_lines(o, e)
					     : on_journal_end(o, is_good, how, e);
		if (rc >= 0)
			return rc;
		o->start_at_ms = now_ms + BACK_OFF_MS;
		o->why = *e;
		return rc;
	}
	if (ran_long || o->wait_ms == 0)
		o->wait_ms = BACK_OFF_MS;
	o->start_at_ms = now_ms + o->wait_ms;
	int rc =
	    error_set(e, -EPIPE, "the mail log command %s; it is started again in %u s",
		      *how ? how : "ended", (unsigned)(o->wait_ms / 1000));
	o->why = *e;
	o->wait_ms =
	    o->wait_ms * 2 < BACK_OFF_LONGEST_MS ? o->wait_ms * 2 : BACK_OFF_LONGEST_MS;
	return rc;
}

/* Nothing to read now: is that its end? journalctl has come so far when it shows the
 * last line again, or after a while if there is none. */
static int nothing_now(struct output *o, uint64_t now_ms)
{
	uint64_t since_start = now_ms - o->started_ms;
	bool waited = since_start >= READY_MS;
	if (o->kind == OUTPUT_STDIN)
		return o->is_ready || waited ? TAIL_AT_END : TAIL_WAIT;
	if (o->kind == OUTPUT_COMMAND) {
		bool is_live = o->newest >= stamp_now() - 2 * STAMP_SECOND;
		bool is_quiet = is_live || now_ms - o->heard_ms >= QUIET_MS ||
				since_start >= QUIET_LATEST_MS;
		o->is_caught_up |= o->is_ready ? is_quiet : waited;
		return o->is_caught_up ? TAIL_AT_END : TAIL_WAIT;
	}
	if (!o->is_following)
		return TAIL_WAIT;
	return o->is_ready || (!*o->cursor && waited) ? TAIL_AT_END : TAIL_WAIT;
}

static ssize_t read_some(struct output *o, size_t want)
{
	if (o->kind != OUTPUT_STDIN)
		return child_read(o->child, o->bytes, want);
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	if (poll(&in, 1, 0) <= 0)
		return -EAGAIN;
	ssize_t n = read(STDIN_FILENO, o->bytes, want);
	return n < 0 ? -errno : n;
}

int output_poll(struct output *o, uint64_t now_ms, size_t budget, struct error *e)
{
	if (o->is_over)
		return TAIL_AT_END;
	if (!o->started_ms)
		o->started_ms = now_ms;
	if (!o->child && o->kind != OUTPUT_STDIN) {
		if (now_ms < o->start_at_ms) {
			*e = o->why;
			return e->code;
		}
		int rc = start(o, now_ms, e);
		if (rc < 0)
			return rc;
	}
	while (budget > 0) {
		size_t want = budget < sizeof(o->bytes) ? budget : sizeof(o->bytes);
		ssize_t n = read_some(o, want);
		if (n == -EAGAIN || n == -EINTR)
			return nothing_now(o, now_ms);
		if (n <= 0 && o->kind == OUTPUT_STDIN) {
			end_lines(o);
			o->is_over = true;
			return TAIL_AT_END;
		}
		if (n <= 0)
			return on_end(o, now_ms, e);
		budget -= (size_t)n;
		o->heard_ms = now_ms;
		o->counts.bytes += (uint64_t)n;
		lines_give(&o->lines, o->bytes, (size_t)n);
	}
	return TAIL_MORE;
}

void output_wait(struct output *o, int ms)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	if (o->child)
		child_wait(o->child, ms);
	else
		(void)poll(&in, o->kind == OUTPUT_STDIN ? 1 : 0, ms);
}

bool output_is_over(const struct output *o)
{
	return o->is_over;
}

bool output_missed(struct output *o, int64_t *ret_from, int64_t *ret_to)
{
	bool is_new = o->has_missed;
	o->has_missed = false;
	*ret_from = o->missed_from;
	*ret_to = o->missed_to;
	return is_new;
}

struct tail_counts output_counts(const struct output *o)
{
	struct tail_counts c = o->counts;
	c.too_long += o->lines.too_long;
	return c;
}

struct output *output_new(const char *where, enum output_kind kind, int64_t since,
			  lines_fn fn, void *arg)
{
	struct output *o = xcalloc(1, sizeof(*o));
	o->where = xstrdup(where);
	o->kind = kind;
	o->since = since;
	o->fn = fn;
	o->arg = arg;
	o->newest = INT64_MIN;
	o->lines = (struct lines){ .fn = on_line, .arg = o };
	o->frame = frame_new();
	return o;
}

void output_free(struct output *o)
{
	char how[400];
	if (!o)
		return;
	if (o->child)
		(void)child_end(o->child, how, sizeof(how));
	(void)lines_drop(&o->lines);
	frame_free(o->frame);
	free(o->where);
	free(o);
}
