#include "cli/live_view.h"

#include <algorithm>

#include <unistd.h>

#include "base/logging.h"
#include "cli/commands.h"
#include "io/clock.h"
#include "pipeline/json_text.h"

namespace millrace::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLineInterval = std::chrono::seconds(10);

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

std::string Rate(uint64_t now, uint64_t before, double seconds) {
  return seconds <= 0 ? "0/s"
                      : fmt::format("{:.0f}/s", static_cast<double>(now - before) / seconds);
}

std::string NextRun(const pipeline::RunnerSnapshot& snapshot) {
  std::optional<TimestampUs> next;
  for (const schedule::DagInfo& dag : snapshot.dags) {
    if (dag.next_due && !dag.record.paused && (!next || *dag.next_due < *next)) next = dag.next_due;
  }
  if (!next) return "by hand";
  const double seconds = static_cast<double>(*next - io::SystemClock().Now()) / 1e6;
  return seconds <= 0 ? "now" : fmt::format("in {:.0f}s", seconds);
}

}  // namespace

LiveView::LiveView(const pipeline::Project& project, Style style, Siblings siblings)
    : project_(project),
      style_(style),
      events_(style == Style::kLines || ::isatty(STDERR_FILENO) == 0),
      siblings_(std::move(siblings)),
      started_(Clock::now()),
      last_time_(started_),
      last_line_(started_) {
  if (style_ != Style::kTerminal) return;
  logging::SetSink([this](std::string_view line) {
    std::lock_guard lock(mutex_);
    Erase();
    WriteError(line);
    WriteError(drawn_);
  });
}

LiveView::~LiveView() {
  if (style_ == Style::kTerminal) logging::SetSink({});
}

LiveView::Totals LiveView::TotalsOf(const pipeline::RunnerSnapshot& snapshot) {
  Totals totals;
  totals.extracted = snapshot.extracted_records;
  for (const pipeline::QueryStatus& query : snapshot.queries) {
    totals.in += query.metrics.records_in;
    totals.out += query.metrics.rows_out;
    totals.rejected += query.metrics.rejected;
    totals.late += query.metrics.late;
    for (const engine::PartitionMetrics& partition : query.metrics.partitions)
      totals.lag += partition.lag_records;
  }
  return totals;
}

void LiveView::Started(const std::string& address) {
  const double ready_ms = Seconds(Clock::now() - started_) * 1000;
  if (events_) {
    logging::Info("run.started", {{"project", project_.name},
                                  {"dags", project_.dags.size()},
                                  {"topics", project_.topics.size()},
                                  {"queries", project_.queries.size()},
                                  {"tables", project_.tables.size()},
                                  {"ready_ms", ready_ms},
                                  {"address", address}});
    return;
  }
  WriteError(fmt::format(
      "{} is running: {} dags, {} topics, {} queries, {} tables; ready after {:.0f} ms\n",
      project_.name, project_.dags.size(), project_.topics.size(), project_.queries.size(),
      project_.tables.size(), ready_ms));
  if (!address.empty())
    WriteError(
        fmt::format("health and metrics: http://{}/readyz  http://{}/metrics\n", address, address));
  WriteError("Ctrl-C stops it; the next run goes on where it stopped\n");
}

void LiveView::LogProgress(const Totals& totals) {
  logging::Info("run.progress", {{"extracted", totals.extracted},
                                 {"in", totals.in},
                                 {"out", totals.out},
                                 {"lag", totals.lag},
                                 {"rejected", totals.rejected},
                                 {"late", totals.late}});
}

std::string LiveView::ProgressText(const pipeline::RunnerSnapshot& snapshot, const Totals& totals,
                                   double seconds) const {
  std::string text = fmt::format(
      "in {} ({})  through {} ({})  out {} ({})  lag {}  rejected {}  late {}  next run {}\n",
      totals.extracted, Rate(totals.extracted, last_.extracted, seconds), totals.in,
      Rate(totals.in, last_.in, seconds), totals.out, Rate(totals.out, last_.out, seconds),
      totals.lag, totals.rejected, totals.late, NextRun(snapshot));
  for (const pipeline::QueryStatus& query : snapshot.queries) {
    if (!query.failure.empty())
      text += fmt::format("query {} stopped: {}\n", query.name, query.failure);
  }
  return text;
}

