// Checkpoints, retention and copies of a partition; compaction is in compaction.cc.
#include <algorithm>

#include "base/logging.h"
#include "log/partition.h"

namespace millrace::log {
namespace {

// A producer that was silent for so long is forgotten; its next sequence starts anew.
constexpr int64_t kProducerIdleMs = 7 * 86'400'000LL;

}  // namespace

PartitionCheckpoint Partition::SnapshotLocked() const {
  PartitionCheckpoint checkpoint;
  checkpoint.start = start_;
  checkpoint.recovery = checkpoint.active = end_;
  checkpoint.last_timestamp = last_timestamp_;
  checkpoint.producers = producers_;
  checkpoint.cleaned = cleaned_;
  checkpoint.lost = lost_;
  for (const auto& segment : segments_) {
    const Segment::Extent extent = segment->extent();
    if (segment != segments_.back()) {
      checkpoint.closed.push_back({extent, 0});
    } else {
      checkpoint.active = extent.base;
      checkpoint.recovery_position = extent.bytes;
      checkpoint.active_first_timestamp = extent.first_timestamp;
    }
  }
  return checkpoint;
}

// Everything it will say must be on stable storage first.
Status Partition::StoreCheckpointLocked(std::optional<std::pair<Offset, uint64_t>> replacing) {
  MR_TRY(status_);
  if (synced_end_ < end_ || context_.options.durability == Durability::kOs) {
    if (auto synced = segments_.empty() ? Status() : segments_.back()->Sync(); !synced) {
      context_.fatal(synced.error());
      return synced;
    }
    synced_end_ = end_;
    if (!segments_.empty()) synced_position_ = segments_.back()->extent().bytes;
  }
  producers_.Prune(start_,
                   TimestampMs(std::max<int64_t>(last_timestamp_.value, 0) - kProducerIdleMs));
  PartitionCheckpoint checkpoint = SnapshotLocked();
  for (PartitionCheckpoint::Closed& closed : checkpoint.closed) {
    if (replacing && closed.extent.base == replacing->first) closed.bytes_next = replacing->second;
  }
  MR_TRY(io::WriteFileAtomically(context_.fs, io::JoinPath(folder_, kCheckpointFile),
                                 checkpoint.Encode()));
  checkpointed_ = end_;
  bytes_since_checkpoint_ = 0;
  return {};
}

Status Partition::WriteCheckpoint() {
  std::lock_guard care(care_mutex_);
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  MR_TRY(status_);
  if (checkpointed_ == end_) return {};
  MR_TRY(StoreCheckpointLocked());
  const std::function<void()> notify = notify_;
  lock.unlock();
  synced_.notify_all();
  if (notify) notify();
  return {};
}

Status Partition::DeleteBefore(Offset before) {
  std::lock_guard care(care_mutex_);
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  MR_TRY(status_);
  if (before > OffsetsLocked().last_stable) {
    return Fail(ErrorCode::kInvalidArgument, "{}/{}: cannot delete before {}, readable ends at {}",
                at_.topic, at_.partition, before, OffsetsLocked().last_stable);
  }
  if (before <= start_) return {};
  size_t whole = 0;
  while (whole + 1 < segments_.size() && segments_[whole + 1]->base() <= before) ++whole;
  return RemoveFrontLocked(whole, before);
}

// The checkpoint decides: once it is stored without them, files that are still there are removed by
// the next start.
Status Partition::RemoveFrontLocked(size_t count, Offset new_start) {
  const Segments gone(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(count));
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<ptrdiff_t>(count));
  const Offset old_start = std::exchange(start_, std::max(start_, new_start));
  if (auto stored = StoreCheckpointLocked(); !stored) {
    segments_.insert(segments_.begin(), gone.begin(), gone.end());
    start_ = old_start;
    return stored;
  }
  producers_.Prune(start_, TimestampMs(INT64_MIN));
  for (const auto& segment : gone) {
    MR_TRY(context_.fs.RemoveFile(segment->path()));
    const std::string index = segment->path().substr(0, segment->path().size() - 4) + ".index";
    if (context_.fs.Exists(index)) MR_TRY(context_.fs.RemoveFile(index));
    logging::Info("log.segment_removed", {{"file", segment->path()}});
  }
  return {};
}

Status Partition::Retain(std::optional<Offset> keep_from) {
  std::lock_guard care(care_mutex_);
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  MR_TRY(status_);
  const int64_t oldest_ms = context_.clock.Now().value / 1000 - spec_.retention_ms;
  uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->extent().bytes;
  const Offset stable = OffsetsLocked().last_stable;
  size_t count = 0;
  for (; count + 1 < segments_.size(); ++count) {
    const Segment::Extent extent = segments_[count]->extent();
    const bool too_old = spec_.retention_ms >= 0 && extent.max_timestamp.value < oldest_ms;
    const bool too_much = spec_.retention_bytes >= 0 &&
                          bytes - extent.bytes >= static_cast<uint64_t>(spec_.retention_bytes);
    if ((!too_old && !too_much) || extent.end > stable) break;
    if (keep_from && extent.end > *keep_from) {
      if (!spec_.force_retention) break;
      const Offset lost_from = std::max({extent.base, *keep_from, start_});
      lost_.push_back({at_, lost_from, extent.end, "retention force"});
      logging::Warning("log.unread_records_removed", {{"topic", at_.topic},
                                                      {"partition", at_.partition},
                                                      {"from", lost_from},
                                                      {"to", extent.end}});
    }
    bytes -= extent.bytes;
  }
  if (count == 0) return {};
  return RemoveFrontLocked(count, segments_[count]->base());
}

Result<Partition::CopyPlan> Partition::PlanCopy() {
  std::unique_lock lock(mutex_);
  synced_.wait(lock, [&] { return !syncing_; });
  MR_TRY(status_);
  CopyPlan plan;
  for (const auto& segment : segments_) {
    if (segment != segments_.back()) {
      plan.whole.push_back(segment->path());
    } else {
      plan.active = segment->path();
    }
  }
  if (synced_end_ < end_) MR_TRY(StoreCheckpointLocked());
  plan.active_bytes = segments_.empty() ? 0 : segments_.back()->extent().bytes;
  plan.checkpoint = SnapshotLocked().Encode();
  return plan;
}

}  // namespace millrace::log
