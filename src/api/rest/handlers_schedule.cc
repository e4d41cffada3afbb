// DAGs, runs, tries, logs, backfills, pools.
#include <algorithm>

#include "api/rest/answers.h"
#include "api/rest/paging.h"
#include "schedule/civil.h"
#include "schedule/run_store.h"

namespace millrace::api::rest {
namespace {

using data::JsonValue;
using pipeline::JsonList;
using pipeline::JsonText;

constexpr size_t kNextDueCount = 10;

// Members of a body whose shape was checked.
std::string TextOf(const JsonValue& body, std::string_view name, std::string fallback = {}) {
  const JsonValue* value = body.Find(name);
  return value == nullptr ? std::move(fallback) : value->text;
}
bool FlagOf(const JsonValue& body, std::string_view name, bool fallback) {
  const JsonValue* value = body.Find(name);
  return value == nullptr ? fallback : value->text == "true";
}
std::string ConfOf(const JsonValue& body) {
  const JsonValue* conf = body.Find("conf");
  return conf == nullptr ? "{}" : data::ToJson(*conf);
}

Result<schedule::BackfillRequest> BackfillOf(const Call& call) {
  schedule::BackfillRequest request;
  request.dag_id = call.Text("dag");
  MR_ASSIGN(request.from, schedule::ParseUtc(TextOf(call.body, "from")));
  MR_ASSIGN(request.to, schedule::ParseUtc(TextOf(call.body, "to")));
  request.parallelism = std::stoi(TextOf(call.body, "parallelism", "1"));
  const std::string reprocess = TextOf(call.body, "reprocess", "none");
  request.reprocess = reprocess == "all"      ? schedule::Reprocess::kAll
                      : reprocess == "failed" ? schedule::Reprocess::kFailed
                                              : schedule::Reprocess::kNone;
  request.conf_json = ConfOf(call.body);
  return request;
}

std::string TimesJson(const std::vector<TimestampUs>& times) {
  JsonList list;
  for (const TimestampUs time : times) list.Add(TimeJson(time));
  return list.Array();
}

std::string TaskJson(const schedule::TaskSpec& task) {
  JsonList upstream;
  for (const std::string& name : task.upstream) upstream.AddText(name);
  return JsonText()
      .Field("task", task.id)
      .Field("kind", task.kind)
      .Raw("upstream", upstream.Array())
      .Field("retries", int64_t{task.retry.retries})
      .Field("pool", task.pool)
      .Field("pool_slots", int64_t{task.pool_slots})
      .Field("priority", int64_t{task.priority})
      .Object();
}

Result<schedule::BackfillRecord> FindBackfill(schedule::Scheduler& scheduler,
                                              const std::string& dag, int64_t id) {
  MR_ASSIGN(const auto backfills, scheduler.ListBackfills(dag));
  const auto found = std::ranges::find(backfills, id, &schedule::BackfillRecord::backfill_id);
  if (found == backfills.end())
    return Fail(ErrorCode::kNotFound, "DAG {} has no backfill {}", dag, id);
  return *found;
}

// A page of records that rise by `number`, from behind the cursor's on.
template <typename Records, typename Number, typename ToJson>
Result<Answer> PageByNumber(const Call& call, const Records& records, Number number,
                            ToJson to_json) {
  int64_t after = 0;
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 1));
    after = place[0];
  }
  JsonList items;
  int64_t left = call.Integer("limit");
  for (const auto& record : records) {
    if (record.*number <= after) continue;
    if (left-- == 0) return PageAnswer(items, std::to_string(after));
    items.Add(to_json(record));
    after = record.*number;
  }
  return PageAnswer(items, std::nullopt);
}

}  // namespace

Result<Answer> ListDags(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  return PageByName(
      call, scheduler->ListDags(),
      [](const schedule::DagInfo& dag) -> const std::string& { return dag.record.dag_id; },
      DagJson);
}

