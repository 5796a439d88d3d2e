/*
 * Sheets: one object as people read it in a terminal: sections with a heading at the left, and
 * beside it lines that fit into 80 cells.
 *
 *     Why         > The ERP takes over every order, and the parcel numbers come back into
 *                 > the shop.
 *
 * All text is escaped (cli/output.h), so that nobody's words drive the terminal. Words that
 * somebody wrote freely stand behind a mark, line by line, so that they cannot pass for a line of
 * ours. Thread rule: one thread.
 */
#ifndef CS_CLI_SHEET_H
#define CS_CLI_SHEET_H

#include "cli/output.h"

#define CS_SHEET_WIDTH 80
#define CS_SHEET_INDENT 12 /* where lines begin, beside the headings */

struct cs_sheet {
    struct cs_buf *out;
    enum cs_output_style style;
    const char *heading; /* of the section, until its first line is written */
    size_t indent;       /* of further lines, beyond CS_SHEET_INDENT */
};

/* What follows is below this heading, which is written with the first line, or never. */
void cs_sheet_section(struct cs_sheet *sheet, const char *heading);
/* One line, which goes on below when it is too long; what goes on is set in by two. None for "". */
void cs_sheet_line(struct cs_sheet *sheet, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for words that somebody wrote: as many lines as they have, each behind "> ". */
void cs_sheet_quote(struct cs_sheet *sheet, const char *text);

#endif
