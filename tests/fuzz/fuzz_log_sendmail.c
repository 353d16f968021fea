#include "log_words.h"

LOG_WORDS("sm-mta", "sendmail", "sm-acceptingconnections")
