#include "loadtest/report_html.h"

#include "loadtest/report_page.h"

void report_html_page(struct slice json, FILE *f)
{
    fwrite(page_head, 1, sizeof page_head, f);
    fwrite(json.ptr, 1, json.len, f); /* '<' is escaped there: no text can end the script */
    fwrite(page_tail, 1, sizeof page_tail, f);
}

void report_html(const struct report *r, FILE *f)
{
    struct buf json = BUF_INIT;
    report_json(r, &json);
    report_html_page(buf_slice(&json), f);
    buf_fini(&json);
}
