#include "old/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "old/journal.h"

enum { BLOCK_SIZE = 256 * 1024, FIRST_RECORDS = 256 };

struct batch_block {
	struct batch_block *next;
	size_t used, size;
	char data[];
};

static struct batch_block *block_new(struct batch *b, size_t need)
{
	size_t size = need > BLOCK_SIZE ? need : BLOCK_SIZE;
	struct batch_block *block = xcalloc(1, sizeof(*block) + size);

	block->size = size;
	block->next = b->blocks;
	b->blocks = block;
	return block;
}

/* Points *text at a copy. Empty text needs none. */
static void keep(struct batch *b, const char **text)
{
	size_t len = strlen(*text) + 1;
	if (len == 1) {
		*text = "";
		return;
	}
	struct batch_block *block = b->blocks;
	if (!block || block->size - block->used < len)
		block = block_new(b, len);
	char *copy = block->data + block->used;
	memcpy(copy, *text, len);
	block->used += len;
	b->text_bytes += len;
	*text = copy;
}

/* What a kind does not use is "" when it comes back from the file; so it is
 * when it comes from here. */
static void blank_unused(struct record *r)
{
	if (r->kind == RECORD_VISIT || r->kind == RECORD_NAME)
		r->text = r->note = "";
	if (r->kind != RECORD_NAME)
		r->name.name = r->name.domain = "";
	if (r->kind != RECORD_VISIT)
		r->visit.helo = r->visit.mail_from = r->visit.recipient_domain =
		    r->visit.name = "";
}

enum { TEXTS_MAX = 4 };

/* Where a kind of record has its texts. Returns how many there are. */
static size_t texts_of(struct record *r, const char **ret_texts[TEXTS_MAX])
{
	size_t n = 0;
	if (r->kind == RECORD_VISIT) {
		ret_texts[n++] = &r->visit.helo;
		ret_texts[n++] = &r->visit.mail_from;
		ret_texts[n++] = &r->visit.recipient_domain;
		ret_texts[n++] = &r->visit.name;
	} else if (r->kind == RECORD_NAME) {
		ret_texts[n++] = &r->name.name;
		ret_texts[n++] = &r->name.domain;
	} else {
		ret_texts[n++] = &r->text;
		ret_texts[n++] = &r->note;
	}
	return n;
}

bool batch_add(struct batch *b, const struct record *r)
{
	struct record copy = *r;
	const char **texts[TEXTS_MAX];
	size_t n = texts_of(&copy, texts);
	size_t need = 0;

	for (size_t i = 0; i < n; i++)
		need += strlen(*texts[i]) + 1;
	if (b->count == JOURNAL_MAX_PENDING || need > BATCH_MAX_TEXT - b->text_bytes)
		return false;

	blank_unused(&copy);
	for (size_t i = 0; i < n; i++)
		keep(b, texts[i]);
	if (b->count == b->cap) {
		b->cap = b->cap ? 2 * b->cap : FIRST_RECORDS;
		b->records = xrealloc(b->records, b->cap, sizeof(*b->records));
	}
	b->records[b->count++] = copy;
	return true;
}

static void free_blocks(struct batch_block *block)
{
	while (block) {
		struct batch_block *next = block->next;
		free(block);
		block = next;
	}
}

void batch_clear(struct batch *b)
{
	if (b->blocks) {
		free_blocks(b->blocks->next);
		b->blocks->next = NULL;
		b->blocks->used = 0;
	}
	b->count = 0;
	b->text_bytes = 0;
}

void batch_release(struct batch *b)
{
	free_blocks(b->blocks);
	free(b->records);
	*b = (struct batch){ 0 };
}
