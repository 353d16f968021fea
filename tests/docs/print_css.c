/* print_css - the style sheet of the report's page, or with -h its hash. */
#include <stdio.h>

#include "outlet/page/page.h"

int main(int argc, char **argv)
{
	(void)argv;
	return fputs(argc > 1 ? page_css_hash : page_css, stdout) < 0;
}
