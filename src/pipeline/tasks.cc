#include "pipeline/tasks.h"

#include <set>

#include "connect/batch_sources.h"
#include "data/json_writer.h"
#include "extract/extractor.h"
#include "extract/template.h"
#include "io/process.h"

namespace millrace::pipeline {
namespace {

const TaskWork* FindWork(const Project& project, std::string_view dag, std::string_view task) {
  for (const TaskWork& work : project.tasks) {
    if (work.dag == dag && work.name == task) return &work;
  }
  return nullptr;
}

// The members of a run's conf as text: what templates know as params.NAME.
std::map<std::string, std::string> ParamsOf(const std::string& conf_json) {
  Problems problems;
  const Node conf = ParseDocument("conf", conf_json, {}, problems);  // JSON is YAML
  std::map<std::string, std::string> params;
  for (const auto& [name, value] : conf.members) params[name] = value.text;
  return params;
}

// The project was checked: its templates parse.
void AddNeededParams(const CommandSpec& command, std::set<std::string>& names) {
  const auto add = [&](const std::string& text) {
    if (const auto parsed = extract::Template::Parse(text)) parsed->AddNeededParams(names);
  };
  for (const std::string& argument : command.argv) add(argument);
  for (const auto& [name, value] : command.environment) add(value);
}

extract::TemplateValues ValuesOf(const schedule::TaskContext& context) {
  extract::TemplateValues values;
  values.logical_date = context.key.logical_date;
  values.data_interval_start = context.data_interval_start;
  values.data_interval_end = context.data_interval_end;
  values.dag_id = context.key.dag_id;
  values.run_id = context.key.run_id;
  values.task_id = context.key.task_id;
  values.try_number = std::to_string(context.try_number);
  values.params = ParamsOf(context.conf_json);
  return values;
}

class HttpTask final : public schedule::Task {
 public:
  HttpTask(TaskEnvironment& environment, const HttpWork& work)
      : environment_(environment), work_(work) {}

  Result<schedule::TaskOutcome> Run(schedule::TaskContext& context) override {
    extract::HttpSourceSpec spec = work_.source;
    if (!work_.secret_place.empty()) {
      MR_ASSIGN(spec.auth.secret, extract::ReadSecret(work_.secret_place));
    }
    MR_ASSIGN(const extract::HttpSource source, extract::CompileSource(std::move(spec)));
    MR_TRY(extract::CheckParams(source.NeededParams(), ParamsOf(context.conf_json)));
    Workspace& workspace = environment_.workspace();
    const extract::ExtractServices services{
        environment_.http(),    io::SystemResolver(),
        workspace.clock(),      workspace.topics().transactions(),
        environment_.cursors(), environment_.limits(),
        environment_.tokens()};
    MR_ASSIGN(const extract::ExtractReport report,
              extract::Extract(source, ContextOf(context), services));
    environment_.extracted_records += static_cast<uint64_t>(report.records);
    environment_.extracted_pages += static_cast<uint64_t>(report.pages);
    if (report.limit_reached) ++environment_.limits_reached;
    const bool nothing_new = report.not_modified && report.records == 0;
    return schedule::TaskOutcome{nothing_new ? schedule::TaskOutcome::Verdict::kSkipped
                                             : schedule::TaskOutcome::Verdict::kSuccess,
                                 report.warning};
  }

 private:
  extract::ExtractContext ContextOf(schedule::TaskContext& context) {
    extract::ExtractContext made;
    made.dag = context.key.dag_id;
    made.run = context.key.run_id;
    made.task = context.key.task_id;
    made.try_number = context.try_number;
    made.generation = context.key.generation;
    made.logical_date = context.key.logical_date;
    made.interval_start = context.data_interval_start;
    made.interval_end = context.data_interval_end;
    made.is_backfill = context.run_type == schedule::RunType::kBackfill;
    made.params = ParamsOf(context.conf_json);
    made.cancel = &context.cancel;
    made.log = [&context](std::string_view line) {
      context.log.Write(schedule::LogLevel::kInfo, line);
    };
    return made;
  }

