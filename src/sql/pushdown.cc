#include <algorithm>

#include "sql/expr_tree.h"
#include "sql/optimizer.h"

namespace millrace::sql {
namespace {

// Larger expressions are left where they are: copying them could square their size.
constexpr size_t kMergedNodesMax = 1000;

std::vector<ExprPtr> Conjuncts(const ExprPtr& predicate) {
  if (predicate->kind == ExprKind::kAnd) return predicate->args;
  return {predicate};
}

ExprPtr AllOf(std::vector<ExprPtr> conjuncts) {
  if (conjuncts.size() == 1) return conjuncts[0];
  auto both = std::make_shared<Expr>();
  both->kind = ExprKind::kAnd;
  both->type = data::DataType::Boolean();
  both->where = conjuncts[0]->where;
  both->nullable =
      std::ranges::any_of(conjuncts, [](const ExprPtr& part) { return part->nullable; });
  both->args = std::move(conjuncts);
  return both;
}

PlanPtr FilterOver(PlanPtr input, ExprPtr predicate, Location where) {
  auto filter = std::make_shared<Plan>();
  filter->kind = PlanKind::kFilter;
  filter->where = where;
  filter->schema = input->schema;
  filter->predicate = std::move(predicate);
  filter->inputs.push_back(std::move(input));
  return filter;
}

PlanPtr WithInput(const Plan& plan, PlanPtr input) {
  auto copy = std::make_shared<Plan>(plan);
  copy->inputs[0] = std::move(input);
  return copy;
}

// Whether the expressions, put in place of columns, give the same values and stay small.
bool CanMerge(const std::vector<ExprPtr>& above, const std::vector<ExprPtr>& below) {
  if (!std::ranges::all_of(below, [](const ExprPtr& expr) { return IsDeterministic(*expr); })) {
    return false;
  }
  return std::ranges::all_of(above, [&](const ExprPtr& expr) {
    if (NodeCount(*expr, kMergedNodesMax) >= kMergedNodesMax) return false;
    return NodeCount(*Substituted(expr, below), kMergedNodesMax) < kMergedNodesMax;
  });
}

PlanPtr PushFilter(const PlanPtr& filter);

// WHERE over a projection: the predicate over what the projection reads.
PlanPtr PushThroughProject(const PlanPtr& filter) {
  const Plan& project = *filter->inputs[0];
  if (!CanMerge({filter->predicate}, project.expressions)) return filter;
  PlanPtr below = FilterOver(project.inputs[0], Substituted(filter->predicate, project.expressions),
                             filter->where);
  return WithInput(project, PushFilter(below));
}

// Over a node that only adds columns: the conjuncts about the columns of its input go below it.
PlanPtr PushThroughAddition(const PlanPtr& filter) {
  const PlanPtr& node = filter->inputs[0];
  const size_t input_columns = node->inputs[0]->schema.fields.size();
  std::vector<ExprPtr> below, above;
  for (const ExprPtr& conjunct : Conjuncts(filter->predicate)) {
    const bool moves = ColumnCount(*conjunct) <= input_columns && IsDeterministic(*conjunct);
    (moves ? below : above).push_back(conjunct);
  }
  if (below.empty()) return filter;
  PlanPtr pushed = WithInput(
      *node, PushFilter(FilterOver(node->inputs[0], AllOf(std::move(below)), filter->where)));
  return above.empty() ? pushed : FilterOver(pushed, AllOf(std::move(above)), filter->where);
}

PlanPtr PushFilter(const PlanPtr& filter) {
  const PlanPtr& input = filter->inputs[0];
  switch (input->kind) {
    case PlanKind::kProject:
      return PushThroughProject(filter);
    case PlanKind::kLookup:
    case PlanKind::kGenerate:
      return PushThroughAddition(filter);
    case PlanKind::kFilter: {
      std::vector<ExprPtr> both = Conjuncts(input->predicate);
      for (const ExprPtr& conjunct : Conjuncts(filter->predicate)) both.push_back(conjunct);
      return PushFilter(FilterOver(input->inputs[0], AllOf(std::move(both)), input->where));
    }
    default:
      return filter;
  }
}

PlanPtr MergeProjects(const PlanPtr& plan) {
  const Plan& below = *plan->inputs[0];
  if (below.kind != PlanKind::kProject || !CanMerge(plan->expressions, below.expressions)) {
    return plan;
  }
  auto merged = std::make_shared<Plan>(*plan);
  for (ExprPtr& expr : merged->expressions) expr = Substituted(expr, below.expressions);
  merged->inputs = below.inputs;
  return merged;
}

}  // namespace

PlanPtr PushDown(const PlanPtr& plan) {
  auto copy = std::make_shared<Plan>(*plan);
  for (PlanPtr& input : copy->inputs) input = PushDown(input);
  if (copy->kind == PlanKind::kFilter) return PushFilter(copy);
  if (copy->kind == PlanKind::kProject) return MergeProjects(copy);
  return copy;
}

PlanPtr OfferFilters(const PlanPtr& plan) {
  auto copy = std::make_shared<Plan>(*plan);
  for (PlanPtr& input : copy->inputs) input = OfferFilters(input);
  if (copy->kind != PlanKind::kFilter || copy->inputs[0]->kind != PlanKind::kScan) return copy;
  auto scan = std::make_shared<Plan>(*copy->inputs[0]);
  for (const ExprPtr& conjunct : Conjuncts(copy->predicate)) {
    if (CannotFail(*conjunct)) scan->pushed_filters.push_back(conjunct);
  }
  copy->inputs[0] = scan;
  return copy;
}

PlanPtr Optimize(PlanPtr plan) { return OfferFilters(PruneColumns(PushDown(plan))); }

}  // namespace millrace::sql
