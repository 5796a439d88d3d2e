#include "server/resource/view.h"

#include <assert.h>
#include <string.h>

#include "base/record/record.h"
#include "base/secret/secret.h"

static void put_secret(const struct cs_secret *secret, struct cs_buf *out)
{
    cs_json_text(out, cs_secret_slice(secret));
}

/* Both halves are of characters that stand for themselves in JSON: a URL and a token. */
static void put_link(const struct cs_view_link *link, struct cs_buf *out)
{
    struct cs_slice token = cs_secret_slice(link->token);
    cs_buf_put_char(out, '"');
    cs_buf_put_str(out, link->base);
    cs_buf_put_str(out, link->path);
    cs_buf_put_char(out, '#');
    cs_buf_put(out, token.bytes, token.len);
    cs_buf_put_char(out, '"');
}

static void put_value(const struct cs_view_part *part, const void *value, struct cs_buf *out)
{
    switch (part->kind) {
    case CS_VIEW_MEMBERS:
        cs_record_json_members(part->record, value, out);
        break;
    case CS_VIEW_RECORD:
        cs_record_json(part->record, value, out);
        break;
    case CS_VIEW_OBJECT:
        cs_view_json(part->view, value, out);
        break;
    case CS_VIEW_SECRET:
        put_secret(value, out);
        break;
    case CS_VIEW_LINK:
        put_link(value, out);
        break;
    }
}

void cs_view_json(const struct cs_view *view, const void *shown, struct cs_buf *out)
{
    const char *separator = "{";
    for (size_t i = 0; i < view->part_count; i++) {
        const struct cs_view_part *part = &view->parts[i];
        const void *value = NULL;
        memcpy(&value, (const char *)shown + part->offset, sizeof(value));
        assert(value != NULL || part->optional);
        if (value == NULL)
            continue;
        cs_buf_put_str(out, separator);
        separator = ",";
        if (part->name != NULL) {
            cs_json_text(out, cs_slice_str(part->name));
            cs_buf_put_char(out, ':');
        }
        put_value(part, value, out);
    }
    cs_buf_put_str(out, *separator == '{' ? "{}" : "}");
}
