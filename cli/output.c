#include "cli/output.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/array.h"
#include "base/file.h"
#include "base/secret/secret.h"

#define COLUMN_GAP 2
#define NESTED_MAX 8      /* deeper objects are shown as JSON */
#define NAME_SIZE 256     /* of a nested member's dotted name */
#define MESSAGE_MAX 65536 /* bytes of one message on stderr */

struct range {
    uint32_t first, last;
};

/*
 * Characters that wcwidth takes for printable, but that are invisible or change the order in which
 * their neighbours are shown: marks and overrides of direction, zero-width spaces and operators,
 * separators of lines, variation selectors' supplement and tags.
 */
static const struct range deceitful[] = {
    {0x00AD, 0x00AD}, {0x061C, 0x061C}, {0x115F, 0x1160},   {0x180B, 0x180F},   {0x200B, 0x200B},
    {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

/*
 * One character of well-formed UTF-8 (RFC 3629, section 4): its length, 0 if there is none here.
 */
static size_t decode(const uint8_t *bytes, size_t len, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (bytes[0] < 0x80) {
        *point = bytes[0];
        return 1;
    }
    size_t size = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : bytes[0] >= 0xC0 ? 2 : 0;
    if (size == 0 || size > len || bytes[0] > 0xF4)
        return 0;
    uint32_t value = bytes[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3Fu);
    }
    if (value < least[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *point = value;
    return size;
}

/* Cells that a character fills, or -1 if it must not be shown. */
static int cells(uint32_t point)
{
    for (size_t i = 0; i < CS_COUNT(deceitful); i++)
        if (point >= deceitful[i].first && point <= deceitful[i].last)
            return -1;
    if (point < 0x80)
        return point < 0x20 || point == 0x7F ? -1 : 1;
    return wcwidth((wchar_t)point);
}

/* The C library tells widths by the locale: every Debian has this one. */
static void know_widths(void)
{
    const char *now = setlocale(LC_CTYPE, NULL);
    if (now == NULL || strcmp(now, "C.UTF-8") != 0)
        (void)!setlocale(LC_CTYPE, "C.UTF-8");
}

static void escape_point(struct cs_buf *out, uint32_t point)
{
    if (point == '\n')
        cs_buf_put_str(out, "\\n");
    else if (point == '\t')
        cs_buf_put_str(out, "\\t");
    else
        cs_buf_printf(out, "\\u%04x", (unsigned)point);
}

void cs_output_escape(struct cs_buf *out, struct cs_slice text)
{
    know_widths();
    size_t size;
    for (size_t at = 0; at < text.len; at += size) {
        uint32_t point;
        size = decode(text.bytes + at, text.len - at, &point);
        if (size == 0) {
            cs_buf_printf(out, "\\x%02x", text.bytes[at]);
            size = 1;
        } else if (cells(point) < 0) {
            escape_point(out, point);
        } else {
            cs_buf_put(out, text.bytes + at, size);
        }
    }
}

size_t cs_output_width(struct cs_slice text)
{
    know_widths();
    size_t width = 0, size;
    for (size_t at = 0; at < text.len; at += size) {
        uint32_t point;
        size = decode(text.bytes + at, text.len - at, &point);
        if (size == 0)
            size = 1;
        else if (cells(point) > 0)
            width += (size_t)cells(point);
    }
    return width;
}

static void put_json_inline(struct cs_buf *out, const json_t *value)
{
    struct cs_buf text;
    cs_buf_init(&text, CS_OUTPUT_MAX);
    cs_output_dump(&text, value, JSON_COMPACT);
    if (cs_buf_err(&text) == CS_OK)
        cs_output_escape(out, CS_SLICE(text.bytes, text.len));
    else
        out->err = cs_buf_err(&text);
    cs_buf_free(&text);
}

static bool is_plain_list(const json_t *value)
{
    size_t count = json_array_size(value);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        if (json_is_object(item) || json_is_array(item))
            return false;
    }
    return json_is_array(value);
}

static struct cs_slice text_of(const json_t *string)
{
    return CS_SLICE(json_string_value(string), json_string_length(string));
}

static bool is_nothing(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* A value in one line. */
static void put_value(struct cs_buf *out, const json_t *value)
{
    if (is_nothing(value))
        cs_buf_put_char(out, '-');
    else if (json_is_string(value))
        cs_output_escape(out, text_of(value));
    else if (json_is_boolean(value))
        cs_buf_put_str(out, json_is_true(value) ? "yes" : "no");
    else if (is_plain_list(value))
        for (size_t i = 0; i < json_array_size(value); i++) {
            cs_buf_put_str(out, i == 0 ? "" : " ");
            put_value(out, json_array_get(value, i));
        }
    else
        put_json_inline(out, value);
}

const json_t *cs_output_member(const json_t *object, const char *path)
{
    char name[64];
    while (object != NULL && path[0] != '\0') {
        size_t len = strcspn(path, ".");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        object = json_object_get(object, name);
        path += len + (path[len] == '.');
    }
    return object;
}

#define COLUMNS_MAX 12

static void measure(const struct cs_column *columns, const json_t *items, size_t *widths)
{
    struct cs_buf cell;
    cs_buf_init(&cell, CS_OUTPUT_MAX);
    for (size_t c = 0; c < COLUMNS_MAX && columns[c].title != NULL; c++) {
        widths[c] = strlen(columns[c].title);
        for (size_t i = 0; i < json_array_size(items); i++) {
            cs_buf_reset(&cell);
            put_value(&cell, cs_output_member(json_array_get(items, i), columns[c].path));
            size_t width = cs_output_width(CS_SLICE(cell.bytes, cell.len));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    cs_buf_free(&cell);
}

static void put_row(struct cs_buf *out, const struct cs_column *columns, const json_t *item,
                    const size_t *widths)
{
    for (size_t c = 0; c < COLUMNS_MAX && columns[c].title != NULL; c++) {
        size_t start = out->len;
        if (item == NULL)
            cs_buf_put_str(out, columns[c].title);
        else
            put_value(out, cs_output_member(item, columns[c].path));
        if (cs_buf_err(out) != CS_OK || columns[c + 1].title == NULL)
            break;
        size_t width = cs_output_width(CS_SLICE(out->bytes + start, out->len - start));
        cs_buf_put_spaces(out, widths[c] + COLUMN_GAP - width);
    }
}

void cs_output_table(struct cs_buf *out, const struct cs_column *columns, const json_t *items,
                     enum cs_output_style style)
{
    size_t widths[COLUMNS_MAX] = {0};
    measure(columns, items, widths);
    cs_buf_put_str(out, style == CS_OUTPUT_BOLD ? "\033[1m" : "");
    put_row(out, columns, NULL, widths);
    cs_buf_put_str(out, style == CS_OUTPUT_BOLD ? "\033[0m\n" : "\n");
    for (size_t i = 0; i < json_array_size(items); i++) {
        put_row(out, columns, json_array_get(items, i), widths);
        cs_buf_put_char(out, '\n');
    }
}

/* Walks the members of an object; without `out` it only measures the names. */
struct walk {
    struct cs_buf *out;
    size_t width; /* of the widest name */
};

static void put_lines(struct cs_buf *out, struct cs_slice text, size_t indent)
{
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.bytes[i] != '\n')
            continue;
        if (start > 0) {
            cs_buf_put_char(out, '\n');
            cs_buf_put_spaces(out, indent);
        }
        cs_output_escape(out, CS_SLICE(text.bytes + start, i - start));
        start = i + 1;
    }
}

static void walk_leaf(struct walk *walk, const char *name, const json_t *value)
{
    struct cs_buf label;
    cs_buf_init(&label, CS_OUTPUT_MAX);
    cs_output_escape(&label, cs_slice_str(name));
    size_t width = cs_output_width(CS_SLICE(label.bytes, label.len));
    if (walk->out == NULL) {
        walk->width = width > walk->width ? width : walk->width;
    } else {
        cs_buf_put(walk->out, label.bytes, label.len);
        cs_buf_put_spaces(walk->out, walk->width + COLUMN_GAP - width);
        if (json_is_string(value))
            put_lines(walk->out, text_of(value), walk->width + COLUMN_GAP);
        else
            put_value(walk->out, value);
        cs_buf_put_char(walk->out, '\n');
    }
    cs_buf_free(&label);
}

static void walk_value(struct walk *walk, const char *name, const json_t *value, unsigned depth)
{
    char inner[NAME_SIZE];
    const char *dot = name[0] == '\0' ? "" : ".";
    if (depth < NESTED_MAX && json_is_object(value) && json_object_size(value) > 0) {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            snprintf(inner, sizeof(inner), "%s%s%s", name, dot, key);
            walk_value(walk, inner, member, depth + 1);
        }
    } else if (depth < NESTED_MAX && json_is_array(value) && !is_plain_list(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            snprintf(inner, sizeof(inner), "%s%s%zu", name, dot, i + 1);
            walk_value(walk, inner, json_array_get(value, i), depth + 1);
        }
    } else {
        walk_leaf(walk, name, value);
    }
}

void cs_output_object(struct cs_buf *out, const json_t *object)
{
    struct walk walk = {0};
    if (is_nothing(object))
        return;
    walk_value(&walk, "", object, 0);
    walk.out = out;
    walk_value(&walk, "", object, 0);
}

/* jansson leaves the one control character above the space as it is: DEL. */
static int put_dumped(const char *bytes, size_t len, void *out)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == 0x7F)
            cs_buf_put_str(out, "\\u007f");
        else
            cs_buf_put_char(out, bytes[i]);
    return 0;
}

