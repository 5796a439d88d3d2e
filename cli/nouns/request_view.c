#include "cli/nouns/request_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "cli/reading.h"
#include "cli/sheet.h"

#define PERSON_SIZE 400

/* One request as it is written: what every section needs. */
struct view {
    struct cs_sheet sheet;
    const json_t *request;
    int64_t now_ms;
};

/* "Dora Developer <dora@acme.example>", or the id of somebody who is not told. */
static const char *person(const struct view *view, const char *id, char out[PERSON_SIZE])
{
    const json_t *people = json_object_get(view->request, "people");
    snprintf(out, PERSON_SIZE, "%s", id[0] == '\0' ? "the policy" : id);
    for (size_t i = 0; i < json_array_size(people); i++) {
        const json_t *one = json_array_get(people, i);
        const char *email = cs_reading_text(one, "email");
        bool told = email[0] != '\0';
        const char *name = cs_reading_text(one, "name");
        if (strcmp(cs_reading_text(one, "id"), id) != 0)
            continue;
        if (name[0] != '\0' || told)
            snprintf(out, PERSON_SIZE, "%s%s%s%s%s", name, name[0] != '\0' && told ? " " : "",
                     told ? "<" : "", email, told ? ">" : "");
    }
    return out;
}

static bool is_state(const struct view *view, const char *state)
{
    return strcmp(cs_reading_text(view->request, "state"), state) == 0;
}

static bool is_open(const struct view *view)
{
    return is_state(view, "pending") || is_state(view, "needs_info");
}

static void put_state(struct view *view)
{
    char at[CS_READING_WHEN_SIZE];
    const json_t *request = view->request;
    const char *state = cs_reading_text(request, "state");
    cs_sheet_line(&view->sheet, "%s", cs_reading_text(request, "id"));
    if (!is_open(view) && state[0] != '\0')
        cs_sheet_line(&view->sheet, "%s %s", state,
                      cs_reading_when(view->now_ms, cs_reading_text(request, "decided_at"), at));
    else if (is_open(view))
        cs_sheet_line(&view->sheet, "%s; ends %s",
                      is_state(view, "pending") ? "pending" : "waits for the requester's answer",
                      cs_reading_when(view->now_ms, cs_reading_text(request, "expires_at"), at));
    if (cs_reading_is(request, "frozen"))
        cs_sheet_line(&view->sheet, "frozen: the account is suspended");
    if (cs_reading_text(request, "escalated_at")[0] != '\0')
        cs_sheet_line(&view->sheet, "escalated %s",
                      cs_reading_when(view->now_ms, cs_reading_text(request, "escalated_at"), at));
}

static void put_account(struct view *view)
{
    const char *id = cs_reading_text(view->request, "account.id");
    if (id[0] != '\0')
        cs_sheet_line(&view->sheet, "%s, %s", cs_reading_text(view->request, "account.name"), id);
}

static void put_who(struct view *view)
{
    char who[PERSON_SIZE];
    char at[CS_READING_WHEN_SIZE];
    const char *id = cs_reading_text(view->request, "requested_by");
    if (id[0] == '\0')
        return;
    cs_sheet_line(&view->sheet, "%s", person(view, id, who));
    cs_sheet_line(&view->sheet, "filed %s",
                  cs_reading_when(view->now_ms, cs_reading_text(view->request, "created_at"), at));
}

static void put_why(struct view *view)
{
    cs_sheet_quote(&view->sheet, cs_reading_text(view->request, "use_case"));
}

/* What a credential may beside its scopes, as an object `limits` has it. */
static void put_limits(struct view *view, const json_t *limits, const char *lead)
{
    char life[CS_DURATION_TEXT_SIZE];
    char window[CS_DURATION_TEXT_SIZE];
    uint64_t burst = cs_reading_number(limits, "rate_burst");
    uint64_t rate = cs_reading_number(limits, "rate_limit");
    if (limits == NULL)
        return;
    cs_duration_format(cs_reading_number(limits, "expires_in_s"), life);
    cs_duration_format(cs_reading_number(limits, "rate_window_s"), window);
    if (cs_reading_number(limits, "expires_in_s") != 0)
        cs_sheet_line(&view->sheet, "%sworks for %s from its approval", lead, life);
    else
        cs_sheet_line(&view->sheet, "%s%s", lead,
                      cs_reading_text(view->request, "widens")[0] == '\0' ? "works without end"
                                                                          : "keeps its end");
    if (rate != 0 && burst != 0)
        cs_sheet_line(&view->sheet, "%s%" PRIu64 " verifications in %s, %" PRIu64 " at once", lead,
                      rate, window, burst);
    else if (rate != 0)
        cs_sheet_line(&view->sheet, "%s%" PRIu64 " verifications in %s", lead, rate, window);
}

