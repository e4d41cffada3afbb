// Pruning: from the top down, which columns and struct fields are used; from the bottom up, the
// plan without the others.
#include <map>
#include <optional>

#include "base/check.h"
#include "sql/optimizer.h"

namespace millrace::sql {
namespace {

using data::DataType;

// What is used of a value: all of it, or some fields of a struct, by ordinal.
struct Use {
  bool whole = false;
  std::map<int, Use> fields;

  bool any() const { return whole || !fields.empty(); }
  void Add(const Use& other) {
    whole = whole || other.whole;
    for (const auto& [ordinal, use] : other.fields) fields[ordinal].Add(use);
  }
};
using Uses = std::vector<Use>;

const Use kWhole{true, {}};

// A plan without what is not used, and where its columns were before.
struct Pruned {
  PlanPtr plan;
  std::vector<int> moved;  // by former ordinal; -1: dropped
  Uses kept;               // by former ordinal: what is left of it
};

DataType TypeOf(const DataType& type, const Use& use) {
  if (use.whole || type.kind() != data::TypeKind::kStruct) return type;
  std::vector<data::Field> fields;
  for (const auto& [ordinal, part] : use.fields) {
    const data::Field& field = type.fields()[static_cast<size_t>(ordinal)];
    fields.emplace_back(field.name, TypeOf(*field.type, part), field.nullable);
  }
  return DataType::Struct(std::move(fields));
}

// The use, in `uses`, of the column or field of a column that `expr` is; nullptr: it is neither.
Use* PathUse(const Expr& expr, Uses& uses) {
  if (expr.kind == ExprKind::kColumn) return &uses[static_cast<size_t>(expr.ordinal)];
  if (expr.kind != ExprKind::kField) return nullptr;
  Use* base = PathUse(*expr.args[0], uses);
  return base == nullptr ? nullptr : &base->fields[expr.ordinal];
}

// Notes in `uses` that `use` of the value of `expr` is used.
void Note(const Expr& expr, const Use& use, Uses& uses) {
  if (Use* path = PathUse(expr, uses)) {
    path->Add(use);
    return;
  }
  for (const ExprPtr& arg : expr.args) Note(*arg, kWhole, uses);
}

bool IsPath(const Expr& expr) {
  return expr.kind == ExprKind::kColumn || (expr.kind == ExprKind::kField && IsPath(*expr.args[0]));
}

// `expr` over the pruned input; `left` gets what remains of its value.
ExprPtr Moved(const ExprPtr& expr, const Pruned& input, const Use** left = nullptr) {
  const Use* whole = &kWhole;
  if (left == nullptr) left = &whole;
  *left = &kWhole;
  if (expr->kind == ExprKind::kColumn) {
    const auto ordinal = static_cast<size_t>(expr->ordinal);
    *left = &input.kept[ordinal];
    MR_CHECK(input.moved[ordinal] >= 0, "a used column is kept");
    return MakeColumn(input.moved[ordinal], TypeOf(expr->type, **left), expr->nullable,
                      expr->where);
  }
  if (expr->args.empty()) return expr;
  auto copy = std::make_shared<Expr>(*expr);
  if (expr->kind == ExprKind::kField && IsPath(*expr)) {
    const Use* base = nullptr;
    copy->args[0] = Moved(expr->args[0], input, &base);
    if (base->whole) return copy;
    const auto field = base->fields.find(expr->ordinal);
    MR_CHECK(field != base->fields.end(), "a used field is kept");
    copy->ordinal = static_cast<int>(std::distance(base->fields.begin(), field));
    copy->type = TypeOf(expr->type, field->second);
    *left = &field->second;
    return copy;
  }
  for (ExprPtr& arg : copy->args) arg = Moved(arg, input);
  return copy;
}

class Pruner {
 public:
  Pruned Prune(const Plan& plan, const Uses& wanted) {
    switch (plan.kind) {
      case PlanKind::kScan:
        return PruneScan(plan, wanted);
      case PlanKind::kProject:
        return PruneProject(plan, wanted);
      case PlanKind::kFilter:
      case PlanKind::kSort:
      case PlanKind::kLimit:
        return PrunePassing(plan, wanted);
      case PlanKind::kGenerate:
      case PlanKind::kLookup:
        return PruneAdding(plan, wanted);
      case PlanKind::kUnion:
        return PruneUnion(plan, wanted);
      case PlanKind::kWindowAggregate:
      case PlanKind::kAggregate:
        return PruneAggregate(plan);
      case PlanKind::kDistinct:
        return PruneDistinct(plan);
      case PlanKind::kValues:
        break;
    }
    return Unchanged(std::make_shared<Plan>(plan));
  }

