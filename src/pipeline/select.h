// One SELECT over the project's tables, topics and references as they are now: what `millrace
// query` prints and the REST API answers.
#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "engine/batch_query.h"
#include "pipeline/workspace.h"

namespace millrace::pipeline {

// kInvalidArgument with every mistake, each with line and column.
Result<sql::PlanPtr> BindSelect(const Project& project, const std::string& sql);

struct SelectEnd {
  engine::BatchStats stats;
  uint64_t unreadable_records = 0;  // of topics, that do not fit their schema and were left out
};
// Errors as engine::RunBatch.
Result<SelectEnd> RunSelect(Workspace& workspace, const sql::Plan& plan, const CancelToken& cancel,
                            const engine::BatchCallback& give);

}  // namespace millrace::pipeline
