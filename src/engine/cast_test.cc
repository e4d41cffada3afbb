#include "engine/cast.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using data::DataType;
using data::Value;
using sql::CastMode;

// The result as text, or the error's condition.
std::string Cast(const DataType& from, const Value& value, const DataType& to,
                 CastMode mode = CastMode::kAnsi, const std::string& zone = "UTC") {
  EvalContext context;
  context.zone = zone;
  context.now_us = 1'700'000'000'000'000;
  const auto result = CastValue(value, from, to, mode, context);
  if (result) return FormatValue(to, *result);
  const std::string& message = result.error().message;
  return message.substr(1, message.find(']') - 1);
}

std::string CastText(const char* text, const DataType& to, CastMode mode = CastMode::kAnsi,
                     const std::string& zone = "UTC") {
  return Cast(DataType::String(), Value::String(text), to, mode, zone);
}

TEST(CastTest, TextToNumbers) {
  EXPECT_EQ(CastText(" 12\t", DataType::Int()), "12");
  EXPECT_EQ(CastText("+12", DataType::Int()), "12");
  EXPECT_EQ(CastText("-128", DataType::Tinyint()), "-128");
  EXPECT_EQ(CastText("128", DataType::Tinyint()), "CAST_INVALID_INPUT");
  for (const char* text : {"", "1.5", "1e3", "0x1", "+-1", "1 2", "१"})
    EXPECT_EQ(CastText(text, DataType::Int()), "CAST_INVALID_INPUT") << text;
  EXPECT_EQ(CastText("1.9", DataType::Int(), CastMode::kTry), "NULL");
  EXPECT_EQ(CastText("1.9", DataType::Int(), CastMode::kLegacy), "1");
  EXPECT_EQ(CastText("-1.9", DataType::Int(), CastMode::kLegacy), "-1");
  EXPECT_EQ(CastText("1.x", DataType::Int(), CastMode::kLegacy), "NULL");
  EXPECT_EQ(CastText("1e3", DataType::Double()), "1000.0");
  EXPECT_EQ(CastText(".5d", DataType::Double()), "0.5");
  EXPECT_EQ(CastText("+1.5F", DataType::Float()), "1.5");
  EXPECT_EQ(CastText("1e999", DataType::Double()), "Infinity");
  EXPECT_EQ(CastText("-inf", DataType::Double()), "-Infinity");
  EXPECT_EQ(CastText("nan", DataType::Double()), "NaN");
  EXPECT_EQ(CastText("infinite", DataType::Double()), "CAST_INVALID_INPUT");
  EXPECT_EQ(CastText("12.345", DataType::Decimal(4, 2)), "12.35");
  EXPECT_EQ(CastText("123.45", DataType::Decimal(4, 2)), "NUMERIC_VALUE_OUT_OF_RANGE");
  EXPECT_EQ(CastText("123.45", DataType::Decimal(4, 2), CastMode::kTry), "NULL");
  EXPECT_EQ(CastText("Yes", DataType::Boolean()), "true");
  EXPECT_EQ(CastText("0", DataType::Boolean()), "false");
  EXPECT_EQ(CastText("on", DataType::Boolean()), "CAST_INVALID_INPUT");
}

TEST(CastTest, TextToTimes) {
  EXPECT_EQ(CastText("2024-2-9", DataType::Date()), "2024-02-09");
  EXPECT_EQ(CastText("2024-02-30", DataType::Date()), "CAST_INVALID_INPUT");
  EXPECT_EQ(
      CastText("2024-07-01 12:00:00", DataType::Timestamp(), CastMode::kAnsi, "Europe/Berlin"),
      "2024-07-01 10:00:00");
  EXPECT_EQ(CastText("2024-07-01 12:00:00 America/New_York", DataType::Timestamp(), CastMode::kAnsi,
                     "Europe/Berlin"),
            "2024-07-01 16:00:00");
  EXPECT_EQ(CastText("T10:30", DataType::Timestamp()), "2023-11-14 10:30:00");
  EXPECT_EQ(CastText("2024-07-01 12:00:00+02:00", DataType::TimestampNtz()), "2024-07-01 12:00:00");
  EXPECT_EQ(CastText("soon", DataType::Timestamp(), CastMode::kTry), "NULL");
  EXPECT_EQ(CastText("-1-2", DataType::IntervalYearMonth()), "INTERVAL '-1-2' YEAR TO MONTH");
  EXPECT_EQ(CastText("INTERVAL '1 02:03:04.5' DAY TO SECOND", DataType::IntervalDayTime()),
            "INTERVAL '1 02:03:04.5' DAY TO SECOND");
  EXPECT_EQ(CastText("1-12", DataType::IntervalYearMonth()), "CAST_INVALID_INPUT");
}

