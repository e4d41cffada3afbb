#include "kafka/topic_source.h"

#include <algorithm>
#include <array>
#include <thread>

#include "kafka/record_block.h"

namespace millrace::kafka {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMessagesPerFetch = 512;
constexpr size_t kFetchBytesMax = size_t{1} << 20;
// The log's start moves by retention only; it is asked for less often than its end.
constexpr std::chrono::seconds kBeginsKept{10};
constexpr std::chrono::milliseconds kSettledPauseMax{50};
constexpr std::chrono::milliseconds kUnknownPause{50};

Properties ReaderProperties(const Client& client, const SourceOptions& options, size_t partitions) {
  const size_t bytes =
      std::max<size_t>(client.settings().prefetch_bytes / std::max<size_t>(partitions, 1), 1 << 16);
  return {{"group.id", client.GroupId(options.reader)},
          {"enable.auto.commit", "false"},
          {"enable.auto.offset.store", "false"},
          {"auto.offset.reset", "error"},  // a gap is told, never jumped over
          {"isolation.level", "read_committed"},
          {"enable.partition.eof", "true"},
          {"check.crcs", "true"},
          {"fetch.wait.max.ms", "100"},
          {"fetch.error.backoff.ms", "50"},
          {"queued.min.messages", "1000000"},
          {"queued.max.messages.kbytes", std::to_string(bytes >> 10)},
          {"fetch.message.max.bytes", std::to_string(std::min(bytes, kFetchBytesMax))}};
}

Owned<rd_kafka_topic_partition_list_t> NewList(size_t size) {
  return Owned<rd_kafka_topic_partition_list_t>(
      rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

}  // namespace

Result<std::unique_ptr<TopicSource>> TopicSource::Open(Client& client, const std::string& topic,
                                                       SourceOptions options) {
  MR_ASSIGN(const int32_t partitions, client.PartitionCount(topic));
  std::unique_ptr<TopicSource> source(new TopicSource(client, topic, std::move(options)));
  source->lanes_ = std::vector<Lane>(static_cast<size_t>(partitions));
  const std::lock_guard lock(source->mutex_);
  MR_TRY(source->OpenHandle());
  return source;
}

TopicSource::TopicSource(Client& client, std::string topic, SourceOptions options)
    : client_(client),
      topic_(std::move(topic)),
      name_(client.PhysicalName(topic_)),
      options_(std::move(options)) {}

TopicSource::~TopicSource() {
  const std::lock_guard lock(mutex_);
  CloseQueues();
}

Status TopicSource::OpenHandle() {
  CloseQueues();
  MR_ASSIGN(handle_, Handle::Open(client_.settings(), Handle::Kind::kConsumer,
                                  ReaderProperties(client_, options_, lanes_.size())));
  for (size_t p = 0; p < lanes_.size(); ++p) {
    lanes_[p].queue.reset(
        rd_kafka_queue_get_partition(handle_->get(), name_.c_str(), static_cast<int32_t>(p)));
    if (lanes_[p].queue == nullptr)
      return Fail(ErrorCode::kInternal, "no queue for {}/{}", name_, p);
    rd_kafka_queue_forward(lanes_[p].queue.get(), nullptr);
    rd_kafka_queue_cb_event_enable(lanes_[p].queue.get(), &TopicSource::OnFetched, this);
  }
  return {};
}

// Queues and messages go before the client they belong to.
void TopicSource::CloseQueues() {
  for (Lane& lane : lanes_) {
    lane.fetched.clear();
    if (lane.queue != nullptr) rd_kafka_queue_cb_event_enable(lane.queue.get(), nullptr, nullptr);
    lane.queue.reset();
  }
}

Status TopicSource::CheckPartition(PartitionId partition) const {
  if (partition.value >= 0 && static_cast<size_t>(partition.value) < lanes_.size()) return {};
  return Fail(ErrorCode::kNotFound, "topic {} has no partition {}", name_, partition);
}

Status TopicSource::StartLane(int32_t partition, Offset at) {
  const auto list = NewList(1);
  rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), partition)->offset = at.value;
  const Owned<rd_kafka_error_t> error(rd_kafka_incremental_assign(handle_->get(), list.get()));
  if (error != nullptr)
    return std::unexpected(handle_->ErrorOf(rd_kafka_error_code(error.get()),
                                            fmt::format("reading {}/{}", name_, partition)));
  Lane& lane = lanes_[static_cast<size_t>(partition)];
  lane.started = true;
  lane.next = at;
  lane.frontier = at;
  lane.error = RD_KAFKA_RESP_ERR_NO_ERROR;
  return {};
}

