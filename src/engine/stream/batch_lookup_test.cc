#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/stream/lookup.h"

namespace millrace::engine {
namespace {

using data::Batch;
using data::DataType;
using data::Value;

// Few values, so that keys repeat; bytes that a key's encoding treats apart are among them.
std::vector<Value> Keys(std::mt19937& random, const DataType& type, size_t rows) {
  static const std::vector<std::string> kTexts = {
      "", "a", "b", "ab", std::string("a\0", 2), "é", "aa", std::string("\0\xff", 2)};
  std::vector<Value> values;
  for (size_t i = 0; i < rows; ++i) {
    const size_t pick = random() % (kTexts.size() + 1);
    if (pick == kTexts.size()) {
      values.push_back(Value::Null());
    } else if (type.is_string_like()) {
      values.push_back(Value::String(kTexts[pick]));
    } else {
      values.push_back(Value::Int(static_cast<int64_t>(pick)));
    }
  }
  return values;
}

using KeyValues = std::vector<std::vector<Value>>;  // by column, by row

bool Match(const KeyValues& a, size_t row_a, const KeyValues& b, size_t row_b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i][row_a].is_null() || !(a[i][row_a] == b[i][row_b])) return false;
  }
  return true;
}

void ExpectMatchesOfNestedLoops(std::mt19937& random, const std::vector<DataType>& types) {
  const size_t table_rows = random() % 60;
  const size_t rows = random() % 200;
  KeyValues table;
  KeyValues asked;
  Batch batch;
  batch.rows = table_rows;
  std::vector<int> ordinals;
  std::vector<data::ColumnPtr> keys;
  for (const DataType& type : types) {
    table.push_back(Keys(random, type, table_rows));
    asked.push_back(Keys(random, type, rows));
    ordinals.push_back(static_cast<int>(batch.columns.size()));
    batch.columns.push_back(data::ColumnFromValues(type, table.back()));
    keys.push_back(data::ColumnFromValues(type, asked.back()));
  }
  const auto lookup = MakeBatchLookup(batch, ordinals, 1);
  const LookupMatches matches = lookup->Find(keys, rows).value();
  std::vector<std::pair<uint32_t, uint32_t>> found;
  for (size_t i = 0; i < matches.key_rows.size(); ++i)
    found.emplace_back(matches.key_rows[i], matches.table_rows[i]);
  std::vector<std::pair<uint32_t, uint32_t>> wanted;
  for (uint32_t row = 0; row < rows; ++row) {
    for (uint32_t match = 0; match < table_rows; ++match) {
      if (Match(asked, row, table, match)) wanted.emplace_back(row, match);
    }
  }
  ASSERT_EQ(found, wanted);
}

TEST(BatchLookupTest, MatchesAreThoseOfNestedLoops) {
  std::mt19937 random(5);
  for (int i = 0; i < 100; ++i) {
    ExpectMatchesOfNestedLoops(random, {DataType::String()});
    ExpectMatchesOfNestedLoops(random, {DataType::Int()});
    ExpectMatchesOfNestedLoops(random, {DataType::String(), DataType::String()});
    ExpectMatchesOfNestedLoops(random, {DataType::Int(), DataType::String()});
  }
}

TEST(BatchLookupTest, ConstantKeys) {
  const std::vector<Value> names = {Value::String("x"), Value::String("y")};
  Batch batch{nullptr, {data::ColumnFromValues(DataType::String(), names)}, 2};
  const auto lookup = MakeBatchLookup(batch, std::vector<int>{0}, 1);
  const std::vector<data::ColumnPtr> keys = {
      data::Column::Constant(DataType::String(), Value::String("y"), 3)};
  EXPECT_EQ(lookup->Find(keys, 3).value().table_rows, (std::vector<uint32_t>{1, 1, 1}));
}

}  // namespace
}  // namespace millrace::engine
