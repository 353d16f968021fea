/* What every page begins and ends with. */
#include "outlet/page/page_internal.h"

void page_begin(struct buf *out, const char *title, bool is_file)
{
	buf_adds(out,
		 "<!DOCTYPE html>\n"
		 "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
		 "<meta charset=\"utf-8\"/>\n");
	if (is_file)
		buf_addf(out,
			 "<meta http-equiv=\"Content-Security-Policy\" "
			 "content=\"default-src 'none'; style-src '%s'; base-uri 'none'; "
			 "form-action 'none'\"/>\n",
			 page_css_hash);
	buf_adds(out, "<meta name=\"viewport\" content=\"width=device-width, "
		      "initial-scale=1\"/>\n"
		      "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
		      "<meta name=\"robots\" content=\"noindex\"/>\n"
		      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>");
	html_text(out, title);
	buf_adds(out, "</title>\n<style>");
	buf_adds(out, page_css);
	buf_adds(out, "</style>\n</head>\n<body>\n");
}

void page_end(struct buf *out)
{
	buf_adds(out, "</body>\n</html>\n");
}

void page_foot_line(struct buf *out)
{
	buf_adds(out,
		 "<p>Made by fakemx " FMX_VERSION
		 " from its journal. Times are UTC. This page loads nothing and runs "
		 "nothing.</p>\n");
}
