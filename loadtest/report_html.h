/* report_html - the report as one page that needs nothing from outside (report.html around the
 * JSON). */
#ifndef SOUK_LOADTEST_REPORT_HTML_H
#define SOUK_LOADTEST_REPORT_HTML_H

#include "loadtest/report.h"

/* Any JSON the page knows how to draw: a report or a curve. */
void report_html_page(struct slice json, FILE *f);
void report_html(const struct report *r, FILE *f);

#endif
