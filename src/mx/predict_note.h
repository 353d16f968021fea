/*
 * predict_note - the sentence that explains a prediction
 *
 * Private to predict.c, apart because wording is not thinking.
 */
#ifndef FMX_MX_PREDICT_NOTE_H
#define FMX_MX_PREDICT_NOTE_H

#include "base/buf.h"
#include "mx/predict.h"

/* Why a run ended as it did. */
struct predict_why {
	const struct profile *p;
	const struct attempt *attempt;
	const struct attempt_target *targets; /* in the order of the run */
	size_t targets_len;
	enum predict_outcome outcome;
	bool is_luck;         /* another order of equal preferences would deliver */
	bool is_hypothetical; /* the run is of the day when one more host is open */
};

void predict_note(struct buf *b, const struct predict_why *why);

#endif
