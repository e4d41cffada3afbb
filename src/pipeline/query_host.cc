#include "pipeline/query_host.h"

#include <algorithm>

#include "base/logging.h"
#include "connect/connectors.h"
#include "engine/stream/plan_change.h"

namespace millrace::pipeline {
namespace {

constexpr int64_t kSecondNs = 1000000000;
constexpr int64_t kRestartDelayMaxNs = 30 * kSecondNs;
// A peer that was away comes back at once, and records wait for it.
constexpr int64_t kPeerDelayMaxNs = 5 * kSecondNs;

bool MayPass(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout ||
         code == ErrorCode::kResourceExhausted;
}

// What the query is called as a reader of topics.
std::string ReaderOf(const std::string& query) { return "query/" + query; }

int64_t NextDelayNs(int64_t delay_ns, ErrorCode code) {
  return std::clamp(delay_ns * 2, kSecondNs,
                    code == ErrorCode::kUnavailable ? kPeerDelayMaxNs : kRestartDelayMaxNs);
}

std::string Lines(const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += "\n  " + reason;
  return text;
}

// `now` of a query that was started again, its counters on top of those `before`.
engine::QueryMetrics Since(const engine::QueryMetrics& before, engine::QueryMetrics now) {
  now.records_in += before.records_in;
  now.bytes_in += before.bytes_in;
  now.rows_out += before.rows_out;
  now.rejected += before.rejected;
  now.late += before.late;
  now.epochs += before.epochs;
  now.replayed += before.replayed;
  return now;
}

engine::StreamSettings SettingsOf(const QueryDefinition& definition,
                                  const RuntimeSettings& project) {
  engine::StreamSettings settings;
  settings.epoch_bytes_max = project.epoch_bytes;
  settings.epoch_interval_min = std::chrono::microseconds(project.epoch_interval_us);
  settings.threads = project.engine_threads;
  settings.idle_timeout = std::chrono::milliseconds(definition.idle_timeout_us / 1000);
  settings.max_future_skew = std::chrono::milliseconds(
      definition.max_future_skew_us == 0 ? INT64_MAX / 2000 : definition.max_future_skew_us / 1000);
  settings.emit = definition.emit_changes ? engine::Emit::kChanges : engine::Emit::kOnClose;
  settings.from_latest = definition.start_latest;
  return settings;
}

}  // namespace

QueryHost::QueryHost(QueryEnvironment environment, QueryDefinition definition)
    : environment_(environment), definition_(std::move(definition)) {}

QueryHost::~QueryHost() {
  if (const Status stopped = Stop(); !stopped) {
    logging::Warning("query.stop_failed", {{"query", name()}, {"error", stopped.error().message}});
  }
}

Result<QueryHost::Built> QueryHost::Build(const QueryEnvironment& environment,
                                          const QueryDefinition& definition,
                                          const store::TableHandle& shadow) {
  Workspace& workspace = environment.workspace;
  connect::Topics& topics = workspace.topics();
  MR_ASSIGN(const QueryDefinition::Bound bound, definition.Bind());
  Built built;
  engine::QuerySpec& spec = built.spec;
  spec.name = definition.name;
  spec.plan = bound.plan;
  spec.definition = definition.Encode();
  spec.settings = SettingsOf(definition, workspace.project().settings);
  for (size_t i = 0; i < definition.expect.size(); ++i) {
    spec.expectations.push_back(
        {definition.expect[i].name, bound.conditions[i], definition.expect[i].message});
  }
  for (const std::string& name : definition.tables) {
    store::TableHandle table = shadow;
    if (table == nullptr) {
      MR_ASSIGN(table, workspace.FindTable(name));
    }
    MR_ASSIGN(auto writer, workspace.store().MakeTableWriter(table, bound.plan->schema));
    spec.tables.push_back({name, std::move(writer)});
  }
  if (!definition.topic.empty()) {
    spec.topics.push_back({definition.topic, definition.topic,
                           connect::MakeJsonEncoder(bound.plan->schema), &topics.transactions()});
  }
  spec.dead_letters = {definition.dead_letters, &topics.transactions()};
  if (!definition.late.empty()) spec.late = {definition.late, &topics.transactions()};

  for (const sql::Relation& relation : definition.relations) {
    if (relation.kind != sql::RelationKind::kStream) continue;
    MR_ASSIGN(auto source, topics.OpenSource(relation.name, {.reader = ReaderOf(definition.name)}));
    built.world.sources[relation.name] = source.get();
    built.sources.push_back(std::move(source));
  }
  built.world.store = &workspace.store();
  built.world.intents = &environment.intents;
  built.world.time = &environment.time;
  connect::LookupFiles files{workspace.PathOf("refs"), {}, definition.name};
  for (const auto& [name, reference] : workspace.project().references)
    files.paths[name] = reference.path;
  built.world.lookups =
      connect::MakeLookupOpener(workspace.store(), workspace.fs(), std::move(files));
  return built;
}

Status QueryHost::Prepare(const Built& built) {
  const uint64_t wanted = engine::DefinitionHash(built.spec);
  MR_ASSIGN(const engine::StoredRun stored, engine::StoredRun::Load(name(), built.world));
  bool replayed = false;
  for (const engine::StoredDefinition& old : stored.unflushed) {
    if (old.plan_hash == wanted) continue;
    MR_ASSIGN(const QueryDefinition definition, QueryDefinition::Decode(old.text));
    MR_ASSIGN(Built old_built, Build(environment_, definition));
    logging::Info("query.replaying_old_definition", {{"query", name()}});
    MR_TRY(engine::StreamingQuery::Replay(std::move(old_built.spec), old_built.world));
    replayed = true;
  }
  if (replayed) MR_TRY(environment_.workspace.store().Flush());
  if (stored.progress.epoch.value == 0 || stored.progress.plan_hash == wanted ||
      stored.known.empty())
    return {};
  MR_ASSIGN(const QueryDefinition definition, QueryDefinition::Decode(stored.known.back().text));
  MR_ASSIGN(const Built old_built, Build(environment_, definition));
  const engine::PlanChange change = engine::CompareDefinitions(old_built.spec, built.spec);
  switch (change.kind) {
    case engine::PlanChange::Kind::kSame:
      return {};
    case engine::PlanChange::Kind::kCompatible:
      logging::Info("query.changed", {{"query", name()}, {"differences", Lines(change.reasons)}});
      return engine::AcceptDefinition(built.spec, built.world);
    case engine::PlanChange::Kind::kRefused:
      break;
  }
  return std::unexpected(Error{
      ErrorCode::kConflict,
      fmt::format("it was changed in a way its state cannot follow:{}", Lines(change.reasons)),
      fmt::format("set the old definition back, or give the query a new name to start it afresh")});
}

Status QueryHost::Start() {
  Status started = StartAfresh();
  if (!started) {
    started.error() = std::move(started.error()).WithContext("query " + name());
    std::lock_guard lock(mutex_);
    failure_ = started.error();
  }
  NoteProgress();
  return started;
}

Status QueryHost::StartAfresh() {
  MR_ASSIGN(Built built, Build(environment_, definition_));
  MR_TRY(Prepare(built));
  MR_ASSIGN(auto query, engine::StreamingQuery::Start(built.spec, built.world));
  std::lock_guard lock(mutex_);
  built_ = std::move(built);
  query_ = std::move(query);
  failure_.reset();
  return {};
}

Status QueryHost::Stop() {
  std::unique_ptr<engine::StreamingQuery> query;
  {
    std::lock_guard lock(mutex_);
    query = std::move(query_);
    restart_at_ns_ = 0;
  }
  if (query == nullptr) return {};
  const std::optional<Error> failure = query->Failure();
  const Status drained = query->Drain();
  const engine::QueryMetrics metrics = query->Metrics();
  query.reset();
  std::lock_guard lock(mutex_);
  last_metrics_ = Since(last_metrics_, metrics);
  built_.reset();
  if (!failure) return drained;
  failure_ = failure;
  return {};
}

void QueryHost::Maintain() {
  NoteProgress();
  TruncateIntents();
  const int64_t now = environment_.time.MonotonicNs();
  {
    std::lock_guard lock(mutex_);
    if (query_ != nullptr && query_->running()) {
      restart_delay_ns_ = 0;
      return;
    }
    if (query_ != nullptr) {
      const std::optional<Error> error = query_->Failure();
      if (!failure_ && error) {
        failure_ = error;
        logging::Error("query.failed", {{"query", name()}, {"error", error->ToString()}});
      }
      if (!error || !MayPass(error->code)) return;
      restart_delay_ns_ = NextDelayNs(restart_delay_ns_, error->code);
      restart_at_ns_ = now + restart_delay_ns_;
      last_metrics_ = MetricsLocked();
      query_.reset();
      built_.reset();
    }
    if (restart_at_ns_ == 0 || now < restart_at_ns_) return;
  }
  if (const Status started = Start(); !started) {
    std::lock_guard lock(mutex_);
    restart_delay_ns_ = NextDelayNs(restart_delay_ns_, started.error().code);
    restart_at_ns_ = MayPass(started.error().code) ? now + restart_delay_ns_ : 0;
    logging::Error("query.restart_failed",
                   {{"query", name()}, {"error", started.error().ToString()}});
  } else {
    logging::Info("query.restarted", {{"query", name()}});
  }
}

void QueryHost::TruncateIntents() {
  const auto flushed = environment_.workspace.store().FlushedProgress(name());
  if (!flushed) return;
  if (const Status done = environment_.intents.Truncate(name(), flushed->epoch); !done) {
    logging::Warning("query.intents_not_truncated",
                     {{"query", name()}, {"error", done.error().message}});
  }
}

Status QueryHost::Retire(const QueryEnvironment& environment, const std::string& query) {
  store::Store& store = environment.workspace.store();
  engine::QueryWorld world;
  world.store = &store;
  world.intents = &environment.intents;
  MR_ASSIGN(const engine::StoredRun stored, engine::StoredRun::Load(query, world));
  for (const engine::StoredDefinition& old : stored.unflushed) {
    logging::Info("query.replaying_removed", {{"query", query}});
    MR_ASSIGN(const QueryDefinition definition, QueryDefinition::Decode(old.text));
    MR_ASSIGN(Built built, Build(environment, definition));
    MR_TRY(engine::StreamingQuery::Replay(std::move(built.spec), built.world));
  }
  if (!stored.unflushed.empty()) MR_TRY(store.Flush());
  MR_ASSIGN(const flow::Progress flushed, store.FlushedProgress(query));
  return environment.intents.Truncate(query, flushed.epoch);
}

void QueryHost::NoteProgress() {
  const auto flushed = environment_.workspace.store().FlushedProgress(name());
  if (!flushed) return;
  connect::Topics& topics = environment_.workspace.topics();
  if (!flushed->positions.empty() || topics.external())
    return topics.NoteProgress(ReaderOf(name()), flushed->positions);
  // Nothing flushed yet: everything may still be needed.
  std::vector<flow::Position> beginnings;
  for (const sql::Relation& relation : definition_.relations) {
    const auto topic = topics.Find(relation.name);
    for (int32_t p = 0; topic && p < topic->partitions; ++p)
      beginnings.push_back({.at = {relation.name, PartitionId(p)}, .next = Offset(0)});
  }
  topics.NoteProgress(ReaderOf(name()), beginnings);
}

bool QueryHost::running() const {
  std::lock_guard lock(mutex_);
  return query_ != nullptr && query_->running();
}

std::optional<Error> QueryHost::failure() const {
  std::lock_guard lock(mutex_);
  if (query_ != nullptr && !query_->running()) {
    if (auto error = query_->Failure()) return error;
  }
  return failure_;
}

engine::QueryMetrics QueryHost::Metrics() const {
  std::lock_guard lock(mutex_);
  return MetricsLocked();
}

engine::QueryMetrics QueryHost::MetricsLocked() const {
  if (query_ != nullptr) return Since(last_metrics_, query_->Metrics());
  engine::QueryMetrics metrics = last_metrics_;
  metrics.query = definition_.name;
  return metrics;
}

Status QueryHost::CatchUp(std::chrono::nanoseconds timeout) {
  engine::StreamingQuery* query = nullptr;
  {
    std::lock_guard lock(mutex_);
    query = query_.get();
    if (query == nullptr && failure_) return std::unexpected(*failure_);
  }
  if (query == nullptr) return Fail(ErrorCode::kUnavailable, "query {} is stopped", name());
  return query->CatchUp(timeout);
}

void QueryHost::Wake() {
  std::lock_guard lock(mutex_);
  if (query_ != nullptr) query_->Wake();
}

}  // namespace millrace::pipeline
