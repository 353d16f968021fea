#include "source/maillog/sendmail_parts.h"

#include <time.h>

#include "base/hash.h"
#include "base/stamp.h"
#include "source/maillog/words.h"

/* Clients */

static bool take_end(struct slice *in, const char *text)
{
	size_t len = strlen(text);
	if (slice_len(*in) < len || memcmp(in->end - len, text, len) != 0)
		return false;
	in->end -= len;
	return true;
}

bool sendmail_read_address(struct slice in, struct addr *ret_address)
{
	(void)slice_take_text(&in, "IPv6:");
	return addr_parse_n(in.at, slice_len(in), ret_address);
}

bool sendmail_has_only(struct slice in, struct addr address)
{
	struct slice before, inside;
	struct addr other;
	while (slice_take_until(&in, '[', &before) && slice_take_until(&in, ']', &inside))
		if (sendmail_read_address(inside, &other) && !addr_equal(other, address))
			return false;
	return true;
}

/* What a resolver may give, and more; but nothing that could end it. */
static bool is_name(struct slice in)
{
	for (const char *p = in.at; p < in.end; p++)
		if (*p <= ' ' || *p == 0x7f || strchr("[]()<>,;:=@\"", *p))
			return false;
	return slice_len(in) > 0;
}

/* Leaves what is behind the last "@". */
static bool drop_user(struct slice *in)
{
	const char *p = in->end;
	while (p > in->at && p[-1] != '@')
		p--;
	struct slice user = { in->at, p };
	in->at = p;
	return !memchr(user.at, '[', slice_len(user));
}

/* "mail.example ", "user@mail.example ", "[192.0.2.1] ": a name that says no
 * more than the address is none. */
static bool read_name(struct slice in, struct sendmail_client *c)
{
	c->name = (struct slice){ in.at, in.at };
	if (slice_len(in) == 0)
		return true;
	if (!take_end(&in, " "))
		return false;
	if (!drop_user(&in))
		return false;
	if (is_name(in)) {
		c->name = in;
		return true;
	}
	return slice_take(&in, '[') && take_end(&in, "]") &&
	       !memchr(in.at, '[', slice_len(in)) && sendmail_has_only(in, c->address);
}

bool sendmail_read_client(struct slice in, struct sendmail_client *ret_client)
{
	bool is_forged = take_end(&in, " (may be forged)");
	struct sendmail_client c;
	if (!take_end(&in, "]") || slice_len(in) == 0)
		return false;
	const char *bracket = memrchr(in.at, '[', slice_len(in));
	if (!bracket ||
	    !sendmail_read_address((struct slice){ bracket + 1, in.end }, &c.address) ||
	    !read_name((struct slice){ in.at, bracket }, &c))
		return false;
	if (is_forged)
		c.name.end = c.name.at;
	*ret_client = c;
	return true;
}

/* Queue ids: YMDhmsNN and five or more digits; before 8.12 one N. */

enum { DATE_LEN = 6, ID_MIN = 12, ID_OLD_MAX = 13, ID_MAX = 20, YEARS = 60 };

bool sendmail_take_queue_id(struct slice *in, struct slice *ret_id)
{
	struct slice rest = *in, id;
	while (rest.at < rest.end &&
	       (words_is_digit(*rest.at) || words_is_letter(*rest.at)))
		rest.at++;
	id = (struct slice){ in->at, rest.at };
	if (slice_len(id) < ID_MIN || slice_len(id) > ID_MAX ||
	    !slice_take_text(&rest, ": "))
		return false;
	*ret_id = id;
	*in = rest;
	return true;
}

/* 0 to 61 */
static int value_of(char c)
{
	return words_is_digit(c) ? c - '0' : c <= 'Z' ? c - 'A' + 10 : c - 'a' + 36;
}

static bool is_dated(struct slice id)
{
	static const int most[DATE_LEN] = { YEARS - 1, 11, 31, 23, 59, 59 };
	if (slice_len(id) < ID_MIN)
		return false;
	for (size_t i = 0; i < DATE_LEN; i++)
		if (value_of(id.at[i]) > most[i])
			return false;
	if (value_of(id.at[2]) == 0)
		return false;
	for (const char *p = id.at + DATE_LEN + 2; p < id.end; p++)
		if (!words_is_digit(*p))
			return false;
	return true;
}

