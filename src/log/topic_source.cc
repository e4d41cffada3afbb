#include "log/topic_source.h"

namespace millrace::log {

int32_t TopicSource::partition_count() const {
  const auto topic = core_.FindTopic(topic_);
  return topic ? (*topic)->info.spec.partitions : 0;
}

Result<flow::OffsetRange> TopicSource::Readable(PartitionId partition) {
  MR_ASSIGN(const auto found, core_.FindPartition(topic_, partition));
  MR_TRY(found->status());
  const PartitionOffsets offsets = found->offsets();
  return flow::OffsetRange{offsets.start, offsets.last_stable};
}

Result<std::vector<flow::PartitionCut>> TopicSource::Cut() {
  MR_ASSIGN(const auto topic, core_.FindTopic(topic_));
  std::vector<flow::PartitionCut> cut;
  const std::shared_lock still(core_.publishing());
  for (const auto& partition : topic->partitions) {
    MR_TRY(partition->status());
    const PartitionOffsets offsets = partition->offsets();
    cut.push_back({{offsets.start, offsets.last_stable}, offsets.last_stable < offsets.data_end});
  }
  return cut;
}

Result<flow::RecordBlock> TopicSource::Read(PartitionId partition, Offset from, Offset to,
                                            size_t bytes_max) {
  MR_ASSIGN(const auto found, core_.FindPartition(topic_, partition));
  return found->Read(from, to, bytes_max, /*committed=*/true);
}

bool TopicSource::WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) {
  const auto topic = core_.FindTopic(topic_);
  if (!topic) return false;
  const auto& partitions = (*topic)->partitions;
  return notifier_->WaitUntil(core_.clock(), timeout, wakes_, [&] {
    for (size_t p = 0; p < std::min(seen.size(), partitions.size()); ++p) {
      if (partitions[p]->offsets().last_stable > seen[p]) return true;
    }
    return false;
  });
}

void TopicSource::Wake() {
  {
    std::lock_guard lock(notifier_->mutex());
    ++wakes_;
  }
  notifier_->Notify();
}

}  // namespace millrace::log
