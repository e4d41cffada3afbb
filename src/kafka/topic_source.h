// TopicSource: a topic of a Kafka cluster as flow::Source, read committed.
//
// librdkafka reads ahead, at most settings.prefetch_bytes over all partitions; what Read gives out
// is copied into one padded block: simdjson needs bytes behind every value, and blocks may outlive
// the client.
// Reading goes on where it stopped; a Read elsewhere starts the client afresh at that offset, so
// that nothing fetched before can come up again.
//
// Readable() asks the cluster: one round trip answers for all partitions, each answer given once.
// A source opened with `settled` first waits until every transaction that was undecided at the
// call is decided: what was committed before the call is readable after it.
//
// Thread contract: every function from any thread.
// Errors: kNotFound: retention took the offset; kUnavailable: no answer in time, ask again.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "flow/epoch.h"
#include "flow/source.h"
#include "kafka/client.h"
#include "kafka/handle.h"

namespace millrace::kafka {

struct SourceOptions {
  // Whose progress the cluster's lag tools show (a consumer group of the project).
  std::string reader = "reader";
  bool settled = false;
  bool headers = true;  // false: records come without their headers, which saves their decoding
};

class TopicSource final : public flow::Source {
 public:
  // `client` outlives the source. kNotFound: no such topic.
  static Result<std::unique_ptr<TopicSource>> Open(Client& client, const std::string& topic,
                                                   SourceOptions options);
  ~TopicSource() override;

  const std::string& topic() const override { return topic_; }
  int32_t partition_count() const override { return static_cast<int32_t>(lanes_.size()); }
  Result<flow::OffsetRange> Readable(PartitionId partition) override;
  // Kafka decides a transaction partition by partition: one that still waits for its marker is
  // `pending` once its records were seen.
  Result<std::vector<flow::PartitionCut>> Cut() override;
  Result<flow::RecordBlock> Read(PartitionId partition, Offset from, Offset to,
                                 size_t bytes_max) override;
  bool WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) override;
  void Wake() override;

  // The first offset whose record came at or after `at`; the end of what is readable when there is
  // none.
  Result<Offset> OffsetForTime(PartitionId partition, TimestampMs at);

  // Tells the cluster where the reader stands, for its lag tools alone: nothing is read from there.
  void NoteProgress(std::span<const flow::Position> positions);

 private:
  // One partition.
  struct Lane {
    Owned<rd_kafka_queue_t> queue;
    std::deque<Owned<rd_kafka_message_t>> fetched;  // not yet given out, offsets rise
    bool started = false;
    Offset next;      // the next to give out
    Offset frontier;  // all that is readable below it has been fetched
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    flow::OffsetRange range;  // as the cluster last said
    bool range_is_fresh = false;
  };

  TopicSource(Client& client, std::string topic, SourceOptions options);
  // With mutex_ held.
  Status OpenHandle();
  Status StartLane(int32_t partition, Offset at);
  Status MoveLane(int32_t partition, Offset at);
  void CloseQueues();
  void Fetch(Lane& lane);
  void Take(Lane& lane, Owned<rd_kafka_message_t> message);
  Status ErrorOf(Lane& lane, int32_t partition);
  bool AnyBeyond(std::span<const Offset> seen);

  Status AskRanges();
  Result<std::vector<Offset>> AskOffsets(Handle& handle, int64_t which);
  Status CheckPartition(PartitionId partition) const;
  Status AwaitSettled(PartitionId partition);
  // Returns when anything was fetched after `arrivals`, Wake() was called, or at `deadline`.
  void AwaitArrival(uint64_t arrivals, std::chrono::steady_clock::time_point deadline);
  uint64_t Arrivals();
  static void OnFetched(rd_kafka_t*, void* opaque);

  Client& client_;
  const std::string topic_;
  const std::string name_;  // in the cluster
  const SourceOptions options_;
  std::mutex mutex_;
  std::shared_ptr<Handle> handle_;
  std::vector<Lane> lanes_;
  std::chrono::steady_clock::time_point begins_asked_{};
  // Arrival of anything, told by librdkafka's threads.
  std::mutex arrival_mutex_;
  std::condition_variable arrived_;
  uint64_t arrivals_ = 0;
  uint64_t wakes_ = 0;
};

}  // namespace millrace::kafka