  static Uses WholeOf(const Plan& plan) { return Uses(plan.schema.fields.size(), kWhole); }

 private:
  // A node that keeps all its columns.
  static Pruned Unchanged(std::shared_ptr<Plan> plan) {
    Pruned pruned;
    for (size_t i = 0; i < plan->schema.fields.size(); ++i) {
      pruned.moved.push_back(static_cast<int>(i));
    }
    pruned.kept = WholeOf(*plan);
    pruned.plan = std::move(plan);
    return pruned;
  }

  Pruned PruneScan(const Plan& plan, Uses uses) {
    auto scan = std::make_shared<Plan>(plan);
    if (!below_window_) scan->event_time_expr = nullptr;
    if (scan->event_time_expr) Note(*scan->event_time_expr, kWhole, uses);
    Pruned pruned;
    scan->schema.fields.clear();
    for (size_t i = 0; i < uses.size(); ++i) {
      pruned.moved.push_back(uses[i].any() ? static_cast<int>(scan->schema.fields.size()) : -1);
      if (!uses[i].any()) continue;
      const data::Field& field = plan.schema.fields[i];
      scan->schema.fields.emplace_back(field.name, TypeOf(*field.type, uses[i]), field.nullable);
    }
    pruned.kept = std::move(uses);
    if (scan->event_time_expr) {
      scan->event_time_expr = Moved(scan->event_time_expr, pruned);
      const bool column = scan->event_time_expr->kind == ExprKind::kColumn;
      scan->event_time = column ? scan->event_time_expr->ordinal : -1;
    }
    pruned.plan = std::move(scan);
    return pruned;
  }

  Pruned PruneProject(const Plan& plan, const Uses& wanted) {
    Uses uses(plan.inputs[0]->schema.fields.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].any()) Note(*plan.expressions[i], wanted[i], uses);
    }
    const Pruned input = Prune(*plan.inputs[0], uses);
    auto project = std::make_shared<Plan>(plan);
    project->inputs = {input.plan};
    project->expressions.clear();
    project->schema.fields.clear();
    Pruned pruned;
    for (size_t i = 0; i < wanted.size(); ++i) {
      pruned.moved.push_back(wanted[i].any() ? static_cast<int>(project->expressions.size()) : -1);
      pruned.kept.emplace_back();
      if (!wanted[i].any()) continue;
      const Use* left = nullptr;
      ExprPtr expr = Moved(plan.expressions[i], input, &left);
      const data::Field& field = plan.schema.fields[i];
      project->schema.fields.emplace_back(field.name, expr->type, field.nullable);
      project->expressions.push_back(std::move(expr));
      pruned.kept.back() = *left;
    }
    pruned.plan = std::move(project);
    return pruned;
  }

  // Filter, sort, limit: the input's columns pass.
  Pruned PrunePassing(const Plan& plan, Uses uses) {
    if (plan.predicate) Note(*plan.predicate, kWhole, uses);
    for (const SortKey& key : plan.sort_keys) Note(*key.expr, kWhole, uses);
    Pruned input = Prune(*plan.inputs[0], uses);
    auto copy = std::make_shared<Plan>(plan);
    if (copy->predicate) copy->predicate = Moved(copy->predicate, input);
    for (SortKey& key : copy->sort_keys) key.expr = Moved(key.expr, input);
    copy->inputs = {input.plan};
    copy->schema = input.plan->schema;
    input.plan = std::move(copy);
    return input;
  }

