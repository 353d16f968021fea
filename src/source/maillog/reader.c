#include "source/maillog/reader.h"

#include <strings.h>

struct said said_of(struct logsessions *t, const struct logline *front)
{
	struct slice none = { front->text.at, front->text.at };
	return (struct said){ .t = t,
			      .front = front,
			      .process = front->process,
			      .id = none,
			      .name = none,
			      .helo = none,
			      .from = none,
			      .to = none,
			      .message_id = none,
			      .stage = DEPTH_CONNECT,
			      .lasted = -1 };
}

enum maillog_says said_read(const struct said_words *rows, size_t count, struct said *d,
			    struct slice in)
{
	for (size_t i = 0; in.at < in.end && i < count; i++)
		if (*rows[i].words == *in.at && slice_take_text(&in, rows[i].words))
			return rows[i].read(d, in);
	return MAILLOG_USELESS;
}

struct slice said_client(const struct said *d, char letter, char bytes[SAID_CLIENT_LEN])
{
	bytes[0] = letter;
	memcpy(bytes + 1, d->client.bytes, sizeof(d->client.bytes));
	return (struct slice){ bytes, bytes + SAID_CLIENT_LEN };
}

struct logtie *said_tied(const struct said *d)
{
	return slice_len(d->id) ? logsession_tied(d->t, d->front->host, d->id) : NULL;
}

struct logtie *said_tie(const struct said *d, struct logsession *s, struct slice id)
{
	return logsession_tie(d->t, s, d->front->host, id);
}

bool said_answer(struct said *d, struct slice answer)
{
	if (slice_len(answer) == 0 || (*answer.at != '4' && *answer.at != '5'))
		return false;
	d->code = *answer.at - '0';
	d->answer = answer;
	return true;
}

enum depth said_stage(struct slice command)
{
	static const struct {
		const char *word;
		enum depth depth;
	} rows[] = {
		{ "EHLO", DEPTH_HELO },
		{ "HELO", DEPTH_HELO },
		{ "STARTTLS", DEPTH_HELO },
		{ "MAIL", DEPTH_MAIL },
		{ "FROM", DEPTH_MAIL },
		{ "RCPT", DEPTH_RCPT },
		{ "TO", DEPTH_RCPT },
		{ "DATA", DEPTH_DATA },
		{ "BDAT", DEPTH_DATA },
		{ "EOM", DEPTH_DATA },
		{ "END-OF-MESSAGE", DEPTH_DATA },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_len(command) == strlen(rows[i].word) &&
		    strncasecmp(command.at, rows[i].word, slice_len(command)) == 0)
			return rows[i].depth;
	return DEPTH_CONNECT; /* CONNECT, AUTH, RSET, UNKNOWN, ... prove no more */
}
