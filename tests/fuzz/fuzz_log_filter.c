#include "log_words.h"

/* Beside a mail server whose messages they speak of. */
LOG_WORDS("postfix/smtpd", "postfix/cleanup", "postfix/qmgr", "rspamd", "spamd", "amavis",
	  "spamass-milter", "exim")