Result<Answer> GetDag(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  const std::string& name = call.Text("dag");
  MR_ASSIGN(const schedule::DagInfo info, scheduler->GetDag(name));
  MR_ASSIGN(const auto next, scheduler->NextDue(name, kNextDueCount));
  const auto& dags = call.workspace.project().dags;
  const auto spec = std::ranges::find(dags, name, &schedule::DagSpec::id);
  if (spec == dags.end()) return Fail(ErrorCode::kNotFound, "no DAG {} in the project", name);
  JsonList tasks;
  for (const schedule::TaskSpec& task : spec->tasks) tasks.Add(TaskJson(task));
  return Answer{JsonText()
                    .Raw("summary", DagJson(info))
                    .Field("schedule", spec->timetable.text())
                    .Field("time_zone", spec->timetable.zone().name())
                    .Field("max_active_runs", int64_t{spec->max_active_runs})
                    .Raw("tasks", tasks.Array())
                    .Raw("next_due", TimesJson(next))
                    .Object()};
}

Result<Answer> ChangeDag(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  const std::string& name = call.Text("dag");
  MR_TRY(scheduler->SetPaused(name, FlagOf(call.body, "paused", false)));
  MR_ASSIGN(const schedule::DagInfo info, scheduler->GetDag(name));
  return Answer{DagJson(info)};
}

Result<Answer> ListRuns(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  schedule::RunFilter filter;
  if (call.Has("dag")) filter.dag_id = call.Text("dag");
  if (call.Has("state")) filter.state = schedule::ParseRunState(call.Text("state"));
  if (call.Has("type")) filter.type = schedule::ParseRunType(call.Text("type"));
  if (call.Has("logical_from")) filter.logical_from = call.Time("logical_from");
  if (call.Has("logical_to")) filter.logical_to = call.Time("logical_to");
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 2));
    filter.after = schedule::RunPlace{TimestampUs(place[0]), place[1]};
  }
  const int64_t limit = call.Integer("limit");
  MR_ASSIGN(const schedule::RunPage page, scheduler->ListRuns(filter, limit, 0));
  JsonList items;
  for (const schedule::RunRecord& run : page.runs) items.Add(RunJson(run));
  JsonText json;
  json.Raw("items", items.Array());
  if (static_cast<int64_t>(page.runs.size()) < limit) {
    json.Raw("next_cursor", "null");
  } else {
    const schedule::RunRecord& last = page.runs.back();
    json.Field("next_cursor", EncodeCursor(fmt::format("{}:{}", last.logical_date, last.run_key)));
  }
  return Answer{json.Field("total", page.total).Object()};
}

Result<Answer> GetRun(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  MR_ASSIGN(const auto run, scheduler->GetRun(call.Text("dag"), call.Text("run")));
  MR_ASSIGN(const auto instances, scheduler->ListTaskInstances(run.dag_id, run.run_id));
  JsonList tasks;
  for (const schedule::TaskInstanceRecord& instance : instances)
    tasks.Add(TaskInstanceJson(instance));
  return Answer{JsonText().Raw("summary", RunJson(run)).Raw("tasks", tasks.Array()).Object()};
}

Result<Answer> TriggerRun(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  schedule::TriggerRequest trigger;
  trigger.conf_json = ConfOf(call.body);
  trigger.run_id = TextOf(call.body, "run");
  if (const JsonValue* date = call.body.Find("logical_date")) {
    MR_ASSIGN(trigger.logical_date, schedule::ParseUtc(date->text));
  }
  MR_ASSIGN(const auto run, scheduler->Trigger(call.Text("dag"), trigger));
  return Answer{RunJson(run)};
}

Result<Answer> ClearRun(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  schedule::ClearRequest clear;
  clear.dag_id = call.Text("dag");
  clear.run_id = call.Text("run");
  if (const JsonValue* tasks = call.body.Find("tasks")) {
    for (const JsonValue& task : tasks->items) clear.task_ids.push_back(task.text);
    if (clear.task_ids.empty())
      return Fail(ErrorCode::kInvalidArgument, "tasks: name one, or leave it out for all");
  }
  clear.downstream = FlagOf(call.body, "downstream", true);
  clear.only_failed = FlagOf(call.body, "only_failed", false);
  MR_ASSIGN(const int cleared, scheduler->Clear(clear));
  return Answer{JsonText().Field("task_instances", int64_t{cleared}).Object()};
}

Result<Answer> CancelRun(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  MR_TRY(scheduler->CancelRun(call.Text("dag"), call.Text("run")));
  MR_ASSIGN(const auto run, scheduler->GetRun(call.Text("dag"), call.Text("run")));
  return Answer{RunJson(run)};
}

