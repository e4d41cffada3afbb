#include "data/column.h"

#include <gtest/gtest.h>

namespace millrace::data {
namespace {

Value Text(const char* text) { return Value::String(text); }

TEST(ColumnTest, ValuesGoInAndOut) {
  const DataType type =
      DataType::Struct({{"names", DataType::Array(DataType::String())},
                        {"scores", DataType::Map(DataType::String(), DataType::Int())},
                        {"amount", DataType::Decimal(10, 2)}});
  const std::vector<Value> rows = {
      Value::ListOf({Value::ListOf({Text("a"), Value::Null()}),
                     Value::MapOf({{Text("k"), Value::Int(1)}}), Value::Decimal(-1230)}),
      Value::Null(),
      Value::ListOf({Value::ListOf({}), Value::Null(), Value::Null()}),
  };
  const ColumnPtr column = ColumnFromValues(type, rows);
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(column->ValueAt(i), rows[i]) << i;
  EXPECT_EQ(FormatValue(type, column->ValueAt(0)), "{[a, NULL], {k -> 1}, -12.30}");

  const std::vector<uint32_t> order = {2, 0, 0, 1};
  const ColumnPtr taken = Column::Take(column, order);
  for (size_t i = 0; i < order.size(); ++i) EXPECT_EQ(taken->ValueAt(i), rows[order[i]]) << i;

  const std::vector<ColumnPtr> parts = {column, taken};
  const ColumnPtr both = Column::Concat(parts);
  ASSERT_EQ(both->length(), 7u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(both->ValueAt(i), rows[i]) << i;
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(both->ValueAt(3 + i), rows[order[i]]) << i;
}

TEST(ColumnTest, ConstantsFlatten) {
  const ColumnPtr constant = Column::Constant(DataType::String(), Text("x"), 5);
  EXPECT_TRUE(constant->is_constant());
  EXPECT_EQ(constant->ValueAt(4), Text("x"));
  const ColumnPtr flat = Column::Flatten(constant);
  EXPECT_FALSE(flat->is_constant());
  EXPECT_EQ(flat->length(), 5u);
  EXPECT_EQ(flat->ValueAt(4), Text("x"));
}

TEST(ColumnTest, WithNullsOfTakesNullsFromAll) {
  const std::vector<Value> numbers = {Value::Int(1), Value::Int(2), Value::Int(3), Value::Null()};
  const std::vector<Value> marks = {Value::Null(), Value::Bool(true), Value::Bool(false),
                                    Value::Bool(true)};
  const ColumnPtr mark = ColumnFromValues(DataType::Boolean(), marks);
  const ColumnPtr kept = ColumnFromValues(DataType::Int(), numbers);
  const ColumnPtr both = Column::WithNullsOf(kept, {&mark, 1});
  EXPECT_EQ(kept->ValueAt(0), Value::Int(1));  // shared: left alone
  EXPECT_TRUE(both->IsNull(0));
  EXPECT_EQ(both->Values<int32_t>()[0], 0);
  EXPECT_EQ(both->ValueAt(1), Value::Int(2));
  EXPECT_TRUE(both->IsNull(3));

  std::vector<Value> lists;
  for (int64_t i = 0; i < 4; ++i) lists.push_back(Value::ListOf({Value::Int(i)}));
  ColumnPtr nested = ColumnFromValues(DataType::Array(DataType::Int()), lists);
  nested = Column::WithNullsOf(std::move(nested), {&mark, 1});
  EXPECT_TRUE(nested->IsNull(0));
  EXPECT_EQ(nested->Offsets()[1], 0);
  EXPECT_EQ(nested->ValueAt(3), lists[3]);

  const ColumnPtr null = Column::Constant(DataType::Int(), Value::Null(), 4);
  EXPECT_TRUE(Column::WithNullsOf(kept, {&null, 1})->IsNull(2));
  EXPECT_EQ(Column::AsConstant(kept, 9)->ValueAt(8), Value::Int(1));
}

TEST(ValueTest, PrintsAsSpark) {
  EXPECT_EQ(FormatDouble(1e10), "1.0E10");
  EXPECT_EQ(FormatDouble(100), "100.0");
  EXPECT_EQ(FormatDouble(0.001), "0.001");
  EXPECT_EQ(FormatDouble(0.0001), "1.0E-4");
  EXPECT_EQ(FormatFloat(0.1f), "0.1");
  EXPECT_EQ(FormatDecimal(5, 2), "0.05");
  EXPECT_EQ(FormatDecimal(-5, 0), "-5");
  EXPECT_EQ(FormatDate(-1), "1969-12-31");
  EXPECT_EQ(FormatTimestamp(-1), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(FormatTimestamp(1500000), "1970-01-01 00:00:01.5");
}

TEST(TypeTest, Names) {
  const DataType type =
      DataType::Array(DataType::Struct({{"a", DataType::Int()}, {"b", DataType::Decimal(10, 2)}}));
  EXPECT_EQ(type.ToString(), "array<struct<a:int,b:decimal(10,2)>>");
  EXPECT_EQ(type.ToDdl(), "ARRAY<STRUCT<a: INT, b: DECIMAL(10,2)>>");
  EXPECT_EQ(type.element().FieldIndex("B"), 1);
}

}  // namespace
}  // namespace millrace::data
