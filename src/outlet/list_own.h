/*
 * list_own - what the formats of a list share with the table that names them
 */
#ifndef FMX_OUTLET_LIST_OWN_H
#define FMX_OUTLET_LIST_OWN_H

#include "outlet/list.h"

/* One format: what stands before, for each address, and after. */
struct list_row {
	const char *name, *type;
	const char *comment; /* what begins one; NULL: it has none */
	bool repeats;        /* an entry a site */
	void (*begin)(struct list_writer *w);
	void (*entry)(struct list_writer *w, const struct listing *l);
	void (*end)(struct list_writer *w);
};

void list_plain_entry(struct list_writer *w, const struct listing *l);
void list_json_begin(struct list_writer *w);
void list_json_entry(struct list_writer *w, const struct listing *l);
void list_json_end(struct list_writer *w);
void list_rspamd_entry(struct list_writer *w, const struct listing *l);
void list_cidr_entry(struct list_writer *w, const struct listing *l);
void list_nft_begin(struct list_writer *w);
void list_nft_entry(struct list_writer *w, const struct listing *l);
void list_rbldnsd_begin(struct list_writer *w);
void list_rbldnsd_entry(struct list_writer *w, const struct listing *l);
void list_rbldnsd_end(struct list_writer *w);
void list_dnsbl_begin(struct list_writer *w);
void list_dnsbl_entry(struct list_writer *w, const struct listing *l);

#endif
