#include "engine/stream/committer.h"

#include <algorithm>

#include "base/logging.h"

namespace millrace::engine {
namespace {

constexpr int64_t kTruncateEveryNs = 1'000'000'000;
constexpr std::chrono::milliseconds kFirstPause{5};
constexpr std::chrono::milliseconds kLongestPause{1000};

bool MayPass(const Error& error) {
  return error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kUnavailable ||
         error.code == ErrorCode::kTimeout;
}

}  // namespace

Committer::Committer(const QuerySpec& spec, const QueryWorld& world,
                     std::function<void(const CommittedEpoch&)> done, std::function<void()> failed)
    : spec_(spec), world_(world), done_(std::move(done)), failed_(std::move(failed)) {
  for (const TopicSink& topic : spec.topics) {
    sinks_.push_back({SinkOwner(spec.name, topic.name), topic.topic, topic.writer, EpochId()});
  }
  sinks_.push_back({SinkOwner(spec.name, kDeadLetterSink), spec.dead_letters.topic,
                    spec.dead_letters.writer, EpochId()});
  if (!spec.late.topic.empty()) {
    sinks_.push_back(
        {SinkOwner(spec.name, kLateSink), spec.late.topic, spec.late.writer, EpochId()});
  }
  thread_ = std::thread([this] { Run(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Status Committer::Prepare() {
  for (Sink& sink : sinks_) {
    MR_ASSIGN(const auto last, sink.writer->LastCommitted(sink.owner));
    if (last.has_value()) sink.committed = EpochId(last->sequence);
  }
  return {};
}

EpochId Committer::NewestCommitted() const {
  EpochId newest;
  for (const Sink& sink : sinks_) newest = std::max(newest, sink.committed);
  return newest;
}

Status Committer::Submit(ReadyEpoch epoch) {
  std::unique_lock lock(mutex_);
  committed_.wait(lock, [this] { return failure_.has_value() || !waiting_.has_value(); });
  if (failure_.has_value()) return std::unexpected(*failure_);
  waiting_ = std::move(epoch);
  lock.unlock();
  wake_.notify_all();
  return {};
}

Status Committer::Drain() {
  std::unique_lock lock(mutex_);
  committed_.wait(lock,
                  [this] { return failure_.has_value() || (!waiting_.has_value() && !busy_); });
  if (failure_.has_value()) return std::unexpected(*failure_);
  return {};
}

void Committer::Cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  wake_.notify_all();
}

std::optional<Error> Committer::Failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Committer::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || waiting_.has_value(); });
    if (!waiting_.has_value()) return;
    ReadyEpoch epoch = *std::move(waiting_);
    busy_ = true;
    // The slot stays taken until the epoch is through: the driver is at most one epoch ahead.
    lock.unlock();
    Status status = Commit(epoch);
    lock.lock();
    waiting_.reset();
    busy_ = false;
    if (!status.has_value()) failure_ = std::move(status).error();
    committed_.notify_all();
    if (!failure_.has_value()) continue;
    lock.unlock();
    failed_();
    return;
  }
}

Status Committer::Commit(ReadyEpoch& epoch) {
  const int64_t begun_ns = world_.time->MonotonicNs();
  if (epoch.ticket.has_value()) {
    MR_TRY(world_.intents->Await(*epoch.ticket));
  }
  EpochOutput& output = epoch.output;
  CommittedEpoch told;
  told.progress = output.write.progress;
  told.records_in = output.records_in;
  told.skipped = output.skipped;
  told.arrivals = std::move(output.arrivals);
  told.rows_out = output.rows_out;
  told.rejected = output.dead_letters.size();
  told.late = output.late.size();
  told.bytes_in = output.write.source_bytes;
  told.state_entries = output.state_entries;
  told.replayed = !epoch.ticket.has_value();
  told.cut_ns = epoch.cut_ns;
  told.commit_ns = begun_ns;

  if (spec_.late.topic.empty()) {
    std::move(output.late.begin(), output.late.end(), std::back_inserter(output.dead_letters));
    output.late.clear();
  }
  const EpochId number = told.progress.epoch;
  for (size_t i = 0; i < output.records.size(); ++i) {
    MR_TRY(CommitRecords(sinks_[i], number, output.records[i]));
  }
  MR_TRY(CommitRecords(sinks_[output.records.size()], number, output.dead_letters));
  if (!spec_.late.topic.empty()) {
    MR_TRY(CommitRecords(sinks_.back(), number, output.late));
  }
  MR_TRY(world_.store->Commit(std::move(output.write)));
  told.done_ns = world_.time->MonotonicNs();
  told.done_at = world_.time->Now();
  done_(told);
  TruncateIntents(told.done_ns);
  return {};
}

Status Committer::CommitRecords(Sink& sink, EpochId epoch,
                                const std::vector<flow::OutRecord>& records) {
  if (records.empty() || sink.committed >= epoch) return {};
  std::chrono::milliseconds pause = kFirstPause;
  while (true) {
    Status status = TryCommit(sink, epoch, records);
    if (!status.has_value() && status.error().code == ErrorCode::kConflict) {
      // Either the commit went through and its answer was lost, or somebody else runs this query.
      MR_ASSIGN(const auto last, sink.writer->LastCommitted(sink.owner));
      if (last.has_value() && last->sequence == epoch.value) status = {};
    }
    if (status.has_value()) {
      sink.committed = epoch;
      return {};
    }
    if (!MayPass(status.error())) {
      return std::unexpected(std::move(status).error().WithContext(
          fmt::format("query {}, epoch {}, topic {}", spec_.name, epoch, sink.topic)));
    }
    logging::Warning(
        "query.sink_waits",
        {{"query", spec_.name}, {"topic", sink.topic}, {"error", status.error().ToString()}});
    if (!Pause(pause)) {
      return Fail(ErrorCode::kCancelled, "query {}: stopped while topic {} could not take epoch {}",
                  spec_.name, sink.topic, epoch);
    }
    pause = std::min(pause * 2, kLongestPause);
  }
}

Status Committer::TryCommit(Sink& sink, EpochId epoch,
                            const std::vector<flow::OutRecord>& records) {
  MR_ASSIGN(const auto transaction, sink.writer->Begin(sink.owner));
  for (const flow::OutRecord& record : records) {
    MR_TRY(transaction->Append(sink.topic, std::nullopt, record));
  }
  return transaction->Commit({sink.owner, epoch.value, ""});
}

bool Committer::Pause(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  if (!cancelled_) world_.time->WaitFor(wake_, lock, pause);
  return !cancelled_;
}

// Lets go of intents whose state is on stable storage, now and then. Their being kept longer does
// no harm, so a failure is told and tried again.
void Committer::TruncateIntents(int64_t now_ns) {
  if (now_ns - truncated_ns_ < kTruncateEveryNs) return;
  truncated_ns_ = now_ns;
  const auto flushed = world_.store->FlushedProgress(spec_.name);
  if (flushed.has_value() && flushed->epoch <= truncated_) return;
  const Status status = flushed.has_value() ? world_.intents->Truncate(spec_.name, flushed->epoch)
                                            : Status(std::unexpected(flushed.error()));
  if (status.has_value()) {
    truncated_ = flushed->epoch;
  } else {
    logging::Warning("query.intents_not_truncated",
                     {{"query", spec_.name}, {"error", status.error().ToString()}});
  }
}

}  // namespace millrace::engine
