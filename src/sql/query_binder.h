// QueryBinder: the syntax tree of a query to a plan. One instance binds one query; all mistakes it
// meets go to the builder's Diagnostics, and binding goes on as far as that makes sense.
//
// Its parts: query_binder.cc (WITH, UNION, VALUES, ORDER BY over them), from_binder.cc (sources),
// join_binder.cc (look-ups), select_binder.cc (SELECT), aggregate_binder.cc (GROUP BY).
//
// Bounds: kPlanNodesMax nodes, kQueryDepthMax queries inside one another, common tables counted as
// often as they are used.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sql/ast.h"
#include "sql/expr_binder.h"
#include "sql/plan.h"
#include "sql/scope.h"

namespace millrace::sql {

inline constexpr int kPlanNodesMax = 500;
inline constexpr int kQueryDepthMax = 48;
inline constexpr size_t kListItemsMax = 2000;  // of a SELECT list, GROUP BY or ORDER BY

class QueryBinder {
 public:
  QueryBinder(ExprBuilder& builder, const Catalog& catalog, const BindOptions& options)
      : builder_(builder), catalog_(catalog), options_(options) {}

  // Null when errors were reported.
  PlanPtr Bind(const ast::Query& query);

 private:
  using PlanDraft = std::shared_ptr<Plan>;

  // A plan and what names mean above it; `plan` is null after an error, the scope may still help to
  // find more of them.
  struct Relation {
    PlanPtr plan;
    Scope scope;
  };

  // The WITH tables that a query sees: the first `visible` ones, and those of outer queries.
  struct CommonTables {
    const std::vector<ast::CommonTable>* tables = nullptr;
    size_t visible = 0;
    const CommonTables* outer = nullptr;
  };

  // A column of a SELECT list, over the SELECT's input.
  struct Output {
    std::string name;
    ExprPtr expr;
  };

  // A SELECT on its way from syntax to plan.
  struct SelectDraft {
    Relation input;
    AggregateUses uses;
    std::vector<Output> outputs;
    ItemAliases aliases;
    std::vector<ExprPtr> group_keys;
    std::unordered_map<uint64_t, size_t> key_places;  // by fingerprint
    bool grouped = false;
    ExprPtr having;
    std::vector<SortKey> order_by;
    int generators = 0;
    bool failed = false;
  };

  // query_binder.cc
  PlanPtr BindQuery(const ast::Query& query, const CommonTables* outer);
  PlanPtr BindTerm(const ast::Term& term, const CommonTables& tables,
                   const std::vector<ast::OrderItem>& order_by);
  PlanPtr BindUnion(const ast::Query& query, const CommonTables& tables);
  PlanPtr MakeUnion(std::vector<PlanPtr> inputs, Location where);
  PlanPtr BindValues(const ast::Term& term);
  PlanPtr SortOutput(PlanPtr plan, const std::vector<ast::OrderItem>& order_by);
  PlanPtr BindLimit(PlanPtr plan, const ast::Query& query);
  std::optional<int64_t> BindRowCount(const ast::Expr& node, std::string_view what);
  std::vector<std::optional<data::DataType>> CommonColumnTypes(
      const std::vector<const data::Schema*>& schemas, std::string_view what, Location where);

  // from_binder.cc
  Relation BindFrom(const ast::Select& select, const CommonTables& tables);
  Relation BindSource(const ast::Source& source, const CommonTables& tables);
  std::optional<Relation> BindCommonTable(const ast::Source& source, const CommonTables& tables);
  Relation BindCatalogSource(const ast::Source& source, const sql::Relation& found);
  void BindEventTime(const ast::Source& source, Plan& scan, Scope& scope);
  void RenameColumns(const ast::Source& source, Relation& relation);
  Relation OfQuery(PlanPtr plan, const std::vector<std::string>& qualifier);
  const sql::Relation* FindRelation(const ast::Source& source);
  Relation BindLateralView(Relation input, const ast::LateralView& view);
  // Adds a kGenerate node; `columns` gets the generated columns.
  // generator_binder.cc
  ExprPtr BindCollection(std::string_view name, const ast::Expr& call, const Scope& scope);
  ExprPtr StackRows(std::vector<ExprPtr> args, Location where);
  ExprPtr JsonTupleRow(std::vector<ExprPtr> args, Location where);
  PlanPtr Generate(PlanPtr input, const Scope& scope, const ast::Expr& call, bool outer,
                   std::vector<ScopeColumn>& columns);

  // join_binder.cc
  Relation BindJoin(Relation left, const ast::Join& join, const CommonTables& tables);
  const sql::Relation* JoinedRelation(const ast::Join& join, const CommonTables& tables);
  bool BindLookupKeys(const ast::Join& join, const sql::Relation& right, const Scope& both,
                      size_t left_columns, Plan& lookup);
  bool TakeKey(const ast::Expr& conjunct, const sql::Relation& right, const Scope& both,
               size_t left_columns, std::map<size_t, ExprPtr>& keys);
  bool ArrangeKeys(const ast::Join& join, const sql::Relation& right,
                   const std::map<size_t, ExprPtr>& keys, Plan& lookup);
  bool BindUsing(const ast::Join& join, const sql::Relation& right, Scope& both,
                 size_t left_columns, Plan& lookup);

  // select_binder.cc
  PlanPtr BindSelect(const ast::Select& select, const CommonTables& tables,
                     const std::vector<ast::OrderItem>& order_by);
  bool CheckListSizes(const ast::Select& select, const std::vector<ast::OrderItem>& order_by);
  void BindItems(const ast::Select& select, SelectDraft& draft);
  void BindItem(const ast::SelectItem& item, SelectDraft& draft);
  void BindStar(const ast::Expr& star, SelectDraft& draft);
  bool BindStructStar(const ast::Expr& star, SelectDraft& draft);
  void BindGenerator(const ast::SelectItem& item, SelectDraft& draft);
  void BindOrderBy(const std::vector<ast::OrderItem>& order_by, SelectDraft& draft);
  Scope OrderScope(const SelectDraft& draft);
  ExprPtr BindOrderItem(const ast::Expr& node, const Scope& scope, SelectDraft& draft);
  PlanPtr Filtered(PlanPtr input, ExprPtr predicate);
  PlanPtr Finish(const ast::Select& select, SelectDraft& draft);
  PlanPtr Sorted(PlanPtr input, const SelectDraft& draft, size_t visible);

  // aggregate_binder.cc
  void BindGroupBy(const ast::Select& select, SelectDraft& draft);
  ExprPtr BindGroupKey(const ast::Select& select, const ast::Expr& node, SelectDraft& draft);
  const ast::SelectItem* AliasedItem(const ast::Select& select, const ast::Expr& node,
                                     const Scope& scope);
  PlanPtr Aggregate(const ast::Select& select, SelectDraft& draft);
  bool PlaceWindow(SelectDraft& draft, Plan& aggregate);
  ExprPtr OverAggregate(const ExprPtr& expr, const SelectDraft& draft, const Plan& aggregate);

  // Counts a query or plan node; false, with an error, when there are too many.
  bool CountStep(Location where);
  PlanDraft NewPlan(PlanKind kind, Location where, std::vector<PlanPtr> inputs);
  PlanPtr Projected(PlanPtr input, std::vector<Output> outputs, Location where);

  ExprBuilder& builder_;
  const Catalog& catalog_;
  BindOptions options_;
  int plan_nodes_ = 0;
  int query_depth_ = 0;
};

}  // namespace millrace::sql
