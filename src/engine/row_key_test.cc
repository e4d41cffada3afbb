#include "engine/row_key.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using data::DataType;
using data::Value;

// SQL's order by the plainest means: -1, 0, 1.
int Compare(const DataType& type, const Value& a, const Value& b) {
  if (a.is_null() || b.is_null())
    return static_cast<int>(!a.is_null()) - static_cast<int>(!b.is_null());
  const auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  switch (type.kind()) {
    case data::TypeKind::kDouble:
      if (std::isnan(a.real()) || std::isnan(b.real()))
        return static_cast<int>(std::isnan(a.real())) - static_cast<int>(std::isnan(b.real()));
      return sign(a.real(), b.real());
    case data::TypeKind::kDecimal:
      return sign(a.decimal(), b.decimal());
    case data::TypeKind::kString:
      return sign(a.string().compare(b.string()), 0);
    case data::TypeKind::kArray:
      for (size_t i = 0; i < std::min(a.list().size(), b.list().size()); ++i) {
        if (const int order = Compare(type.element(), a.list()[i], b.list()[i])) return order;
      }
      return sign(a.list().size(), b.list().size());
    case data::TypeKind::kStruct:
      for (size_t i = 0; i < a.list().size(); ++i) {
        if (const int order = Compare(*type.fields()[i].type, a.list()[i], b.list()[i]))
          return order;
      }
      return 0;
    default:
      return sign(a.integer(), b.integer());
  }
}

class RandomValues {
 public:
  Value Next(const DataType& type) {
    if (random_() % 8 == 0) return Value::Null();
    switch (type.kind()) {
      case data::TypeKind::kDouble: {
        static constexpr double kSome[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1.5, -1.5, 5e-324};
        return Value::Double(kSome[random_() % std::size(kSome)]);
      }
      case data::TypeKind::kDecimal:
        return Value::Decimal(static_cast<data::Int128>(static_cast<int64_t>(random_())) *
                              static_cast<int64_t>(random_() % 100));
      case data::TypeKind::kString: {
        std::string text;
        for (size_t i = random_() % 4; i > 0; --i)
          text +=
              "\0\1\xff"
              "ab"[random_() % 5];
        return Value::String(text);
      }
      case data::TypeKind::kArray: {
        Value::List items;
        for (size_t i = random_() % 3; i > 0; --i) items.push_back(Next(type.element()));
        return Value::ListOf(std::move(items));
      }
      case data::TypeKind::kStruct: {
        Value::List items;
        for (const data::Field& field : type.fields()) items.push_back(Next(*field.type));
        return Value::ListOf(std::move(items));
      }
      default:
        return Value::Int(static_cast<int8_t>(random_()));
    }
  }

 private:
  std::mt19937_64 random_{5};
};

TEST(RowKeyTest, BytesOrderAsSqlDoes) {
  const DataType type = DataType::Struct({{"s", DataType::String()},
                                          {"d", DataType::Double()},
                                          {"l", DataType::Array(DataType::String())},
                                          {"i", DataType::Int()},
                                          {"m", DataType::Decimal(38, 3)}});
  RandomValues values;
  for (int i = 0; i < 20000; ++i) {
    const std::vector<Value> two = {values.Next(type), values.Next(type)};
    const auto column = data::ColumnFromValues(type, two);
    std::string keys[2];
    std::string descending[2];
    for (size_t row = 0; row < 2; ++row) {
      AppendKey(*column, row, keys[row]);
      AppendSortKey(*column, row, false, false, descending[row]);
    }
    const int order = Compare(type, two[0], two[1]);
    const int by_key = keys[0].compare(keys[1]);
    ASSERT_EQ(order < 0, by_key < 0) << FormatValue(type, two[0]) << FormatValue(type, two[1]);
    ASSERT_EQ(order == 0, by_key == 0) << FormatValue(type, two[0]) << FormatValue(type, two[1]);
    const int reversed = descending[0].compare(descending[1]);
    ASSERT_TRUE(order == 0 || (order > 0) == (reversed < 0)) << FormatValue(type, two[0]);

    ByteReader reader(keys[0]);
    const auto back = ReadKey(type, reader);
    ASSERT_TRUE(back);
    ASSERT_EQ(reader.remaining(), 0u);
    ASSERT_EQ(Compare(type, *back, two[0]), 0);
  }
}

TEST(RowKeyTest, DamagedBytesAreRefused) {
  const DataType type = DataType::Array(DataType::String());
  const Value list = Value::ListOf({Value::String("abc"), Value::Null()});
  std::string key;
  AppendKey(*data::ColumnFromValues(type, {&list, 1}), 0, key);
  for (size_t size = 0; size < key.size(); ++size) {
    ByteReader reader(std::string_view(key).substr(0, size));
    EXPECT_FALSE(ReadKey(type, reader)) << size;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = key;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    ByteReader reader(damaged);
    ReadKey(type, reader);  // any answer, no crash
  }
}

}  // namespace
}  // namespace millrace::engine
