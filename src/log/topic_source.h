// TopicSource: a topic of the embedded log as flow::Source, read-committed.
//
// Thread contract: every function from any thread; it must go before its log.
#pragma once

#include <memory>
#include <string>

#include "flow/source.h"
#include "log/log_core.h"

namespace millrace::log {

class TopicSource final : public flow::Source {
 public:
  TopicSource(LogCore& core, std::string topic, std::shared_ptr<Notifier> notifier)
      : core_(core), topic_(std::move(topic)), notifier_(std::move(notifier)) {}

  const std::string& topic() const override { return topic_; }
  int32_t partition_count() const override;
  Result<flow::OffsetRange> Readable(PartitionId partition) override;
  Result<std::vector<flow::PartitionCut>> Cut() override;
  Result<flow::RecordBlock> Read(PartitionId partition, Offset from, Offset to,
                                 size_t bytes_max) override;
  bool WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) override;
  void Wake() override;

 private:
  LogCore& core_;
  const std::string topic_;
  const std::shared_ptr<Notifier> notifier_;
  uint64_t wakes_ = 0;  // guarded by the notifier's mutex
};

}  // namespace millrace::log
