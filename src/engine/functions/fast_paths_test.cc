// Functions that have a fast way for usual values, held against the plain one: on random texts and
// times, over columns with NULLs and without.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/unicode.h"
#include "data/column.h"
#include "engine/evaluator.h"
#include "sql/plan.h"

namespace millrace::engine {
namespace {

using data::Batch;
using data::DataType;
using data::Field;
using data::Value;

constexpr size_t kRows = 500;

class Random {
 public:
  explicit Random(uint32_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return random_() % bound; }

  std::string Text() {
    static constexpr std::string_view kPieces[] = {"a", "Z", "z", "A", "@", "[",  "`",  "{",
                                                   "0", " ", "é", "ß", "İ", "漢", "ab", "@@"};
    const size_t kinds = Below(4) == 0 ? std::size(kPieces) : 10;  // mostly ASCII
    std::string text;
    for (size_t i = Below(3) == 0 ? Below(80) : Below(20); i > 0; --i)
      text += kPieces[Below(kinds)];
    return text;
  }
  // Mostly near its neighbours, at any time from the year -5000 to 9000.
  int64_t Moment() {
    if (Below(3) != 0) return last_ += static_cast<int64_t>(Below(40'000'000'000));
    return last_ = static_cast<int64_t>(random_() % 441'000'000'000) * 1'000'000 -
                   220'000'000'000'000'000;
  }

 private:
  std::mt19937_64 random_;
  int64_t last_ = 0;
};

std::vector<Value> Texts(Random& random, bool with_nulls) {
  std::vector<Value> values;
  for (size_t i = 0; i < kRows; ++i) {
    const bool null = with_nulls && random.Below(5) == 0;
    values.push_back(null ? Value::Null() : Value::String(random.Text()));
  }
  return values;
}

std::vector<Value> Moments(Random& random) {
  std::vector<Value> values;
  for (size_t i = 0; i < kRows; ++i) values.push_back(Value::Int(random.Moment()));
  return values;
}

// The values of `text` over the columns a, b, c (STRING) or t, u (TIMESTAMP).
struct Input {
  data::Schema schema;
  Batch batch;

  void Add(const std::string& name, const DataType& type, const std::vector<Value>& values) {
    schema.fields.push_back(Field(name, type));
    batch.columns.push_back(data::ColumnFromValues(type, values));
    batch.rows = values.size();
  }
  Batch Row(uint32_t row) const {
    Batch one;
    one.rows = 1;
    for (const auto& column : batch.columns)
      one.columns.push_back(data::Column::Take(column, std::span(&row, 1)));
    return one;
  }
  std::vector<Value> Evaluate(const std::string& text, const Batch& over) const {
    const sql::BoundExpr bound = sql::BindExpression(text, schema, {});
    EXPECT_TRUE(bound.expr != nullptr) << text;
    const auto evaluator = Evaluator::Make({&bound.expr, 1}).value();
    EvalContext context;
    context.zone = zone;
    data::RowErrors errors(over.rows);
    const auto column = evaluator->Evaluate(over, data::RowSet::All(over.rows), context, errors)[0];
    EXPECT_TRUE(errors.empty());
    std::vector<Value> values;
    for (size_t row = 0; row < over.rows; ++row) values.push_back(column->ValueAt(row));
    return values;
  }
  std::vector<Value> Evaluate(const std::string& text) const { return Evaluate(text, batch); }

  std::string zone = "UTC";
};

std::string JoinedPlainly(const std::string& separator, const std::vector<Value>& parts) {
  std::string joined;
  bool first = true;
  for (const Value& part : parts) {
    if (part.is_null()) continue;
    if (!first) joined += separator;
    joined += part.string();
    first = false;
  }
  return joined;
}

std::string PartPlainly(const std::string& text, const std::string& delimiter, int32_t n) {
  std::vector<std::string> parts(1);
  for (size_t at = 0; at < text.size();) {
    if (text.compare(at, delimiter.size(), delimiter) == 0) {
      parts.emplace_back();
      at += delimiter.size();
    } else {
      parts.back() += text[at++];
    }
  }
  const auto count = static_cast<int32_t>(parts.size());
  const int32_t index = n > 0 ? n - 1 : count + n;
  return index < 0 || index >= count ? "" : parts[static_cast<size_t>(index)];
}

class FastPathsTest : public testing::TestWithParam<bool> {
 protected:
  FastPathsTest() : random_(GetParam() ? 1 : 2) {
    for (const char* name : {"a", "b", "c"}) {
      columns_.push_back(Texts(random_, GetParam()));
      input_.Add(name, DataType::String(), columns_.back());
    }
  }
  // Holds f(a, b, c) against the rows of `text` in which none of the three is NULL.
  template <typename F>
  void Expect(const std::string& text, F&& f) {
    const std::vector<Value> found = input_.Evaluate(text);
    for (size_t row = 0; row < kRows; ++row) {
      if (columns_[0][row].is_null() || columns_[1][row].is_null()) continue;
      ASSERT_EQ(found[row], f(columns_[0][row].string(), columns_[1][row].string()))
          << text << ' ' << columns_[0][row].string() << ' ' << columns_[1][row].string();
    }
  }

  Random random_;
  std::vector<std::vector<Value>> columns_;
  Input input_;
};

TEST_P(FastPathsTest, CaseIsThatOfUnicode) {
  const auto by = [](void (*change)(std::string_view, std::string&)) {
    return [change](const std::string& text, const std::string&) {
      std::string changed;
      change(text, changed);
      return Value::String(changed);
    };
  };
  Expect("upper(a)", by(UpperCase));
  Expect("lower(a)", by(LowerCase));
}

TEST_P(FastPathsTest, ConcatWsJoinsWhatIsThere) {
  for (const std::string separator : {"", ",", ", ", " and another one, longer than a block "}) {
    const auto found = input_.Evaluate("concat_ws('" + separator + "', a, b, c)");
    const auto single = input_.Evaluate("concat_ws('" + separator + "', b)");
    for (size_t row = 0; row < kRows; ++row) {
      const std::vector<Value> parts = {columns_[0][row], columns_[1][row], columns_[2][row]};
      ASSERT_EQ(found[row].string(), JoinedPlainly(separator, parts));
      ASSERT_EQ(single[row].string(), JoinedPlainly(separator, {parts[1]}));
    }
  }
}

TEST_P(FastPathsTest, PartsAndPositions) {
  for (const std::string delimiter : {"@", "a", "@@", "aZ"}) {
    for (const int32_t n : {1, 2, 5, -1, -2, -7}) {
      Expect(fmt::format("split_part(a, '{}', {})", delimiter, n),
             [&](const std::string& text, const std::string&) {
               return Value::String(PartPlainly(text, delimiter, n));
             });
    }
    Expect(fmt::format("instr(a, '{}')", delimiter), [&](const std::string& text,
                                                         const std::string&) {
      const size_t at = text.find(delimiter);
      return Value::Int(
          at == std::string::npos
              ? 0
              : static_cast<int64_t>(CountCodePoints(std::string_view(text).substr(0, at))) + 1);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Nulls, FastPathsTest, testing::Bool());

// What is remembered from row to row must not show.
TEST(FastTimesTest, BatchesAreTheirRows) {
  for (const char* zone : {"UTC", "+05:30", "America/New_York"}) {
    Random random(3);
    Input input;
    input.zone = zone;
    input.Add("t", DataType::Timestamp(), Moments(random));
    input.Add("u", DataType::Timestamp(), Moments(random));
    for (const char* text :
         {"date_format(t, 'yyyy-MM')", "date_format(t, 'EEEE d MMM yyyy DDD G q')",
          "date_format(t, 'yyyy-MM-dd HH:mm:ss.SSSSSS XXX VV')", "date_format(t, \"'at' HH\")",
          "months_between(t, u)", "months_between(timestamp'2024-02-29 12:00:00', u)",
          "CAST(t AS DATE)", "hour(t)"}) {
      const std::vector<Value> found = input.Evaluate(text);
      for (uint32_t row = 0; row < kRows; ++row)
        ASSERT_EQ(found[row], input.Evaluate(text, input.Row(row))[0]) << text << ' ' << row;
    }
  }
}

}  // namespace
}  // namespace millrace::engine
