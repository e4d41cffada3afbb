#include "meta/database.h"

namespace millrace::meta {

int64_t Value::AsInteger() const {
  if (const auto* number = std::get_if<int64_t>(&value_)) return *number;
  return 0;
}

double Value::AsReal() const {
  if (const auto* number = std::get_if<double>(&value_)) return *number;
  return static_cast<double>(AsInteger());
}

const std::string& Value::AsText() const {
  static const auto* empty = new std::string;
  const auto* text = std::get_if<std::string>(&value_);
  return text == nullptr ? *empty : *text;
}

Result<std::vector<Row>> QueryAll(Session& session, std::string_view statement,
                                  Parameters parameters, size_t rows_max) {
  std::vector<Row> rows;
  MR_TRY(session.Query(statement, parameters, [&](const Row& row) -> Status {
    if (rows.size() == rows_max)
      return Fail(ErrorCode::kResourceExhausted, "a query gave more than {} rows: {}", rows_max,
                  statement);
    rows.push_back(row);
    return {};
  }));
  return rows;
}

}  // namespace millrace::meta
