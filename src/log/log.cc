#include "log/log.h"

#include <algorithm>
#include <thread>

#include "base/logging.h"
#include "log/backup.h"
#include "log/log_core.h"
#include "log/record_batch.h"
#include "log/topic_source.h"
#include "log/transactions.h"

namespace millrace::log {
namespace {

constexpr size_t kBatchTarget = 1 << 20;  // uncompressed, of batches built from record lists

// What a client sends is checked in full before it is stored: one whole batch, its checksum, its
// records.
Status CheckProducedBatch(std::string_view batch, const LogOptions& options) {
  const auto refuse = [](Error error) -> Status {
    error.code = ErrorCode::kInvalidArgument;
    return std::unexpected(std::move(error));
  };
  const auto header = VerifyBatch(batch, options.batch_bytes_max);
  if (!header) return refuse(header.error());
  if (header->total_bytes() != batch.size() || header->control() || header->record_count == 0 ||
      header->record_count != header->last_offset_delta + 1) {
    return Fail(ErrorCode::kInvalidArgument,
                "a producer sends exactly one batch of consecutive data records");
  }
  flow::RecordBlock block;
  const auto decoded = DecodeVerifiedBatch(*header, batch, nullptr,
                                           {options.batch_bytes_max, options.decoded_bytes_max},
                                           Offset(0), Offset(INT64_MAX), block);
  return decoded ? decoded : refuse(decoded.error());
}

}  // namespace

class Log::Impl {
 public:
  Impl(LogOptions options, io::FileSystem& fs, io::Clock& clock)
      : core(std::move(options), fs, clock), coordinator(core) {}

  void StartMaintenance() {
    if (core.options().maintenance_interval_ms <= 0) return;
    maintenance = std::thread([this] { RunLoop(); });
  }

  void StopMaintenance() {
    {
      std::lock_guard lock(stop_mutex);
      stop = true;
    }
    stopped.notify_all();
    if (maintenance.joinable()) maintenance.join();
  }

  void RunLoop() {
    const std::chrono::milliseconds interval(core.options().maintenance_interval_ms);
    std::unique_lock lock(stop_mutex);
    while (!stop) {
      core.clock().WaitFor(stopped, lock, interval);
      if (stop) return;
      lock.unlock();
      if (auto status = RunMaintenance(); !status)
        logging::Warning("log.maintenance_failed", {{"error", status.error().ToString()}});
      lock.lock();
    }
  }

  Status RunMaintenance();

  Result<AppendTicket> AppendTo(const std::shared_ptr<Partition>& partition, std::string batches) {
    MR_TRY(core.CheckBudget(batches.size()));
    const size_t bytes = batches.size();
    MR_ASSIGN(const Partition::Appended appended, partition->Append(std::move(batches)));
    if (!appended.duplicate) core.CountAppended(bytes);
    core.syncer().Request(partition);
    return AppendTicket{partition->at(), appended.first, appended.end, appended.log_append_time,
                        appended.duplicate};
  }

  // What retention must keep of a partition: the lowest pin.
  std::optional<Offset> LowestPin(const TopicPartition& at) {
    std::lock_guard lock(pins_mutex);
    std::optional<Offset> lowest;
    for (const auto& [key, offset] : pins) {
      if (key.second == at && (!lowest || offset < *lowest)) lowest = offset;
    }
    return lowest;
  }

  LogCore core;
  TransactionCoordinator coordinator;

  std::mutex pins_mutex;
  std::map<std::pair<std::string, TopicPartition>, Offset> pins;

