/*
 * page_internal - what the files of the page share
 *
 *	page.c		index of sites, what a site says first, how to read it
 *	page_frame.c	what every page begins and ends with
 *	page_live.c	what a page over HTTP has besides: periods, search, messages
 *	page_sender.c	the page of one sender
 *	page_number.c	numbers, each with its key
 *	page_site.c	the tables
 *	page_chart.c	the charts
 *	page_evidence.c	before and after, what lists knew, what it costs
 *	page_estimate.c	an estimate from mail logs
 *	page_css.c	the style sheet
 */
#ifndef FMX_OUTLET_PAGE_PAGE_INTERNAL_H
#define FMX_OUTLET_PAGE_PAGE_INTERNAL_H

#include "outlet/page/html.h"
#include "outlet/page/page.h"

struct page {
	const struct report *r;
	const struct page_live *live; /* NULL: a file */
	const struct report_site *s;  /* of the section that is written */
	size_t index;                 /* of s */
	struct buf *out;
};

/* The frame of every page; is_file: its policy stands in the page itself. */
void page_begin(struct buf *out, const char *title, bool is_file);
void page_end(struct buf *out);
void page_foot_line(struct buf *out);
/* What a page over HTTP begins with. live NULL: no report's period is chosen. */
void page_bar(struct buf *out, const struct page_live *live);
/* The address, as a link to its page where there is one. */
void page_address(const struct page *p, struct addr a);
/* <a href="/site/NAME?period=...">, to be ended with </a>. */
/* A site of that name, or several judged together. */
bool page_is_site(const struct report_site *s, const char *site);
void page_begin_site_link(const struct page *p, const char *name);

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
