#include "log/transactions.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/logging.h"
#include "log/record_batch.h"

namespace millrace::log {
namespace {

constexpr size_t kBatchTarget = 256 << 10;
constexpr size_t kRecoveryReadBytes = 4 << 20;
constexpr uint64_t kDecisionSegmentBytes = 4 << 20;
constexpr size_t kTombstonesPerBatch = 1000;

class LogTransaction final : public flow::Transaction {
 public:
  LogTransaction(TransactionCoordinator& coordinator,
                 std::shared_ptr<TransactionCoordinator::State> state)
      : coordinator_(coordinator), state_(std::move(state)) {}

  ~LogTransaction() override {
    if (auto aborted = Abort(); !aborted) {
      logging::Warning("log.abort_failed",
                       {{"owner", state_->owner}, {"error", aborted.error().ToString()}});
    }
  }

  Status Append(const std::string& topic, std::optional<PartitionId> partition,
                flow::OutRecord record) override {
    MR_TRY(coordinator_.core().CheckRecord(record));
    MR_ASSIGN(Lane* const lane, FindLane(topic, partition, record));
    bytes_ += (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    lane->builder.Add(record);
    if (lane->builder.bytes() < kBatchTarget) return {};
    std::lock_guard lock(state_->mutex);
    return FlushLane(*lane);
  }

  uint64_t bytes() const override { return bytes_; }

  Status Commit(flow::CommitTag tag) override {
    std::lock_guard lock(state_->mutex);
    Status decided;
    for (auto& [at, lane] : lanes_) {
      if (decided) decided = FlushLane(lane);
    }
    if (decided) return coordinator_.Decide(*state_, tag);
    static_cast<void>(coordinator_.Abort(*state_));
    return decided;
  }

  Status Abort() override {
    std::lock_guard lock(state_->mutex);
    return coordinator_.Abort(*state_);
  }

 private:
  // The batch being filled for one partition.
  struct Lane {
    TopicPartition at;
    BatchBuilder builder;
  };

  Result<Lane*> FindLane(const std::string& topic, std::optional<PartitionId> partition,
                         const flow::OutRecord& record) {
    if (topic_ == nullptr || topic_->info.spec.name != topic) {
      MR_ASSIGN(topic_, coordinator_.core().FindTopic(topic));
    }
    const auto count = static_cast<int32_t>(topic_->partitions.size());
    if (!partition) {
      partition = PartitionId(record.key ? KafkaPartitionOf(*record.key, count)
                                         : static_cast<int32_t>(next_in_turn_++ % count));
    }
    if (partition->value < 0 || partition->value >= count)
      return Fail(ErrorCode::kNotFound, "topic {} has no partition {}", topic, *partition);
    TopicPartition at{topic, *partition};
    const auto found = lanes_.find(at);
    if (found != lanes_.end()) return &found->second;
    Lane lane{at, BatchBuilder(topic_->info.spec.codec)};
    return &lanes_.emplace(std::move(at), std::move(lane)).first->second;
  }

  Status FlushLane(Lane& lane) {
    if (lane.builder.records() == 0) return {};
    MR_ASSIGN(std::string batch, lane.builder.Finish({state_->producer, -1, true}));
    return coordinator_.AppendBatch(*state_, lane.at, std::move(batch));
  }

  TransactionCoordinator& coordinator_;
  std::shared_ptr<TransactionCoordinator::State> state_;
  std::map<TopicPartition, Lane> lanes_;
  std::shared_ptr<const Topic> topic_;  // of the last append
  uint64_t next_in_turn_ = 0;
  uint64_t bytes_ = 0;
};

std::unexpected<Error> Fenced(const std::string& owner) {
  return Fail(ErrorCode::kConflict,
              "the transaction of {} has ended, or a newer one took its place", owner);
}

// A marker that found no room waits in its partition: a full disk does not keep the log closed.
Status UnlessFull(Status marked) {
  if (!marked && marked.error().code == ErrorCode::kResourceExhausted) {
    logging::Warning("log.marker_waits", {{"error", marked.error().ToString()}});
    return {};
  }
  return marked;
}

}  // namespace

Result<std::unique_ptr<flow::Transaction>> TransactionCoordinator::Begin(const std::string& owner) {
  MR_TRY(core_.alive());
  MR_ASSIGN(const Producer producer, core_.NewProducer());
  auto state = std::make_shared<State>();
  state->owner = owner;
  state->producer = producer;
  std::shared_ptr<State> before;
  {
    std::lock_guard lock(mutex_);
    Owner& entry = owners_[owner];
    before = entry.current.lock();
    entry.current = state;
  }
  if (before != nullptr) {
    std::lock_guard lock(before->mutex);
    MR_TRY(Abort(*before));
  }
  return std::make_unique<LogTransaction>(*this, std::move(state));
}

Result<std::optional<flow::CommitTag>> TransactionCoordinator::LastCommitted(
    const std::string& owner) {
  std::lock_guard lock(mutex_);
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return std::optional<flow::CommitTag>();
  return found->second.last;
}

Status TransactionCoordinator::AppendBatch(State& state, const TopicPartition& at,
                                           std::string batch) {
  if (state.ended) return Fenced(state.owner);
  MR_TRY(core_.CheckBudget(batch.size()));
  MR_ASSIGN(const auto topic, core_.FindTopic(at.topic));
  MR_ASSIGN(const auto partition, core_.FindPartition(at.topic, at.partition));
  const size_t bytes = batch.size();
  MR_ASSIGN(const Partition::Appended appended, partition->Append(std::move(batch)));
  core_.CountAppended(bytes);
  Decision::Part& part = state.parts[at];
  if (part.batches == 0)
    part = {at.topic, topic->info.id, at.partition, appended.first, appended.first, 0};
  part.last = appended.end - 1;
  ++part.batches;
  core_.syncer().Request(partition);
  return {};
}

Result<AppendTicket> TransactionCoordinator::AppendDecision(const std::string& owner,
                                                            const Decision& decision) {
  const TopicPartition at{std::string(kTransactionsTopic), PartitionId(0)};
  MR_ASSIGN(const auto partition, core_.FindPartition(at.topic, at.partition));
  BatchBuilder builder(Codec::kNone);
  builder.Add(flow::OutRecord{owner, EncodeDecision(decision), {}});
  MR_ASSIGN(std::string batch, builder.Finish({}));
  MR_ASSIGN(const Partition::Appended appended, partition->Append(std::move(batch)));
  return AppendTicket{at, appended.first, appended.end, appended.log_append_time, false};
}

Status TransactionCoordinator::Decide(State& state, const flow::CommitTag& tag) {
  if (state.ended) return Fenced(state.owner);
  if (tag.owner != state.owner) {
    return Fail(ErrorCode::kInvalidArgument, "a transaction of {} cannot commit as {}", state.owner,
                tag.owner);
  }
  {
    std::lock_guard lock(mutex_);
    const Owner& owner = owners_[state.owner];
    if (owner.last && owner.last->sequence >= tag.sequence) {
      const int64_t last = owner.last->sequence;
      static_cast<void>(Abort(state));
      return Fail(ErrorCode::kConflict, "{} has committed sequence {} already, {} is too late",
                  state.owner, last, tag.sequence);
    }
  }
  const std::shared_lock under_way(commits_);
  Decision decision{true, state.producer, tag, {}};
  std::vector<Syncer::Target> targets;
  for (const auto& [at, part] : state.parts) {
    decision.parts.push_back(part);
    MR_ASSIGN(auto partition, core_.FindPartition(at.topic, at.partition));
    targets.push_back({std::move(partition), part.last + 1});
  }
  const auto ticket = AppendDecision(state.owner, decision);
  if (!ticket) {
    static_cast<void>(Abort(state));
    return std::unexpected(ticket.error());
  }
  state.ended = true;
  MR_ASSIGN(auto decisions, core_.FindPartition(ticket->at.topic, ticket->at.partition));
  targets.push_back({std::move(decisions), ticket->end});
  MR_TRY(core_.syncer().Wait(targets));
  {
    std::lock_guard lock(mutex_);
    Owner& owner = owners_[state.owner];
    owner.last = tag;
    owner.decided = ticket->first;
  }
  // The decision stands, whatever keeps its markers from being written now.
  if (auto marked = Mark(decision); !marked) {
    logging::Warning("log.marker_waits",
                     {{"owner", state.owner}, {"error", marked.error().ToString()}});
  }
  return {};
}

Status TransactionCoordinator::Mark(const Decision& decision) {
  Status marked;
  std::vector<std::shared_ptr<Partition>> touched;
  {
    const std::lock_guard together(core_.publishing());
    for (const Decision::Part& part : decision.parts) {
      const auto partition = core_.FindPartition(part.topic, part.partition);
      if (!partition || !(*partition)->FindOpen(decision.producer.id)) continue;
      if (auto status = (*partition)->AppendMarker(decision.producer, decision.commit); !status)
        marked = status;
      touched.push_back(*partition);
    }
  }
  for (const auto& partition : touched) core_.syncer().Request(partition);
  return marked;
}

Status TransactionCoordinator::Abort(State& state) {
  if (state.ended) return {};
  state.ended = true;
  Decision decision{false, state.producer, std::nullopt, {}};
  for (const auto& [at, part] : state.parts) decision.parts.push_back(part);
  return Mark(decision);
}

std::vector<RememberedTag> TransactionCoordinator::Tags() {
  std::vector<RememberedTag> tags;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, owner] : owners_) {
      if (owner.last) tags.push_back({name, owner.last->sequence, owner.decided});
    }
  }
  std::ranges::sort(tags, {}, &RememberedTag::decided);
  return tags;
}

