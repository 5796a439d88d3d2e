#include "policy/load/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/array.h"
#include "base/file.h"

#define CHUNK_SIZE (32 * 1024)

/* Nodes and texts are carved from chunks and go all at once. */
struct chunk {
    struct chunk *next;
    size_t used, size;
    alignas(max_align_t) uint8_t bytes[];
};

struct cs_yaml {
    struct chunk *chunks;
    struct cs_yaml_node *root;
    size_t nodes;
};

/* A list or map that is still open. */
struct frame {
    struct cs_yaml_node *node;
    struct cs_yaml_node *tail; /* its last member so far */
    struct cs_yaml_node *key;  /* in a map: the key whose value comes next */
};

struct builder {
    struct cs_yaml *yaml;
    struct cs_report *report;
    struct frame frames[CS_YAML_DEPTH_MAX];
    size_t depth;
    size_t documents;
    bool ended;
};

static void *arena_take(struct cs_yaml *yaml, size_t size)
{
    const size_t unit = alignof(max_align_t);
    size = (size + unit - 1) / unit * unit;
    struct chunk *chunk = yaml->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof(*chunk) + room);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct chunk){.next = yaml->chunks, .size = room};
        yaml->chunks = chunk;
    }
    void *taken = chunk->bytes + chunk->used;
    chunk->used += size;
    return taken;
}