// Begins at `at`. What the client fetched from elsewhere is left behind with it.
Status TopicSource::MoveLane(int32_t partition, Offset at) {
  if (lanes_[static_cast<size_t>(partition)].started) {
    MR_TRY(OpenHandle());
    for (size_t p = 0; p < lanes_.size(); ++p) {
      const auto number = static_cast<int32_t>(p);
      if (lanes_[p].started && number != partition) MR_TRY(StartLane(number, lanes_[p].next));
    }
  }
  return StartLane(partition, at);
}

void TopicSource::Fetch(Lane& lane) {
  std::array<rd_kafka_message_t*, kMessagesPerFetch> messages;
  const ssize_t count =
      rd_kafka_consume_batch_queue(lane.queue.get(), 0, messages.data(), messages.size());
  for (ssize_t i = 0; i < count; ++i)
    Take(lane, Owned<rd_kafka_message_t>(messages[static_cast<size_t>(i)]));
}

void TopicSource::Take(Lane& lane, Owned<rd_kafka_message_t> message) {
  if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    lane.frontier = std::max(lane.frontier, Offset(message->offset));
  } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    lane.error = message->err;
  } else if (Offset(message->offset) >= lane.frontier) {
    lane.frontier = Offset(message->offset + 1);
    lane.fetched.push_back(std::move(message));
  }
}

Status TopicSource::ErrorOf(Lane& lane, int32_t partition) {
  const rd_kafka_resp_err_t error = std::exchange(lane.error, RD_KAFKA_RESP_ERR_NO_ERROR);
  lane.started = false;  // the next Read starts it again
  Error made = handle_->ErrorOf(
      error, fmt::format("reading {}/{} at offset {}", name_, partition, lane.next));
  if (MayBecomeKnown(error)) {
    made.code = ErrorCode::kUnavailable;
  } else if (made.code == ErrorCode::kNotFound) {
    made.message =
        fmt::format("Kafka topic {}/{}: offset {} is not there", name_, partition, lane.next);
    made.hint = "retention took it before it was read, or the topic was made anew";
  }
  // What was fetched by the client that failed must not come up again.
  MR_TRY(OpenHandle());
  for (Lane& other : lanes_) other.started = false;
  return std::unexpected(std::move(made));
}

Result<flow::RecordBlock> TopicSource::Read(PartitionId partition, Offset from, Offset to,
                                            size_t bytes_max) {
  MR_TRY(CheckPartition(partition));
  const auto deadline = SteadyClock::now() + client_.settings().answer_timeout;
  std::vector<Owned<rd_kafka_message_t>> messages;
  size_t bytes = 0;
  std::unique_lock lock(mutex_);
  Lane& lane = lanes_[static_cast<size_t>(partition.value)];
  if (!lane.started || lane.next != from) MR_TRY(MoveLane(partition.value, from));
  while (lane.next < to && (messages.empty() || bytes < bytes_max)) {
    const uint64_t arrivals = Arrivals();
    if (lane.fetched.empty()) Fetch(lane);
    if (!lane.fetched.empty()) {
      const Offset offset(lane.fetched.front()->offset);
      lane.next = std::min(offset, to);
      if (offset >= to) break;
      lane.next = offset + 1;
      bytes += lane.fetched.front()->len + lane.fetched.front()->key_len;
      messages.push_back(std::move(lane.fetched.front()));
      lane.fetched.pop_front();
    } else if (lane.error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      MR_TRY(ErrorOf(lane, partition.value));
    } else if (lane.frontier > lane.next) {
      lane.next = std::min(lane.frontier, to);  // only markers and aborted records in between
    } else if (!messages.empty()) {
      break;
    } else if (SteadyClock::now() >= deadline) {
      return std::unexpected(
          handle_->ErrorOf(RD_KAFKA_RESP_ERR__TIMED_OUT,
                           fmt::format("reading {}/{} at offset {}", name_, partition, from)));
    } else {
      lock.unlock();
      AwaitArrival(arrivals, deadline);
      lock.lock();
    }
  }
  const Offset next = lane.next;
  lock.unlock();
  flow::RecordBlock block = BlockOf(messages, options_.headers);
  block.next = next;
  return block;
}

