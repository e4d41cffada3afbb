// Operations on runs: runs, trigger, backfill, clear, pause.
#include <algorithm>

#include "engine/format.h"
#include "pipeline/aligned_text.h"
#include "pipeline/json_text.h"
#include "pipeline/operation.h"
#include "pipeline/scheduling.h"
#include "pipeline/tasks.h"
#include "schedule/civil.h"

namespace millrace::pipeline {
namespace {

std::string TimeText(const std::optional<TimestampUs>& at) {
  return at ? schedule::FormatUtc(*at) : "";
}

std::string DurationText(const std::optional<TimestampUs>& from,
                         const std::optional<TimestampUs>& to) {
  if (!from || !to) return "";
  return fmt::format("{:.3f}s", static_cast<double>(*to - *from) / 1e6);
}

std::string RunJson(const schedule::RunRecord& run) {
  JsonText json;
  json.Field("dag", run.dag_id)
      .Field("run", run.run_id)
      .Field("type", schedule::Name(run.type))
      .Field("state", schedule::Name(run.state));
  json.Field("logical_date", schedule::FormatUtc(run.logical_date));
  if (run.started_at) json.Field("started_at", TimeText(run.started_at));
  if (run.ended_at) json.Field("ended_at", TimeText(run.ended_at));
  json.Raw("conf", run.conf_json);
  if (!run.stop_reason.empty()) json.Field("stop_reason", run.stop_reason);
  if (!run.warning.empty()) json.Field("warning", run.warning);
  return json.Object() + '\n';
}

// One object a try, with the lines of its log.
Status ShowTriesAsJson(schedule::Scheduler* scheduler, const std::string& dag,
                       const std::string& run, Output& output) {
  MR_ASSIGN(const auto instances, scheduler->ListTaskInstances(dag, run));
  for (const schedule::TaskInstanceRecord& instance : instances) {
    MR_ASSIGN(const auto tries, scheduler->ListTries(dag, run, instance.task_id));
    for (const schedule::TryRecord& one : tries) {
      MR_ASSIGN(const auto lines,
                scheduler->ReadLog(dag, run, instance.task_id, one.try_number, 1, 1000));
      std::string log;
      for (const schedule::LogLine& line : lines) {
        log += (log.empty() ? "" : ",") + JsonText()
                                              .Field("at", schedule::FormatUtc(line.at))
                                              .Field("level", schedule::Name(line.level))
                                              .Field("text", line.text)
                                              .Object();
      }
      JsonText json;
      json.Field("task", instance.task_id)
          .Field("try", int64_t{one.try_number})
          .Field("generation", one.generation.value)
          .Field("state", schedule::Name(one.state));
      json.Field("started_at", schedule::FormatUtc(one.started_at));
      if (one.ended_at) json.Field("ended_at", TimeText(one.ended_at));
      if (!one.error.empty()) json.Field("error", one.error);
      MR_TRY(output.Write(json.Raw("log", "[" + log + "]").Object() + '\n'));
    }
  }
  return {};
}

Status ShowTries(schedule::Scheduler* scheduler, const std::string& dag, const std::string& run,
                 Output& output) {
  MR_ASSIGN(const auto instances, scheduler->ListTaskInstances(dag, run));
  for (const schedule::TaskInstanceRecord& instance : instances) {
    MR_TRY(output.Write(fmt::format("task {}  {}  generation {}\n", instance.task_id,
                                    schedule::Name(instance.state), instance.generation)));
    MR_ASSIGN(const auto tries, scheduler->ListTries(dag, run, instance.task_id));
    for (const schedule::TryRecord& one : tries) {
      MR_TRY(output.Write(fmt::format(
          "  try {}  {}  {}  {}{}\n", one.try_number, schedule::Name(one.state),
          schedule::FormatUtc(one.started_at), DurationText(one.started_at, one.ended_at),
          one.error.empty() ? "" : "  " + one.error)));
      MR_ASSIGN(const auto lines,
                scheduler->ReadLog(dag, run, instance.task_id, one.try_number, 1, 1000));
      for (const schedule::LogLine& line : lines) {
        MR_TRY(output.Write(fmt::format("    {} {:<7} {}\n", schedule::FormatUtc(line.at),
                                        schedule::Name(line.level), line.text)));
      }
    }
  }
  return {};
}

Result<std::string> OneDag(const OperationContext& context, const OperationRequest& request) {
  if (!request.arguments.empty()) return request.arguments[0];
  const auto& dags = context.workspace.project().dags;
  if (dags.size() == 1) return dags[0].id;
  return Fail(ErrorCode::kInvalidArgument, "name a DAG: the project has {}", dags.size());
}

// The run as it ended. A wait must not hold up the pipeline's own end, so it looks up twice a
// second.
Result<schedule::RunRecord> WaitForEnd(schedule::Scheduler& scheduler,
                                       const schedule::RunRecord& run, int64_t seconds,
                                       const CancelToken& cancel) {
  constexpr auto kLookUp = std::chrono::milliseconds(500);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (true) {
    auto ended = scheduler.WaitForRun(run.dag_id, run.run_id, kLookUp);
    if (ended || ended.error().code != ErrorCode::kTimeout) return ended;
    if (std::chrono::steady_clock::now() >= deadline) return ended;
    if (cancel.cancelled())
      return Fail(ErrorCode::kCancelled, "no longer waiting for run {}", run.run_id);
  }
}

// A time given by --flag.
Result<TimestampUs> TimeFlag(const OperationRequest& request, const std::string& flag) {
  auto at = schedule::ParseUtc(request.Flag(flag));
  if (at) return at;
  return std::unexpected(std::move(at).error().WithContext("--" + flag));
}

// The parameters of a run: a JSON object, or "{}" when none are given.
Result<std::string> ConfFlag(const OperationRequest& request) {
  const std::string conf = request.Flag("conf", "{}");
  Problems problems;
  const Node parsed = ParseDocument("--conf", conf, {}, problems);  // JSON is YAML
  if (problems.empty() && parsed.kind == Node::Kind::kMap) return conf;
  return std::unexpected(Error{
      ErrorCode::kInvalidArgument,
      fmt::format("--conf is no JSON object{}", problems.empty() ? "" : ": " + problems[0].message),
      R"(write it as '{"name": "value"}')"});
}

Result<schedule::Reprocess> ReprocessFlag(const OperationRequest& request) {
  const std::string text = request.Flag("reprocess", "none");
  for (const auto reprocess :
       {schedule::Reprocess::kNone, schedule::Reprocess::kFailed, schedule::Reprocess::kAll}) {
    if (schedule::Name(reprocess) == text) return reprocess;
  }
  return Fail(ErrorCode::kInvalidArgument, "--reprocess is none, failed or all, not \"{}\"", text);
}

std::string BackfillJson(const schedule::BackfillRecord& one) {
  return JsonText()
             .Field("backfill", one.backfill_id)
             .Field("state", schedule::Name(one.state))
             .Field("from", schedule::FormatUtc(one.from))
             .Field("to", schedule::FormatUtc(one.to))
             .Field("next", schedule::FormatUtc(one.cursor))
             .Field("started", int64_t{one.started_count})
             .Object() +
         '\n';
}

Status ListBackfills(const SchedulerAccess& scheduler, const std::string& dag, bool json,
                     Output& output) {
  std::vector<std::vector<std::string>> rows = {{"ID", "STATE", "FROM", "TO", "NEXT", "STARTED"}};
  std::string objects;
  MR_ASSIGN(const auto backfills, scheduler->ListBackfills(dag));
  for (const schedule::BackfillRecord& one : backfills) {
    rows.push_back({std::to_string(one.backfill_id), std::string(schedule::Name(one.state)),
                    schedule::FormatUtc(one.from), schedule::FormatUtc(one.to),
                    schedule::FormatUtc(one.cursor), std::to_string(one.started_count)});
    objects += BackfillJson(one);
  }
  return output.Write(json ? objects : AlignedText(rows));
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  size_t at = 0;
  while (at < text.size()) {
    const size_t comma = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

// A DAG of the project, or one that left it and has runs still.
Status CheckDagWasEver(schedule::Scheduler& scheduler, const std::string& dag) {
  const auto known = scheduler.GetDag(dag);
  if (known) return {};
  MR_ASSIGN(const schedule::RunPage page, scheduler.ListRuns({.dag_id = dag}, 1, 0));
  if (page.total > 0) return {};
  return std::unexpected(known.error());
}

std::string PlanText(const schedule::BackfillPlan& plan) {
  std::string dates;
  for (const TimestampUs date : plan.first_dates)
    dates += (dates.empty() ? "" : ", ") + schedule::FormatUtc(date);
  return fmt::format(
      "{} logical dates, {} with a run already: {} runs to start{}\n", plan.due_count,
      plan.existing_count, plan.run_count,
      dates.empty() ? "" : " (" + dates + (plan.due_count > 10 ? ", ..." : "") + ")");
}

std::string PlanJson(const schedule::BackfillPlan& plan) {
  std::string dates;
  for (const TimestampUs date : plan.first_dates)
    dates += fmt::format("{}\"{}\"", dates.empty() ? "" : ",", schedule::FormatUtc(date));
  return JsonText()
             .Field("logical_dates", static_cast<int64_t>(plan.due_count))
             .Field("existing_runs", static_cast<int64_t>(plan.existing_count))
             .Field("runs_to_start", static_cast<int64_t>(plan.run_count))
             .Raw("first_dates", "[" + dates + "]")
             .Object() +
         '\n';
}

}  // namespace

Status RunsOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  MR_ASSIGN(const SchedulerAccess scheduler, SchedulerAccess::Of(context));
  if (request.arguments.size() == 2) {
    const auto show = request.Switch("json") ? ShowTriesAsJson : ShowTries;
    return show(scheduler.operator->(), request.arguments[0], request.arguments[1], output);
  }
  schedule::RunFilter filter;
  if (!request.arguments.empty()) {
    filter.dag_id = request.arguments[0];
    MR_TRY(CheckDagWasEver(*scheduler.operator->(), request.arguments[0]));
  }
  if (const std::string state = request.Flag("state"); !state.empty()) {
    filter.state = schedule::ParseRunState(state);
    if (!filter.state)
      return Fail(ErrorCode::kInvalidArgument, "no state \"{}\": queued, running, success, failed",
                  state);
  }
  MR_ASSIGN(const int64_t limit, request.Number("limit", 20));
  MR_ASSIGN(const schedule::RunPage page,
            scheduler->ListRuns(filter, std::clamp<int64_t>(limit, 1, 1000), 0));
  std::vector<std::vector<std::string>> rows = {
      {"DAG", "RUN", "STATE", "STARTED", "DURATION", "NOTE"}};
  std::string json;
  for (const schedule::RunRecord& run : page.runs) {
    rows.push_back({run.dag_id, run.run_id, std::string(schedule::Name(run.state)),
                    TimeText(run.started_at), DurationText(run.started_at, run.ended_at),
                    run.stop_reason.empty() ? run.warning : run.stop_reason});
    json += RunJson(run);
  }
  if (request.Switch("json")) return output.Write(json);
  MR_TRY(output.Write(AlignedText(rows)));
  return output.Note(
      fmt::format("{} of {} runs; one run with its tries and logs: millrace runs DAG RUN",
                  page.runs.size(), page.total));
}

Status TriggerOperation(OperationContext& context, const OperationRequest& request,
                        Output& output) {
  MR_ASSIGN(const std::string dag, OneDag(context, request));
  MR_ASSIGN(const SchedulerAccess scheduler, SchedulerAccess::Running(context));
  schedule::TriggerRequest trigger;
  MR_ASSIGN(trigger.conf_json, ConfFlag(request));
  if (!request.Flag("logical-date").empty()) {
    MR_ASSIGN(trigger.logical_date, TimeFlag(request, "logical-date"));
  }
  MR_TRY(CheckRunParams(context.workspace.project(), dag, trigger.conf_json));
  MR_ASSIGN(schedule::RunRecord run, scheduler->Trigger(dag, trigger));
  if (request.Switch("wait")) {
    MR_TRY(output.Note(fmt::format("run {} started, waiting for its end", run.run_id)));
    MR_ASSIGN(const int64_t seconds, request.Number("timeout", 3600));
    MR_ASSIGN(run, WaitForEnd(*scheduler, run, seconds, context.cancel));
  }
  MR_TRY(output.Write(request.Switch("json")
                          ? RunJson(run)
                          : fmt::format("{} {}\n", run.run_id, schedule::Name(run.state))));
  if (run.state == schedule::RunState::kFailed) {
    return std::unexpected(Error{ErrorCode::kIo, fmt::format("run {} failed", run.run_id),
                                 fmt::format("millrace runs {} {}", dag, run.run_id)});
  }
  return {};
}

Status BackfillOperation(OperationContext& context, const OperationRequest& request,
                         Output& output) {
  MR_ASSIGN(const std::string dag, OneDag(context, request));
  MR_ASSIGN(const SchedulerAccess scheduler, SchedulerAccess::Running(context));
  if (request.Switch("list")) return ListBackfills(scheduler, dag, request.Switch("json"), output);
  schedule::BackfillRequest backfill;
  backfill.dag_id = dag;
  MR_ASSIGN(backfill.from, TimeFlag(request, "from"));
  MR_ASSIGN(backfill.to, TimeFlag(request, "to"));
  MR_ASSIGN(backfill.conf_json, ConfFlag(request));
  MR_TRY(CheckRunParams(context.workspace.project(), dag, backfill.conf_json));
  MR_ASSIGN(const int64_t parallelism, request.Number("parallelism", 1));
  backfill.parallelism = static_cast<int>(parallelism);
  MR_ASSIGN(backfill.reprocess, ReprocessFlag(request));
  MR_ASSIGN(const schedule::BackfillPlan plan, scheduler->PlanBackfill(backfill));
  const bool json = request.Switch("json");
  MR_TRY(output.Write(json ? PlanJson(plan) : PlanText(plan)));
  if (!request.Switch("yes")) return output.Note("nothing started; add --yes to start them");
  MR_ASSIGN(const schedule::BackfillRecord record, scheduler->StartBackfill(backfill));
  return output.Write(json ? BackfillJson(record)
                           : fmt::format("backfill {} started\n", record.backfill_id));
}

Status ClearOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  if (request.arguments.size() != 2)
    return Fail(ErrorCode::kInvalidArgument, "clear needs a DAG and a run");
  MR_ASSIGN(const SchedulerAccess scheduler, SchedulerAccess::Running(context));
  schedule::ClearRequest clear;
  clear.dag_id = request.arguments[0];
  clear.run_id = request.arguments[1];
  clear.task_ids = Split(request.Flag("tasks"));
  clear.downstream = !request.Switch("only-these");
  clear.only_failed = request.Switch("only-failed");
  MR_ASSIGN(const int cleared, scheduler->Clear(clear));
  return output.Write(request.Switch("json")
                          ? JsonText().Field("cleared", int64_t{cleared}).Object() + '\n'
                          : fmt::format("{} task instances cleared\n", cleared));
}

Status CancelOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  MR_ASSIGN(const SchedulerAccess scheduler, SchedulerAccess::Running(context));
  if (request.flags.contains("backfill")) {
    MR_ASSIGN(const int64_t id, request.Number("backfill", 0));
    MR_TRY(scheduler->CancelBackfill(id));
    return output.Write(fmt::format("backfill {} starts no further runs\n", id));
  }
  if (request.arguments.size() != 2)
    return Fail(ErrorCode::kInvalidArgument, "cancel needs a DAG and a run, or --backfill");
  MR_TRY(scheduler->CancelRun(request.arguments[0], request.arguments[1]));
  return output.Write(fmt::format("{} is cancelled\n", request.arguments[1]));
}

Status PauseOperation(OperationContext& context, const OperationRequest& request, Output& output) {
  MR_ASSIGN(const std::string dag, OneDag(context, request));
  MR_ASSIGN(const SchedulerAccess scheduler, SchedulerAccess::Running(context));
  const bool paused = !request.Switch("off");
  MR_TRY(scheduler->SetPaused(dag, paused));
  return output.Write(fmt::format("{} {}\n", dag, paused ? "paused" : "goes on"));
}

}  // namespace millrace::pipeline
