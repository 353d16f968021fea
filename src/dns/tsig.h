/*
 * tsig - the key that a dynamic update is signed with
 *
 * RFC 8945. Read from the files that key makers write: BIND's tsig-keygen and
 * rndc-confgen (`key "name" { algorithm hmac-sha256; secret "..."; };`) and
 * Knot's keymgr -t (`- id: name`, `algorithm: ...`, `secret: ...`).
 *
 * Ownership: tsig_key_free.
 */
#ifndef FMX_DNS_TSIG_H
#define FMX_DNS_TSIG_H

#include "base/attr.h"
#include "base/error.h"

enum { TSIG_FILE_MAX = 16 * 1024 };

struct tsig_key;

/* -ENOENT, -EACCES, FMX_EMALFORMED: a sentence with the file, never with the
 * secret. */
FMX_MUST_CHECK int tsig_key_read(const char *path, struct tsig_key **ret,
				 struct error *e);
/* The same of a text; name stands for the file in sentences. */
FMX_MUST_CHECK int tsig_key_parse(const char *text, const char *name,
				  struct tsig_key **ret, struct error *e);
void tsig_key_free(struct tsig_key *key);
/* With its final dot: "fakemx." */
const char *tsig_key_name(const struct tsig_key *key);

#endif