size_t TransactionCoordinator::owner_count() {
  std::lock_guard lock(mutex_);
  return owners_.size();
}

Status TransactionCoordinator::Forget(std::span<const RememberedTag> tags) {
  // No commit is under way, so that the tombstones lie behind every decision they are meant for.
  const auto held = HoldCommits();
  std::vector<std::string> forgotten;
  {
    std::lock_guard lock(mutex_);
    for (const RememberedTag& tag : tags) {
      const auto found = owners_.find(tag.owner);
      if (found == owners_.end() || !found->second.current.expired()) continue;
      if (found->second.last && found->second.last->sequence != tag.sequence) continue;
      forgotten.push_back(tag.owner);
    }
  }
  MR_TRY(AppendTombstones(forgotten));
  std::lock_guard lock(mutex_);
  for (const std::string& owner : forgotten) {
    // A transaction that began meanwhile still has to be fenced by the next one.
    const auto found = owners_.find(owner);
    if (found->second.current.expired())
      owners_.erase(found);
    else
      found->second.last.reset();
  }
  // What only ever aborted leaves nothing to remember.
  std::erase_if(owners_, [](const auto& entry) {
    return !entry.second.last && entry.second.current.expired();
  });
  return {};
}

Status TransactionCoordinator::AppendTombstones(std::span<const std::string> owners) {
  MR_ASSIGN(const auto partition,
            core_.FindPartition(std::string(kTransactionsTopic), PartitionId(0)));
  while (!owners.empty()) {
    const auto some = owners.first(std::min(owners.size(), kTombstonesPerBatch));
    owners = owners.subspan(some.size());
    BatchBuilder builder(Codec::kNone);
    for (const std::string& owner : some) builder.Add(flow::OutRecord{owner, std::nullopt, {}});
    MR_ASSIGN(std::string batch, builder.Finish({}));
    MR_TRY(partition->Append(std::move(batch)));
    core_.syncer().Request(partition);
  }
  return {};
}

