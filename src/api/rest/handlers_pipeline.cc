// The pipeline as a whole: what it is, what it runs with, how it is, and its live values.
#include <algorithm>
#include <condition_variable>

#include "api/rest/answers.h"
#include "api/rest/documents.h"
#include "api/rest/paging.h"
#include "io/process_usage.h"

namespace millrace::api::rest {
namespace {

using pipeline::JsonList;
using pipeline::JsonText;

std::string RoleJson(std::string_view role, std::string_view by, std::string_view state,
                     std::string_view detail) {
  return JsonText()
      .Field("role", role)
      .Field("by", by)
      .Field("state", state)
      .Field("detail", detail)
      .Object();
}

std::string RolesJson(Call& call, const pipeline::RunnerSnapshot& snapshot) {
  constexpr std::string_view kEmbedded = "embedded";
  const pipeline::Project& project = call.workspace.project();
  const bool schedules = call.runner.scheduler() != nullptr;
  const auto fetches = std::ranges::count_if(
      project.tasks, [](const pipeline::TaskWork& task) { return task.http.has_value(); });
  const auto running = std::ranges::count(snapshot.queries, true, &pipeline::QueryStatus::running);
  const bool all_run = static_cast<size_t>(running) == snapshot.queries.size();
  const size_t damaged = call.workspace.log().DamagedPartitions().size();
  return JsonList()
      .Add(RoleJson("extract", kEmbedded, schedules && fetches > 0 ? "ok" : "off",
                    fmt::format("{} http tasks", fetches)))
      .Add(RoleJson("schedule", kEmbedded, schedules ? "ok" : "off",
                    fmt::format("{} DAGs", snapshot.dags.size())))
      .Add(RoleJson("log", project.kafka ? "kafka" : kEmbedded, damaged == 0 ? "ok" : "failed",
                    fmt::format("{} damaged partitions", damaged)))
      .Add(RoleJson("queries", kEmbedded, all_run ? "ok" : "failed",
                    fmt::format("{} of {} run", running, snapshot.queries.size())))
      .Add(RoleJson("tables", project.cassandra ? "cassandra" : kEmbedded, "ok",
                    fmt::format("{} tables", call.workspace.store().Tables().size())))
      .Array();
}

std::string SettingJson(const pipeline::EffectiveSetting& setting) {
  JsonText json;
  json.Field("path", setting.path)
      .Raw("value", setting.value ? TextJson(*setting.value) : "null")
      .Field("origin", pipeline::Name(setting.origin));
  if (!setting.where) return json.Raw("line", "null").Raw("column", "null").Object();
  return json.Field("line", int64_t{setting.where->line})
      .Field("column", int64_t{setting.where->column})
      .Object();
}

std::string ProcessJson() {
  const io::ProcessUsage usage = io::ReadProcessUsage();
  return JsonText()
      .Field("resident_bytes", usage.resident_bytes)
      .Field("cpu_seconds", usage.cpu_seconds)
      .Field("threads", usage.threads)
      .Field("open_files", usage.open_files)
      .Object();
}

std::string DamageJson(const log::Log& log) {
  JsonList list;
  for (const log::Log::Damage& damage : log.DamagedPartitions()) {
    list.Add(JsonText()
                 .Field("topic", damage.at.topic)
                 .Field("partition", int64_t{damage.at.partition.value})
                 .Field("error", damage.error.message)
                 .Object());
  }
  return list.Array();
}

std::string LostJson(const log::Log& log) {
  JsonList list;
  for (const log::LostRange& lost : log.LostRanges()) {
    list.Add(JsonText()
                 .Field("topic", lost.at.topic)
                 .Field("partition", int64_t{lost.at.partition.value})
                 .Field("begin", lost.begin.value)
                 .Field("end", lost.end.value)
                 .Field("reason", lost.reason)
                 .Object());
  }
  return list.Array();
}

}  // namespace

Result<Answer> GetOpenApi(Call&) { return Answer{OpenApiJson()}; }

Result<Answer> GetPipeline(Call& call) {
  const pipeline::Project& project = call.workspace.project();
  const auto snapshot = call.live.Snapshot(call.runner);
  return Answer{JsonText()
                    .Field("name", project.name)
                    .Field("description", project.description)
                    .Field("project_file", project.file)
                    .Field("draining", snapshot->draining)
                    .Raw("roles", RolesJson(call, *snapshot))
                    .Field("dags", static_cast<int64_t>(project.dags.size()))
                    .Field("topics", static_cast<int64_t>(project.topics.size()))
                    .Field("queries", static_cast<int64_t>(project.queries.size()))
                    .Field("tables", static_cast<int64_t>(project.tables.size()))
                    .Field("extracted_records", snapshot->extracted_records)
                    .Field("log_bytes", snapshot->log_bytes)
                    .Object()};
}

Result<Answer> ListSettings(Call& call) {
  const auto& settings = call.workspace.project().effective_settings;
  size_t next = 0;
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 1));
    next = static_cast<size_t>(std::max<int64_t>(place[0], 0));
  }
  JsonList items;
  for (int64_t left = call.Integer("limit"); left > 0 && next < settings.size(); --left)
    items.Add(SettingJson(settings[next++]));
  return PageAnswer(items,
                    next < settings.size() ? std::optional(std::to_string(next)) : std::nullopt);
}

Result<Answer> GetDiagnostics(Call& call) {
  pipeline::Workspace& workspace = call.workspace;
  const auto snapshot = call.live.Snapshot(call.runner);
  JsonList failed;
  for (const pipeline::QueryStatus& query : snapshot->queries) {
    if (query.failure.empty()) continue;
    failed.Add(JsonText().Field("query", query.name).Field("failure", query.failure).Object());
  }
  const auto free = workspace.fs().FreeBytes(workspace.project().data_folder);
  const uint64_t budget = workspace.project().settings.log_disk_budget;
  return Answer{JsonText()
                    .Raw("at", TimeJson(workspace.clock().Now()))
                    .Raw("process", ProcessJson())
                    .Raw("disk_free_bytes", free ? std::to_string(*free) : "null")
                    .Field("log_bytes", workspace.log().DiskBytes())
                    .Raw("log_budget_bytes", budget == 0 ? "null" : std::to_string(budget))
                    .Raw("damaged_partitions", DamageJson(workspace.log()))
                    .Raw("lost_ranges", LostJson(workspace.log()))
                    .Raw("failed_queries", failed.Array())
                    .Object()};
}

Result<Answer> StreamEvents(Call& call) {
  const std::shared_ptr<void> open = call.live.OpenStream();
  if (open == nullptr) {
    return Fail(ErrorCode::kResourceExhausted, "{} event streams are open already",
                LiveValues::kStreamsMax);
  }
  Answer answer;
  answer.stream = [open, &live = call.live, &runner = call.runner, &stopping = call.stopping,
                   interval = std::chrono::milliseconds(call.Integer("interval_ms"))](
                      io::ResponseStream& out) {
    std::mutex mutex;
    std::condition_variable wake;
    const CancelToken::Watch watch(stopping, [&] {
      const std::lock_guard lock(mutex);
      wake.notify_all();
    });
    for (int64_t id = 1; !stopping.cancelled() && !out.closed(); ++id) {
      if (!out.Write(fmt::format("id: {}\nevent: live\ndata: {}\n\n", id, live.Picture(runner))))
        return;
      std::unique_lock lock(mutex);
      wake.wait_for(lock, interval, [&] { return stopping.cancelled(); });
    }
  };
  return answer;
}

}  // namespace millrace::api::rest
