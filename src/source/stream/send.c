/* Lines of a feed, from standard input to the stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "source/stream/stream.h"

enum { BATCH_MAX = 2000, TOLD_MAX = 64 };

static const char watermark[] = "{\"watermark\": \"";

struct sending {
	struct stream link;
	const struct stream_options *options;
	jsOptions js;
	char *lines[BATCH_MAX]; /* not acknowledged yet */
	char ids[BATCH_MAX][40];
	size_t count;
	uint64_t last_hash; /* of equal lines one behind the other, how many */
	unsigned equal;
	char told[TOLD_MAX]; /* the last watermark; "" none */
	bool has_failed;     /* one of the batch */
	bool was_said;
};

static void on_error(jsCtx *js, jsPubAckErr *e, void *arg)
{
	struct sending *s = arg;
	(void)js;
	(void)e;
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
	s->has_failed = false;
	natsStatus rc = NATS_OK;
	for (size_t i = 0; rc == NATS_OK && i < s->count; i++)
		rc = publish(s, s->lines[i], s->ids[i]);
	if (rc == NATS_OK)
		rc = js_PublishAsyncComplete(s->link.js, &options);
	if (rc != NATS_OK && !s->was_said)
		stream_say("the stream does not take what %s says: %s; trying again (is "
			   "it made? fakemx feed --setup)",
			   s->options->subject, natsStatus_GetText(rc));
	return rc == NATS_OK && !__atomic_load_n(&s->has_failed, __ATOMIC_ACQUIRE);
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
	uint64_t hash = hash_stored(line, len);
	s->equal = hash == s->last_hash ? s->equal + 1 : 0;
	s->last_hash = hash;
	(void)snprintf(s->ids[s->count], sizeof(s->ids[0]), "%016llx-%u",
		       (unsigned long long)hash, s->equal);
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

static void send_line(struct sending *s, const char *line, size_t len)
{
	bool is_watermark = strncmp(line, watermark, sizeof(watermark) - 1) == 0;
	if (is_watermark || s->count == BATCH_MAX)
		flush(s);
	add(s, line, len);
	if (!is_watermark)
		return;
	flush(s);
	note_told(s, line);
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
	flush(s);
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
			    "again (is it made? fakemx feed --setup)",
			    o->subject, natsStatus_GetText(rc));
		was_said = true;
		stream_reopen(&s, o, NULL);
	}
	stream_close(&s);
	return EXIT_SUCCESS;
}
