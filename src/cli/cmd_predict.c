/* predict - what mail programs would do with MX hosts that behave as described. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/suggestion.h"
#include "cli/cli.h"
#include "cli/senders.h"
#include "cli/verbs.h"
#include "outlet/json.h"

enum { HOSTS_MAX = 64, PREFERENCE_MAX = 65535 };

/* The arguments, taken apart. texts are labels: each argument, and copies of
 * the items behind its equals sign. */
struct mx_set {
	struct predict_host hosts[HOSTS_MAX];
	struct senders_label labels[HOSTS_MAX];
	struct predict_address addresses[PREDICT_ADDRESSES_MAX];
	const char *texts[PREDICT_ADDRESSES_MAX];
	size_t hosts_len, addresses_len;
};

static int refuse_state(const struct cli *c, const char *argument, const char *word)
{
	struct suggestion n = suggestion_for(word);
	for (unsigned s = 0; s < STATE_COUNT; s++)
		suggestion_offer(&n, state_name((enum state)s));
	if (n.best)
		return cli_usage(c, "%s: unknown state '%s'; did you mean '%s'?",
				 argument, word, n.best);
	struct buf names = BUF_INIT(1024);
	for (unsigned s = 0; s < STATE_COUNT; s++)
		buf_addf(&names, "%s%s", s == 0 ? "" : " ", state_name((enum state)s));
	int code = cli_usage(c, "%s: unknown state '%s'; there are %s", argument, word,
			     buf_text(&names));
	buf_release(&names);
	return code;
}

/* item is "open" or "open/6"; it is kept as the label. */
static int add_address(const struct cli *c, struct mx_set *l, const char *argument,
		       char *item)
{
	size_t n = strcspn(item, "/");

	if (l->addresses_len == PREDICT_ADDRESSES_MAX)
		return cli_usage(c, "more than %d addresses", PREDICT_ADDRESSES_MAX);
	struct predict_address *a = &l->addresses[l->addresses_len];
	if (n == 0)
		return cli_usage(
		    c, "%s: a state is missing; write PREFERENCE=STATE[,STATE]...",
		    argument);
	if (item[n] && strcmp(item + n, "/6") != 0)
		return cli_usage(c,
				 "%s: '%s' is not understood; /6 marks an IPv6 address",
				 argument, item);
	if (!state_parse_n(item, n, &a->state)) {
		item[n] = '\0';
		return refuse_state(c, argument, item);
	}
	a->is_v6 = item[n] != '\0';
	l->texts[l->addresses_len++] = item;
	return CLI_DONE;
}

/* rest is a copy of the argument that is cut into items. */
static int add_host(const struct cli *c, struct mx_set *l, const char *argument,
		    char *rest)
{
	uint64_t preference;
	size_t n = strcspn(argument, "=");

	if (argument[n] == '\0')
		return cli_usage(
		    c, "'%s' is no host; write PREFERENCE=STATE, such as 10=open",
		    argument);
	if (!number_parse(argument, n, PREFERENCE_MAX, &preference))
		return cli_usage(c, "%s: a preference is a number from 0 to %d", argument,
				 PREFERENCE_MAX);
	if (l->hosts_len == HOSTS_MAX)
		return cli_usage(c, "more than %d hosts", HOSTS_MAX);
	size_t first = l->addresses_len;
	rest += n + 1;
	for (char *item; (item = strsep(&rest, ","));) {
		int code = add_address(c, l, argument, item);
		if (code)
			return code;
	}
	l->labels[l->hosts_len] = (struct senders_label){ argument, l->texts + first };
	l->hosts[l->hosts_len++] = (struct predict_host){
		.preference = (uint16_t)preference,
		.addresses = l->addresses + first,
		.addresses_len = l->addresses_len - first,
	};
	return CLI_DONE;
}

static void print_json(const struct senders *s)
{
	struct buf b = BUF_INIT(SENDERS_TEXT_MAX);
	json_t *o = json_object();
	json_add(o, "version", json_integer(1));
	json_add(o, "senders", senders_json(s));
	json_line(o, &b);
	(void)puts(buf_text(&b));
	buf_release(&b);
}

static int run(struct cli *c, int argc, char **argv)
{
	struct mx_set *l = xcalloc(1, sizeof(*l));
	char **copies = xcalloc((size_t)argc, sizeof(*copies));
	int code = CLI_DONE;

	for (int i = 0; i < argc && code == CLI_DONE; i++) {
		copies[i] = xstrdup(argv[i]);
		code = add_host(c, l, argv[i], copies[i]);
	}
	if (code == CLI_DONE) {
		struct senders s = { .hosts = l->hosts,
				     .hosts_len = l->hosts_len,
				     .labels = l->labels,
				     .with_bots = cli_flag(c, "bots") };
		if (c->json)
			print_json(&s);
		else
			senders_table(stdout, &s);
	}
	for (int i = 0; i < argc; i++)
		free(copies[i]);
	free(copies);
	free(l);
	return code;
}

static const struct option_row options[] = {
	{ .name = "bots", .meaning = "Add what spambots would do." },
	{ 0 },
};

const struct verb verb_predict = {
	.name = "predict",
	.run = run,
	.synopsis = "[--bots] PREF=STATE[,STATE]...",
	.summary = "what mail programs would do with MX hosts in these states",
	.help =
	    "Each argument is a host: its preference, and the state of each of its "
	    "addresses;\n"
	    "/6 marks an IPv6 address. Only open takes mail. Other states: closed dead\n"
	    "unreachable reset busy reject banner-close silent defer-helo defer-mail\n"
	    "defer-rcpt. Where equal preferences or families leave the order open, the "
	    "worst\n"
	    "is shown.\n\n"
	    "  fakemx predict 0=closed 10=open,open/6 20=open 30=defer-rcpt",
	.least = 1,
	.most = CLI_ANY,
	.options = options,
};