Result<std::vector<Offset>> TopicSource::AskOffsets(Handle& handle, int64_t which) {
  const auto deadline = SteadyClock::now() + client_.settings().answer_timeout;
  for (;;) {
    const auto list = NewList(lanes_.size());
    for (size_t p = 0; p < lanes_.size(); ++p) {
      rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), static_cast<int32_t>(p))
          ->offset = which;
    }
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(
        handle.get(), list.get(), static_cast<int>(client_.settings().answer_timeout.count()));
    std::vector<Offset> offsets(lanes_.size());
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& element = list->elems[i];
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = element.err;
      offsets[static_cast<size_t>(element.partition)] = Offset(element.offset);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      handle.Succeeded();
      return offsets;
    }
    if (!MayBecomeKnown(error) || SteadyClock::now() >= deadline)
      return std::unexpected(handle.ErrorOf(error, "offsets of " + name_));
    std::this_thread::sleep_for(kUnknownPause);
  }
}

Status TopicSource::AskRanges() {
  std::shared_ptr<Handle> handle;
  bool ask_begins = false;
  {
    const std::lock_guard lock(mutex_);
    handle = handle_;
    ask_begins = SteadyClock::now() - begins_asked_ > kBeginsKept;
  }
  std::vector<Offset> begins;
  if (ask_begins) {
    MR_ASSIGN(begins, AskOffsets(*handle, RD_KAFKA_OFFSET_BEGINNING));
  }
  MR_ASSIGN(const std::vector<Offset> ends, AskOffsets(*handle, RD_KAFKA_OFFSET_END));
  const std::lock_guard lock(mutex_);
  if (ask_begins) begins_asked_ = SteadyClock::now();
  for (size_t p = 0; p < lanes_.size(); ++p) {
    if (ask_begins) lanes_[p].range.begin = begins[p];
    lanes_[p].range.end = std::max(lanes_[p].range.end, ends[p]);
    lanes_[p].range_is_fresh = true;
  }
  return {};
}

Result<flow::OffsetRange> TopicSource::Readable(PartitionId partition) {
  MR_TRY(CheckPartition(partition));
  if (options_.settled) MR_TRY(AwaitSettled(partition));
  Lane& lane = lanes_[static_cast<size_t>(partition.value)];
  {
    const std::lock_guard lock(mutex_);
    // Whoever waits where nothing can come must hear of it.
    if (lane.error != RD_KAFKA_RESP_ERR_NO_ERROR) MR_TRY(ErrorOf(lane, partition.value));
    if (std::exchange(lane.range_is_fresh, false)) return lane.range;
  }
  MR_TRY(AskRanges());
  const std::lock_guard lock(mutex_);
  lane.range_is_fresh = false;
  return lane.range;
}

Result<std::vector<flow::PartitionCut>> TopicSource::Cut() {
  std::vector<flow::PartitionCut> cut(lanes_.size());
  for (size_t p = 0; p < cut.size(); ++p) {
    MR_ASSIGN(cut[p].readable, Readable(PartitionId(static_cast<int32_t>(p))));
  }
  const std::lock_guard lock(mutex_);
  for (size_t p = 0; p < cut.size(); ++p) {
    // As the last fetch told; a partition that nobody has fetched from yet says nothing.
    int64_t low = 0;
    int64_t high = 0;
    const auto error = rd_kafka_get_watermark_offsets(handle_->get(), name_.c_str(),
                                                      static_cast<int32_t>(p), &low, &high);
    cut[p].pending = error == RD_KAFKA_RESP_ERR_NO_ERROR && Offset(high) > cut[p].readable.end;
  }
  return cut;
}

