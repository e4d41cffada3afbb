#include "sql/stream_rules.h"

#include <fmt/format.h>

#include "sql/expr_tree.h"

namespace millrace::sql {
namespace {

class StreamRules {
 public:
  explicit StreamRules(ExprBuilder& builder)
      : builder_(builder), diagnostics_(builder.diagnostics()) {}

  void Check(const Plan& plan) {
    switch (plan.kind) {
      case PlanKind::kScan:
        CheckScan(plan);
        break;
      case PlanKind::kValues:
        diagnostics_.Error(plan.where, "UNSUPPORTED_STREAMING.NO_STREAM",
                           "a streaming query reads a topic, and here are only constants",
                           "write FROM STREAM(topic)");
        break;
      case PlanKind::kAggregate:
        diagnostics_.Error(plan.where, "UNSUPPORTED_STREAMING.AGGREGATE_WITHOUT_WINDOW",
                           "a stream has no end at which this aggregate would be complete",
                           "add window(event_time, '1 minute') to GROUP BY");
        break;
      case PlanKind::kDistinct:
        diagnostics_.Error(plan.where, "UNSUPPORTED_STREAMING.DISTINCT",
                           "DISTINCT (also UNION without ALL) would have to remember every row of "
                           "the stream for ever",
                           "write the rows to a table keyed by these columns, or use UNION ALL");
        break;
      case PlanKind::kSort:
        diagnostics_.Error(plan.where, "UNSUPPORTED_STREAMING.SORT",
                           "a stream has no end, so it cannot be sorted",
                           "let the table's clustering order sort the rows");
        break;
      case PlanKind::kLimit:
        diagnostics_.Error(plan.where, "UNSUPPORTED_STREAMING.LIMIT",
                           "LIMIT and OFFSET mean nothing to a stream without end",
                           "filter with WHERE");
        break;
      case PlanKind::kWindowAggregate:
        CheckWindow(plan);
        break;
      default:
        break;
    }
    for (const PlanPtr& input : plan.inputs) Check(*input);
  }

 private:
  void CheckScan(const Plan& scan) {
    if (scan.relation.kind == RelationKind::kStream) return;
    diagnostics_.Error(
        scan.where, "UNSUPPORTED_STREAMING.TABLE_IN_FROM",
        fmt::format("a streaming query reads topics, and {} is none", scan.relation.name),
        "look its rows up with LEFT JOIN");
  }

  void CheckWindow(const Plan& plan) {
    if (++windows_ > 1) {
      diagnostics_.Error(plan.where, "UNSUPPORTED_STREAMING.SEVERAL_AGGREGATES",
                         "a streaming query can aggregate once",
                         "write the first aggregate to a topic, and aggregate that with another "
                         "query");
      return;
    }
    CheckEventTime(plan.window_time, *plan.inputs[0], plan.where);
  }

  // Follows the window's time down to the streams below: there it must be their event time, as only
  // that has a watermark.
  void CheckEventTime(const ExprPtr& time, const Plan& plan, Location where) {
    switch (plan.kind) {
      case PlanKind::kScan:
        if (plan.relation.kind == RelationKind::kStream) CheckScanTime(time, plan, where);
        break;
      case PlanKind::kProject:
        CheckProjectedTime(Substituted(time, plan.expressions), *plan.inputs[0], where);
        break;
      case PlanKind::kLookup:
      case PlanKind::kGenerate:
        if (ColumnCount(*time) <= plan.inputs[0]->schema.fields.size()) {
          CheckEventTime(time, *plan.inputs[0], where);
        } else {
          RefuseTime(where, "this window's time does not come from the stream");
        }
        break;
      case PlanKind::kWindowAggregate:
      case PlanKind::kAggregate:
        break;  // refused elsewhere
      default:
        for (const PlanPtr& input : plan.inputs) CheckEventTime(time, *input, where);
    }
  }

  void CheckProjectedTime(const ExprPtr& time, const Plan& plan, Location where) {
    if (NodeCount(*time, kExprNodesMax) < kExprNodesMax) return CheckEventTime(time, plan, where);
    RefuseTime(where, "the window's time is too large an expression");
  }

  void CheckScanTime(const ExprPtr& time, const Plan& scan, Location where) {
    if (!scan.event_time_expr) {
      RefuseTime(where, fmt::format("topic {} has no event time and no watermark, so its windows "
                                    "would never close",
                                    scan.relation.name));
    } else if (builder_.Fingerprint(time) != builder_.Fingerprint(scan.event_time_expr)) {
      RefuseTime(where, fmt::format("the watermark of topic {} is not of this window's time",
                                    scan.relation.name));
    }
  }

  void RefuseTime(Location where, std::string message) {
    diagnostics_.Error(where, "UNSUPPORTED_STREAMING.WINDOW_WITHOUT_WATERMARK", std::move(message),
                       "write STREAM(topic) WATERMARK time DELAY OF INTERVAL 30 SECONDS, or set "
                       "event_time of the topic, and use that time in window()");
  }

  ExprBuilder& builder_;
  Diagnostics& diagnostics_;
  int windows_ = 0;
};

}  // namespace

void CheckStreamRules(const Plan& plan, ExprBuilder& builder) { StreamRules(builder).Check(plan); }

}  // namespace millrace::sql
