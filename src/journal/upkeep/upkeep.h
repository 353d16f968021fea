/*
 * upkeep - rebuild, verify, backup, restore, retention, allow, forget
 */
#ifndef FMX_JOURNAL_UPKEEP_UPKEEP_H
#define FMX_JOURNAL_UPKEEP_UPKEEP_H

#include "journal/take/coverage.h"

typedef void (*upkeep_progress_fn)(void *arg, uint64_t done, uint64_t total);

/* Runs and verdicts again from the visits, in a temporary file beside it (rebuild.c).
 * Compares, or with `against` the two files' runs. FMX_EFOREIGN with the first
 * differences. */
struct verify_result {
	uint64_t visits, runs, differences;
	char first[512]; /* the first difference, a sentence; "" */
};
FMX_MUST_CHECK int journal_verify(const char *path, const char *against,
				  upkeep_progress_fn fn, void *arg,
				  struct verify_result *ret_result, struct error *e);
/* A consistent copy while serve runs. -EEXIST unless is_forced, and for the journal's own
 * files; FMX_EFOREIGN: what would be replaced is no journal. */
FMX_MUST_CHECK int journal_backup(struct db *db, const char *to, bool is_forced,
				  struct error *e);
/* Verifies the backup, then replaces path by it; refuses while serve runs; the replaced
 * file is kept as PATH.before-restore. */
FMX_MUST_CHECK int journal_restore(const char *from, const char *path,
				   upkeep_progress_fn fn, void *arg,
				   struct verify_result *ret_result, struct error *e);

/* Deletes visits older than now - retention (6 days at least), runs older than the
 * greater of it and 96 days, and once a day the rest by its age, by rolling cursor; at
 * most `most` rows. */
FMX_MUST_CHECK int retain_step(struct db *db, int64_t now, int64_t retention, size_t most,
			       bool *ret_more, struct error *e);

struct allow_entry {
	const char *text, *note; /* lent */
	bool is_config;          /* owned by the configuration file */
	int64_t since;
};
/* An address, prefix, name or domain in the one way that it is written, so that it is
 * found again. False: none of these (`192.0.2.1.5` is a mistyped address). */
FMX_MUST_CHECK bool allow_canonical(const char *word, char text[NAME_MAX_TEXT]);
/* text: canonical, or anything that can be. FMX_EUSAGE: none of these. */
FMX_MUST_CHECK int allow_set(struct db *db, const char *text, const char *note,
			     bool is_on, bool is_config, int64_t now, struct error *e);
/* Puts on what the configuration names, takes off what it named before. */
FMX_MUST_CHECK int allow_config(struct db *db, const char *const *texts, size_t count,
				int64_t now, struct error *e);
typedef int (*allow_fn)(void *arg, const struct allow_entry *a);
FMX_MUST_CHECK int allow_each(struct db *db, allow_fn fn, void *arg, struct error *e);
/* Erases (secure_delete) what is known of an address, name or domain; leaves an anonymous
 * real run for its prefix, and its domain pool's walks as excused as they were. Returns
 * rows. */
FMX_MUST_CHECK int64_t journal_forget(struct db *db, const char *what, int64_t now,
				      struct error *e);
/* How many rows that would erase; nothing is written. */
FMX_MUST_CHECK int64_t journal_forget_count(struct db *db, const char *what,
					    struct error *e);

#endif
