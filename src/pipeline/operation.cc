#include "pipeline/operation.h"

#include <charconv>

namespace millrace::pipeline {
namespace {

constexpr Operation kOperations[] = {
    {"query", QueryOperation},           {"tail", TailOperation},
    {"produce", ProduceOperation},       {"topics", TopicsOperation},
    {"tables", TablesOperation},         {"runs", RunsOperation},
    {"trigger", TriggerOperation, true}, {"backfill", BackfillOperation, true},
    {"clear", ClearOperation, true},     {"cancel", CancelOperation, true},
    {"pause", PauseOperation, true},     {"dead-letters", DeadLettersOperation},
    {"replay", ReplayOperation},         {"backup", BackupOperation},
    {"status", StatusOperation, true},
};

}  // namespace

std::string OperationRequest::Flag(const std::string& flag, std::string fallback) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::move(fallback) : found->second;
}

Result<int64_t> OperationRequest::Number(const std::string& flag, int64_t fallback) const {
  const auto found = flags.find(flag);
  if (found == flags.end()) return fallback;
  const std::string& text = found->second;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Fail(ErrorCode::kInvalidArgument, "--{} must be a whole number, not \"{}\"", flag, text);
  }
  return number;
}

std::span<const Operation> AllOperations() { return kOperations; }

Status AllowWithoutRunner(const OperationRequest& request, const Project& project) {
  for (const Operation& operation : kOperations) {
    if (operation.name != request.name || !operation.needs_runner) continue;
    return std::unexpected(Error{ErrorCode::kUnavailable,
                                 fmt::format("{} needs the pipeline to be running", request.name),
                                 fmt::format("start it with: millrace run {}", project.file)});
  }
  return {};
}

Status RunOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (context.runner == nullptr) MR_TRY(AllowWithoutRunner(request, context.workspace.project()));
  for (const Operation& operation : kOperations) {
    if (operation.name == request.name) return operation.run(context, request, output);
  }
  return Fail(ErrorCode::kNotFound, "no operation \"{}\"", request.name);
}

}  // namespace millrace::pipeline
