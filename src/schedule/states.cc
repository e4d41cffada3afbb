#include "schedule/states.h"

#include <array>

namespace millrace::schedule {
namespace {

// In the order of the enums.
constexpr std::array<std::string_view, 4> kRunStates = {"queued", "running", "success", "failed"};
constexpr std::array<std::string_view, 10> kTaskStates = {
    "none",    "scheduled", "queued",          "running", "up_for_retry",
    "success", "failed",    "upstream_failed", "skipped", "removed"};
constexpr std::array<std::string_view, 4> kTryStates = {"running", "success", "failed", "skipped"};
constexpr std::array<std::string_view, 3> kRunTypes = {"scheduled", "manual", "backfill"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};

template <typename Enum, size_t N>
std::optional<Enum> Find(const std::array<std::string_view, N>& names, std::string_view name) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(RunState state) { return kRunStates[static_cast<size_t>(state)]; }
std::string_view Name(TaskState state) { return kTaskStates[static_cast<size_t>(state)]; }
std::string_view Name(TryState state) { return kTryStates[static_cast<size_t>(state)]; }
std::string_view Name(RunType type) { return kRunTypes[static_cast<size_t>(type)]; }
std::string_view Name(LogLevel level) { return kLogLevels[static_cast<size_t>(level)]; }

std::optional<RunState> ParseRunState(std::string_view name) {
  return Find<RunState>(kRunStates, name);
}
std::optional<TaskState> ParseTaskState(std::string_view name) {
  return Find<TaskState>(kTaskStates, name);
}
std::optional<TryState> ParseTryState(std::string_view name) {
  return Find<TryState>(kTryStates, name);
}
std::optional<RunType> ParseRunType(std::string_view name) {
  return Find<RunType>(kRunTypes, name);
}
std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  return Find<LogLevel>(kLogLevels, name);
}

}  // namespace millrace::schedule
