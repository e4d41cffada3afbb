// StreamProgram: a streaming plan compiled into straight lines, one from each scan up to the sinks
// or up to the window aggregate, and one from there on.
//
//   UNION ALL of two topics, a window above        lines[0]: scan a, filter, project
//                                                  lines[1]: scan b, project
//                                                  window:   the aggregate both feed
//                                                  after:    having, project
//
// Thread contract: const use from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/stream/operators.h"
#include "sql/plan.h"

namespace millrace::engine {

struct Line {
  const sql::Plan* scan = nullptr;  // kScan of a stream
  OperatorPtr pushed;               // the scan's pushed filters; may be null
  std::vector<OperatorPtr> operators;
};

struct StreamProgram {
  sql::PlanPtr plan;  // keeps the nodes alive
  std::vector<Line> lines;
  const sql::Plan* window = nullptr;
  std::vector<OperatorPtr> after;         // over the window's output
  std::vector<const sql::Plan*> lookups;  // by number, as MakeLookup was told
  std::vector<std::string> topics;        // read, without repeats, sorted

  // kUnsupported: a node that does not run in a stream, by name and place.
  static Result<StreamProgram> Compile(sql::PlanPtr plan);
};

}  // namespace millrace::engine
