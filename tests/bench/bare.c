/*
 * The physical limit: libmicrohttpd with nothing behind it.
 *
 *     bare loop|poll [THREADS]
 *
 * Answers any GET with a small text and any POST with a small JSON body, without a look at either.
 * `poll` leaves the sockets to the library's own threads; `loop` drives one daemon for each thread
 * by an epoll of its own, as the server does. One thread unless told otherwise. Prints the URL that
 * it serves, and ends at SIGTERM.
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

static enum MHD_Result send_text(struct MHD_Connection *connection, const char *text,
                                 const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", type);
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

    (void)cls;
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
        return send_text(connection, JSON, "application/json");
    return send_text(connection, TEXT, "text/plain");
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
    int listener = *(int *)arg;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TURBO, 0, NULL, NULL,
                         on_request, NULL, MHD_OPTION_CONNECTION_LIMIT, 8192u, MHD_OPTION_END);
    struct epoll_event events[2] = {{.events = EPOLLIN},
                                    {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = 1}};
    int epoll_fd = epoll_create1(0);
    bool pending = false;

    if (!daemon)
        exit(1);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD,
              MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &events[0]);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &events[1]);
    for (;;) {
        MHD_UNSIGNED_LONG_LONG timeout;
        int count = epoll_wait(epoll_fd, events, 2, pending ? 0 : -1);
        for (int i = 0; i < count; i++)
            if (events[i].data.u64 == 1)
                accept_into(daemon, listener);
        MHD_run(daemon);
        pending = MHD_get_timeout(daemon, &timeout) == MHD_YES && timeout == 0;
    }
    return NULL;
}

static void start_loops(unsigned threads, const int *listener)
{
    pthread_t thread;

    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, loop, (void *)listener) != 0)
            exit(1);
}

static void start_threads(unsigned threads, int listener)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET,
        listener, MHD_OPTION_CONNECTION_LIMIT, 8192u,
        threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, MHD_OPTION_END);

    if (!daemon)
        exit(1);
}

int main(int argc, char **argv)
{
    static int listener; /* the loops' threads read it as long as the process lives */
    uint16_t port;
    sigset_t ending;
    int signal_number;

    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    bool own_loops = argc > 1 && strcmp(argv[1], "loop") == 0;
    if (threads < 1 || threads > THREADS_MAX || argc < 2 || argc > 3 ||
        (!own_loops && strcmp(argv[1], "poll") != 0)) {
        fprintf(stderr, "usage: bare loop|poll [THREADS]\n");
        return 2;
    }
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    signal(SIGPIPE, SIG_IGN);
    listener = listen_on_loopback(&port);
    if (own_loops)
        start_loops(threads, &listener);
    else
        start_threads(threads, listener);
    printf("http://127.0.0.1:%u\n", port);
    fflush(stdout);
    return sigwait(&ending, &signal_number) == 0 ? 0 : 1;
}
