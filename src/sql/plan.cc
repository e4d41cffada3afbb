#include "sql/plan.h"

#include <array>

#include <fmt/format.h>

#include "base/hash.h"

namespace millrace::sql {
namespace {

std::string SchemaText(const data::Schema& schema) {
  std::string text;
  for (const data::Field& field : schema.fields) {
    if (!text.empty()) text += ", ";
    text +=
        fmt::format("{}: {}{}", field.name, field.type->ToDdl(), field.nullable ? "" : " NOT NULL");
  }
  return text;
}

std::string Listed(const std::vector<ExprPtr>& exprs, std::string_view separator = ", ") {
  std::string text;
  for (const ExprPtr& expr : exprs) {
    if (!text.empty()) text += separator;
    text += ToString(*expr);
  }
  return text;
}

std::string_view AggregateName(AggregateKind kind) {
  static constexpr std::array<std::string_view, 26> kNames = {
      "count",        "count",        "sum",
      "min",          "max",          "avg",
      "first",        "last",         "count distinct",
      "sum distinct", "avg distinct", "collect_list",
      "collect_set",  "any_value",    "bool_and",
      "bool_or",      "min_by",       "max_by",
      "stddev_samp",  "var_samp",     "stddev_pop",
      "var_pop",      "try_sum",      "try_avg",
      "percentile",   "mode"};
  return kNames[static_cast<size_t>(kind)];
}

std::string AggregateText(const AggregateCall& call) {
  std::string text =
      fmt::format("{}({})", AggregateName(call.kind),
                  call.kind == AggregateKind::kCountStar ? std::string("*") : Listed(call.args));
  if (call.ignore_nulls) text += " IGNORE NULLS";
  if (call.filter) text += fmt::format(" FILTER (WHERE {})", ToString(*call.filter));
  return text;
}

std::string ScanText(const Plan& plan) {
  static constexpr std::array<std::string_view, 4> kNames = {"stream", "topic", "table",
                                                             "reference"};
  std::string text = fmt::format("Scan {} {} [{}]", kNames[static_cast<size_t>(plan.relation.kind)],
                                 plan.relation.name, SchemaText(plan.schema));
  if (plan.event_time_expr) {
    text += fmt::format(" watermark {} delay {} us", ToString(*plan.event_time_expr),
                        plan.watermark_delay_us);
  }
  if (!plan.pushed_filters.empty()) {
    text += fmt::format(" reading only {}", Listed(plan.pushed_filters, " AND "));
  }
  return text;
}

std::string ProjectText(const Plan& plan) {
  std::string text = "Project";
  for (size_t i = 0; i < plan.expressions.size(); ++i) {
    text += fmt::format("{} {} AS {}", i == 0 ? "" : ",", ToString(*plan.expressions[i]),
                        plan.schema.fields[i].name);
  }
  return text;
}

std::string LookupText(const Plan& plan) {
  std::string text =
      fmt::format("Lookup {} {}", plan.lookup_outer ? "left" : "inner", plan.relation.name);
  for (size_t i = 0; i < plan.lookup_keys.size(); ++i) {
    const auto column = static_cast<size_t>(plan.lookup_columns[i]);
    text += fmt::format("{} {} = {}", i == 0 ? " by" : ",",
                        plan.relation.schema.fields[column].name, ToString(*plan.lookup_keys[i]));
  }
  if (plan.lookup_condition) text += fmt::format(" if {}", ToString(*plan.lookup_condition));
  return text;
}

std::string AggregationText(const Plan& plan) {
  std::string text = "Aggregate";
  if (plan.kind == PlanKind::kWindowAggregate) {
    text =
        fmt::format("WindowAggregate window({}, {} us, {} us, {} us)", ToString(*plan.window_time),
                    plan.window_size_us, plan.window_slide_us, plan.window_offset_us);
  }
  text += fmt::format(" keys [{}] aggregates [", Listed(plan.group_keys));
  for (size_t i = 0; i < plan.aggregates.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", AggregateText(plan.aggregates[i]));
  }
  return text + "]";
}

std::string SortText(const Plan& plan) {
  std::string text = "Sort";
  for (size_t i = 0; i < plan.sort_keys.size(); ++i) {
    const SortKey& key = plan.sort_keys[i];
    text += fmt::format("{} {}{}{}", i == 0 ? "" : ",", ToString(*key.expr),
                        key.ascending ? "" : " DESC",
                        key.nulls_first == key.ascending ? ""
                        : key.nulls_first                ? " NULLS FIRST"
                                                         : " NULLS LAST");
  }
  return text;
}

std::string ValuesText(const Plan& plan) {
  std::string text = "Values";
  for (size_t i = 0; i < plan.rows.size(); ++i) {
    text += fmt::format("{} ({})", i == 0 ? "" : ",", Listed(plan.rows[i]));
  }
  return text;
}

std::string NodeText(const Plan& plan) {
  switch (plan.kind) {
    case PlanKind::kScan:
      return ScanText(plan);
    case PlanKind::kFilter:
      return "Filter " + ToString(*plan.predicate);
    case PlanKind::kProject:
      return ProjectText(plan);
    case PlanKind::kGenerate:
      return fmt::format("Generate {}{}explode({})", plan.generator_outer ? "outer " : "",
                         plan.generator_position ? "pos" : "", ToString(*plan.generator));
    case PlanKind::kLookup:
      return LookupText(plan);
    case PlanKind::kUnion:
      return "Union";
    case PlanKind::kWindowAggregate:
    case PlanKind::kAggregate:
      return AggregationText(plan);
    case PlanKind::kDistinct:
      return "Distinct";
    case PlanKind::kSort:
      return SortText(plan);
    case PlanKind::kLimit:
      return plan.limit < 0 ? fmt::format("Offset {}", plan.offset)
                            : fmt::format("Limit {} offset {}", plan.limit, plan.offset);
    case PlanKind::kValues:
      return ValuesText(plan);
  }
  return {};
}

void Append(const Plan& plan, int level, bool with_schemas, std::string& out) {
  out.append(static_cast<size_t>(level) * 2, ' ');
  out += NodeText(plan);
  if (with_schemas) out += fmt::format(" => {}", SchemaText(plan.schema));
  out += '\n';
  for (const PlanPtr& input : plan.inputs) Append(*input, level + 1, with_schemas, out);
}

}  // namespace

std::string ToString(const Plan& plan) {
  std::string text;
  Append(plan, 0, false, text);
  return text;
}

uint64_t HashOf(const Plan& plan) {
  // The version stands for the meaning of plans: it rises when an engine computes the same plan
  // differently.
  std::string text = "plan 1\n";
  Append(plan, 0, true, text);
  return Hash64(text);
}

}  // namespace millrace::sql
