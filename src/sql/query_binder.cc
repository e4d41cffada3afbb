#include "sql/query_binder.h"

#include <fmt/format.h>

#include "sql/coercion.h"

namespace millrace::sql {

using data::DataType;
using data::TypeKind;

bool QueryBinder::CountStep(Location where) {
  if (++plan_nodes_ == kPlanNodesMax) {
    builder_.diagnostics().Error(
        where, "QUERY_TOO_LARGE",
        fmt::format("the query has more than {} steps, counting WITH tables as often as they are "
                    "used",
                    kPlanNodesMax),
        "split the query");
  }
  return plan_nodes_ < kPlanNodesMax;
}

QueryBinder::PlanDraft QueryBinder::NewPlan(PlanKind kind, Location where,
                                            std::vector<PlanPtr> inputs) {
  if (!CountStep(where)) return nullptr;
  auto plan = std::make_shared<Plan>();
  plan->kind = kind;
  plan->where = where;
  if (!inputs.empty() && inputs[0]) plan->schema = inputs[0]->schema;
  plan->inputs = std::move(inputs);
  return plan;
}

PlanPtr QueryBinder::Projected(PlanPtr input, std::vector<Output> outputs, Location where) {
  if (!input) return nullptr;
  PlanDraft project = NewPlan(PlanKind::kProject, where, {std::move(input)});
  if (!project) return nullptr;
  project->schema.fields.clear();
  for (Output& output : outputs) {
    if (!builder_.Charge(output.expr)) return nullptr;
    project->schema.fields.emplace_back(output.name, output.expr->type, output.expr->nullable);
    project->expressions.push_back(std::move(output.expr));
  }
  return project;
}

PlanPtr QueryBinder::Bind(const ast::Query& query) {
  PlanPtr plan = BindQuery(query, nullptr);
  return builder_.diagnostics().has_errors() ? nullptr : plan;
}

PlanPtr QueryBinder::BindQuery(const ast::Query& query, const CommonTables* outer) {
  if (query_depth_ >= kQueryDepthMax) {
    builder_.diagnostics().Error(
        query.where, "QUERY_TOO_LARGE",
        fmt::format("more than {} queries inside one another", kQueryDepthMax), "split the query");
    return nullptr;
  }
  if (!CountStep(query.where)) return nullptr;
  ++query_depth_;
  const CommonTables tables{&query.with, query.with.size(), outer};
  PlanPtr plan;
  if (query.terms.size() == 1) {
    plan = BindTerm(query.terms[0], tables, query.order_by);
  } else {
    plan = SortOutput(BindUnion(query, tables), query.order_by);
  }
  plan = BindLimit(std::move(plan), query);
  --query_depth_;
  return plan;
}

PlanPtr QueryBinder::BindTerm(const ast::Term& term, const CommonTables& tables,
                              const std::vector<ast::OrderItem>& order_by) {
  if (term.select) return BindSelect(*term.select, tables, order_by);
  if (term.nested) return SortOutput(BindQuery(*term.nested, &tables), order_by);
  return SortOutput(BindValues(term), order_by);
}

PlanPtr QueryBinder::BindUnion(const ast::Query& query, const CommonTables& tables) {
  std::vector<PlanPtr> inputs;
  for (size_t i = 0; i < query.terms.size(); ++i) {
    inputs.push_back(BindTerm(query.terms[i], tables, {}));
    // a UNION b UNION ALL c: what came so far loses its duplicates first.
    if (i == 0 || !query.distinct_before[i - 1]) continue;
    PlanPtr so_far = MakeUnion(std::move(inputs), query.terms[i].where);
    inputs.clear();
    inputs.push_back(so_far ? NewPlan(PlanKind::kDistinct, query.terms[i].where, {so_far})
                            : nullptr);
  }
  return inputs.size() == 1 ? inputs[0] : MakeUnion(std::move(inputs), query.where);
}

std::vector<std::optional<DataType>> QueryBinder::CommonColumnTypes(
    const std::vector<const data::Schema*>& schemas, std::string_view what, Location where) {
  std::vector<std::optional<DataType>> types;
  for (size_t column = 0; column < schemas[0]->fields.size(); ++column) {
    std::vector<DataType> of_column;
    for (const data::Schema* schema : schemas) of_column.push_back(*schema->fields[column].type);
    types.push_back(CommonType(of_column));
    if (types.back()) continue;
    std::vector<std::string> shown;
    for (const DataType& type : of_column) shown.push_back(type.ToDdl());
    builder_.diagnostics().Error(where, "INCOMPATIBLE_COLUMN_TYPE",
                                 fmt::format("column {} of {} has no common type: {}", column + 1,
                                             what, fmt::join(shown, ", ")),
                                 "cast it to one type");
  }
  return types;
}

PlanPtr QueryBinder::MakeUnion(std::vector<PlanPtr> inputs, Location where) {
  std::vector<const data::Schema*> schemas;
  for (const PlanPtr& input : inputs) {
    if (!input) return nullptr;
    schemas.push_back(&input->schema);
    if (input->schema.fields.size() == schemas[0]->fields.size()) continue;
    builder_.diagnostics().Error(
        input->where, "NUM_COLUMNS_MISMATCH",
        fmt::format("UNION joins queries of equally many columns, not of {} and {}",
                    schemas[0]->fields.size(), input->schema.fields.size()),
        "name the same columns in each");
    return nullptr;
  }
  const auto types = CommonColumnTypes(schemas, "UNION", where);
  PlanDraft both = NewPlan(PlanKind::kUnion, where, {});
  if (!both) return nullptr;
  for (PlanPtr& input : inputs) {
    std::vector<Output> outputs;
    for (size_t i = 0; i < types.size(); ++i) {
      if (!types[i]) return nullptr;
      const data::Field& field = input->schema.fields[i];
      outputs.push_back(
          {schemas[0]->fields[i].name,
           builder_.Coerce(MakeColumn(static_cast<int>(i), *field.type, field.nullable, where),
                           *types[i])});
    }
    PlanPtr projected = Projected(input, std::move(outputs), input->where);
    if (!projected) return nullptr;
    both->inputs.push_back(std::move(projected));
  }
  both->schema = both->inputs[0]->schema;
  for (size_t i = 0; i < types.size(); ++i) {
    for (const PlanPtr& input : both->inputs) {
      data::Field& field = both->schema.fields[i];
      field.nullable = field.nullable || input->schema.fields[i].nullable;
    }
  }
  return both;
}

PlanPtr QueryBinder::BindValues(const ast::Term& term) {
  const Scope nothing;
  ExprBinder binder(builder_, nothing, {.what = "VALUES", .columns_refused = true});
  PlanDraft values = NewPlan(PlanKind::kValues, term.where, {});
  if (!values) return nullptr;
  std::vector<data::Schema> schemas;
  for (const auto& row : term.values) {
    std::vector<ExprPtr> bound;
    data::Schema schema;
    for (const ast::ExprPtr& node : row) {
      bound.push_back(binder.Bind(*node));
      if (!builder_.Charge(bound.back())) return nullptr;
      schema.fields.emplace_back(fmt::format("col{}", bound.size()), bound.back()->type,
                                 bound.back()->nullable);
    }
    if (!schemas.empty() && schema.fields.size() != schemas[0].fields.size()) {
      builder_.diagnostics().Error(row[0]->where, "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
                                   fmt::format("this row has {} columns, the first {}",
                                               schema.fields.size(), schemas[0].fields.size()),
                                   "give all rows the same number of columns");
      return nullptr;
    }
    values->rows.push_back(std::move(bound));
    schemas.push_back(std::move(schema));
  }
  std::vector<const data::Schema*> of_rows;
  for (const data::Schema& schema : schemas) of_rows.push_back(&schema);
  const auto types = CommonColumnTypes(of_rows, "VALUES", term.where);
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i]) return nullptr;
    bool nullable = false;
    for (auto& row : values->rows) {
      row[i] = builder_.Coerce(row[i], *types[i]);
      if (!row[i]) return nullptr;
      nullable = nullable || row[i]->nullable;
    }
    values->schema.fields.emplace_back(fmt::format("col{}", i + 1), *types[i], nullable);
  }
  return values;
}

