/* Any bytes as what was kept of a zone: damaged, or the same after saving it. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zone/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], file[128];

static void clean(void)
{
	char zones[96];
	(void)unlink(file);
	(void)snprintf(zones, sizeof(zones), "%s/zones", folder);
	(void)rmdir(zones);
	(void)rmdir(folder);
}

static void prepare(void)
{
	char zones[96];
	(void)snprintf(folder, sizeof(folder), "/dev/shm/fakemx-fuzz-XXXXXX");
	char *made = mkdtemp(folder);
	assert(made);
	(void)snprintf(zones, sizeof(zones), "%s/zones", folder);
	int rc = mkdir(zones, 0700);
	assert(rc == 0);
	(void)snprintf(file, sizeof(file), "%s/example.com.apply", zones);
	(void)atexit(clean);
}

static bool are_changes_equal(const struct history *a, const struct history *b)
{
	bool same = a->change_count == b->change_count;
	for (size_t i = 0; same && i < a->change_count; i++) {
		const struct zone_change *x = &a->changes[i], *y = &b->changes[i];
		same = x->action == y->action && x->type == y->type && x->ttl == y->ttl &&
		       x->preference == y->preference &&
		       strcmp(x->owner, y->owner) == 0 &&
		       strcmp(x->target, y->target) == 0 && !x->rdata == !y->rdata &&
		       (!x->rdata || strcmp(x->rdata, y->rdata) == 0);
	}
	return same;
}

static bool is_equal(const struct history *a, const struct history *b)
{
	return strcmp(a->origin, b->origin) == 0 && strcmp(a->path, b->path) == 0 &&
	       a->layout == b->layout && a->ttl == b->ttl && a->applied == b->applied &&
	       a->is_clean == b->is_clean && a->decoy_count == b->decoy_count &&
	       memcmp(a->decoys, b->decoys, sizeof(a->decoys)) == 0 &&
	       are_changes_equal(a, b) && a->before_len == b->before_len &&
	       a->after_len == b->after_len &&
	       memcmp(a->before, b->before, a->before_len) == 0 &&
	       memcmp(a->after, b->after, a->after_len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char magic[] = "fakemx-apply 1\n";
	struct history h, again;
	struct error e;
	if (!file[0])
		prepare();
	FILE *f = fopen(file, "wb");
	assert(f);
	if (size && data[0] == '{') /* most inputs should get that far */
		(void)fwrite(magic, 1, sizeof(magic) - 1, f);
	(void)fwrite(data, 1, size, f);
	int rc = fclose(f);
	assert(rc == 0);
	rc = history_load(folder, "example.com", "", &h, &e);
	assert(rc == 0 || (rc == FMX_EFOREIGN && e.text[0]));
	if (rc == 0 && strcmp(h.origin, "example.com") == 0 && !h.path[0]) {
		rc = history_save(folder, &h, &e);
		assert(rc == 0);
		rc = history_load(folder, "example.com", "", &again, &e);
		assert(rc == 0 && is_equal(&h, &again));
		history_release(&again);
	}
	history_release(&h);
	return 0;
}
