#include "cli/client/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/secret/secret.h"
#include "cli/output.h"

#define CONNECT_TIMEOUT_S 10
#define TARGET_MAX 8192
#define UNIX_PREFIX "unix:"
#define UNIX_BASE "http://localhost" /* what is said over a Unix socket, which has no host */

struct cs_client {
    CURL *curl;
    const struct cs_secret *token;
    char *url;          /* without a slash at its end */
    const char *socket; /* in `url`: the path of a Unix socket; NULL: a network address */
    bool guarded;       /* only loopback addresses may be connected to */
    bool prevented;     /* the guard has refused an address */
    char error[CURL_ERROR_SIZE];
};

/*
 * The allocator that libcurl is given: tokens and answers pass through its buffers, and it frees
 * them as they are.
 */
static void wiping_free(void *memory)
{
    if (memory == NULL)
        return;
    cs_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

static void *wiping_realloc(void *memory, size_t size)
{
    void *larger = malloc(size);
    if (larger == NULL || memory == NULL)
        return larger;
    size_t held = malloc_usable_size(memory);
    memcpy(larger, memory, held < size ? held : size);
    wiping_free(memory);
    return larger;
}

static bool is_loopback_address(const struct sockaddr *address)
{
    static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    return memcmp(&in6.sin6_addr, &loopback6, sizeof(loopback6)) == 0;
}

static bool is_loopback_name(const char *host)
{
    struct in_addr in;
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* A name that says "this machine" is believed only where the address says so too. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct cs_client *client = user;
    (void)purpose;
    bool local =
        client->socket != NULL ? address->family == AF_UNIX : is_loopback_address(&address->addr);
    if (client->guarded && !local) {
        client->prevented = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user)
{
    struct cs_buf *body = user;
    cs_buf_put(body, bytes, size * count);
    return cs_buf_err(body) == CS_OK ? size * count : 0;
}

/* What of a URL decides whether it may be used. */
struct url_parts {
    char *scheme, *host, *user, *query, *fragment;
};

static void url_parts_free(struct url_parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->user);
    curl_free(parts->query);
    curl_free(parts->fragment);
}

static const char *judge_url(struct cs_client *client, const struct url_parts *parts,
                             enum cs_client_plain plain)
{
    if (parts->scheme == NULL || parts->host == NULL)
        return "it must begin with https:// (or http:// or unix:/ for this machine)";
    if (parts->user != NULL)
        return "it must not hold a user or a password";
    if (parts->query != NULL || parts->fragment != NULL)
        return "it must end with its path";
    if (strcmp(parts->scheme, "https") != 0 && strcmp(parts->scheme, "http") != 0)
        return "it must be https (or http for this machine)";
    bool loopback = is_loopback_name(parts->host);
    client->guarded = loopback;
    if (strcmp(parts->scheme, "https") == 0 || loopback || plain == CS_CLIENT_PLAIN_ANYWHERE)
        return NULL;
    return "plain http would show every secret on the way; use https, or --insecure-http";
}

/* A Unix socket is on this machine, and its path is not a URL's: nothing in it is escaped. */
static enum cs_err check_socket(struct cs_client *client)
{
    const size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
    client->socket = client->url + strlen(UNIX_PREFIX);
    client->guarded = true;
    if (client->socket[0] == '/' && strlen(client->socket) < room)
        return CS_OK;
    cs_output_say("the server's URL can not be used: a Unix socket is unix: and an absolute path "
                  "of at most %zu bytes",
                  room - 1);
    return CS_ERR_INVALID;
}

static enum cs_err check_url(struct cs_client *client, const char *text, enum cs_client_plain plain)
{
    struct url_parts parts = {0};
    enum cs_err err = CS_ERR_NOMEM;
    CURLU *url = curl_url();
    if (url == NULL)
        return err;
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        (void)curl_url_get(url, CURLUPART_SCHEME, &parts.scheme, 0);
        (void)curl_url_get(url, CURLUPART_HOST, &parts.host, 0);
        (void)curl_url_get(url, CURLUPART_USER, &parts.user, 0);
        (void)curl_url_get(url, CURLUPART_QUERY, &parts.query, 0);
        (void)curl_url_get(url, CURLUPART_FRAGMENT, &parts.fragment, 0);
    }
    const char *wrong = judge_url(client, &parts, plain);
    err = wrong == NULL ? CS_OK : CS_ERR_INVALID;
    if (wrong != NULL)
        cs_output_say("the server's URL can not be used: %s", wrong);
    url_parts_free(&parts);
    curl_url_cleanup(url);
    return err;
}

