// The kinds of task a project knows: http (extract), command and query; and what a try that died has done.
#pragma once

#include <atomic>
#include <memory>

#include "extract/auth.h"
#include "extract/cursor.h"
#include "extract/rate_limit.h"
#include "io/http_client.h"
#include "pipeline/workspace.h"
#include "schedule/task.h"

namespace millrace::pipeline {

// Of the topic that keeps the cursors of http tasks.
log::TopicSpec CursorTopicSpec();

// What all tries share. Thread contract: every function from any thread.
class TaskEnvironment {
 public:
  static Result<std::unique_ptr<TaskEnvironment>> Make(Workspace& workspace);

  Workspace& workspace() { return workspace_; }
  io::HttpClient& http() { return *http_; }
  extract::CursorStore& cursors() { return *cursors_; }
  extract::HostLimits& limits() { return limits_; }
  extract::TokenCache& tokens() { return tokens_; }

  std::atomic<uint64_t> extracted_records = 0;  // committed since the start
  std::atomic<uint64_t> limits_reached = 0;     // tries that stopped at limits and left the rest
  std::atomic<uint64_t> extracted_pages = 0;

 private:
  explicit TaskEnvironment(Workspace& workspace);

  Workspace& workspace_;
  std::unique_ptr<io::HttpClient> http_;
  std::unique_ptr<flow::Source> cursor_topic_;
  std::unique_ptr<extract::CursorStore> cursors_;
  extract::HostLimits limits_;
  extract::TokenCache tokens_;
};

// Whether a run with this conf gives every parameter its tasks' templates need; kInvalidArgument
// with the first that is missing. A run that was not checked fails with the try.
Status CheckRunParams(const Project& project, std::string_view dag, const std::string& conf_json);

schedule::TaskFactory MakeTaskFactory(TaskEnvironment& environment);
// Asks the log whether the transaction of an http task was committed (DESIGN invariant 7). Commands and queries have
// no transaction: a try that died has not succeeded.
schedule::TryResolver MakeTryResolver(Workspace& workspace);

}  // namespace millrace::pipeline
