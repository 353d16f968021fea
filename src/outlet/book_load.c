/* Apart from book.c, which a test links without the judge. */
#include "old/judge.h"
#include "outlet/book.h"

int book_load(void *book, const void *data, size_t len, struct error *e)
{
	struct judge *j = judge_new(NULL, NULL, NULL);
	int rc = judge_load(j, data, len, e);
	for (size_t i = 0; rc == 0 && i < judge_site_count(j); i++)
		book_site(book, judge_site(j, i));
	judge_free(j);
	return rc;
}
