/* Lines of a feed, from standard input to the stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/stamp.h"
#include "source/stream/stream.h"

enum { BATCH_MAX = 2000, TOLD_MAX = 64 };

/* A feed tells a watermark each second. Of those with nothing between them the stream
 * keeps one in so long: a silent host would fill it with 86,400 a day. */
#define QUIET (5 * STAMP_SECOND)

static const char watermark[] = "{\"watermark\": \"";

struct sending {
	struct stream link;
	const struct stream_options *options;
	jsOptions js;
	char *lines[BATCH_MAX]; /* not acknowledged yet */
	char ids[BATCH_MAX][40];
	size_t count;
	/* What ids are made of. Another run's lines are never taken for ours: it says
	 * from when on it repeats, and judges know what they were given. Were one of two
	 * equal visits left out by the stream, the other would be taken for it. */
	uint64_t run, number;
	char told[TOLD_MAX]; /* the last watermark; "" none */
	int64_t told_at;     /* when it was sent */
	char *quiet;         /* one that was left out since; NULL: none */
	bool is_after_watermark;
	/* The first of the batch that failed, and why. */
	bool is_failing, has_failed;
	natsStatus failure;
	char failure_text[128];
	bool was_said;
};

/* On the library's thread. */
static void on_error(jsCtx *js, jsPubAckErr *e, void *arg)
{
	struct sending *s = arg;
	(void)js;
	if (__atomic_exchange_n(&s->is_failing, true, __ATOMIC_ACQ_REL))
		return;
	s->failure = e->Err;
	(void)snprintf(s->failure_text, sizeof(s->failure_text), "%s",
		       e->Err == NATS_ERR && e->ErrText ? e->ErrText : "");
	__atomic_store_n(&s->has_failed, true, __ATOMIC_RELEASE);
}

static natsStatus publish(struct sending *s, const char *line, const char *id)
{
	natsMsg *m = NULL;
	jsPubOptions options;
	(void)jsPubOptions_Init(&options);
	options.MsgId = *id ? id : NULL;
	natsStatus rc =
	    natsMsg_Create(&m, s->options->subject, NULL, line, (int)strlen(line));
	if (rc == NATS_OK && *s->told)
		rc = natsMsgHeader_Set(m, STREAM_TOLD, s->told);
	if (rc == NATS_OK)
		rc = js_PublishMsgAsync(s->link.js, &m, &options);
	natsMsg_Destroy(m); /* NULL once it was taken */
	return rc;
}

static bool publish_all(struct sending *s)
{
	jsPubOptions options;
	(void)jsPubOptions_Init(&options);
	options.MaxWait = STREAM_WAIT_MS;
	s->is_failing = s->has_failed = false;
	natsStatus rc = NATS_OK;
	for (size_t i = 0; rc == NATS_OK && i < s->count; i++)
		rc = publish(s, s->lines[i], s->ids[i]);
	if (rc == NATS_OK)
		rc = js_PublishAsyncComplete(s->link.js, &options);
	bool has_failed = __atomic_load_n(&s->has_failed, __ATOMIC_ACQUIRE);
	if ((rc != NATS_OK || has_failed) && !s->was_said)
		stream_say("the stream does not take what %s says: %s; trying again",
			   s->options->subject,
			   has_failed && *s->failure_text ? s->failure_text
			   : has_failed                   ? stream_why(s->failure)
							  : stream_why(rc));
	return rc == NATS_OK && !has_failed;
}

/* Until all of the batch is acknowledged, with the same ids each time: the log is the
 * spool. */
static void flush(struct sending *s)
{
	while (s->count > 0 && !publish_all(s)) {
		s->was_said = true;
		stream_reopen(&s->link, s->options, &s->js);
	}
	if (s->was_said)
		stream_say("the stream takes what %s says", s->options->subject);
	s->was_said = false;
	for (size_t i = 0; i < s->count; i++)
		free(s->lines[i]);
	s->count = 0;
}

