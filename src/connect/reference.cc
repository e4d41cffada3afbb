#include "connect/reference.h"

#include <vector>

#include "data/csv_reader.h"
#include "engine/stream/lookup.h"

namespace millrace::connect {
namespace {

std::unexpected<ReferenceError> Wrong(size_t line, const Error& error) {
  return std::unexpected(ReferenceError{line, error.message});
}

// Lines of two rows, numbered from 0, of a text that was read without error.
std::pair<size_t, size_t> LinesOf(std::string_view text, const data::Schema& schema, size_t first,
                                  size_t second) {
  std::pair<size_t, size_t> lines{0, 0};
  const auto reader = data::CsvReader::Make(text, schema, {});
  for (size_t row = 0; reader && row <= second; ++row) {
    if (!(*reader)->Next(1)) break;
    if (row == first) lines.first = (*reader)->line();
    if (row == second) lines.second = (*reader)->line();
  }
  return lines;
}

}  // namespace

std::expected<data::Batch, ReferenceError> ReadReference(std::string_view text,
                                                         const data::Schema& schema,
                                                         std::span<const std::string> key) {
  const auto reader = data::CsvReader::Make(text, schema, {});
  if (!reader) return Wrong(1, reader.error());
  auto batch = (*reader)->Next(SIZE_MAX);
  if (!batch) return Wrong((*reader)->line(), batch.error());
  if (key.empty()) return *std::move(batch);
  std::vector<int> columns;
  for (const std::string& name : key) columns.push_back(schema.IndexOf(name));
  const auto twice = engine::FindDuplicateKey(*batch, columns);
  if (!twice) return *std::move(batch);
  std::string shown;
  for (const int column : columns) {
    const data::Column& values = *batch->columns[static_cast<size_t>(column)];
    shown += (shown.empty() ? "" : ", ") +
             data::FormatValue(values.type(), values.ValueAt(twice->second));
  }
  const auto [first, second] = LinesOf(text, schema, twice->first, twice->second);
  return std::unexpected(ReferenceError{
      second, fmt::format("lines {} and {} have the same key ({})", first, second, shown)});
}

}  // namespace millrace::connect
