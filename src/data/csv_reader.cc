#include "data/csv_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "data/decimal_text.h"
#include "data/iso_time.h"
#include "data/json_reader_values.h"
#include "data/trim.h"

namespace millrace::data {
namespace {

constexpr size_t kFieldBytesMax = size_t{16} << 20;
constexpr size_t kColumnsMax = 10'000;

struct CsvField {
  std::string text;
  bool quoted = false;
};

// Cuts the text into records and fields (RFC 4180; lines end in LF or CRLF, or at the end).
class CsvScanner {
 public:
  CsvScanner(std::string_view text, const CsvOptions& options) : text_(text), options_(options) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
  }

  size_t line() const { return record_line_; }

  // The next record's fields, in `fields` from 0 on; false at the end. Empty lines are skipped.
  Result<bool> Next(std::vector<CsvField>& fields) {
    while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) SkipLineEnd();
    if (at_ >= text_.size()) return false;
    record_line_ = line_;
    fields.clear();
    while (true) {
      if (fields.size() == kColumnsMax) return FailLine("more than {} fields", kColumnsMax);
      CsvField& field = fields.emplace_back();
      MR_TRY(ReadField(field));
      if (at_ >= text_.size()) return true;
      if (text_[at_] != options_.delimiter) return SkipLineEnd(), true;
      ++at_;
    }
  }

 private:
  void SkipLineEnd() {
    if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
  }

  Status ReadField(CsvField& field) {
    if (at_ < text_.size() && text_[at_] == options_.quote) return ReadQuoted(field);
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != options_.delimiter && text_[at_] != '\n' &&
           text_[at_] != '\r')
      ++at_;
    field.text = text_.substr(begin, at_ - begin);
    if (field.text.size() > kFieldBytesMax) return FailLine("a field larger than 16 MiB");
    return {};
  }

  Status ReadQuoted(CsvField& field) {
    field.quoted = true;
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\n') ++line_;
      if (c != options_.quote) {
        field.text.push_back(c);
      } else if (at_ < text_.size() && text_[at_] == options_.quote) {
        field.text.push_back(text_[at_++]);
      } else {
        const bool ends = at_ >= text_.size() || text_[at_] == options_.delimiter ||
                          text_[at_] == '\n' || text_[at_] == '\r';
        return ends ? Status() : FailLine("something stands behind a closing quote");
      }
      if (field.text.size() > kFieldBytesMax) return FailLine("a field larger than 16 MiB");
    }
    return FailLine("a quote is not closed");
  }

  template <typename... Args>
  std::unexpected<Error> FailLine(fmt::format_string<Args...> format, Args&&... args) const {
    return Fail(ErrorCode::kInvalidArgument, "line {}: {}", record_line_,
                fmt::format(format, std::forward<Args>(args)...));
  }

  std::string_view text_;
  CsvOptions options_;
  size_t at_ = 0;
  size_t line_ = 1;
  size_t record_line_ = 1;
};

bool IsBoolean(std::string_view text, bool& value) {
  value = EqualsIgnoringCase(text, "true");
  return value || EqualsIgnoringCase(text, "false");
}

template <typename T>
std::optional<Value> IntegerIn(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return Value::Int(number);
}

std::optional<Value> RealIn(std::string_view text) {
  if (const auto number = ParseJsonDouble(text)) return Value::Double(*number);
  if (text == "NaN") return Value::Double(std::numeric_limits<double>::quiet_NaN());
  const double infinity = std::numeric_limits<double>::infinity();
  if (text == "Infinity" || text == "Inf") return Value::Double(infinity);
  if (text == "-Infinity" || text == "-Inf") return Value::Double(-infinity);
  return std::nullopt;
}

template <typename Number>
std::optional<Value> TimeValue(const std::optional<Number>& number) {
  return number ? std::optional(Value::Int(*number)) : std::nullopt;
}

// nullopt: the text is no such value.
std::optional<Value> ValueOf(std::string_view text, const DataType& type) {
  if (type.kind() == TypeKind::kString) return Value::String(std::string(text));
  text = TrimBlanks(text);
  switch (type.kind()) {
    case TypeKind::kBoolean: {
      bool value = false;
      return IsBoolean(text, value) ? std::optional(Value::Bool(value)) : std::nullopt;
    }
    case TypeKind::kTinyint:
      return IntegerIn<int8_t>(text);
    case TypeKind::kSmallint:
      return IntegerIn<int16_t>(text);
    case TypeKind::kInt:
      return IntegerIn<int32_t>(text);
    case TypeKind::kBigint:
      return IntegerIn<int64_t>(text);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return RealIn(text);
    case TypeKind::kDecimal: {
      Int128 unscaled = 0;
      if (ParseDecimalText(text, type.precision(), type.scale(), unscaled) != DecimalOutcome::kOk)
        return std::nullopt;
      return Value::Decimal(unscaled);
    }
    case TypeKind::kDate:
      return TimeValue(ParseDateText(text));
    case TypeKind::kTimestamp:
      return TimeValue(ParseIsoTimestamp(text));
    default: {
      const auto parsed = ParseTimestampText(text);
      if (!parsed || parsed->time_only) return std::nullopt;
      return Value::Int(parsed->local_us);
    }
  }
}

