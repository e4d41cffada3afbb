// Spark's date and time patterns ("yyyy-MM-dd HH:mm:ss"), compiled once, to print and to parse by.
// https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
//
// Letters: G y M L d D Q q E F a h H k K m s S V O X x Z; quoted text; [optional sections].
// z (zone names such as PST) and what Spark refuses too (Y, w, W, u, e, c) are refused.
//
// Thread contract: immutable once made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time_zone.h"

namespace millrace::engine {

class DatetimePattern {
 public:
  // kInvalidArgument: a letter or a count of letters that no pattern has.
  static Result<DatetimePattern> Make(std::string_view pattern);
  // As Make, for parsing: E, F, Q and q, which say nothing that could be read, are refused as well.
  static Result<DatetimePattern> MakeForParsing(std::string_view pattern);

  // Whether what is printed depends on the day alone.
  bool prints_days_only() const { return prints_days_only_; }
  // Appends the local time; `offset_seconds` and `zone` are what zone letters print.
  void Format(int64_t local_us, int32_t offset_seconds, std::string_view zone,
              std::string& to) const;

  struct Parsed {
    int64_t local_us = 0;
    std::optional<TimeZone> zone;  // when the text named one
  };
  // Fields that the pattern lacks are those of 1970-01-01T00:00:00. nullopt: the text does not
  // follow the pattern to its end, or names no existing date or time.
  std::optional<Parsed> Parse(std::string_view text) const;

 private:
  struct Item {
    char letter;         // '\'' for plain text, '[' and ']' for optional sections
    int count = 0;       // letters; of '[': items up to its ']'
    std::string text{};  // plain text
  };
  struct Fields;

  static bool ParseItem(const Item& item, std::string_view& text, Fields& fields, bool adjacent);
  bool ParseItems(size_t from, size_t to, std::string_view& text, Fields& fields) const;

  std::vector<Item> items_;
  bool prints_days_only_ = true;
};

}  // namespace millrace::engine