void cs_output_dump(struct cs_buf *out, const json_t *value, size_t flags)
{
    if (json_dump_callback(value, put_dumped, out, flags | JSON_ENCODE_ANY) != 0)
        out->err = CS_ERR_NOMEM;
}

void cs_output_json(struct cs_buf *out, const json_t *value, enum cs_output_json_form form)
{
    cs_output_dump(out, value, JSON_INDENT(2) | (form == CS_OUTPUT_ASCII ? JSON_ENSURE_ASCII : 0));
    cs_buf_put_char(out, '\n');
}

enum cs_output_style cs_output_stdout_style(void)
{
    const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool plain = !isatty(STDOUT_FILENO) || (refused != NULL && refused[0] != '\0') ||
                 terminal == NULL || strcmp(terminal, "dumb") == 0;
    return plain ? CS_OUTPUT_PLAIN : CS_OUTPUT_BOLD;
}

enum cs_output_json_form cs_output_stdout_form(void)
{
    return isatty(STDOUT_FILENO) ? CS_OUTPUT_ASCII : CS_OUTPUT_UTF8;
}

enum cs_exit cs_output_write(struct cs_buf *buf)
{
    if (cs_buf_err(buf) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "there is too much to print");
    if (cs_file_write(STDOUT_FILENO, CS_SLICE(buf->bytes, buf->len)) != CS_OK)
        return cs_output_fail(CS_EXIT_FAILED, "cannot write to stdout: %s", strerror(errno));
    return CS_EXIT_OK;
}

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args)
{
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    if (len < 0)
        return;
    struct cs_buf line;
    cs_buf_init(&line, MESSAGE_MAX);
    cs_buf_put_str(&line, "countersign: ");
    put_lines(&line, CS_SLICE(text, (size_t)len), 0);
    cs_buf_put_char(&line, '\n');
    if (cs_buf_err(&line) == CS_OK)
        (void)!cs_file_write(STDERR_FILENO, CS_SLICE(line.bytes, line.len));
    cs_buf_free(&line);
    cs_wipe(text, (size_t)len);
    free(text);
}

void cs_output_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

enum cs_exit cs_output_fail(enum cs_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    return code;
}
