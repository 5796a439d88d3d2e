/*
 * The physical limit: libmicrohttpd with nothing behind it.
 *
 *     bare loop|poll|headers [THREADS]
 *
 * Answers any GET with a small text and any POST with a small JSON body, without a look at either.
 * `poll` leaves the sockets to the library's own threads; `loop` drives one daemon for each thread
 * by an epoll of its own, as the server does; `headers` does too, and a GET's answer is no text but
 * as many headers as one of /v1/authorize has. One thread unless told otherwise. Prints the URL
 * that it serves, and ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS_MAX 16
#define ACCEPT_BURST 64
/* Some 190 bytes: the least that an answer about a key can be. */
#define JSON                                                                                       \
    "{\"valid\":true,\"code\":\"VALID\",\"credential_id\":\"cred_01JD4Z0000000000000000000A\","    \
    "\"account_id\":\"acct_01JD4Z0000000000000000000B\",\"mode\":\"test\","                        \
    "\"scopes\":[\"orders.read\"],\"expires_at\":null}\n"
#define TEXT "ok\n"

struct bare {
    int listener;
    const char *kind;
};

struct header {
    const char *name, *value;
};
static const struct header of_text[] = {{"Content-Type", "text/plain"}, {NULL, NULL}};
static const struct header of_json[] = {{"Content-Type", "application/json"}, {NULL, NULL}};
/* What /v1/authorize says of a key. */
static const struct header of_key[] = {
    {"X-Request-Id", "15J6MKDR5F1ZH0000000000001"},
    {"Cache-Control", "no-store"},
    {"X-Auth-Code", "VALID"},
    {"RateLimit-Policy", "\"key\";q=1000000000;w=1"},
    {"RateLimit", "\"key\";r=999999999;t=1"},
    {"X-RateLimit-Limit", "1000000000"},
    {"X-RateLimit-Remaining", "999999999"},
    {"X-RateLimit-Reset", "1"},
    {"X-Credential-Id", "cred_01M7Z4ZHJ7RWWV6ET5CN09RRBY"},
    {"X-Account-Id", "acct_01M7Z4ZH5EKZY1AFBNBCN514AW"},
    {"X-Client-Id", "cs_id_08grIgfIH4zxJlyVw9ApyEjCo7pZlj5uk3IuUZM"},
    {"X-Mode", "test"},
    {"X-Scopes", "orders.read products.read"},
    {NULL, NULL},
};

static enum MHD_Result send_text(struct MHD_Connection *connection, const char *text,
                                 const struct header *headers)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    for (; headers->name; headers++)
        MHD_add_response_header(response, headers->name, headers->value);
    enum MHD_Result done = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return done;
}

/* In the second call: an answer in the first one would end the connection. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_len, void **context)
{
    static int seen;
    const struct bare *bare = cls;

    (void)url;
    (void)version;
    (void)body;
    if (!*context) {
        *context = &seen;
        return MHD_YES;
    }
    if (*body_len > 0) {
        *body_len = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") == 0)
        return send_text(connection, JSON, of_json);
    return strcmp(bare->kind, "headers") == 0 ? send_text(connection, "", of_key)
                                              : send_text(connection, TEXT, of_text);
}

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("bare");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static void accept_into(struct MHD_Daemon *daemon, int listener)
{
    struct sockaddr_storage peer;

    for (int i = 0; i < ACCEPT_BURST; i++) {
        socklen_t len = sizeof(peer);
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
        if (fd < 0)
            return;
        MHD_add_connection(daemon, fd, (struct sockaddr *)&peer, len);
    }
}

static void *loop(void *arg)
{
    const struct bare *bare = arg;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO, 0, NULL, NULL,
                         on_request, arg, MHD_OPTION_CONNECTION_LIMIT, 8192u, MHD_OPTION_END);
    struct epoll_event events[2] = {{.events = EPOLLIN},
                                    {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = 1}};
    int epoll_fd = epoll_create1(0);
    bool pending = false;

    if (!daemon)
        exit(1);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD,
              MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &events[0]);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, bare->listener, &events[1]);
    for (;;) {
        MHD_UNSIGNED_LONG_LONG timeout;
        int count = epoll_wait(epoll_fd, events, 2, pending ? 0 : -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.u64 == 1)
                accept_into(daemon, bare->listener);
        MHD_run(daemon);
        pending = MHD_get_timeout(daemon, &timeout) == MHD_YES && timeout == 0;
    }
    return NULL;
}

static void start_loops(unsigned threads, struct bare *bare)
{
    pthread_t thread;

    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, loop, bare) != 0)
            exit(1);
}

static void start_threads(unsigned threads, struct bare *bare)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, bare, MHD_OPTION_LISTEN_SOCKET,
        bare->listener, MHD_OPTION_CONNECTION_LIMIT, 8192u,
        threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, MHD_OPTION_END);

    if (!daemon)
        exit(1);
}

int main(int argc, char **argv)
{
    static struct bare bare; /* the loops' threads read it as long as the process lives */
    uint16_t port;
    sigset_t ending;
    int signal_number;

    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    bare.kind = argc > 1 ? argv[1] : "";
    bool own_loops = strcmp(bare.kind, "loop") == 0 || strcmp(bare.kind, "headers") == 0;
    if (threads < 1 || threads > THREADS_MAX || argc > 3 ||
        (!own_loops && strcmp(bare.kind, "poll") != 0)) {
        fprintf(stderr, "usage: bare loop|poll|headers [THREADS]\n");
        return 2;
    }
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    signal(SIGPIPE, SIG_IGN);
    bare.listener = listen_on_loopback(&port);
    if (own_loops)
        start_loops(threads, &bare);
    else
        start_threads(threads, &bare);
    printf("http://127.0.0.1:%u\n", port);
    fflush(stdout);
    return sigwait(&ending, &signal_number) == 0 ? 0 : 1;
}
