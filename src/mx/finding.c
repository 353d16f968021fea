#include "mx/finding.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *severity_name(enum severity s)
{
	switch (s) {
	case SEVERITY_INFO: return "info";
	case SEVERITY_WARNING: return "warning";
	case SEVERITY_ERROR: return "error";
	}
	assert(false);
	return "info";
}

/* The value of the word in braces at text, or NULL if it is none of ours. */
static const char *word_at(const char *text, const struct seen *s,
			   const struct finding_words *w, size_t *ret_len)
{
	const struct {
		const char *word, *value;
	} words[] = {
		{ "{domain}", s->domain },
		{ "{host}", w->host },
		{ "{address}", w->address },
		{ "{detail}", w->detail },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(text, words[i].word, strlen(words[i].word)) == 0) {
			*ret_len = strlen(words[i].word);
			assert(words[i].value); /* a rule that forgot a word */
			return words[i].value;
		}
	return NULL;
}

/* Never a format string: what hosts say about themselves is in the values. */
static void fill(char to[FINDING_TEXT_MAX], const char *text, const struct seen *s,
		 const struct finding_words *w)
{
	size_t n = 0;
	while (*text && n < FINDING_TEXT_MAX - 1) {
		size_t used = 1;
		const char *value = word_at(text, s, w, &used);
		if (!value) {
			to[n++] = *text++;
			continue;
		}
		text += used;
		while (*value && n < FINDING_TEXT_MAX - 1)
			to[n++] = *value++;
	}
	to[n] = '\0';
}

void findings_add(struct findings *f, const struct seen *s, enum finding_id id,
		  const struct finding_words *w)
{
	if (f->count == FINDINGS_MAX)
		return;
	f->items = xrealloc(f->items, f->count + 1, sizeof(*f->items));
	struct finding *to = &f->items[f->count++];
	to->kind = finding_kind(id);
	to->severity = to->kind->severity;
	if (s->lab && id == FINDING_ADDRESS_BOGUS)
		to->severity = SEVERITY_WARNING;
	fill(to->text, to->kind->text, s, w);
	fill(to->fix, to->kind->fix, s, w);
}

void findings_release(struct findings *f)
{
	free(f->items);
	*f = (struct findings){ NULL, 0 };
}

enum severity findings_worst(const struct findings *f)
{
	enum severity worst = SEVERITY_INFO;
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].severity > worst)
			worst = f->items[i].severity;
	return worst;
}