TEST(CastTest, NumbersAnsiTryAndLegacy) {
  EXPECT_EQ(Cast(DataType::Int(), Value::Int(300), DataType::Tinyint()), "CAST_OVERFLOW");
  EXPECT_EQ(Cast(DataType::Int(), Value::Int(300), DataType::Tinyint(), CastMode::kTry), "NULL");
  EXPECT_EQ(Cast(DataType::Int(), Value::Int(300), DataType::Tinyint(), CastMode::kLegacy), "44");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(-1.9), DataType::Int()), "-1");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(2147483647.9), DataType::Int()), "2147483647");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(2147483648.0), DataType::Int()),
            "CAST_OVERFLOW");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(NAN), DataType::Bigint()), "CAST_OVERFLOW");
  // Spark's bound is the greatest BIGINT as a double: 2^63, which is let through.
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(0x1p63), DataType::Bigint()),
            "9223372036854775807");
  EXPECT_EQ(Cast(DataType::Float(), Value::Double(0x1p63), DataType::Bigint()),
            "9223372036854775807");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(0x1.0000000000001p63), DataType::Bigint()),
            "CAST_OVERFLOW");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(-0x1p63), DataType::Bigint()),
            "-9223372036854775808");
  EXPECT_EQ(Cast(DataType::Float(), Value::Double(0x1p31), DataType::Int()), "CAST_OVERFLOW");
  EXPECT_EQ(Cast(DataType::Float(), Value::Double(1.1F), DataType::Decimal(20, 10)),
            "1.1000000238");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(1e30), DataType::Bigint(), CastMode::kLegacy),
            "9223372036854775807");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(0.1), DataType::Decimal(20, 18)),
            "0.100000000000000000");
  EXPECT_EQ(Cast(DataType::Decimal(5, 2), Value::Decimal(-1999), DataType::Int()), "-19");
  EXPECT_EQ(Cast(DataType::Decimal(5, 2), Value::Decimal(12345), DataType::Decimal(3, 1)),
            "NUMERIC_VALUE_OUT_OF_RANGE");
  EXPECT_EQ(Cast(DataType::Decimal(5, 2), Value::Decimal(1255), DataType::Decimal(3, 1)), "12.6");
  EXPECT_EQ(Cast(DataType::Decimal(38, 10), Value::Decimal(1), DataType::Double()), "1.0E-10");
  EXPECT_EQ(Cast(DataType::Boolean(), Value::Bool(true), DataType::Decimal(3, 1)), "1.0");
  EXPECT_EQ(Cast(DataType::Double(), Value::Double(0.1), DataType::Boolean()), "true");
}

