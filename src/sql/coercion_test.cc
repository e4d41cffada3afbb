#include "sql/coercion.h"

#include <gtest/gtest.h>

namespace millrace::sql {
namespace {

using data::DataType;

std::vector<DataType> SomeTypes() {
  return {DataType::Null(),
          DataType::Boolean(),
          DataType::Tinyint(),
          DataType::Smallint(),
          DataType::Int(),
          DataType::Bigint(),
          DataType::Float(),
          DataType::Double(),
          DataType::Decimal(5, 2),
          DataType::Decimal(38, 0),
          DataType::Decimal(38, 38),
          DataType::String(),
          DataType::Binary(),
          DataType::Date(),
          DataType::Timestamp(),
          DataType::TimestampNtz(),
          DataType::IntervalDayTime(),
          DataType::IntervalYearMonth(),
          DataType::Array(DataType::Int()),
          DataType::Array(DataType::String()),
          DataType::Map(DataType::String(), DataType::Int()),
          DataType::Struct({{"a", DataType::Int()}}),
          DataType::Struct({{"A", DataType::Double()}})};
}

TEST(CoercionTest, CommonTypeIsCommutativeAndIdempotent) {
  for (const DataType& a : SomeTypes()) {
    EXPECT_EQ(CommonType(a, a), a) << a.ToDdl();
    for (const DataType& b : SomeTypes()) {
      const auto one = CommonType(a, b);
      const auto other = CommonType(b, a);
      ASSERT_EQ(one.has_value(), other.has_value()) << a.ToDdl() << " and " << b.ToDdl();
      // Of two structs the first gives the field names.
      if (one && one->kind() != data::TypeKind::kStruct) {
        EXPECT_EQ(*one, *other) << a.ToDdl() << " and " << b.ToDdl();
      }
    }
  }
}

// What two expressions are cast to must be a cast that exists.
TEST(CoercionTest, BothSidesCanBeCastToTheCommonType) {
  for (const DataType& a : SomeTypes()) {
    for (const DataType& b : SomeTypes()) {
      const auto common = CommonType(a, b);
      if (!common) continue;
      EXPECT_TRUE(CanCast(a, *common)) << a.ToDdl() << " to " << common->ToDdl();
      EXPECT_TRUE(CanCast(b, *common)) << b.ToDdl() << " to " << common->ToDdl();
    }
  }
}

TEST(CoercionTest, WhatIsImplicitIsAlsoExplicit) {
  for (const DataType& a : SomeTypes()) {
    for (const DataType& b : SomeTypes()) {
      if (CanCoerce(a, b)) {
        EXPECT_TRUE(CanCast(a, b)) << a.ToDdl() << " to " << b.ToDdl();
      }
    }
  }
}

TEST(CoercionTest, SparksPrecedenceList) {
  EXPECT_EQ(CommonType(DataType::Tinyint(), DataType::Bigint()), DataType::Bigint());
  EXPECT_EQ(CommonType(DataType::Int(), DataType::Float()), DataType::Double());
  EXPECT_EQ(CommonType(DataType::Int(), DataType::Decimal(5, 2)), DataType::Decimal(12, 2));
  EXPECT_EQ(CommonType(DataType::Decimal(5, 2), DataType::Double()), DataType::Double());
  EXPECT_EQ(CommonType(DataType::String(), DataType::Int()), DataType::Bigint());
  EXPECT_EQ(CommonType(DataType::String(), DataType::Date()), DataType::Date());
  EXPECT_EQ(CommonType(DataType::Date(), DataType::Timestamp()), DataType::Timestamp());
  EXPECT_EQ(CommonType(DataType::Date(), DataType::TimestampNtz()), DataType::TimestampNtz());
  EXPECT_FALSE(CommonType(DataType::Boolean(), DataType::Int()));
  EXPECT_FALSE(CommonType(DataType::Date(), DataType::Int()));
  EXPECT_FALSE(CanCoerce(DataType::Double(), DataType::Int()));
  EXPECT_FALSE(CanCast(DataType::Boolean(), DataType::Date()));
}

// The results of Spark's documented formulas, with the digits cut at 38.
TEST(CoercionTest, DecimalResults) {
  const DataType price = DataType::Decimal(10, 2);
  const DataType wide = DataType::Decimal(38, 18);
  EXPECT_EQ(DecimalResult('+', price, price), DataType::Decimal(11, 2));
  EXPECT_EQ(DecimalResult('*', price, price), DataType::Decimal(21, 4));
  EXPECT_EQ(DecimalResult('/', price, price), DataType::Decimal(23, 13));
  EXPECT_EQ(DecimalResult('%', price, DataType::Decimal(5, 4)), DataType::Decimal(5, 4));
  EXPECT_EQ(DecimalResult('+', wide, wide), DataType::Decimal(38, 17));
  EXPECT_EQ(DecimalResult('*', wide, wide), DataType::Decimal(38, 6));
  EXPECT_EQ(DecimalResult('/', wide, wide), DataType::Decimal(38, 6));
}

}  // namespace
}  // namespace millrace::sql
