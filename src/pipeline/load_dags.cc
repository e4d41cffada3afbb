// Graphs of tasks of a project: schedules, retries, and what each task does.
#include "pipeline/project_loader.h"
#include "schedule/civil.h"

namespace millrace::pipeline {
namespace {

std::chrono::milliseconds Milliseconds(int64_t micros) {
  return std::chrono::milliseconds(micros / 1000);
}

schedule::TriggerRule RuleOf(const std::string& text) {
  if (text == "all_done") return schedule::TriggerRule::kAllDone;
  if (text == "one_failed") return schedule::TriggerRule::kOneFailed;
  return schedule::TriggerRule::kAllSuccess;
}

schedule::CatchUpPolicy::Kind CatchUpOf(const std::string& text) {
  if (text == "all") return schedule::CatchUpPolicy::Kind::kAll;
  if (text == "last") return schedule::CatchUpPolicy::Kind::kLast;
  return schedule::CatchUpPolicy::Kind::kNone;
}

}  // namespace

void ProjectLoader::LoadPools(const Section& root) {
  for (const auto& [name, section] : root.Children("pools")) {
    project_.pools.emplace(name, static_cast<int>(section.Integer("slots")));
  }
}

void ProjectLoader::LoadDags(const Section& root) {
  for (const auto& [name, section] : root.Children("dags")) LoadDag(name, section);
}

void ProjectLoader::LoadDag(const std::string& name, const Section& section) {
  schedule::DagSpec dag;
  dag.id = name;
  auto zone = TimeZone::Find(section.Text("time_zone"));
  if (!zone) {
    Error(section.Where("time_zone"), zone.error().message, zone.error().hint);
    zone = TimeZone::Utc();
  }
  if (auto timetable = schedule::Timetable::Parse(section.Text("schedule"), *zone)) {
    dag.timetable = std::move(*timetable);
    if (options_.now.value > 0 && !dag.timetable.ByHandOnly() &&
        !dag.timetable.NextAfter(options_.now)) {
      Error(section.Where("schedule"),
            fmt::format("schedule \"{}\" never fires again", section.Text("schedule")),
            "look at its day and month fields");
    }
  } else {
    Error(section.Where("schedule"), timetable.error().message, timetable.error().hint);
  }
  if (const std::string start = section.Text("start"); !start.empty()) {
    const auto at = schedule::ParseUtc(start);
    if (at)
      dag.start = *at;
    else
      Error(section.Where("start"), at.error().message, "write it as 2026-01-31T00:00:00Z");
  }
  dag.catch_up = {CatchUpOf(section.Text("catch_up")),
                  Milliseconds(section.DurationUs("catch_up_age"))};
  dag.overlap.kind = section.Text("overlap") == "queue" ? schedule::OverlapPolicy::Kind::kQueue
                                                        : schedule::OverlapPolicy::Kind::kSkip;
  dag.overlap.queue_max = static_cast<int>(section.Integer("queue_max"));
  dag.max_active_runs = static_cast<int>(section.Integer("max_active_runs"));
  dag.run_timeout = Milliseconds(section.DurationUs("run_timeout"));
  dag.starts_paused = section.Boolean("paused");
  for (const auto& [task_name, task_section] : section.Children("tasks")) {
    if (auto task = LoadTask(name, task_name, task_section)) dag.tasks.push_back(std::move(*task));
  }
  if (const auto made = schedule::Dag::Create(dag); !made) {
    Error(section.node()->key_where, made.error().message, made.error().hint);
  }
  project_.dags.push_back(std::move(dag));
}

std::optional<schedule::TaskSpec> ProjectLoader::LoadTask(const std::string& dag,
                                                          const std::string& name,
                                                          const Section& section) {
  schedule::TaskSpec spec;
  spec.id = name;
  spec.upstream = section.Texts("needs");
  spec.rule = RuleOf(section.Text("trigger_rule"));
  spec.retry.retries = static_cast<int>(section.Integer("retries"));
  spec.retry.delay = Milliseconds(section.DurationUs("retry_delay"));
  spec.retry.delay_max = Milliseconds(section.DurationUs("retry_delay_max"));
  spec.try_timeout = Milliseconds(section.DurationUs("timeout"));
  spec.pool = section.Text("pool");
  spec.priority = static_cast<int>(section.Integer("priority"));
  if (spec.pool != schedule::kDefaultPool && !project_.pools.contains(spec.pool)) {
    Error(section.Where("pool"), fmt::format("no pool \"{}\"", spec.pool),
          "declare it under pools:");
  }
  TaskWork work;
  work.dag = dag;
  work.name = name;
  work.where = section.node()->key_where;
  const int kinds = section.Has("http") + section.Has("command") + section.Has("query");
  if (kinds != 1) {
    Error(work.where, fmt::format("task {} has {} kinds of work", name, kinds),
          "give it exactly one of http, command, query");
    return std::nullopt;
  }
  if (section.Has("http")) {
    spec.kind = "http";
    LoadHttp(work, section.Child("http"));
  } else if (section.Has("command")) {
    spec.kind = "command";
    const Section command = section.Child("command");
    work.command = CommandSpec{command.Texts("argv"), command.TextMap("environment")};
  } else {
    spec.kind = "query";
    const Section query = section.Child("query");
    work.query = BatchQuerySpec{TextOrFile(query, "sql", ".sql"), query.Text("into")};
    const sql::BoundQuery bound =
        sql::BindQuery(work.query->sql.text, ProjectCatalog(project_, false), {});
    Add(work.query->sql, bound.errors);
    Add(work.query->sql, bound.warnings, true);
    if (!work.query->into.empty() && !project_.tables.contains(work.query->into)) {
      Error(query.Where("into"), fmt::format("no table \"{}\"", work.query->into));
    }
  }
  project_.tasks.push_back(std::move(work));
  return spec;
}

}  // namespace millrace::pipeline
