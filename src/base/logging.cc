#include "base/logging.h"

#include <chrono>
#include <ctime>
#include <mutex>
#include <unordered_map>

#include <fmt/format.h>
#include <unistd.h>

namespace millrace::logging {
namespace {

struct Repeat {
  std::chrono::steady_clock::time_point first;
  int64_t suppressed = 0;
};

struct State {
  std::mutex mutex;
  Level least = Level::kInfo;
  bool json = false;
  std::function<void(std::string_view)> sink;
  std::unordered_map<std::string, Repeat> repeats;
};

State& TheState() {
  static State* state = [] {
    auto* made = new State;
    made->json = isatty(STDERR_FILENO) == 0;
    return made;
  }();
  return *state;
}

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr size_t kRepeatKeysMax = 1024;

void AppendEscaped(std::string& to, std::string_view text, bool json) {
  for (const char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (c < 0x20 || c == 0x7f) {
      if (c == '\n')
        to += "\\n";
      else if (c == '\t')
        to += "\\t";
      else
        to += fmt::format("\\u{:04x}", c);
    } else if (json && (c == '"' || c == '\\')) {
      to += '\\';
      to += raw;
    } else {
      to += raw;
    }
  }
}

void AppendValue(std::string& to, const Value& value, bool json) {
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::string>) {
          const bool quote =
              json || held.empty() || held.find_first_of(" =\"") != std::string::npos;
          if (quote) to += '"';
          AppendEscaped(to, held, json || quote);
          if (quote) to += '"';
        } else {
          to += fmt::format("{}", held);
        }
      },
      value.get());
}

std::string NowText() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now.tv_nsec / 1000000);
}

// Whether to write, and how many equal events were held back since the last one.
bool Admit(State& state, std::string_view event, Fields fields, int64_t& suppressed) {
  std::string key(event);
  if (fields.size() > 0) AppendValue(key, fields.begin()->value, false);
  if (state.repeats.size() > kRepeatKeysMax) state.repeats.clear();
  const auto now = std::chrono::steady_clock::now();
  auto [entry, is_new] = state.repeats.try_emplace(key, Repeat{now, 0});
  if (is_new) return true;
  if (now - entry->second.first < std::chrono::seconds(1)) {
    ++entry->second.suppressed;
    return false;
  }
  suppressed = entry->second.suppressed;
  entry->second = Repeat{now, 0};
  return true;
}

std::string Render(bool json, Level level, std::string_view event, Fields fields,
                   int64_t suppressed) {
  std::string line;
  const std::string_view name = kLevelNames[static_cast<int>(level)];
  if (json) {
    line = fmt::format(R"({{"ts":"{}","level":"{}","event":"{}")", NowText(), name, event);
  } else {
    line = fmt::format("{} {:<7} {}", NowText(), name, event);
  }
  for (const Field& field : fields) {
    line += json ? fmt::format(",\"{}\":", field.name) : fmt::format(" {}=", field.name);
    AppendValue(line, field.value, json);
  }
  if (suppressed > 0)
    line += fmt::format(fmt::runtime(json ? ",\"suppressed\":{}" : " suppressed={}"), suppressed);
  if (json) line += '}';
  line += '\n';
  return line;
}

}  // namespace

void Configure(Level least, Format format) {
  State& state = TheState();
  std::lock_guard lock(state.mutex);
  state.least = least;
  state.json = format == Format::kJson || (format == Format::kAuto && isatty(STDERR_FILENO) == 0);
}

void SetSink(std::function<void(std::string_view line)> sink) {
  State& state = TheState();
  std::lock_guard lock(state.mutex);
  state.sink = std::move(sink);
}

void Write(Level level, std::string_view event, Fields fields) {
  State& state = TheState();
  std::lock_guard lock(state.mutex);
  if (level < state.least) return;
  int64_t suppressed = 0;
  if (level < Level::kError && !Admit(state, event, fields, suppressed)) return;
  const std::string line = Render(state.json, level, event, fields, suppressed);
  if (state.sink) {
    state.sink(line);
    return;
  }
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace millrace::logging
