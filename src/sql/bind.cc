// The entry points of plan.h: text to plan, text to expression.
#include "sql/expr_binder.h"
#include "sql/optimizer.h"
#include "sql/parser.h"
#include "sql/plan.h"
#include "sql/query_binder.h"
#include "sql/stream_rules.h"

namespace millrace::sql {

BoundQuery BindQuery(std::string_view text, const Catalog& catalog, const BindOptions& options) {
  BoundQuery bound;
  ParsedQuery parsed = ParseQuery(text);
  if (!parsed.errors.empty()) {
    bound.errors = std::move(parsed.errors);
    return bound;
  }
  Diagnostics diagnostics;
  ExprBuilder builder(options.ansi, diagnostics);
  PlanPtr plan = QueryBinder(builder, catalog, options).Bind(*parsed.query);
  if (plan) {
    if (options.streaming) CheckStreamRules(*plan, builder);
    plan = Optimize(std::move(plan));
  }
  bound.errors = diagnostics.TakeErrors();
  bound.warnings = diagnostics.TakeWarnings();
  if (bound.errors.empty()) bound.plan = std::move(plan);
  return bound;
}

BoundExpr BindExpression(std::string_view text, const data::Schema& input,
                         const BindOptions& options) {
  BoundExpr bound;
  ParsedExpression parsed = ParseExpression(text);
  if (!parsed.errors.empty()) {
    bound.errors = std::move(parsed.errors);
    return bound;
  }
  Scope scope;
  for (size_t i = 0; i < input.fields.size(); ++i) {
    const data::Field& field = input.fields[i];
    scope.columns.push_back(
        {{}, field.name, MakeColumn(static_cast<int>(i), *field.type, field.nullable)});
  }
  Diagnostics diagnostics;
  ExprBuilder builder(options.ansi, diagnostics);
  ExprPtr expr = ExprBinder(builder, scope, {.what = "this expression"}).Bind(*parsed.expr);
  bound.errors = diagnostics.TakeErrors();
  if (bound.errors.empty()) bound.expr = std::move(expr);
  return bound;
}

}  // namespace millrace::sql
