/*
 * page_internal - what the files of the page share
 *
 *	page.c		the frame: head, index of sites, what a site says first
 *	page_number.c	numbers, each with its key
 *	page_site.c	the tables
 *	page_chart.c	the charts
 *	page_evidence.c	before and after, what lists knew, what it costs
 *	page_css.c	the style sheet
 */
#ifndef FMX_OUTLET_PAGE_PAGE_INTERNAL_H
#define FMX_OUTLET_PAGE_PAGE_INTERNAL_H

#include "outlet/page/html.h"
#include "outlet/page/page.h"

struct page {
	const struct report *r;
	const struct report_site *s; /* of the section that is written */
	size_t index;                /* of s */
	struct buf *out;
};

/* <data> elements; key is a format. */
FMX_PRINTF(3, 4) void page_count(const struct page *p, uint64_t n, const char *key, ...);
FMX_PRINTF(3, 4)
void page_seconds(const struct page *p, int64_t us, const char *key, ...);
/* "12.3 %" of a part of 1. */
FMX_PRINTF(3, 4)
void page_percent(const struct page *p, double part, const char *key, ...);
/* "1.7" */
FMX_PRINTF(3, 4) void page_rate(const struct page *p, double rate, const char *key, ...);

/* How many more there are than were shown; nothing if none. */
void page_more(struct buf *out, size_t all, size_t shown, const char *what);

/* Sections, in the order of the page. */
void page_good_mail(const struct page *p);
void page_stopped(const struct page *p);
void page_evidence(const struct page *p);
void page_background(const struct page *p);
void page_senders(const struct page *p);
void page_sight(const struct page *p);
void page_numbers(const struct page *p);

/* Figures. Nothing is written where there is nothing to draw. */
void page_delay_chart(const struct page *p);
void page_fate_chart(const struct page *p);
void page_decoy_chart(const struct page *p);
void page_sight_chart(const struct page *p);

#endif
