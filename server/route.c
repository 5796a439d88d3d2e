#include "server/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/http/target.h"

#define MAX_BODY_LIMIT (16u * 1024 * 1024)
#define BUCKETS 64

/* In the order in which a segment of one kind wins over the next. */
enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST };

struct segment {
    enum segment_kind kind;
    struct cs_slice text; /* the literal, or the parameter's name */
};

struct pattern {
    const struct cs_route *route;
    uint16_t index; /* in the order of the tables */
    struct segment segments[CS_TARGET_SEGMENT_MAX];
    size_t count;
    size_t literal_len; /* bytes of the path, if it is all literal; else 0 */
};

/*
 * Patterns are sorted so that the first that fits is the right one. A path looks at the bucket of
 * its first two segments only, and at the patterns that are not literal there.
 */
struct cs_routes {
    const struct cs_route **listed; /* in the order of the tables */
    struct pattern *patterns;
    size_t count;
    uint16_t *next;            /* by pattern: the next of its bucket, 0 for none, else index + 1 */
    uint16_t buckets[BUCKETS]; /* likewise */
    uint16_t open;             /* the chain of those that are in no bucket */
};

static const char *const method_names[] = {
    [CS_METHOD_GET] = "GET",         [CS_METHOD_HEAD] = "HEAD",   [CS_METHOD_POST] = "POST",
    [CS_METHOD_PUT] = "PUT",         [CS_METHOD_PATCH] = "PATCH", [CS_METHOD_DELETE] = "DELETE",
    [CS_METHOD_OPTIONS] = "OPTIONS", [CS_METHOD_OTHER] = "OTHER", [CS_METHOD_ANY] = "ANY",
};

enum cs_method cs_method_parse(struct cs_slice text)
{
    for (int i = 0; i < CS_METHOD_OTHER; i++)
        if (cs_slice_equal(text, cs_slice_str(method_names[i])))
            return (enum cs_method)i;
    return CS_METHOD_OTHER;
}

const char *cs_method_name(enum cs_method method)
{
    return method_names[method <= CS_METHOD_ANY ? method : CS_METHOD_OTHER];
}

void cs_methods_format(uint32_t allowed, char *out)
{
    struct cs_buf buf;

    cs_buf_lend(&buf, out, CS_METHODS_TEXT_SIZE);
    for (int i = 0; i < CS_METHOD_OTHER; i++) {
        if ((allowed & (1u << i)) == 0)
            continue;
        if (buf.len > 0)
            cs_buf_put_str(&buf, ", ");
        cs_buf_put_str(&buf, method_names[i]);
    }
    (void)cs_buf_text(&buf);
}

/* The bytes from `at` to the next slash. */
static struct cs_slice segment_at(struct cs_slice path, size_t at)
{
    const uint8_t *slash = memchr(path.bytes + at, '/', path.len - at);
    size_t end = slash ? (size_t)(slash - path.bytes) : path.len;
    return CS_SLICE(path.bytes + at, end - at);
}

static bool is_of(struct cs_slice text, const char *others)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.bytes[i];
        bool lower = (c >= 'a' && c <= 'z');
        if (!lower && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return text.len > 0;
}

static enum cs_err parse_segment(struct cs_slice text, bool last, struct segment *out)
{
    static const char literal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    if (last && cs_slice_equal(text, cs_slice_str("*"))) {
        out->kind = SEGMENT_REST;
        return CS_OK;
    }
    out->kind = text.len > 2 && text.bytes[0] == '{' ? SEGMENT_PARAM : SEGMENT_LITERAL;
    if (out->kind == SEGMENT_LITERAL) {
        out->text = text;
        return is_of(text, literal) ? CS_OK : CS_ERR_INVALID;
    }
    out->text = CS_SLICE(text.bytes + 1, text.len - 2);
    if (text.bytes[text.len - 1] != '}' || !is_of(out->text, "_"))
        return CS_ERR_INVALID;
    return CS_OK;
}

