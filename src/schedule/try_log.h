// BufferedTryLog: a try's lines on their way to the database, bounded.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "io/clock.h"
#include "schedule/records.h"
#include "schedule/task.h"

namespace millrace::schedule {

class BufferedTryLog final : public TryLog {
 public:
  static constexpr size_t kLineBytesMax = 8 * 1024;
  static constexpr int64_t kLinesMax = 10000;
  static constexpr size_t kBytesMax = 1024 * 1024;

  // `on_first` is called, without a lock, when a line comes after Take() (or as the first one).
  BufferedTryLog(io::Clock& clock, std::function<void()> on_first)
      : clock_(clock), on_first_(std::move(on_first)) {}

  void Write(LogLevel level, std::string_view text) override;

  // The lines since the last call. `last`: none will follow; adds a line that says how many were
  // dropped.
  std::vector<LogLine> Take(bool last);

 private:
  io::Clock& clock_;
  const std::function<void()> on_first_;
  std::mutex mutex_;
  std::vector<LogLine> lines_;  // guarded by mutex_, as are the following
  int64_t count_ = 0;
  size_t bytes_ = 0;
  int64_t dropped_ = 0;
};

}  // namespace millrace::schedule
