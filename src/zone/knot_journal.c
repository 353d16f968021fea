#include "zone/knot_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "zone/command.h"
#include "zone/digest.h"

struct knot_journal *knot_journal_new(const char *folder, bool continues_file,
				      bool is_signing)
{
	struct knot_journal *j = xcalloc(1, sizeof(*j));
	*j = (struct knot_journal){ xstrdup(folder), continues_file, is_signing };
	return j;
}

void knot_journal_free(struct knot_journal *j)
{
	if (!j)
		return;
	free(j->folder);
	free(j);
}

/* ---- what the journal comes to ---- */

/* A record that was added or removed; the last word on it counts. */
struct word {
	uint64_t key; /* of the line without its TTL */
	size_t at;    /* when it was said */
	const char *line;
	bool is_added;
};

struct words {
	struct word *items;
	size_t count, cap;
};

/* "owner TTL type data", with spaces or tabs between; false: no record. */
static bool read_key(const char *line, uint64_t *ret)
{
	struct buf key = BUF_INIT(1 << 20);
	const char *ttl = line + strcspn(line, " \t");
	buf_add(&key, line, (size_t)(ttl - line));
	ttl += strspn(ttl, " \t");
	const char *type = ttl + strcspn(ttl, " \t");
	buf_adds(&key, type + strspn(type, " \t"));
	bool ok = *type && !buf_failed(&key);
	*ret = hash_bytes(buf_text(&key), key.len);
	buf_release(&key);
	return ok;
}

