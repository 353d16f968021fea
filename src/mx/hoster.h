/*
 * hoster - whose mail service an MX host is, by its name
 *
 * One table: who it is, and what a decoy beside it means. Names of MX hosts are
 * the services' own and documented; a rented machine has other names.
 *
 * Use:
 *	const struct hoster *h = hoster_of("aspmx.l.google.com");
 *	if (h)
 *		h->name, h->meaning		// "Google", "its set-up check ..."
 */
#ifndef FMX_MX_HOSTER_H
#define FMX_MX_HOSTER_H

enum hoster_kind {
	HOSTER_MAIL,    /* holds the mailboxes */
	HOSTER_FILTER,  /* takes mail in front of another server */
	HOSTER_FORWARD, /* passes mail on, or gives it to a program */
};

struct hoster {
	const char *name;
	enum hoster_kind kind;
	const char *meaning; /* of a decoy beside it: a sentence without its end */
};

/* NULL: none that is known. */
const struct hoster *hoster_of(const char *mx_host);

#endif
