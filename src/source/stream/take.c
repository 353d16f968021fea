/* The stream's messages, in order, to standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/stamp.h"
#include "source/stream/stream.h"

/* Hosts tell a watermark each five seconds at least: after SILENT_MOST without any line
 * another connection is tried. */
enum { FETCH = 500, FETCH_MS = 1000, SILENT_MOST = 15 };
#define KEPT_NS (INT64_C(3600) * 1000 * 1000 * 1000) /* a consumer that nobody uses */

#define BEHIND_MOST STAMP_MINUTE

struct taking {
	struct stream link;
	const struct stream_options *options;
	natsSubscription *subscription;
	uint64_t last;     /* sequence in the stream that was given, */
	int64_t stored;    /* and when it was stored; 0 unknown */
	bool is_filtered;  /* others' messages stand between those of our subject */
	uint64_t first;    /* of the stream, asked when the batch at hand was there */
	uint64_t consumed; /* sequence in the consumer */
	int64_t created, behind_since;
	bool is_anew;    /* the stream was made anew: nobody knows what is missing */
	unsigned silent; /* fetches without a message */
	bool was_said;
};

/* Is the line of our number there another than the one that was given? Not if it is
 * there no more. */
static natsStatus compare_last(struct taking *t, bool *ret_is_other)
{
	natsMsg *m = NULL;
	*ret_is_other = false;
	if (t->last == 0 || t->stored == 0)
		return NATS_OK;
	natsStatus rc = js_GetMsg(&m, t->link.js, STREAM_NAME, t->last, NULL, NULL);
	if (rc == NATS_OK)
		*ret_is_other = natsMsg_GetTime(m) / 1000 != t->stored;
	natsMsg_Destroy(m);
	return rc == NATS_NOT_FOUND ? NATS_OK : rc;
}

/* A leader that was just elected may know less of the stream than it has. */
static bool is_behind(struct taking *t, const jsStreamInfo *info)
{
	bool is_same = t->created == 0 || t->created == info->Created;
	t->created = info->Created;
	if (info->State.LastSeq >= t->last) {
		t->behind_since = 0;
		return false;
	}
	if (t->behind_since == 0)
		t->behind_since = stamp_monotonic();
	return !is_same || stamp_monotonic() - t->behind_since > BEHIND_MOST;
}

/* A stream that stays behind what we have read is another one, or has lost its end: its
 * disks were lost, or a power cut took what was not on them. So has one that has another
 * line by now where ours was. It is read from its end on, and what it may have held is
 * missing. */
static natsStatus look_back(struct taking *t)
{
	jsStreamInfo *info = NULL;
	bool is_other = false;
	natsStatus rc = js_GetStreamInfo(&info, t->link.js, STREAM_NAME, NULL, NULL);
	if (rc == NATS_OK && info->State.LastSeq >= t->last)
		rc = compare_last(t, &is_other);
	if (rc != NATS_OK) {
		jsStreamInfo_Destroy(info);
		return rc;
	}
	if (is_other || is_behind(t, info)) {
		stream_say("the stream was made anew, or lost its end: it has %" PRIu64
			   " lines, of which %" PRIu64
			   " were read; nobody is judged by what may be missing",
			   info->State.LastSeq, t->last);
		t->last = info->State.LastSeq;
		t->stored = 0;
		t->is_anew = true;
	} else if (info->State.LastSeq < t->last) {
		rc = NATS_TIMEOUT; /* to be asked again */
	}
	jsStreamInfo_Destroy(info);
	return rc;
}

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
	options.Config.InactiveThreshold = KEPT_NS;
	t->consumed = 0;
	natsStatus rc = look_back(t);
	options.Config.OptStartSeq = t->last + 1;
	if (rc == NATS_OK)
		rc = js_PullSubscribe(&t->subscription, t->link.js, t->options->subject,
				      t->options->durable, NULL, &options, NULL);
	if (rc != NATS_OK && !t->was_said)
		stream_say("cannot read the stream: %s; trying again", stream_why(rc));
	t->was_said = rc != NATS_OK;
	return rc == NATS_OK;
}

static bool ask_first(struct taking *t)
{
	jsStreamInfo *info = NULL;
	if (js_GetStreamInfo(&info, t->link.js, STREAM_NAME, NULL, NULL) != NATS_OK)
		return false;
	t->first = info->State.FirstSeq;
	jsStreamInfo_Destroy(info);
	return true;
}

/* How many before `sequence` the stream no longer had. */
static uint64_t missing_before(const struct taking *t, uint64_t sequence)
{
	uint64_t between = sequence - t->last - 1;
	if (!t->is_filtered)
		return between;
	if (t->first <= t->last + 1)
		return 0;
	return t->first < sequence ? t->first - t->last - 1 : between;
}

/* False: it does not follow, what was between must be asked for again. */
static bool give(struct taking *t, natsMsg *m)
{
	jsMsgMetaData *at = NULL;
	if (natsMsg_GetMetaData(&at, m) != NATS_OK)
		return false;
	uint64_t sequence = at->Sequence.Stream;
	char stored[STAMP_TEXT_MAX];
	int64_t when = at->Timestamp / 1000;
	(void)stamp_text(when, stored);
	bool follows = at->Sequence.Consumer == t->consumed + 1;
	jsMsgMetaData_Destroy(at);
	if (sequence <= t->last)
		return true; /* given already */
	if (!follows)
		return false;
	t->consumed++;
	uint64_t missing = missing_before(t, sequence) + t->is_anew;
	t->is_anew = false;
	int len = natsMsg_GetDataLength(m);
	const char *line = natsMsg_GetData(m);
	bool is_object = len > 2 && line[0] == '{';
	(void)printf("{\"sequence\": %" PRIu64 ", \"missing\": %" PRIu64
		     ", \"stored\": \"%s\"%s%.*s\n",
		     sequence, missing, stored, is_object ? ", " : "}",
		     is_object ? len - 1 : 0, line + 1);
	t->last = sequence;
	t->stored = when;
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
	is_good = !t->is_filtered || ask_first(t);
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
	struct taking t = { .options = o,
			    .last = o->after,
			    .stored = o->after_stored,
			    .is_filtered = strcmp(o->subject, STREAM_SUBJECTS) != 0 };
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
		stream_say("cannot make the stream: %s", stream_why(rc));
	jsStreamInfo_Destroy(info);
	stream_close(&s);
	return rc == NATS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