/* What holds for every call of the conversation. */
static enum cs_err configure(struct cs_client *client, const struct cs_client_params *params)
{
    CURL *curl = client->curl;
    CURLcode code = CURLE_OK;
    code |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    code |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    code |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    code |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    code |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "countersign/" CS_VERSION);
    code |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    code |= curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)params->timeout_s);
    code |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    code |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, client);
    code |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    if (client->guarded)
        code |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (client->socket != NULL)
        code |= curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
    if (params->cacert != NULL)
        code |= curl_easy_setopt(curl, CURLOPT_CAINFO, params->cacert);
    return code == CURLE_OK ? CS_OK : CS_ERR_NOMEM;
}

enum cs_err cs_client_open(const struct cs_client_params *params, struct cs_client **out)
{
    enum cs_err err = CS_ERR_NOMEM;
    *out = NULL;
    struct cs_client *client = calloc(1, sizeof(*client));
    if (client == NULL || curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free,
                                               wiping_realloc, strdup, calloc) != CURLE_OK) {
        free(client);
        return err;
    }
    client->token = params->token;
    client->url = strdup(params->url);
    client->curl = curl_easy_init();
    if (client->url == NULL || client->curl == NULL)
        goto out;
    for (size_t len = strlen(client->url); len > 0 && client->url[len - 1] == '/'; len--)
        client->url[len - 1] = '\0';
    if (strncmp(client->url, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        err = check_socket(client);
    else
        err = check_url(client, params->url, params->plain);
    if (err != CS_OK)
        goto out;
    err = configure(client, params);
    if (err != CS_OK)
        goto out;
    *out = client;
    client = NULL;
out:
    cs_client_close(&client);
    return err;
}

void cs_client_close(struct cs_client **client)
{
    if (*client == NULL)
        return;
    curl_easy_cleanup((*client)->curl);
    curl_global_cleanup();
    free((*client)->url);
    free(*client);
    *client = NULL;
}

/* A value goes over the wire as it stands: a line end in it would begin a header of its own. */
static bool is_header_value(struct cs_slice value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.bytes[i] < ' ' || value.bytes[i] >= 0x7F)
            return false;
    return true;
}

static void append(struct curl_slist **list, enum cs_err *err, const char *line)
{
    struct curl_slist *longer = *err == CS_OK ? curl_slist_append(*list, line) : NULL;
    if (longer != NULL)
        *list = longer;
    else if (*err == CS_OK)
        *err = CS_ERR_NOMEM;
}

/* Appends "name: value" to a list, unless the value is empty or something failed before. */
static void add_header(struct curl_slist **list, enum cs_err *err, const char *name,
                       struct cs_slice value)
{
    char line[CS_SECRET_MAX + 64];
    struct cs_buf text;
    if (*err != CS_OK || value.len == 0)
        return;
    if (!is_header_value(value)) {
        *err = CS_ERR_INVALID;
        return;
    }
    cs_buf_lend(&text, line, sizeof(line));
    cs_buf_printf(&text, "%s: ", name);
    cs_buf_put(&text, value.bytes, value.len);
    cs_buf_put_char(&text, '\0');
    *err = cs_buf_err(&text);
    append(list, err, line);
    cs_wipe(line, sizeof(line));
}

static struct cs_slice optional(const char *text)
{
    return text == NULL ? CS_SLICE(NULL, 0) : cs_slice_str(text);
}

static enum cs_err make_headers(const struct cs_client *client,
                                const struct cs_client_request *request, struct curl_slist **list)
{
    enum cs_err err = CS_OK;
    char bearer[CS_SECRET_MAX + 16];
    struct cs_buf text;
    cs_buf_lend(&text, bearer, sizeof(bearer));
    if (client->token != NULL) {
        cs_buf_put_str(&text, "Bearer ");
        cs_buf_put(&text, client->token->bytes, client->token->len);
    }
    add_header(list, &err, "Accept", cs_slice_str("application/json, application/problem+json"));
    add_header(list, &err, "Authorization", CS_SLICE(bearer, text.len));
    add_header(list, &err, "Idempotency-Key", optional(request->idempotency_key));
    add_header(list, &err, "If-Match", optional(request->if_match));
    if (request->body.len > 0)
        add_header(list, &err, "Content-Type", cs_slice_str("application/json"));
    else
        append(list, &err, "Content-Type:"); /* libcurl would call it a form */
    cs_wipe(bearer, sizeof(bearer));
    return err;
}

