// Template: text with {{ expressions }} in it, for URLs, headers, parameters and bodies. No
// scripting: an expression is a variable, followed by functions each of which always has a result.
//
//   Template::Parse("since={{ data_interval_start | add('-5m') | format('%Y-%m-%d') }}")
//
// Variables
//   time:  logical_date, data_interval_start, data_interval_end  (shown as 2026-01-31T08:30:00Z)
//   text:  cursor, dag_id, run_id, task_id, try_number, params.NAME (a manual run's parameter; ""
//   when absent)
// Functions
//   time -> time:  add('-90s')      units ms s m h d w, signed
//                  start_of('day')  second, minute, hour, day, month, year (UTC)
//   time -> text:  format('%Y-%m-%d %H:%M:%S')  with %Y %m %d %H %M %S %3 (milliseconds) %s (epoch
//   seconds) %%
//                  epoch_s, epoch_ms, date
//   text -> text:  lower, upper, trim, default('x') (when empty), replace('a', 'b'), url
//   (percent-encode),
//                  json (inside of a JSON string), first(n) (code points)
//
// A mistake is found by Parse, with its column; Render cannot fail. Rendered values are never
// parsed again.
#pragma once

#include <map>
#include <memory>
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

  std::string Render(const TemplateValues& values, Encoding encoding = Encoding::kNone) const;
  // Whether {{ cursor }} occurs.
  bool uses_cursor() const;

 private:
  std::vector<Piece> pieces_;
};

// "2026-01-31T08:30:00Z", with ".250" or ".250001" only where there is a fraction.
std::string FormatInstant(TimestampUs at);

}  // namespace millrace::extract
