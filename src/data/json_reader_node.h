// JsonNode: one column being filled from JSON, with the columns of its fields or elements below it.
// Inside the JSON reader only.
//
// Invariants
//   1. Rows are filled in rising order; what was not filled is NULL. So the newest row can be taken
//   back (Truncate) when its record turns out bad or names a field twice.
//   2. All nodes of one row space (the batch's rows, or the elements of one array) have the same
//   capacity.
//
// Thread contract: one thread.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "data/column.h"

namespace millrace::data {

struct JsonNode;

// A key as it stands in a record, with its closing quote, prepared to be compared in two words.
struct JsonKey {
  static constexpr size_t kQuickBytes = 16;

  std::array<uint64_t, 2> bytes{};
  std::array<uint64_t, 2> mask{};
  JsonNode* child = nullptr;  // null: not in the schema, the value is skipped
  std::string text;           // escapes and closing quote included

  JsonKey(std::string_view raw, JsonNode* node);
  // Whether the key is what stands at `at`, which has kQuickBytes readable bytes.
  bool Matches(const char* at) const {
    std::array<uint64_t, 2> found;
    std::memcpy(found.data(), at, sizeof(found));
    if (((found[0] & mask[0]) ^ bytes[0]) | ((found[1] & mask[1]) ^ bytes[1])) return false;
    return text.size() <= kQuickBytes ||
           std::memcmp(at + kQuickBytes, text.data() + kQuickBytes, text.size() - kQuickBytes) == 0;
  }
};

struct JsonNode {
  DataType type;
  std::string path;  // "location.street.name", "tags[]"
  std::vector<std::unique_ptr<JsonNode>> children;

  // Structs: fields by name, and the keys of the previous record in their order: the next record
  // most likely has the same ones.
  std::unordered_map<std::string, int> fields;
  std::vector<JsonKey> expected;

  char* values = nullptr;  // of the builder
  std::vector<uint64_t> valid;
  size_t capacity = 0;
  size_t filled = 0;    // arrays and maps: rows whose end offset is set
  size_t elements = 0;  // arrays and maps: elements so far
  std::optional<ColumnBuilder> builder;

  // kUnsupported: a type JSON cannot give.
  static Result<std::unique_ptr<JsonNode>> Make(const DataType& node_type, std::string node_path);

  // Begins a batch of `rows` rows (or of room for as many elements).
  void Begin(size_t rows);
  // Makes room for row `row`.
  void Reserve(size_t row) {
    if (row >= capacity) Grow(row + 1);
  }
  bool IsSet(size_t row) const { return TestBit(valid.data(), row); }
  // Takes back what was filled from row `row` on; `end` rows were begun.
  void Truncate(size_t row, size_t end);
  template <typename T>
  void Set(size_t row, const T& value) {
    reinterpret_cast<T*>(values)[row] = value;
    SetBit(valid.data(), row);
  }
  // Arrays and maps: the rows up to `row` end where the elements end now.
  void EndRows(size_t row);
  // The column of the first `rows` rows; `owners` own its strings.
  ColumnPtr Finish(size_t rows, std::span<const Owner> owners);

 private:
  void Grow(size_t rows);
};

}  // namespace millrace::data
