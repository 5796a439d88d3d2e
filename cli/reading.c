#include "cli/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "cli/output.h"

const char *cs_reading_text(const json_t *object, const char *path)
{
    const char *text = json_string_value(cs_output_member(object, path));
    return text == NULL ? "" : text;
}

uint64_t cs_reading_number(const json_t *object, const char *path)
{
    json_int_t number = json_integer_value(cs_output_member(object, path));
    return number < 0 ? 0 : (uint64_t)number;
}

bool cs_reading_is(const json_t *object, const char *path)
{
    return json_is_true(cs_output_member(object, path));
}

bool cs_reading_has(const json_t *words, const char *word)
{
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *other = json_string_value(json_array_get(words, i));
        if (other != NULL && strcmp(other, word) == 0)
            return true;
    }
    return false;
}

const char *cs_reading_pick(const json_t *words, enum cs_reading_which which, const json_t *others,
                            char out[CS_READING_WORDS_SIZE])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));
        if (word == NULL || cs_reading_has(others, word) != (which == CS_READING_IN))
            continue;
        int put =
            snprintf(out + len, CS_READING_WORDS_SIZE - len, "%s%s", len > 0 ? " " : "", word);
        if (put < 0 || (size_t)put >= CS_READING_WORDS_SIZE - len)
            break;
        len += (size_t)put;
    }
    return out;
}

const char *cs_reading_words(const json_t *list, char out[CS_READING_WORDS_SIZE])
{
    return cs_reading_pick(list, CS_READING_NOT_IN, NULL, out);
}

void cs_reading_age(int64_t ms, char out[CS_DURATION_TEXT_SIZE])
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    int64_t seconds = ms < 0 ? 0 : ms / CS_MS_PER_S;
    size_t i = 0;
    while (i + 1 < CS_COUNT(units) && seconds < units[i].seconds)
        i++;
    snprintf(out, CS_DURATION_TEXT_SIZE, "%" PRId64 "%c", seconds / units[i].seconds,
             units[i].unit);
}

const char *cs_reading_when(int64_t now_ms, const char *time, char out[CS_READING_WHEN_SIZE])
{
    int64_t at = 0;
    char age[CS_DURATION_TEXT_SIZE];
    if (cs_time_parse(time, &at) != CS_OK) {
        snprintf(out, CS_READING_WHEN_SIZE, "%s", time);
        return out;
    }
    bool past = at <= now_ms;
    cs_reading_age(past ? now_ms - at : at - now_ms, age);
    snprintf(out, CS_READING_WHEN_SIZE, "%.10s %.5s UTC, %s%.15s%s", time, time + 11,
             past ? "" : "in ", age, past ? " ago" : "");
    return out;
}

int64_t cs_reading_now(void)
{
    struct cs_clock clock;
    cs_clock_init(&clock);
    return cs_clock_wall_ms(&clock);
}
