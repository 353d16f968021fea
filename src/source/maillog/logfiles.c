#include "source/maillog/logfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "source/maillog/frame.h"
#include "source/maillog/lines.h"
#include "source/maillog/output.h"
#include "source/maillog/unpack.h"

enum { PIECE = 1 << 18, HEAD = 1 << 16 };

/* A time of change before this is none: some archives keep no times. */
#define TIMES_BEGIN (INT64_C(946684800) * STAMP_SECOND) /* 2000-01-01 */

struct file {
	const char *path;
	size_t place; /* as given */
	bool is_regular;
	bool is_again; /* the same file was named before, and is read once */
	dev_t device;
	ino_t inode;
	uint64_t size;
	int64_t changed; /* of a regular file; else now */
	int64_t first;   /* stamp in it; INT64_MIN: none */
};

struct reading {
	const struct logfiles_hooks *hooks;
	struct logfiles_counts *counts;
	struct lines lines;
	uint64_t done, total; /* done: of the files before */
	char *piece;
};

static int cannot_open(const char *path, int error, struct error *e)
{
	return error_cannot_read(
	    e, error, path,
	    "Mail servers write to /var/log/mail.log, /var/log/maillog or "
	    "/var/log/exim4/mainlog. Where there is none of these, say `journal`, which "
	    "is systemd's; a container's is read by `docker logs CONTAINER | fakemx "
	    "visits --maillog -`",
	    "Mail logs are as a rule for root and the group adm");
}

static int open_file(const char *path, struct unpack **ret_in, struct error *e)
{
	int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
					: open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return cannot_open(path, errno, e);
	*ret_in = unpack_new(fd, path);
	return 0;
}

/* Packing and copying may have made the file younger than its lines; what gzip
 * noted is the time of what it packed. */
static int64_t latest_of(const struct file *f, const struct unpack *in)
{
	int64_t packed = unpack_time(in) * STAMP_SECOND;
	return packed >= TIMES_BEGIN && packed < f->changed ? packed : f->changed;
}

/* ---- the order of time ---- */

struct heading {
	struct frame *frame;
	int64_t latest, first;
};

static void on_head_line(void *arg, const char *line, size_t len)
{
	struct heading *h = arg;
	struct logline l;
	if (h->first == INT64_MIN &&
	    frame_read(h->frame, line, len, h->latest, &l) == FRAME_LINE)
		h->first = l.time;
}

static int find_first(struct file *f, char *piece, struct error *e)
{
	struct unpack *in = NULL;
	struct heading h = { .first = INT64_MIN };
	h.frame = frame_new();
	struct lines lines = { .fn = on_head_line, .arg = &h };
	int rc = open_file(f->path, &in, e);
	if (rc < 0) {
		frame_free(h.frame);
		return rc;
	}
	/* Damage is told where the file is read; what comes before it is read. */
	ssize_t n = unpack_read(in, piece, HEAD, NULL);
	h.latest = latest_of(f, in);
	if (n > 0)
		lines_give(&lines, piece, (size_t)n);
	(void)lines_drop(&lines);
	unpack_free(in);
	frame_free(h.frame);
	f->first = h.first;
	return 0;
}

