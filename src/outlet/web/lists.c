#include "outlet/web/lists.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "outlet/json.h"
#include "outlet/list.h"
#include "outlet/web/question.h"

#define KEPT (5 * STAMP_SECOND)
enum { LONGER = 3 /* times what it took */, LIST_MAX = 1 << 30 };

typedef void (*write_fn)(const struct list *l, struct buf *out);

static void write_json(const struct list *l, struct buf *out)
{
	json_t *document = list_json(l);
	json_print(document, out);
	json_decref(document);
}

static const struct format {
	const char *name, *type;
	const char *comment; /* what begins one; NULL: the format has none */
	write_fn write;
} formats[] = {
	{ "plain", "text/plain; charset=utf-8", "#", list_plain },
	{ "json", "application/json", NULL, write_json },
};
enum { FORMATS = sizeof(formats) / sizeof(formats[0]) };

const char *lists_formats(void)
{
	return "plain and json";
}

struct kept {
	int64_t until; /* monotonic */
	int64_t modified;
	uint64_t hash;
	struct buf text;
};

struct lists {
	char *path;
	struct stamp_clock clock;
	pthread_mutex_t lock;
	struct kept kept[FORMATS];
};

struct lists *lists_new(const char *journal, struct stamp_clock clock)
{
	struct lists *all = xcalloc(1, sizeof(*all));
	all->path = xstrdup(journal);
	all->clock = clock;
	(void)pthread_mutex_init(&all->lock, NULL); /* cannot fail on Linux */
	for (size_t i = 0; i < FORMATS; i++)
		all->kept[i].text = (struct buf)BUF_INIT(LIST_MAX);
	return all;
}

void lists_free(struct lists *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < FORMATS; i++)
		buf_release(&all->kept[i].text);
	(void)pthread_mutex_destroy(&all->lock);
	free(all->path);
	free(all);
}

static void write_list(struct lists *all, const struct format *f, struct buf *out)
{
	static const struct sites nobodys = { .count = 0 };
	struct error e;
	struct question q;
	struct list l = { .sites = &nobodys };
	int rc = question_open(all->path, all->clock, &q, &e);
	if (rc == 0)
		rc = question_is_fresh(&q, &e);
	if (rc == 0)
		rc = list_make(q.ask, &l, &e);
	if (f->comment && rc != 0)
		buf_addf(out, "%s nobody is listed: %s\n", f->comment, e.text);
	else if (f->comment && !l.sites->rules.enforce)
		buf_addf(out, "%s nobody is listed: mode = observe\n", f->comment);
	f->write(&l, out);
	list_release(&l);
	question_close(&q);
}

static void make(struct lists *all, const struct format *f, struct kept *k)
{
	int64_t began = stamp_monotonic();
	buf_clear(&k->text);
	write_list(all, f, &k->text);
	if (buf_failed(&k->text)) {
		buf_release(&k->text); /* nobody, rather than some */
		k->text = (struct buf)BUF_INIT(LIST_MAX);
	}
	uint64_t hash = hash_bytes(buf_text(&k->text), k->text.len);
	if (k->until == 0 || hash != k->hash)
		k->modified = stamp_clock_now(all->clock);
	k->hash = hash;
	int64_t now = stamp_monotonic();
	k->until = now + stamp_later(KEPT, LONGER * (now - began));
}

bool lists_get(struct lists *all, const char *format, struct lists_text *ret_text,
	       struct buf *out)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (strcmp(formats[i].name, format) != 0)
			continue;
		struct kept *k = &all->kept[i];
		(void)pthread_mutex_lock(&all->lock);
		if (stamp_monotonic() >= k->until)
			make(all, &formats[i], k);
		buf_add(out, buf_text(&k->text), k->text.len);
		*ret_text = (struct lists_text){ formats[i].type, k->modified };
		(void)pthread_mutex_unlock(&all->lock);
		return true;
	}
	return false;
}
