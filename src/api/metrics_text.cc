#include "api/metrics_text.h"

#include <cstdio>

#include <sys/resource.h>
#include <unistd.h>

namespace millrace::api {
namespace {

using pipeline::QueryStatus;
using pipeline::RunnerSnapshot;

struct QueryFamily {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  double (*value)(const QueryStatus&);
};

constexpr QueryFamily kQueryFamilies[] = {
    {"millrace_query_up", "gauge", "1 while the query runs.",
     [](const QueryStatus& q) { return q.running ? 1.0 : 0.0; }},
    {"millrace_query_records_in_total", "counter", "Records of committed epochs.",
     [](const QueryStatus& q) { return double(q.metrics.records_in); }},
    {"millrace_query_bytes_in_total", "counter", "Bytes of keys and values of those records.",
     [](const QueryStatus& q) { return double(q.metrics.bytes_in); }},
    {"millrace_query_rows_out_total", "counter", "Rows of the result, before fan-out to tables.",
     [](const QueryStatus& q) { return double(q.metrics.rows_out); }},
    {"millrace_query_rejected_total", "counter",
     "Records refused to the dead letters, late ones not counted.",
     [](const QueryStatus& q) { return double(q.metrics.rejected); }},
    {"millrace_query_late_total", "counter", "Late records.",
     [](const QueryStatus& q) { return double(q.metrics.late); }},
    {"millrace_query_skipped_total", "counter",
     "Replayed records that were meant for other queries.",
     [](const QueryStatus& q) { return double(q.metrics.skipped); }},
    {"millrace_query_epochs_total", "counter", "Epochs committed.",
     [](const QueryStatus& q) { return double(q.metrics.epochs); }},
    {"millrace_query_state_entries", "gauge", "Entries of window state.",
     [](const QueryStatus& q) { return double(q.metrics.state_entries); }},
    {"millrace_query_busy_ratio", "gauge", "Share of time with an epoch under way.",
     [](const QueryStatus& q) { return q.metrics.busy_ratio; }},
    {"millrace_query_epoch_seconds_p50", "gauge", "Median of recent epochs.",
     [](const QueryStatus& q) { return q.metrics.epoch_p50_ms / 1000; }},
    {"millrace_query_epoch_seconds_p99", "gauge", "99th percentile of recent epochs.",
     [](const QueryStatus& q) { return q.metrics.epoch_p99_ms / 1000; }},
};

struct ProcessFamily {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  double (*value)(const RunnerSnapshot&);
};

constexpr ProcessFamily kProcessFamilies[] = {
    {"millrace_extracted_records_total", "counter", "Records committed by http tasks.",
     [](const RunnerSnapshot& s) { return double(s.extracted_records); }},
    {"millrace_extract_limits_reached_total", "counter",
     "Tries of http tasks that stopped at limits and left the rest unread.",
     [](const RunnerSnapshot& s) { return double(s.limits_reached); }},
    {"millrace_extracted_pages_total", "counter", "Pages committed by http tasks.",
     [](const RunnerSnapshot& s) { return double(s.extracted_pages); }},
    {"millrace_log_bytes", "gauge", "Bytes of the log on disk.",
     [](const RunnerSnapshot& s) { return double(s.log_bytes); }},
    {"millrace_schedule_runs_started_total", "counter", "Runs started.",
     [](const RunnerSnapshot& s) { return double(s.schedule.runs_started); }},
    {"millrace_schedule_runs_succeeded_total", "counter", "Runs that succeeded.",
     [](const RunnerSnapshot& s) { return double(s.schedule.runs_succeeded); }},
    {"millrace_schedule_runs_failed_total", "counter", "Runs that failed.",
     [](const RunnerSnapshot& s) { return double(s.schedule.runs_failed); }},
    {"millrace_schedule_tries_started_total", "counter", "Tries started.",
     [](const RunnerSnapshot& s) { return double(s.schedule.tries_started); }},
    {"millrace_schedule_tries_failed_total", "counter", "Tries that failed.",
     [](const RunnerSnapshot& s) { return double(s.schedule.tries_failed); }},
};

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n')
      escaped += "\\n";
    else if (c == '"' || c == '\\')
      (escaped += '\\') += c;
    else
      escaped += c;
  }
  return escaped;
}

void Head(std::string& page, std::string_view name, std::string_view type, std::string_view help) {
  page += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

double ResidentBytes() {
  long pages = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void AppendPartitions(std::string& page, const std::vector<QueryStatus>& queries) {
  struct Gauge {
    std::string_view name;
    std::string_view help;
    double (*value)(const engine::PartitionMetrics&);
  };
  constexpr Gauge kGauges[] = {
      {"millrace_query_lag_records", "Readable records not yet in the tables.",
       [](const engine::PartitionMetrics& p) { return double(p.lag_records); }},
      {"millrace_query_lag_seconds", "How long the partition has lagged behind.",
       [](const engine::PartitionMetrics& p) { return p.lag_seconds; }},
  };
  for (const Gauge& gauge : kGauges) {
    Head(page, gauge.name, "gauge", gauge.help);
    for (const QueryStatus& query : queries) {
      for (const engine::PartitionMetrics& partition : query.metrics.partitions) {
        page += fmt::format("{}{{query=\"{}\",topic=\"{}\",partition=\"{}\"}} {}\n", gauge.name,
                            Escaped(query.name), Escaped(partition.at.topic),
                            partition.at.partition, gauge.value(partition));
      }
    }
  }
}

}  // namespace

std::string MetricsText(pipeline::Runner* runner) {
  std::string page;
  Head(page, "process_resident_memory_bytes", "gauge", "Resident memory.");
  page += fmt::format("process_resident_memory_bytes {}\n", ResidentBytes());
  Head(page, "process_cpu_seconds_total", "counter", "User and system time.");
  page += fmt::format("process_cpu_seconds_total {}\n", CpuSeconds());
  if (runner == nullptr) return page;
  const RunnerSnapshot snapshot = runner->Snapshot();
  for (const ProcessFamily& family : kProcessFamilies) {
    Head(page, family.name, family.type, family.help);
    page += fmt::format("{} {}\n", family.name, family.value(snapshot));
  }
  for (const QueryFamily& family : kQueryFamilies) {
    Head(page, family.name, family.type, family.help);
    for (const QueryStatus& query : snapshot.queries) {
      page += fmt::format("{}{{query=\"{}\"}} {}\n", family.name, Escaped(query.name),
                          family.value(query));
    }
  }
  AppendPartitions(page, snapshot.queries);
  return page;
}

}  // namespace millrace::api
