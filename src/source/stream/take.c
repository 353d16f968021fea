/* The stream's messages, in order, to standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/stamp.h"
#include "source/stream/stream.h"

/* Hosts tell a watermark about each second: after SILENT_MOST without any line another
 * connection is tried. */
enum { FETCH = 500, FETCH_MS = 1000, SILENT_MOST = 30 };
#define KEPT_NS (INT64_C(3600) * 1000 * 1000 * 1000) /* a consumer that nobody uses */

struct taking {
	struct stream link;
	const struct stream_options *options;
	natsSubscription *subscription;
	uint64_t last;     /* sequence in the stream that was given */
	uint64_t consumed; /* sequence in the consumer */
	unsigned silent;   /* fetches without a message */
	bool was_said;
};

/* From the next message on. A consumer that was there might still owe an earlier one. */
static bool subscribe(struct taking *t)
{
	jsSubOptions options;
	natsSubscription_Destroy(t->subscription);
	t->subscription = NULL;
	(void)js_DeleteConsumer(t->link.js, STREAM_NAME, t->options->durable, NULL, NULL);
	(void)jsSubOptions_Init(&options);
	options.Stream = STREAM_NAME;
	options.Config.DeliverPolicy = js_DeliverByStartSequence;
	options.Config.OptStartSeq = t->last + 1;
	options.Config.InactiveThreshold = KEPT_NS;
	t->consumed = 0;
	natsStatus rc =
	    js_PullSubscribe(&t->subscription, t->link.js, t->options->subject,
			     t->options->durable, NULL, &options, NULL);
	if (rc != NATS_OK && !t->was_said)
		stream_say("cannot read the stream: %s; trying again (is it made? fakemx "
			   "feed --setup)",
			   natsStatus_GetText(rc));
	t->was_said = rc != NATS_OK;
	return rc == NATS_OK;
}

/* False: it does not follow, what was between must be asked for again. */
static bool give(struct taking *t, natsMsg *m)
{
	jsMsgMetaData *at = NULL;
	if (natsMsg_GetMetaData(&at, m) != NATS_OK)
		return false;
	uint64_t sequence = at->Sequence.Stream;
	char stored[STAMP_TEXT_MAX];
	(void)stamp_text(at->Timestamp / 1000, stored);
	bool follows = at->Sequence.Consumer == t->consumed + 1;
	jsMsgMetaData_Destroy(at);
	if (sequence <= t->last)
		return true; /* given already */
	if (!follows)
		return false;
	t->consumed++;
	uint64_t missing = sequence - t->last - 1;
	int len = natsMsg_GetDataLength(m);
	const char *line = natsMsg_GetData(m);
	bool is_object = len > 2 && line[0] == '{';
	(void)printf("{\"sequence\": %" PRIu64 ", \"missing\": %" PRIu64
		     ", \"stored\": \"%s\"%s%.*s\n",
		     sequence, missing, stored, is_object ? ", " : "}",
		     is_object ? len - 1 : 0, line + 1);
	t->last = sequence;
	return true;
}

/* False: to be subscribed anew. */
static bool fetch(struct taking *t)
{
	natsMsgList list = { .Msgs = NULL };
	bool is_good = true;
	natsStatus rc =
	    natsSubscription_Fetch(&list, t->subscription, FETCH, FETCH_MS, NULL);
	if (rc == NATS_TIMEOUT)
		return ++t->silent < SILENT_MOST;
	t->silent = 0;
	if (rc != NATS_OK)
		return false;
	for (int i = 0; is_good && i < list.Count; i++)
		is_good = give(t, list.Msgs[i]);
	if (fflush(stdout) != 0)
		exit(EXIT_SUCCESS); /* nobody reads on */
	for (int i = 0; i < list.Count; i++)
		(void)natsMsg_Ack(list.Msgs[i], NULL);
	natsMsgList_Destroy(&list);
	return is_good;
}

static void reconnect(struct taking *t)
{
	natsSubscription_Destroy(t->subscription);
	t->subscription = NULL;
	t->silent = 0;
	stream_reopen(&t->link, t->options, NULL);
}

int stream_take(const struct stream_options *o)
{
	struct taking t = { .options = o, .last = o->after };
	if (!stream_open(&t.link, o, NULL))
		return EXIT_FAILURE;
	while (ferror(stdout) == 0) {
		bool is_subscribed = subscribe(&t);
		while (is_subscribed && fetch(&t))
			;
		if (!is_subscribed || t.silent > 0)
			reconnect(&t);
	}
	return EXIT_SUCCESS;
}

int stream_setup(const struct stream_options *o)
{
	struct stream s;
	jsStreamConfig config;
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	const char *subjects[] = { STREAM_SUBJECTS };
	struct stream_options once = *o;
	once.is_once = true;
	if (!stream_open(&s, &once, NULL))
		return EXIT_FAILURE;
	(void)jsStreamConfig_Init(&config);
	config.Name = STREAM_NAME;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Storage = js_FileStorage;
	config.Replicas = o->replicas;
	config.MaxAge = INT64_C(7) * 24 * KEPT_NS;
	config.Duplicates = KEPT_NS;
	natsStatus rc = js_AddStream(&info, s.js, &config, NULL, &code);
	if (rc != NATS_OK && code == JSStreamNameExistErr)
		rc = js_UpdateStream(&info, s.js, &config, NULL, &code);
	if (rc == NATS_OK)
		(void)printf(
		    "stream %s: %lld replica%s, one subject a host under %s, kept for "
		    "7 days\n",
		    STREAM_NAME, (long long)o->replicas, number_plural(o->replicas),
		    STREAM_SUBJECTS);
	else
		stream_say("cannot make the stream: %s", nats_GetLastError(NULL));
	jsStreamInfo_Destroy(info);
	stream_close(&s);
	return rc == NATS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
