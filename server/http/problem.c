#include "server/http/problem.h"

#include <string.h>

#include "server/http/reply.h"

enum cs_fault_code cs_problem_code(const struct cs_problem *problem)
{
    if (problem->fault && problem->fault->code != CS_FAULT_NONE)
        return problem->fault->code;
    if (problem->complaints && problem->complaints->count > 0)
        return CS_FAULT_INVALID_BODY;
    enum cs_fault_code code = cs_fault_default(problem->err);
    return code == CS_FAULT_NONE ? CS_FAULT_INTERNAL : code;
}

static void put_member(struct cs_buf *out, const char *name, const char *value)
{
    cs_json_text(out, cs_slice_str(name));
    cs_buf_put_char(out, ':');
    cs_json_text(out, cs_slice_str(value));
    cs_buf_put_char(out, ',');
}

static void put_error(struct cs_buf *out, const char *pointer, const char *detail)
{
    cs_buf_put_char(out, '{');
    put_member(out, "pointer", pointer);
    cs_buf_put_str(out, "\"detail\":");
    cs_json_text(out, cs_slice_str(detail));
    cs_buf_put_char(out, '}');
}

/* The places in the body that are at fault: the complaints, else the fault's own pointer. */
static void put_errors(const struct cs_problem *problem, struct cs_buf *out)
{
    const struct cs_complaints *complaints = problem->complaints;
    const struct cs_fault *fault = problem->fault;

    if (complaints && complaints->count > 0) {
        cs_buf_put_str(out, "\"errors\":[");
        for (size_t i = 0; i < complaints->count && i < CS_COMPLAINTS_MAX; i++) {
            if (i > 0)
                cs_buf_put_char(out, ',');
            put_error(out, complaints->items[i].pointer, complaints->items[i].detail);
        }
        cs_buf_put_str(out, "],");
    } else if (fault && fault->pointer[0] != '\0') {
        cs_buf_put_str(out, "\"errors\":[");
        put_error(out, fault->pointer, fault->detail);
        cs_buf_put_str(out, "],");
    }
}

static void put_document(const struct cs_problem *problem, const struct cs_fault_info *info,
                         struct cs_buf *out)
{
    cs_buf_put_str(out, "{\"type\":\"urn:countersign:problem:");
    cs_buf_put_str(out, info->code);
    cs_buf_put_str(out, "\",");
    put_member(out, "title", info->title);
    cs_buf_printf(out, "\"status\":%u,", info->status);
    if (problem->fault && problem->fault->detail[0] != '\0')
        put_member(out, "detail", problem->fault->detail);
    put_member(out, "code", info->code);
    put_errors(problem, out);
    cs_buf_put_str(out, "\"request_id\":");
    cs_json_text(out, cs_slice_str(problem->request_id));
    cs_buf_put_char(out, '}');
}

/* What a status asks for, unless the handler has said it in its own words. */
static void add_headers(const struct cs_problem *problem, unsigned status, struct cs_reply *reply)
{
    if (status == 401 && !cs_reply_find(reply, "WWW-Authenticate"))
        cs_reply_header(reply, "WWW-Authenticate", "Bearer");
    if (problem->allow)
        cs_reply_header(reply, "Allow", problem->allow);
    if ((status == 429 || status == 503) && !cs_reply_find(reply, "Retry-After"))
        cs_reply_header_u64(reply, "Retry-After",
                            problem->retry_after_s > 0 ? problem->retry_after_s : 1);
}

void cs_problem_write(const struct cs_problem *problem, struct cs_reply *reply)
{
    const struct cs_fault_info *info = cs_fault_info(cs_problem_code(problem));

    cs_buf_reset(&reply->body);
    reply->status = info->status;
    reply->type = "application/problem+json";
    reply->cache = "no-store";
    add_headers(problem, info->status, reply);
    put_document(problem, info, &reply->body);
}