static struct cs_mark mark_of(yaml_mark_t mark)
{
    return (struct cs_mark){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

#define REFUSE(builder, mark, ...)                                                                 \
    (cs_report_add((builder)->report, mark_of(mark), __VA_ARGS__), CS_ERR_INVALID)

static enum cs_err node_new(struct builder *builder, const yaml_event_t *event,
                            enum cs_yaml_kind kind, struct cs_yaml_node **out)
{
    if (builder->yaml->nodes == CS_YAML_NODES_MAX)
        return REFUSE(builder, event->start_mark, "too many values; a file has at most %d",
                      CS_YAML_NODES_MAX);
    struct cs_yaml_node *node = arena_take(builder->yaml, sizeof(*node));
    if (node == NULL)
        return CS_ERR_NOMEM;
    *node = (struct cs_yaml_node){.kind = kind, .at = mark_of(event->start_mark)};
    builder->yaml->nodes++;
    *out = node;
    return CS_OK;
}

/* The second of two equal keys is told and kept, so that its value is looked at too. */
static void check_repeated(struct builder *builder, const struct frame *frame)
{
    const struct cs_yaml_node *first = cs_yaml_get(frame->node, frame->key->text);
    if (first != NULL)
        cs_report_add(builder->report, frame->key->at,
                      "`%.60s` is given twice; the first is at %u:%u, keep one of them",
                      frame->key->text, first->key->at.line, first->key->at.column);
}

static enum cs_err take_key(struct builder *builder, const yaml_event_t *event, struct frame *frame,
                            struct cs_yaml_node *node)
{
    if (node->kind != CS_YAML_SCALAR)
        return REFUSE(builder, event->start_mark, "a key must be a word, not %s",
                      cs_yaml_kind_name(node->kind));
    if (node->len == 0)
        return REFUSE(builder, event->start_mark, "a key is missing; write `key: value`");
    frame->key = node;
    check_repeated(builder, frame);
    return CS_OK;
}

/* Puts a new node where the document stands: as the root, a key, or a member. */
static enum cs_err attach(struct builder *builder, const yaml_event_t *event,
                          struct cs_yaml_node *node)
{
    if (builder->depth == 0) {
        builder->yaml->root = node;
        return CS_OK;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    if (frame->node->kind == CS_YAML_MAP && frame->key == NULL)
        return take_key(builder, event, frame, node);
    if (frame->node->count == CS_YAML_MEMBERS_MAX)
        return REFUSE(builder, event->start_mark, "too many members; %s has at most %d",
                      cs_yaml_kind_name(frame->node->kind), CS_YAML_MEMBERS_MAX);
    node->key = frame->key;
    frame->key = NULL;
    if (frame->tail == NULL)
        frame->node->head = node;
    else
        frame->tail->next = node;
    frame->tail = node;
    frame->node->count++;
    return CS_OK;
}

static enum cs_err refuse_decoration(struct builder *builder, const yaml_event_t *event,
                                     const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        return REFUSE(builder, event->start_mark,
                      "anchors (`&%.40s`) are not taken; write the value where it is needed",
                      (const char *)anchor);
    if (tag != NULL)
        return REFUSE(builder, event->start_mark,
                      "tags (words that begin with `!`) are not taken; leave it out");
    return CS_OK;
}

static enum cs_err open_frame(struct builder *builder, const yaml_event_t *event,
                              enum cs_yaml_kind kind)
{
    if (builder->depth == CS_YAML_DEPTH_MAX)
        return REFUSE(builder, event->start_mark, "nested too deeply; at most %d levels are taken",
                      CS_YAML_DEPTH_MAX);
    struct cs_yaml_node *node = NULL;
    enum cs_err err = node_new(builder, event, kind, &node);
    if (err == CS_OK)
        err = attach(builder, event, node);
    if (err == CS_OK)
        builder->frames[builder->depth++] = (struct frame){.node = node};
    return err;
}

static enum cs_err on_list(struct builder *builder, const yaml_event_t *event)
{
    enum cs_err err = refuse_decoration(builder, event, event->data.sequence_start.anchor,
                                        event->data.sequence_start.tag);
    return err != CS_OK ? err : open_frame(builder, event, CS_YAML_LIST);
}

static enum cs_err on_map(struct builder *builder, const yaml_event_t *event)
{
    enum cs_err err = refuse_decoration(builder, event, event->data.mapping_start.anchor,
                                        event->data.mapping_start.tag);
    return err != CS_OK ? err : open_frame(builder, event, CS_YAML_MAP);
}

static enum cs_err on_close(struct builder *builder, const yaml_event_t *event)
{
    (void)event;
    builder->depth--;
    return CS_OK;
}

static enum cs_err on_scalar(struct builder *builder, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    enum cs_err err =
        refuse_decoration(builder, event, event->data.scalar.anchor, event->data.scalar.tag);
    if (err != CS_OK)
        return err;
    /* Escapes in double quotes can spell what the file itself may not hold. */
    if (!cs_utf8_is_text(text, len))
        return REFUSE(builder, event->start_mark,
                      "the text holds a control character; leave it out");
    struct cs_yaml_node *node = NULL;
    err = node_new(builder, event, CS_YAML_SCALAR, &node);
    if (err != CS_OK)
        return err;
    char *copy = arena_take(builder->yaml, len + 1);
    if (copy == NULL)
        return CS_ERR_NOMEM;
    memcpy(copy, text, len);
    copy[len] = '\0';
    node->text = copy;
    node->len = len;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return attach(builder, event, node);
}

static enum cs_err on_alias(struct builder *builder, const yaml_event_t *event)
{
    return REFUSE(builder, event->start_mark,
                  "aliases (`*%.40s`) are not taken; write the value out, or put it in quotes",
                  (const char *)event->data.alias.anchor);
}

static enum cs_err on_document(struct builder *builder, const yaml_event_t *event)
{
    if (builder->documents++ > 0)
        return REFUSE(builder, event->start_mark, "a second document begins; a file has one");
    bool directives = event->data.document_start.version_directive != NULL ||
                      event->data.document_start.tag_directives.start !=
                          event->data.document_start.tag_directives.end;
    if (directives)
        return REFUSE(builder, event->start_mark, "directives (`%%…`) are not taken; leave it out");
    return CS_OK;
}

static enum cs_err on_stream_end(struct builder *builder, const yaml_event_t *event)
{
    builder->ended = true;
    if (builder->documents == 0)
        return REFUSE(builder, event->start_mark, "the file is empty");
    return CS_OK;
}

static enum cs_err on_nothing(struct builder *builder, const yaml_event_t *event)
{
    (void)builder;
    (void)event;
    return CS_OK;
}

static enum cs_err (*const handlers[])(struct builder *, const yaml_event_t *) = {
    [YAML_NO_EVENT] = on_nothing,
    [YAML_STREAM_START_EVENT] = on_nothing,
    [YAML_STREAM_END_EVENT] = on_stream_end,
    [YAML_DOCUMENT_START_EVENT] = on_document,
    [YAML_DOCUMENT_END_EVENT] = on_nothing,
    [YAML_ALIAS_EVENT] = on_alias,
    [YAML_SCALAR_EVENT] = on_scalar,
    [YAML_SEQUENCE_START_EVENT] = on_list,
    [YAML_SEQUENCE_END_EVENT] = on_close,
    [YAML_MAPPING_START_EVENT] = on_map,
    [YAML_MAPPING_END_EVENT] = on_close,
};

/* What libyaml's words usually mean to the person who wrote the file. */
static const struct {
    const char *problem, *hint;
} hints[] = {
    {"did not find expected key", "look at the indentation of this line and the ones before it"},
    {"did not find expected '-' indicator", "look at the indentation of this list"},
    {"did not find expected ',' or ']'", "the list that opened with `[` is not closed by `]`"},
    {"did not find expected ',' or '}'", "the map that opened with `{` is not closed by `}`"},
    {"found character that cannot start any token",
     "indent with spaces, and quote a text that begins with a sign"},
    {"found a tab character that violates indentation", "indent with spaces"},
    {"mapping values are not allowed in this context",
     "quote a text that holds `: `, and look at the indentation"},
    {"could not find expected ':'", "a key is followed by a colon and a space"},
    {"found unexpected end of stream", "a quote that was opened is not closed"},
    {"did not find expected alphabetic or numeric character",
     "put a text that begins with `*` or `&` in quotes: \"*\""},
    {"found undefined tag handle", "tags are not taken; leave it out"},
};

static const char *hint_for(const char *problem)
{
    for (size_t i = 0; i < CS_COUNT(hints); i++) {
        if (strcmp(problem, hints[i].problem) == 0)
            return hints[i].hint;
    }
    return "this is not YAML";
}

/* libyaml gives only the byte at which it could not read on. */
static struct cs_mark mark_at_offset(struct cs_slice bytes, size_t offset)
{
    struct cs_mark at = {1, 1};
    for (size_t i = 0; i < bytes.len && i < offset; i++) {
        if (bytes.bytes[i] == '\n')
            at = (struct cs_mark){at.line + 1, 1};
        else if ((bytes.bytes[i] & 0xC0) != 0x80)
            at.column++;
    }
    return at;
}

static enum cs_err parser_failed(struct builder *builder, const yaml_parser_t *parser,
                                 struct cs_slice bytes)
{
    const char *problem = parser->problem == NULL ? "it cannot be read" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR)
        return CS_ERR_NOMEM;
    if (parser->error == YAML_READER_ERROR) {
        cs_report_add(builder->report, mark_at_offset(bytes, parser->problem_offset),
                      "%s; the file must be UTF-8 text", problem);
        return CS_ERR_INVALID;
    }
    char began[40] = "";
    struct cs_mark at = mark_of(parser->problem_mark);
    struct cs_mark context = mark_of(parser->context_mark);
    bool elsewhere = context.line != at.line || context.column + 1 < at.column;
    if (parser->context != NULL && elsewhere)
        snprintf(began, sizeof(began), " (begun at %u:%u)", context.line, context.column);
    cs_report_add(builder->report, at, "%s; %s%s", problem, hint_for(problem), began);
    return CS_ERR_INVALID;
}

static enum cs_err build(struct builder *builder, yaml_parser_t *parser, struct cs_slice bytes)
{
    while (!builder->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_failed(builder, parser, bytes);
        enum cs_err err = handlers[event.type](builder, &event);
        yaml_event_delete(&event);
        if (err != CS_OK)
            return err;
    }
    return CS_OK;
}

/* Some editors put one before UTF-8; libyaml takes it for content once the encoding is set. */
static const uint8_t byte_order_mark[] = {0xEF, 0xBB, 0xBF};

enum cs_err cs_yaml_parse(struct cs_slice bytes, struct cs_report *report, struct cs_yaml **out)
{
    *out = NULL;
    if (bytes.len > CS_YAML_BYTES_MAX) {
        cs_report_add(report, (struct cs_mark){0, 0}, "the file is too large; at most %d bytes",
                      CS_YAML_BYTES_MAX);
        return CS_ERR_TOO_LARGE;
    }
    if (bytes.len >= sizeof(byte_order_mark) &&
        memcmp(bytes.bytes, byte_order_mark, sizeof(byte_order_mark)) == 0)
        bytes =
            CS_SLICE(bytes.bytes + sizeof(byte_order_mark), bytes.len - sizeof(byte_order_mark));
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return CS_ERR_NOMEM;
    static const unsigned char nothing[1];
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, bytes.len > 0 ? bytes.bytes : nothing, bytes.len);

    struct builder builder = {.report = report, .yaml = calloc(1, sizeof(struct cs_yaml))};
    enum cs_err err = CS_ERR_NOMEM;
    if (builder.yaml != NULL)
        err = build(&builder, &parser, bytes);
    yaml_parser_delete(&parser);
    if (err == CS_OK)
        *out = builder.yaml;
    else
        cs_yaml_free(&builder.yaml);
    return err;
}

/* Whoever can write such a file decides who approves what, or what program tells the root key. */
static enum cs_err check_writers(int fd, struct cs_report *report)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return CS_ERR_IO;
    if (!S_ISREG(status.st_mode) || (status.st_mode & S_IWOTH) == 0)
        return CS_OK;
    cs_report_add(report, (struct cs_mark){0, 0},
                  "everybody may write to it; take that away (chmod o-w)");
    return CS_ERR_DENIED;
}

