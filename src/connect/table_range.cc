#include "connect/table_range.h"

#include <map>
#include <optional>
#include <string>

#include "sql/function.h"

namespace millrace::connect {
namespace {

// column OP literal, with the column on the left.
struct Comparison {
  std::string column;
  std::string op;
  data::Value value;
};

std::string Mirrored(std::string_view op) {
  if (op == "<") return ">";
  if (op == "<=") return ">=";
  if (op == ">") return "<";
  if (op == ">=") return "<=";
  return std::string(op);
}

std::optional<Comparison> ComparisonOf(const sql::Expr& filter, const data::Schema& columns) {
  if (filter.kind != sql::ExprKind::kCall || filter.args.size() != 2) return std::nullopt;
  const sql::Expr* left = filter.args[0].get();
  const sql::Expr* right = filter.args[1].get();
  std::string op(filter.function->name);
  if (left->kind == sql::ExprKind::kLiteral) {
    std::swap(left, right);
    op = Mirrored(op);
  }
  if (left->kind != sql::ExprKind::kColumn || right->kind != sql::ExprKind::kLiteral ||
      right->literal.is_null())
    return std::nullopt;
  // A cast was needed: the column's own type is not the literal's, and the key cannot be made of
  // it.
  const data::Field& field = columns.fields[static_cast<size_t>(left->ordinal)];
  if (!(*field.type == right->type)) return std::nullopt;
  return Comparison{field.name, op, right->literal};
}

class RangeFinder {
 public:
  explicit RangeFinder(std::vector<Comparison> comparisons)
      : comparisons_(std::move(comparisons)) {}

  std::optional<data::Value> Equal(const std::string& column) const { return Find(column, "="); }

  void Bound(const std::string& column, store::ClusteringRange& range) const {
    using Bound = store::ClusteringRange::Bound;
    if (const auto value = Find(column, ">")) range.lower = Bound{*value, false};
    if (const auto value = Find(column, ">=")) range.lower = Bound{*value, true};
    if (const auto value = Find(column, "<")) range.upper = Bound{*value, false};
    if (const auto value = Find(column, "<=")) range.upper = Bound{*value, true};
  }

 private:
  std::optional<data::Value> Find(const std::string& column, std::string_view op) const {
    for (const Comparison& comparison : comparisons_) {
      if (comparison.op == op && data::EqualsIgnoringCase(comparison.column, column))
        return comparison.value;
    }
    return std::nullopt;
  }
  std::vector<Comparison> comparisons_;
};

}  // namespace

store::ScanRequest TableRangeOf(const store::Table& table, const data::Schema& columns,
                                std::span<const sql::ExprPtr> filters) {
  std::vector<Comparison> comparisons;
  for (const sql::ExprPtr& filter : filters) {
    if (auto comparison = ComparisonOf(*filter, columns))
      comparisons.push_back(std::move(*comparison));
  }
  const RangeFinder finder(std::move(comparisons));
  store::ScanRequest request;
  data::Value::List partition;
  for (const store::ColumnSchema& column : table.schema.columns) {
    if (column.kind != store::ColumnKind::kPartitionKey) continue;
    const auto value = finder.Equal(column.name);
    if (!value) return request;
    partition.push_back(*value);
  }
  request.partition = std::move(partition);
  for (const store::ColumnSchema& column : table.schema.columns) {
    if (column.kind != store::ColumnKind::kClustering) continue;
    if (const auto value = finder.Equal(column.name)) {
      request.clustering.equal.push_back(*value);
      continue;
    }
    finder.Bound(column.name, request.clustering);
    break;
  }
  return request;
}

}  // namespace millrace::connect
