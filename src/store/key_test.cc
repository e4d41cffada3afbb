#include "store/key.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "io/clock.h"
#include "store/cql_value.h"
#include "store/ordered_bytes.h"
#include "store/sql_types.h"

namespace millrace::store {
namespace {

using data::Value;

Table OneColumn(CqlType type, bool descending = false) {
  TableSchema schema{.keyspace = "k", .name = "t"};
  schema.columns = {
      {.name = "p", .type = CqlType(CqlKind::kInt), .kind = ColumnKind::kPartitionKey},
      {.name = "c", .type = type, .kind = ColumnKind::kClustering, .descending = descending}};
  return Table(1, schema);
}

std::string Ordered(const CqlType& type, const Value& value, bool descending) {
  std::string serialized;
  std::string ordered;
  const Status status = AppendCqlValue(SqlTypeOf(type), value, type, serialized);
  EXPECT_TRUE(status) << status.error().ToString();
  AppendOrdered(type, descending, serialized, ordered);
  return ordered;
}

// Values in the order that Cassandra gives them.
struct OrderCase {
  CqlType type;
  std::vector<Value> rising;
};

class ClusteringOrder : public testing::TestWithParam<OrderCase> {};

TEST_P(ClusteringOrder, BytesSortAsValuesDo) {
  const auto& [type, rising] = GetParam();
  for (const bool descending : {false, true}) {
    for (size_t i = 0; i < rising.size(); ++i) {
      for (size_t j = 0; j < rising.size(); ++j) {
        const std::string a = Ordered(type, rising[i], descending);
        const std::string b = Ordered(type, rising[j], descending);
        EXPECT_EQ(a < b, descending ? i > j : i < j) << type.ToString() << " " << i << " " << j;
        EXPECT_TRUE(i == j || !b.starts_with(a)) << type.ToString() << " " << i << " " << j;
      }
    }
  }
}

TEST_P(ClusteringOrder, KeysDecodeToTheirValues) {
  const auto& [type, rising] = GetParam();
  for (const bool descending : {false, true}) {
    const Table table = OneColumn(type, descending);
    for (const Value& value : rising) {
      const auto key = RowKey(table, {Value::Int(5), value});
      ASSERT_TRUE(key) << key.error().ToString();
      std::vector<std::string> values;
      ASSERT_TRUE(DecodeKey(table, *key, values));
      ASSERT_EQ(values.size(), 2u);
      const auto decoded = DecodeCqlValue(type, values[1]);
      ASSERT_TRUE(decoded) << decoded.error().ToString();
      EXPECT_EQ(*decoded, value) << type.ToString();
    }
  }
}

Value Text(std::string text) { return Value::String(std::move(text)); }
Value Number(int64_t number) { return Value::Int(number); }
Value Real(double number) { return Value::Double(number); }
Value Unscaled(data::Int128 number) { return Value::Decimal(number); }

INSTANTIATE_TEST_SUITE_P(
    Types, ClusteringOrder,
    testing::Values(
        OrderCase{CqlType(CqlKind::kTinyint), {Number(-128), Number(-1), Number(0), Number(127)}},
        OrderCase{CqlType(CqlKind::kSmallint), {Number(-32768), Number(-1), Number(0), Number(9)}},
        OrderCase{CqlType(CqlKind::kInt), {Number(INT32_MIN), Number(-1), Number(0), Number(256)}},
        OrderCase{CqlType(CqlKind::kBigint),
                  {Number(INT64_MIN), Number(-256), Number(-1), Number(0), Number(INT64_MAX)}},
        OrderCase{CqlType(CqlKind::kTimestamp), {Number(-1000), Number(0), Number(1000)}},
        OrderCase{CqlType(CqlKind::kDate), {Number(-70000), Number(-1), Number(0), Number(20000)}},
        OrderCase{CqlType(CqlKind::kBoolean), {Value::Bool(false), Value::Bool(true)}},
        OrderCase{CqlType(CqlKind::kDouble),
                  {Real(-INFINITY), Real(-1.5), Real(-1e-300), Real(0), Real(2), Real(INFINITY)}},
        OrderCase{CqlType(CqlKind::kFloat), {Real(-3), Real(-0.5), Real(0), Real(0.5), Real(3)}},
        OrderCase{CqlType(CqlKind::kText),
                  {Text(""), Text(std::string("\0", 1)), Text(std::string("\0\0", 2)), Text("a"),
                   Text(std::string("a\0b", 3)), Text("aa"), Text("b"), Text("\xc3\xa4")}},
        OrderCase{CqlType(CqlKind::kVarint),
                  {Unscaled(-300), Unscaled(-1), Unscaled(0), Unscaled(255), Unscaled(256)}},
        OrderCase{CqlType(CqlKind::kDecimal),
                  {Unscaled(-1500000000000000000), Unscaled(0), Unscaled(5),
                   Unscaled(1000000000000000000)}},
        // Of uuids the version counts first, then time for version 1.
        OrderCase{CqlType(CqlKind::kUuid),
                  {Text("ffffffff-0000-1000-8000-000000000000"),
                   Text("00000000-0001-1000-8000-000000000000"),
                   Text("00000000-0000-4000-8000-000000000001"),
                   Text("10000000-0000-4000-8000-000000000000")}},
        // Of timeuuids the last eight bytes count as signed ones.
        OrderCase{CqlType(CqlKind::kTimeuuid),
                  {Text("00000001-0000-1000-8000-000000000000"),
                   Text("00000001-0000-1000-9000-000000000000"),
                   Text("00000001-0000-1000-1000-000000000000"),
                   Text("00000000-0001-1000-8000-000000000000")}},
        OrderCase{CqlType::Frozen(CqlType::List(CqlType(CqlKind::kInt))),
                  {Value::ListOf({}), Value::ListOf({Number(-1)}),
                   Value::ListOf({Number(-1), Number(0)}), Value::ListOf({Number(3)})}},
        OrderCase{
            CqlType::Tuple({CqlType(CqlKind::kInt), CqlType(CqlKind::kText)}),
            {Value::ListOf({Value::Null(), Text("z")}), Value::ListOf({Number(1), Value::Null()}),
             Value::ListOf({Number(1), Text("")}), Value::ListOf({Number(2), Text("a")})}}));

TEST(Key, PartitionsSortByTokenThenBytesAsInCassandra) {
  TableSchema schema{.keyspace = "k", .name = "t"};
  schema.columns = {
      {.name = "p", .type = CqlType(CqlKind::kText), .kind = ColumnKind::kPartitionKey}};
  const Table table(9, schema);
  io::SeededRandom random(3);
  std::vector<std::pair<std::string, std::string>> keys;  // on disk, text
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (uint64_t n = random.Next() % 5; n > 0; --n)
      text.push_back(static_cast<char>(random.Next() % 3));
    const auto key = RowKey(table, {Text(text)});
    ASSERT_TRUE(key);
    keys.emplace_back(*key, text);
  }
  std::sort(keys.begin(), keys.end());
  for (size_t i = 1; i < keys.size(); ++i) {
    const auto rank = [](const std::string& text) { return std::pair(CassandraToken(text), text); };
    EXPECT_LE(rank(keys[i - 1].second), rank(keys[i].second));
  }
}

TEST(Key, CompositePartitionKeysTakeCassandrasForm) {
  TableSchema schema{.keyspace = "k", .name = "t"};
  schema.columns = {
      {.name = "a", .type = CqlType(CqlKind::kText), .kind = ColumnKind::kPartitionKey},
      {.name = "b", .type = CqlType(CqlKind::kInt), .kind = ColumnKind::kPartitionKey}};
  const Table table(1, schema);
  const auto key = RowKey(table, {Text("x"), Number(7)});
  ASSERT_TRUE(key);
  const std::string composite("\0\1x\0\0\4\0\0\0\7\0", 11);
  EXPECT_EQ(LoadBig<uint64_t>(key->data() + kTokenAt), BiasedToken(CassandraToken(composite)));
  std::vector<std::string> values;
  ASSERT_TRUE(DecodeKey(table, *key, values));
  EXPECT_EQ(values, (std::vector<std::string>{"x", std::string("\0\0\0\7", 4)}));
}

TEST(Key, AnyBytesAreDecodedOrRefused) {
  io::SeededRandom random(11);
  const Table table =
      OneColumn(CqlType::Frozen(CqlType::Map(CqlType(CqlKind::kText), CqlType(CqlKind::kVarint))));
  const auto good = RowKey(table, {Number(1), Value::MapOf({{Text("a"), Unscaled(1)}})});
  ASSERT_TRUE(good);
  for (int i = 0; i < 20000; ++i) {
    std::string key = *good;
    key[random.Next() % key.size()] = static_cast<char>(random.Next());
    key.resize(key.size() - random.Next() % 3);
    std::vector<std::string> values;
    const Status decoded = DecodeKey(table, key, values);
    EXPECT_TRUE(!decoded || values.size() <= 2);
  }
}

}  // namespace
}  // namespace millrace::store
