/*
 * book - which site, name and role a host id stood for
 *
 * Records carry ids; ids are never reused, so the last definition of an id
 * names it, also when the host is no longer configured.
 *
 * Use:
 *	struct book *b = book_new();
 *	journal_checkpoint(j, book_load, b, &e);	// what was deleted
 *	book_record(b, &record);			// each SITE
 *	book_host(b, visit.host)			// NULL: never defined
 *
 * Ownership: the book copies; entries live as long as it does.
 */
#ifndef FMX_OUTLET_BOOK_H
#define FMX_OUTLET_BOOK_H

#include "base/error.h"
#include "mx/layout.h"
#include "old/record.h"
#include "outlet/visits.h"

struct book;
struct book *book_new(void);
void book_free(struct book *b);

void book_site(struct book *b, const struct site *s);
/* Takes SITE records; passes over others and what cannot be read. */
void book_record(struct book *b, const struct record *r);
/* A journal_checkpoint_fn: the sites of a saved judge. */
FMX_MUST_CHECK int book_load(void *book, const void *data, size_t len, struct error *e);

const struct visits_host *book_host(const struct book *b, uint16_t id);
const char *book_site_name(const struct book *b, uint16_t id); /* "" unknown */

#endif
