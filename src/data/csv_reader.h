// CsvReader: reference files (RFC 4180 with a header line) into batches.
//
//   CsvOptions options;
//   MR_ASSIGN(auto reader, CsvReader::Make(text, schema, options));
//   while (true) { MR_ASSIGN(auto batch, reader->Next(4096)); if (batch->rows == 0) break; ... }
//
// Columns are found by the header's names, ASCII case ignored, in any order; columns the schema
// does not name are skipped. Values: an empty unquoted field is NULL, an empty quoted one is the
// empty string; strings keep their white space, other types ignore it around the value; dates and
// timestamps as CAST reads them; nested types are refused. Unlike records of a stream a reference
// file is right as a whole or not at all: the first mistake is the error, with its line.
//
// Thread contract: one thread.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "data/column.h"

namespace millrace::data {

struct CsvOptions {
  char delimiter = ',';
  char quote = '"';
};

class CsvReader {
 public:
  // `text` must outlive the reader, not the batches. kInvalidArgument: no header, a schema column
  // that the header lacks (the message lists what it has), a name twice. kUnsupported: a type that
  // CSV cannot give.
  static Result<std::unique_ptr<CsvReader>> Make(std::string_view text, const Schema& schema,
                                                 const CsvOptions& options);
  virtual ~CsvReader() = default;
  // Up to `rows_max` further rows, none at the end. kInvalidArgument with "line N: ...".
  virtual Result<Batch> Next(size_t rows_max) = 0;
  // Where the record that was read last begins, from 1; after an error, the line it names.
  virtual size_t line() const = 0;
};

// The header's names, all as STRING: the schema of a reference file that declares none.
Result<Schema> CsvSchema(std::string_view text, const CsvOptions& options);

// One line of CSV for `fields` without line end: quotes what needs it, NULL as an empty field.
// Shared by `query --csv`.
void AppendCsvField(std::string_view field, bool is_null, char delimiter, std::string& to);

}  // namespace millrace::data