Result<Answer> ListTries(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  MR_ASSIGN(const auto tries,
            scheduler->ListTries(call.Text("dag"), call.Text("run"), call.Text("task")));
  return PageByNumber(call, tries, &schedule::TryRecord::try_number, TryJson);
}

Result<Answer> ReadTryLog(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  const std::string& dag = call.Text("dag");
  const std::string& run = call.Text("run");
  const std::string& task = call.Text("task");
  const auto number = static_cast<int>(call.Integer("try"));
  // The state is looked at first: a try seen finished has all its lines.
  MR_ASSIGN(const auto tries, scheduler->ListTries(dag, run, task));
  const auto one = std::ranges::find(tries, number, &schedule::TryRecord::try_number);
  if (one == tries.end())
    return Fail(ErrorCode::kNotFound, "task {} of run {} has no try {}", task, run, number);
  int64_t from = call.Integer("from");
  const int64_t limit = call.Integer("limit");
  MR_ASSIGN(const auto lines, scheduler->ReadLog(dag, run, task, number, from, limit));
  JsonList items;
  for (const schedule::LogLine& line : lines) {
    items.Add(JsonText()
                  .Field("number", line.number)
                  .Raw("at", TimeJson(line.at))
                  .Field("level", schedule::Name(line.level))
                  .Field("text", line.text)
                  .Object());
    from = line.number + 1;
  }
  const bool more = static_cast<int64_t>(lines.size()) == limit;
  return Answer{JsonText()
                    .Raw("items", items.Array())
                    .Field("next_from", from)
                    .Field("running", more || one->state == schedule::TryState::kRunning)
                    .Object()};
}

Result<Answer> ListBackfills(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  MR_TRY(scheduler->GetDag(call.Text("dag")));
  MR_ASSIGN(auto backfills, scheduler->ListBackfills(call.Text("dag")));
  std::ranges::sort(backfills, {}, &schedule::BackfillRecord::backfill_id);
  return PageByNumber(call, backfills, &schedule::BackfillRecord::backfill_id, BackfillJson);
}

Result<Answer> PlanBackfill(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  MR_ASSIGN(const auto request, BackfillOf(call));
  MR_ASSIGN(const auto plan, scheduler->PlanBackfill(request));
  return Answer{JsonText()
                    .Field("due_count", plan.due_count)
                    .Field("existing_count", plan.existing_count)
                    .Field("run_count", plan.run_count)
                    .Raw("first_dates", TimesJson(plan.first_dates))
                    .Object()};
}

Result<Answer> StartBackfill(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  MR_ASSIGN(const auto request, BackfillOf(call));
  MR_ASSIGN(const auto plan, scheduler->PlanBackfill(request));
  if (std::to_string(plan.run_count) != call.body.Find("run_count")->text) {
    return std::unexpected(Error{ErrorCode::kConflict,
                                 fmt::format("run_count: {} runs would be started, not {}",
                                             plan.run_count, call.body.Find("run_count")->text),
                                 "plan it again"});
  }
  MR_ASSIGN(const auto backfill, scheduler->StartBackfill(request));
  return Answer{BackfillJson(backfill)};
}

Result<Answer> CancelBackfill(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  const int64_t id = call.Integer("backfill");
  MR_TRY(FindBackfill(*scheduler, call.Text("dag"), id));
  MR_TRY(scheduler->CancelBackfill(id));
  MR_ASSIGN(const auto backfill, FindBackfill(*scheduler, call.Text("dag"), id));
  return Answer{BackfillJson(backfill)};
}

Result<Answer> ListPools(Call& call) {
  MR_ASSIGN(schedule::Scheduler* const scheduler, call.Scheduler());
  auto pools = scheduler->ListPools();
  std::ranges::sort(pools, {}, &schedule::PoolInfo::name);
  return PageByName(
      call, pools, [](const schedule::PoolInfo& pool) -> const std::string& { return pool.name; },
      [](const schedule::PoolInfo& pool) {
        return JsonText()
            .Field("pool", pool.name)
            .Field("slots", int64_t{pool.slots})
            .Field("used_slots", int64_t{pool.used_slots})
            .Field("waiting", int64_t{pool.waiting})
            .Object();
      });
}

}  // namespace millrace::api::rest
