#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/record/record.h"
#include "base/secret/secret.h"
#include "cli/client/rest.h"
#include "cli/commands.h"
#include "tests/unit/secret_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ULID "01JC2V5Q8ZK3W7R9T4N6M0XBYD"
#define WORDS_MAX 32

/* Words are separated by '|'. The text must live as long as the arguments. */
static void parse(char *text, struct cs_args *args)
{
    char *argv[WORDS_MAX] = {(char *)(uintptr_t) "countersign"};
    int argc = 1;
    struct cs_buf complaint;
    for (char *word = text; word != NULL;) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
        word = strchr(word, '|');
        if (word != NULL)
            *word++ = '\0';
    }
    cs_buf_init(&complaint, 4096);
    if (cs_args_parse(&cs_commands_root, argc, argv, args, &complaint) != CS_OK)
        fail_msg("%s: %s", text, cs_buf_text(&complaint));
    cs_buf_free(&complaint);
}

/* What a command line says to the server: the contract, from the command's side. */
static void says_what_the_contract_has(void **state)
{
    (void)state;
    static const struct {
        const char *line, *method, *target, *body; /* NULL: none */
    } cases[] = {
        {"whoami", "GET", "/v1/whoami", NULL},
        {"account|list", "GET", "/v1/accounts", NULL},
        {"account|list|--limit|5|--order|oldest|--cursor|a b/&", "GET",
         "/v1/accounts?limit=5&order=oldest&cursor=a%20b%2F%26", NULL},
        {"account|show|acct_" ULID, "GET", "/v1/accounts/acct_" ULID, NULL},
        {"account|create|--name|A \"B\" \xC3\xA9|--tag|x,y|--tag|z", "POST", "/v1/accounts",
         "{\"name\":\"A \\\"B\\\" \xC3\xA9\",\"tags\":[\"x\",\"y\",\"z\"]}"},
        {"account|edit|acct_" ULID "|--tag|", "PATCH", "/v1/accounts/acct_" ULID, "{\"tags\":[]}"},
        {"account|suspend|acct_" ULID, "PATCH", "/v1/accounts/acct_" ULID,
         "{\"status\":\"suspended\"}"},
        {"account|resume|acct_" ULID, "PATCH", "/v1/accounts/acct_" ULID,
         "{\"status\":\"active\"}"},
        {"user|edit|user_" ULID "|--role|developer,admin|--status|disabled", "PATCH",
         "/v1/users/user_" ULID, "{\"roles\":[\"developer\",\"admin\"],\"status\":\"disabled\"}"},
        {"token|list|--user|user_" ULID, "GET", "/v1/tokens?user_id=user_" ULID, NULL},
        {"credential|create|--account|acct_" ULID "|--name|n|--scope|orders.read orders.write"
         "|--expires-in|90d|--delivery|claim",
         "POST", "/v1/credentials",
         "{\"account_id\":\"acct_" ULID "\",\"name\":\"n\",\"scopes\":[\"orders.read\","
         "\"orders.write\"],\"expires_in_s\":7776000,\"delivery\":\"claim\",\"mode\":\"test\"}"},
        {"credential|list|--mode|live|--status|active", "GET",
         "/v1/credentials?mode=live&status=active", NULL},
        {"credential|edit|cred_" ULID "|--allow-ip|10.0.0.0/8,::1", "PATCH",
         "/v1/credentials/cred_" ULID, "{\"allowed_ips\":[\"10.0.0.0/8\",\"::1\"]}"},
        {"credential|disable|cred_" ULID, "PATCH", "/v1/credentials/cred_" ULID,
         "{\"status\":\"disabled\"}"},
        {"credential|enable|cred_" ULID, "PATCH", "/v1/credentials/cred_" ULID,
         "{\"status\":\"active\"}"},
        {"credential|rotate|cred_" ULID "|--grace|0", "POST",
         "/v1/credentials/cred_" ULID "/rotate", "{\"grace_s\":0}"},
        {"credential|rotate|cred_" ULID, "POST", "/v1/credentials/cred_" ULID "/rotate", "{}"},
        {"credential|revoke|cred_" ULID "|-y|--reason|key_compromise", "POST",
         "/v1/credentials/cred_" ULID "/revoke", "{\"reason\":\"key_compromise\"}"},
        {"credential|usage|cred_" ULID, "GET", "/v1/credentials/cred_" ULID "/usage?days=30", NULL},
        {"request|create|--account|acct_" ULID "|--name|n|--use-case|why|--bundle|b", "POST",
         "/v1/requests",
         "{\"account_id\":\"acct_" ULID "\",\"name\":\"n\",\"use_case\":\"why\",\"bundle\":\"b\"}"},
        {"request|list|--state|pending|--assigned|me", "GET",
         "/v1/requests?state=pending&assigned=me", NULL},
        {"request|approve|req_" ULID "|--digest|d|--scope|a", "POST",
         "/v1/requests/req_" ULID "/decisions",
         "{\"decision\":\"approve\",\"digest\":\"d\",\"scopes\":[\"a\"]}"},
        {"request|reject|req_" ULID "|-m|no", "POST", "/v1/requests/req_" ULID "/decisions",
         "{\"decision\":\"reject\",\"comment\":\"no\"}"},
        {"request|ask|req_" ULID "|-m|why?", "POST", "/v1/requests/req_" ULID "/decisions",
         "{\"decision\":\"ask\",\"comment\":\"why?\"}"},
        {"request|withdraw|req_" ULID, "POST", "/v1/requests/req_" ULID "/withdraw", "{}"},
        {"request|claim|req_" ULID, "POST", "/v1/requests/req_" ULID "/claims", "{}"},
        {"verify|--scope|a,b|--mode|live|--ip|::1|--cost|0", "POST", "/v1/verify",
         "{\"key\":\"S\",\"scopes\":[\"a\",\"b\"],\"mode\":\"live\",\"ip\":\"::1\",\"cost\":0}"},
        {"claim|lookup", "POST", "/v1/claims/lookup", "{\"claim\":\"S\"}"},
        {"claim|fetch", "POST", "/v1/claims", "{\"claim\":\"S\"}"},
        {"policy|show", "GET", "/v1/policy", NULL},
        {"policy|explain|--scope|a", "POST", "/v1/policy/explain",
         "{\"scopes\":[\"a\"],\"mode\":\"live\"}"},
        {"audit|list|--action|claim.used", "GET", "/v1/audit?action=claim.used", NULL},
    };
    struct cs_secret *secret = NULL;
    assert_int_equal(cs_secret_from("S", 1, &secret), CS_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        struct cs_args args;
        struct cs_buf target, body;
        snprintf(text, sizeof(text), "%s", cases[i].line);
        parse(text, &args);
        const struct cs_rest *rest = args.command->rest;
        assert_string_equal(rest->method, cases[i].method);
        cs_buf_init(&target, 4096);
        cs_buf_init(&body, 4096);
        cs_rest_target(&args, rest, NULL, &target);
        assert_string_equal(cs_buf_text(&target), cases[i].target);
        json_t *object = cs_rest_body(&args, rest, rest->secret == NULL ? NULL : secret);
        cs_output_dump(&body, object, JSON_COMPACT);
        if (cases[i].body != NULL)
            assert_string_equal(cs_buf_text(&body), cases[i].body);
        else
            assert_string_equal(rest->method, "GET");
        json_decref(object);
        cs_buf_free(&target);
        cs_buf_free(&body);
    }
    cs_secret_free(&secret);
}

