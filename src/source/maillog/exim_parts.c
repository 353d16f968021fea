#include "source/maillog/exim_parts.h"

#include "source/maillog/words.h"

enum { LASTED_PART_MAX = 100000 };

/* Is there a second place where a HELO might end? */
static bool has_another_host(struct slice in)
{
	const char *p;
	while ((p = memmem(in.at, slice_len(in), ") [", 3)) != NULL) {
		struct slice rest = { p + 2, in.end };
		struct addr a;
		if (words_address(&rest, &a, NULL))
			return true;
		in.at = p + 1;
	}
	return false;
}

/* "(helo) " */
static bool read_helo(struct slice *in, struct said *d)
{
	const char *end;
	if (!slice_take(in, '(') || !(end = memmem(in->at, slice_len(*in), ") [", 3)))
		return false;
	d->helo = (struct slice){ in->at, end };
	in->at = end + 2;
	return true;
}

/* " I=[address]:port", " Ci=N", in any order. */
static void read_connection_marks(struct slice *in, struct said *d)
{
	for (;;) {
		struct slice rest = *in;
		if (slice_take_text(&rest, " I=") &&
		    words_address(&rest, &d->local, &d->local_port)) {
			*in = rest;
		} else if (slice_take_text(in, " Ci=")) {
			while (in->at < in->end && *in->at != ' ')
				in->at++;
		} else {
			return;
		}
	}
}

/* "name (helo) [address]:port I=[address]:port", of which only the address must be
 * there. */
bool exim_read_host(struct slice *in, struct said *d)
{
	struct slice rest = *in, name;
	if (rest.at < rest.end && *rest.at != '[' && *rest.at != '(') {
		if (!slice_take_until(&rest, ' ', &name) ||
		    memchr(name.at, '[', slice_len(name)) ||
		    memchr(name.at, '(', slice_len(name)))
			return false;
		d->name = name;
	}
	bool has_helo = rest.at < rest.end && *rest.at == '(';
	if ((has_helo && !read_helo(&rest, d)) ||
	    !words_address(&rest, &d->client, &d->port) ||
	    (has_helo && has_another_host(rest)))
		return false;
	read_connection_marks(&rest, d);
	*in = rest;
	return true;
}

/* "1m", ".008s"; false at the end. */
static bool read_duration_part(struct slice *in, int64_t *sum, int64_t *precision)
{
	static const struct {
		char unit;
		int64_t us;
	} units[] = { { 'd', STAMP_DAY },
		      { 'h', STAMP_HOUR },
		      { 'm', STAMP_MINUTE },
		      { 's', STAMP_SECOND } };
	uint32_t n, fraction = 0;
	if (!words_number(in, &n) || n > LASTED_PART_MAX)
		return false;
	const char *dot = in->at;
	if (slice_take(in, '.')) {
		if (!words_number(in, &fraction) || in->at - dot != 4)
			return false;
		*precision = STAMP_MILLISECOND;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (slice_take(in, units[i].unit)) {
			*sum += n * units[i].us + fraction * STAMP_MILLISECOND;
			return *sum <= STAMP_DAY;
		}
	}
	return false;
}

/* " D=0s", " D=1m20s", " D=0.008s" behind Exim's own words; a client's would be
 * in quotes or angle brackets. */
void exim_read_lasted(struct slice in, struct said *d)
{
	const char *p = memmem(in.at, slice_len(in), " D=", 3);
	int64_t sum = 0, precision = STAMP_SECOND;
	if (!p || memchr(in.at, '<', (size_t)(p - in.at)) ||
	    memchr(in.at, '"', (size_t)(p - in.at)))
		return;
	in.at = p + 3;
	while (read_duration_part(&in, &sum, &precision)) {
		d->lasted = sum;
		d->lasted_precision = precision;
	}
}

/* " TFO*", " L.", " K": of the connection, without a value. */
static bool take_mark(struct slice *in)
{
	static const char *const marks[] = { "TFO* ", "TFO ", "L* ", "L- ",
					     "L. ",   "L ",   "K " };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (slice_take_text(in, marks[i])) {
			in->at--;
			return true;
		}
	return false;
}

/* What stands between the host and what happened: "X=TLS1.3:... CV=no A=plain:me
 * F=<sender>". */
bool exim_read_fields(struct slice *in, struct said *d)
{
	while (slice_take(in, ' ')) {
		if (take_mark(in))
			continue;
		struct slice field = *in, value;
		while (field.at < field.end && *field.at >= 'A' && *field.at <= 'Z')
			field.at++;
		if (field.at == in->at || !slice_take(&field, '='))
			return true;
		char key = *in->at;
		bool is_short = field.at - in->at == 2;
		if (is_short && key == 'F') {
			if (!slice_take(&field, '<') ||
			    !words_mailbox(&field, '>', &d->from))
				return false;
		} else {
			if (!words_mailbox(&field, ' ', &value))
				return false;
			field.at--; /* the blank is the next one's */
			d->is_user = d->is_user || (is_short && key == 'A');
		}
		*in = field;
	}
	return true;
}

/* The front */

/* A split line's first part goes on, the others do not. */
static bool read_part(struct slice *in)
{
	struct slice rest = *in;
	uint32_t part, parts;
	if (!slice_take(&rest, '[') || !words_number(&rest, &part) ||
	    !(slice_take(&rest, '/') || slice_take(&rest, '\\')) ||
	    !words_number(&rest, &parts) || !slice_take_text(&rest, "] "))
		return true;
	*in = rest;
	return part == 1;
}

static bool is_like(const char *p, const char *form)
{
	for (; *form; p++, form++)
		if (*form == '0' ? !words_is_digit(*p) : *p != *form)
			return false;
	return true;
}

/* The stamp in the line of syslog's; its own is as good. */
static void skip_stamp(struct slice *in)
{
	static const char *const forms[] = { "0000-00-00 00:00:00", ".000", " +0000",
					     " -0000", " " };
	if (slice_len(*in) < strlen(forms[0]) || !is_like(in->at, forms[0]))
		return;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (slice_len(*in) >= strlen(forms[i]) && is_like(in->at, forms[i]))
			in->at += strlen(forms[i]);
}

/* "1xVYFs-00000i-1c ", since Exim 4.97 "1xVYFs-000000001yz-1cAb " */
static void read_id(struct slice *in, struct said *d)
{
	struct slice rest = *in, id;
	int dashes = 0;
	if (!slice_take_until(&rest, ' ', &id) ||
	    (slice_len(id) != 16 && slice_len(id) != 23))
		return;
	for (const char *p = id.at; p < id.end; p++) {
		if (*p == '-')
			dashes++;
		else if (!words_is_digit(*p) && !words_is_letter(*p))
			return;
	}
	if (dashes != 2 || id.at[6] != '-')
		return;
	d->id = id;
	*in = rest;
}

static void read_pid(struct slice *in, struct said *d)
{
	struct slice rest = *in, pid = d->front->pid;
	if (slice_take(&rest, '[') && words_number(&rest, &d->pid) &&
	    slice_take_text(&rest, "] "))
		*in = rest;
	else if (!words_number(&pid, &d->pid))
		d->pid = 0;
}

bool exim_read_front(struct slice *in, struct said *d)
{
	if (!read_part(in))
		return false;
	skip_stamp(in);
	read_pid(in, d);
	read_id(in, d);
	(void)slice_take(in, ' '); /* in front of "DS" */
	return true;
}