/* What this one call says; the body is borrowed by libcurl until it is done. */
static enum cs_err prepare(struct cs_client *client, const struct cs_client_request *request,
                           struct curl_slist *headers, struct cs_buf *body)
{
    char url[TARGET_MAX];
    CURL *curl = client->curl;
    int len = snprintf(url, sizeof(url), "%s%s", client->socket != NULL ? UNIX_BASE : client->url,
                       request->target);
    if (len < 0 || (size_t)len >= sizeof(url))
        return CS_ERR_TOO_LARGE;
    CURLcode code = CURLE_OK;
    code |= curl_easy_setopt(curl, CURLOPT_URL, url);
    code |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    code |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    code |= curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (request->body.len > 0 || strcmp(request->method, "POST") == 0) {
        const char *bytes = request->body.len > 0 ? (const char *)request->body.bytes : "";
        code |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes);
        code |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    }
    code |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    return code == CURLE_OK ? CS_OK : CS_ERR_NOMEM;
}

static void copy_header(CURL *curl, const char *name, char *out, size_t size)
{
    struct curl_header *header = NULL;
    out[0] = '\0';
    if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        strlen(header->value) < size)
        snprintf(out, size, "%s", header->value);
}

static enum cs_err perform(struct cs_client *client, struct cs_client_response *response)
{
    client->error[0] = '\0';
    client->prevented = false;
    CURLcode code = curl_easy_perform(client->curl);
    if (code == CURLE_WRITE_ERROR) {
        cs_output_say("the server's answer is too large");
        return CS_ERR_TOO_LARGE;
    }
    if (client->prevented) {
        cs_output_say("the server's name does not lead to this machine, as it should");
        return CS_ERR_UNAVAILABLE;
    }
    if (code == CURLE_COULDNT_CONNECT && client->socket != NULL) { /* no host, for libcurl */
        long why = 0;
        (void)curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &why);
        cs_output_say("cannot talk to %s: %s", client->url, strerror((int)why));
        return CS_ERR_UNAVAILABLE;
    }
    if (code != CURLE_OK) {
        cs_output_say("cannot talk to %s: %s", client->url,
                      client->error[0] != '\0' ? client->error : curl_easy_strerror(code));
        return CS_ERR_UNAVAILABLE;
    }
    long status = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    response->status = (unsigned)status;
    copy_header(client->curl, "Content-Type", response->content_type,
                sizeof(response->content_type));
    copy_header(client->curl, "X-Request-Id", response->request_id, sizeof(response->request_id));
    copy_header(client->curl, "ETag", response->etag, sizeof(response->etag));
    copy_header(client->curl, "Retry-After", response->retry_after, sizeof(response->retry_after));
    return CS_OK;
}

static const char *reason(enum cs_err err)
{
    if (err == CS_ERR_INVALID)
        return "a header must be visible ASCII in one line";
    return err == CS_ERR_TOO_LARGE ? "it is too large" : "there is no memory";
}

enum cs_err cs_client_send(struct cs_client *client, const struct cs_client_request *request,
                           struct cs_client_response *out)
{
    struct curl_slist *headers = NULL;
    *out = (struct cs_client_response){0};
    cs_buf_init(&out->body, CS_CLIENT_BODY_MAX);
    enum cs_err err = make_headers(client, request, &headers);
    if (err == CS_OK)
        err = prepare(client, request, headers, &out->body);
    if (err != CS_OK)
        cs_output_say("the request can not be sent: %s", reason(err));
    else
        err = perform(client, out);
    (void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (err != CS_OK)
        cs_client_response_free(out);
    return err;
}

void cs_client_response_free(struct cs_client_response *response)
{
    if (response->body.limit > 0)
        cs_buf_free(&response->body);
    *response = (struct cs_client_response){0};
}
