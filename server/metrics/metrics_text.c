#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/app.h"
#include "server/metrics/metrics_internal.h"
#include "server/route.h"
#include "vault/store/store.h"
#include "vault/usage/usage.h"
#include "vault/verify/limits.h"

#define US_PER_S 1e6

static const char *const shape_names[CS_SHAPE_COUNT] = {"verify", "batch", "authorize",
                                                        "introspect"};

/* --- one line, one family --- */

static void begin(struct cs_buf *out, const char *name, const char *type, const char *help)
{
    cs_buf_printf(out, "# HELP countersign_%s %s\n# TYPE countersign_%s %s\n", name, help, name,
                  type);
}

static void put(struct cs_buf *out, const char *name, const char *labels, uint64_t value)
{
    cs_buf_printf(out, "countersign_%s%s %llu\n", name, labels, (unsigned long long)value);
}

/* A family of one line without labels. */
static void put_alone(struct cs_buf *out, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    begin(out, name, type, help);
    put(out, name, "", value);
}

/* --- verifications --- */

static void write_verdicts(const struct cs_metrics *metrics, struct cs_buf *out)
{
    char labels[96];
    begin(out, "verifications_total", "counter", "Verifications by shape and code.");
    for (int shape = 0; shape < CS_SHAPE_COUNT; shape++) {
        for (int verdict = 0; verdict < CS_VERDICT_COUNT; verdict++) {
            uint64_t count = 0;
            for (unsigned lane = 0; lane < metrics->lane_count; lane++)
                count += cs_metrics_read(&metrics->lanes[lane].verdicts[shape][verdict]);
            snprintf(labels, sizeof(labels), "{shape=\"%s\",code=\"%s\"}", shape_names[shape],
                     cs_verdict_names[verdict]);
            put(out, "verifications_total", labels, count);
        }
    }
}

/* --- requests --- */

/* A plain copy of what all loops have counted for a route. */
struct route_sum {
    uint64_t classes[CS_METRICS_CLASSES];
    uint64_t buckets[CS_METRICS_BUCKETS];
    uint64_t took_us;
    uint64_t count;
};

static void add_up(const struct cs_route_counts *counts, struct route_sum *sum)
{
    for (size_t i = 0; i < CS_METRICS_CLASSES; i++)
        sum->classes[i] += cs_metrics_read(&counts->classes[i]);
    for (size_t i = 0; i < CS_METRICS_BUCKETS; i++) {
        uint64_t count = cs_metrics_read(&counts->buckets[i]);
        sum->buckets[i] += count;
        sum->count += count;
    }
    sum->took_us += cs_metrics_read(&counts->took_us);
}

static struct route_sum sum_of(const struct cs_metrics *metrics, size_t route)
{
    struct route_sum sum = {.count = 0};
    for (size_t loop = 0; loop < CS_LOOPS_MAX; loop++)
        add_up(&metrics->loops[loop][route], &sum);
    return sum;
}

static const char *route_name(const struct cs_metrics *metrics, size_t index)
{
    const struct cs_route *route = cs_routes_at(metrics->routes, index);
    return route != NULL ? route->name : "none";
}

static void write_requests(const struct cs_metrics *metrics, struct cs_buf *out)
{
    char labels[128];
    begin(out, "http_requests_total", "counter",
          "Answered requests by route and class of status; route none: no such path or method.");
    for (size_t route = 0; route <= metrics->route_count; route++) {
        struct route_sum sum = sum_of(metrics, route);
        for (size_t i = 0; i < CS_METRICS_CLASSES; i++) {
            if (sum.classes[i] == 0)
                continue;
            snprintf(labels, sizeof(labels), "{route=\"%s\",status=\"%zuxx\"}",
                     route_name(metrics, route), i + 1);
            put(out, "http_requests_total", labels, sum.classes[i]);
        }
    }
}

static void write_duration(const struct route_sum *sum, const char *name, struct cs_buf *out)
{
    uint64_t count = 0;
    for (size_t i = 0; i < CS_METRICS_BUCKETS - 1; i++) {
        count += sum->buckets[i];
        cs_buf_printf(out,
                      "countersign_http_request_duration_seconds_bucket{route=\"%s\",le=\"%g\"} "
                      "%llu\n",
                      name, cs_metrics_bounds_us[i] / US_PER_S, (unsigned long long)count);
    }
    cs_buf_printf(
        out,
        "countersign_http_request_duration_seconds_bucket{route=\"%s\",le=\"+Inf\"} %llu\n"
        "countersign_http_request_duration_seconds_sum{route=\"%s\"} %.6f\n"
        "countersign_http_request_duration_seconds_count{route=\"%s\"} %llu\n",
        name, (unsigned long long)sum->count, name, (double)sum->took_us / US_PER_S, name,
        (unsigned long long)sum->count);
}

/* Only of routes that were called: a histogram is sixteen lines. */
static void write_durations(const struct cs_metrics *metrics, struct cs_buf *out)
{
    begin(out, "http_request_duration_seconds", "histogram",
          "From a request's first line to the end of its answer, by route.");
    for (size_t route = 0; route <= metrics->route_count; route++) {
        struct route_sum sum = sum_of(metrics, route);
        if (sum.count > 0)
            write_duration(&sum, route_name(metrics, route), out);
    }
}

