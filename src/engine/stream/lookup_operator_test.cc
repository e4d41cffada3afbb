#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/stream/operators.h"

namespace millrace::engine {
namespace {

using data::DataType;
using data::Field;
using data::Value;

data::ColumnPtr TextColumn(const std::vector<std::string>& texts) {
  std::vector<Value> values;
  for (const std::string& text : texts)
    values.push_back(text.empty() ? Value::Null() : Value::String(text));
  return data::ColumnFromValues(DataType::String(), values);
}

// Joins rows with keys `keys` ("" is NULL) with a table of (key, name); the rows that come out, as
// "record.ordinal key name".
std::vector<std::string> Join(const std::vector<std::string>& keys,
                              const std::vector<std::string>& table_keys,
                              const std::vector<std::string>& names, bool outer) {
  sql::Plan node;
  node.kind = sql::PlanKind::kLookup;
  node.schema = {{Field("key", DataType::String()), Field("table_key", DataType::String()),
                  Field("name", DataType::String())}};
  node.lookup_keys = {sql::MakeColumn(0, DataType::String(), true)};
  node.lookup_outer = outer;
  const OperatorPtr lookup = MakeLookup(node, 0).value();

  data::Batch table{nullptr, {TextColumn(table_keys), TextColumn(names)}, names.size()};
  const std::vector<LookupTablePtr> lookups = {
      MakeBatchLookup(std::move(table), std::vector<int>{0}, 1)};
  Rows rows;
  rows.batch.columns = {TextColumn(keys)};
  rows.batch.rows = keys.size();
  for (uint32_t i = 0; i < keys.size(); ++i) {
    rows.record.push_back(i + 10);
    rows.place.push_back(i + 100);
  }
  const Chunk chunk{};
  const EvalContext epoch;
  std::vector<Refusal> refusals;
  ChunkContext context{chunk, epoch, lookups, refusals};
  std::vector<std::string> out;
  const Status status = lookup->Apply(std::move(rows), context, [&](Rows made) -> Status {
    for (size_t row = 0; row < made.batch.rows; ++row) {
      EXPECT_EQ(made.place[row], made.record[row] + 90);
      std::string shown =
          fmt::format("{}.{}", made.record[row], made.ordinal.empty() ? 0 : made.ordinal[row]);
      for (const size_t column : {size_t{0}, size_t{2}})
        shown +=
            ' ' + data::FormatValue(DataType::String(), made.batch.columns[column]->ValueAt(row));
      out.push_back(shown);
    }
    return {};
  });
  EXPECT_TRUE(status.has_value());
  EXPECT_TRUE(refusals.empty());
  return out;
}

using Lines = std::vector<std::string>;

TEST(LookupOperatorTest, OneMatchEachPassesTheRowsOn) {
  EXPECT_EQ(Join({"b", "a", "b"}, {"a", "b"}, {"A", "B"}, false),
            (Lines{"10.0 b B", "11.0 a A", "12.0 b B"}));
}

TEST(LookupOperatorTest, RowsWithoutMatchAreLeftOutOrGetNulls) {
  EXPECT_EQ(Join({"b", "x", "", "a"}, {"a", "b"}, {"A", "B"}, false),
            (Lines{"10.0 b B", "13.0 a A"}));
  EXPECT_EQ(Join({"b", "x", "", "a"}, {"a", "b"}, {"A", "B"}, true),
            (Lines{"10.0 b B", "11.0 x NULL", "12.0 NULL NULL", "13.0 a A"}));
}

// As many pairs as rows, but not one each.
TEST(LookupOperatorTest, SeveralMatchesAreNumbered) {
  EXPECT_EQ(Join({"b", "x"}, {"b", "a", "b"}, {"B1", "A", "B2"}, false),
            (Lines{"10.0 b B1", "10.1 b B2"}));
  EXPECT_EQ(Join({"b", "x"}, {"b", "a", "b"}, {"B1", "A", "B2"}, true),
            (Lines{"10.0 b B1", "10.1 b B2", "11.0 x NULL"}));
}

}  // namespace
}  // namespace millrace::engine
