#include "server/core/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ADDRESSES 40
#define STEPS 20000

static void make_ipv4(uint8_t ip[16], unsigned host)
{
    memset(ip, 0, 16);
    ip[10] = ip[11] = 0xff;
    ip[12] = 192;
    ip[14] = (uint8_t)(host >> 8);
    ip[15] = (uint8_t)host;
}

static void limits_the_total(void **state)
{
    struct cs_peers *peers;
    uint8_t ip[16];

    (void)state;
    assert_int_equal(cs_peers_new(3, 3, &peers), CS_OK);
    for (unsigned i = 0; i < 3; i++) {
        make_ipv4(ip, i);
        assert_int_equal(cs_peers_enter(peers, ip), CS_OK);
    }
    make_ipv4(ip, 9);
    assert_int_equal(cs_peers_enter(peers, ip), CS_ERR_LIMITED);
    assert_int_equal(cs_peers_enter(peers, NULL), CS_ERR_LIMITED);
    assert_int_equal(cs_peers_count(peers), 3);
    make_ipv4(ip, 1);
    cs_peers_leave(peers, ip);
    assert_int_equal(cs_peers_enter(peers, NULL), CS_OK);
    cs_peers_leave(peers, NULL);
    assert_int_equal(cs_peers_count(peers), 2);
    cs_peers_free(&peers);
    assert_null(peers);
}

static void counts_an_ipv6_network_as_one(void **state)
{
    struct cs_peers *peers;
    uint8_t ip[16] = {0x20, 1, 0x0d, 0xb8};

    (void)state;
    assert_int_equal(cs_peers_new(100, 2, &peers), CS_OK);
    ip[15] = 1;
    assert_int_equal(cs_peers_enter(peers, ip), CS_OK);
    ip[8] = 2;
    assert_int_equal(cs_peers_enter(peers, ip), CS_OK);
    ip[15] = 3;
    assert_int_equal(cs_peers_enter(peers, ip), CS_ERR_LIMITED);
    ip[7] = 1;
    assert_int_equal(cs_peers_enter(peers, ip), CS_OK);
    make_ipv4(ip, 1);
    assert_int_equal(cs_peers_enter(peers, ip), CS_OK);
    make_ipv4(ip, 2);
    assert_int_equal(cs_peers_enter(peers, ip), CS_OK);
    cs_peers_free(&peers);
}

/* Random comings and goings, against plain counters: no address is ever lost in the table. */
static void agrees_with_plain_counters(void **state)
{
    struct cs_peers *peers;
    unsigned counts[ADDRESSES] = {0};
    unsigned total = 0;
    uint8_t ip[16];
    uint32_t random = 1;

    (void)state;
    assert_int_equal(cs_peers_new(60, 3, &peers), CS_OK);
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525 + 1013904223;
        unsigned which = (random >> 16) % ADDRESSES;
        make_ipv4(ip, which * 37);
        if (random >> 31) {
            bool fits = total < 60 && counts[which] < 3;
            assert_int_equal(cs_peers_enter(peers, ip), fits ? CS_OK : CS_ERR_LIMITED);
            counts[which] += fits;
            total += fits;
        } else if (counts[which] > 0) {
            cs_peers_leave(peers, ip);
            counts[which]--;
            total--;
        }
        assert_int_equal(cs_peers_count(peers), total);
    }
    cs_peers_free(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_the_total),
        cmocka_unit_test(counts_an_ipv6_network_as_one),
        cmocka_unit_test(agrees_with_plain_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
