#include "base/array.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

/*
 * The calendar is computed here and not by gmtime_r and timegm: those take glibc's time zone lock,
 * and every verification writes a time.
 */
#define DAY_MS (CS_S_PER_DAY * 1000LL)
#define EPOCH_DAY 719162       /* of 1970-01-01, counted from 0001-01-01 */
#define LAST_DAY 3652058       /* 9999-12-31, in the same count */
#define DURATION_DAYS_MAX 3653 /* ten years, with at most three leap days */

struct date {
    int year, month, day; /* month and day from 1 */
};

static const int16_t days_before_month[2][13] = {
    {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
    {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
};

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 0001-01-01 to the first day of a year. */
static int days_before_year(int year)
{
    int past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

static int days_of(const struct date *date)
{
    return days_before_year(date->year) + days_before_month[is_leap(date->year)][date->month - 1] +
           date->day - 1;
}

/*
 * `days` from 0 (0001-01-01) to LAST_DAY. In years that begin with March the leap day is the last
 * of all, and a quotient tells each part: centuries of 36524.25 days, years of 365.25 within them,
 * and five months of 153 days again and again.
 */
static struct date date_of(int days)
{
    int since_march = days + 306; /* since 0000-03-01 */
    int century = (4 * since_march + 3) / 146097;
    int of_century = since_march - 146097 * century / 4;
    int year = (4 * of_century + 3) / 1461;
    int of_year = of_century - 1461 * year / 4;
    int month = (5 * of_year + 2) / 153; /* 0 is March */
    int day = of_year - (153 * month + 2) / 5 + 1;
    int wraps = month >= 10; /* January and February are the next year's */
    return (struct date){100 * century + year + wraps, month + 3 - 12 * wraps, day};
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Two digits and the character that ends the part. */
static char *put_part(char *out, int value, char after)
{
    cs_put_two_digits(out, (unsigned)value);
    out[2] = after;
    return out + 3;
}

static char *put_date(char *out, int days, char after)
{
    struct date date = date_of(days);
    cs_put_two_digits(out, (unsigned)date.year / 100);
    out = put_part(out + 2, date.year % 100, '-');
    out = put_part(out, date.month, '-');
    return put_part(out, date.day, after);
}

void cs_time_format(int64_t wall_ms, char *out)
{
    int64_t first = -EPOCH_DAY * DAY_MS;
    int64_t ms = clamp(wall_ms, first, (LAST_DAY - EPOCH_DAY + 1) * DAY_MS - 1) - first;
    int of_day = (int)(ms % DAY_MS);
    out = put_date(out, (int)(ms / DAY_MS), 'T');
    out = put_part(out, of_day / 3600000, ':');
    out = put_part(out, of_day / 60000 % 60, ':');
    out = put_part(out, of_day / 1000 % 60, '.');
    *out++ = (char)('0' + of_day / 100 % 10);
    (void)put_part(out, of_day % 100, 'Z');
    out[3] = '\0';
}

int32_t cs_time_day(int64_t wall_ms)
{
    int64_t day = wall_ms / DAY_MS - (wall_ms % DAY_MS < 0);
    return (int32_t)clamp(day, INT32_MIN, INT32_MAX);
}

void cs_day_format(int32_t day, char *out)
{
    (void)put_date(out, (int)clamp((int64_t)day + EPOCH_DAY, 0, LAST_DAY), '\0');
}

/* Reads exactly `width` digits and steps past them: false, and no step, if they are not there. */
static bool take_digits(const char **text, int width, int *value)
{
    int number = 0;
    for (int i = 0; i < width; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *text += width;
    *value = number;
    return true;
}

/* One character out of `accepted`. The terminating NUL is never one. */
static bool take_char(const char **text, const char *accepted)
{
    if (**text == '\0' || strchr(accepted, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, int *days)
{
    struct date date = {0, 0, 0};
    if (!take_digits(text, 4, &date.year) || !take_char(text, "-") ||
        !take_digits(text, 2, &date.month) || !take_char(text, "-") ||
        !take_digits(text, 2, &date.day))
        return false;
    if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1)
        return false;
    const int16_t *before = days_before_month[is_leap(date.year)];
    if (date.day > before[date.month] - before[date.month - 1])
        return false;
    *days = days_of(&date);
    return true;
}

/* Hour and minute, in seconds. */
static bool take_minutes(const char **text, int *seconds)
{
    int hour = 0;
    int minute = 0;
    if (!take_digits(text, 2, &hour) || !take_char(text, ":") || !take_digits(text, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    *seconds = hour * 3600 + minute * 60;
    return true;
}

/* Up to nine digits, of which three count. */
static bool take_fraction(const char **text, int *ms)
{
    int count = 0;
    int digit = 0;
    *ms = 0;
    if (!take_char(text, "."))
        return true;
    while (take_digits(text, 1, &digit)) {
        if (count < 3)
            *ms = *ms * 10 + digit;
        count++;
    }
    for (int i = count; i < 3; i++)
        *ms *= 10;
    return count >= 1 && count <= 9;
}

static bool take_offset(const char **text, int *seconds)
{
    *seconds = 0;
    if (take_char(text, "Zz"))
        return true;
    int sign = **text == '-' ? -1 : 1;
    if (!take_char(text, "+-") || !take_minutes(text, seconds))
        return false;
    *seconds *= sign;
    return true;
}

/* A leap second ends a month in UTC (RFC 3339 section 5.7): the instant after it is a first day. */
static bool is_month_start(int64_t seconds)
{
    return seconds % CS_S_PER_DAY == 0 && date_of((int)(seconds / CS_S_PER_DAY)).day == 1;
}

enum cs_err cs_time_parse(const char *text, int64_t *wall_ms)
{
    int days = 0;
    int minutes_s = 0;
    int second = 0;
    int ms = 0;
    int offset_s = 0;
    *wall_ms = 0;
    if (!take_date(&text, &days) || !take_char(&text, "Tt") || !take_minutes(&text, &minutes_s) ||
        !take_char(&text, ":") || !take_digits(&text, 2, &second) || !take_fraction(&text, &ms) ||
        !take_offset(&text, &offset_s) || *text != '\0' || second > 60)
        return CS_ERR_INVALID;
    int64_t seconds = (int64_t)days * CS_S_PER_DAY + minutes_s + second - offset_s;
    if (seconds < 0 || seconds >= (LAST_DAY + 1LL) * CS_S_PER_DAY)
        return CS_ERR_INVALID;
    if (second == 60 && !is_month_start(seconds))
        return CS_ERR_INVALID;
    *wall_ms = seconds * 1000 + ms - EPOCH_DAY * DAY_MS;
    return CS_OK;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}, {"w", 7 * DAY_MS},
};

enum cs_err cs_duration_parse(const char *text, int64_t *ms)
{
    const int64_t limit = DURATION_DAYS_MAX * DAY_MS;
    int64_t number = 0;
    int digit = 0;
    *ms = 0;
    if (*text == '0')
        return CS_ERR_INVALID;
    while (take_digits(&text, 1, &digit))
        number = clamp(number * 10 + digit, 0, limit + 1);
    if (number == 0)
        return CS_ERR_INVALID;
    for (size_t i = 0; i < CS_COUNT(units); i++) {
        if (strcmp(text, units[i].name) == 0) {
            if (number > limit / units[i].ms)
                return CS_ERR_TOO_LARGE;
            *ms = number * units[i].ms;
            return CS_OK;
        }
    }
    return CS_ERR_INVALID;
}

void cs_duration_format(uint64_t seconds, char out[CS_DURATION_TEXT_SIZE])
{
    static const struct {
        uint64_t seconds;
        char unit;
    } coarse_first[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (seconds == 0 ? coarse_first[i].seconds > 1 : seconds % coarse_first[i].seconds != 0)
        i++;
    snprintf(out, CS_DURATION_TEXT_SIZE, "%llu%c",
             (unsigned long long)(seconds / coarse_first[i].seconds), coarse_first[i].unit);
}