/* People paste the whole link. */
static void takes_the_token_out_of_a_link(void **state)
{
    (void)state;
    static const char *const links[] = {"cs_claim_x", "#cs_claim_x",
                                        "https://desk.example/claim#cs_claim_x", "a#b#cs_claim_x"};
    char text[] = "claim|lookup";
    struct cs_args args;
    parse(text, &args);
    for (size_t i = 0; i < COUNT(links); i++) {
        struct cs_secret *secret = NULL;
        assert_int_equal(cs_secret_from(links[i], strlen(links[i]), &secret), CS_OK);
        json_t *body = cs_rest_body(&args, args.command->rest, secret);
        assert_string_equal(json_string_value(json_object_get(body, "claim")), "cs_claim_x");
        json_decref(body);
        cs_secret_free(&secret);
    }
}

static void goes_on_at_the_cursor_it_is_given(void **state)
{
    (void)state;
    char text[] = "account|list|--cursor|first";
    struct cs_args args;
    struct cs_buf target;
    parse(text, &args);
    cs_buf_init(&target, 4096);
    cs_rest_target(&args, args.command->rest, "second?", &target);
    assert_string_equal(cs_buf_text(&target), "/v1/accounts?cursor=second%3F");
    cs_buf_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_contract_has),
        cmocka_unit_test(takes_the_token_out_of_a_link),
        cmocka_unit_test(goes_on_at_the_cursor_it_is_given),
    };
    cs_json_setup();
    return cmocka_run_group_tests(tests, secret_setup, secret_teardown);
}
