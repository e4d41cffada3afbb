// Structured logging: one event a line, to stderr. On a terminal a readable line, otherwise (or
// with --log-format json) one JSON object:
// {"ts":"...Z","level":"info","event":"segment.rolled","topic":"users_raw","partition":2}.
//
//   logging::Info("segment.rolled", {{"topic", name}, {"partition", id}, {"bytes", size}});
//
// Event names are stable, lower-case, dotted: subject.what_happened. Values are escaped (no new
// lines, no terminal sequences from data). An event repeated with the same name and `key` field
// within a second is suppressed and counted; the count comes with the next one that is written.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"

namespace millrace::logging {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kAuto, kText, kJson };

class Value {
 public:
  Value(std::string text) : value_(std::move(text)) {}         // NOLINT: implicit by design
  Value(std::string_view text) : value_(std::string(text)) {}  // NOLINT
  Value(const char* text) : value_(std::string(text)) {}       // NOLINT
  Value(bool flag) : value_(flag) {}                           // NOLINT
  Value(double number) : value_(number) {}                     // NOLINT
  template <std::integral T>
  Value(T number) : value_(static_cast<int64_t>(number)) {}  // NOLINT
  template <typename Tag, typename Rep>
  Value(StrongNumber<Tag, Rep> number) : value_(static_cast<int64_t>(number.value)) {}  // NOLINT

  const std::variant<std::string, bool, double, int64_t>& get() const { return value_; }

 private:
  std::variant<std::string, bool, double, int64_t> value_;
};

struct Field {
  std::string_view name;
  Value value;
};
using Fields = std::initializer_list<Field>;

// Once at start; before it, events of level info and above go to stderr with Format::kAuto.
void Configure(Level least, Format format);

void Write(Level level, std::string_view event, Fields fields);
inline void Debug(std::string_view event, Fields fields = {}) {
  Write(Level::kDebug, event, fields);
}
inline void Info(std::string_view event, Fields fields = {}) { Write(Level::kInfo, event, fields); }
inline void Warning(std::string_view event, Fields fields = {}) {
  Write(Level::kWarning, event, fields);
}
inline void Error(std::string_view event, Fields fields = {}) {
  Write(Level::kError, event, fields);
}

// Receives every formatted line that is written (a live display redraws around it); empty restores
// stderr.
void SetSink(std::function<void(std::string_view line)> sink);

}  // namespace millrace::logging
