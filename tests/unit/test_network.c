#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text/network.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const addresses[] = {
    "0.0.0.0",          "192.0.2.7",       "255.255.255.255",      "::", "::1", "2001:db8::1",
    "::ffff:192.0.2.7", "::ffff:c000:207", "2001:DB8:0:0:0:0:0:1",
};

static const char *const blocks[] = {
    "192.0.2.0/24",
    "192.0.2.7/32",
    "0.0.0.0/0",
    "128.0.0.0/1",
    "::/0",
    "2001:db8::/32",
    "2001:db8::1/128",
    "8000::/1",
    "::ffff:192.0.2.0/24",
    "192.0.2.254/31",
    "2001:db8:0:ffff:8000::/65",
};

static const char *const neither[] = {
    "",
    " ",
    "/",
    "/24",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.7.1",
    "192.0.2.07",
    "0xc0.0.2.7",
    "3221225991",
    " 192.0.2.7",
    "192.0.2.7 ",
    "192.0.2.7:80",
    "192.0.2.0/",
    "192.0.2.0/33",
    "192.0.2.0/024",
    "192.0.2.0/-1",
    "192.0.2.0/+8",
    "192.0.2.0/2 4",
    "192.0.2.0/24/24",
    "192.0.2.0/255.255.255.0",
    "192.0.2.1/24",
    "192.0.2.128/24",
    "192.0.2.1/31",
    "1.0.0.0/0",
    "2001:db8::1/32",
    "2001:db8::/129",
    "2001:db8::/1000",
    "2001:db8::/4294967328",
    "2001:db8::/4/",
    "2001:db8::/6:",
    "::/2 4",
    "2001:db8",
    "2001:db8::1::2",
    "fe80::1%eth0",
    "[::1]",
    "::ffff:192.0.2.0/120",
    "::ffff:0:0/96",
    "::ffff:192.0.2.1/24",
    "localhost",
    "0000:0000:0000:0000:0000:ffff:255.255.255.2555",
};

static void addresses_are_networks_of_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        if (!cs_network_is_address(cs_slice_str(addresses[i])) ||
            !cs_network_is(cs_slice_str(addresses[i])))
            fail_msg("%s", addresses[i]);
    }
}

static void blocks_are_no_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        if (cs_network_is_address(cs_slice_str(blocks[i])) ||
            !cs_network_is(cs_slice_str(blocks[i])))
            fail_msg("%s", blocks[i]);
    }
}

static void all_else_is_neither(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(neither); i++) {
        if (cs_network_is_address(cs_slice_str(neither[i])) ||
            cs_network_is(cs_slice_str(neither[i])))
            fail_msg("%s", neither[i]);
    }
    assert_false(cs_network_is(CS_SLICE("192.0.2.7\0", 10)));
    assert_false(cs_network_is(CS_SLICE("192.0.2.0/2\0004", 13)));
    assert_false(cs_network_is(CS_SLICE(NULL, 0)));
}

static const struct {
    const char *networks;
    const char *address;
    bool within;
} cases[] = {
    {"192.0.2.7", "192.0.2.7", true},
    {"192.0.2.7", "192.0.2.8", false},
    {"192.0.2.0/24", "192.0.2.0", true},
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.0/24", "192.0.1.255", false},
    {"192.0.2.8/29", "192.0.2.15", true},
    {"192.0.2.8/29", "192.0.2.16", false},
    {"192.0.2.8/29", "192.0.2.7", false},
    {"128.0.0.0/1", "255.0.0.1", true},
    {"128.0.0.0/1", "127.255.255.255", false},
    {"0.0.0.0/0", "203.0.113.9", true},
    {"0.0.0.0/0", "2001:db8::1", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "203.0.113.9", false},
    {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"2001:db8::/32", "2001:db9::", false},
    {"2001:db8:0:8000::/49", "2001:db8:0:ffff::1", true},
    {"2001:db8:0:8000::/49", "2001:db8:0:7fff::1", false},
    {"2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", true},
    {"192.0.2.0/24", "::ffff:192.0.2.9", true},
    {"::ffff:192.0.2.0/24", "192.0.2.9", true},
    {"::ffff:192.0.2.9", "192.0.2.9", true},
    {"10.0.0.0/8 192.0.2.7 2001:db8::/32", "192.0.2.7", true},
    {"10.0.0.0/8 192.0.2.7 2001:db8::/32", "10.9.8.7", true},
    {"10.0.0.0/8 192.0.2.7 2001:db8::/32", "2001:db8::7", true},
    {"10.0.0.0/8 192.0.2.7 2001:db8::/32", "192.0.2.8", false},
    {"nonsense 192.0.2.7", "192.0.2.7", true},
    {"nonsense", "192.0.2.7", false},
    {"", "192.0.2.7", false},
    {"0.0.0.0/0 ::/0", "nonsense", false},
    {"0.0.0.0/0 ::/0", "", false},
    {"0.0.0.0/0 ::/0", "192.0.2.0/24", false},
};

