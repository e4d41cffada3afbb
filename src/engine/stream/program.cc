#include "engine/stream/program.h"

#include <algorithm>
#include <set>

namespace millrace::engine {
namespace {

std::string_view NameOf(sql::PlanKind kind) {
  switch (kind) {
    case sql::PlanKind::kAggregate:
      return "an aggregate without window()";
    case sql::PlanKind::kDistinct:
      return "DISTINCT";
    case sql::PlanKind::kSort:
      return "ORDER BY";
    case sql::PlanKind::kLimit:
      return "LIMIT";
    case sql::PlanKind::kValues:
      return "a SELECT without a topic";
    case sql::PlanKind::kScan:
      return "a scan that is not of a stream";
    default:
      return "this operator";
  }
}

class Compiler {
 public:
  explicit Compiler(StreamProgram& program) : program_(program) {}

  Result<std::vector<Line>> LinesOf(const sql::Plan& node) {
    switch (node.kind) {
      case sql::PlanKind::kScan:
        return ScanLine(node);
      case sql::PlanKind::kUnion:
        return UnionLines(node);
      case sql::PlanKind::kWindowAggregate:
        return WindowLines(node);
      case sql::PlanKind::kFilter:
        return With(node, MakeFilter(node));
      case sql::PlanKind::kProject:
        return With(node, MakeProject(node));
      case sql::PlanKind::kGenerate:
        return With(node, MakeGenerate(node));
      case sql::PlanKind::kLookup:
        program_.lookups.push_back(&node);
        return With(node, MakeLookup(node, program_.lookups.size() - 1));
      default:
        return Refuse(node);
    }
  }

 private:
  static std::unexpected<Error> Refuse(const sql::Plan& node) {
    return Fail(ErrorCode::kUnsupported, "line {}, column {}: {} does not run in a streaming query",
                node.where.line, node.where.column, NameOf(node.kind));
  }

  Result<std::vector<Line>> ScanLine(const sql::Plan& node) {
    if (node.relation.kind != sql::RelationKind::kStream) return Refuse(node);
    if (node.event_time >= 0) {
      const data::DataType& type = *node.schema.fields[static_cast<size_t>(node.event_time)].type;
      if (type.kind() != data::TypeKind::kTimestamp &&
          type.kind() != data::TypeKind::kTimestampNtz) {
        return Fail(ErrorCode::kUnsupported, "topic {}: event time of type {}, need a timestamp",
                    node.relation.name, type.ToString());
      }
    }
    Line line;
    line.scan = &node;
    if (!node.pushed_filters.empty()) {
      MR_ASSIGN(line.pushed, MakeFilter(node.pushed_filters));
    }
    std::vector<Line> lines;
    lines.push_back(std::move(line));
    return lines;
  }

  Result<std::vector<Line>> UnionLines(const sql::Plan& node) {
    std::vector<Line> lines;
    for (const sql::PlanPtr& input : node.inputs) {
      MR_ASSIGN(std::vector<Line> some, LinesOf(*input));
      std::move(some.begin(), some.end(), std::back_inserter(lines));
    }
    if (program_.window != nullptr) return Refuse(node);
    return lines;
  }

  Result<std::vector<Line>> WindowLines(const sql::Plan& node) {
    MR_ASSIGN(std::vector<Line> lines, LinesOf(*node.inputs[0]));
    if (program_.window != nullptr) return Refuse(node);
    program_.window = &node;
    return lines;
  }

  // The lines below `node`, with its operator at the end of what comes after them.
  Result<std::vector<Line>> With(const sql::Plan& node, Result<OperatorPtr> made) {
    MR_ASSIGN(const OperatorPtr added, std::move(made));
    MR_ASSIGN(std::vector<Line> lines, LinesOf(*node.inputs[0]));
    if (program_.window != nullptr) {
      program_.after.push_back(added);
    } else {
      for (Line& line : lines) line.operators.push_back(added);
    }
    return lines;
  }

  StreamProgram& program_;
};

}  // namespace

Result<StreamProgram> StreamProgram::Compile(sql::PlanPtr plan) {
  StreamProgram program;
  program.plan = std::move(plan);
  Compiler compiler(program);
  MR_ASSIGN(program.lines, compiler.LinesOf(*program.plan));
  std::set<std::string> topics;
  for (const Line& line : program.lines) topics.insert(line.scan->relation.name);
  program.topics.assign(topics.begin(), topics.end());
  return program;
}

}  // namespace millrace::engine
