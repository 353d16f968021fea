/*
 * html - text into HTML, escaped, whatever it is
 *
 * Every text that is not a literal of ours goes through html_text() or
 * html_attr(): names come from the network. The result is well-formed XML as
 * well (RFC 7303 or not: tests read it so): attributes are quoted, what XML
 * forbids does not pass.
 *
 *	& < > " '		their references
 *	not UTF-8		U+FFFD, one a byte
 *	controls, direction
 *	marks, invisible	<U+202E>, to be read: utf8_is_deceptive()
 *
 * Use:
 *	buf_adds(out, "<td");
 *	html_attr(out, "title", name);
 *	buf_adds(out, ">");
 *	html_text(out, name);
 *	buf_adds(out, "</td>");
 */
#ifndef FMX_OUTLET_PAGE_HTML_H
#define FMX_OUTLET_PAGE_HTML_H

#include <stdint.h>

#include "base/buf.h"

void html_text(struct buf *out, const char *text);
/* ` name="value"`, with the space before it. name is ours. */
void html_attr(struct buf *out, const char *name, const char *value);
/* ASCII whose spaces do not end a line: "31 s". */
void html_unbroken(struct buf *out, const char *text);
/* "12 345", with narrow no-break spaces. */
void html_count(struct buf *out, uint64_t n);
/* <time>, readable, to the second, in UTC. */
void html_time(struct buf *out, int64_t t);

#endif
