#include "mx/profile.h"

#include <string.h>

/*
 * The rules of one program, in the order a session meets its failures. A row
 * holds reactions; what they cost is in the row of seconds below it, because
 * only time-outs cost anything.
 *
 * Where the sources are:
 *	postfix	3.7.11	smtp_connect.c, smtp_addr.c, smtp_proto.c, mail_params.h
 *	exim	4.96	transports/smtp.c, host.c
 *	opensmtpd 6.8.0p2 mta.c, mta_session.c, limit.c, dns.c
 *	sendmail 8.17.1	deliver.c, daemon.c, domain.c
 *	courier	1.0.16	libs/libesmtp esmtp client, rfc1035mxlist.c
 *	dma	0.13	net.c, dns.c
 *	chasquid 1.11	internal/courier/smtp.go
 *	haraka	3.3.4	outbound/hmail.js, outbound/client_pool.js, haraka-net-utils
 * get_mx.js nodemailer-direct-transport 3.3.2 direct-transport.js, smtp-connection 2.12.0
 *	qmail	netqmail 1.06, notqmail 1.08 qmail-remote.c
 * and T1, T1b, T3 are the tables of facts/senders.md.
 */

#define ADDRESS .reaction = REACTION_ADDRESS
#define HOST .reaction = REACTION_HOST
#define LATER .reaction = REACTION_LATER
#define BOUNCE .reaction = REACTION_BOUNCE
#define HANG .reaction = REACTION_HANG
#define DELIVER .reaction = REACTION_DELIVER

enum {
	/*
	 * A SYN that nobody answers: net.ipv4.tcp_syn_retries 6, five tries a
	 * second apart since Linux 6.5 (131 s); T1b says 133 to 135. Programs
	 * with a longer time-out of their own get this one.
	 */
	KERNEL_SYN = 135,
	/*
	 * An ICMP error that comes back while a blocking connect() still holds
	 * the socket is only remembered (tcp_v4_err: sk_err_soft); the SYN sent
	 * again a second later brings the one that counts. Measured: 1.02 s.
	 */
	ICMP = 1,
};