  std::mutex maintenance_mutex;  // one round at a time
  std::mutex stop_mutex;
  std::condition_variable stopped;
  bool stop = false;
  std::thread maintenance;
};

Status Log::Impl::RunMaintenance() {
  std::lock_guard lock(maintenance_mutex);
  // First of all, so that a compaction of `__transactions` finds every marker durable.
  MR_TRY(core.Flush());
  bool decisions_needed = false;
  for (const auto& partition : core.Partitions()) {
    if (!partition->status() || partition->has_pending_markers()) decisions_needed = true;
  }
  Status first_failure;
  for (const auto& topic : core.Topics()) {
    const bool compact = topic->info.spec.cleanup == Cleanup::kCompact;
    if (topic->info.spec.name == kTransactionsTopic && decisions_needed) continue;
    for (const auto& partition : topic->partitions) {
      if (!partition->status()) continue;
      const auto pin = LowestPin(partition->at());
      auto status = compact ? partition->Compact(pin) : partition->Retain(pin);
      if (!status && first_failure) first_failure = std::move(status);
    }
  }
  core.RecountDiskBytes();
  return first_failure;
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Log>> Log::Open(LogOptions options, io::FileSystem& fs, io::Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), fs, clock);
  MR_TRY(impl->core.Open());
  MR_TRY(impl->coordinator.Recover());
  impl->StartMaintenance();
  return std::unique_ptr<Log>(new Log(std::move(impl)));
}

Log::~Log() {
  impl_->StopMaintenance();
  if (!impl_->core.alive()) return;
  for (const auto& partition : impl_->core.Partitions()) {
    if (!partition->status()) continue;
    if (auto status = partition->WriteCheckpoint(); !status) {
      logging::Warning("log.checkpoint_not_written",
                       {{"folder", partition->folder()}, {"error", status.error().ToString()}});
    }
  }
}

Status Log::CreateTopic(TopicSpec spec) { return CreateTopics({&spec, 1}); }
Status Log::CreateTopics(std::span<const TopicSpec> specs) {
  return impl_->core.CreateTopics(specs);
}
Status Log::AlterTopic(const TopicSpec& spec) { return impl_->core.AlterTopic(spec); }
Status Log::DeleteTopic(const std::string& name) { return impl_->core.DeleteTopic(name); }

Result<TopicInfo> Log::FindTopic(const std::string& name) const {
  MR_ASSIGN(const auto topic, impl_->core.FindTopic(name));
  return topic->info;
}

std::vector<TopicInfo> Log::Topics() const {
  std::vector<TopicInfo> infos;
  for (const auto& topic : impl_->core.Topics()) infos.push_back(topic->info);
  return infos;
}

Result<AppendTicket> Log::Append(const std::string& topic, PartitionId partition,
                                 std::span<const flow::OutRecord> records) {
  MR_ASSIGN(const AppendTicket ticket, AppendAsync(topic, partition, records));
  MR_TRY(Wait(ticket));
  return ticket;
}

Result<AppendTicket> Log::AppendAsync(const std::string& topic, PartitionId partition,
                                      std::span<const flow::OutRecord> records) {
  if (records.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "an append to {}/{} has no records", topic, partition);
  }
  MR_ASSIGN(const auto found, impl_->core.FindTopic(topic));
  BatchBuilder builder(found->info.spec.codec);
  std::string batches;
  for (const flow::OutRecord& record : records) {
    MR_TRY(impl_->core.CheckRecord(record));
    builder.Add(record);
    if (builder.bytes() < kBatchTarget && &record != &records.back()) continue;
    MR_ASSIGN(const std::string batch, builder.Finish({}));
    batches += batch;
  }
  MR_ASSIGN(const auto target, impl_->core.FindPartition(topic, partition));
  return impl_->AppendTo(target, std::move(batches));
}

Result<AppendTicket> Log::AppendBatchAsync(const std::string& topic, PartitionId partition,
                                           std::string batch) {
  MR_ASSIGN(const auto target, impl_->core.FindPartition(topic, partition));
  MR_TRY(CheckProducedBatch(batch, impl_->core.options()));
  return impl_->AppendTo(target, std::move(batch));
}

Status Log::Wait(const AppendTicket& ticket) { return WaitAll({&ticket, 1}); }

Status Log::WaitAll(std::span<const AppendTicket> tickets) {
  std::vector<Syncer::Target> targets;
  for (const AppendTicket& ticket : tickets) {
    MR_ASSIGN(auto partition, impl_->core.FindPartition(ticket.at.topic, ticket.at.partition));
    targets.push_back({std::move(partition), ticket.end});
  }
  return impl_->core.syncer().Wait(targets);
}

