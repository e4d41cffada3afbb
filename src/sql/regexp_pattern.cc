#include "sql/regexp_pattern.h"

#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

namespace millrace::sql {

std::string Re2Pattern(std::string_view java) {
  std::string pattern;
  bool in_class = false;
  for (size_t i = 0; i < java.size(); ++i) {
    const char c = java[i];
    if (java.substr(i).starts_with("\\Q")) {  // quoted up to \E
      const size_t end = std::min(java.find("\\E", i + 2), java.size());
      pattern += java.substr(i, end - i);
      i = end - 1;
      continue;
    }
    pattern += c;
    if (c == '\\' && i + 1 < java.size()) {
      pattern += java[++i];
    } else if (c == '[') {
      in_class = true;
    } else if (c == ']') {
      in_class = false;
    } else if (!in_class && java.substr(i).starts_with("(?<") && i + 3 < java.size() &&
               java[i + 3] != '=' && java[i + 3] != '!') {
      pattern += "?P<";
      i += 2;
    }
  }
  return pattern;
}

Status CheckRegexp(std::string_view java) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 compiled(Re2Pattern(java), options);
  if (compiled.ok()) return {};
  return Fail(ErrorCode::kInvalidArgument, "{}", BadRegexp(java, compiled.error()));
}

std::string BadRegexp(std::string_view java, std::string_view reason) {
  return fmt::format("'{}' is no regular expression of RE2: {}", java, reason);
}

}  // namespace millrace::sql
