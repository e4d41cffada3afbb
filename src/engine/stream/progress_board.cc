#include "engine/stream/progress_board.h"

#include <algorithm>

namespace millrace::engine {
namespace {

constexpr double kFadeNs = 5e9;

double PercentileMs(std::vector<int64_t> durations_ns, double share) {
  if (durations_ns.empty()) return 0;
  const auto at = static_cast<size_t>(static_cast<double>(durations_ns.size() - 1) * share);
  std::nth_element(durations_ns.begin(), durations_ns.begin() + static_cast<ptrdiff_t>(at),
                   durations_ns.end());
  return static_cast<double>(durations_ns[at]) / 1e6;
}

}  // namespace

ProgressBoard::ProgressBoard(std::string query, const QueryWorld& world)
    : query_(std::move(query)), world_(world) {}

void ProgressBoard::Set(const flow::Progress& progress) {
  const std::lock_guard lock(mutex_);
  progress_ = progress;
}

void ProgressBoard::Note(const CommittedEpoch& epoch) {
  {
    const std::lock_guard lock(mutex_);
    progress_ = epoch.progress;
    counts_.records_in += epoch.records_in;
    counts_.skipped += epoch.skipped;
    counts_.bytes_in += epoch.bytes_in;
    counts_.rows_out += epoch.rows_out;
    counts_.rejected += epoch.rejected;
    counts_.late += epoch.late;
    counts_.state_entries = epoch.state_entries;
    ++counts_.epochs;
    if (epoch.replayed) ++counts_.replayed;
    if (epoch_ns_.size() < kRecent) {
      epoch_ns_.resize(epoch_ns_.size() + 1);
      commit_ns_.resize(commit_ns_.size() + 1);
    }
    epoch_ns_[next_ % kRecent] = epoch.done_ns - epoch.cut_ns;
    commit_ns_[next_ % kRecent] = epoch.done_ns - epoch.commit_ns;
    ++next_;
    epoch_seconds_.Observe(static_cast<double>(epoch.done_ns - epoch.cut_ns) / 1e9);
    commit_seconds_.Observe(static_cast<double>(epoch.done_ns - epoch.commit_ns) / 1e9);
    for (const EpochOutput::Arrival& arrival : epoch.arrivals) {
      if (epoch.replayed) break;
      append_to_row_seconds_.Observe(
          static_cast<double>(epoch.done_at.value - arrival.appended.value * 1000) / 1e6,
          arrival.records);
    }
  }
  changed_.notify_all();
}

void ProgressBoard::NoteReadable(const std::map<flow::TopicPartition, Offset>& ends) {
  const int64_t now_ns = world_.time->MonotonicNs();
  const std::lock_guard lock(mutex_);
  for (const flow::Position& position : progress_.positions) {
    const auto end = ends.find(position.at);
    if (end != ends.end() && position.next >= end->second) caught_up_ns_[position.at] = now_ns;
  }
}

void ProgressBoard::NoteTime(int64_t asleep_ns, int64_t busy_ns) {
  const std::lock_guard lock(mutex_);
  const double kept =
      std::max(0.0, 1 - (static_cast<double>(asleep_ns) + static_cast<double>(busy_ns)) / kFadeNs);
  asleep_ns_ = asleep_ns_ * kept + static_cast<double>(asleep_ns);
  busy_ns_ = busy_ns_ * kept + static_cast<double>(busy_ns);
}

void ProgressBoard::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool ProgressBoard::ReachedLocked(const std::map<flow::TopicPartition, Offset>& ends) const {
  for (const auto& [at, end] : ends) {
    const auto found = std::ranges::find(progress_.positions, at, &flow::Position::at);
    if (found == progress_.positions.end() ? end.value > 0 : found->next < end) return false;
  }
  return true;
}

bool ProgressBoard::AwaitPositions(const std::map<flow::TopicPartition, Offset>& ends,
                                   std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return closed_ || ReachedLocked(ends); });
  return ReachedLocked(ends);
}

bool ProgressBoard::AwaitWatermark(int64_t at_least_us, std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  const auto reached = [&] { return progress_.watermark_us >= at_least_us; };
  changed_.wait_for(lock, timeout, [&] { return closed_ || reached(); });
  return reached();
}

QueryMetrics ProgressBoard::Snapshot() const {
  std::unique_lock lock(mutex_);
  QueryMetrics metrics = counts_;
  metrics.query = query_;
  metrics.epoch = progress_.epoch;
  metrics.epoch_seconds = epoch_seconds_.Snapshot();
  metrics.commit_seconds = commit_seconds_.Snapshot();
  metrics.append_to_row_seconds = append_to_row_seconds_.Snapshot();
  metrics.watermark_us = progress_.watermark_us;
  metrics.epoch_p50_ms = PercentileMs(epoch_ns_, 0.5);
  metrics.epoch_p99_ms = PercentileMs(epoch_ns_, 0.99);
  metrics.commit_p50_ms = PercentileMs(commit_ns_, 0.5);
  metrics.busy_ratio = asleep_ns_ + busy_ns_ > 0 ? busy_ns_ / (asleep_ns_ + busy_ns_) : 0;
  const std::vector<flow::Position> positions = progress_.positions;
  const std::map<flow::TopicPartition, int64_t> caught_up_ns = caught_up_ns_;
  lock.unlock();

  const int64_t now_ns = world_.time->MonotonicNs();
  for (const flow::Position& position : positions) {
    PartitionMetrics partition;
    partition.at = position.at;
    partition.next = position.next;
    partition.end = position.next;
    partition.watermark_us = position.watermark_us;
    partition.idle = position.idle;
    const auto source = world_.sources.find(position.at.topic);
    if (source != world_.sources.end()) {
      const auto readable = source->second->Readable(position.at.partition);
      if (readable.has_value()) partition.end = std::max(partition.end, readable->end);
    }
    partition.lag_records = partition.end - partition.next;
    const auto caught_up = caught_up_ns.find(position.at);
    if (partition.lag_records > 0 && caught_up != caught_up_ns.end())
      partition.lag_seconds = static_cast<double>(now_ns - caught_up->second) / 1e9;
    metrics.partitions.push_back(std::move(partition));
  }
  return metrics;
}

}  // namespace millrace::engine
