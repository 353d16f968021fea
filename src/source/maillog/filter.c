#include "source/maillog/filter.h"

#include <strings.h>

#include "source/maillog/reader.h"
#include "source/maillog/words.h"

/* What one line says. */
struct verdict {
	bool is_spam;
	/* Queue id, or "<message-id>"; empty: none that is certain. Of amavis, which may
	 * know a message by the id that it got afterwards, a second one. */
	struct slice key, other;
};

/* What stands behind the only `words` in the line, up to `end`. */
static struct slice only(struct slice in, const char *words, char end)
{
	struct slice none = { in.at, in.at }, found;
	const char *p = memmem(in.at, slice_len(in), words, strlen(words));
	if (!p)
		return none;
	struct slice rest = { p + strlen(words), in.end };
	if (memmem(rest.at, slice_len(rest), words, strlen(words)) ||
	    !slice_take_until(&rest, end, &found))
		return none;
	return found;
}

/* With its brackets, as mail servers write it. */
static struct slice message_id(struct slice in, const char *words)
{
	struct slice id = only(in, words, '>');
	if (slice_len(id) == 0 || slice_is(id, "undef"))
		return (struct slice){ in.at, in.at };
	return (struct slice){ id.at - 1, id.end + 1 };
}

/* Who did not say its queue id (XFORWARD, or a filter before the queue, where there is
 * none yet) may know the one that the message was given back with. */
static void read_amavis_keys(struct slice in, struct verdict *v)
{
	struct slice before, own;
	v->key = only(in, ", Queue-ID: ", ',');
	if (slice_len(v->key))
		return;
	v->key = message_id(in, ", Message-ID: <");
	if (words_split_last(in, ", mail_id: ", &before, &own))
		v->other = only(own, ", queued_as: ", ',');
}

/* "(01234-05) Passed SPAM {RelayedTaggedInbound}, [203.0.113.9]:4711 <a@b.example>
 * -> <c@d.example>, Queue-ID: 4XYZAB, Message-ID: <m@b.example>, mail_id: 0Xb1, Hits:
 * 9.2, size: 801, queued_as: 4XYZAC, 512 ms" */
static bool read_amavis(struct slice in, struct verdict *ret_verdict)
{
	struct slice number;
	if (!slice_take(&in, '(') || !slice_take_until(&in, ')', &number) ||
	    !(slice_take_text(&in, " Passed ") || slice_take_text(&in, " Blocked ")))
		return false;
	ret_verdict->is_spam = slice_take_text(&in, "SPAM"); /* and SPAMMY */
	if (!ret_verdict->is_spam && !slice_take_text(&in, "CLEAN"))
		return false; /* a virus, a banned name: neither */
	read_amavis_keys(in, ret_verdict);
	return true;
}

/* "<ab12cd>; task; rspamd_task_write_log: id: <m@b.example>, qid: <4XYZAB>, ip:
 * 203.0.113.9, from: <a@b.example>, (default: T (add header): [9.1/15.0] ...". The
 * letter before the action (T, F, S) says how it came to it. */
static bool read_rspamd(struct slice in, struct verdict *ret_verdict)
{
	static const struct {
		const char *action;
		bool is_spam;
	} rows[] = { { "reject", true },
		     { "add header", true },
		     { "rewrite subject", true },
		     { "no action", false } };
	struct slice task, result = only(in, ", (default: ", ')');
	if (!words_find(in, "rspamd_task_write_log: id: <") ||
	    !slice_take_until(&result, '(', &task))
		return false;
	ret_verdict->key = only(in, ", qid: <", '>');
	if (slice_len(ret_verdict->key) == 0 ||
	    slice_is(ret_verdict->key, "undef")) /* behind it the sender's words begin */
		ret_verdict->key = message_id(in, "rspamd_task_write_log: id: <");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ret_verdict->is_spam = rows[i].is_spam;
		if (slice_is(result, rows[i].action))
			return true;
	}
	return false; /* greylist, soft reject: not decided */
}

/* "spamd: result: Y 11 - BAYES_99,... scantime=1.2,size=98,mid=<m@b.example>,
 * bayes=1": the pairs stand in any order. */
static bool read_spamd(struct slice in, struct verdict *ret_verdict)
{
	(void)slice_take_text(&in, "spamd: ");
	if (!slice_take_text(&in, "result: ") || in.at == in.end)
		return false;
	ret_verdict->is_spam = *in.at == 'Y';
	ret_verdict->key = only(in, ",mid=", ',');
	return true;
}

enum spam filter_header(struct slice in)
{
	static const struct {
		const char *header;
		enum spam spam;
	} rows[] = {
		{ "X-Spam-Flag: YES", SPAM_YES },   { "X-Spam-Flag: NO", SPAM_NO },
		{ "X-Spam-Status: Yes", SPAM_YES }, { "X-Spam-Status: No", SPAM_NO },
		{ "X-Spam: Yes", SPAM_YES },        { "X-Spam: No", SPAM_NO },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_len(in) >= strlen(rows[i].header) &&
		    strncasecmp(in.at, rows[i].header, strlen(rows[i].header)) == 0)
			return rows[i].spam;
	return SPAM_UNKNOWN;
}

static const struct {
	const char *program;
	bool (*read)(struct slice in, struct verdict *ret_verdict);
} rows[] = {
	{ "amavis", read_amavis },
	{ "amavisd", read_amavis },
	{ "rspamd", read_rspamd },
	{ "spamd", read_spamd },
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool is_program(const struct logline *l)
{
	for (size_t i = 0; i < ROWS; i++)
		if (slice_is(l->program, rows[i].program))
			return true;
	return false;
}

static enum maillog_says read_line(struct logsessions *t, const struct logline *l)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct verdict v = { .is_spam = false };
		if (!slice_is(l->program, rows[i].program))
			continue;
		if (!rows[i].read(l->text, &v))
			return MAILLOG_USELESS;
		logsessions_verdict(t, l->host, v.key, v.is_spam, l->time);
		if (slice_len(v.other))
			logsessions_verdict(t, l->host, v.other, v.is_spam, l->time);
		return MAILLOG_USED;
	}
	return MAILLOG_FOREIGN;
}

const struct maillog_reader reader_filter = { .name = "filter",
					      .is_program = is_program,
					      .line = read_line };
