// Appending and syncing; reading is in partition_read.cc, recovery in partition_recovery.cc,
// retention in partition_care.cc.
#include "log/partition.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/logging.h"

namespace millrace::log {

Partition::Partition(PartitionContext& context, TopicPartition at, std::string folder,
                     const TopicSpec& spec)
    : context_(context), at_(std::move(at)), folder_(std::move(folder)), spec_(spec) {}

Partition::~Partition() = default;

std::shared_ptr<Partition> Partition::Open(PartitionContext& context, TopicPartition at,
                                           std::string folder, const TopicSpec& spec) {
  std::shared_ptr<Partition> partition(
      new Partition(context, std::move(at), std::move(folder), spec));
  if (auto status = partition->Recover(); !status) partition->Damage(std::move(status).error());
  return partition;
}

void Partition::Damage(Error error) {
  logging::Error("log.partition_closed", {{"topic", at_.topic},
                                          {"partition", at_.partition},
                                          {"reason", ErrorCodeName(error.code)},
                                          {"error", error.message}});
  if (error.code == ErrorCode::kDamaged && error.hint.empty()) {
    error.hint =
        "the file is kept; restore it from a backup, or give the damaged records up with "
        "--accept-loss";
  }
  status_ = std::unexpected(std::move(error));
}

Status Partition::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

PartitionOffsets Partition::OffsetsLocked() const {
  const Offset undecided = producers_.FirstOpenOffset().value_or(end_);
  return {start_, std::max(start_, std::min(undecided, synced_end_)), synced_end_, end_, data_end_};
}

PartitionOffsets Partition::offsets() const {
  std::lock_guard lock(mutex_);
  return OffsetsLocked();
}

void Partition::SetSpec(const TopicSpec& spec) {
  std::lock_guard lock(mutex_);
  spec_ = spec;
}

void Partition::Retire() {
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  status_ = Fail(ErrorCode::kNotFound, "topic {} was deleted", at_.topic);
  lock.unlock();
  synced_.notify_all();
}

bool Partition::has_pending_markers() const {
  std::lock_guard lock(mutex_);
  return !pending_markers_.empty();
}

void Partition::OnProgress(std::function<void()> notify) {
  std::lock_guard lock(mutex_);
  notify_ = std::move(notify);
}

DecodeLimits Partition::limits() const {
  return {context_.options.batch_bytes_max, context_.options.decoded_bytes_max};
}

Result<Partition::Appended> Partition::Append(std::string batches) {
  std::lock_guard lock(mutex_);
  MR_TRY(WritePendingMarkers());
  return AppendLocked(batches);
}

Status Partition::AppendMarker(Producer producer, bool commit) {
  std::unique_lock lock(mutex_);
  MR_TRY(status_);
  std::string marker = BuildMarker(producer, commit);
  Status written = WritePendingMarkers();
  if (written) {
    if (auto appended = AppendLocked(marker); !appended)
      written = std::unexpected(std::move(appended).error());
  }
  if (written) {
    const std::function<void()> notify = notify_;
    lock.unlock();
    if (notify) notify();
    return {};
  }
  // The decision stands; only its trace here waits for room.
  pending_markers_.emplace_back(producer, commit);
  return written;
}

Status Partition::WritePendingMarkers() {
  while (!pending_markers_.empty()) {
    std::string marker =
        BuildMarker(pending_markers_.front().first, pending_markers_.front().second);
    MR_TRY(AppendLocked(marker));
    pending_markers_.erase(pending_markers_.begin());
  }
  return {};
}

// Checks every batch against its producer and sets its offset and time. An answer means that the
// batch is here already.
Result<std::optional<Partition::Appended>> Partition::CheckBatches(std::string& batches) {
  const TimestampMs now(context_.clock.Now().value / 1000);
  const TimestampMs stamp = std::max(now, last_timestamp_);
  Offset next = end_;
  for (size_t at = 0; at < batches.size();) {
    const std::string_view rest = std::string_view(batches).substr(at);
    auto parsed = ParseBatchHeader(rest, context_.options.batch_bytes_max);
    if (!parsed) {
      parsed.error().code = ErrorCode::kInvalidArgument;
      return std::unexpected(std::move(parsed).error());
    }
    BatchHeader header = *parsed;
    MR_CHECK(header.total_bytes() <= rest.size(), "a batch to append is whole");
    MR_ASSIGN(const auto duplicate, producers_.Check(header));
    if (duplicate) {
      return std::optional<Appended>(
          {duplicate->first, duplicate->last + 1, duplicate->timestamp, true});
    }
    header.base_offset = next;
    header.leader_epoch = 0;
    header.attributes |= BatchHeader::kLogAppendTime;
    if (header.control()) header.base_timestamp = stamp.value;
    header.max_timestamp = stamp.value;
    if (header.base_timestamp == 0) header.base_timestamp = stamp.value;
    StoreBatchHeader(header, batches.data() + at);
    SealBatch(batches.data() + at, header.total_bytes());
    next = header.end_offset();
    at += header.total_bytes();
  }
  return std::optional<Appended>();
}

Result<Partition::Appended> Partition::AppendLocked(std::string& batches) {
  MR_TRY(status_);
  MR_ASSIGN(const auto answered, CheckBatches(batches));
  if (answered) return *answered;
  MR_TRY(RollIfNeeded(batches.size()));
  const std::string_view last = batches;
  Appended appended{end_, end_, TimestampMs(LoadBig<int64_t>(last.data() + 35)), false};
  Offset end = end_;
  for (size_t at = 0; at < batches.size();) {
    MR_ASSIGN(const BatchHeader header,
              ParseBatchHeader(last.substr(at), context_.options.batch_bytes_max));
    end = header.end_offset();
    at += header.total_bytes();
  }
  MR_TRY(segments_.back()->Append(batches, end, appended.log_append_time));
  context_.counters.appended_bytes += batches.size();
  ApplyAppended(batches, end);
  appended.end = end;
  return appended;
}

void Partition::ApplyAppended(const std::string& batches, Offset end) {
  const std::string_view all = batches;
  for (size_t at = 0; at < all.size();) {
    const BatchHeader header =
        ParseBatchHeader(all.substr(at), context_.options.batch_bytes_max).value();
    std::optional<bool> commit;
    if (header.control()) commit = MarkerDecision(header, all.substr(at), limits()).value();
    producers_.Apply(header, commit);
    if (!header.control()) data_end_ = header.end_offset();
    last_timestamp_ = TimestampMs(header.max_timestamp);
    at += header.total_bytes();
  }
  end_ = end;
  bytes_since_checkpoint_ += batches.size();
  if (context_.options.durability == Durability::kOs) {
    synced_end_ = end_;
    synced_position_ = segments_.back()->extent().bytes;
  }
}

Status Partition::RollIfNeeded(size_t bytes) {
  if (segments_.empty()) return RollLocked();
  const Segment::Extent active = segments_.back()->extent();
  if (active.bytes == 0) return {};
  const int64_t now_ms = context_.clock.Now().value / 1000;
  const bool old = active.first_timestamp.value < now_ms - spec_.segment_ms;
  if (active.bytes + bytes <= spec_.segment_bytes && !old) return {};
  return RollLocked();
}

// Invariant 3: sync the old one, make the new one, sync its name.
Status Partition::RollLocked() {
  if (!segments_.empty()) {
    if (auto status = segments_.back()->Sync(); !status) {
      context_.fatal(status.error());
      return status;
    }
    synced_end_ = end_;
  }
  MR_ASSIGN(auto segment, Segment::Create(context_.fs, folder_, end_));
  if (auto status = context_.fs.SyncFolder(folder_); !status) {
    context_.fatal(status.error());
    return status;
  }
  // A sync in progress still uses the old one; it closes it then.
  if (!segments_.empty() && !syncing_) segments_.back()->Close();
  segments_.push_back(std::move(segment));
  synced_position_ = 0;
  return {};
}

Status Partition::Roll() {
  std::lock_guard care(care_mutex_);
  std::unique_lock lock(mutex_);
  MR_TRY(status_);
  synced_.wait(lock, [&] { return !syncing_; });
  if (segments_.empty() || segments_.back()->extent().bytes == 0) return {};
  MR_TRY(RollLocked());
  return StoreCheckpointLocked();
}

bool Partition::IsDurable(Offset end) const {
  std::lock_guard lock(mutex_);
  return synced_end_ >= end;
}

bool Partition::needs_sync() const {
  std::lock_guard lock(mutex_);
  return status_.has_value() && synced_end_ < end_;
}

Status Partition::MakeDurable() {
  std::unique_lock lock(mutex_);
  const Offset wanted = end_;
  synced_.wait(lock, [&] { return !syncing_ || synced_end_ >= wanted || !status_; });
  MR_TRY(status_);
  if (synced_end_ >= wanted) {
    // A checkpoint or a roll may have synced without telling the readers.
    const std::function<void()> notify = notify_;
    lock.unlock();
    if (notify) notify();
    return {};
  }
  syncing_ = true;
  const std::shared_ptr<Segment> segment = segments_.back();
  const Segment::Extent extent = segment->extent();
  lock.unlock();

  const int64_t begun_ns = context_.clock.MonotonicNs();
  const Status synced = segment->Sync();
  context_.counters.sync_seconds.Observe(
      static_cast<double>(context_.clock.MonotonicNs() - begun_ns) / 1e9);
  if (synced) segment->NoteSynced({extent.end, extent.bytes, extent.max_timestamp});

  lock.lock();
  syncing_ = false;
  if (!synced) {
    Damage(Error(synced.error()));
    lock.unlock();
    synced_.notify_all();
    context_.fatal(synced.error());
    return synced;
  }
  synced_end_ = std::max(synced_end_, extent.end);
  if (segment == segments_.back()) {
    synced_position_ = std::max(synced_position_, extent.bytes);
  } else {
    segment->Close();
  }
  const bool checkpoint = bytes_since_checkpoint_ >= context_.options.checkpoint_bytes;
  const std::function<void()> notify = notify_;
  lock.unlock();
  synced_.notify_all();
  if (notify) notify();
  return checkpoint ? WriteDueCheckpoint() : Status();
}

// What was appended is durable, whatever becomes of the checkpoint: on a full disk the next start
// reads more, and the next sync tries again. After another failure it is not known what the disk
// has.
Status Partition::WriteDueCheckpoint() {
  const Status stored = WriteCheckpoint();
  if (stored) return {};
  if (stored.error().code == ErrorCode::kResourceExhausted) {
    logging::Warning("log.checkpoint_not_written",
                     {{"folder", folder_}, {"error", stored.error().message}});
    return {};
  }
  context_.fatal(stored.error());
  return stored;
}

std::optional<OpenTransaction> Partition::FindOpen(ProducerId producer) const {
  std::lock_guard lock(mutex_);
  const auto found = producers_.open().find(producer);
  if (found == producers_.open().end()) return std::nullopt;
  return found->second;
}

std::vector<OpenTransaction> Partition::OpenTransactions() const {
  std::lock_guard lock(mutex_);
  std::vector<OpenTransaction> open;
  for (const auto& [id, transaction] : producers_.open()) open.push_back(transaction);
  return open;
}

bool Partition::LostAnyOf(Offset first, Offset last) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(
      lost_, [&](const LostRange& range) { return range.begin <= last && first < range.end; });
}

std::vector<LostRange> Partition::Lost() const {
  std::lock_guard lock(mutex_);
  return lost_;
}

uint64_t Partition::disk_bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->extent().bytes;
  return bytes;
}

}  // namespace millrace::log
