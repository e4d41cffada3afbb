// Program: expressions compiled into a graph of nodes, equal subexpressions being one node. Inside
// the engine's evaluator only.
//
// Invariants
//   1. A node's arguments stand before it.
//   2. Two equal deterministic subexpressions are the same node; one that is not deterministic is
//   the same node only when the tree shares it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "engine/cast.h"
#include "engine/evaluator_in_set.h"
#include "engine/kernel.h"
#include "sql/expr.h"

namespace millrace::engine {

struct Node {
  sql::ExprPtr expr;
  std::vector<uint32_t> args;     // of calls with lambdas: those that are values
  std::vector<uint32_t> lambdas;  // the bodies, in the order of the call
  // Its value is the same for every row: computed once a batch.
  bool constant = false;
  bool propagates_null = false;
  data::ColumnPtr literal;  // one row
  Kernel kernel;
  CastFunction cast;
  std::shared_ptr<const InSet> in_set;  // kIn whose list is literals
};

class Program {
 public:
  static Result<Program> Compile(std::span<const sql::ExprPtr> expressions);

  const std::vector<Node>& nodes() const { return nodes_; }
  // The nodes of the expressions, in their order.
  const std::vector<uint32_t>& results() const { return results_; }

 private:
  Result<uint32_t> Add(const sql::ExprPtr& expr);
  Result<uint32_t> AddNew(const sql::ExprPtr& expr, Node node, bool deterministic);
  // What tells a node from others: kind, type and arguments, not the place in the SQL text.
  static std::string KeyOf(const sql::Expr& expr, const Node& node);

  std::vector<Node> nodes_;
  std::vector<bool> deterministic_;
  std::vector<uint32_t> results_;
  std::unordered_map<std::string, uint32_t> by_key_;
  std::unordered_map<const sql::Expr*, uint32_t> by_expr_;
};

}  // namespace millrace::engine