Status TransactionCoordinator::EnsureTopic() {
  TopicSpec spec;
  spec.name = kTransactionsTopic;
  spec.cleanup = Cleanup::kCompact;
  spec.segment_bytes = kDecisionSegmentBytes;
  spec.delete_retention_ms = 0;  // nobody but this class reads the topic
  spec.internal = true;
  const auto found = core_.FindTopic(spec.name);
  if (!found) return core_.CreateTopics({&spec, 1});
  return (*found)->info.spec == spec ? Status() : core_.AlterTopic(spec);
}

Status TransactionCoordinator::Recover() {
  MR_TRY(EnsureTopic());
  MR_ASSIGN(const auto partition,
            core_.FindPartition(std::string(kTransactionsTopic), PartitionId(0)));
  MR_TRY(partition->status());
  MR_ASSIGN(const std::vector<Named> records, ReadDecisions(*partition));
  std::set<ProducerId> undone;
  for (const Named& record : records) {
    if (record.decision && !record.decision->commit) undone.insert(record.decision->producer.id);
  }
  for (const Named& record : records) {
    if (!record.decision) {
      owners_.erase(record.owner);
      continue;
    }
    if (record.decision->commit && undone.contains(record.decision->producer.id)) continue;
    MR_TRY(Replay(record.owner, record.offset, *record.decision));
  }
  MR_TRY(core_.Flush());
  return AbortUndecided();
}