const struct profile profile_table[PROFILE_COUNT] = {
	{
		.name = "postfix",
		.title = "Postfix",
		.version = "3.7.11",
		.order = ORDER_MIXED, /* smtp_address_preference any, smtp_randomize_addresses */
		.shuffle = SHUFFLE_ADDRESSES,
		.max_addresses = 5, /* smtp_mx_address_limit */
		.balances = true,   /* smtp_balance_inet_protocols */
		.max_sessions = 2,  /* smtp_mx_session_limit; one counts once smtp_helo() succeeds */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = 30 }, /* smtp_connect_timeout */
			[STATE_UNREACHABLE] = { ADDRESS },
			[STATE_RESET] = { ADDRESS },
			[STATE_BUSY] = { ADDRESS },
			[STATE_REJECT] = { ADDRESS }, /* smtp_skip_5xx_greeting */
			[STATE_BANNER_CLOSE] = { ADDRESS },
			[STATE_SILENT] = { ADDRESS, .seconds = 300 }, /* smtp_helo_timeout */
			[STATE_DEFER_HELO] = { ADDRESS },
			[STATE_DEFER_MAIL] = { ADDRESS },
			[STATE_DEFER_RCPT] = { ADDRESS },
		},
	},
	{
		.name = "exim",
		.title = "Exim",
		.version = "4.96",
		.order = ORDER_V6_FIRST, /* host.c: within one preference IPv6 comes first */
		.shuffle = SHUFFLE_ADDRESSES,
		.max_addresses = 5, /* hosts_max_try */
		.one_per_rest = true,
		.hard_addresses = 50, /* hosts_max_try_hardlimit */
		.remembers = true,    /* retry database */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = KERNEL_SYN }, /* connect_timeout 5m */
			[STATE_UNREACHABLE] = { ADDRESS, .seconds = ICMP },
			[STATE_RESET] = { ADDRESS },
			[STATE_BUSY] = { ADDRESS },
			/* smtp_setup_conn: FAIL if host->next is NULL, else DEFER */
			[STATE_REJECT] = { ADDRESS, .bounces_last = true },
			[STATE_BANNER_CLOSE] = { ADDRESS },
			[STATE_SILENT] = { ADDRESS, .seconds = 300 }, /* command_timeout */
			[STATE_DEFER_HELO] = { ADDRESS },
			[STATE_DEFER_MAIL] = { ADDRESS },
			[STATE_DEFER_RCPT] = { ADDRESS },
		},
	},
	{
		.name = "opensmtpd",
		.title = "OpenSMTPD",
		.version = "6.8.0p2",
		.order = ORDER_HOSTS_V6_FIRST, /* measured */
		.dial = DIAL_ROUTER,
		.router = {
			.pause_seconds = 2, /* conndelay_relay */
			.rest_seconds = 15, /* DELAY_ROUTE_BASE, penalty 1 */
			.poll_seconds = 5,  /* DELAY_CHECK_LIMIT */
			.check_seconds = 10, /* DELAY_CHECK_SOURCE_SLOW, first after 1 s */
			.most = 3,          /* mta_connect: nconn > 2 */
		},
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = KERNEL_SYN },
			[STATE_UNREACHABLE] = { ADDRESS },
			[STATE_RESET] = { ADDRESS },
			[STATE_BUSY] = { ADDRESS },
			[STATE_REJECT] = { ADDRESS },
			[STATE_BANNER_CLOSE] = { ADDRESS },
			[STATE_SILENT] = { ADDRESS, .seconds = 300 }, /* io_set_timeout */
			[STATE_DEFER_HELO] = { ADDRESS },
			/* mta_flush_task: the message goes back to the scheduler */
			[STATE_DEFER_MAIL] = { LATER },
			[STATE_DEFER_RCPT] = { LATER },
		},
	},
	{
		.name = "sendmail",
		.title = "Sendmail",
		.version = "8.17.1.9",
		/* Makes one connection to each MX host: makeconnection() tries the
		 * host's addresses until one connects; what that one says decides
		 * about the host (deliver.c: goto tryhost). */
		.order = ORDER_HOSTS_V6_FIRST,
		.shuffle = SHUFFLE_HOSTS,    /* domain.c: mxrand */
		.max_names = 100,   /* conf.h: MAXMXHOSTS */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = 120 }, /* Debian: Timeout.connect, T1b */
			[STATE_UNREACHABLE] = { ADDRESS, .seconds = ICMP },
			[STATE_RESET] = { HOST },
			[STATE_BUSY] = { HOST },
			[STATE_REJECT] = { HOST, .bounces_last = true }, /* T3b */
			[STATE_BANNER_CLOSE] = { HOST },
			[STATE_SILENT] = { HOST, .seconds = 300 }, /* Timeout.initial */
			[STATE_DEFER_HELO] = { HOST },
			[STATE_DEFER_MAIL] = { HOST },
			/* mci_retryrcpt; give_up passes over what is not QS_IS_OK */
			[STATE_DEFER_RCPT] = { HOST, .saves = true },
		},
	},
	{
		.name = "courier",
		.title = "Courier",
		.version = "1.0.16",
		.order = ORDER_HOSTS_V6_FIRST, /* ESMTP_PREFER_IPV6_MX, as Debian sets it */
		.shuffle = SHUFFLE_ADDRESSES,               /* RFC1035_X_RANDOMIZE */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = 60 }, /* esmtptimeoutconnect */
			[STATE_UNREACHABLE] = { ADDRESS },
			/* do_esmtp_connect: rc > 0, a lost connection, is "next MX" ... */
			[STATE_RESET] = { ADDRESS },
			[STATE_BANNER_CLOSE] = { ADDRESS },
			[STATE_SILENT] = { ADDRESS, .seconds = 300 }, /* esmtptimeouthelo */
			/* ... rc < 0, any error reply, "does not try the next MX" */
			[STATE_BUSY] = { LATER },
			[STATE_REJECT] = { BOUNCE },
			[STATE_DEFER_HELO] = { LATER },
			[STATE_DEFER_MAIL] = { LATER },
			[STATE_DEFER_RCPT] = { LATER },
		},
	},
	{
		.name = "dma",
		.title = "dma",
		.version = "0.13",
		.order = ORDER_V6_FIRST, /* dns.c: sort_pref */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = KERNEL_SYN },
			[STATE_UNREACHABLE] = { ADDRESS, .seconds = ICMP },
			[STATE_RESET] = { ADDRESS },
			[STATE_BUSY] = { ADDRESS },
			[STATE_REJECT] = { BOUNCE },    /* T1 */
			/* CON_TIMEOUT: the jump out of read_remote() is into a frame
			 * that is gone, and glibc ends the process (measured); dma -q
			 * begins again with the best. An end of file is read for ever. */
			[STATE_BANNER_CLOSE] = { LATER, .seconds = 300 },
			[STATE_SILENT] = { LATER, .seconds = 300 },
			[STATE_DEFER_HELO] = { BOUNCE }, /* T1 */
			[STATE_DEFER_MAIL] = { ADDRESS },
			[STATE_DEFER_RCPT] = { ADDRESS },
		},
	},
	{
		.name = "chasquid",
		.title = "chasquid",
		.version = "1.11",
		.order = ORDER_HOSTS_V6_FIRST,
		.dial = DIAL_GO,
		.shuffle = SHUFFLE_HOSTS, /* net.LookupMX shuffles equal preferences */
		.honours_sts = true,
		.max_names = 5,
		.dial_seconds = 60, /* smtpDialTimeout */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS },
			[STATE_UNREACHABLE] = { ADDRESS },
			[STATE_RESET] = { HOST },
			[STATE_BUSY] = { HOST },
			[STATE_REJECT] = { HOST },
			[STATE_BANNER_CLOSE] = { HOST },
			[STATE_SILENT] = { HOST, .seconds = 600 }, /* smtpTotalTimeout */
			[STATE_DEFER_HELO] = { HOST },
			[STATE_DEFER_MAIL] = { HOST },
			[STATE_DEFER_RCPT] = { HOST },
		},
	},
	{
		.name = "haraka",
		.title = "Haraka",
		.version = "3.3.4",
		.order = ORDER_HOSTS_V6_FIRST, /* resolve_mx_hosts: AAAA, then A, of each */
		.shuffle = SHUFFLE_HOSTS,               /* sort_mx */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = 30 }, /* connect_timeout */
			[STATE_UNREACHABLE] = { ADDRESS },
			[STATE_RESET] = { ADDRESS },
			[STATE_BANNER_CLOSE] = { ADDRESS },
			[STATE_SILENT] = { ADDRESS, .seconds = 30 }, /* the same socket time-out */
			/* on 'line': 4xx is temp_fail(), 5xx is bounce(), whatever the stage */
			[STATE_BUSY] = { LATER },
			[STATE_REJECT] = { BOUNCE },
			[STATE_DEFER_HELO] = { LATER },
			[STATE_DEFER_MAIL] = { LATER },
			[STATE_DEFER_RCPT] = { LATER },
		},
	},
	{
		.name = "nodemailer-direct",
		.title = "nodemailer-direct",
		.version = "2.7.2, direct-transport 3.3.2",
		.order = ORDER_HOSTS_V6_FIRST,
		.dial = DIAL_NODE,
		.dial_seconds = 120, /* CONNECTION_TIMEOUT */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS },
			[STATE_UNREACHABLE] = { ADDRESS },
			/* on 'error' before EHLO is done: the next exchange. The last
			 * one's error decides: 5xx goes to the caller, else requeued. */
			[STATE_RESET] = { HOST },
			[STATE_BUSY] = { HOST },
			[STATE_REJECT] = { HOST, .bounces_last = true },
			[STATE_SILENT] = { HOST, .seconds = 30 }, /* GREETING_TIMEOUT */
			[STATE_DEFER_HELO] = { HOST },
			[STATE_BANNER_CLOSE] = { HANG }, /* 'end' is not an 'error' */
			[STATE_DEFER_MAIL] = { LATER },
			[STATE_DEFER_RCPT] = { LATER },
		},
	},
	{
		.name = "qmail",
		.title = "qmail",
		.version = "netqmail 1.06",
		.order = ORDER_MIXED, /* dns_mxip, a list of IPv4 addresses */
		.shuffle = SHUFFLE_ADDRESSES,
		.is_v4_only = true,
		.remembers = true, /* tcpto.c */
		.rules = {
			[STATE_OPEN] = { DELIVER },
			[STATE_CLOSED] = { ADDRESS },
			[STATE_DEAD] = { ADDRESS, .seconds = 60 }, /* timeoutconnect */
			[STATE_UNREACHABLE] = { ADDRESS },
			/* "smtp(); does not return": connected once, it stays */
			[STATE_RESET] = { LATER },
			[STATE_BUSY] = { LATER },
			[STATE_REJECT] = { LATER }, /* "Z... but greeting failed" */
			[STATE_BANNER_CLOSE] = { LATER },
			[STATE_SILENT] = { LATER, .seconds = 1200 }, /* timeoutremote */
			[STATE_DEFER_HELO] = { LATER },
			[STATE_DEFER_MAIL] = { LATER },
			[STATE_DEFER_RCPT] = { LATER },
		},
	},