Status Log::Flush() { return impl_->core.Flush(); }

flow::TransactionalWriter& Log::transactions() { return impl_->coordinator; }
size_t Log::TransactionOwnerCount() const { return impl_->coordinator.owner_count(); }
std::vector<RememberedTag> Log::CommitTags() const { return impl_->coordinator.Tags(); }
Status Log::ForgetCommitTags(std::span<const RememberedTag> tags) {
  return impl_->coordinator.Forget(tags);
}
Result<Producer> Log::NewProducer() { return impl_->core.NewProducer(); }

Result<std::unique_ptr<flow::Source>> Log::OpenSource(const std::string& topic) {
  MR_ASSIGN(const auto found, impl_->core.FindTopic(topic));
  return std::make_unique<TopicSource>(impl_->core, topic, found->notifier);
}

Result<PartitionOffsets> Log::Offsets(const std::string& topic, PartitionId partition) const {
  MR_ASSIGN(const auto found, impl_->core.FindPartition(topic, partition));
  MR_TRY(found->status());
  return found->offsets();
}

Result<Offset> Log::OffsetForTime(const std::string& topic, PartitionId partition, TimestampMs at) {
  MR_ASSIGN(const auto found, impl_->core.FindPartition(topic, partition));
  return found->OffsetForTime(at);
}

Result<Log::RawBatches> Log::ReadRaw(const std::string& topic, PartitionId partition, Offset from,
                                     size_t bytes_max) {
  MR_ASSIGN(const auto found, impl_->core.FindPartition(topic, partition));
  MR_ASSIGN(std::string bytes, found->ReadRaw(from, bytes_max));
  return RawBatches{std::move(bytes), found->AbortedIn(from, found->offsets().last_stable)};
}

void Log::SetPin(const std::string& name, const TopicPartition& at, Offset offset) {
  std::lock_guard lock(impl_->pins_mutex);
  impl_->pins[{name, at}] = offset;
}

void Log::DropPins(const std::string& name) {
  std::lock_guard lock(impl_->pins_mutex);
  std::erase_if(impl_->pins, [&](const auto& pin) { return pin.first.first == name; });
}

Status Log::DeleteRecords(const std::string& topic, PartitionId partition, Offset before) {
  std::lock_guard lock(impl_->maintenance_mutex);
  MR_ASSIGN(const auto found, impl_->core.FindPartition(topic, partition));
  if (const auto pin = impl_->LowestPin(found->at()); pin && *pin < before) {
    return Fail(ErrorCode::kConflict,
                "{}/{}: records from {} are still needed, so not all before {} "
                "can be deleted",
                topic, partition, *pin, before);
  }
  MR_TRY(found->DeleteBefore(before));
  impl_->core.RecountDiskBytes();
  return {};
}

Status Log::RunMaintenance() { return impl_->RunMaintenance(); }
LogMetrics Log::Metrics() const { return impl_->core.counters().Snapshot(); }
uint64_t Log::DiskBytes() const { return impl_->core.RecountDiskBytes(); }

std::vector<LostRange> Log::LostRanges() const {
  std::vector<LostRange> all;
  for (const auto& partition : impl_->core.Partitions()) {
    const auto lost = partition->Lost();
    all.insert(all.end(), lost.begin(), lost.end());
  }
  return all;
}

std::vector<Log::Damage> Log::DamagedPartitions() const {
  std::vector<Damage> damaged;
  for (const auto& partition : impl_->core.Partitions()) {
    if (auto status = partition->status(); !status)
      damaged.push_back({partition->at(), std::move(status).error()});
  }
  return damaged;
}

Status Log::Checkpoint(const std::string& target) {
  std::lock_guard lock(impl_->maintenance_mutex);  // no segment is replaced or removed meanwhile
  return CopyLog(impl_->core, impl_->coordinator, target);
}

}  // namespace millrace::log