  TaskEnvironment& environment_;
  const HttpWork& work_;
};

class CommandTask final : public schedule::Task {
 public:
  explicit CommandTask(const CommandSpec& command) : command_(command) {}

  Result<schedule::TaskOutcome> Run(schedule::TaskContext& context) override {
    const extract::TemplateValues values = ValuesOf(context);
    std::set<std::string> needed;
    AddNeededParams(command_, needed);
    MR_TRY(extract::CheckParams(needed, values.params));
    io::ProcessSpec spec;
    for (const std::string& argument : command_.argv) {
      MR_ASSIGN(const extract::Template text, extract::Template::Parse(argument));
      spec.argv.push_back(text.Render(values));
    }
    for (const auto& [name, value] : command_.environment) {
      MR_ASSIGN(const extract::Template text, extract::Template::Parse(value));
      spec.environment.emplace_back(name, text.Render(values));
    }
    spec.environment.emplace_back("MILLRACE_RUN_ID", context.key.run_id);
    spec.environment.emplace_back("MILLRACE_TRY_NUMBER", std::to_string(context.try_number));
    spec.on_line = [&](bool is_error, std::string_view line) {
      context.log.Write(is_error ? schedule::LogLevel::kWarning : schedule::LogLevel::kInfo, line);
    };
    spec.cancel = &context.cancel;
    MR_ASSIGN(const int code, io::RunProcess(spec));
    if (code != 0)
      return Fail(ErrorCode::kIo, "{} ended with exit code {}", command_.argv[0], code);
    return schedule::TaskOutcome{};
  }

 private:
  const CommandSpec& command_;
};

// A batch query into a table. Its rows have no log behind them, so they are flushed before the try
// succeeds.
class QueryTask final : public schedule::Task {
 public:
  QueryTask(TaskEnvironment& environment, const BatchQuerySpec& query)
      : environment_(environment), query_(query) {}

  Result<schedule::TaskOutcome> Run(schedule::TaskContext& context) override {
    Workspace& workspace = environment_.workspace();
    const sql::BoundQuery bound =
        sql::BindQuery(query_.sql.text, ProjectCatalog(workspace.project(), false), {});
    if (bound.plan == nullptr) return std::unexpected(sql::ToError(bound.errors, query_.sql.file));
    std::unique_ptr<flow::TableWriter> writer;
    if (!query_.into.empty()) {
      MR_ASSIGN(const store::TableHandle table, workspace.FindTable(query_.into));
      MR_ASSIGN(writer, workspace.store().MakeTableWriter(table, bound.plan->schema));
    }
    connect::LocalSources sources(workspace.topics(), workspace.store(), workspace.fs());
    for (const auto& [name, reference] : workspace.project().references)
      sources.AddReference(name, reference.path);
    engine::BatchOptions options;
    options.cancel = &context.cancel;
    options.context.now_us = workspace.clock().Now().value;
    flow::EpochWrite write;
    write.query = fmt::format("task/{}/{}", context.key.dag_id, context.key.task_id);
    MR_ASSIGN(const flow::Progress before, workspace.store().LoadProgress(write.query));
    write.progress.epoch = before.epoch + 1;
    const data::JsonWriter json(bound.plan->schema, TimeZone::Utc());
    Status taken;
    const auto stats =
        engine::RunBatch(*bound.plan, sources, options, [&](const data::Batch& batch) {
          taken = writer ? Encode(*writer, batch, options.context.now_us, write)
                         : Log(json, batch, context.log);
          return taken.has_value();
        });
    if (!stats) return std::unexpected(stats.error());
    MR_TRY(taken);
    if (writer) {
      MR_TRY(workspace.store().Commit(std::move(write)));
      MR_TRY(workspace.store().Flush());
    }
    context.log.Write(
        schedule::LogLevel::kInfo,
        fmt::format("{} rows read, {} rows of result", stats->rows_read, stats->rows_returned));
    return schedule::TaskOutcome{};
  }

