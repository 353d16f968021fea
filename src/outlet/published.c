#include "outlet/published.h"

#include <errno.h>
#include <string.h>

#include "base/atomic_file.h"

/* The list to any place. */
static int published_put(struct published_list *l, const struct list_out *out,
			 struct error *e)
{
	struct list_writer w;
	if (l->ask)
		return list_ask(l->ask, l->format, &l->head, &l->filter, out, &l->counts,
				e);
	list_begin(&w, l->format, &l->head, out);
	l->counts = list_end(&w);
	return 0;
}

static void put(void *arg, const char *text, size_t len)
{
	(void)fwrite(text, 1, len,
		     (FILE *)arg); /* atomic_file_write_changed() asks ferror() */
}

static int fill(void *arg, FILE *to, struct error *e)
{
	struct list_out out = { put, to };
	return published_put(arg, &out, e);
}

/* RFC 1982: forwards, whatever the clock says. */
static uint32_t serial_after(uint32_t old, uint32_t now)
{
	return (int32_t)(now - old) > 0 ? now : old + 1;
}

static void go_on_from(const char *path, struct list_head *head)
{
	char line[512];
	unsigned serial;
	char word[8] = "";
	FILE *f = fopen(path, "re");
	for (int i = 0; f && i < 16 && fgets(line, sizeof(line), f); i++)
		if (sscanf(line, "%u ; %7s", &serial, word) ==
			2 && /* NOLINT(cert-err34-c): ours */
		    strcmp(word, "serial") == 0)
			head->serial = serial_after(serial, head->serial);
	if (f)
		(void)fclose(f); /* only read */
}

int published_file(const char *path, struct published_list *l, bool *ret_changed,
		   struct error *e)
{
	struct whole_source s = { fill, list_is_same_line, l };
	if (l->format == LIST_DNSBL)
		go_on_from(path, &l->head);
	return atomic_file_write_changed(path, &s, 0644, ret_changed, e);
}
