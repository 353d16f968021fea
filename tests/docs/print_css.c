/* print_css - the style sheet of the report's page, or with -h its hash. */
#include <stdio.h>

#include "outlet/report_html.h"

int main(int argc, char **argv)
{
	(void)argv;
	return fputs(argc > 1 ? report_css_hash : report_css, stdout) < 0;
}
