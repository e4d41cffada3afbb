#include "engine/stream/query.h"

#include <thread>

#include "base/logging.h"
#include "engine/stream/driver.h"

namespace millrace::engine {
namespace {

Status CheckSpec(const QuerySpec& spec, const QueryWorld& world) {
  const auto refuse = [&](std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, "query {}: {}", spec.name, what);
  };
  if (spec.name.empty()) return refuse("it has no name");
  if (spec.plan == nullptr) return refuse("it has no plan");
  if (world.store == nullptr || world.intents == nullptr || world.time == nullptr)
    return refuse("store, intent log and clock must be wired");
  if (spec.dead_letters.topic.empty() || spec.dead_letters.writer == nullptr)
    return refuse("it has no dead-letter topic: refused records would vanish");
  if (!spec.late.topic.empty() && spec.late.writer == nullptr)
    return refuse("its late topic has no writer");
  if (spec.settings.chunk_rows_max == 0 || spec.settings.epoch_bytes_max == 0)
    return refuse("chunks and epochs must not be empty");
  for (const TableSink& table : spec.tables) {
    if (table.writer == nullptr) return refuse("table " + table.name + " has no writer");
  }
  for (const TopicSink& topic : spec.topics) {
    if (topic.writer == nullptr || topic.encoder == nullptr)
      return refuse("topic " + topic.name + " has no writer or encoder");
    if (topic.name == kDeadLetterSink || topic.name == kLateSink)
      return refuse("the name of sink " + topic.name + " is taken");
  }
  return {};
}

class RunningQuery final : public StreamingQuery {
 public:
  RunningQuery(QuerySpec spec, QueryWorld world)
      : spec_(std::move(spec)),
        world_(std::move(world)),
        board_(spec_.name, world_),
        committer_(
            spec_, world_, [this](const CommittedEpoch& epoch) { board_.Note(epoch); },
            [this] { driver_->Wake(); }) {}

  ~RunningQuery() override {
    committer_.Cancel();
    StopDriver();
  }

  // Everything up to the first live epoch.
  Status Recover(bool only_replay) {
    MR_TRY(committer_.Prepare());
    MR_ASSIGN(driver_, Driver::Make(spec_, world_, committer_, board_));
    return driver_->Recover(only_replay);
  }

  void Run() {
    running_ = true;
    thread_ = std::thread([this] {
      Status status = driver_->Run();
      if (!status.has_value()) Fail(std::move(status).error());
      running_ = false;
      board_.Close();
    });
  }

  Status Drain() override {
    StopDriver();
    const Status committed = committer_.Drain();
    if (const auto failure = Failure()) return std::unexpected(*failure);
    return committed;
  }

  Status CatchUp(std::chrono::nanoseconds timeout) override {
    std::map<flow::TopicPartition, Offset> ends;
    for (const auto& [topic, source] : world_.sources) {
      for (int32_t number = 0; number < source->partition_count(); ++number) {
        MR_ASSIGN(const flow::OffsetRange range, source->Readable(PartitionId(number)));
        ends[{topic, PartitionId(number)}] = range.end;
      }
    }
    if (board_.AwaitPositions(ends, timeout)) return {};
    if (const auto failure = Failure()) return std::unexpected(*failure);
    return millrace::Fail(ErrorCode::kTimeout, "query {} did not catch up in time", spec_.name);
  }

  Status RaiseWatermark(int64_t at_least_us, std::chrono::nanoseconds timeout) override {
    driver_->RaiseWatermark(at_least_us);
    if (board_.AwaitWatermark(at_least_us, timeout)) return {};
    if (const auto failure = Failure()) return std::unexpected(*failure);
    return millrace::Fail(ErrorCode::kTimeout, "query {} did not close its windows in time",
                          spec_.name);
  }

  void Wake() override { driver_->Wake(); }
  bool running() const override { return running_; }

  std::optional<Error> Failure() const override {
    const std::lock_guard lock(mutex_);
    return failure_.has_value() ? failure_ : committer_.Failure();
  }

  QueryMetrics Metrics() const override { return board_.Snapshot(); }

 private:
  void StopDriver() {
    if (driver_ != nullptr) driver_->Stop();
    const std::lock_guard lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  void Fail(Error error) {
    logging::Error("query.failed", {{"query", spec_.name}, {"error", error.ToString()}});
    const std::lock_guard lock(mutex_);
    failure_ = std::move(error);
  }

  const QuerySpec spec_;
  const QueryWorld world_;
  ProgressBoard board_;
  std::unique_ptr<Driver> driver_;
  Committer committer_;  // its thread tells board and driver: it ends before them
  std::atomic<bool> running_ = false;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<StreamingQuery>> StreamingQuery::Start(QuerySpec spec, QueryWorld world) {
  MR_TRY(CheckSpec(spec, world));
  auto query = std::make_unique<RunningQuery>(std::move(spec), std::move(world));
  MR_TRY(query->Recover(/*only_replay=*/false));
  query->Run();
  return query;
}

Status StreamingQuery::Replay(QuerySpec spec, QueryWorld world) {
  MR_TRY(CheckSpec(spec, world));
  RunningQuery query(std::move(spec), std::move(world));
  return query.Recover(/*only_replay=*/true);
}

// Intents first: state without intents is an old state, intents without state would be re-run.
Status DropQuery(const std::string& query, QueryWorld world) {
  MR_TRY(world.intents->Drop(query));
  return world.store->DropQuery(query);
}

}  // namespace millrace::engine