Result<std::vector<TransactionCoordinator::Named>> TransactionCoordinator::ReadDecisions(
    Partition& partition) {
  std::vector<Named> decisions;
  const PartitionOffsets offsets = partition.offsets();
  for (Offset next = offsets.start; next < offsets.high_watermark;) {
    MR_ASSIGN(const flow::RecordBlock block,
              partition.Read(next, offsets.high_watermark, kRecoveryReadBytes, false));
    for (const flow::RecordView& record : block.records) {
      Named named{std::string(record.key_view()), record.offset, std::nullopt};
      if (record.value != nullptr) {
        MR_ASSIGN(named.decision, DecodeDecision(named.owner, record.value_view()));
      }
      decisions.push_back(std::move(named));
    }
    next = block.next;
  }
  return decisions;
}

Status TransactionCoordinator::Replay(const std::string& owner, Offset decided, Decision decision) {
  bool lost = false;
  for (const Decision::Part& part : decision.parts) {
    if (!decision.commit) break;
    MR_ASSIGN(const PartFate fate, FateOf(decision, part));
    lost = lost || fate == PartFate::kLost;
  }
  Owner& entry = owners_[owner];
  if (lost) {
    // Its data and the decision were to be synced together and the power went in between: nobody
    // was told that it was committed, and from now on it never was.
    decision.commit = false;
    decision.tag = entry.last;
    logging::Info("log.transaction_undone", {{"owner", owner}, {"producer", decision.producer.id}});
    MR_TRY(AppendDecision(owner, decision));
    MR_TRY(core_.Flush());
  }
  entry.last = decision.tag;
  entry.decided = decided;
  return UnlessFull(Mark(decision));
}

Result<TransactionCoordinator::PartFate> TransactionCoordinator::FateOf(
    const Decision& decision, const Decision::Part& part) {
  const auto topic = core_.FindTopic(part.topic);
  if (!topic || (*topic)->info.id != part.topic_id) return PartFate::kComplete;  // deleted since
  MR_ASSIGN(const auto partition, core_.FindPartition(part.topic, part.partition));
  // What a damaged or given-up range held is not known; the decision stands.
  if (!partition->status() || partition->LostAnyOf(part.first, part.last))
    return PartFate::kComplete;
  if (const auto open = partition->FindOpen(decision.producer.id)) {
    const bool whole =
        open->first == part.first && open->last == part.last && open->batches == part.batches;
    return whole ? PartFate::kNeedsMarker : PartFate::kLost;
  }
  return partition->offsets().end > part.last ? PartFate::kComplete : PartFate::kLost;
}

Status TransactionCoordinator::AbortUndecided() {
  for (const auto& partition : core_.Partitions()) {
    if (!partition->status()) continue;
    for (const OpenTransaction& open : partition->OpenTransactions())
      MR_TRY(UnlessFull(partition->AppendMarker(open.producer, /*commit=*/false)));
  }
  return core_.Flush();
}

}  // namespace millrace::log
