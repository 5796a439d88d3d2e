/*
 * A server of one's own: a process that answers each connection on a free port of loopback with a
 * function, and dies with the test.
 *
 * Failures end the test. Thread rule: one thread.
 */
#ifndef CS_TESTS_UNIT_PEER_FIXTURE_H
#define CS_TESTS_UNIT_PEER_FIXTURE_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a server does with one connection; it runs in a process of its own. */
typedef void peer_fn(int fd);

struct peer {
    pid_t pid;
    char url[64];
};

static inline int peer_listen(struct sockaddr_in *address)
{
    socklen_t len = sizeof(*address);
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

static inline struct peer peer_start(peer_fn *fn)
{
    struct peer peer;
    struct sockaddr_in address;
    int listening = peer_listen(&address);
    snprintf(peer.url, sizeof(peer.url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    peer.pid = fork();
    assert_true(peer.pid >= 0);
    if (peer.pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    while (peer.pid == 0) {
        int fd = accept(listening, NULL, NULL);
        if (fd < 0)
            _exit(1);
        fn(fd);
        shutdown(fd, SHUT_WR);
        char rest[512]; /* until the client has gone: an early close could cut the answer off */
        while (read(fd, rest, sizeof(rest)) > 0)
            continue;
        close(fd);
    }
    close(listening);
    return peer;
}

static inline void peer_stop(const struct peer *peer)
{
    kill(peer->pid, SIGKILL);
    assert_int_equal(waitpid(peer->pid, NULL, 0), peer->pid);
}

/* A request's head and its body as far as Content-Length goes; the length of all of it. */
static inline size_t peer_read(int fd, char *text, size_t size)
{
    size_t len = 0, wanted = SIZE_MAX;
    while (len < size - 1 && len < wanted) {
        ssize_t got = read(fd, text + len, size - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (end != NULL)
            wanted =
                (size_t)(end - text) + 4 + (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
    }
    return len;
}

static inline void peer_answer(int fd, const char *head, const char *body, size_t len)
{
    dprintf(fd, "HTTP/1.1 %sContent-Length: %zu\r\n\r\n", head, len);
    while (len > 0) {
        ssize_t written = write(fd, body, len);
        if (written <= 0)
            return;
        body += written;
        len -= (size_t)written;
    }
}

#endif
