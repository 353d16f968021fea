/* An nkey, and its user from its seed (github.com/nats-io/nkeys): base32 of the prefixes
 * of a seed and of a user, 32 bytes of an Ed25519 key, and a CRC-16. libnats wants the
 * public key beside the seed. */
#include <errno.h>
#include <fcntl.h>
#include <nettle/eddsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "source/stream/stream.h"

enum { KEY_BYTES = 32, SEED_BYTES = 2 + KEY_BYTES + 2, USER_BYTES = 1 + KEY_BYTES + 2 };
enum { PREFIX_USER = 20 << 3, PREFIX_SEED = 18 << 3, CRC_POLYNOMIAL = 0x1021 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 */

static uint16_t crc16(const uint8_t *bytes, size_t len)
{
	unsigned crc = 0;
	for (size_t i = 0; i < 8 * len; i++) {
		bool bit = bytes[i / 8] >> (7 - i % 8) & 1, high = crc >> 15 & 1;
		crc = (crc << 1 & 0xffff) ^ (bit != high ? CRC_POLYNOMIAL : 0);
	}
	return (uint16_t)crc;
}

static bool decode(const char *text, uint8_t *to, size_t len)
{
	memset(to, 0, len);
	for (size_t i = 0; i < (8 * len + 4) / 5; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
		if (!at)
			return false;
		for (size_t b = 0; b < 5 && 5 * i + b < 8 * len; b++)
			if ((at - alphabet) >> (4 - b) & 1)
				to[(5 * i + b) / 8] |= (uint8_t)(0x80 >> (5 * i + b) % 8);
	}
	return true;
}

static void encode(const uint8_t *bytes, size_t len, char *to)
{
	size_t count = (8 * len + 4) / 5;
	for (size_t i = 0; i < count; i++) {
		unsigned value = 0;
		for (size_t bit = 5 * i; bit < 5 * i + 5; bit++) {
			unsigned byte = bit < 8 * len ? bytes[bit / 8] : 0;
			value = value << 1 | (byte >> (7 - bit % 8) & 1);
		}
		to[i] = alphabet[value];
	}
	to[count] = '\0';
}

bool stream_user_of(const char *seed, char ret_user[STREAM_USER_MAX])
{
	uint8_t raw[SEED_BYTES], user[USER_BYTES] = { PREFIX_USER };
	if (!decode(seed, raw, sizeof(raw)))
		return false;
	uint16_t crc = crc16(raw, SEED_BYTES - 2);
	bool is_good =
	    raw[SEED_BYTES - 2] == (crc & 0xff) && raw[SEED_BYTES - 1] == crc >> 8;
	ed25519_sha512_public_key(user + 1, raw + 2);
	explicit_bzero(raw, sizeof(raw));
	crc = crc16(user, USER_BYTES - 2);
	user[USER_BYTES - 2] = (uint8_t)(crc & 0xff);
	user[USER_BYTES - 1] = (uint8_t)(crc >> 8);
	encode(user, sizeof(user), ret_user);
	return is_good;
}

static void make_seed(char ret_seed[STREAM_USER_MAX])
{
	uint8_t raw[SEED_BYTES] = { PREFIX_SEED | PREFIX_USER >> 5, (PREFIX_USER & 31)
									<< 3 };
	if (getrandom(raw + 2, KEY_BYTES, 0) != KEY_BYTES)
		abort(); /* so few bytes always come */
	uint16_t crc = crc16(raw, SEED_BYTES - 2);
	raw[SEED_BYTES - 2] = (uint8_t)(crc & 0xff);
	raw[SEED_BYTES - 1] = (uint8_t)(crc >> 8);
	encode(raw, sizeof(raw), ret_seed);
	explicit_bzero(raw, sizeof(raw));
}

int stream_key(const struct stream_options *o)
{
	char seed[STREAM_USER_MAX], user[STREAM_USER_MAX];
	const char *path = o->credentials ? o->credentials : "";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		stream_say("cannot make %s: %s", path, strerror(errno));
		return EXIT_FAILURE;
	}
	make_seed(seed);
	bool is_good = stream_user_of(seed, user) && dprintf(fd, "%s\n", seed) > 0;
	explicit_bzero(seed, sizeof(seed));
	is_good = close(fd) == 0 && is_good;
	if (is_good)
		(void)puts(user);
	else
		stream_say("cannot write %s: %s", path, strerror(errno));
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