  // Generate, look-up: the input's columns pass and others are added behind them.
  Pruned PruneAdding(const Plan& plan, const Uses& wanted) {
    const size_t passing = plan.inputs[0]->schema.fields.size();
    Uses uses = wanted;
    if (plan.generator) Note(*plan.generator, kWhole, uses);
    for (const ExprPtr& key : plan.lookup_keys) Note(*key, kWhole, uses);
    if (plan.lookup_condition) Note(*plan.lookup_condition, kWhole, uses);
    uses.resize(passing);
    Pruned pruned = Prune(*plan.inputs[0], uses);
    auto copy = std::make_shared<Plan>(plan);
    copy->inputs = {pruned.plan};
    copy->schema = pruned.plan->schema;
    for (size_t i = passing; i < plan.schema.fields.size(); ++i) {
      pruned.moved.push_back(static_cast<int>(copy->schema.fields.size()));
      pruned.kept.push_back(kWhole);
      copy->schema.fields.push_back(plan.schema.fields[i]);
    }
    if (copy->generator) copy->generator = Moved(copy->generator, pruned);
    for (ExprPtr& key : copy->lookup_keys) key = Moved(key, pruned);
    if (copy->lookup_condition) copy->lookup_condition = Moved(copy->lookup_condition, pruned);
    pruned.plan = std::move(copy);
    return pruned;
  }

  // All inputs are projections of one schema, so each drops the same columns.
  Pruned PruneUnion(const Plan& plan, Uses wanted) {
    for (Use& use : wanted) use = use.any() ? kWhole : Use{};
    auto copy = std::make_shared<Plan>(plan);
    copy->schema.fields.clear();
    Pruned pruned;
    for (size_t i = 0; i < wanted.size(); ++i) {
      pruned.moved.push_back(wanted[i].any() ? static_cast<int>(copy->schema.fields.size()) : -1);
      if (wanted[i].any()) copy->schema.fields.push_back(plan.schema.fields[i]);
    }
    for (PlanPtr& input : copy->inputs) {
      MR_CHECK(input->kind == PlanKind::kProject, "the inputs of a union are projections");
      // The types stay whole, whatever the inputs could do without.
      Pruned part = Prune(*input, wanted);
      MR_CHECK(part.moved == pruned.moved, "the inputs of a union drop the same columns");
      input = std::move(part.plan);
    }
    pruned.kept = std::move(wanted);
    pruned.plan = std::move(copy);
    return pruned;
  }

  Pruned PruneAggregate(const Plan& plan) {
    const bool outer = below_window_;
    below_window_ = below_window_ || plan.kind == PlanKind::kWindowAggregate;
    Uses uses(plan.inputs[0]->schema.fields.size());
    if (plan.window_time) Note(*plan.window_time, kWhole, uses);
    for (const ExprPtr& key : plan.group_keys) Note(*key, kWhole, uses);
    for (const AggregateCall& call : plan.aggregates) {
      for (const ExprPtr& arg : call.args) Note(*arg, kWhole, uses);
      if (call.filter) Note(*call.filter, kWhole, uses);
    }
    const Pruned input = Prune(*plan.inputs[0], uses);
    below_window_ = outer;
    auto copy = std::make_shared<Plan>(plan);
    copy->inputs = {input.plan};
    if (copy->window_time) copy->window_time = Moved(copy->window_time, input);
    for (ExprPtr& key : copy->group_keys) key = Moved(key, input);
    for (AggregateCall& call : copy->aggregates) {
      for (ExprPtr& arg : call.args) arg = Moved(arg, input);
      if (call.filter) call.filter = Moved(call.filter, input);
    }
    return Unchanged(std::move(copy));
  }

  Pruned PruneDistinct(const Plan& plan) {
    const Pruned input = Prune(*plan.inputs[0], WholeOf(*plan.inputs[0]));
    auto copy = std::make_shared<Plan>(plan);
    copy->inputs = {input.plan};
    return Unchanged(std::move(copy));
  }

  bool below_window_ = false;
};

}  // namespace

PlanPtr PruneColumns(const PlanPtr& plan) {
  return Pruner().Prune(*plan, Pruner::WholeOf(*plan)).plan;
}

}  // namespace millrace::sql