static void add_word(struct words *w, const char *line, bool is_added)
{
	struct word word = { .at = w->count, .line = line, .is_added = is_added };
	if (!read_key(line, &word.key))
		return;
	w->items = xroom(w->items, w->count, &w->cap, sizeof(*w->items));
	w->items[w->count++] = word;
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* A journal that continues the file is read from the change that begins at its
 * serial; what is before that is in the file, or was replaced by it. */
static void read_words(char *printed, bool from_serial, uint32_t serial, struct words *w)
{
	static const char change[] = ";; Changes between zone versions: ";
	bool is_begun = !from_serial, is_added = false, in_list = false;
	char *save;
	for (char *line = strtok_r(printed, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (begins(line, change))
			is_begun |=
			    strtoul(line + sizeof(change) - 1, NULL, 10) == serial;
		in_list = (in_list && *line != ';') || begins(line, ";; Removed") ||
			  begins(line, ";; Added");
		if (*line == ';')
			is_added = begins(line, ";; Added");
		else if (is_begun && in_list)
			add_word(w, line, is_added);
	}
}

static int by_key(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->at < y->at ? -1 : 1;
}

/* Two zone texts: what is there in the end, and what is not any more. */
static void sum_up(struct words *w, struct buf *added, struct buf *removed)
{
	if (w->count)
		qsort(w->items, w->count, sizeof(*w->items), by_key);
	for (size_t i = 0; i < w->count; i++) {
		const struct word *word = &w->items[i];
		if (i + 1 < w->count && w->items[i + 1].key == word->key)
			continue;
		buf_addf(word->is_added ? added : removed, "%s\n", word->line);
	}
}

/* ---- and the file ---- */

static int read_records(struct digest_reader *r, const struct zone_input *in,
			const struct buf *text, struct digest_records *ret,
			struct error *e)
{
	struct buf zone = BUF_INIT(UINT32_MAX);
	buf_adds(&zone, "$TTL 1\n");
	buf_add(&zone, buf_text(text), text->len);
	struct zone_input of = { "what kjournalprint says", buf_text(&zone), zone.len,
				 in->origin, NULL };
	int rc = digest_read_records(r, &of, ret, e);
	buf_release(&zone);
	return rc;
}

/* How many records the file lacks, or has too much. */
static int count_differences(const struct zone_input *in, const struct buf *added,
			     const struct buf *removed, size_t *ret, struct error *e)
{
	struct digest_reader *r = digest_reader_new();
	struct digest_records file = { 0 }, plus = { 0 }, minus = { 0 };
	int rc = digest_read_records(r, in, &file, e);
	if (rc == 0)
		rc = read_records(r, in, added, &plus, e);
	if (rc == 0)
		rc = read_records(r, in, removed, &minus, e);
	*ret = plus.count - digest_records_common(&plus, &file) +
	       digest_records_common(&minus, &file);
	digest_records_release(&file);
	digest_records_release(&plus);
	digest_records_release(&minus);
	digest_reader_free(r);
	return rc;
}

static int refuse(const struct knot_journal *j, const struct zone_input *in,
		  size_t records, struct error *e)
{
	return error_set(
	    e, FMX_EREFUSED,
	    "%s is not all of its zone: by %zu record%s it differs from what Knot's "
	    "journal comes to (`kjournalprint -D %s %s` shows it), as after an update or "
	    "`knotc zone-set`. Use `update { server = ...  key = ... }` in the "
	    "configuration or `plan --format knotc`; or %s. If the file was edited and "
	    "not loaded yet, `knotc zone-reload %s` comes first",
	    in->path, records, records == 1 ? "" : "s", j->folder, in->origin,
	    j->is_signing
		? "put these records into the file, too, for Knot would write its "
		  "signatures with them"
		: "let Knot write its file and hold still (knotc -f zone-flush, then "
		  "zone-freeze), run this again, and then knotc zone-thaw and "
		  "zone-reload",
	    in->origin);
}

int knot_journal_judge(const struct knot_journal *j, const struct zone_input *in,
		       uint32_t serial, char *printed, struct error *e)
{
	struct words words = { 0 };
	struct buf added = BUF_INIT(KNOT_JOURNAL_MAX),
		   removed = BUF_INIT(KNOT_JOURNAL_MAX);
	size_t records = 0;
	read_words(printed, j->continues_file, serial, &words);
	sum_up(&words, &added, &removed);
	int rc = words.count ? count_differences(in, &added, &removed, &records, e) : 0;
	free(words.items);
	buf_release(&added);
	buf_release(&removed);
	return rc == 0 && records ? refuse(j, in, records, e) : rc;
}

static int unseen(const struct knot_journal *j, const struct zone_input *in,
		  const char *why, struct error *e)
{
	return error_set(e, FMX_EREFUSED,
			 "whether %s is all of its zone cannot be seen: Knot does not "
			 "write all changes into it, and what its journal (%s) holds "
			 "could not be read (%.200s). kjournalprint, which comes with "
			 "Knot, reads it, as root or as Knot's user",
			 in->path, j->folder, why);
}

static const char *last_line(struct buf *text)
{
	while (text->len && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	const char *newline = text->len ? strrchr(text->data, '\n') : NULL;
	return newline ? newline + 1 : buf_text(text);
}

int knot_journal_check(const struct knot_journal *j, const struct zone_input *in,
		       uint32_t serial, struct error *e)
{
	static const char line[] = "PATH=\"$PATH:/usr/local/sbin:/usr/sbin\"; "
				   "export PATH; exec kjournalprint -x -D %f -- %z";
	char data[4200];
	struct stat st;
	(void)snprintf(data, sizeof(data), "%s/data.mdb", j->folder);
	if (stat(data, &st) != 0 && errno == ENOENT)
		return 0; /* Knot never had anything to write there */
	struct buf printed = BUF_INIT(KNOT_JOURNAL_MAX);
	struct error why;
	int rc = command_read(line, in->origin, j->folder, &printed, &why);
	if (buf_failed(&printed))
		rc = unseen(j, in, "it is too big", e);
	else if (rc == 0)
		rc = knot_journal_judge(j, in, serial, printed.data, e);
	else if (strstr(buf_text(&printed), "not exist")) /* the zone, in the journal */
		rc = 0;
	else
		rc = unseen(j, in, printed.len ? last_line(&printed) : why.text, e);
	buf_release(&printed);
	return rc;
}