class ScanningCsvReader : public CsvReader {
 public:
  ScanningCsvReader(CsvScanner scanner, const Schema& schema, std::vector<size_t> places,
                    size_t header_size)
      : scanner_(std::move(scanner)),
        schema_(std::make_shared<const Schema>(schema)),
        places_(std::move(places)),
        header_size_(header_size) {}

  size_t line() const override { return scanner_.line(); }

  Result<Batch> Next(size_t rows_max) override {
    std::vector<std::vector<Value>> columns(schema_->fields.size());
    size_t rows = 0;
    for (; rows < rows_max; ++rows) {
      MR_ASSIGN(const bool more, scanner_.Next(record_));
      if (!more) break;
      MR_TRY(AddRecord(columns));
    }
    Batch batch{.schema = schema_, .columns = {}, .rows = rows};
    for (size_t i = 0; i < columns.size(); ++i)
      batch.columns.push_back(ColumnFromValues(*schema_->fields[i].type, columns[i]));
    return batch;
  }

 private:
  Status AddRecord(std::vector<std::vector<Value>>& columns) {
    if (record_.size() != header_size_) {
      return Fail(ErrorCode::kInvalidArgument, "line {}: {} fields, the header has {}",
                  scanner_.line(), record_.size(), header_size_);
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      const CsvField& field = record_[places_[i]];
      if (field.text.empty() && !field.quoted) {
        columns[i].push_back(Value::Null());
        continue;
      }
      const Field& column = schema_->fields[i];
      auto value = ValueOf(field.text, *column.type);
      if (!value) {
        return Fail(ErrorCode::kInvalidArgument, "line {}: column {}: '{}' is not a {}",
                    scanner_.line(), column.name, std::string_view(field.text).substr(0, 100),
                    column.type->ToDdl());
      }
      columns[i].push_back(std::move(*value));
    }
    return {};
  }

  CsvScanner scanner_;
  std::shared_ptr<const Schema> schema_;
  std::vector<size_t> places_;  // by schema column: its field in a record
  size_t header_size_;
  std::vector<CsvField> record_;
};

bool IsFlat(const DataType& type) {
  return !type.is_nested() && !type.is_interval() && type.kind() != TypeKind::kBinary &&
         type.kind() != TypeKind::kNull;
}

Result<std::vector<CsvField>> ReadHeader(CsvScanner& scanner) {
  std::vector<CsvField> header;
  MR_ASSIGN(const bool found, scanner.Next(header));
  if (!found) return Fail(ErrorCode::kInvalidArgument, "the file has no header line");
  for (size_t i = 0; i < header.size(); ++i) {
    header[i].text = std::string(TrimBlanks(header[i].text));
    for (size_t j = 0; j < i; ++j) {
      if (EqualsIgnoringCase(header[i].text, header[j].text))
        return Fail(ErrorCode::kInvalidArgument, "the header names '{}' twice", header[i].text);
    }
  }
  return header;
}

}  // namespace

Result<std::unique_ptr<CsvReader>> CsvReader::Make(std::string_view text, const Schema& schema,
                                                   const CsvOptions& options) {
  CsvScanner scanner(text, options);
  MR_ASSIGN(const std::vector<CsvField> header, ReadHeader(scanner));
  std::vector<size_t> places;
  for (const Field& field : schema.fields) {
    if (!IsFlat(*field.type)) {
      return Fail(ErrorCode::kUnsupported, "column {}: CSV cannot give a {}", field.name,
                  field.type->ToDdl());
    }
    const auto found = std::ranges::find_if(
        header, [&](const CsvField& name) { return EqualsIgnoringCase(name.text, field.name); });
    if (found == header.end()) {
      std::vector<std::string> names;
      for (const CsvField& name : header) names.push_back(name.text);
      return Fail(ErrorCode::kInvalidArgument, "the header has no column '{}', it has: {}",
                  field.name, fmt::join(names, ", "));
    }
    places.push_back(static_cast<size_t>(found - header.begin()));
  }
  return std::make_unique<ScanningCsvReader>(std::move(scanner), schema, std::move(places),
                                             header.size());
}

Result<Schema> CsvSchema(std::string_view text, const CsvOptions& options) {
  CsvScanner scanner(text, options);
  MR_ASSIGN(const std::vector<CsvField> header, ReadHeader(scanner));
  Schema schema;
  for (const CsvField& name : header) schema.fields.emplace_back(name.text, DataType::String());
  return schema;
}

void AppendCsvField(std::string_view field, bool is_null, char delimiter, std::string& to) {
  if (is_null) return;
  const bool plain = !field.empty() && field.find_first_of("\"\r\n") == std::string_view::npos &&
                     field.find(delimiter) == std::string_view::npos;
  if (plain) {
    to += field;
    return;
  }
  to.push_back('"');
  for (const char c : field) {
    if (c == '"') to.push_back('"');
    to.push_back(c);
  }
  to.push_back('"');
}

}  // namespace millrace::data
