#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/gateway/verify_order.h"
#include "server/http/scan.h"

/* As long as they may be, and short ones; texts that are no secrets may stay. */
static void wipes_every_byte_of_its_secrets(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 50, CS_PRESENTED_MAX};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct cs_verify_order order;
        char body[3 * CS_PRESENTED_MAX + 100];
        char text[CS_PRESENTED_MAX + 1] = {0};
        struct cs_buf json;
        memset(text, 's', lens[i]);
        memset(&order, 0, sizeof(order));
        cs_buf_lend(&json, body, sizeof(body));
        cs_buf_printf(&json, "{\"key\":\"%s\",\"client_id\":\"%s\",\"client_secret\":\"%s\"}", text,
                      text, text);
        assert_true(cs_scan_record(&cs_verify_order_record, CS_SLICE(json.bytes, json.len), &order,
                                   &order.given));
        assert_int_equal(strlen(order.client_secret), lens[i]);
        cs_verify_order_wipe(&order);
        assert_null(memchr(&order, 's', sizeof(order)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wipes_every_byte_of_its_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
