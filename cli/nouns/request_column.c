/* Cells of the table of requests that are no member as it stands. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "cli/nouns/request_view.h"
#include "cli/reading.h"

#define SCOPES_SHOWN 2 /* as many as tell what it is about */
#define CELL_SIZE 512

static void put_age(const json_t *request, char cell[CELL_SIZE])
{
    char age[CS_DURATION_TEXT_SIZE] = "";
    int64_t at = 0;
    if (cs_time_parse(cs_reading_text(request, "created_at"), &at) == CS_OK)
        cs_reading_age(cs_reading_now() - at, age);
    snprintf(cell, CELL_SIZE, "%s", age);
}

static void put_scopes(const json_t *request, char cell[CELL_SIZE])
{
    const json_t *scopes = json_object_get(request, "scopes");
    size_t count = json_array_size(scopes);
    size_t len = 0;
    for (size_t i = 0; i < count && i < SCOPES_SHOWN && len < CELL_SIZE; i++) {
        const char *scope = json_string_value(json_array_get(scopes, i));
        len += (size_t)snprintf(cell + len, CELL_SIZE - len, "%s%s", i > 0 ? " " : "",
                                scope == NULL ? "" : scope);
    }
    if (count > SCOPES_SHOWN && len < CELL_SIZE)
        snprintf(cell + len, CELL_SIZE - len, " +%zu", count - SCOPES_SHOWN);
}

static void put_approvals(const json_t *request, char cell[CELL_SIZE])
{
    uint64_t needed = cs_reading_number(request, "rule.approvals_needed");
    uint64_t missing = cs_reading_number(request, "rule.approvals_missing");
    snprintf(cell, CELL_SIZE, "%" PRIu64 "/%" PRIu64, missing <= needed ? needed - missing : 0,
             needed);
}

static void put_waits(const json_t *request, char cell[CELL_SIZE])
{
    char list[CS_READING_WORDS_SIZE];
    const char *state = cs_reading_text(request, "state");
    const char *groups =
        cs_reading_words(json_object_get(json_object_get(request, "rule"), "groups"), list);
    const json_t *quorum = json_object_get(json_object_get(request, "rule"), "quorum");
    const char *whom = "-";
    if (cs_reading_is(request, "frozen"))
        whom = "nobody: frozen";
    else if (strcmp(state, "needs_info") == 0)
        whom = "the requester";
    else if (strcmp(state, "pending") == 0 && json_array_size(quorum) > 0)
        whom = cs_reading_text(request, "rule.wanted");
    else if (strcmp(state, "pending") == 0)
        whom = groups[0] == '\0' ? "any reviewer" : groups;
    snprintf(cell, CELL_SIZE, "%s", whom);
}

static const struct {
    const char *name;
    void (*put)(const json_t *request, char cell[CELL_SIZE]);
} cells[] = {
    {"age", put_age},
    {"some_scopes", put_scopes},
    {"approvals", put_approvals},
    {"waits_for", put_waits},
};

int cs_request_view_derive(json_t *request)
{
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < CS_COUNT(cells); i++) {
        char cell[CELL_SIZE] = "";
        cells[i].put(request, cell);
        failed = json_object_set_new(request, cells[i].name, json_string(cell));
    }
    return failed;
}
