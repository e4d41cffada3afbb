#include "engine/aggregate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using data::DataType;
using data::RowErrors;
using data::RowSet;
using data::Value;
using sql::AggregateCall;
using sql::AggregateKind;

AggregateCall Call(AggregateKind kind, std::vector<DataType> args, const DataType& result) {
  AggregateCall call{
      .kind = kind, .args = {}, .filter = nullptr, .ignore_nulls = false, .type = result};
  for (const DataType& type : args)
    call.args.push_back(sql::MakeColumn(static_cast<int>(call.args.size()), type, true));
  return call;
}

struct Row {
  std::vector<Value> args;
  uint32_t group;
  int32_t partition;
  int64_t offset;
};

constexpr uint32_t kGroups = 5;

void Update(AggregateStates& states, const AggregateCall& call, std::span<const Row> rows) {
  std::vector<ColumnPtr> columns;
  for (size_t arg = 0; arg < call.args.size(); ++arg) {
    std::vector<Value> values;
    for (const Row& row : rows) values.push_back(row.args[arg]);
    columns.push_back(data::ColumnFromValues(call.args[arg]->type, values));
  }
  std::vector<uint32_t> groups;
  std::vector<int64_t> offsets;
  for (const Row& row : rows) {
    groups.push_back(row.group);
    offsets.push_back(row.offset);
  }
  const RowSet all = RowSet::All(rows.size());
  states.Update({.args = columns,
                 .groups = groups,
                 .rows = all,
                 .partition = rows.empty() ? 0 : rows[0].partition,
                 .offsets = offsets,
                 .ordinals = {}});
}

std::vector<Value> Finish(const AggregateStates& states) {
  std::vector<uint32_t> all(kGroups);
  std::iota(all.begin(), all.end(), 0);
  RowErrors errors(kGroups);
  const ColumnPtr column = states.Finish(all, errors);
  std::vector<Value> values;
  for (uint32_t i = 0; i < kGroups; ++i) {
    values.push_back(errors.Has(i) ? Value::String(errors.errors()[0].condition)
                                   : column->ValueAt(i));
  }
  return values;
}

std::vector<Value> InOneGo(const AggregateCall& call, const std::vector<Row>& rows) {
  const auto states = AggregateFunction::Make(call).value()->NewStates();
  states->Resize(kGroups);
  for (const Row& row : rows) Update(*states, call, {&row, 1});
  return Finish(*states);
}

// Cuts the rows into pieces (each of one partition), updates states of their own, and merges them
// in any order, some of them through their bytes.
std::vector<Value> InPieces(const AggregateCall& call, std::vector<Row> rows, uint32_t seed) {
  std::mt19937 random(seed);
  std::ranges::stable_sort(rows, {}, &Row::partition);
  std::vector<std::vector<Row>> pieces;
  for (const Row& row : rows) {
    if (pieces.empty() || random() % 4 == 0 || pieces.back().back().partition != row.partition)
      pieces.emplace_back();
    pieces.back().push_back(row);
  }
  std::ranges::shuffle(pieces, random);
  const auto function = AggregateFunction::Make(call).value();
  const auto total = function->NewStates();
  total->Resize(kGroups);
  for (const auto& piece : pieces) {
    const auto states = function->NewStates();
    states->Resize(kGroups + 1);
    states->Reset(2);
    Update(*states, call, piece);
    for (uint32_t group = 0; group < kGroups; ++group) {
      if (random() % 2 == 0) {
        total->Merge(group, *states, group);
        continue;
      }
      std::string bytes;
      states->Serialize(group, bytes);
      bytes += "tail";
      std::string_view rest = bytes;
      EXPECT_TRUE(total->MergeSerialized(group, rest));
      EXPECT_EQ(rest, "tail");
    }
  }
  return Finish(*total);
}

Value RandomValue(const DataType& type, std::mt19937& random) {
  if (random() % 6 == 0) return Value::Null();
  switch (type.kind()) {
    case data::TypeKind::kBoolean:
      return Value::Bool(random() % 2 == 0);
    case data::TypeKind::kDouble: {
      // Of very different sizes, so that any rounding on the way would show.
      const double number =
          std::ldexp(static_cast<double>(random()) - 2e9, static_cast<int>(random() % 120) - 60);
      return Value::Double(random() % 50 == 0 ? -0.0 : number);
    }
    case data::TypeKind::kDecimal:
      return Value::Decimal(static_cast<int32_t>(random()));
    case data::TypeKind::kString:
      return Value::String(std::string(random() % 3, "ab"[random() % 2]));
    default:
      return Value::Int(static_cast<int32_t>(random()) % 50);
  }
}

