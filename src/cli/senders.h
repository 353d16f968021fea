/*
 * senders - predictions of all mail programs, as a table or as JSON
 *
 * What `predict`, `check` and `plan` show alike (DESIGN section 4: senders[]).
 *
 * Use:
 *	struct buf b = BUF_INIT(SENDERS_TEXT_MAX);
 *	struct senders s = { .hosts = hosts, .hosts_len = n, .labels = labels };
 *	senders_json(&b, &s);		// [{"sender":"postfix",...},...]
 *
 * Ownership: everything in struct senders stays the caller's.
 *
 * Limits: PREDICT_ADDRESSES_MAX addresses in all, as predict.h.
 */
#ifndef FMX_CLI_SENDERS_H
#define FMX_CLI_SENDERS_H

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "mx/predict.h"

enum { SENDERS_TEXT_MAX = 1 << 20 };

/* How one host and its addresses are named in the output. */
struct senders_label {
	const char *host;             /* "mail.example.com" */
	const char *const *addresses; /* as many as the host has */
};

struct senders {
	const struct predict_host *hosts;
	size_t hosts_len;
	const struct senders_label *labels;
	bool with_bots;
};

/* The array alone: the verb's object stands around it. A new reference. */
json_t *senders_json(const struct senders *s);

/* A line per sender; colours as cli_style() has them for the stream. */
void senders_table(FILE *stream, const struct senders *s);

#endif