int64_t sendmail_id_time(struct slice id, int64_t now)
{
	time_t seconds = (time_t)(now / STAMP_SECOND);
	struct tm tm;
	if (!is_dated(id) || !gmtime_r(&seconds, &tm))
		return 0;
	int year = tm.tm_year + (value_of(id.at[0]) - tm.tm_year % YEARS + YEARS) % YEARS;
	if (year - tm.tm_year > YEARS / 2) /* last year's, seen on New Year's Day */
		year -= YEARS;
	return stamp_civil(year + 1900, value_of(id.at[1]) + 1, value_of(id.at[2]),
			   value_of(id.at[3]), value_of(id.at[4]), value_of(id.at[5])) *
	       STAMP_SECOND;
}

uint64_t sendmail_id_process(struct slice id)
{
	size_t counted = slice_len(id) > ID_OLD_MAX ? 2 : 1;
	if (!is_dated(id))
		return 0;
	uint64_t h[2] = { hash_bytes(id.at, DATE_LEN),
			  hash_bytes(id.at + DATE_LEN + counted,
				     slice_len(id) - DATE_LEN - counted) };
	return hash_bytes(h, sizeof(h)) | 1;
}

/* Pairs */

/* Takes ", key=word" off the end; key and word have no blank and no comma. False
 * leaves the slice. */
static bool take_last_pair(struct slice *in, struct slice *ret_key,
			   struct slice *ret_word)
{
	const char *p = in->end;
	while (p > in->at && p[-1] != ' ' && p[-1] != ',')
		p--;
	struct slice word = { p, in->end }, key;
	if (p - in->at < 2 || p[-1] != ' ' || p[-2] != ',' ||
	    !slice_take_until(&word, '=', &key))
		return false;
	*ret_key = key;
	*ret_word = word;
	in->end = p - 2;
	return true;
}

/* False: not one of them. */
static bool take_own_word(struct sendmail_own_words *w, struct slice key,
			  struct slice word)
{
	if (slice_is(key, "daemon")) {
		w->daemon = word;
	} else if (slice_is(key, "proto")) {
		w->has_proto = true;
		w->is_user |= slice_len(word) && word.end[-1] == 'A'; /* RFC 3848 */
	} else if (slice_is(key, "auth")) {
		w->is_user |= !slice_is(word, "NONE");
	} else if (!slice_is(key, "bodytype") && !slice_is(key, "tls_verify")) {
		return false;
	}
	return true;
}

/* From the right. */
struct sendmail_own_words sendmail_read_own_words(struct slice in)
{
	struct sendmail_own_words w = { .daemon = { in.at, in.at } };
	struct slice key, word;
	while (take_last_pair(&in, &key, &word)) {
		if (take_own_word(&w, key, word))
			continue;
		w.is_envelope = slice_is(key, "nrcpts") && words_is_number(word);
		w.has_recipient = !w.is_envelope || !slice_is(word, "0");
		break;
	}
	return w;
}

/* Words of its own */

/* Daemons that take mail of users, by the names that Sendmail's manual and its
 * packagers give them. */
bool sendmail_is_submission(struct slice daemon)
{
	static const char *const words[] = { "MSA",   "MSP",   "TLSMTA",     "SSLMTA",
					     "SMTPS", "smtps", "submission", "stdin" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words_find(daemon, words[i]))
			return true;
	return false;
}

/* What is asked of a server we send to, or of things that are no mail. */
bool sendmail_is_other_ruleset(struct slice name)
{
	static const char *const names[] = { "tls_server", "try_tls",     "tls_rcpt",
					     "authinfo",   "check_vrfy",  "check_expn",
					     "check_etrn", "check_compat" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

/* Rulesets that are not named here check headers. */
enum depth sendmail_stage_of_ruleset(struct slice name)
{
	return slice_is(name, "check_relay")  ? DEPTH_CONNECT
	       : slice_is(name, "check_mail") ? DEPTH_MAIL
	       : slice_is(name, "tls_client") ? DEPTH_MAIL
	       : slice_is(name, "check_rcpt") ? DEPTH_RCPT
					      : DEPTH_DATA;
}

bool sendmail_is_early_traffic(struct slice cause)
{
	struct slice seconds;
	return slice_is(cause, "traffic before response") ||
	       (slice_take_text(&cause, "pre-greeting traffic after ") &&
		slice_take_until(&cause, ' ', &seconds) && words_is_number(seconds) &&
		slice_is(cause, "seconds"));
}
