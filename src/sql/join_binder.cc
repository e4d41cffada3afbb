// Joins are look-ups: for each row of the left side, the rows of a table or reference whose key it
// names.
#include <algorithm>

#include <fmt/format.h>

#include "sql/coercion.h"
#include "sql/query_binder.h"

namespace millrace::sql {
namespace {

using ast::Kind;

// The conjuncts of ON, one after the other.
void Flatten(const ast::Expr& node, std::vector<const ast::Expr*>& conjuncts) {
  if (node.kind != Kind::kAnd) {
    conjuncts.push_back(&node);
    return;
  }
  for (const ast::ExprPtr& part : node.args) Flatten(*part, conjuncts);
}

// Whether all columns the expression uses come before `left_columns` in the schema.
bool UsesOnlyLeft(const Expr& expr, size_t left_columns) {
  if (expr.kind == ExprKind::kColumn) return static_cast<size_t>(expr.ordinal) < left_columns;
  return std::ranges::all_of(expr.args,
                             [&](const ExprPtr& arg) { return UsesOnlyLeft(*arg, left_columns); });
}

std::string KeyText(const Relation& relation) {
  return fmt::format("{}", fmt::join(relation.key, ", "));
}

}  // namespace

const Relation* QueryBinder::JoinedRelation(const ast::Join& join, const CommonTables& tables) {
  Diagnostics& diagnostics = builder_.diagnostics();
  bool query = join.right.query != nullptr;
  for (const CommonTables* level = &tables; level != nullptr && !query; level = level->outer) {
    for (size_t i = 0; i < level->visible; ++i) {
      query = query || (join.right.name.size() == 1 &&
                        data::EqualsIgnoringCase((*level->tables)[i].name, join.right.name[0]));
    }
  }
  if (query) {
    diagnostics.Error(join.right.where, "UNSUPPORTED_FEATURE.JOIN_OF_QUERY",
                      "a JOIN looks rows up in a table or reference, not in a query",
                      "name a table or reference, or store the query's result in a table first");
    return nullptr;
  }
  const sql::Relation* found = FindRelation(join.right);
  if (found == nullptr) return nullptr;
  if (join.right.stream || found->kind == RelationKind::kStream ||
      found->kind == RelationKind::kTopic) {
    diagnostics.Error(
        join.right.where, "UNSUPPORTED_FEATURE.STREAM_STREAM_JOIN",
        fmt::format("{} is a topic, and joins of two streams come later", found->name),
        "store its rows in a table with a query, and look them up there");
    return nullptr;
  }
  if (join.right.watermark) {
    diagnostics.Error(join.right.where, "UNSUPPORTED_FEATURE.WATERMARK_ON_TABLE",
                      fmt::format("{} is no stream, so it has no WATERMARK", found->name),
                      "remove WATERMARK");
    return nullptr;
  }
  if (found->key.empty()) {
    diagnostics.Error(join.right.where, "UNSUPPORTED_FEATURE.LOOKUP_WITHOUT_KEY",
                      fmt::format("{} has no key to look rows up by", found->name),
                      "declare its key in the project file");
    return nullptr;
  }
  return found;
}

QueryBinder::Relation QueryBinder::BindJoin(Relation left, const ast::Join& join,
                                            const CommonTables& tables) {
  const sql::Relation* right = JoinedRelation(join, tables);
  if (right == nullptr || !left.plan) return {};
  PlanDraft lookup = NewPlan(PlanKind::kLookup, join.where, {left.plan});
  if (!lookup) return {};
  lookup->relation = *right;
  lookup->lookup_outer = join.left;
  const size_t left_columns = lookup->schema.fields.size();
  std::vector<std::string> qualifier = join.right.name;
  if (!join.right.alias.empty()) qualifier = {join.right.alias};
  Relation both;
  both.scope = std::move(left.scope);
  Relation added;
  for (const data::Field& field : right->schema.fields) {
    const bool nullable = field.nullable || join.left;
    const auto ordinal = static_cast<int>(lookup->schema.fields.size());
    lookup->schema.fields.emplace_back(field.name, *field.type, nullable);
    added.scope.columns.push_back(
        {qualifier, field.name, MakeColumn(ordinal, *field.type, nullable)});
  }
  added.plan = lookup;
  RenameColumns(join.right, added);
  for (ScopeColumn& column : added.scope.columns) both.scope.columns.push_back(std::move(column));
  const bool good = join.on ? BindLookupKeys(join, *right, both.scope, left_columns, *lookup)
                            : BindUsing(join, *right, both.scope, left_columns, *lookup);
  if (good) both.plan = lookup;
  return both;
}

// Takes `key = expression of the left side`, either way round, as a look-up key. False: it is none.
bool QueryBinder::TakeKey(const ast::Expr& conjunct, const sql::Relation& right, const Scope& both,
                          size_t left_columns, std::map<size_t, ExprPtr>& keys) {
  if (conjunct.kind != Kind::kCall || conjunct.name != "=" || conjunct.args.size() != 2) {
    return false;
  }
  for (const size_t side : {0, 1}) {
    const ast::Expr& column_node = *conjunct.args[side];
    if (column_node.kind != Kind::kName) continue;
    const ScopeMatch match = both.Find(column_node.parts);
    if (match.column == nullptr || match.ambiguous || !match.column->expr ||
        match.parts_used != column_node.parts.size() ||
        match.column->expr->kind != ExprKind::kColumn ||
        static_cast<size_t>(match.column->expr->ordinal) < left_columns) {
      continue;
    }
    const size_t ordinal = static_cast<size_t>(match.column->expr->ordinal) - left_columns;
    const data::Field& field = right.schema.fields[ordinal];
    const auto place = std::ranges::find_if(right.key, [&](const std::string& key) {
      return data::EqualsIgnoringCase(key, field.name);
    });
    if (place == right.key.end()) continue;
    ExprPtr value = ExprBinder(builder_, both, {.what = "ON"}).Bind(*conjunct.args[1 - side]);
    if (!value || !UsesOnlyLeft(*value, left_columns)) continue;
    // The key is compared as it is stored, so the value must fit its type.
    const auto common = CommonType(*field.type, value->type);
    if (!common || !(*common == *field.type)) {
      builder_.diagnostics().Error(
          conjunct.where, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES",
          fmt::format("{}.{} is {}, but is looked up by {}", right.name, field.name,
                      field.type->ToDdl(), value->type.ToDdl()),
          fmt::format("write CAST(... AS {}) around the value", field.type->ToDdl()));
    }
    const auto key = static_cast<size_t>(place - right.key.begin());
    return keys.emplace(key, common ? builder_.Coerce(value, *field.type) : nullptr).second;
  }
  return false;
}

bool QueryBinder::BindLookupKeys(const ast::Join& join, const sql::Relation& right,
                                 const Scope& both, size_t left_columns, Plan& lookup) {
  std::vector<const ast::Expr*> conjuncts;
  Flatten(*join.on, conjuncts);
  std::map<size_t, ExprPtr> keys;
  std::vector<ExprPtr> rest;
  bool good = true;
  for (const ast::Expr* conjunct : conjuncts) {
    if (TakeKey(*conjunct, right, both, left_columns, keys)) continue;
    rest.push_back(
        builder_.Condition(ExprBinder(builder_, both, {.what = "ON"}).Bind(*conjunct), "ON"));
    good = good && rest.back();
  }
  if (!good || !ArrangeKeys(join, right, keys, lookup)) return false;
  if (rest.empty()) return true;
  lookup.lookup_condition = builder_.Logical(ExprKind::kAnd, std::move(rest), join.on->where);
  return builder_.Charge(lookup.lookup_condition);
}

// Puts the keys found into the relation's order; they must be its key, or a leading part of it that
// holds a table's whole partition key.
bool QueryBinder::ArrangeKeys(const ast::Join& join, const sql::Relation& right,
                              const std::map<size_t, ExprPtr>& keys, Plan& lookup) {
  const size_t wanted = std::max<size_t>(1, right.partition_key_size);
  for (size_t i = 0; i < right.key.size(); ++i) {
    const auto key = keys.find(i);
    if (key == keys.end()) {
      if (i >= wanted && i == keys.size()) break;
      builder_.diagnostics().Error(
          join.where, "UNSUPPORTED_FEATURE.LOOKUP_BY_OTHER_COLUMNS",
          fmt::format("{} can be looked up only by its key ({}), and ON has no equality for {}",
                      right.name, KeyText(right), right.key[i]),
          fmt::format("write ON {}.{} = ...",
                      join.right.alias.empty() ? join.right.name.back() : join.right.alias,
                      right.key[i]));
      return false;
    }
    if (!builder_.Charge(key->second)) return false;
    lookup.lookup_keys.push_back(key->second);
    lookup.lookup_columns.push_back(right.schema.IndexOf(right.key[i]));
  }
  return true;
}

// USING (a, b): the left column a equals the right one, and a alone means the left one.
bool QueryBinder::BindUsing(const ast::Join& join, const sql::Relation& right, Scope& both,
                            size_t left_columns, Plan& lookup) {
  std::map<size_t, ExprPtr> keys;
  for (const std::string& name : join.using_columns) {
    const auto place = std::ranges::find_if(
        right.key, [&](const std::string& key) { return data::EqualsIgnoringCase(key, name); });
    if (place == right.key.end()) {
      builder_.diagnostics().Error(
          join.where, "UNSUPPORTED_FEATURE.LOOKUP_BY_OTHER_COLUMNS",
          fmt::format("{} can be looked up only by its key ({}), not by {}", right.name,
                      KeyText(right), name),
          "use ON with an equality for each key column");
      return false;
    }
    for (ScopeColumn& column : both.columns) {
      const bool of_right = column.expr && column.expr->kind == ExprKind::kColumn &&
                            static_cast<size_t>(column.expr->ordinal) >= left_columns;
      if (!of_right || !data::EqualsIgnoringCase(column.name, name)) continue;
      column.hidden = true;
      column.qualified_only = true;
    }
    ast::Expr node;
    node.kind = Kind::kName;
    node.where = join.where;
    node.parts = {name};
    ExprPtr value = ExprBinder(builder_, both, {.what = "USING"}).Bind(node);
    const data::DataType type =
        *right.schema.fields[static_cast<size_t>(right.schema.IndexOf(name))].type;
    if (!value) return false;
    const auto common = CommonType(type, value->type);
    if (!common || !(*common == type)) {
      builder_.diagnostics().Error(join.where, "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES",
                                   fmt::format("{}.{} is {}, but is looked up by {}", right.name,
                                               name, type.ToDdl(), value->type.ToDdl()),
                                   "use ON with a CAST");
      return false;
    }
    keys.emplace(static_cast<size_t>(place - right.key.begin()), builder_.Coerce(value, type));
  }
  return ArrangeKeys(join, right, keys, lookup);
}

}  // namespace millrace::sql