enum cs_err cs_yaml_read(const char *path, struct cs_report *report, struct cs_buf *out)
{
    cs_buf_init(out, CS_YAML_BYTES_MAX + 1); /* a byte over is enough to see that it is */
    enum cs_err err = CS_ERR_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0)
        err = check_writers(fd, report);
    if (err == CS_OK)
        err = cs_file_read(fd, out);
    if (err == CS_ERR_TOO_LARGE)
        err = CS_OK;
    if (err == CS_ERR_IO)
        cs_report_add(report, (struct cs_mark){0, 0}, "cannot be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

enum cs_err cs_yaml_parse_file(const char *path, struct cs_report *report, struct cs_yaml **out)
{
    struct cs_buf bytes;
    *out = NULL;
    enum cs_err err = cs_yaml_read(path, report, &bytes);
    if (err == CS_OK)
        err = cs_yaml_parse(CS_SLICE(bytes.bytes, bytes.len), report, out);
    cs_buf_free(&bytes);
    return err;
}

void cs_yaml_free(struct cs_yaml **yaml)
{
    if (*yaml == NULL)
        return;
    struct chunk *chunk = (*yaml)->chunks;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(*yaml);
    *yaml = NULL;
}

const struct cs_yaml_node *cs_yaml_root(const struct cs_yaml *yaml)
{
    return yaml->root;
}

const struct cs_yaml_node *cs_yaml_get(const struct cs_yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != CS_YAML_MAP)
        return NULL;
    for (const struct cs_yaml_node *node = map->head; node != NULL; node = node->next) {
        if (strcmp(node->key->text, key) == 0)
            return node;
    }
    return NULL;
}

bool cs_yaml_is_null(const struct cs_yaml_node *node)
{
    return node->kind == CS_YAML_SCALAR && !node->quoted &&
           (node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

struct cs_mark cs_yaml_place(const struct cs_yaml_node *node)
{
    return node->key != NULL ? node->key->at : node->at;
}

const char *cs_yaml_kind_name(enum cs_yaml_kind kind)
{
    static const char *const names[] = {"a text", "a list", "a map"};
    return names[kind];
}
