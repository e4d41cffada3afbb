// JsonReader: JSON records straight into the columns a query uses (simdjson on demand). Everything
// else in the record is skipped without being looked at more than structure requires.
//
// Values follow Spark's from_json in FAILFAST spirit: a record that is not one JSON object, or has
// a value that does not fit its column's type, is an error of its row (MALFORMED_JSON,
// JSON_TYPE_MISMATCH with the field's path), never a silent NULL. A missing field or a JSON null is
// NULL. Numbers and booleans read into STRING columns keep their text (randomuser's postcode is
// sometimes a number). Strings read into DATE and TIMESTAMP columns are cast as Spark does. Field
// names match exactly; with duplicate fields the last one wins as in Spark.
//
// Thread contract: one reader a thread (it owns a parser and its buffers).
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"

namespace millrace::data {

class JsonReader {
 public:
  // `schema`: the pruned columns to fill. Fails with kUnsupported for a type JSON cannot give.
  static Result<std::unique_ptr<JsonReader>> Make(const Schema& schema);
  virtual ~JsonReader() = default;

  // One record a row. `records[i].data()` must have at least 64 readable bytes behind its end
  // (simdjson's padding); a view with nullptr data is a tombstone: its row is an error
  // (NULL_VALUE). String values are unescaped into the batch's own memory; the records need not
  // outlive the call.
  virtual Batch Read(std::span<const std::string_view> records, RowErrors& errors) = 0;

  // The records that can be read, a row each; `good` gets their numbers, `errors` what is wrong
  // with the others. `owner` keeps the records' bytes alive: strings are views of them.
  virtual Batch ReadGood(std::span<const std::string_view> records, const Owner& owner,
                         RowErrors& errors, std::vector<uint32_t>& good) = 0;
};

}  // namespace millrace::data