static void put_what(struct view *view)
{
    char list[CS_READING_WORDS_SIZE];
    const json_t *request = view->request;
    const char *bundle = cs_reading_text(request, "bundle");
    const char *widens = cs_reading_text(request, "widens");
    if (widens[0] != '\0')
        cs_sheet_line(&view->sheet, "more scopes on %s", widens);
    cs_sheet_line(&view->sheet, "%s", cs_reading_words(json_object_get(request, "scopes"), list));
    if (bundle[0] != '\0')
        cs_sheet_line(&view->sheet, "of the bundle %s", bundle);
    put_limits(view, json_object_get(request, "limits"), "");
    if (json_array_size(json_object_get(request, "allowed_ips")) > 0)
        cs_sheet_line(&view->sheet, "only from %s",
                      cs_reading_words(json_object_get(request, "allowed_ips"), list));
}

static void put_words(struct view *view, const char *lead, const char *list)
{
    if (list[0] != '\0')
        cs_sheet_line(&view->sheet, "%s%s", lead, list);
}

static void put_difference(struct view *view)
{
    char list[CS_READING_WORDS_SIZE];
    const json_t *request = view->request;
    if (cs_reading_text(request, "widens")[0] != '\0') {
        put_words(view, "gains ", cs_reading_words(json_object_get(request, "gains"), list));
        put_words(view, "keeps ", cs_reading_words(json_object_get(request, "keeps"), list));
    }
    put_words(view, "left out by a reviewer: ",
              cs_reading_words(json_object_get(request, "left_out"), list));
}

static void put_recipient(struct view *view)
{
    put_words(view, "", cs_reading_text(view->request, "recipient_email"));
    put_words(view, "sealed for the key ", cs_reading_text(view->request, "recipient_public_key"));
}

static bool demands_evidence(const json_t *request)
{
    return cs_reading_has(cs_output_member(request, "rule.terms"), "evidence");
}

static void put_evidence(struct view *view)
{
    char list[CS_READING_WORDS_SIZE];
    char at[CS_READING_WHEN_SIZE];
    const json_t *scopes = json_object_get(view->request, "scopes");
    const json_t *evidence = json_object_get(view->request, "evidence");
    const json_t *used = json_object_get(evidence, "scopes_exercised");
    const char *last = cs_reading_text(evidence, "last_used_at");
    const char *missing = cs_reading_text(view->request, "rule.evidence_missing");
    if (evidence == NULL)
        return;
    if (last[0] == '\0')
        cs_sheet_line(&view->sheet, "the account's test credentials were never found valid");
    else
        cs_sheet_line(
            &view->sheet, "days on which test credentials were valid: %" PRIu64 "; last %s",
            cs_reading_number(evidence, "days_active"), cs_reading_when(view->now_ms, last, at));
    cs_sheet_line(&view->sheet, "%" PRIu64 " verifications, %" PRIu64 " of them refused",
                  cs_reading_number(evidence, "verifications"),
                  cs_reading_number(evidence, "refused"));
    put_words(view, "exercised: ", cs_reading_pick(scopes, CS_READING_IN, used, list));
    put_words(view, "never exercised: ", cs_reading_pick(scopes, CS_READING_NOT_IN, used, list));
    if (demands_evidence(view->request) && is_open(view))
        cs_sheet_line(
            &view->sheet, "%s%s",
            missing[0] == '\0' ? "the rule's demand is met" : "the rule demands more: ", missing);
}

static void put_rule(struct view *view)
{
    put_words(view, "", cs_reading_text(view->request, "rule.why"));
}

/* Why an approval counts no longer: another form was approved, or its giver may no longer. */
static const char *standing(const struct view *view, const json_t *decision)
{
    bool approves = strcmp(cs_reading_text(decision, "kind"), "approve") == 0;
    bool same =
        strcmp(cs_reading_text(decision, "digest"), cs_reading_text(view->request, "digest")) == 0;
    if (!approves || cs_reading_is(decision, "counts"))
        return "";
    return same ? ", which no longer counts" : ", of what it was before";
}

/* A question is told by the thread. */
static void put_decision(struct view *view, const json_t *decision)
{
    char who[PERSON_SIZE];
    char at[CS_READING_WHEN_SIZE];
    const char *kind = cs_reading_text(decision, "kind");
    cs_sheet_line(&view->sheet, "%s by %s, %s%s", kind,
                  person(view, cs_reading_text(decision, "by"), who),
                  cs_reading_when(view->now_ms, cs_reading_text(decision, "at"), at),
                  standing(view, decision));
    view->sheet.indent = 2;
    if (strcmp(kind, "ask") != 0)
        cs_sheet_quote(&view->sheet, cs_reading_text(decision, "comment"));
    view->sheet.indent = 0;
}

