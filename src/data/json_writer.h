// JsonWriter: rows as JSON objects, by the rules of Spark's to_json: for topics as sinks and for
// `query --json`.
//
//   JsonWriter writer(schema, TimeZone::Utc());
//   writer.AppendRow(batch, row, text);   // {"id":"x","dob":"1990-01-31","tags":["a",null]}
//
// Fields that are NULL are left out of objects (to_json's ignoreNullFields), but stay as null in
// arrays and map values; with `keep_nulls` all are written. Timestamps are ISO 8601 with
// milliseconds and the zone's offset ("2024-02-29T12:00:00.000Z", six digits when microseconds are
// not whole milliseconds, so that nothing is lost), TIMESTAMP_NTZ without offset, dates as
// yyyy-MM-dd, binaries in base64, decimals as plain numbers, NaN and infinities as strings. Map
// keys are written as CAST to STRING gives them.
//
// Thread contract: const use from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time_zone.h"
#include "data/column.h"

namespace millrace::data {

struct JsonWriterOptions {
  bool keep_nulls = false;
};

class JsonWriter {
 public:
  JsonWriter(const Schema& schema, TimeZone zone, JsonWriterOptions options = {});

  // One object of all columns of row `row`; `batch` has the writer's schema.
  void AppendRow(const Batch& batch, size_t row, std::string& to) const;
  // One value of any type; "null" for NULL.
  void AppendValue(const Column& column, size_t row, std::string& to) const;

 private:
  void AppendScalar(const Column& column, size_t row, std::string& to) const;
  void AppendCollection(const Column& column, size_t at, std::string& to) const;
  void AppendField(const Column& column, size_t row, const Field& field, size_t start,
                   std::string& to) const;

  std::vector<Field> fields_;
  TimeZone zone_;
  JsonWriterOptions options_;
};

// `text` as a JSON string with its quotes; UTF-8 goes through as it is.
void AppendJsonString(std::string_view text, std::string& to);

}  // namespace millrace::data
