#include "outlet/publish_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/mem.h"

enum { LINE_MAX_BYTES = SITE_NAME_MAX + 120, STATE_MAX = 1024 * 1024, STATE_MODE = 0640 };

bool publish_state_path(const struct config *c, char *to, size_t size)
{
	int n = snprintf(to, size, "%s/published", c->state);
	return n > 0 && (size_t)n < size;
}

static struct publish_count *count_of(const struct config *c, struct publish_state *s,
				      const char *name)
{
	for (size_t i = 0; i < c->publish_count; i++)
		if (strcmp(c->publish[i].name, name) == 0)
			return &s->counts[i];
	return NULL;
}

static void read_count(const char *line, const struct config *c, struct publish_state *s)
{
	char name[SITE_NAME_MAX];
	struct publish_count n;
	int is_failing;
	const char *rest = strchr(line, '\t');
	if (!rest || (size_t)(rest - line) >= sizeof(name))
		return;
	memcpy(name, line, (size_t)(rest - line));
	name[rest - line] = '\0';
	struct publish_count *to = count_of(c, s, name);
	/* NOLINTNEXTLINE(cert-err34-c): we wrote it; nonsense is a nonsense count */
	if (!to ||
	    sscanf(rest, "%" SCNd64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%d", &n.right_at,
		   &n.listed, &n.changes, &n.failures, &is_failing) != 5)
		return;
	n.is_failing = is_failing != 0;
	*to = n;
}

void publish_state_read(const char *path, const struct config *c,
			struct publish_state *ret_state)
{
	struct publish_state *s = ret_state;
	char line[LINE_MAX_BYTES];
	*s = (struct publish_state){ .counts = xcalloc(c->publish_count + 1,
						       sizeof(*s->counts)) };
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	s->is_there = true;
	if (fgets(line, sizeof(line), f) && fgets(s->why, sizeof(s->why), f))
		s->why[strcspn(s->why, "\n")] = '\0';
	s->is_alarming = *s->why && strcmp(line, "alarm\n") == 0;
	while (fgets(line, sizeof(line), f))
		read_count(line, c, s);
	(void)fclose(f); /* only read */
}

int publish_state_write(const char *path, const struct config *c,
			const struct publish_state *s, struct error *e)
{
	struct buf text = BUF_INIT(STATE_MAX);
	buf_addf(&text, "%s\n%s\n", s->is_alarming ? "alarm" : "quiet", s->why);
	for (size_t i = 0; i < c->publish_count; i++) {
		const struct publish_count *n = &s->counts[i];
		buf_addf(&text,
			 "%s\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%d\n",
			 c->publish[i].name, n->right_at, n->listed, n->changes,
			 n->failures, n->is_failing);
	}
	int rc = buf_failed(&text)
		     ? error_set(e, FMX_ETOOBIG, "%s would be too big", path)
		     : atomic_file_write(path, buf_text(&text), text.len, STATE_MODE, e);
	buf_release(&text);
	return rc;
}

void publish_state_release(struct publish_state *s)
{
	free(s->counts);
	*s = (struct publish_state){ .is_there = false };
}