 private:
  static Status Encode(const flow::TableWriter& writer, const data::Batch& batch, int64_t write_us,
                       flow::EpochWrite& write) {
    data::RowErrors errors(batch.rows);
    const std::vector<int64_t> times(batch.rows, write_us);
    MR_ASSIGN(auto rows, writer.Encode(batch, times, errors));
    if (!errors.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "[{}] {}", errors.errors()[0].condition,
                  errors.errors()[0].message);
    }
    write.rows.push_back(std::move(rows));
    return {};
  }

  static Status Log(const data::JsonWriter& json, const data::Batch& batch, schedule::TryLog& log) {
    for (size_t row = 0; row < batch.rows; ++row) {
      std::string line;
      json.AppendRow(batch, row, line);
      log.Write(schedule::LogLevel::kInfo, line);
    }
    return {};
  }

  TaskEnvironment& environment_;
  const BatchQuerySpec& query_;
};

}  // namespace

log::TopicSpec CursorTopicSpec() {
  log::TopicSpec spec;
  spec.name = extract::kCursorTopic;
  spec.cleanup = log::Cleanup::kCompact;
  spec.internal = true;
  return spec;
}

TaskEnvironment::TaskEnvironment(Workspace& workspace)
    : workspace_(workspace), limits_(workspace.clock()), tokens_(workspace.clock()) {}

Result<std::unique_ptr<TaskEnvironment>> TaskEnvironment::Make(Workspace& workspace) {
  std::unique_ptr<TaskEnvironment> made(new TaskEnvironment(workspace));
  made->http_ = io::MakeHttpClient({.user_agent = "millrace"});
  const connect::WantedTopic wanted{CursorTopicSpec(), /*declared=*/false, /*place=*/""};
  MR_TRY(workspace.topics().Ensure(std::span(&wanted, 1)));
  MR_ASSIGN(made->cursor_topic_,
            workspace.topics().OpenSource(wanted.spec.name, {.settled = true}));
  made->cursors_ = std::make_unique<extract::CursorStore>(*made->cursor_topic_);
  return made;
}

Status CheckRunParams(const Project& project, std::string_view dag, const std::string& conf_json) {
  std::set<std::string> needed;
  for (const TaskWork& work : project.tasks) {
    if (work.dag != dag) continue;
    if (work.command) AddNeededParams(*work.command, needed);
    if (!work.http) continue;
    extract::HttpSourceSpec spec = work.http->source;
    if (!work.http->secret_place.empty()) spec.auth.secret = Secret("read when a try starts");
    MR_ASSIGN(const extract::HttpSource source, extract::CompileSource(std::move(spec)));
    needed.merge(source.NeededParams());
  }
  return extract::CheckParams(needed, ParamsOf(conf_json));
}

schedule::TaskFactory MakeTaskFactory(TaskEnvironment& environment) {
  return [&environment](const std::string& dag,
                        const schedule::TaskSpec& spec) -> Result<std::unique_ptr<schedule::Task>> {
    const TaskWork* work = FindWork(environment.workspace().project(), dag, spec.id);
    if (work == nullptr)
      return Fail(ErrorCode::kNotFound, "the project has no task {} in {}", spec.id, dag);
    if (work->http) return std::make_unique<HttpTask>(environment, *work->http);
    if (work->command) return std::make_unique<CommandTask>(*work->command);
    return std::make_unique<QueryTask>(environment, *work->query);
  };
}

schedule::TryResolver MakeTryResolver(Workspace& workspace) {
  return [&workspace](const schedule::TaskKey& key) -> Result<bool> {
    const TaskWork* work = FindWork(workspace.project(), key.dag_id, key.task_id);
    if (work == nullptr || !work->http) return false;
    const std::string owner = extract::TransactionOwner(key.dag_id, key.task_id, key.logical_date);
    MR_ASSIGN(const auto last, workspace.topics().transactions().LastCommitted(owner));
    return last && last->sequence >= key.generation.value;
  };
}

}  // namespace millrace::pipeline