std::vector<Row> RandomRows(const AggregateCall& call, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Row> rows;
  int64_t offsets[3] = {};
  for (int i = 0; i < 60; ++i) {
    Row row{.args = {},
            .group = static_cast<uint32_t>(random() % (kGroups - 1)),
            .partition = static_cast<int32_t>(random() % 3),
            .offset = 0};
    row.offset = offsets[row.partition]++;
    for (const auto& arg : call.args) row.args.push_back(RandomValue(arg->type, random));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<AggregateCall> AllCalls() {
  const DataType text = DataType::String();
  const DataType whole = DataType::Bigint();
  const DataType real = DataType::Double();
  const DataType money = DataType::Decimal(10, 2);
  std::vector<AggregateCall> calls = {
      Call(AggregateKind::kCountStar, {}, whole),
      Call(AggregateKind::kCount, {text}, whole),
      Call(AggregateKind::kSum, {whole}, whole),
      Call(AggregateKind::kSum, {real}, real),
      Call(AggregateKind::kSum, {money}, DataType::Decimal(20, 2)),
      Call(AggregateKind::kAvg, {whole}, real),
      Call(AggregateKind::kAvg, {real}, real),
      Call(AggregateKind::kAvg, {money}, DataType::Decimal(14, 6)),
      Call(AggregateKind::kMin, {whole}, whole),
      Call(AggregateKind::kMax, {real}, real),
      Call(AggregateKind::kMin, {text}, text),
      Call(AggregateKind::kMax, {text}, text),
      Call(AggregateKind::kFirst, {text}, text),
      Call(AggregateKind::kLast, {text}, text),
      Call(AggregateKind::kAnyValue, {whole}, whole),
      Call(AggregateKind::kCountDistinct, {text, whole}, whole),
      Call(AggregateKind::kSumDistinct, {whole}, whole),
      Call(AggregateKind::kAvgDistinct, {real}, real),
      Call(AggregateKind::kCollectList, {text}, DataType::Array(text)),
      Call(AggregateKind::kCollectSet, {whole}, DataType::Array(whole)),
      Call(AggregateKind::kBoolAnd, {DataType::Boolean()}, DataType::Boolean()),
      Call(AggregateKind::kBoolOr, {DataType::Boolean()}, DataType::Boolean()),
      Call(AggregateKind::kMinBy, {text, whole}, text),
      Call(AggregateKind::kMaxBy, {text, real}, text),
      Call(AggregateKind::kStddevSamp, {real}, real),
      Call(AggregateKind::kVarSamp, {real}, real),
      Call(AggregateKind::kStddevPop, {real}, real),
      Call(AggregateKind::kVarPop, {real}, real),
      Call(AggregateKind::kTrySum, {whole}, whole),
      Call(AggregateKind::kTryAvg, {whole}, real),
      Call(AggregateKind::kMode, {text}, text),
      Call(AggregateKind::kPercentile, {real, real}, real),
  };
  calls.back().args[1] = sql::MakeLiteral(real, Value::Double(0.3));
  AggregateCall first = Call(AggregateKind::kFirst, {whole}, whole);
  first.ignore_nulls = true;
  calls.push_back(first);
  return calls;
}

TEST(AggregateTest, ResultsDoNotDependOnHowRowsCome) {
  for (const AggregateCall& call : AllCalls()) {
    for (uint32_t seed = 0; seed < 12; ++seed) {
      const std::vector<Row> rows = RandomRows(call, seed);
      const std::vector<Value> whole = InOneGo(call, rows);
      const std::vector<Value> pieces = InPieces(call, rows, seed);
      for (uint32_t group = 0; group < kGroups; ++group) {
        ASSERT_EQ(FormatValue(call.type, whole[group]), FormatValue(call.type, pieces[group]))
            << static_cast<int>(call.kind) << " seed " << seed << " group " << group;
      }
    }
  }
}

std::string Result(AggregateKind kind, const DataType& arg, const DataType& type,
                   std::vector<Value> values) {
  std::vector<Row> rows;
  for (Value& value : values) {
    rows.push_back({.args = {std::move(value)},
                    .group = 0,
                    .partition = 0,
                    .offset = static_cast<int64_t>(rows.size())});
  }
  const Value value = InOneGo(Call(kind, {arg}, type), rows)[0];
  return FormatValue(type, value);
}

std::string OfReals(AggregateKind kind, std::vector<double> numbers) {
  std::vector<Value> values;
  for (const double number : numbers) values.push_back(Value::Double(number));
  return Result(kind, DataType::Double(), DataType::Double(), std::move(values));
}

TEST(AggregateTest, ValuesAsSparks) {
  EXPECT_EQ(OfReals(AggregateKind::kSum, {}), "NULL");
  EXPECT_EQ(OfReals(AggregateKind::kSum, {1e308, 1e308, -1e308}), "1.0E308");
  EXPECT_EQ(OfReals(AggregateKind::kSum, {1e308, 1e308}), "Infinity");
  EXPECT_EQ(OfReals(AggregateKind::kSum, {1e100, 1.0, -1e100}), "1.0");
  EXPECT_EQ(OfReals(AggregateKind::kSum, {0.1, 0.2, 0.3}), "0.6");
  EXPECT_EQ(OfReals(AggregateKind::kSum, {-5e-324, -5e-324, 1e-323}), "0.0");
  EXPECT_EQ(OfReals(AggregateKind::kSum, {INFINITY, -INFINITY}), "NaN");
  EXPECT_EQ(OfReals(AggregateKind::kMax, {1.0, NAN, INFINITY}), "NaN");
  EXPECT_EQ(OfReals(AggregateKind::kMin, {1.0, NAN, INFINITY}), "1.0");
  EXPECT_EQ(OfReals(AggregateKind::kVarSamp, {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}), "30.0");
  EXPECT_EQ(OfReals(AggregateKind::kStddevSamp, {1.0}), "NULL");
  EXPECT_EQ(OfReals(AggregateKind::kStddevSamp, {1.0, 3.0}), "1.4142135623730951");
  const Value most = Value::Int(INT64_MAX);
  EXPECT_EQ(Result(AggregateKind::kAvg, DataType::Bigint(), DataType::Double(), {most, most}),
            "9.223372036854776E18");
  EXPECT_EQ(Result(AggregateKind::kAvg, DataType::Decimal(3, 1), DataType::Decimal(7, 5),
                   {Value::Decimal(10), Value::Decimal(10), Value::Decimal(11)}),
            "1.03333");
}

// Negative sums, against 128-bit integers: the same to the last bit.
TEST(AggregateTest, SumsOfDoublesAreExact) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> numbers;
    __int128 exact = 0;
    for (size_t i = 1 + random() % 200; i > 0; --i) {
      const auto number = static_cast<double>(static_cast<int64_t>(random()) >> (random() % 60));
      numbers.push_back(number);
      exact += static_cast<__int128>(number);
    }
    ASSERT_EQ(OfReals(AggregateKind::kSum, numbers),
              data::FormatDouble(static_cast<double>(exact)));
  }
}