static int compare_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static int look_at_file(struct file *f, struct error *e)
{
	struct stat st;
	f->changed = stamp_now();
	if (output_is_journal(f->path))
		return 0;
	int rc =
	    strcmp(f->path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(f->path, &st);
	if (rc != 0)
		return cannot_open(f->path, errno, e);
	f->is_regular = S_ISREG(st.st_mode);
	if (!f->is_regular)
		return 0;
	f->device = st.st_dev;
	f->inode = st.st_ino;
	f->size = (uint64_t)st.st_size;
	int64_t changed = st.st_mtim.tv_sec * STAMP_SECOND;
	if (changed >= TIMES_BEGIN && changed < f->changed)
		f->changed = changed;
	return 0;
}

/* As by `mail.log mail.log*`: no visit happened twice. */
static bool is_again(const struct file *files, size_t i)
{
	const struct file *f = &files[i];
	for (size_t k = 0; k < i; k++)
		if (f->is_regular ? files[k].is_regular && files[k].device == f->device &&
					files[k].inode == f->inode
				  : output_is_journal(f->path) &&
					strcmp(files[k].path, f->path) == 0)
			return true;
	return false;
}

static int put_in_order(struct file *files, size_t count, char *piece,
			uint64_t *ret_total, struct error *e)
{
	uint64_t total = 0;
	bool are_regular = true;
	for (size_t i = 0; i < count; i++) {
		int rc = look_at_file(&files[i], e);
		if (rc < 0)
			return rc;
		files[i].is_again = is_again(files, i);
		total += files[i].is_again ? 0 : files[i].size;
		are_regular =
		    are_regular && files[i].is_regular && strcmp(files[i].path, "-") != 0;
	}
	*ret_total = are_regular ? total : 0;
	if (!are_regular || count < 2)
		return 0;
	for (size_t i = 0; i < count; i++) {
		int rc = find_first(&files[i], piece, e);
		if (rc < 0)
			return rc;
	}
	qsort(files, count, sizeof(*files), compare_first);
	return 0;
}

/* ---- reading ---- */

enum { STOPPED = TAIL_WAIT + 1 };

/* All lines of one file. */
static int give_lines(struct reading *r, const struct file *f, struct unpack *in,
		      struct error *e)
{
	const struct logfiles_hooks *hooks = r->hooks;
	bool has_begun = false;
	for (;;) {
		ssize_t n = unpack_read(in, r->piece, PIECE, e);
		if (n < 0)
			return (int)n;
		if (!has_begun)
			hooks->begin(hooks->arg, f->path, latest_of(f, in));
		has_begun = true;
		if (n == 0)
			return 0;
		r->counts->bytes += (uint64_t)n;
		lines_give(&r->lines, r->piece, (size_t)n);
		if (!hooks->pause(hooks->arg, r->done + unpack_taken(in), r->total))
			return STOPPED;
	}
}

/* A little earlier than wanted: a session that is joined in its middle would
 * look as if it began there. */
static int give_journal(struct reading *r, const struct file *f, struct error *e)
{
	const struct logfiles_hooks *hooks = r->hooks;
	int64_t since = hooks->since < STAMP_HOUR ? INT64_MIN : hooks->since - STAMP_HOUR;
	struct output *o =
	    output_new(f->path, OUTPUT_JOURNAL_ONCE, since, hooks->line, hooks->arg);
	int rc = TAIL_MORE;
	hooks->begin(hooks->arg, f->path, f->changed);
	while (rc == TAIL_MORE || rc == TAIL_WAIT) {
		if (rc == TAIL_WAIT)
			output_wait(o, -1);
		rc = output_poll(o, 0, PIECE, e);
		if (rc >= 0 &&
		    !hooks->pause(hooks->arg, r->done + output_counts(o).bytes, 0))
			rc = STOPPED;
	}
	r->done += output_counts(o).bytes;
	r->counts->bytes += output_counts(o).bytes;
	r->counts->too_long += output_counts(o).too_long;
	output_free(o);
	return rc;
}

static int read_file(struct reading *r, const struct file *f, struct error *e)
{
	struct unpack *in = NULL;
	int rc;
	if (output_is_journal(f->path)) {
		rc = give_journal(r, f, e);
		return rc ? rc : r->hooks->end(r->hooks->arg, f->path, e);
	}
	rc = open_file(f->path, &in, e);
	if (rc < 0)
		return rc;
	rc = give_lines(r, f, in, e);
	if (rc >= 0)
		lines_end(&r->lines);
	else
		(void)lines_drop(&r->lines);
	r->done += unpack_taken(in);
	unpack_free(in);
	return rc ? rc : r->hooks->end(r->hooks->arg, f->path, e);
}

int logfiles_read(char *const *files, size_t count, const struct logfiles_hooks *hooks,
		  struct logfiles_counts *ret_counts, struct error *e)
{
	struct reading r = { .hooks = hooks, .counts = ret_counts };
	struct file *ordered = xcalloc(count + 1, sizeof(*ordered));
	r.lines = (struct lines){ .fn = hooks->line, .arg = hooks->arg };
	r.piece = xcalloc(PIECE, 1);
	*ret_counts = (struct logfiles_counts){ .bytes = 0 };
	for (size_t i = 0; i < count; i++)
		ordered[i] = (struct file){ .path = files[i], .place = i };

	int rc = put_in_order(ordered, count, r.piece, &r.total, e);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = ordered[i].is_again ? 0 : read_file(&r, &ordered[i], e);
	ret_counts->too_long += r.lines.too_long;
	free(r.piece);
	free(ordered);
	return rc < 0 ? rc : 0;
}
