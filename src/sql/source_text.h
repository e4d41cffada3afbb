// Where a piece of SQL stands, and what is wrong with it: every error of lexer, parser and binder
// is a Diagnostic, and several can be reported for one text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::sql {

// Position in a text, both from 1; columns count Unicode code points.
struct Location {
  int line = 1;
  int column = 1;
  friend auto operator<=>(const Location&, const Location&) = default;
};

struct Diagnostic {
  Location where;
  std::string condition;   // Spark's error condition, e.g. "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                           // "PARSE_SYNTAX_ERROR"
  std::string message;     // what is wrong
  std::string suggestion;  // what to do; may be empty
};

// "file:line:column: [CONDITION] message (suggestion)".
std::string ToString(const Diagnostic& diagnostic, std::string_view file);
// One kInvalidArgument error of all diagnostics, a line each.
Error ToError(const std::vector<Diagnostic>& diagnostics, std::string_view file);

// The candidate nearest to `name` (edit distance, ASCII case ignored), or empty when none is near
// enough to suggest.
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace millrace::sql
