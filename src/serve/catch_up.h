/*
 * catch_up - looks at everything now, and says when it is done
 *
 * After the clock of a trial jumped, or when SIGUSR1 asks: real hosts are probed, every
 * source looks again, all watermarks are written, and what became due is judged.
 *
 * Use:
 *	catch_up_ask(n);
 *	catch_up_look(n);	// often; says when it is done
 */
#ifndef FMX_SERVE_CATCH_UP_H
#define FMX_SERVE_CATCH_UP_H

#include "serve/parts.h"

/* From now on, whatever had been begun. */
void catch_up_begin(struct engine *n);
/* What was begun is done first, in silence, and then all once more. */
void catch_up_ask(struct engine *n);
void catch_up_look(struct engine *n);
/* Writes a line to ready_fd. Whoever does not read gets nothing. */
void catch_up_tell(struct engine *n, const char *line);

#endif
