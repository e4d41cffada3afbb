#include "engine/evaluator_program.h"

#include "engine/row_key.h"
#include "sql/function.h"

namespace millrace::engine {

using sql::Expr;
using sql::ExprKind;
using sql::ExprPtr;

namespace {

std::unexpected<Error> FailAt(const Expr& expr, Error error) {
  return std::unexpected<Error>(std::move(error).WithContext(
      fmt::format("line {}, column {}", expr.where.line, expr.where.column)));
}

// Fills in what the node of `expr` computes with.
Status Prepare(const Expr& expr, Node& node) {
  switch (expr.kind) {
    case ExprKind::kCast: {
      auto cast = MakeCast(expr.args[0]->type, expr.type, expr.cast_mode);
      if (!cast) return FailAt(expr, std::move(cast).error());
      node.cast = std::move(*cast);
      return {};
    }
    case ExprKind::kIn:
      node.in_set = InSet::OfLiterals(expr);
      return {};
    case ExprKind::kCall: {
      const KernelFactory* factory = FindKernel(expr.function->name);
      if (!factory) return Fail(ErrorCode::kInternal, "no kernel for {}", expr.function->name);
      auto kernel = (*factory)(expr);
      if (!kernel) return FailAt(expr, std::move(kernel).error());
      node.kernel = std::move(*kernel);
      node.propagates_null = expr.function->null_rule == sql::NullRule::kPropagate;
      return {};
    }
    default:
      return {};
  }
}

}  // namespace

Result<Program> Program::Compile(std::span<const ExprPtr> expressions) {
  Program program;
  for (const ExprPtr& expr : expressions) {
    MR_ASSIGN(const uint32_t node, program.Add(expr));
    program.results_.push_back(node);
  }
  return program;
}

Result<uint32_t> Program::Add(const ExprPtr& expr) {
  if (const auto known = by_expr_.find(expr.get()); known != by_expr_.end()) return known->second;
  Node node;
  bool deterministic = !expr->function || expr->function->deterministic;
  bool constant = expr->kind != ExprKind::kColumn && expr->kind != ExprKind::kVariable;
  for (const ExprPtr& arg : expr->args) {
    const bool is_lambda = arg->kind == ExprKind::kLambda;
    MR_ASSIGN(const uint32_t id, Add(is_lambda ? arg->args[0] : arg));
    (is_lambda ? node.lambdas : node.args).push_back(id);
    deterministic = deterministic && deterministic_[id];
    constant = constant && nodes_[id].constant && !is_lambda;
  }
  node.expr = expr;
  node.constant = constant && deterministic;
  if (expr->kind == ExprKind::kLiteral)
    node.literal = data::ColumnFromValues(expr->type, {&expr->literal, 1});
  uint32_t id = 0;
  const std::string key = deterministic ? KeyOf(*expr, node) : std::string();
  const auto known = by_key_.find(key);
  if (deterministic && known != by_key_.end()) {
    id = known->second;
  } else {
    MR_ASSIGN(id, AddNew(expr, std::move(node), deterministic));
    if (deterministic) by_key_.emplace(key, id);
  }
  by_expr_.emplace(expr.get(), id);
  return id;
}

Result<uint32_t> Program::AddNew(const ExprPtr& expr, Node node, bool deterministic) {
  MR_TRY(Prepare(*expr, node));
  nodes_.push_back(std::move(node));
  deterministic_.push_back(deterministic);
  return static_cast<uint32_t>(nodes_.size() - 1);
}

std::string Program::KeyOf(const Expr& expr, const Node& node) {
  std::string key =
      fmt::format("{}|{}|{}|{}{}|", static_cast<int>(expr.kind), expr.type.ToString(), expr.ordinal,
                  static_cast<int>(expr.cast_mode), expr.ansi ? 'a' : 'l');
  if (expr.function) key += expr.function->name;
  for (const uint32_t arg : node.args) key += fmt::format(",{}", arg);
  for (const uint32_t body : node.lambdas) key += fmt::format(";{}", body);
  // A row key tells nested values apart, the printed form 0.0 from -0.0.
  if (node.literal) {
    key += data::FormatValue(expr.type, expr.literal) + '|';
    AppendKey(*node.literal, 0, key);
  }
  return key;
}

}  // namespace millrace::engine
