#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/listen/inherited.h"
#include "server/listen/listen.h"
#include "server/listen/listener.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PATH_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static void addresses_have_three_forms(void **state)
{
    static const struct {
        const char *text;
        enum cs_err err;
        enum cs_listen_kind kind;
    } cases[] = {
        {"127.0.0.1:8470", CS_OK, CS_LISTEN_TCP},
        {"0.0.0.0:65535", CS_OK, CS_LISTEN_TCP},
        {"[::1]:0", CS_OK, CS_LISTEN_TCP},
        {"unix:/run/x.sock", CS_OK, CS_LISTEN_UNIX},
        {"unix:/a:b", CS_OK, CS_LISTEN_UNIX},
        {"systemd:gateway", CS_OK, CS_LISTEN_INHERITED},
        {"", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1:", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1:65536", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1:99999", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1:4294967376", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1:+80", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1: 80", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"127.0.0.1:80x", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"localhost:1", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"::1:80", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"[::1]", CS_ERR_INVALID, CS_LISTEN_TCP},
        {"unix:", CS_ERR_INVALID, CS_LISTEN_UNIX},
        {"unix:run/x", CS_ERR_INVALID, CS_LISTEN_UNIX},
        {"unix:/run/", CS_ERR_INVALID, CS_LISTEN_UNIX},
        {"systemd:", CS_ERR_INVALID, CS_LISTEN_INHERITED},
        {"systemd:a b", CS_ERR_INVALID, CS_LISTEN_INHERITED},
        {"systemd:a:b", CS_ERR_INVALID, CS_LISTEN_INHERITED},
    };
    struct cs_listen_place place;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cs_listen_parse(cases[i].text, &place) != cases[i].err)
            fail_msg("%s", cases[i].text);
        assert_int_equal(place.kind, cases[i].kind);
    }
}

static void a_path_fits_or_is_too_long(void **state)
{
    char text[PATH_MAX_LEN + sizeof("unix:") + 1] = "unix:/";
    struct cs_listen_place place;

    (void)state;
    memset(text + 6, 'x', PATH_MAX_LEN - 1);
    assert_int_equal(cs_listen_parse(text, &place), CS_OK);
    assert_int_equal(strlen(place.name), PATH_MAX_LEN);
    text[5 + PATH_MAX_LEN] = 'x';
    assert_int_equal(cs_listen_parse(text, &place), CS_ERR_TOO_LARGE);
}

static void loopback_is_local_and_no_other(void **state)
{
    static const struct {
        const char *text;
        bool local;
    } cases[] = {
        {"127.0.0.1:1", true},
        {"127.255.255.254:1", true},
        {"[::1]:1", true},
        {"unix:/x", true},
        {"0.0.0.0:1", false},
        {"126.0.0.1:1", false},
        {"128.0.0.1:1", false},
        {"192.0.2.1:1", false},
        {"[::]:1", false},
        {"[2001:db8::1]:1", false},
        {"[::ffff:127.0.0.1]:1", false},
    };
    struct cs_listen_place place;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(cs_listen_parse(cases[i].text, &place), CS_OK);
        if (cs_listen_is_local(&place.address) != cases[i].local)
            fail_msg("%s", cases[i].text);
    }
}

static void only_loopback_is_spoken_to_plainly(void **state)
{
    struct cs_listen listen = {.address = "0.0.0.0:0"};
    struct cs_listener listener;
    unsigned inherited = 0;

    (void)state;
    assert_int_equal(cs_listener_open(&listen, &inherited, NULL, &listener), CS_ERR_REFUSED);
    assert_int_equal(listener.fd, -1);
    for (int i = 0; i < 2; i++) {
        listen.transport = i == 0 ? CS_LISTEN_PLAIN : CS_LISTEN_TLS;
        assert_int_equal(cs_listener_open(&listen, &inherited, NULL, &listener), CS_OK);
        assert_true(listener.port != 0);
        cs_listener_close(&listener);
    }
    listen.serves = CS_LISTEN_GATEWAY;
    assert_int_equal(cs_listener_open(&listen, &inherited, NULL, &listener), CS_ERR_REFUSED);
}

/* The protocol's variables, with the process's own id unless another is given. */
static void hand_over(const char *pid, const char *count, const char *names)
{
    char own[16];

    snprintf(own, sizeof(own), "%d", (int)getpid());
    setenv("LISTEN_PID", pid ? pid : own, 1);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

/* Descriptors from 3 on are what a supervisor leaves: a listening socket, one that is not, and a
 * second one of the same name. */
static void place_descriptors(int saved[3])
{
    for (int i = 0; i < 3; i++) {
        saved[i] = dup(3 + i);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        assert_int_equal(dup2(fd, 3 + i), 3 + i);
        if (fd > 5)
            close(fd);
    }
    struct sockaddr_un autobind = {.sun_family = AF_UNIX};
    for (int i = 0; i < 3; i += 2) {
        assert_int_equal(bind(3 + i, (struct sockaddr *)&autobind, sizeof(sa_family_t)), 0);
        assert_int_equal(listen(3 + i, 1), 0);
    }
}

static void restore_descriptors(const int saved[3])
{
    for (int i = 0; i < 3; i++) {
        close(3 + i);
        if (saved[i] >= 0) {
            dup2(saved[i], 3 + i);
            close(saved[i]);
        }
    }
}

static void what_was_inherited_is_taken_once_by_its_name(void **state)
{
    unsigned taken = 0;
    int saved[3];
    int fd = 0;

    (void)state;
    place_descriptors(saved);
    hand_over(NULL, "3", "a:b:a");
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_OK);
    assert_int_equal(fd, 3);
    assert_int_equal(cs_inherited_take("b", &taken, &fd), CS_ERR_INVALID);
    assert_int_equal(fd, -1);
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_OK);
    assert_int_equal(fd, 5);
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_ERR_NOT_FOUND);
    assert_int_equal(cs_inherited_take("aa", &taken, &fd), CS_ERR_NOT_FOUND);
    assert_int_equal(cs_inherited_take("", &taken, &fd), CS_ERR_NOT_FOUND);
    taken = 0;
    assert_int_equal(cs_inherited_take("ab", &taken, &fd), CS_ERR_NOT_FOUND);
    hand_over(NULL, "1", "ab");
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_ERR_NOT_FOUND);
    assert_int_equal(taken, 0);
    restore_descriptors(saved);
}

static void what_is_meant_for_others_is_not_taken(void **state)
{
    static const char *const counts[] = {"0", "-1", "", "x", "1x", "01"};
    unsigned taken = 0;
    int saved[3];
    int fd = 0;

    (void)state;
    place_descriptors(saved);
    hand_over("1", "1", "a");
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_ERR_NOT_FOUND);
    for (size_t i = 0; i < COUNT(counts); i++) {
        hand_over(NULL, counts[i], "a");
        assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_ERR_NOT_FOUND);
    }
    unsetenv("LISTEN_PID");
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_ERR_NOT_FOUND);
    hand_over(NULL, "3", "a");
    unsetenv("LISTEN_FDNAMES");
    assert_int_equal(cs_inherited_take("a", &taken, &fd), CS_ERR_NOT_FOUND);
    restore_descriptors(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_three_forms),
        cmocka_unit_test(a_path_fits_or_is_too_long),
        cmocka_unit_test(loopback_is_local_and_no_other),
        cmocka_unit_test(only_loopback_is_spoken_to_plainly),
        cmocka_unit_test(what_was_inherited_is_taken_once_by_its_name),
        cmocka_unit_test(what_is_meant_for_others_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
