// ResultFormatter: the rows of a query as text for people (an aligned table), for spreadsheets
// (CSV) and for machines (JSON lines).
//
//   auto formatter = ResultFormatter::Make(OutputFormat::kTable, schema, zone);
//   formatter->Add(batch, out);      // appends to `out` what is ready
//   formatter->Finish(out);
//
// A table's column widths come from its first 1,000 rows; later, longer values widen their own line
// only. Widths count terminal cells: wide (East Asian) characters two, combining marks none.
// Numbers are aligned to the right. Control characters are shown as \n, \t, \xNN, so that data
// cannot steer the terminal. CSV and JSON give values as they are.
//
// Thread contract: one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/time_zone.h"
#include "data/column.h"

namespace millrace::engine {

enum class OutputFormat { kTable, kCsv, kJson };

class ResultFormatter {
 public:
  static std::unique_ptr<ResultFormatter> Make(OutputFormat format, const data::Schema& schema,
                                               TimeZone zone);
  virtual ~ResultFormatter() = default;
  virtual void Add(const data::Batch& batch, std::string& out) = 0;
  // The rest; a table ends with "(N rows)".
  virtual void Finish(std::string& out) = 0;
};

// Terminal cells that UTF-8 `text` takes.
size_t DisplayWidth(std::string_view text);

}  // namespace millrace::engine