static void addresses_lie_in_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cs_network_contains(cases[i].networks, cases[i].address) != cases[i].within)
            fail_msg("%s in %s", cases[i].address, cases[i].networks);
    }
}

static void a_block_lies_within_a_wider_one(void **state)
{
    static const struct {
        const char *inner, *outer;
        bool within;
    } pairs[] = {
        {"192.0.2.7", "192.0.2.0/24", true},
        {"192.0.2.0/24", "192.0.2.0/24", true},
        {"192.0.2.0/24", "192.0.2.0/25", false},
        {"192.0.2.128/25", "192.0.2.0/25", false},
        {"192.0.2.0/24", "192.0.2.0", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"192.0.2.7", "::ffff:192.0.2.0/24", true},
        {"0.0.0.0/0", "0.0.0.0/1 128.0.0.0/1", false},
        {"10.0.0.1 192.0.2.7", "192.0.2.0/24 10.0.0.0/8", true},
        {"10.0.0.1 192.0.3.7", "192.0.2.0/24 10.0.0.0/8", false},
        {"2001:db8::/48", "2001:db8::/32", true},
        {"2001:db8::/31", "2001:db8::/32", false},
        {"192.0.2.7", "::/0", false},
        {"::1", "0.0.0.0/0", false},
        {"", "192.0.2.0/24", false},
        {"192.0.2.0/24", "", true},
        {"", "", true},
        {"nonsense", "0.0.0.0/0", false},
        {"192.0.2.7", "nonsense", false},
        {"192.0.2.7", "nonsense 192.0.2.0/24", true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        if (cs_network_within(pairs[i].inner, pairs[i].outer) != pairs[i].within)
            fail_msg("%s in %s", pairs[i].inner, pairs[i].outer);
    }
}

static uint64_t site_of(const char *address)
{
    uint64_t site = 0;
    if (!cs_network_site(address, &site))
        fail_msg("%s", address);
    assert_true(site != 0);
    return site;
}

static void a_site_is_an_address_or_a_customers_prefix(void **state)
{
    (void)state;
    uint64_t site = 7;
    assert_int_equal(site_of("192.0.2.7"), site_of("::ffff:192.0.2.7"));
    assert_true(site_of("192.0.2.7") != site_of("192.0.2.8"));
    assert_int_equal(site_of("2001:db8::1"), site_of("2001:db8:0:0:ffff::"));
    assert_true(site_of("2001:db8::1") != site_of("2001:db8:0:1::1"));
    assert_int_equal(site_of("::1"), site_of("::2"));
    assert_true(site_of("::1") != site_of("0.0.0.0"));
    static const char *const none[] = {"", "nonsense", "192.0.2.0/24", "2001:db8::/32"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_false(cs_network_site(none[i], &site));
    assert_int_equal(site, 7);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_site_is_an_address_or_a_customers_prefix),
    cmocka_unit_test(addresses_are_networks_of_one),
    cmocka_unit_test(blocks_are_no_addresses),
    cmocka_unit_test(all_else_is_neither),
    cmocka_unit_test(addresses_lie_in_networks),
    cmocka_unit_test(a_block_lies_within_a_wider_one),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