TEST(CastTest, TimesAmongThemselvesInTheSessionsZone) {
  const Value noon = Value::Int(1'719'828'000'000'000);  // 2024-07-01T10:00:00Z
  const auto cast = [&](const DataType& from, const Value& value, const DataType& to) {
    return Cast(from, value, to, CastMode::kAnsi, "Pacific/Auckland");
  };
  EXPECT_EQ(cast(DataType::Timestamp(), noon, DataType::String()), "2024-07-01 22:00:00");
  EXPECT_EQ(
      cast(DataType::Timestamp(), Value::Int(noon.integer() + 7'200'000'000), DataType::Date()),
      "2024-07-02");
  EXPECT_EQ(cast(DataType::Date(), Value::Int(0), DataType::Timestamp()), "1969-12-31 12:00:00");
  EXPECT_EQ(cast(DataType::Timestamp(), noon, DataType::TimestampNtz()), "2024-07-01 22:00:00");
  EXPECT_EQ(cast(DataType::TimestampNtz(), Value::Int(INT64_MIN), DataType::Timestamp()),
            "CAST_OVERFLOW");
  EXPECT_EQ(cast(DataType::Timestamp(), Value::Int(INT64_MAX), DataType::Date()), "+294247-01-10");
  EXPECT_EQ(cast(DataType::Timestamp(), Value::Int(INT64_MIN), DataType::String()),
            "-290308-12-22 07:38:09.224192");
  EXPECT_EQ(cast(DataType::Date(), Value::Int(INT32_MAX), DataType::Timestamp()), "CAST_OVERFLOW");
  EXPECT_EQ(cast(DataType::Timestamp(), Value::Int(-1), DataType::Bigint()), "-1");
  EXPECT_EQ(cast(DataType::Timestamp(), noon, DataType::Smallint()), "CAST_OVERFLOW");
  EXPECT_EQ(cast(DataType::Timestamp(), Value::Int(1'500'000), DataType::Double()), "1.5");
  EXPECT_EQ(cast(DataType::Double(), Value::Double(1.5), DataType::Timestamp()),
            "1970-01-01 00:00:01.5");
}

TEST(CastTest, NestedValues) {
  const DataType texts = DataType::Array(DataType::String());
  const Value list = Value::ListOf({Value::String("1"), Value::Null(), Value::String("x")});
  EXPECT_EQ(Cast(texts, list, DataType::Array(DataType::Int())), "CAST_INVALID_INPUT");
  EXPECT_EQ(Cast(texts, list, DataType::Array(DataType::Int()), CastMode::kTry), "[1, NULL, NULL]");
  EXPECT_EQ(Cast(texts, list, DataType::String()), "[1, null, x]");
  const DataType pair = DataType::Struct({{"a", DataType::Int()}, {"b", DataType::String()}});
  const DataType other = DataType::Struct({{"x", DataType::String()}, {"y", DataType::Date()}});
  EXPECT_EQ(Cast(pair, Value::ListOf({Value::Int(7), Value::String("1970-01-02")}), other),
            "{7, 1970-01-02}");
  EXPECT_FALSE(MakeCast(pair, DataType::Int(), CastMode::kAnsi));
  EXPECT_FALSE(MakeCast(DataType::Date(), DataType::Boolean(), CastMode::kAnsi));
}

// Only the rows asked for can fail, and their message is Spark's.
TEST(CastTest, OnlyTheRowsAskedForFail) {
  const std::vector<Value> values = {Value::String("x"), Value::String("1"), Value::Null(),
                                     Value::String("y")};
  const auto column = data::ColumnFromValues(DataType::String(), values);
  const auto cast = MakeCast(DataType::String(), DataType::Int(), CastMode::kAnsi).value();
  const std::vector<uint32_t> rows = {1, 2, 3};
  data::RowErrors errors(4);
  const auto result = cast({column, data::RowSet::Of(rows), {}, errors});
  EXPECT_EQ(result->ValueAt(1), Value::Int(1));
  EXPECT_TRUE(result->IsNull(2));
  ASSERT_EQ(errors.count(), 1u);
  EXPECT_EQ(errors.errors()[0].row, 3u);
  EXPECT_EQ(
      errors.errors()[0].message,
      "The value 'y' of the type \"STRING\" cannot be cast to \"INT\" because it is malformed. "
      "Correct the value as per the syntax, or change its target type. Use `try_cast` to "
      "tolerate malformed input and return NULL instead.");
}

// What CAST shows, CAST reads back.
TEST(CastTest, TextRoundTrips) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 3000; ++i) {
    const auto bits = random();
    const double real = std::bit_cast<double>(bits);
    for (const auto& [type, value] : std::vector<std::pair<DataType, Value>>{
             {DataType::Bigint(), Value::Int(static_cast<int64_t>(bits))},
             {DataType::Double(), Value::Double(real)},
             {DataType::Date(), Value::Int(static_cast<int32_t>(bits % 2'000'000) - 700'000)},
             {DataType::Timestamp(),
              Value::Int(static_cast<int64_t>(bits % 200'000'000'000'000'000) -
                         60'000'000'000'000'000)},
             {DataType::Decimal(18, 6),
              Value::Decimal(static_cast<int64_t>(bits % 1'000'000'000))}}) {
      const auto text = CastValue(value, type, DataType::String(), CastMode::kAnsi, {});
      ASSERT_TRUE(text);
      const auto back = CastValue(*text, DataType::String(), type, CastMode::kAnsi, {});
      ASSERT_TRUE(back) << type.ToString() << ' ' << text->string();
      ASSERT_EQ(*back, value) << type.ToString() << ' ' << text->string();
    }
  }
}

}  // namespace
}  // namespace millrace::engine