Status TopicSource::AwaitSettled(PartitionId partition) {
  const auto deadline = SteadyClock::now() + client_.settings().commit_timeout;
  MR_ASSIGN(const flow::OffsetRange extent, client_.Extent(topic_, partition));
  const Lane& lane = lanes_[static_cast<size_t>(partition.value)];
  for (std::chrono::milliseconds pause{1};; pause = std::min(pause * 2, kSettledPauseMax)) {
    MR_TRY(AskRanges());
    {
      const std::lock_guard lock(mutex_);
      if (lane.range.end >= extent.end) return {};
    }
    if (SteadyClock::now() >= deadline)
      return Fail(ErrorCode::kUnavailable, "Kafka topic {}/{}: a transaction is still undecided",
                  name_, partition);
    std::this_thread::sleep_for(pause);
  }
}

bool TopicSource::AnyBeyond(std::span<const Offset> seen) {
  for (size_t p = 0; p < std::min(seen.size(), lanes_.size()); ++p) {
    Lane& lane = lanes_[p];
    if (!lane.started) {
      // Where the reader stands is where it will read on: fetching begins before it asks.
      if (!StartLane(static_cast<int32_t>(p), seen[p])) continue;
    }
    if (lane.frontier <= seen[p]) Fetch(lane);
    if (lane.frontier > seen[p] || lane.error != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
  }
  return false;
}

bool TopicSource::WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  uint64_t wakes = 0;
  {
    const std::lock_guard lock(arrival_mutex_);
    wakes = wakes_;
  }
  for (;;) {
    const uint64_t arrivals = Arrivals();
    {
      const std::lock_guard lock(mutex_);
      if (AnyBeyond(seen)) return true;
    }
    if (SteadyClock::now() >= deadline) return false;
    AwaitArrival(arrivals, deadline);
    const std::lock_guard lock(arrival_mutex_);
    if (wakes_ != wakes) return false;
  }
}

uint64_t TopicSource::Arrivals() {
  const std::lock_guard lock(arrival_mutex_);
  return arrivals_;
}

void TopicSource::AwaitArrival(uint64_t arrivals, SteadyClock::time_point deadline) {
  std::unique_lock lock(arrival_mutex_);
  const uint64_t wakes = wakes_;
  arrived_.wait_until(lock, deadline, [&] { return arrivals_ != arrivals || wakes_ != wakes; });
}

void TopicSource::Wake() {
  {
    const std::lock_guard lock(arrival_mutex_);
    ++wakes_;
  }
  arrived_.notify_all();
}

void TopicSource::OnFetched(rd_kafka_t*, void* opaque) {
  auto* const source = static_cast<TopicSource*>(opaque);
  {
    const std::lock_guard lock(source->arrival_mutex_);
    ++source->arrivals_;
  }
  source->arrived_.notify_all();
}

Result<Offset> TopicSource::OffsetForTime(PartitionId partition, TimestampMs at) {
  MR_ASSIGN(const flow::OffsetRange range, Readable(partition));
  std::shared_ptr<Handle> handle;
  {
    const std::lock_guard lock(mutex_);
    handle = handle_;
  }
  // Negative times are librdkafka's names of the beginning and the end.
  MR_ASSIGN(const std::vector<Offset> found, AskOffsets(*handle, std::max<int64_t>(at.value, 0)));
  const Offset offset = found[static_cast<size_t>(partition.value)];
  return offset.value < 0 ? range.end : std::min(offset, range.end);
}

void TopicSource::NoteProgress(std::span<const flow::Position> positions) {
  const auto list = NewList(positions.size());
  for (const flow::Position& position : positions) {
    if (position.at.topic != topic_) continue;
    rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), position.at.partition.value)
        ->offset = position.next.value;
  }
  const std::lock_guard lock(mutex_);
  if (list->cnt > 0) rd_kafka_commit(handle_->get(), list.get(), /*async=*/1);
}

}  // namespace millrace::kafka
