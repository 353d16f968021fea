#include "look/reply.h"

#include <assert.h>
#include <string.h>

void reply_init(struct reply *r)
{
	/* The line buffer is left as it is: line_len says what counts. */
	r->code = 0;
	r->lines = 0;
	r->ended = false;
	r->previous_cr = false;
	r->line_len = 0;
	r->text[0] = '\0';
	r->keywords[0] = '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

/* What came, for people: also when it is not SMTP and has no end. */
static void keep_text(struct reply *r)
{
	size_t n = r->line_len < sizeof(r->text) - 1 ? r->line_len : sizeof(r->text) - 1;
	for (size_t i = 0; i < n; i++)
		r->text[i] = printable(r->line[i]);
	r->text[n] = '\0';
}

static void keep_keyword(struct reply *r)
{
	size_t used = strlen(r->keywords);
	size_t at = 4;
	if (used + 1 >= sizeof(r->keywords))
		return;
	char *to = r->keywords + used;
	char *end = r->keywords + sizeof(r->keywords) - 1;
	if (used > 0)
		*to++ = ' ';
	char *word = to;
	while (at < r->line_len && r->line[at] != ' ' && r->line[at] != '=' && to < end) {
		char c = printable(r->line[at++]);
		*to++ = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	bool fitted = at >= r->line_len || r->line[at] == ' ' || r->line[at] == '=';
	r->keywords[fitted && to > word ? (size_t)(to - r->keywords) : used] = '\0';
}

/* The code that begins a line, or 0: RFC 5321 4.2, 200 to 599. */
static unsigned code_of(const struct reply *r)
{
	const char *l = r->line;
	if (r->line_len < 3 || l[0] < '2' || l[0] > '5')
		return 0;
	if (!is_digit(l[1]) || !is_digit(l[2]))
		return 0;
	if (r->line_len > 3 && l[3] != ' ' && l[3] != '-')
		return 0;
	return (unsigned)(l[0] - '0') * 100 + (unsigned)(l[1] - '0') * 10 +
	       (unsigned)(l[2] - '0');
}

static enum reply_progress end_line(struct reply *r)
{
	bool is_first = r->lines == 0;
	unsigned code = code_of(r);
	if (is_first)
		keep_text(r);
	if (code == 0 || (!is_first && code != r->code))
		return REPLY_BAD;
	r->code = code;
	if (!is_first)
		keep_keyword(r);
	if (++r->lines > REPLY_LINES_MAX)
		return REPLY_BAD;
	r->ended = r->line_len == 3 || r->line[3] == ' ';
	r->line_len = 0;
	return r->ended ? REPLY_DONE : REPLY_MORE;
}

enum reply_progress reply_feed(struct reply *r, const char *data, size_t len,
			       size_t *ret_used)
{
	assert(!r->ended);
	for (size_t i = 0; i < len; i++) {
		/* LF alone ends a line too: servers that do so are in use. */
		if (data[i] == '\n') {
			if (r->previous_cr)
				r->line_len--;
			r->previous_cr = false;
			enum reply_progress p = end_line(r);
			if (p != REPLY_MORE) {
				*ret_used = i + 1;
				return p;
			}
			continue;
		}
		if (r->line_len == sizeof(r->line)) {
			if (r->lines == 0)
				keep_text(r);
			*ret_used = i;
			return REPLY_BAD;
		}
		r->line[r->line_len++] = data[i];
		r->previous_cr = data[i] == '\r';
	}
	*ret_used = len;
	return REPLY_MORE;
}

bool reply_has_keyword(const struct reply *r, const char *keyword)
{
	size_t len = strlen(keyword);
	for (const char *k = r->keywords; *k;) {
		size_t n = strcspn(k, " ");
		if (n == len && memcmp(k, keyword, n) == 0)
			return true;
		k += n + (k[n] == ' ');
	}
	return false;
}