/* Takes the pattern apart; "/" has no segments. */
static enum cs_err parse_pattern(const struct cs_route *route, struct pattern *out)
{
    struct cs_slice path = cs_slice_str(route->path);
    size_t params = 0;
    bool literal = true;

    out->route = route;
    if (path.len == 0 || path.bytes[0] != '/' || path.len > CS_TARGET_MAX)
        return CS_ERR_INVALID;
    for (size_t at = 1; path.len > 1 && at <= path.len;) {
        struct cs_slice text = segment_at(path, at);
        if (out->count == CS_TARGET_SEGMENT_MAX)
            return CS_ERR_INVALID;
        struct segment *segment = &out->segments[out->count++];
        enum cs_err err = parse_segment(text, at + text.len == path.len, segment);
        if (err)
            return err;
        params += segment->kind == SEGMENT_PARAM;
        literal = literal && segment->kind == SEGMENT_LITERAL;
        at += text.len + 1;
    }
    out->literal_len = literal ? path.len : 0;
    return params <= CS_ROUTE_PARAMS_MAX ? CS_OK : CS_ERR_INVALID;
}

static bool has_params_twice(const struct pattern *pattern)
{
    for (size_t i = 0; i < pattern->count; i++)
        for (size_t j = 0; j < i; j++)
            if (pattern->segments[i].kind == SEGMENT_PARAM &&
                pattern->segments[j].kind == SEGMENT_PARAM &&
                cs_slice_equal(pattern->segments[i].text, pattern->segments[j].text))
                return true;
    return false;
}

/* What is missing or out of place in a route, or NULL. */
static const char *fault_of(const struct cs_route *route, struct pattern *pattern)
{
    bool bodiless = route->method == CS_METHOD_GET || route->method == CS_METHOD_DELETE;

    if (parse_pattern(route, pattern) || has_params_twice(pattern))
        return "its path is malformed";
    if (route->method > CS_METHOD_ANY || route->method == CS_METHOD_HEAD ||
        route->method == CS_METHOD_OPTIONS || route->method == CS_METHOD_OTHER)
        return "its method is not for tables";
    if (route->who == 0)
        return "it does not say who may call it";
    if (!route->handler == !route->begin)
        return "it has no handler, or two";
    if (route->begin && route->speed != CS_SPEED_WORK)
        return "what is begun and not waited for has to be CS_SPEED_WORK";
    if (!route->name || !route->summary)
        return "it is not documented";
    if (route->speed != CS_SPEED_FAST && route->speed != CS_SPEED_WORK)
        return "it does not say how fast it answers";
    if (route->max_body > MAX_BODY_LIMIT || (bodiless && route->max_body > 0))
        return "its body limit is out of place";
    if (route->body && route->max_body == 0)
        return "it has a body's schema but takes no body";
    return NULL;
}

/* Like strcmp: the order in which patterns are tried. 0: they match the same paths. */
static int compare_patterns(const struct pattern *a, const struct pattern *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const struct segment *x = &a->segments[i];
        const struct segment *y = &b->segments[i];
        if (x->kind != y->kind)
            return x->kind < y->kind ? -1 : 1;
        if (x->kind != SEGMENT_LITERAL)
            continue;
        size_t common = x->text.len < y->text.len ? x->text.len : y->text.len;
        int order = memcmp(x->text.bytes, y->text.bytes, common);
        if (order != 0)
            return order;
        if (x->text.len != y->text.len)
            return x->text.len < y->text.len ? -1 : 1;
    }
    return (a->count > b->count) - (a->count < b->count);
}

static bool methods_meet(enum cs_method a, enum cs_method b)
{
    return a == b || a == CS_METHOD_ANY || b == CS_METHOD_ANY;
}

