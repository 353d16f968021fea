/*
 * name - domain names as people write them and as DNS carries them
 *
 * Inside the program a name is text: lower case, A-labels, no final dot, ""
 * for the root. It fits NAME_TEXT_MAX.
 *
 * Use:
 *	char name[NAME_TEXT_MAX];
 *	struct name_note note;
 *	if (name_read("postmaster@Bücher.example.", name, &note, &e) != 0)
 *		...				// 64: the sentence is in e
 *	name					// "xn--bcher-kva.example"
 *	note.text				// "took the domain of an e-mail address"
 *
 * Limits: names with bytes that need escapes in DNS text keep them (RFC 1035
 * 5.1) and compare by bytes; name_is_host() tells that they are no host names.
 */
#ifndef FMX_DNS_NAME_H
#define FMX_DNS_NAME_H

#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/error.h"

enum {
	NAME_TEXT_MAX = 256,   /* with NUL */
	NAME_WIRE_MAX = 255,   /* RFC 1035 2.3.4 */
	NAME_INPUT_MAX = 2048, /* what a person may hand us, URLs included */
};

/* What was done to the input that its author should know; "" for nothing. */
struct name_note {
	char text[128];
};

/*
 * The domain in what a person wrote: white space around, final dot, upper case
 * and IDN (UAX 46, non-transitional) are put right; of an e-mail address or
 * URL the domain is taken, and note says so (note may be NULL). Returns 0, or
 * FMX_EUSAGE with a sentence: empty, too long, a space inside, an address.
 */
FMX_MUST_CHECK int name_read(const char *input, char ret_name[NAME_TEXT_MAX],
			     struct name_note *note, struct error *e);

/* From the wire, lower-cased. False if its text is longer than ours may be. */
FMX_MUST_CHECK bool name_from_wire(const uint8_t *wire, char ret_name[NAME_TEXT_MAX]);
/* To the wire. False if text is no name. *ret_len may be NULL. */
FMX_MUST_CHECK bool name_to_wire(const char *name, uint8_t ret_wire[NAME_WIRE_MAX],
				 size_t *ret_len);

/* Letters, digits and hyphens only, and at least one dot: what RFC 5321 2.3.5
 * lets an MX point at. Underscores are let through: DNS carries them. */
bool name_is_host(const char *name);
/* "192.0.2.1" as an MX target: a name in form, a mistake in meaning. */
bool name_is_literal(const char *name);
/* True for the name itself too. */
bool name_is_below(const char *name, const char *parent);
/* Where an address has its PTR records (RFC 1035 3.5, RFC 3596 2.5):
 * "1.2.0.192.in-addr.arpa". */
void name_reverse(struct addr a, char ret_name[NAME_TEXT_MAX]);

/*
 * The registrable domain by the public suffix list, private section included:
 * "mail.shop.example.co.uk" gives "example.co.uk". A public suffix, or a name
 * the list cannot judge, gives the name itself.
 */
void name_registrable(const char *name, char ret_domain[NAME_TEXT_MAX]);

#endif
