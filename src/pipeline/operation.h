// Operation: one command on a project's data, the same whether it runs inside `millrace run` (asked
// over the control socket) or in a command that opened the data folder itself. src/cli turns a
// command line into a request, src/api carries it, and the functions below do it.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "pipeline/workspace.h"

namespace millrace::pipeline {

class Runner;

struct OperationRequest {
  std::string name;                          // "query", "tail", ...
  std::vector<std::string> arguments;        // in order, e.g. the SELECT
  std::map<std::string, std::string> flags;  // "format" -> "json"; a switch is "true"
  std::string input;                         // what standard input gave (produce)

  std::string Flag(const std::string& flag, std::string fallback = {}) const;
  bool Switch(const std::string& flag) const { return Flag(flag) == "true"; }
  // kInvalidArgument when the flag is there and is no number.
  Result<int64_t> Number(const std::string& flag, int64_t fallback) const;
};

// Where an operation's results and messages go: standard output and standard error of whoever
// asked.
class Output {
 public:
  virtual ~Output() = default;
  virtual Status Write(std::string_view text) = 0;  // results; fails when nobody reads any more
  virtual Status Note(std::string_view text) = 0;   // messages, without line end
};

struct OperationContext {
  Workspace& workspace;
  Runner* runner = nullptr;  // null: nothing runs, the command opened the folder itself
  CancelToken& cancel;       // the asker went away, or the process stops
};

using OperationFunction = Status (*)(OperationContext&, const OperationRequest&, Output&);

struct Operation {
  std::string_view name;
  OperationFunction run;
  bool needs_runner = false;  // makes no sense when nothing runs
};

std::span<const Operation> AllOperations();
// kUnavailable when the operation needs a running pipeline: known without opening the data folder.
Status AllowWithoutRunner(const OperationRequest& request, const Project& project);
// kNotFound: no such operation; kUnavailable: it needs a running pipeline.
Status RunOperation(OperationContext& context, const OperationRequest& request, Output& output);

// One function an operation, in operations_*.cc.
Status QueryOperation(OperationContext&, const OperationRequest&, Output&);
Status TailOperation(OperationContext&, const OperationRequest&, Output&);
Status ProduceOperation(OperationContext&, const OperationRequest&, Output&);
Status TopicsOperation(OperationContext&, const OperationRequest&, Output&);
Status TablesOperation(OperationContext&, const OperationRequest&, Output&);
Status RunsOperation(OperationContext&, const OperationRequest&, Output&);
Status TriggerOperation(OperationContext&, const OperationRequest&, Output&);
Status BackfillOperation(OperationContext&, const OperationRequest&, Output&);
Status ClearOperation(OperationContext&, const OperationRequest&, Output&);
Status CancelOperation(OperationContext&, const OperationRequest&, Output&);
Status PauseOperation(OperationContext&, const OperationRequest&, Output&);
Status DeadLettersOperation(OperationContext&, const OperationRequest&, Output&);
Status ReplayOperation(OperationContext&, const OperationRequest&, Output&);
Status BackupOperation(OperationContext&, const OperationRequest&, Output&);
Status StatusOperation(OperationContext&, const OperationRequest&, Output&);

}  // namespace millrace::pipeline
