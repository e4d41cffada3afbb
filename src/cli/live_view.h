// LiveView: what `millrace run` shows while it runs: on a terminal two lines that are redrawn,
// below the lines of the log; otherwise events of the log, one of progress every ten seconds, or
// JSON lines on standard output. As soon as the first rows are there it says how to query them.
//
// Thread contract: one thread calls it; log lines may come from any.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/runner.h"

namespace millrace::cli {

class LiveView {
 public:
  enum class Style { kTerminal, kLines, kJson };

  // `query` and `dead_letters`: the commands that are told of, up to what is asked.
  struct Siblings {
    std::string query;
    std::string dead_letters;
  };

  LiveView(const pipeline::Project& project, Style style, Siblings siblings);
  ~LiveView();

  void Started(const std::string& address);
  void Show(const pipeline::RunnerSnapshot& snapshot);
  void Stopping();
  void Summary(const pipeline::RunnerSnapshot& snapshot);

 private:
  struct Totals {
    uint64_t extracted = 0;
    uint64_t in = 0;
    uint64_t out = 0;
    uint64_t rejected = 0;
    uint64_t late = 0;
    int64_t lag = 0;
  };
  static Totals TotalsOf(const pipeline::RunnerSnapshot& snapshot);
  std::string ProgressText(const pipeline::RunnerSnapshot& snapshot, const Totals& totals,
                           double seconds) const;
  void ShowJson(const Totals& totals, double seconds) const;
  static void LogProgress(const Totals& totals);
  void LogSummary(const pipeline::RunnerSnapshot& snapshot, const Totals& totals) const;
  void TellHowToQuery();
  void Draw(std::string text);
  void Erase();  // mutex_ held

  const pipeline::Project& project_;
  Style style_;
  bool events_;  // standard error is no terminal: each line is an event of the log
  Siblings siblings_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_time_;
  std::chrono::steady_clock::time_point last_line_;
  Totals last_;
  bool told_ = false;
  std::mutex mutex_;  // of what is on the terminal
  std::string drawn_;
};

}  // namespace millrace::cli
