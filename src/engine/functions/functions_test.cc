// Runs testdata/*.test and the example of every function: SQL in, value or error condition out.
//
//   substring('Spark SQL', 5, 1) => k
//   1 / 0 => error DIVIDE_BY_ZERO
//
// Each case is evaluated twice: as the constant it is, and with its literals as columns of three
// rows, the middle one NULL, so that constant folding and the loops over rows are held against each
// other. Lines that start with # are comments.

#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>

#include "data/column.h"
#include "engine/evaluator.h"
#include "engine/kernel.h"
#include "sql/function.h"
#include "sql/plan.h"

namespace millrace::engine {
namespace {

using data::Batch;
using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::Value;

constexpr size_t kRows = 3;
constexpr size_t kNullRow = 1;

// The value, or "error CONDITION", of one row.
std::string Shown(const sql::Expr& expr, const Column& column, const data::RowErrors& errors,
                  size_t row) {
  for (const data::RowError& error : errors.errors()) {
    if (error.row == row) return "error " + error.condition;
  }
  return data::FormatValue(expr.type, column.ValueAt(row));
}

EvalContext Context() {
  EvalContext context;
  context.now_us = 1'700'000'000'000'000;
  context.seed = 7;
  return context;
}

std::vector<std::string> Evaluate(const sql::ExprPtr& expr, const Batch& batch) {
  const auto evaluator = Evaluator::Make({&expr, 1});
  if (!evaluator) return {"refused: " + evaluator.error().message};
  data::RowErrors errors(batch.rows);
  const auto columns =
      (*evaluator)->Evaluate(batch, data::RowSet::All(batch.rows), Context(), errors);
  std::vector<std::string> shown;
  for (size_t row = 0; row < batch.rows; ++row)
    shown.push_back(Shown(*expr, *columns[0], errors, row));
  return shown;
}

// Puts columns in the place of literals.
class Columnizer {
 public:
  sql::ExprPtr Rewrite(const sql::ExprPtr& expr) {
    if (expr->kind == sql::ExprKind::kLiteral && !expr->type.is_nested() &&
        expr->type.kind() != data::TypeKind::kNull) {
      const ColumnPtr constant = Column::Constant(expr->type, expr->literal, kRows);
      data::ColumnBuilder mask(DataType::Boolean(), kRows);
      mask.SetNull(kNullRow);
      const ColumnPtr nulls = std::move(mask).Finish();
      batch_.columns.push_back(Column::WithNullsOf(Column::Flatten(constant), {&nulls, 1}));
      return sql::MakeColumn(static_cast<int>(batch_.columns.size()) - 1, expr->type, true);
    }
    auto copy = std::make_shared<sql::Expr>(*expr);
    if (!NeedsLiterals(*expr)) {
      for (sql::ExprPtr& arg : copy->args) arg = Rewrite(arg);
    }
    return copy;
  }
  Batch& batch() {
    batch_.rows = kRows;
    return batch_;
  }

 private:
  // Functions whose type or meaning hangs on a literal.
  static bool NeedsLiterals(const sql::Expr& expr) {
    if (expr.kind != sql::ExprKind::kCall) return false;
    const std::string_view name = expr.function->name;
    return name == "extract" || name == "from_json" || name == "named_struct" || name == "rand" ||
           name == "randn";
  }
  Batch batch_;
};

void Check(const std::string& text, const std::string& expected) {
  SCOPED_TRACE(text);
  const sql::BoundExpr bound = sql::BindExpression(text, data::Schema{}, {});
  if (!bound.expr) {
    const std::string condition =
        bound.errors.empty() ? "" : bound.errors[0].condition + ": " + bound.errors[0].message;
    EXPECT_EQ("refused " + condition, expected);
    return;
  }
  Batch one;
  one.rows = 1;
  EXPECT_EQ(Evaluate(bound.expr, one)[0], expected);
  Columnizer columnizer;
  const sql::ExprPtr rewritten = columnizer.Rewrite(bound.expr);
  const auto shown = Evaluate(rewritten, columnizer.batch());
  ASSERT_EQ(shown.size(), kRows) << shown[0];
  if (!sql::IsDeterministic(*bound.expr)) return;
  EXPECT_EQ(shown[0], expected) << "over columns";
  EXPECT_EQ(shown[2], expected) << "over columns";
}

void CheckLine(const std::string& line) {
  const size_t arrow = line.rfind(" => ");
  ASSERT_NE(arrow, std::string::npos) << "no ' => ' in: " << line;
  Check(line.substr(0, arrow), line.substr(arrow + 4));
}

// Evaluated by the binder's forms, the aggregate operators or kGenerate, not by a kernel.
bool HasNoKernel(const sql::FunctionDef& def) {
  return def.is_aggregate || def.category == "generator" ||
         (def.category == "conditional" && def.name != "nanvl" && def.name != "assert_true" &&
          def.name != "raise_error");
}

TEST(FunctionsTest, EveryFunctionHasAKernel) {
  for (const sql::FunctionDef* def : sql::AllFunctions()) {
    EXPECT_EQ(FindKernel(def->name) != nullptr, !HasNoKernel(*def)) << def->name;
  }
}

TEST(FunctionsTest, DocumentedExamples) {
  size_t count = 0;
  for (const sql::FunctionDef* def : sql::AllFunctions()) {
    const bool documented = !def->usage.empty() && !def->description.empty();
    EXPECT_TRUE(documented) << def->name;
    if (def->is_aggregate || def->category == "generator") continue;
    EXPECT_FALSE(def->example.empty()) << def->name;
    CheckLine(std::string(def->example));
    ++count;
  }
  EXPECT_GE(count, 200u);
}

TEST(FunctionsTest, TestData) {
  const std::filesystem::path folder =
      std::filesystem::path(MILLRACE_MODULE_DIR) / "functions" / "testdata";
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename().string());
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line[0] == '#') continue;
      CheckLine(line);
      ++count;
    }
  }
  EXPECT_GE(count, 100u);
}

}  // namespace
}  // namespace millrace::engine