static void add(struct sending *s, const char *line, size_t len)
{
	(void)snprintf(s->ids[s->count], sizeof(s->ids[0]), "%016llx-%llu",
		       (unsigned long long)s->run, (unsigned long long)s->number++);
	s->lines[s->count] = strndup(line, len);
	if (!s->lines[s->count])
		abort();
	s->count++;
}

/* Of {"watermark": "TIME", "host": ...}: TIME, for who goes on after us. */
static void note_told(struct sending *s, const char *line)
{
	const char *time = line + sizeof(watermark) - 1;
	size_t len = strcspn(time, "\"");
	if (len < sizeof(s->told)) {
		memcpy(s->told, time, len);
		s->told[len] = '\0';
	}
}

static void send_watermark(struct sending *s, const char *line, size_t len)
{
	flush(s);
	add(s, line, len);
	flush(s);
	note_told(s, line);
	s->told_at = stamp_monotonic();
}

static void keep_quiet(struct sending *s, const char *line, size_t len)
{
	free(s->quiet);
	s->quiet = line ? strndup(line, len) : NULL;
	if (line && !s->quiet)
		abort();
}

static void send_line(struct sending *s, const char *line, size_t len)
{
	bool is_watermark = strncmp(line, watermark, sizeof(watermark) - 1) == 0;
	bool is_quiet = is_watermark && s->is_after_watermark &&
			stamp_monotonic() - s->told_at < QUIET;
	keep_quiet(s, is_quiet ? line : NULL, len);
	s->is_after_watermark = is_watermark;
	if (is_quiet)
		return;
	if (is_watermark) {
		send_watermark(s, line, len);
		return;
	}
	if (s->count == BATCH_MAX)
		flush(s);
	add(s, line, len);
}

int stream_send(const struct stream_options *o)
{
	struct sending *s = calloc(1, sizeof(*s));
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	if (!s)
		abort();
	s->options = o;
	if (getrandom(&s->run, sizeof(s->run), 0) != sizeof(s->run))
		abort(); /* so few bytes always come */
	(void)jsOptions_Init(&s->js);
	s->js.PublishAsync.MaxPending = BATCH_MAX;
	s->js.PublishAsync.ErrHandler = on_error;
	s->js.PublishAsync.ErrHandlerClosure = s;
	if (!stream_open(&s->link, o, &s->js)) {
		free(s);
		return EXIT_FAILURE;
	}
	while ((len = getline(&line, &size, stdin)) > 0) {
		if (line[len - 1] == '\n')
			len--;
		if (len <= STREAM_LINE_MAX)
			send_line(s, line, (size_t)len);
	}
	if (s->quiet)
		send_watermark(s, s->quiet, strlen(s->quiet));
	flush(s);
	free(s->quiet);
	free(line);
	stream_close(&s->link);
	free(s);
	return EXIT_SUCCESS;
}

static natsStatus ask_last(const struct stream *s, const char *subject)
{
	natsMsg *m = NULL;
	const char *told = NULL;
	natsStatus rc = js_GetLastMsg(&m, s->js, STREAM_NAME, subject, NULL, NULL);
	if (rc == NATS_OK && natsMsgHeader_Get(m, STREAM_TOLD, &told) == NATS_OK && told)
		(void)puts(told);
	natsMsg_Destroy(m);
	return rc == NATS_NOT_FOUND ? NATS_OK : rc;
}

int stream_last(const struct stream_options *o)
{
	struct stream s;
	natsStatus rc;
	bool was_said = false;
	if (!stream_open(&s, o, NULL))
		return EXIT_FAILURE;
	while ((rc = ask_last(&s, o->subject)) != NATS_OK) {
		if (!was_said)
			stream_say(
			    "cannot ask the stream how far %s was sent: %s; trying "
			    "again",
			    o->subject, stream_why(rc));
		was_said = true;
		stream_reopen(&s, o, NULL);
	}
	stream_close(&s);
	return EXIT_SUCCESS;
}
