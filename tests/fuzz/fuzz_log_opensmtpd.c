#include "log_words.h"

LOG_WORDS("smtpd")