void LiveView::Show(const pipeline::RunnerSnapshot& snapshot) {
  const Totals totals = TotalsOf(snapshot);
  const auto now = Clock::now();
  const double seconds = Seconds(now - last_time_);
  if (totals.out > 0 && !told_) TellHowToQuery();
  if (style_ == Style::kJson) {
    ShowJson(totals, seconds);
  } else if (style_ == Style::kTerminal) {
    Draw(ProgressText(snapshot, totals, seconds));
  } else if (now - last_line_ >= kLineInterval) {
    LogProgress(totals);
    last_line_ = now;
  } else {
    return;  // rates of the next line count from the last one
  }
  last_ = totals;
  last_time_ = now;
}

void LiveView::ShowJson(const Totals& totals, double seconds) const {
  WriteOut(pipeline::JsonText()
               .Field("seconds", Seconds(Clock::now() - started_))
               .Field("interval_seconds", seconds)
               .Field("extracted", totals.extracted)
               .Field("in", totals.in)
               .Field("out", totals.out)
               .Field("lag", totals.lag)
               .Field("rejected", totals.rejected)
               .Field("late", totals.late)
               .Object() +
           "\n");
}

void LiveView::TellHowToQuery() {
  told_ = true;
  if (events_) {
    for (const auto& [name, table] : project_.tables) {
      logging::Info(
          "run.first_rows",
          {{"key", name},
           {"command", fmt::format("{} \"SELECT * FROM {} LIMIT 5\"", siblings_.query, name)}});
    }
    return;
  }
  std::string text = "the first rows are there; ask in another terminal:\n";
  for (const auto& [name, table] : project_.tables) {
    text += fmt::format("  {} \"SELECT * FROM {} LIMIT 5\"\n", siblings_.query, name);
  }
  text += fmt::format("  {}\n", siblings_.dead_letters);
  std::lock_guard lock(mutex_);
  Erase();
  WriteError(text);
  drawn_.clear();
}

void LiveView::Draw(std::string text) {
  std::lock_guard lock(mutex_);
  Erase();
  WriteError(text);
  drawn_ = std::move(text);
}

void LiveView::Erase() {
  const auto lines = std::ranges::count(drawn_, '\n');
  for (int64_t i = 0; i < lines; ++i) WriteError("\033[1A\033[2K");
}

void LiveView::Stopping() {
  if (events_) {
    logging::Info("run.stopping", {{"timeout_ms", project_.settings.shutdown_timeout_us / 1000}});
    return;
  }
  WriteError(fmt::format("stopping: ending pages and epochs under way (at most {:.0f} s)\n",
                         static_cast<double>(project_.settings.shutdown_timeout_us) / 1e6));
}

void LiveView::Summary(const pipeline::RunnerSnapshot& snapshot) {
  const Totals totals = TotalsOf(snapshot);
  if (events_) return LogSummary(snapshot, totals);
  WriteError(fmt::format(
      "stopped after {:.1f} s: {} records extracted; {} runs, {} succeeded, {} failed\n",
      Seconds(Clock::now() - started_), totals.extracted, snapshot.schedule.runs_started,
      snapshot.schedule.runs_succeeded, snapshot.schedule.runs_failed));
  for (const pipeline::QueryStatus& query : snapshot.queries) {
    WriteError(fmt::format("  query {}: {} records in, {} rows out, {} rejected, {} late\n",
                           query.name, query.metrics.records_in, query.metrics.rows_out,
                           query.metrics.rejected, query.metrics.late));
  }
}

void LiveView::LogSummary(const pipeline::RunnerSnapshot& snapshot, const Totals& totals) const {
  for (const pipeline::QueryStatus& query : snapshot.queries) {
    logging::Info("run.query_stopped", {{"key", query.name},
                                        {"in", query.metrics.records_in},
                                        {"out", query.metrics.rows_out},
                                        {"rejected", query.metrics.rejected},
                                        {"late", query.metrics.late},
                                        {"failure", query.failure}});
  }
  logging::Info("run.stopped", {{"seconds", Seconds(Clock::now() - started_)},
                                {"extracted", totals.extracted},
                                {"runs", snapshot.schedule.runs_started},
                                {"succeeded", snapshot.schedule.runs_succeeded},
                                {"failed", snapshot.schedule.runs_failed}});
}

}  // namespace millrace::cli
