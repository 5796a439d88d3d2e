#include "cli/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536
#define HANGING 2 /* cells that a folded line is set in by */

void cs_sheet_section(struct cs_sheet *sheet, const char *heading)
{
    sheet->heading = heading;
    sheet->indent = 0;
}

/* The heading if it is still to come, and space up to where the line begins. */
static void begin_line(struct cs_sheet *sheet, size_t indent)
{
    size_t used = 0;
    bool bold = sheet->style == CS_OUTPUT_BOLD && sheet->heading != NULL;
    cs_buf_put_str(sheet->out, bold ? "\033[1m" : "");
    if (sheet->heading != NULL) {
        cs_buf_put_str(sheet->out, sheet->heading);
        used = strlen(sheet->heading);
        sheet->heading = NULL;
    }
    cs_buf_put_str(sheet->out, bold ? "\033[0m" : "");
    cs_buf_put_spaces(sheet->out, CS_SHEET_INDENT + indent - used);
}

static size_t char_len(const uint8_t *bytes, size_t left)
{
    size_t len = 1;
    while (len < left && (bytes[len] & 0xC0) == 0x80)
        len++;
    return len;
}

/*
 * How many bytes of escaped text go into so many cells: up to the last space before the end, or, of
 * a word that is longer than the line, as much of it as fits. At least one character.
 */
static size_t fold_at(struct cs_slice text, size_t cells)
{
    size_t at = 0;
    size_t space = 0;
    size_t width = 0;
    while (at < text.len) {
        size_t len = char_len(text.bytes + at, text.len - at);
        width += cs_output_width(CS_SLICE(text.bytes + at, len));
        if (text.bytes[at] == ' ' && width <= cells + 1)
            space = at;
        if (width > cells)
            break;
        at += len;
    }
    if (at == text.len)
        return at;
    if (space > 0)
        return space;
    return at > 0 ? at : char_len(text.bytes, text.len);
}

static void put_folded(struct cs_sheet *sheet, struct cs_slice text, const char *mark,
                       size_t hanging)
{
    size_t indent = sheet->indent;
    size_t marked = strlen(mark);
    size_t at = 0;
    do {
        size_t cells = CS_SHEET_WIDTH - CS_SHEET_INDENT - indent - marked;
        struct cs_slice rest = CS_SLICE(text.bytes + at, text.len - at);
        size_t len = fold_at(rest, cells);
        size_t shown = len;
        while (shown > 0 && rest.bytes[shown - 1] == ' ')
            shown--;
        begin_line(sheet, indent);
        cs_buf_put(sheet->out, mark, shown > 0 || marked == 0 ? marked : 1);
        cs_buf_put(sheet->out, rest.bytes, shown);
        cs_buf_put_char(sheet->out, '\n');
        at += len;
        at += at < text.len && text.bytes[at] == ' ';
        indent = sheet->indent + hanging;
    } while (at < text.len);
}

/* A line without end, escaped and then folded: an escape sequence is shorter than any line. */
static void put_line(struct cs_sheet *sheet, struct cs_slice text, const char *mark, size_t hanging)
{
    struct cs_buf shown;
    cs_buf_init(&shown, TEXT_MAX);
    cs_output_escape(&shown, text);
    if (cs_buf_err(&shown) == CS_OK)
        put_folded(sheet, CS_SLICE(shown.bytes, shown.len), mark, hanging);
    else
        sheet->out->err = cs_buf_err(&shown);
    cs_buf_free(&shown);
}

void cs_sheet_line(struct cs_sheet *sheet, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        sheet->out->err = CS_ERR_NOMEM;
        return;
    }
    if (len > 0)
        put_line(sheet, CS_SLICE(text, (size_t)len), "", HANGING);
    free(text);
}

void cs_sheet_quote(struct cs_sheet *sheet, const char *text)
{
    bool blank = false;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        /* A page of empty lines would push what stands below it out of sight. */
        if (len > 0 || !blank)
            put_line(sheet, CS_SLICE(text, len), "> ", 0);
        blank = len == 0;
        text += len + (text[len] == '\n');
    }
}