/* Inserts in order; a twin of one that is there is refused. */
static const char *insert_pattern(struct cs_routes *routes, const struct pattern *pattern)
{
    size_t at = routes->count;

    for (size_t i = 0; i < routes->count; i++) {
        int order = compare_patterns(pattern, &routes->patterns[i]);
        if (order == 0 && methods_meet(pattern->route->method, routes->patterns[i].route->method))
            return "another route matches the same requests";
        if (order < 0 && at == routes->count)
            at = i;
    }
    memmove(&routes->patterns[at + 1], &routes->patterns[at],
            (routes->count - at) * sizeof(*routes->patterns));
    routes->patterns[at] = *pattern;
    routes->count++;
    return NULL;
}

static size_t bucket_of(struct cs_slice first, struct cs_slice second)
{
    uint32_t hash = 2166136261u; /* FNV-1a: spreads a fixed table, defends against nobody */

    for (size_t i = 0; i < first.len; i++)
        hash = (hash ^ first.bytes[i]) * 16777619u;
    hash = (hash ^ '/') * 16777619u;
    for (size_t i = 0; i < second.len; i++)
        hash = (hash ^ second.bytes[i]) * 16777619u;
    return hash % BUCKETS;
}

/* The chain that a pattern is found by. */
static uint16_t *chain_of(struct cs_routes *routes, const struct pattern *pattern)
{
    const struct segment *segments = pattern->segments;

    if (pattern->count < 2 || segments[0].kind != SEGMENT_LITERAL ||
        segments[1].kind != SEGMENT_LITERAL)
        return &routes->open;
    return &routes->buckets[bucket_of(segments[0].text, segments[1].text)];
}

/* Chains are built from the back, so that they run in sorted order. */
static void chain_patterns(struct cs_routes *routes)
{
    for (size_t i = routes->count; i-- > 0;) {
        uint16_t *chain = chain_of(routes, &routes->patterns[i]);
        routes->next[i] = *chain;
        *chain = (uint16_t)(i + 1);
    }
}

static size_t count_routes(const struct cs_route *const *tables)
{
    size_t count = 0;

    for (; *tables; tables++)
        for (const struct cs_route *route = *tables; route->path; route++)
            count++;
    return count;
}

static enum cs_err add_route(struct cs_routes *routes, const struct cs_route *route,
                             struct cs_log *log)
{
    struct pattern pattern = {.index = (uint16_t)routes->count};
    const char *fault = fault_of(route, &pattern);

    if (!fault)
        fault = insert_pattern(routes, &pattern);
    if (!fault)
        return CS_OK;
    cs_log_line(log, CS_LOG_ERROR, "route refused",
                CS_FIELDS(CS_T("method", cs_method_name(route->method)), CS_T("path", route->path),
                          CS_T("why", fault)));
    return CS_ERR_INVALID;
}

static enum cs_err add_tables(struct cs_routes *routes, const struct cs_route *const *tables,
                              struct cs_log *log)
{
    for (; *tables; tables++) {
        for (const struct cs_route *route = *tables; route->path; route++) {
            enum cs_err err = add_route(routes, route, log);
            if (err)
                return err;
            routes->listed[routes->count - 1] = route;
        }
    }
    chain_patterns(routes);
    return CS_OK;
}

enum cs_err cs_routes_new(const struct cs_route *const *tables, struct cs_log *log,
                          struct cs_routes **out)
{
    size_t count = count_routes(tables);
    struct cs_routes *routes = NULL;
    enum cs_err err = CS_ERR_NOMEM;

    *out = NULL;
    if (count >= UINT16_MAX)
        return CS_ERR_INVALID;
    routes = calloc(1, sizeof(*routes));
    if (!routes)
        goto out;
    routes->listed = calloc(count + 1, sizeof(*routes->listed));
    routes->patterns = calloc(count + 1, sizeof(*routes->patterns));
    routes->next = calloc(count + 1, sizeof(*routes->next));
    if (!routes->listed || !routes->patterns || !routes->next)
        goto out;
    err = add_tables(routes, tables, log);
    if (err)
        goto out;
    *out = routes;
    routes = NULL;
out:
    cs_routes_free(&routes);
    return err;
}

