#include "engine/evaluator.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "sql/plan.h"

namespace millrace::engine {
namespace {

using data::Batch;
using data::DataType;
using data::Field;
using data::RowErrors;
using data::RowSet;
using data::Schema;
using data::Value;

Schema Columns() {
  return {{Field("n", DataType::Int()), Field("t", DataType::String()),
           Field("b", DataType::Boolean()), Field("l", DataType::Array(DataType::Int())),
           Field("s", DataType::Struct({{"x", DataType::Int()}, {"y", DataType::String()}}))}};
}

Batch Input() {
  const Schema schema = Columns();
  const auto rows = [](std::vector<Value> values) { return values; };
  const std::vector<std::vector<Value>> columns = {
      rows({Value::Int(1), Value::Int(0), Value::Null(), Value::Int(4)}),
      rows({Value::String("1"), Value::String("x"), Value::Null(), Value::String("40")}),
      rows({Value::Bool(true), Value::Bool(false), Value::Null(), Value::Bool(true)}),
      rows({Value::ListOf({Value::Int(1), Value::Int(2)}), Value::ListOf({}), Value::Null(),
            Value::ListOf({Value::Int(0)})}),
      rows({Value::ListOf({Value::Int(7), Value::Null()}), Value::Null(),
            Value::ListOf({Value::Null(), Value::String("y")}),
            Value::ListOf({Value::Int(8), Value::String("z")})})};
  Batch batch{.schema = std::make_shared<const Schema>(schema), .columns = {}, .rows = 4};
  for (size_t i = 0; i < columns.size(); ++i)
    batch.columns.push_back(data::ColumnFromValues(*schema.fields[i].type, columns[i]));
  return batch;
}

std::vector<sql::ExprPtr> Bind(const std::vector<std::string>& texts) {
  std::vector<sql::ExprPtr> exprs;
  for (const std::string& text : texts) {
    const sql::BoundExpr bound = sql::BindExpression(text, Columns(), {});
    EXPECT_TRUE(bound.expr) << text << ": "
                            << (bound.errors.empty() ? "" : bound.errors[0].message);
    if (bound.expr) exprs.push_back(bound.expr);
  }
  return exprs;
}

// One line: each row's value, or the condition of its error.
std::string Show(const sql::Expr& expr, const data::Column& column, const RowErrors& errors) {
  std::string line;
  for (size_t row = 0; row < column.length(); ++row) {
    std::string shown = FormatValue(expr.type, column.ValueAt(row));
    for (const data::RowError& error : errors.errors()) {
      if (error.row == row) shown = error.condition;
    }
    line += (row > 0 ? " " : "") + shown;
  }
  return line;
}

std::string Eval(const std::string& text) {
  const auto exprs = Bind({text});
  if (exprs.empty()) return "unbound";
  auto evaluator = Evaluator::Make(exprs);
  if (!evaluator) return evaluator.error().message;
  RowErrors errors(4);
  const auto columns = (*evaluator)->Evaluate(Input(), RowSet::All(4), {}, errors);
  return Show(*exprs[0], *columns[0], errors);
}

TEST(EvaluatorTest, CallsCastsAndFields) {
  EXPECT_EQ(Eval("n + 1"), "2 1 NULL 5");
  EXPECT_EQ(Eval("10 / n"), "10.0 DIVIDE_BY_ZERO NULL 2.5");
  EXPECT_EQ(Eval("CAST(t AS INT)"), "1 CAST_INVALID_INPUT NULL 40");
  EXPECT_EQ(Eval("TRY_CAST(t AS INT)"), "1 NULL NULL 40");
  EXPECT_EQ(Eval("s.x"), "7 NULL NULL 8");
  EXPECT_EQ(Eval("1 + 2"), "3 3 3 3");
  EXPECT_EQ(Eval("1 / 0"), "DIVIDE_BY_ZERO DIVIDE_BY_ZERO DIVIDE_BY_ZERO DIVIDE_BY_ZERO");
}

TEST(EvaluatorTest, LogicIsThreeValuedAndLazy) {
  EXPECT_EQ(Eval("b AND n > 0"), "true false NULL true");
  EXPECT_EQ(Eval("b OR n > 0"), "true false NULL true");
  EXPECT_EQ(Eval("b AND NULL"), "NULL false NULL NULL");
  EXPECT_EQ(Eval("b OR NULL"), "true NULL NULL true");
  EXPECT_EQ(Eval("n <> 0 AND 10 / n > 3"), "true false NULL false");
  EXPECT_EQ(Eval("10 / n > 3 AND n <> 0"), "true DIVIDE_BY_ZERO NULL false");
  EXPECT_EQ(Eval("NULL AND false"), "false false false false");
}

TEST(EvaluatorTest, BranchesThatDoNotRunCannotFail) {
  EXPECT_EQ(Eval("CASE WHEN n = 0 THEN -1.0 ELSE 10 / n END"), "10.0 -1.0 NULL 2.5");
  EXPECT_EQ(Eval("CASE n WHEN 1 THEN 'one' WHEN 4 THEN t END"), "one NULL NULL 40");
  EXPECT_EQ(Eval("CASE WHEN b THEN l ELSE array(9) END"), "[1, 2] [9] [9] [0]");
  EXPECT_EQ(Eval("coalesce(n, CAST(t AS INT), 5)"), "1 0 5 4");
  EXPECT_EQ(Eval("coalesce(s.y, t)"), "1 x y z");
  EXPECT_EQ(Eval("if(b, n, CAST(t AS INT))"), "1 CAST_INVALID_INPUT NULL 4");
}

TEST(EvaluatorTest, InLists) {
  EXPECT_EQ(Eval("n IN (1, 2, 4)"), "true false NULL true");
  EXPECT_EQ(Eval("n IN (1, NULL)"), "true NULL NULL NULL");
  EXPECT_EQ(Eval("n NOT IN (1, NULL)"), "false NULL NULL NULL");
  EXPECT_EQ(Eval("t IN ('x', '40')"), "false true NULL true");
  EXPECT_EQ(Eval("n IN (s.x - 6, NULL, 0)"), "true true NULL NULL");
  EXPECT_EQ(Eval("CAST(n AS DOUBLE) IN (-0.0D, 4.0D)"), "false true NULL true");
}

TEST(EvaluatorTest, LambdasSeeTheirRow) {
  EXPECT_EQ(Eval("transform(l, x -> x + n)"), "[2, 3] [] NULL [4]");
  EXPECT_EQ(Eval("filter(l, x -> x > 1)"), "[2] [] NULL []");
  EXPECT_EQ(Eval("transform(l, x -> 10 / x)"), "[10.0, 5.0] [] NULL DIVIDE_BY_ZERO");
  EXPECT_EQ(Eval("transform(l, x -> transform(array(1, 2), y -> x * 10 + y + n))"),
            "[[12, 13], [22, 23]] [] NULL [[5, 6]]");
}

// A subexpression shared by a branch and by an expression of all rows: the rows that the branch
// left out must be computed all the same, in either order.
TEST(EvaluatorTest, SharedSubexpressionsRespectTheirRows) {
  for (const bool branch_first : {true, false}) {
    std::vector<std::string> texts = {"CASE WHEN n = 1 THEN n * 100 ELSE 0 END", "n * 100"};
    if (!branch_first) std::ranges::reverse(texts);
    const auto exprs = Bind(texts);
    const auto evaluator = Evaluator::Make(exprs).value();
    RowErrors errors(4);
    const auto columns = evaluator->Evaluate(Input(), RowSet::All(4), {}, errors);
    EXPECT_EQ(Show(*exprs[branch_first ? 0 : 1], *columns[branch_first ? 0 : 1], errors),
              "100 0 0 0");
    EXPECT_EQ(Show(*exprs[branch_first ? 1 : 0], *columns[branch_first ? 1 : 0], errors),
              "100 0 NULL 400");
  }
}

// What TRY forgives inside must still fail outside.
TEST(EvaluatorTest, TryForgivesItsArgumentOnly) {
  auto inner = Bind({"CAST(t AS INT)"});
  auto forgiving = std::make_shared<sql::Expr>();
  forgiving->kind = sql::ExprKind::kTry;
  forgiving->type = DataType::Int();
  forgiving->args = {inner[0]};
  for (const bool try_first : {true, false}) {
    std::vector<sql::ExprPtr> exprs = {forgiving, inner[0]};
    RowErrors errors(4);
    if (try_first) {
      const auto evaluator = Evaluator::Make({exprs.data(), 1}).value();
      const auto columns = evaluator->Evaluate(Input(), RowSet::All(4), {}, errors);
      EXPECT_EQ(Show(*forgiving, *columns[0], errors), "1 NULL NULL 40");
    }
    const auto evaluator = Evaluator::Make(exprs).value();
    evaluator->Evaluate(Input(), RowSet::All(4), {}, errors);
    ASSERT_EQ(errors.count(), 1u);
    EXPECT_EQ(errors.errors()[0].row, 1u);
  }
}

TEST(EvaluatorTest, RowsOutsideTheSetRaiseNothing) {
  const auto exprs = Bind({"CAST(t AS INT)", "10 / n", "1 / 0"});
  const auto evaluator = Evaluator::Make({exprs.data(), 2}).value();
  const std::vector<uint32_t> rows = {0, 3};
  RowErrors errors(4);
  evaluator->Evaluate(Input(), RowSet::Of(rows), {}, errors);
  EXPECT_TRUE(errors.empty());
  Evaluator::Make({exprs.data() + 2, 1}).value()->Evaluate(Input(), RowSet::Of(rows), {}, errors);
  EXPECT_EQ(errors.count(), 2u);
  EXPECT_FALSE(errors.Has(1));
}

}  // namespace
}  // namespace millrace::engine
