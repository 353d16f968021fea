/* Any text: refused, or a site that comes back as exactly that text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mx/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site s;
	struct buf again = BUF_INIT(1 << 20);
	char *text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (site_parse(text, &s, NULL) == 0) {
		site_text(&s, &again);
		assert(strcmp(buf_text(&again), text) == 0);
		int rc = site_check(&s, size % 2, NULL);
		assert(rc == 0 || rc == FMX_EREFUSED || rc == FMX_EUSAGE);
		site_release(&s);
	}
	buf_release(&again);
	free(text);
	return 0;
}