static void put_decisions(struct view *view)
{
    const json_t *list = json_object_get(view->request, "decisions");
    uint64_t needed = cs_reading_number(view->request, "rule.approvals_needed");
    uint64_t missing = cs_reading_number(view->request, "rule.approvals_missing");
    const char *wanted = cs_reading_text(view->request, "rule.wanted");
    if (is_open(view) && needed > 0 && missing <= needed)
        cs_sheet_line(&view->sheet, "%" PRIu64 " of %" PRIu64 " approvals%s%s", needed - missing,
                      needed, wanted[0] == '\0' ? "" : "; still missing: ", wanted);
    for (size_t i = 0; i < json_array_size(list); i++)
        put_decision(view, json_array_get(list, i));
}

static void put_thread(struct view *view)
{
    char who[PERSON_SIZE];
    char at[CS_READING_WHEN_SIZE];
    const json_t *thread = json_object_get(view->request, "thread");
    for (size_t i = 0; i < json_array_size(thread); i++) {
        const json_t *message = json_array_get(thread, i);
        cs_sheet_line(&view->sheet, "%s by %s, %s", cs_reading_text(message, "kind"),
                      person(view, cs_reading_text(message, "by"), who),
                      cs_reading_when(view->now_ms, cs_reading_text(message, "at"), at));
        view->sheet.indent = 2;
        cs_sheet_quote(&view->sheet, cs_reading_text(message, "text"));
        view->sheet.indent = 0;
    }
}

static void changed_scopes(struct view *view, const json_t *seen)
{
    char list[CS_READING_WORDS_SIZE];
    const json_t *then = json_object_get(seen, "scopes");
    const json_t *now = json_object_get(view->request, "scopes");
    put_words(view, "scopes added: ", cs_reading_pick(now, CS_READING_NOT_IN, then, list));
    put_words(view, "scopes dropped: ", cs_reading_pick(then, CS_READING_NOT_IN, now, list));
}

static void changed_use_case(struct view *view, const json_t *seen)
{
    cs_sheet_line(&view->sheet, "the reason was:");
    view->sheet.indent = 2;
    cs_sheet_quote(&view->sheet, cs_reading_text(seen, "use_case"));
    view->sheet.indent = 0;
}

static void changed_networks(struct view *view, const json_t *seen)
{
    char list[CS_READING_WORDS_SIZE];
    const char *then = cs_reading_words(json_object_get(seen, "allowed_ips"), list);
    cs_sheet_line(&view->sheet, "the networks were: %s", then[0] == '\0' ? "any" : then);
}

static void changed_limits(struct view *view, const json_t *seen)
{
    put_limits(view, json_object_get(seen, "limits"), "before: ");
}

static void changed_rule(struct view *view, const json_t *seen)
{
    cs_sheet_line(&view->sheet, "the rule was %s, of %" PRIu64 " approvals",
                  cs_reading_text(seen, "rule.name"),
                  cs_reading_number(seen, "rule.approvals_needed"));
}

/* How a member that is other now is told. Texts that have no function are told as they were. */
static const struct {
    const char *member;
    const char *label;
    void (*put)(struct view *view, const json_t *seen);
} changes[] = {
    {"name", "the name was: ", NULL},
    {"bundle", "the bundle was: ", NULL},
    {"scopes", NULL, changed_scopes},
    {"limits", NULL, changed_limits},
    {"allowed_ips", NULL, changed_networks},
    {"recipient_email", "the recipient was: ", NULL},
    {"recipient_public_key", "the recipient's key was: ", NULL},
    {"rule", NULL, changed_rule},
    {"use_case", NULL, changed_use_case},
};

static void put_changes(struct view *view)
{
    char who[PERSON_SIZE];
    char at[CS_READING_WHEN_SIZE];
    const json_t *seen = json_object_get(view->request, "last_reviewed");
    const json_t *changed = json_object_get(seen, "changed");
    if (json_array_size(changed) == 0)
        return;
    cs_sheet_line(&view->sheet,
                  "since the decision of %s, %s:", person(view, cs_reading_text(seen, "by"), who),
                  cs_reading_when(view->now_ms, cs_reading_text(seen, "at"), at));
    for (size_t i = 0; i < CS_COUNT(changes); i++) {
        const char *then = cs_reading_text(seen, changes[i].member);
        if (!cs_reading_has(changed, changes[i].member))
            continue;
        if (changes[i].put != NULL)
            changes[i].put(view, seen);
        else
            cs_sheet_line(&view->sheet, "%s%s", changes[i].label, then[0] == '\0' ? "none" : then);
    }
}

