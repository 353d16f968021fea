#include "cli/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { CHUNK = 64 * 1024 };

struct names {
	uv_poll_t poll; /* pipes, terminals, sockets; not files */
	bool has_poll, is_waiting, is_ended;
	bool has_line; /* not the first any more */
	int fd;
	void (*more)(void *arg);
	void *arg;
	char failure[128];
	size_t at, len;  /* of the chunk */
	size_t line_len; /* of a line that went over the end of a chunk */
	char line[NAMES_LINE_MAX];
	char chunk[CHUNK];
};

static void read_chunk(struct names *n)
{
	ssize_t got;
	do
		got = read(n->fd, n->chunk, sizeof(n->chunk));
	while (got < 0 && errno == EINTR);
	n->at = 0;
	n->len = got > 0 ? (size_t)got : 0;
	if (got <= 0)
		n->is_ended = true;
	if (got < 0)
		(void)str_copy(n->failure, sizeof(n->failure), strerror(errno));
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct names *n = p->data;
	(void)status, (void)events; /* read(2) tells what happened */
	n->is_waiting = false;
	(void)uv_poll_stop(p);
	read_chunk(n);
	n->more(n->arg);
}

/* Files answer at once. A pipe that has nothing yet must not stop the loop;
 * made non-blocking it would be so for its other users too, hence the poll. */
static void read_more(struct names *n)
{
	if (n->is_ended || n->is_waiting)
		return;
	if (!n->has_poll) {
		read_chunk(n);
		return;
	}
	n->is_waiting = uv_poll_start(&n->poll, UV_READABLE, on_readable) == 0;
	n->is_ended = !n->is_waiting;
}

int names_open(uv_loop_t *loop, const char *path, void (*more)(void *arg), void *arg,
	       struct names **ret_names, struct error *e)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_cannot_read(e, errno, path,
					 "--from needs a file with a domain a line, or - "
					 "for standard input",
					 NULL);
	struct names *n = xcalloc(1, sizeof(*n));
	n->fd = fd;
	n->more = more;
	n->arg = arg;
	n->poll.data = n;
	n->has_poll = !S_ISREG(st.st_mode) && uv_poll_init(loop, &n->poll, fd) == 0;
	*ret_names = n;
	return 0;
}

/* The end of a line: true if there is a name in it. */
static bool end_line(struct names *n, char line[NAMES_LINE_MAX])
{
	const char *text = n->line + (n->has_line ? 0 : utf8_mark(n->line, n->line_len));
	n->has_line = true;
	n->line[n->line_len] = '\0';
	n->line_len = 0;
	n->line[strcspn(n->line, "#")] = '\0';
	if (text[strspn(text, " \t\r")] == '\0')
		return false;
	(void)str_copy(line, NAMES_LINE_MAX, text);
	return true;
}

bool names_take(struct names *n, char line[NAMES_LINE_MAX])
{
	for (;;) {
		while (n->at < n->len) {
			char c = n->chunk[n->at++];
			if (c == '\n') {
				if (end_line(n, line))
					return true;
			} else if (n->line_len < sizeof(n->line) - 1) {
				/* A NUL would hide the rest, and is in no name. */
				n->line[n->line_len++] = c ? c : '?';
			}
		}
		if (n->is_ended)
			return n->line_len > 0 && end_line(n, line);
		read_more(n);
		if (n->is_waiting)
			return false;
	}
}

bool names_ended(const struct names *n)
{
	return n->is_ended && n->at == n->len && n->line_len == 0;
}

const char *names_failure(const struct names *n)
{
	return n->failure;
}

static void release(uv_handle_t *h)
{
	struct names *n = h->data;
	if (n->fd != STDIN_FILENO)
		close(n->fd);
	free(n);
}

void names_close(struct names *n)
{
	if (n->has_poll)
		uv_close((uv_handle_t *)&n->poll, release);
	else
		release((uv_handle_t *)&n->poll);
}
