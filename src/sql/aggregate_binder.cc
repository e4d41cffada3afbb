#include <algorithm>

#include <fmt/format.h>

#include "sql/query_binder.h"

namespace millrace::sql {
namespace {

using ast::Kind;
using data::TypeKind;

bool HoldsOnlyWindow(const Expr& expr) {
  return expr.kind == ExprKind::kColumn && expr.ordinal >= kWindowBase;
}

}  // namespace

void QueryBinder::BindGroupBy(const ast::Select& select, SelectDraft& draft) {
  draft.grouped = !select.group_by.empty();
  for (const ast::ExprPtr& node : select.group_by) {
    ExprPtr key = BindGroupKey(select, *node, draft);
    draft.failed = draft.failed || !key;
    if (!key) continue;
    if (!draft.uses.aggregates.empty() || (HasAggregate(*key) && !HoldsOnlyWindow(*key))) {
      draft.uses.aggregates.clear();
      draft.uses.fingerprints.clear();
      draft.failed = true;
      builder_.diagnostics().Error(node->where, "GROUP_BY_AGGREGATE",
                                   "GROUP BY cannot use aggregates, nor parts of a window",
                                   "group by the whole window(...), and by plain expressions");
      continue;
    }
    if (key->type.kind() == TypeKind::kMap) {
      draft.failed = true;
      builder_.diagnostics().Error(node->where, "GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE",
                                   "rows cannot be grouped by a MAP",
                                   "group by some of its values");
      continue;
    }
    draft.group_keys.push_back(std::move(key));
  }
}

// The SELECT item that a GROUP BY expression means: by position, or by alias where no column has
// the name. nullptr: it means itself.
const ast::SelectItem* QueryBinder::AliasedItem(const ast::Select& select, const ast::Expr& node,
                                                const Scope& scope) {
  if (node.kind != Kind::kName || node.parts.size() != 1) return nullptr;
  if (scope.Find(node.parts).column != nullptr) return nullptr;
  for (const ast::SelectItem& item : select.items) {
    if (item.aliases.size() == 1 && data::EqualsIgnoringCase(item.aliases[0], node.parts[0])) {
      return &item;
    }
  }
  return nullptr;
}

ExprPtr QueryBinder::BindGroupKey(const ast::Select& select, const ast::Expr& node,
                                  SelectDraft& draft) {
  const ast::Expr* meant = &node;
  if (node.kind == Kind::kLiteral && node.type.kind() == TypeKind::kInt) {
    const int64_t ordinal = node.literal.integer();
    if (ordinal < 1 || ordinal > static_cast<int64_t>(select.items.size())) {
      builder_.diagnostics().Error(node.where, "GROUP_BY_POS_OUT_OF_RANGE",
                                   fmt::format("GROUP BY position {} is outside the {} items of "
                                               "the SELECT list",
                                               ordinal, select.items.size()));
      return nullptr;
    }
    for (int64_t i = 0; i < ordinal; ++i) {
      meant = select.items[static_cast<size_t>(i)].expr.get();
      if (meant->kind != Kind::kStar) continue;
      builder_.diagnostics().Error(node.where, "STAR_GROUP_BY_POS",
                                   "positions cannot be used beside *", "name the columns");
      return nullptr;
    }
  } else if (const ast::SelectItem* item = AliasedItem(select, node, draft.input.scope)) {
    meant = item->expr.get();
  }
  ExprBinder binder(builder_, draft.input.scope,
                    {.what = "GROUP BY", .uses = &draft.uses, .windows = true});
  return binder.Bind(*meant);
}

// Makes the aggregate's first column of the window, when one is among the group keys.
bool QueryBinder::PlaceWindow(SelectDraft& draft, Plan& aggregate) {
  std::vector<ExprPtr> keys;
  ExprPtr window;
  for (ExprPtr& key : draft.group_keys) {
    if (!HoldsOnlyWindow(*key)) {
      keys.push_back(std::move(key));
    } else if (window && window->ordinal != key->ordinal) {
      builder_.diagnostics().Error(key->where, "UNSUPPORTED_FEATURE.MULTI_WINDOW",
                                   "GROUP BY can hold one window",
                                   "aggregate by the other one in a query of its own");
      return false;
    } else {
      window = key;
    }
  }
  draft.group_keys = std::move(keys);
  aggregate.schema.fields.clear();
  if (!window) return true;
  const WindowCall& call = draft.uses.windows[static_cast<size_t>(window->ordinal - kWindowBase)];
  aggregate.kind = PlanKind::kWindowAggregate;
  aggregate.where = window->where;
  aggregate.window_time = call.time;
  aggregate.window_size_us = call.size_us;
  aggregate.window_slide_us = call.slide_us;
  aggregate.window_offset_us = call.offset_us;
  aggregate.schema.fields.emplace_back("window", WindowType(), false);
  return true;
}

// Puts the aggregation below the SELECT list, HAVING and ORDER BY, and rewrites these over it.
PlanPtr QueryBinder::Aggregate(const ast::Select& select, SelectDraft& draft) {
  const Location where = draft.grouped ? select.group_by[0]->where : select.items[0].expr->where;
  if (draft.generators > 0) {
    builder_.diagnostics().Error(where, "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
                                 "a generator cannot stand beside aggregates",
                                 "use it in a subquery");
    return nullptr;
  }
  PlanDraft plan = NewPlan(PlanKind::kAggregate, where, {draft.input.plan});
  if (!plan || !PlaceWindow(draft, *plan)) return nullptr;
  for (const ExprPtr& key : draft.group_keys) {
    if (!builder_.Charge(key)) return nullptr;
    plan->schema.fields.emplace_back(fmt::format("key{}", plan->group_keys.size() + 1), key->type,
                                     key->nullable);
    draft.key_places.emplace(builder_.Fingerprint(key), plan->group_keys.size());
    plan->group_keys.push_back(key);
  }
  plan->aggregates = draft.uses.aggregates;
  for (const AggregateCall& call : plan->aggregates) {
    plan->schema.fields.emplace_back(
        fmt::format("aggregate{}", plan->schema.fields.size() - plan->group_keys.size() + 1),
        call.type);
  }
  bool good = true;
  for (Output& output : draft.outputs) {
    output.expr = OverAggregate(output.expr, draft, *plan);
    good = good && output.expr;
  }
  if (draft.having) {
    draft.having = OverAggregate(draft.having, draft, *plan);
    good = good && draft.having;
  }
  return good ? plan : nullptr;
}

// `expr`, bound over the aggregate's input, as an expression over its output.
ExprPtr QueryBinder::OverAggregate(const ExprPtr& expr, const SelectDraft& draft,
                                   const Plan& aggregate) {
  const bool windowed = aggregate.kind == PlanKind::kWindowAggregate;
  const size_t first_key = windowed ? 1 : 0;
  if (const auto key = draft.key_places.find(builder_.Fingerprint(expr));
      key != draft.key_places.end()) {
    return MakeColumn(static_cast<int>(first_key + key->second), expr->type, expr->nullable,
                      expr->where);
  }
  if (expr->kind == ExprKind::kColumn) {
    if (expr->ordinal >= kWindowBase) {
      const WindowCall& call = draft.uses.windows[static_cast<size_t>(expr->ordinal - kWindowBase)];
      const bool same =
          windowed && call.size_us == aggregate.window_size_us &&
          call.slide_us == aggregate.window_slide_us &&
          call.offset_us == aggregate.window_offset_us &&
          builder_.Fingerprint(call.time) == builder_.Fingerprint(aggregate.window_time);
      if (same) return MakeColumn(0, expr->type, false, expr->where);
    } else if (expr->ordinal >= kAggregateBase) {
      const size_t column =
          first_key + draft.group_keys.size() + static_cast<size_t>(expr->ordinal - kAggregateBase);
      return MakeColumn(static_cast<int>(column), expr->type, expr->nullable, expr->where);
    }
    const bool column = expr->ordinal < kAggregateBase;
    const std::string name =
        column ? draft.input.plan->schema.fields[static_cast<size_t>(expr->ordinal)].name
               : "this window";
    builder_.diagnostics().Error(
        expr->where, "MISSING_AGGREGATION",
        fmt::format("{} is neither in GROUP BY nor inside an aggregate", name),
        fmt::format("group by {}, or use any_value({})", name, name));
    return nullptr;
  }
  if (expr->args.empty()) return expr;
  auto copy = std::make_shared<Expr>(*expr);
  bool good = true;
  for (ExprPtr& arg : copy->args) {
    arg = OverAggregate(arg, draft, aggregate);
    good = good && arg;
  }
  return good ? builder_.Admit(std::move(copy)) : nullptr;
}

}  // namespace millrace::sql