void cs_routes_free(struct cs_routes **routes)
{
    if (!*routes)
        return;
    free((*routes)->listed);
    free((*routes)->patterns);
    free((*routes)->next);
    free(*routes);
    *routes = NULL;
}

const struct cs_route *cs_routes_at(const struct cs_routes *routes, size_t index)
{
    return index < routes->count ? routes->listed[index] : NULL;
}

/* Whether the pattern takes the path; fills params and rest of *out if so. */
static bool fits(const struct pattern *pattern, struct cs_slice path, struct cs_route_match *out)
{
    size_t at = 1;

    out->param_count = 0;
    out->rest = CS_SLICE(path.bytes + path.len, 0);
    if (pattern->literal_len > 0)
        return cs_slice_equal(path, CS_SLICE(pattern->route->path, pattern->literal_len));
    for (size_t i = 0; i < pattern->count; i++) {
        const struct segment *segment = &pattern->segments[i];
        if (segment->kind == SEGMENT_REST) {
            out->rest = CS_SLICE(path.bytes + at - 1, path.len + 1 - at);
            return true;
        }
        if (at > path.len)
            return false;
        struct cs_slice text = segment_at(path, at);
        if (segment->kind == SEGMENT_LITERAL && !cs_slice_equal(text, segment->text))
            return false;
        if (segment->kind == SEGMENT_PARAM) {
            if (text.len == 0)
                return false;
            out->params[out->param_count++] = text;
        }
        at += text.len + 1;
    }
    return at > path.len;
}

/* The table's own method, and those that the core answers beside it. */
static uint32_t methods_of(const struct cs_route *route)
{
    if (route->method == CS_METHOD_ANY)
        return (1u << CS_METHOD_OTHER) - 1;
    uint32_t methods = (1u << route->method) | (1u << CS_METHOD_OPTIONS);
    if (route->method == CS_METHOD_GET)
        methods |= 1u << CS_METHOD_HEAD;
    return methods;
}

/* Ends at the first that fits and takes the method; collects what the others take before that. */
static void match_chain(const struct cs_routes *routes, uint16_t chain, enum cs_method method,
                        struct cs_slice path, struct cs_route_match *out)
{
    for (; chain != 0 && !out->route; chain = routes->next[chain - 1]) {
        const struct pattern *pattern = &routes->patterns[chain - 1];
        if (!fits(pattern, path, out))
            continue;
        out->allowed |= methods_of(pattern->route);
        if (methods_meet(method, pattern->route->method)) {
            out->route = pattern->route;
            out->index = pattern->index;
        }
    }
}

enum cs_err cs_routes_match(const struct cs_routes *routes, enum cs_method method,
                            struct cs_slice path, struct cs_route_match *out)
{
    enum cs_method asked = method == CS_METHOD_HEAD ? CS_METHOD_GET : method;

    out->route = NULL;
    out->allowed = 0;
    if (path.len == 0 || path.bytes[0] != '/')
        return CS_ERR_NOT_FOUND;
    struct cs_slice first = segment_at(path, 1);
    struct cs_slice second = {0};
    if (first.len + 2 <= path.len)
        second = segment_at(path, first.len + 2);
    match_chain(routes, routes->buckets[bucket_of(first, second)], asked, path, out);
    match_chain(routes, routes->open, asked, path, out);
    if (out->route)
        return CS_OK;
    return out->allowed ? CS_ERR_UNSUPPORTED : CS_ERR_NOT_FOUND;
}

int cs_route_param(const struct cs_route *route, const char *name)
{
    struct cs_slice path = cs_slice_str(route->path);
    int position = 0;

    for (size_t at = 1; at < path.len;) {
        struct cs_slice text = segment_at(path, at);
        if (text.len > 2 && text.bytes[0] == '{') {
            if (cs_slice_equal(CS_SLICE(text.bytes + 1, text.len - 2), cs_slice_str(name)))
                return position;
            position++;
        }
        at += text.len + 1;
    }
    return -1;
}