TEST(AggregateTest, OverflowIsAnErrorOfTheGroup) {
  const AggregateCall call = Call(AggregateKind::kSum, {DataType::Bigint()}, DataType::Bigint());
  const auto states = AggregateFunction::Make(call).value()->NewStates();
  states->Resize(1);
  const std::vector<Row> rows = {{{Value::Int(INT64_MAX)}, 0, 0, 0}, {{Value::Int(1)}, 0, 0, 1}};
  Update(*states, call, rows);
  RowErrors errors(1);
  const uint32_t zero = 0;
  states->Finish({&zero, 1}, errors);
  ASSERT_EQ(errors.count(), 1u);
  EXPECT_EQ(errors.errors()[0].condition, "ARITHMETIC_OVERFLOW");
}

TEST(AggregateTest, DamagedStatesAreRefusedOrHarmless) {
  std::mt19937 random(2);
  for (const AggregateCall& call : AllCalls()) {
    const auto function = AggregateFunction::Make(call).value();
    const auto states = function->NewStates();
    states->Resize(kGroups);
    for (const Row& row : RandomRows(call, 1)) Update(*states, call, {&row, 1});
    std::string bytes;
    states->Serialize(0, bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto other = function->NewStates();
      other->Resize(kGroups);
      std::string_view cut = std::string_view(bytes).substr(0, size);
      EXPECT_FALSE(other->MergeSerialized(0, cut)) << static_cast<int>(call.kind) << ' ' << size;
    }
    for (int i = 0; i < 200; ++i) {
      std::string damaged = bytes;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      const auto other = function->NewStates();
      other->Resize(kGroups);
      std::string_view rest = damaged;
      if (other->MergeSerialized(0, rest)) Finish(*other);
    }
  }
}

}  // namespace
}  // namespace millrace::engine