/* "3 approved, 1 rejected", in the order in which the server has the states. */
static void put_states(struct view *view, const char *whose, const json_t *states)
{
    char text[256];
    size_t len = 0;
    const char *state;
    json_t *count;
    text[0] = '\0';
    json_object_foreach((json_t *)(uintptr_t)states, state, count)
    {
        if (json_integer_value(count) > 0 && len < sizeof(text))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%" JSON_INTEGER_FORMAT " %s",
                                    len > 0 ? ", " : "", json_integer_value(count), state);
    }
    cs_sheet_line(&view->sheet, "%s: %s", whose, text);
}

static bool is_among(const json_t *list, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(cs_reading_text(json_array_get(list, i), "id"), id) == 0)
            return true;
    }
    return false;
}

/* Those that were not told already. */
static void put_recent(struct view *view, const json_t *recent, const json_t *told)
{
    char list[CS_READING_WORDS_SIZE];
    view->sheet.indent = 2;
    for (size_t i = 0; i < json_array_size(recent); i++) {
        const json_t *past = json_array_get(recent, i);
        if (is_among(told, cs_reading_text(past, "id")))
            continue;
        cs_sheet_line(&view->sheet, "%.10s %s: %s (%s)", cs_reading_text(past, "created_at"),
                      cs_reading_text(past, "state"), cs_reading_text(past, "name"),
                      cs_reading_words(json_object_get(past, "scopes"), list));
        view->sheet.indent = 4;
        cs_sheet_quote(&view->sheet, cs_reading_text(past, "comment"));
        view->sheet.indent = 2;
    }
    view->sheet.indent = 0;
}

static void put_history(struct view *view)
{
    const json_t *history = json_object_get(view->request, "history");
    const json_t *of_account = cs_output_member(history, "account.recent");
    if (!json_is_object(history))
        return;
    cs_sheet_line(&view->sheet, "%" PRIu64 " live and %" PRIu64 " test credentials",
                  cs_reading_number(history, "live_credentials"),
                  cs_reading_number(history, "test_credentials"));
    put_states(view, "the account's requests", cs_output_member(history, "account.states"));
    put_recent(view, of_account, NULL);
    put_states(view, "the requester's", cs_output_member(history, "requester.states"));
    put_recent(view, cs_output_member(history, "requester.recent"), of_account);
}

static void put_outcome(struct view *view)
{
    put_words(view, "", cs_reading_text(view->request, "credential_id"));
    put_words(view, "", cs_reading_text(view->request, "grant_id"));
}

static void put_digest(struct view *view)
{
    if (is_open(view))
        cs_sheet_line(&view->sheet, "%s", cs_reading_text(view->request, "digest"));
}

static const struct {
    const char *heading;
    void (*put)(struct view *view);
} sections[] = {
    {"Request", put_state},     {"Account", put_account},     {"Who", put_who},
    {"Why", put_why},           {"What", put_what},           {"Difference", put_difference},
    {"Changed", put_changes},   {"Recipient", put_recipient}, {"Rule", put_rule},
    {"Evidence", put_evidence}, {"Decisions", put_decisions}, {"Thread", put_thread},
    {"History", put_history},   {"Credential", put_outcome},  {"Digest", put_digest},
};

void cs_request_view(struct cs_buf *out, const json_t *request, int64_t now_ms,
                     enum cs_output_style style)
{
    struct view view = {
        .sheet = {.out = out, .style = style}, .request = request, .now_ms = now_ms};
    cs_sheet_section(&view.sheet, "Name");
    cs_sheet_line(&view.sheet, "%s", cs_reading_text(request, "name"));
    for (size_t i = 0; i < CS_COUNT(sections); i++) {
        cs_sheet_section(&view.sheet, sections[i].heading);
        sections[i].put(&view);
    }
}

void cs_request_view_answer(struct cs_buf *out, const json_t *answer, enum cs_output_style style)
{
    const json_t *inside = json_object_get(answer, "request");
    struct cs_sheet sheet = {.out = out, .style = style};
    cs_request_view(out, inside == NULL ? answer : inside, cs_reading_now(), style);
    cs_sheet_section(&sheet, "Receipt");
    if (json_is_object(json_object_get(answer, "receipt")))
        cs_sheet_line(&sheet, "entry %" PRIu64 ", %s", cs_reading_number(answer, "receipt.index"),
                      cs_reading_text(answer, "receipt.hash"));
}
