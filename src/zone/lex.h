/*
 * lex - cut the text of a master file into entries, losing no byte
 *
 * RFC 1035 5.1, RFC 2308 4 ($TTL), and BIND's $GENERATE. Every byte of the
 * text belongs to exactly one entry: entry n ends where entry n+1 begins, the
 * first begins at 0 and the last ends at the end. So an edit is a set of
 * replaced spans, and everything else stays as it was.
 *
 * The lexer tells where the parts of a record stand. What they mean (is this
 * rdata valid?) is libzscanner's to judge, see digest.h.
 *
 * Use:
 *	struct lex l;
 *	struct lex_entry en;
 *	lex_init(&l, text, len);
 *	while ((rc = lex_next(&l, &en, &e)) > 0)
 *		if (en.kind == LEX_RECORD && lex_is(&l, en.type, "MX"))
 *
 * Ownership: borrows the text. Plain data.
 *
 * Limits: entries of at most LEX_ENTRY_MAX bytes; texts of at most 4 GiB - 1.
 */
#ifndef FMX_ZONE_LEX_H
#define FMX_ZONE_LEX_H

#include <stdint.h>

#include "base/attr.h"
#include "base/error.h"

enum { LEX_ENTRY_MAX = 1 << 20 };

/* Bytes [begin, begin + len) of the text. len 0: not there. */
struct lex_span {
	uint32_t begin, len;
};

enum lex_kind {
	LEX_BLANK, /* nothing but space and comment */
	LEX_RECORD,
	LEX_ORIGIN,   /* $ORIGIN: rdata is the name */
	LEX_TTL,      /* $TTL: rdata is the value */
	LEX_INCLUDE,  /* $INCLUDE: rdata is file and perhaps origin */
	LEX_GENERATE, /* $GENERATE: rdata is all the rest */
};

struct lex_entry {
	enum lex_kind kind;
	uint32_t line;          /* of the first byte, from 1 */
	struct lex_span whole;  /* with its line end, if it has one */
	struct lex_span owner;  /* not there: the owner of the record before */
	struct lex_span ttl;    /* not there: the default */
	uint32_t ttl_value;     /* of ttl, in seconds */
	struct lex_span class_; /* not there: that of the record before */
	struct lex_span type;
	struct lex_span rdata; /* first to last token, with what stands between */
};

struct lex {
	const char *text;
	uint32_t len, at, line;
};

/* -FMX_ETOOBIG when the text is too long. */
FMX_MUST_CHECK int lex_init(struct lex *l, const char *text, size_t len, struct error *e);

/* 1 and an entry, 0 at the end, or FMX_EMALFORMED with the line in the
 * sentence: a parenthesis or quote left open, a type missing, an unknown
 * directive, a NUL byte. */
FMX_MUST_CHECK int lex_next(struct lex *l, struct lex_entry *ret_entry, struct error *e);

/* The next token within a span: *at is the position to go on from, first
 * span.begin. Quotes are part of the token. False when there is none. */
FMX_MUST_CHECK bool lex_token(const char *text, struct lex_span in, uint32_t *at,
			      struct lex_span *ret_token);

/* Compares without case (types, classes, directives). */
bool lex_is(const struct lex *l, struct lex_span span, const char *word);

/* A TTL: seconds, or BIND's units "1w2d3h4m5s". At most 2^31 - 1 (RFC 2181 8). */
FMX_MUST_CHECK bool lex_ttl(const char *text, struct lex_span span,
			    uint32_t *ret_seconds);

#endif