// ORDER BY over a finished output: only its columns can be used.
PlanPtr QueryBinder::SortOutput(PlanPtr plan, const std::vector<ast::OrderItem>& order_by) {
  if (!plan || order_by.empty()) return plan;
  SelectDraft draft;
  draft.input = OfQuery(plan, {});
  for (const ScopeColumn& column : draft.input.scope.columns) {
    draft.outputs.push_back({column.name, column.expr});
  }
  const size_t visible = draft.outputs.size();
  BindOrderBy(order_by, draft);
  if (draft.failed) return nullptr;
  const Location where = order_by[0].expr->where;
  PlanPtr input = draft.outputs.size() == visible ? plan : Projected(plan, draft.outputs, where);
  return Sorted(std::move(input), draft, visible);
}

std::optional<int64_t> QueryBinder::BindRowCount(const ast::Expr& node, std::string_view what) {
  const bool number = node.kind == ast::Kind::kLiteral && node.type.is_integral() &&
                      !node.literal.is_null() && node.literal.integer() >= 0;
  if (number) return node.literal.integer();
  builder_.diagnostics().Error(node.where, "INVALID_LIMIT_LIKE_EXPRESSION",
                               fmt::format("{} wants a whole number of at least 0", what),
                               "write the number itself");
  return std::nullopt;
}

PlanPtr QueryBinder::BindLimit(PlanPtr plan, const ast::Query& query) {
  if (!query.limit && !query.offset) return plan;
  const auto limit = query.limit ? BindRowCount(*query.limit, "LIMIT") : -1;
  const auto offset = query.offset ? BindRowCount(*query.offset, "OFFSET") : 0;
  if (!plan || !limit || !offset) return nullptr;
  const Location where = query.limit ? query.limit->where : query.offset->where;
  PlanDraft limited = NewPlan(PlanKind::kLimit, where, {std::move(plan)});
  if (!limited) return nullptr;
  limited->limit = *limit;
  limited->offset = *offset;
  return limited;
}

}  // namespace millrace::sql
