#include "log_words.h"

LOG_WORDS("postfix/smtpd", "postfix/cleanup", "postfix/qmgr", "postfix/smtp",
	  "postfix/postscreen", "postfix/local", "postfix/master", "postfix")
