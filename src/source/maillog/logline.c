#include "source/maillog/logline.h"

/* Up to the end of "postfix/smtpd[123]: " or "exim: ". Without tag the whole
 * rest is text. */
static void read_tag(struct slice in, struct logline *l)
{
	const char *p = in.at;
	struct slice pid;
	while (p < in.end && *p != '[' && *p != ':' && *p != ' ')
		p++;
	if (p == in.end || p == in.at || *p == ' ')
		return;
	struct slice rest = { p, in.end };
	pid = (struct slice){ p, p };
	if (slice_take(&rest, '[') && !slice_take_until(&rest, ']', &pid))
		return;
	const char *end = rest.at;
	if (!slice_take_text(&rest, ": "))
		return;
	l->tag = (struct slice){ in.at, p };
	l->pid = pid;
	l->process = (struct slice){ in.at, end };
	l->text = rest;
	const char *slash = memrchr(in.at, '/', slice_len(l->tag));
	l->program = (struct slice){ slash ? slash + 1 : in.at, p };
}

bool logline_read(struct logtime *times, const char *line, size_t len, int64_t now,
		  struct logline *ret_line)
{
	static const char exim[] = LOGLINE_EXIM;
	struct slice in = { line, line + len }, host;
	struct logline *l = ret_line;
	if (logtime_read_local(times, &in, &l->time, &l->precision_us)) {
		l->host = l->pid = (struct slice){ in.at, in.at };
		l->tag = (struct slice){ exim, exim + sizeof(exim) - 1 };
		l->program = l->process = l->tag;
		l->text = in;
		return true;
	}
	if (!logtime_read(times, &in, now, &l->time, &l->precision_us) ||
	    !slice_take_until(&in, ' ', &host))
		return false;
	l->host = host;
	l->tag = l->program = l->pid = l->process = (struct slice){ in.at, in.at };
	l->text = in;
	read_tag(in, l);
	return true;
}