/* A bot tries what it picks, once, and has no patience. */
#define BOT_RULES                                                                        \
	.rules = {                                                                       \
		[STATE_OPEN] = { DELIVER },                                              \
		[STATE_CLOSED] = { ADDRESS },                                            \
		[STATE_DEAD] = { ADDRESS, .seconds = 30 },                               \
		[STATE_UNREACHABLE] = { ADDRESS },                                       \
		[STATE_RESET] = { ADDRESS },                                             \
		[STATE_BUSY] = { ADDRESS },                                              \
		[STATE_REJECT] = { ADDRESS },                                            \
		[STATE_BANNER_CLOSE] = { ADDRESS },                                      \
		[STATE_SILENT] = { ADDRESS, .seconds = 30 },                             \
		[STATE_DEFER_HELO] = { ADDRESS },                                        \
		[STATE_DEFER_MAIL] = { ADDRESS },                                        \
		[STATE_DEFER_RCPT] = { ADDRESS },                                        \
	}
	{ .name = "first-only", .title = "A bot", .version = "", .is_bot = true, .pick = PICK_FIRST, BOT_RULES },
	{ .name = "last-only", .title = "A bot", .version = "", .is_bot = true, .pick = PICK_LAST, BOT_RULES },
	{ .name = "random", .title = "A bot", .version = "", .is_bot = true, .pick = PICK_RANDOM, BOT_RULES },
	{ .name = "shotgun", .title = "A bot", .version = "", .is_bot = true, .pick = PICK_ALL, BOT_RULES },
	/* ... but this one, which queues and walks like a mail server */
	{ .name = "retrying", .title = "A bot", .version = "", .is_bot = true, .shuffle = SHUFFLE_ADDRESSES, BOT_RULES },
};

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		if (strcmp(profile_table[i].name, name) == 0)
			return &profile_table[i];
	return NULL;
}
