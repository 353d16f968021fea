/* Sixteen bytes of address, then a PTR's name as DNS carries it: whether it was
 * made from the address is said, twice the same, and never of a name without a
 * number or a word. */
#include <assert.h>
#include <string.h>

#include "dns/message.h"
#include "source/name/names_generic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[NAME_TEXT_MAX], domain[NAME_TEXT_MAX];
	uint8_t wire[NAME_WIRE_MAX + 1] = { 0 };
	struct addr client;
	if (size < 16)
		return 0;
	memcpy(client.bytes, data, 16);
	size_t len = size - 16 < NAME_WIRE_MAX ? size - 16 : NAME_WIRE_MAX;
	memcpy(wire, data + 16, len);
	/* Labels as a message's reader leaves them: whole. */
	size_t at = 0;
	while (at < len && wire[at]) {
		if (wire[at] > 63 || at + wire[at] + 1u >= NAME_WIRE_MAX)
			wire[at] = 0;
		else
			at += wire[at] + 1u;
	}
	if (!name_from_wire(wire, name))
		return 0;
	name_registrable(name, domain);
	bool is_generic = names_is_generic(name, domain, client);
	assert(is_generic == names_is_generic(name, domain, client));
	assert(!is_generic || strpbrk(name, "0123456789abcdefghijklmnopqrstuvwxyz"));
	name_reverse(client, name);
	assert(strlen(name) < sizeof(name));
	/* The name of its own reverse zone spells every address. */
	assert(names_is_generic(name, "arpa", client));
	return 0;
}
