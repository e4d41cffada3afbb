// Template: text with {{ expressions }} in it, for URLs, headers, parameters and bodies. No
// scripting: an expression is a variable, followed by functions each of which always has a result.
//
//   Template::Parse("since={{ data_interval_start | add('-5m') | format('%Y-%m-%d') }}")
//
// Variables are times (logical_date, ..., shown as 2026-01-31T08:30:00Z) or texts (run_id, ...,
// params.NAME); functions take one and give one. docs/reference/templates.md lists both; it is made
// of the tables in template_functions.cc.
//
// A mistake is found by Parse, with its column; Render cannot fail: a parameter that was not given
// is "", which CheckParams refuses before unless the template says default(). Rendered values are
// never parsed again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace::extract {

struct TemplateValues {
  TimestampUs logical_date;
  TimestampUs data_interval_start;
  TimestampUs data_interval_end;
  std::string cursor;
  std::string dag_id;
  std::string run_id;
  std::string task_id;
  std::string try_number;
  std::map<std::string, std::string> params;
};

struct TemplateMistake {
  size_t offset = 0;  // of the byte it stands at
  std::string message;
};

class Template {
 public:
  enum class Encoding : uint8_t {
    kNone,
    kUrl
  };  // of inserted values; the text around them stays as it is

  struct Call {  // one function with its arguments
    std::string function;
    std::vector<std::string> arguments;
  };
  struct Piece {
    std::string text;      // literal, when variable is empty
    std::string variable;  // "params.x" and the like
    std::vector<Call> calls;
  };

  Template() = default;  // renders to ""
  static Result<Template> Parse(std::string_view text);
  // What Parse would fail with, for those who know better where the text stands.
  static std::optional<TemplateMistake> FindMistake(std::string_view text);

  std::string Render(const TemplateValues& values, Encoding encoding = Encoding::kNone) const;
  // Whether {{ cursor }} occurs.
  bool uses_cursor() const;
  // Adds NAME of each {{ params.NAME }} without default().
  void AddNeededParams(std::set<std::string>& names) const;

 private:
  std::vector<Piece> pieces_;
};

// kInvalidArgument with the first needed parameter that was not given.
Status CheckParams(const std::set<std::string>& needed,
                   const std::map<std::string, std::string>& given);

// docs/reference/templates.md.
std::string TemplatesReference();

// "2026-01-31T08:30:00Z", with ".250" or ".250001" only where there is a fraction.
std::string FormatInstant(TimestampUs at);

}  // namespace millrace::extract
