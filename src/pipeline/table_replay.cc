#include "pipeline/table_replay.h"

#include <algorithm>

#include "base/logging.h"
#include "pipeline/replay_start.h"

namespace millrace::pipeline {
namespace {

constexpr auto kCancelInterval = std::chrono::milliseconds(500);
constexpr auto kCloseTimeout = std::chrono::minutes(1);

// Where a replay's dead letters go: nowhere, since the query's own topic has them already.
class KnownLetters final : public flow::TransactionalWriter {
 public:
  Result<std::unique_ptr<flow::Transaction>> Begin(const std::string&) override {
    return std::make_unique<Nothing>();
  }
  Result<std::optional<flow::CommitTag>> LastCommitted(const std::string&) override {
    return std::nullopt;
  }

 private:
  class Nothing final : public flow::Transaction {
   public:
    Status Append(const std::string&, std::optional<PartitionId>, flow::OutRecord) override {
      return {};
    }
    uint64_t bytes() const override { return 0; }
    Status Commit(flow::CommitTag) override { return {}; }
    Status Abort() override { return {}; }
  };
};

std::string ReplayQueryOf(const std::string& table) { return std::string(kReplayPrefix) + table; }

bool HasWindows(const sql::Plan& plan) {
  return plan.kind == sql::PlanKind::kWindowAggregate ||
         std::ranges::any_of(plan.inputs, [](const auto& input) { return HasWindows(*input); });
}

// One replay under way.
class Replayer {
 public:
  explicit Replayer(const TableReplay& replay)
      : replay_(replay),
        workspace_(replay.environment.workspace),
        reader_("replay/" + replay.table),
        definition_(replay.live.definition()) {
    definition_.name = ReplayQueryOf(replay.table);
    definition_.tables = {replay.table};
    definition_.topic.clear();
    definition_.late.clear();
    definition_.start_latest = false;
  }
  ~Replayer() { workspace_.topics().ForgetReader(reader_); }

  Status Run() {
    MR_TRY(FindStart());
    MR_ASSIGN(const auto name, SplitTableName(replay_.table));
    MR_ASSIGN(shadow_, workspace_.store().CreateShadow(name.first, name.second));
    if (Status done = Fill(); !done) {
      if (const Status dropped = workspace_.store().DropShadow(shadow_); !dropped) {
        logging::Warning("replay.shadow_not_dropped",
                         {{"table", replay_.table}, {"error", dropped.error().message}});
      }
      return done;
    }
    replay_.progress(fmt::format("{} is rebuilt", replay_.table));
    return Forget();
  }

 private:
  Status FindStart() {
    std::vector<std::string> topics;
    for (const sql::Relation& relation : definition_.relations) {
      if (relation.kind == sql::RelationKind::kStream) topics.push_back(relation.name);
    }
    MR_ASSIGN(start_, FindReplayStart(workspace_.topics(), topics, replay_.from));
    std::vector<flow::Position> starts;
    for (const auto& [at, offset] : start_.offsets) starts.push_back({.at = at, .next = offset});
    workspace_.topics().NoteProgress(reader_, starts);
    MR_ASSIGN(const QueryDefinition::Bound bound, definition_.Bind());
    has_windows_ = HasWindows(*bound.plan);
    if (!has_windows_ || start_.left_out == 0 || replay_.partial) return {};
    return std::unexpected(Error{
        ErrorCode::kUnsupported,
        fmt::format("{} holds aggregates of windows, and {} offsets lie before the start: windows "
                    "that it cuts would come out too small",
                    replay_.table, start_.left_out),
        "with --partial they are rebuilt from their later records alone"});
  }

  // Progress, state and intents of an earlier replay of the table, or of this one.
  Status Forget() {
    MR_ASSIGN(const QueryHost::Built built,
              QueryHost::Build(replay_.environment, definition_, shadow_));
    return engine::DropQuery(definition_.name, built.world);
  }

  Status Fill() {
    MR_TRY(Forget());
    MR_ASSIGN(QueryHost::Built built, QueryHost::Build(replay_.environment, definition_, shadow_));
    for (auto& source : built.sources) {
      source = StartingAt(start_, std::move(source));
      built.world.sources[source->topic()] = source.get();
    }
    KnownLetters letters;  // outlives the query
    built.spec.dead_letters.writer = &letters;
    built.spec.addressee = replay_.live.name();
    MR_ASSIGN(const auto query, engine::StreamingQuery::Start(built.spec, built.world));
    replay_.progress(
        fmt::format("rebuilding {} from {} offsets of the log; {} lie before the start",
                    replay_.table, start_.ahead, start_.left_out));
    if (has_windows_) {
      replay_.progress(
          "its rows are of windows: records that came too late for the running query may count");
    }
    MR_TRY(CatchUp(*query));
    std::lock_guard still(replay_.still);
    MR_TRY(replay_.live.Stop());
    const Status done = Swap(*query);
    const Status started = replay_.live.Start();
    return done ? started : done;
  }

  // While the live query stands still.
  Status Swap(engine::StreamingQuery& query) {
    MR_TRY(CatchUp(query));
    MR_TRY(CloseWindows(query));
    MR_TRY(query.Drain());
    MR_TRY(workspace_.store().Flush());
    MR_ASSIGN([[maybe_unused]] const auto swapped, workspace_.store().SwapShadow(shadow_));
    return {};
  }

  // As long as it takes, unless the caller says otherwise.
  Status CatchUp(engine::StreamingQuery& query) {
    while (!replay_.cancel.cancelled()) {
      const Status done = query.CatchUp(kCancelInterval);
      if (done || done.error().code != ErrorCode::kTimeout) return done;
    }
    return Cancelled();
  }

  // Invariant 4. The live query may be ahead by partitions that fell idle, one after the other as
  // their records came; here all are read to their end at once.
  Status CloseWindows(engine::StreamingQuery& query) {
    const int64_t wanted_us = replay_.live.Metrics().watermark_us;
    if (!has_windows_ || query.Metrics().watermark_us >= wanted_us) return {};
    return query.RaiseWatermark(wanted_us, kCloseTimeout);
  }

  static Status Cancelled() {
    return Fail(ErrorCode::kCancelled, "the replay was cancelled; the table is as it was");
  }

  const TableReplay& replay_;
  Workspace& workspace_;
  const std::string reader_;
  QueryDefinition definition_;
  ReplayStart start_;
  bool has_windows_ = false;
  store::TableHandle shadow_;
};

}  // namespace

Status ForgetInterruptedReplays(const QueryEnvironment& environment,
                                const std::vector<std::string>& tables) {
  engine::QueryWorld world;
  world.store = &environment.workspace.store();
  world.intents = &environment.intents;
  for (const std::string& table : tables) {
    const std::string query = ReplayQueryOf(table);
    MR_ASSIGN(const flow::Progress progress, world.store->LoadProgress(query));
    MR_ASSIGN(const engine::StoredIntents stored, world.intents->Load(query));
    if (progress.epoch.value == 0 && stored.intents.empty() && stored.definitions.empty()) continue;
    logging::Info("replay.forgotten", {{"table", table}});
    MR_TRY(engine::DropQuery(query, world));
  }
  return {};
}

Status ReplayTable(const TableReplay& replay) { return Replayer(replay).Run(); }

}  // namespace millrace::pipeline
