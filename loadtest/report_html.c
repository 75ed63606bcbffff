#include "loadtest/report_html.h"

#include "loadtest/report_page.h"

void report_html(const struct report *r, FILE *f)
{
    struct buf json = BUF_INIT;
    report_json(r, &json); /* '<' is escaped there: no text can end the script */
    fwrite(page_head, 1, sizeof page_head, f);
    fwrite(json.ptr, 1, json.len, f);
    fwrite(page_tail, 1, sizeof page_tail, f);
    buf_fini(&json);
}