static void write_loops(const struct cs_metrics *metrics, struct cs_buf *out)
{
    char labels[32];
    begin(out, "loop_requests_total", "counter", "Answered requests by event loop.");
    for (size_t loop = 0; loop < CS_LOOPS_MAX; loop++) {
        struct route_sum sum = {.count = 0};
        for (size_t route = 0; route <= metrics->route_count; route++)
            add_up(&metrics->loops[loop][route], &sum);
        snprintf(labels, sizeof(labels), "{loop=\"%zu\"}", loop);
        put(out, "loop_requests_total", labels, sum.count);
    }
}

/* --- figures of the moment --- */

static void write_core(const struct cs_http *http, struct cs_buf *out)
{
    struct cs_http_stats stats;
    cs_http_stats(http, &stats);
    put_alone(out, "http_connections", "gauge", "Open connections.", stats.open);
    put_alone(out, "http_connections_total", "counter", "Connections accepted.", stats.accepted);
    put_alone(out, "http_connections_refused_total", "counter",
              "Connections closed at once because there were too many.", stats.refused);
    put_alone(out, "http_malformed_total", "counter",
              "Requests refused at their header section, with the connection.", stats.malformed);
    put_alone(out, "http_timed_out_total", "counter", "Connections that a deadline ended.",
              stats.timed_out);
    put_alone(out, "http_queue_length", "gauge", "Requests that wait for a worker.", stats.waiting);
    put_alone(out, "http_queue_full_total", "counter",
              "Requests refused because too many waited for a worker.", stats.queue_full);
}

static void write_store(struct cs_vault *vault, struct cs_buf *out)
{
    struct cs_store_stats stats;
    cs_store_stats(cs_vault_store(vault), &stats);
    put_alone(out, "store_commits_total", "counter", "Durable commits.", stats.commits);
    put_alone(out, "store_updates_total", "counter", "Changes in them.", stats.updates);
    put_alone(out, "store_retries_total", "counter", "Changes that were run again.", stats.retries);
    put_alone(out, "store_sequence", "gauge", "Sequence number of the last commit.", stats.seq);
    put_alone(out, "store_used_bytes", "gauge", "Of the data file, in use.", stats.used_bytes);
    put_alone(out, "store_size_bytes", "gauge", "What the data file may grow to.", stats.map_bytes);
    put_alone(out, "store_up", "gauge", "1 while the store can answer.",
              !cs_store_failed(cs_vault_store(vault)) && cs_store_fresh(cs_vault_store(vault)));
}

static void write_limits(struct cs_vault *vault, struct cs_buf *out)
{
    static const char *const names[] = {"{table=\"rates\"}", "{table=\"failed_attempts\"}"};
    struct cs_limits *tables[] = {cs_vault_limits(vault), cs_vault_attempts(vault)};
    int64_t now_ns = cs_clock_mono_ns(cs_vault_clock(vault));
    struct cs_limits_fill fills[2];
    for (size_t i = 0; i < 2; i++)
        cs_limits_fill(tables[i], now_ns, &fills[i]);
    begin(out, "limits_places", "gauge", "Places that limits can be counted in.");
    for (size_t i = 0; i < 2; i++)
        put(out, "limits_places", names[i], fills[i].places);
    begin(out, "limits_busy", "gauge", "Places of which something is used up.");
    for (size_t i = 0; i < 2; i++)
        put(out, "limits_busy", names[i], fills[i].busy);
    begin(out, "limits_overflows_total", "counter", "What found no place and was not counted.");
    for (size_t i = 0; i < 2; i++)
        put(out, "limits_overflows_total", names[i], cs_limits_overflows(tables[i]));
    put_alone(out, "usage_dropped_total", "counter", "Uses of credentials that were not counted.",
              cs_usage_dropped(cs_vault_usage(vault)));
}

/* --- the process, under the names that every exporter gives them --- */

static uint64_t count_files(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count >= 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

/* The second number of statm: proc(5). */
static uint64_t resident_bytes(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    const char *second = fgets(line, sizeof(line), file) != NULL ? strchr(line, ' ') : NULL;
    fclose(file);
    return second != NULL ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void write_process(struct cs_buf *out)
{
    struct rusage used;
    double cpu_s = 0;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / US_PER_S;
    cs_buf_printf(out,
                  "# HELP process_cpu_seconds_total Processor time, of its own and in the kernel.\n"
                  "# TYPE process_cpu_seconds_total counter\n"
                  "process_cpu_seconds_total %.3f\n"
                  "# HELP process_resident_memory_bytes Memory that is in use, mapped files too.\n"
                  "# TYPE process_resident_memory_bytes gauge\n"
                  "process_resident_memory_bytes %llu\n"
                  "# HELP process_open_fds Open file descriptors.\n"
                  "# TYPE process_open_fds gauge\n"
                  "process_open_fds %llu\n",
                  cpu_s, (unsigned long long)resident_bytes(), (unsigned long long)count_files());
}

void cs_metrics_write(struct cs_app *app, struct cs_buf *out)
{
    const struct cs_http *http = app->http;
    begin(out, "build_info", "gauge", "1, with the version that runs.");
    put(out, "build_info", "{version=\"" CS_VERSION "\"}", 1);
    if (app->metrics != NULL) {
        write_verdicts(app->metrics, out);
        write_requests(app->metrics, out);
        write_durations(app->metrics, out);
        write_loops(app->metrics, out);
    }
    if (http != NULL)
        write_core(http, out);
    write_store(app->vault, out);
    write_limits(app->vault, out);
    write_process(out);
}
