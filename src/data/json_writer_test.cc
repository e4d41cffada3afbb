#include "data/json_writer.h"

#include <gtest/gtest.h>

#include "data/json_reader.h"
#include "data/row_errors.h"

namespace millrace::data {
namespace {

std::string Write(const DataType& type, const Value& value, bool keep_nulls = false,
                  const TimeZone& zone = TimeZone::Utc()) {
  const Schema schema{{Field("v", type)}};
  Batch batch{.schema = std::make_shared<const Schema>(schema),
              .columns = {ColumnFromValues(type, {&value, 1})},
              .rows = 1};
  std::string text;
  JsonWriter(schema, zone, {.keep_nulls = keep_nulls}).AppendRow(batch, 0, text);
  return text;
}

TEST(JsonWriterTest, ValuesAsToJsonWritesThem) {
  EXPECT_EQ(Write(DataType::String(), Value::String("a\"\\\n\x01/é")),
            R"({"v":"a\"\\\n\u0001/é"})");
  EXPECT_EQ(Write(DataType::Int(), Value::Null()), "{}");
  EXPECT_EQ(Write(DataType::Int(), Value::Null(), true), R"({"v":null})");
  EXPECT_EQ(Write(DataType::Double(), Value::Double(1e10)), R"({"v":1.0E10})");
  EXPECT_EQ(Write(DataType::Double(), Value::Double(-INFINITY)), R"({"v":"-Infinity"})");
  EXPECT_EQ(Write(DataType::Decimal(5, 2), Value::Decimal(-5)), R"({"v":-0.05})");
  EXPECT_EQ(Write(DataType::Binary(), Value::String("hi")), R"({"v":"aGk="})");
  EXPECT_EQ(Write(DataType::Binary(), Value::String("hip!")), R"({"v":"aGlwIQ=="})");
  EXPECT_EQ(Write(DataType::Date(), Value::Int(0)), R"({"v":"1970-01-01"})");
  EXPECT_EQ(Write(DataType::Timestamp(), Value::Int(1500000)),
            R"({"v":"1970-01-01T00:00:01.500Z"})");
  EXPECT_EQ(Write(DataType::Timestamp(), Value::Int(-1)), R"({"v":"1969-12-31T23:59:59.999999Z"})");
  EXPECT_NE(Write(DataType::Timestamp(), Value::Int(INT64_MIN)).find(".224192Z"),
            std::string::npos);
  EXPECT_EQ(Write(DataType::Timestamp(), Value::Int(0), false, *TimeZone::Find("Asia/Kolkata")),
            R"({"v":"1970-01-01T05:30:00.000+05:30"})");
  EXPECT_EQ(Write(DataType::Map(DataType::Int(), DataType::String()),
                  Value::MapOf({{Value::Int(1), Value::Null()}})),
            R"({"v":{"1":null}})");
  EXPECT_EQ(
      Write(DataType::Array(DataType::Struct({{"a", DataType::Int()}, {"b", DataType::Int()}})),
            Value::ListOf({Value::ListOf({Value::Null(), Value::Int(2)}), Value::Null()})),
      R"({"v":[{"b":2},null]})");
}

TEST(JsonWriterTest, TheReaderReadsItBack) {
  const DataType type =
      DataType::Struct({{"s", DataType::String()},
                        {"t", DataType::Timestamp()},
                        {"l", DataType::Array(DataType::Double())},
                        {"m", DataType::Map(DataType::String(), DataType::Decimal(20, 4))}});
  const Value value = Value::ListOf(
      {Value::String("\t\"ü漢\\"), Value::Int(1708000000123456),
       Value::ListOf({Value::Double(0.1), Value::Null(), Value::Double(NAN), Value::Double(-1e-7)}),
       Value::MapOf({{Value::String("k\n"), Value::Decimal(-12345)}})});
  std::string text = Write(type, value);
  const size_t size = text.size();
  text.append(64, '\0');
  const std::string_view record(text.data(), size);
  RowErrors errors(1);
  const Batch batch = JsonReader::Make({{Field("v", type)}}).value()->Read({&record, 1}, errors);
  ASSERT_TRUE(errors.empty()) << errors.errors()[0].message;
  EXPECT_EQ(batch.columns[0]->ValueAt(0), value);
}

}  // namespace
}  // namespace millrace::data
