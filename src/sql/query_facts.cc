#include "sql/query_facts.h"

namespace millrace::sql {
namespace {

void Collect(const Plan& plan, QueryFacts& facts) {
  switch (plan.kind) {
    case PlanKind::kScan:
      facts.sources.push_back({plan.relation.name, plan.relation.kind, plan.schema,
                               plan.event_time_expr ? ToString(*plan.event_time_expr) : "",
                               plan.watermark_delay_us, plan.where});
      break;
    case PlanKind::kLookup: {
      LookupUse use{plan.relation.name, plan.relation.kind, {}, plan.lookup_outer, plan.where};
      for (const int column : plan.lookup_columns) {
        use.key.push_back(plan.relation.schema.fields[static_cast<size_t>(column)].name);
      }
      facts.lookups.push_back(std::move(use));
      break;
    }
    case PlanKind::kWindowAggregate:
      facts.windowed = true;
      facts.window_size_us = plan.window_size_us;
      break;
    default:
      break;
  }
  for (const PlanPtr& input : plan.inputs) Collect(*input, facts);
}

}  // namespace

QueryFacts FactsOf(const Plan& plan) {
  QueryFacts facts;
  facts.output = plan.schema;
  Collect(plan, facts);
  for (size_t i = 0; i < plan.expressions.size(); ++i) {
    if (IsDeterministic(*plan.expressions[i])) continue;
    facts.random_columns.push_back(plan.schema.fields[i].name);
  }
  return facts;
}

}  // namespace millrace::sql
