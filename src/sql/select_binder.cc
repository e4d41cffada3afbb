#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sql/query_binder.h"

namespace millrace::sql {
namespace {

using ast::Kind;
using data::TypeKind;

std::string Lower(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

bool IsGeneratorCall(const ast::Expr& node) {
  return node.kind == Kind::kCall && IsGenerator(node.name);
}

bool IsExcepted(const std::vector<std::string>& except, std::string_view name) {
  return std::ranges::any_of(
      except, [&](const std::string& other) { return data::EqualsIgnoringCase(other, name); });
}

// The names in * EXCEPT (...) that are no columns.
void CheckExcept(const ast::Expr& star, const std::vector<std::string>& names,
                 Diagnostics& diagnostics) {
  for (const std::string& excepted : star.except) {
    if (IsExcepted(names, excepted)) continue;
    diagnostics.Error(star.where, "EXCEPT_UNRESOLVED_COLUMNS",
                      fmt::format("EXCEPT names {}, which is no column here", excepted),
                      diagnostics.DidYouMean(excepted, names));
  }
}

}  // namespace

bool QueryBinder::CheckListSizes(const ast::Select& select,
                                 const std::vector<ast::OrderItem>& order_by) {
  const size_t longest = std::max({select.items.size(), select.group_by.size(), order_by.size()});
  if (longest <= kListItemsMax) return true;
  builder_.diagnostics().Error(
      select.items[0].expr->where, "QUERY_TOO_LARGE",
      fmt::format("a list of {} expressions is longer than {}", longest, kListItemsMax),
      "split the query");
  return false;
}

PlanPtr QueryBinder::BindSelect(const ast::Select& select, const CommonTables& tables,
                                const std::vector<ast::OrderItem>& order_by) {
  if (!CheckListSizes(select, order_by)) return nullptr;
  SelectDraft draft;
  draft.input = BindFrom(select, tables);
  // Without sources every name would seem wrong.
  if (!draft.input.plan) return nullptr;
  if (select.where) {
    ExprBinder binder(builder_, draft.input.scope, {.what = "WHERE"});
    ExprPtr predicate = builder_.Condition(binder.Bind(*select.where), "WHERE");
    draft.failed = !predicate;
    if (predicate) draft.input.plan = Filtered(draft.input.plan, predicate);
  }
  BindGroupBy(select, draft);
  BindItems(select, draft);
  if (select.having) {
    ExprBinder binder(builder_, draft.input.scope,
                      {.what = "HAVING", .uses = &draft.uses, .aliases = &draft.aliases});
    draft.having = builder_.Condition(binder.Bind(*select.having), "HAVING");
    draft.failed = draft.failed || !draft.having;
  }
  BindOrderBy(order_by, draft);
  if (draft.failed || !draft.input.plan) return nullptr;
  return Finish(select, draft);
}

PlanPtr QueryBinder::Filtered(PlanPtr input, ExprPtr predicate) {
  if (!input || !builder_.Charge(predicate)) return nullptr;
  PlanDraft filter = NewPlan(PlanKind::kFilter, predicate->where, {std::move(input)});
  if (filter) filter->predicate = std::move(predicate);
  return filter;
}

void QueryBinder::BindItems(const ast::Select& select, SelectDraft& draft) {
  for (const ast::SelectItem& item : select.items) {
    if (draft.outputs.size() > kListItemsMax) {
      draft.failed = true;
      builder_.diagnostics().Error(
          item.expr->where, "QUERY_TOO_LARGE",
          fmt::format("the SELECT list has more than {} columns", kListItemsMax),
          "name the columns you need");
      return;
    }
    if (item.expr->kind == Kind::kStar) {
      BindStar(*item.expr, draft);
      if (!item.aliases.empty()) {
        builder_.diagnostics().Error(item.expr->where, "INVALID_USAGE_OF_STAR_OR_REGEX",
                                     "* cannot have an alias", "name the columns");
      }
    } else if (IsGeneratorCall(*item.expr)) {
      BindGenerator(item, draft);
    } else {
      BindItem(item, draft);
    }
  }
}

void QueryBinder::BindItem(const ast::SelectItem& item, SelectDraft& draft) {
  ExprBinder binder(builder_, draft.input.scope,
                    {.what = "the SELECT list",
                     .uses = &draft.uses,
                     .windows = draft.grouped,
                     .aliases = &draft.aliases});
  Output output;
  output.expr = binder.Bind(*item.expr);
  output.name = item.aliases.empty() ? ast::DisplayName(*item.expr) : item.aliases[0];
  if (item.aliases.size() > 1) {
    builder_.diagnostics().Error(item.expr->where, "MULTI_ALIAS_WITHOUT_GENERATOR",
                                 "several aliases are given to one column", "give it one");
  }
  draft.failed = draft.failed || !output.expr;
  if (!item.aliases.empty()) {
    const auto [known, added] = draft.aliases.try_emplace(Lower(output.name), output.expr);
    known->second.ambiguous = !added;
  }
  draft.outputs.push_back(std::move(output));
}

void QueryBinder::BindStar(const ast::Expr& star, SelectDraft& draft) {
  const std::vector<const ScopeColumn*> columns = draft.input.scope.Star(star.parts);
  if (columns.empty() && !star.parts.empty() && BindStructStar(star, draft)) return;
  if (columns.empty()) {
    builder_.diagnostics().Error(star.where, "CANNOT_RESOLVE_STAR_EXPAND",
                                 star.parts.empty() ? "* has no columns to stand for"
                                                    : fmt::format("there is no source or struct {}",
                                                                  fmt::join(star.parts, ".")),
                                 "name the columns");
    draft.failed = true;
    return;
  }
  std::vector<std::string> names;
  for (const ScopeColumn* column : columns) names.push_back(column->name);
  CheckExcept(star, names, builder_.diagnostics());
  for (const ScopeColumn* column : columns) {
    if (IsExcepted(star.except, column->name)) continue;
    draft.failed = draft.failed || !column->expr;
    draft.outputs.push_back({column->name, column->expr});
  }
}

// s.* of a struct; false when there is no such struct.
bool QueryBinder::BindStructStar(const ast::Expr& star, SelectDraft& draft) {
  if (draft.input.scope.Find(star.parts).column == nullptr) return false;
  ast::Expr name;
  name.kind = Kind::kName;
  name.where = star.where;
  name.parts = star.parts;
  const ExprPtr base =
      ExprBinder(builder_, draft.input.scope, {.what = "the SELECT list"}).Bind(name);
  if (!base || base->type.kind() != TypeKind::kStruct) return false;
  std::vector<std::string> names;
  for (const data::Field& field : base->type.fields()) names.push_back(field.name);
  CheckExcept(star, names, builder_.diagnostics());
  for (size_t i = 0; i < names.size(); ++i) {
    if (IsExcepted(star.except, names[i])) continue;
    draft.outputs.push_back({names[i], builder_.Field(base, static_cast<int>(i), star.where)});
    draft.failed = draft.failed || !draft.outputs.back().expr;
  }
  return true;
}

void QueryBinder::BindGenerator(const ast::SelectItem& item, SelectDraft& draft) {
  Diagnostics& diagnostics = builder_.diagnostics();
  draft.failed = true;
  if (++draft.generators > 1) {
    diagnostics.Error(item.expr->where, "UNSUPPORTED_GENERATOR.MULTI_GENERATOR",
                      "a SELECT list can hold one generator", "use LATERAL VIEW for the others");
    return;
  }
  if (draft.grouped) {
    diagnostics.Error(item.expr->where, "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
                      "a generator cannot stand beside GROUP BY", "use it in a subquery");
    return;
  }
  std::vector<ScopeColumn> columns;
  draft.input.plan = Generate(draft.input.plan, draft.input.scope, *item.expr, false, columns);
  if (!draft.input.plan) return;
  if (!item.aliases.empty() && item.aliases.size() != columns.size()) {
    diagnostics.Error(item.expr->where, "UDTF_ALIAS_NUMBER_MISMATCH",
                      fmt::format("{} gives {} columns, but {} aliases are given", item.expr->name,
                                  columns.size(), item.aliases.size()),
                      "write AS (a, b) with a name for each");
    return;
  }
  draft.failed = false;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = item.aliases.empty() ? columns[i].name : item.aliases[i];
    draft.failed = draft.failed || !columns[i].expr;
    draft.aliases.try_emplace(Lower(name), columns[i].expr);
    draft.outputs.push_back({name, columns[i].expr});
  }
}

// What ORDER BY sees: output columns by their bare names, then the columns of the input.
Scope QueryBinder::OrderScope(const SelectDraft& draft) {
  Scope scope;
  for (const Output& output : draft.outputs) {
    scope.columns.push_back({{}, output.name, output.expr});
  }
  const size_t outputs = scope.columns.size();
  for (ScopeColumn column : draft.input.scope.columns) {
    const auto named = [&](const Output& output) {
      return data::EqualsIgnoringCase(output.name, column.name);
    };
    column.qualified_only = column.qualified_only || std::ranges::any_of(draft.outputs, named);
    if (column.expr) scope.columns.push_back(std::move(column));
  }
  // The same column selected twice is not ambiguous.
  for (size_t i = 1; i < outputs; ++i) {
    for (size_t j = 0; j < i; ++j) {
      const ExprPtr& a = scope.columns[i].expr;
      const ExprPtr& b = scope.columns[j].expr;
      if (a && b && builder_.Fingerprint(a) == builder_.Fingerprint(b) &&
          data::EqualsIgnoringCase(scope.columns[i].name, scope.columns[j].name)) {
        scope.columns[i].qualified_only = true;
      }
    }
  }
  return scope;
}

void QueryBinder::BindOrderBy(const std::vector<ast::OrderItem>& order_by, SelectDraft& draft) {
  if (order_by.empty()) return;
  const Scope scope = OrderScope(draft);
  for (const ast::OrderItem& item : order_by) {
    ExprPtr expr = BindOrderItem(*item.expr, scope, draft);
    if (!expr) {
      draft.failed = true;
      continue;
    }
    // Sort keys are output columns; what is none becomes one that is dropped afterwards.
    const uint64_t wanted = builder_.Fingerprint(expr);
    const auto found = std::ranges::find_if(draft.outputs, [&](const Output& output) {
      return output.expr && builder_.Fingerprint(output.expr) == wanted;
    });
    const auto ordinal = static_cast<int>(found - draft.outputs.begin());
    if (found == draft.outputs.end()) draft.outputs.push_back({"", expr});
    draft.order_by.push_back({MakeColumn(ordinal, expr->type, expr->nullable, expr->where),
                              item.ascending, item.nulls_first});
  }
}

ExprPtr QueryBinder::BindOrderItem(const ast::Expr& node, const Scope& scope, SelectDraft& draft) {
  if (node.kind == Kind::kLiteral && node.type.kind() == TypeKind::kInt) {
    const int64_t ordinal = node.literal.integer();
    if (ordinal >= 1 && ordinal <= static_cast<int64_t>(draft.outputs.size())) {
      return draft.outputs[static_cast<size_t>(ordinal - 1)].expr;
    }
    builder_.diagnostics().Error(node.where, "ORDER_BY_POS_OUT_OF_RANGE",
                                 fmt::format("ORDER BY position {} is outside the {} columns of "
                                             "the SELECT list",
                                             ordinal, draft.outputs.size()));
    return nullptr;
  }
  ExprBinder binder(builder_, scope,
                    {.what = "ORDER BY", .uses = &draft.uses, .windows = draft.grouped});
  ExprPtr expr = binder.Bind(node);
  if (expr && expr->type.kind() == TypeKind::kMap) {
    builder_.diagnostics().Error(node.where, "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE",
                                 "a MAP has no order", "order by map_keys() of it");
    return nullptr;
  }
  return expr;
}

PlanPtr QueryBinder::Finish(const ast::Select& select, SelectDraft& draft) {
  const size_t hidden = static_cast<size_t>(std::ranges::count_if(
      draft.outputs, [](const Output& output) { return output.name.empty(); }));
  const size_t visible = draft.outputs.size() - hidden;
  if (select.distinct && hidden > 0) {
    builder_.diagnostics().Error(draft.outputs[visible].expr->where,
                                 "UNSUPPORTED_FEATURE.ORDER_BY_BESIDE_DISTINCT",
                                 "SELECT DISTINCT can be ordered only by what it selects",
                                 "add the expression to the SELECT list");
    return nullptr;
  }
  const Location where = select.items.empty() ? Location{} : select.items[0].expr->where;
  PlanPtr plan = draft.input.plan;
  const bool aggregated = draft.grouped || !draft.uses.aggregates.empty() ||
                          !draft.uses.windows.empty() || draft.having;
  if (aggregated) {
    plan = Aggregate(select, draft);
    if (plan && draft.having) plan = Filtered(plan, draft.having);
  }
  plan = Projected(std::move(plan), draft.outputs, where);
  if (!plan) return nullptr;
  if (select.distinct) plan = NewPlan(PlanKind::kDistinct, where, {std::move(plan)});
  if (!plan || draft.order_by.empty()) return plan;
  return Sorted(std::move(plan), draft, visible);
}

// Sorts by the draft's keys, and drops the columns from `visible` on.
PlanPtr QueryBinder::Sorted(PlanPtr input, const SelectDraft& draft, size_t visible) {
  if (!input) return nullptr;
  const Location where = draft.order_by[0].expr->where;
  PlanDraft sort = NewPlan(PlanKind::kSort, where, {std::move(input)});
  if (!sort) return nullptr;
  sort->sort_keys = draft.order_by;
  if (sort->schema.fields.size() == visible) return sort;
  std::vector<Output> outputs;
  for (size_t i = 0; i < visible; ++i) {
    const data::Field& field = sort->schema.fields[i];
    outputs.push_back(
        {field.name, MakeColumn(static_cast<int>(i), *field.type, field.nullable, where)});
  }
  return Projected(sort, std::move(outputs), where);
}

}  // namespace millrace::sql
