/* Which names were made from an address, and which only look like it. */
#include "source/name/names_generic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"

static const struct {
	const char *client, *name;
	bool want;
} generic_rows[] = {
	/* the whole address */
	{ "192.0.2.25", "192-0-2-25.isp.example", true },
	{ "192.0.2.25", "25.2.0.192.isp.example", true },
	{ "192.0.2.25", "host-192-000-002-025.isp.example", true },
	{ "192.0.2.25", "192000002025.isp.example", true },
	{ "198.51.100.25", "1985110025.isp.example", true },
	{ "198.51.100.25", "ip3325256729x.isp.example", true },
	{ "192.0.2.25", "c0000219.isp.example", true },
	{ "192.0.2.25", "190200c0.isp.example", true },
	{ "192.0.2.25", "x-c0-00-02-19.isp.example", true },
	{ "192.0.2.25", "25.host.192-0-2.isp.example", true },
	{ "203.0.113.7", "ec2-203-0-113-7.compute-1.amazonaws.com", true },
	{ "203.0.113.7", "7.113.0.203.bc.googleusercontent.com", true },
	{ "203.0.113.7", "mail-203-0-113-7.isp.example", true },
	{ "203.0.113.7", "static.203-0-113-7.clients.your-server.de", true },
	{ "203.0.113.7", "p203x0x113x7.isp.example", true },
	/* of IPv6 */
	{ "2001:db8::25",
	  "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example",
	  true },
	{ "2001:db8::25", "2001-db8--25.isp.example", true },
	{ "2001:db8::25", "2001-0db8-0000-0000-0000-0000-0000-0025.isp.example", true },
	{ "2001:db8::25", "20010db8000000000000000000000025.isp.example", true },
	{ "2001:db8:1:2:3:4:5:6", "2001.db8.1.2.3.4.5.6.isp.example", true },
	{ "2001:db8::a1b2:c3d4:e5f6:789a", "a1b2c3d4e5f6789a.isp.example", true },
	{ "2001:db8::a1b2:c3d4:e5f6:789a", "a1b2-c3d4-e5f6-789a.v6.isp.example", true },
	{ "2001:db8::25", "mx25.isp.example", false },
	{ "2001:db8::1", "node-0-0-0-1.isp.example", false },
	/* part of it */
	{ "192.0.2.25", "h2-25.isp.example", true },
	{ "192.0.2.25", "25-2-0.isp.example", true },
	{ "192.0.2.25", "host25.isp.example", true },
	{ "192.0.2.25", "host26.isp.example", false },
	{ "54.240.8.31", "a8-31.smtp-out.amazonses.com", false },
	{ "192.0.2.25", "mail-2-25.example.com", false },
	{ "192.0.2.25", "mail-1-2.example.com", false },
	{ "167.89.110.31", "o16789110x31.outbound-mail.sendgrid.net", false },
	/* words of lines */
	{ "192.0.2.25", "a1.dyn.isp.example", true },
	{ "192.0.2.25", "dhcp77.campus.example.edu", true },
	{ "192.0.2.25", "pool-9.isp.example", true },
	{ "192.0.2.25", "x.adsl.isp.example", true },
	{ "192.0.2.25", "cable-3.isp.example", true },
	{ "192.0.2.25", "ppp1234.isp.example", true },
	{ "192.0.2.25", "dialup.isp.example", true },
	{ "192.0.2.25", "c1.customer.isp.example", true },
	{ "2001:db8::25", "c1.customer.isp.example", true },
	{ "192.0.2.25", "vps-12345.host.example", true },
	{ "192.0.2.25", "vmi998877.contaboserver.net", true },
	{ "192.0.2.25", "vps.example.com", false },
	{ "192.0.2.25", "static.example.com", false },
	/* not these */
	{ "192.0.2.25", "mail.example.com", false },
	{ "192.0.2.25", "mx1.example.com", false },
	{ "192.0.2.25", "example.com", false },
	{ "192.0.2.25", "mail.cable.example", false },
	{ "192.0.2.25", "www.pool.com", false },
	{ "192.0.2.25", "pool.com", false },
	{ "192.0.2.25", "mail.dyn.example.com", false },
	{ "192.0.2.25", "carpool.example.com", false },
	{ "192.0.2.25", "dynamo.example.com", false },
	{ "209.85.218.46", "mail-ej1-f46.google.com", false },
	{ "40.107.22.139", "mail-am6eur05on2139.outbound.protection.outlook.com", false },
	{ "192.0.2.25", "srv2025.example.com", false },
	{ "192.0.2.25", "", false },
};

static void made_names_are_known_and_others_are_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(generic_rows) / sizeof(generic_rows[0]); i++) {
		char domain[NAME_TEXT_MAX];
		struct addr client;
		const char *name = generic_rows[i].name;
		assert_true(addr_parse(generic_rows[i].client, &client));
		name_registrable(name, domain);
		bool got = names_is_generic(name, domain, client);
		if (got != generic_rows[i].want)
			fail_msg("%s %s (%s): got %s", generic_rows[i].client, name,
				 domain, got ? "generic" : "not generic");
	}
}

/* Any name at all, against any address: an answer, and the same one twice. */
static void no_name_is_too_odd(void **state)
{
	(void)state;
	static const char alphabet[] = "0123456789abcdef.-_xz";
	unsigned seed = 7;
	for (int round = 0; round < 20000; round++) {
		char name[NAME_TEXT_MAX], domain[NAME_TEXT_MAX];
		struct addr client;
		size_t len = (size_t)rand_r(&seed) % (NAME_TEXT_MAX - 1);
		for (size_t i = 0; i < len; i++)
			name[i] =
			    alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		name[len] = '\0';
		for (size_t i = 0; i < sizeof(client.bytes); i++)
			client.bytes[i] = (uint8_t)rand_r(&seed);
		if (round % 2)
			assert_true(addr_parse("192.0.2.25", &client));
		name_registrable(name, domain);
		bool got = names_is_generic(name, domain, client);
		assert_int_equal(got, names_is_generic(name, domain, client));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_names_are_known_and_others_are_not),
		cmocka_unit_test(no_name_is_too_odd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
