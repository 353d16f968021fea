/*
 * Any bytes as a journal: each eight or so are a record. Besides not crashing:
 * a judge that was saved and loaded in the middle goes on with the same words,
 * nobody who only knocked is accused, and nothing is listed for ever. The same
 * bytes are no checkpoint.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/stamp.h"
#include "old/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const sites[] = {
	"site\t1\t1\tboth\thome\n"
	"host\t1\tdecoy\treset\t0\tfake0\t\naddress\t5.9.1.4\t25\n"
	"host\t2\treal\t-\t10\tmail\tlog\naddress\t5.9.1.1\t25\n"
	"host\t3\tdecoy\tdefer\t30\tfake1\t\naddress\t5.9.1.3\t25\n"
	"domain\texample.com\n",
	"site\t1\t2\thigh\tother\n"
	"host\t4\treal\t-\t10\tmx\tlog\naddress\t5.9.2.1\t25\n"
	"host\t5\tdecoy\tbusy\t30\tfake\t\naddress\t5.9.1.3\t25\n",
	"site\t1\t1\tboth\thome\n"
	"host\t1\tdecoy\treset\t0\tfake0\t\naddress\t5.9.1.4\t25\n"
	"host\t2\treal\t-\t10\tmail\t\naddress\t5.9.1.8\t25\n"
	"host\t3\tdecoy\tdefer\t30\tfake1\t\naddress\t5.9.1.3\t25\n",
	"broken",
};
#define HASTY "enforce=1\nlab=1\nlisting_visits=1\npatience=0\nconfirm=0\n"

static const char *const texts[] = {
	"20.1.1.0/24",        "20.1.1.1",    "good.example", "",
	"enforce=1\nlab=1\n", "enforce=0\n", "final=0\n",    HASTY,
	"max_senders=2\n",
};

struct told {
	struct judge *judge;
	struct buf log;
};

static void on_verdict(void *arg, const struct verdict *v)
{
	struct told *t = arg;
	assert(v->delay_us >= -1 && reason_text(v->order_reason));
	if (v->only_knocked)
		assert(v->order == ORDER_UNKNOWN && v->fate == FATE_UNKNOWN);
	buf_addf(&t->log, "%d %u %lld %d %d %d %d %lld\n", v->client.bytes[15], v->walk,
		 (long long)v->at, v->order, v->order_reason, v->fate, v->fate_reason,
		 (long long)v->delay_us);
}

static void on_listing(void *arg, const struct listing *l)
{
	struct told *t = arg;
	buf_addf(&t->log, "listing %d %d %d %lld\n", l->client.bytes[15], l->is_listed,
		 l->reason, (long long)l->until);
}

static struct addr client_of(uint8_t byte)
{
	struct addr a = {
		{ [10] = 0xff, [11] = 0xff, [12] = 20, [13] = 1, [15] = byte }
	};
	a.bytes[14] = byte >> 5;
	if (byte & 16)
		a.bytes[10] = 0x2a; /* no longer mapped: IPv6 */
	return a;
}

/* b: kind, host and flags, client, back in time, forward, shift, two more. */
static struct record record_of(const uint8_t b[8], int64_t *now)
{
	*now += (int64_t)b[4] << (b[5] % 40);
	int64_t time = *now - ((int64_t)b[3] << (b[5] / 6));
	struct record r = { .kind = (enum record_kind)(b[0] % 13),
			    .seen = *now,
			    .time = time,
			    .site = b[1] % 4,
			    .host = b[1] % 8,
			    .is_ok = b[1] & 64,
			    .note = "" };
	r.text = r.kind == RECORD_SITE ? sites[b[2] % 4] : texts[b[2] % 9];
	r.visit = (struct visit){ .client = client_of(b[2]),
				  .site = 1,
				  .host = b[1] % 8,
				  .depth = b[6] % 6,
				  .outcome = b[6] / 6 % 5,
				  .spam = b[6] & 128 ? SPAM_YES : SPAM_UNKNOWN,
				  .precision_us = b[7] % 3 == 2 ? UINT32_MAX : b[7] % 3,
				  .time = time,
				  .answered = b[7] & 8 ? time + b[3] : 0,
				  .ended = b[7] & 16 ? time + ((int64_t)b[3] << 20) : 0,
				  .helo = b[7] & 32 ? "mail.good.example" : "",
				  .mail_from = b[7] & 4 ? "a@sender.example" : "",
				  .recipient_domain = b[7] & 64 ? "" : "example.com",
				  .name = "" };
	r.name = (struct record_name){ .client = client_of(b[2]),
				       .is_confirmed = b[6] & 1,
				       .is_generic = b[6] & 2,
				       .spf_passes = b[6] & 4,
				       .name = b[6] & 8 ? "" : "mail.good.example",
				       .domain = b[6] & 16 ? "" : "good.example" };
	return r;
}

static void told_begin(struct told *t)
{
	*t = (struct told){ .log = BUF_INIT(16 << 20) };
	t->judge = judge_new(on_verdict, on_listing, t);
}

static void told_end(struct told *t)
{
	judge_free(t->judge);
	buf_release(&t->log);
}

static void reload(struct told *from, struct told *into)
{
	struct buf bytes = BUF_INIT(64 << 20);
	judge_save(from->judge, &bytes);
	assert(!buf_failed(&bytes));
	int rc = judge_load(into->judge, bytes.data, bytes.len, NULL);
	assert(rc == 0);
	buf_clear(&from->log);
	buf_release(&bytes);
}

static void count(void *arg, const struct listing *l)
{
	(void)l;
	(*(unsigned *)arg)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole, rest;
	unsigned listed = 0;
	size_t records = size / 8 < 2000 ? size / 8 : 2000, cut = records / 2;
	int64_t now = INT64_C(1800000000) * STAMP_SECOND;
	told_begin(&whole);
	told_begin(&rest);
	for (size_t i = 0; i < records; i++) {
		struct record r = record_of(data + 8 * i, &now);
		if (i == cut)
			reload(&whole, &rest);
		int rc = judge_feed(whole.judge, &r, NULL);
		if (i >= cut)
			assert(judge_feed(rest.judge, &r, NULL) == rc);
	}
	if (records > 0)
		assert(strcmp(buf_text(&whole.log), buf_text(&rest.log)) == 0);
	judge_advance(whole.judge, now + 8 * STAMP_DAY);
	judge_each_listed(whole.judge, count, &listed);
	assert(listed == 0 || now > INT64_C(4000000000) * STAMP_SECOND);
	assert(judge_load(rest.judge, data, size, NULL) != 0);
	told_end(&whole);
	told_end(&rest);
	return 0;
}
