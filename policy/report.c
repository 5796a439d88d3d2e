#include "policy/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

void cs_report_init(struct cs_report *report, const char *name)
{
    memset(report, 0, sizeof(*report));
    snprintf(report->name, sizeof(report->name), "%s", name);
}

/* Messages quote the file, cut by bytes: what is left of a character becomes a question mark. */
static void make_readable(char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code;
        size_t step = cs_utf8_next(text, left, &code);
        if (step == 0) {
            *text = '?';
            step = 1;
        }
        text += step;
        left -= step;
    }
}

void cs_report_add(struct cs_report *report, struct cs_mark at, const char *format, ...)
{
    if (report->count == CS_REPORT_MAX) {
        report->dropped++;
        return;
    }
    struct cs_report_item *item = &report->items[report->count++];
    item->at = at;
    va_list args;
    va_start(args, format);
    vsnprintf(item->message, sizeof(item->message), format, args);
    va_end(args);
    make_readable(item->message);
}

static bool is_before(struct cs_mark a, struct cs_mark b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

void cs_report_sort(struct cs_report *report)
{
    for (size_t i = 1; i < report->count; i++) {
        struct cs_report_item item = report->items[i];
        size_t j = i;
        for (; j > 0 && is_before(item.at, report->items[j - 1].at); j--)
            report->items[j] = report->items[j - 1];
        report->items[j] = item;
    }
}

void cs_report_print(const struct cs_report *report, struct cs_buf *out)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct cs_report_item *item = &report->items[i];
        cs_buf_put_str(out, report->name);
        if (item->at.line > 0)
            cs_buf_printf(out, ":%u:%u", item->at.line, item->at.column);
        cs_buf_printf(out, ": %s\n", item->message);
    }
    if (report->dropped > 0)
        cs_buf_printf(out, "%s: and %zu more\n", report->name, report->dropped);
}
