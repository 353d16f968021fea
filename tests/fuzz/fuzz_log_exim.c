#include "log_words.h"

LOG_WORDS("exim", "exim4")
