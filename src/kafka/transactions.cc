#include "kafka/transactions.h"

#include <algorithm>
#include <thread>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/logging.h"

namespace millrace::kafka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kTagVersion = 1;
constexpr size_t kOwnersKept = 16;
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr size_t kRecordsPerPoll = 1024;
constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1000};

class KafkaTransaction final : public flow::Transaction {
 public:
  KafkaTransaction(KafkaTransactions& writer, std::shared_ptr<KafkaTransactions::Owner> owner,
                   uint64_t begun)
      : writer_(writer), owner_(std::move(owner)), begun_(begun) {}

  Status Append(const std::string& topic, std::optional<PartitionId> partition,
                flow::OutRecord record) override {
    MR_ASSIGN(const int32_t count, writer_.client().PartitionCount(topic));
    if (!partition) {
      partition = PartitionId(record.key ? KafkaPartitionOf(*record.key, count)
                                         : static_cast<int32_t>(next_in_turn_++ % count));
    }
    if (partition->value < 0 || partition->value >= count)
      return Fail(ErrorCode::kNotFound, "topic {} has no partition {}", topic, *partition);
    bytes_ += (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    const ClientSettings& settings = writer_.client().settings();
    if (bytes_ > settings.transaction_bytes_max) {
      return std::unexpected(
          Error{ErrorCode::kInvalidArgument,
                fmt::format("the transaction of {} has more than {} bytes "
                            "({}.transaction_bytes)",
                            owner_->name, settings.transaction_bytes_max, settings.place),
                "raise it, or commit in parts (commit_every, with an ordered cursor)"});
    }
    records_.push_back({topic, *partition, std::move(record)});
    return {};
  }

  uint64_t bytes() const override { return bytes_; }

  Status Commit(flow::CommitTag tag) override {
    return writer_.Commit(*owner_, begun_, records_, tag);
  }

  Status Abort() override {
    records_.clear();
    return {};
  }

 private:
  KafkaTransactions& writer_;
  const std::shared_ptr<KafkaTransactions::Owner> owner_;
  const uint64_t begun_;
  std::vector<KafkaTransactions::Buffered> records_;
  uint64_t next_in_turn_ = 0;
  uint64_t bytes_ = 0;
};

Properties ProducerProperties(const Client& client, const std::string& owner) {
  return {{"transactional.id", client.TransactionalId(owner)},
          {"transaction.timeout.ms", std::to_string(client.settings().transaction_timeout.count())},
          {"compression.type", "lz4"},
          {"linger.ms", "5"},
          {"queue.buffering.max.messages", "10000000"},
          {"queue.buffering.max.kbytes",
           std::to_string((client.settings().transaction_bytes_max >> 9) + 65536)},
          {"delivery.report.only.error", "true"}};
}

// Topics of one sending, by name.
class TopicHandles {
 public:
  TopicHandles(Handle& producer, const Client& client) : producer_(producer), client_(client) {}
  ~TopicHandles() {
    for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
  }
  TopicHandles(const TopicHandles&) = delete;
  TopicHandles& operator=(const TopicHandles&) = delete;

  rd_kafka_topic_t* Of(const std::string& name) {
    rd_kafka_topic_t*& topic = topics_[name];
    if (topic == nullptr)
      topic = rd_kafka_topic_new(producer_.get(), client_.PhysicalName(name).c_str(), nullptr);
    return topic;
  }

 private:
  Handle& producer_;
  const Client& client_;
  std::map<std::string, rd_kafka_topic_t*> topics_;
};

// Copies the record into the producer's queue.
rd_kafka_resp_err_t Produce(Handle& producer, rd_kafka_topic_t* topic, PartitionId partition,
                            const flow::OutRecord& record) {
  std::vector<rd_kafka_vu_t> parts;
  const auto add = [&parts](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    rd_kafka_vu_t& part = parts.emplace_back();
    part.vtype = type;
    return part;
  };
  add(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
  add(RD_KAFKA_VTYPE_PARTITION).u.i32 = partition.value;
  add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  if (record.key) {
    add(RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(record.key->data()), record.key->size()};
  }
  if (record.value) {
    add(RD_KAFKA_VTYPE_VALUE).u.mem = {const_cast<char*>(record.value->data()),
                                       record.value->size()};
  }
  for (const flow::Header& header : record.headers) {
    rd_kafka_vu_t& part = add(RD_KAFKA_VTYPE_HEADER);
    part.u.header.name = header.key.c_str();
    part.u.header.val = header.value.data();
    part.u.header.size = static_cast<ssize_t>(header.value.size());
  }
  const Owned<rd_kafka_error_t> error(
      rd_kafka_produceva(producer.get(), parts.data(), parts.size()));
  return error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error.get());
}

rd_kafka_resp_err_t ProduceWaiting(Handle& producer, rd_kafka_topic_t* topic, PartitionId partition,
                                   const flow::OutRecord& record) {
  for (;;) {
    const rd_kafka_resp_err_t error = Produce(producer, topic, partition, record);
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return error;
    rd_kafka_poll(producer.get(), 10);
  }
}

}  // namespace

std::string EncodeCommitTag(const flow::CommitTag& tag) {
  std::string bytes(1, kTagVersion);
  AppendVarint(bytes, ZigZag(tag.sequence));
  bytes += tag.detail;
  return bytes;
}

Result<flow::CommitTag> DecodeCommitTag(std::string_view owner, std::string_view bytes) {
  ByteReader reader(bytes);
  const char version = reader.Little<char>();
  flow::CommitTag tag;
  tag.owner = owner;
  tag.sequence = reader.SignedVarint();
  if (!reader.ok() || version != kTagVersion)
    return Fail(ErrorCode::kDamaged, "commit tag of {}: {} bytes of no known version", owner,
                bytes.size());
  tag.detail = reader.Rest();
  return tag;
}

Result<std::unique_ptr<KafkaTransactions>> KafkaTransactions::Open(Client& client) {
  log::TopicSpec spec;
  spec.name = kCommitsTopic;
  spec.cleanup = log::Cleanup::kCompact;
  spec.internal = true;
  MR_TRY(client.EnsureTopic(spec, /*compare=*/true));
  return OpenOnExisting(client);
}

Result<std::unique_ptr<KafkaTransactions>> KafkaTransactions::OpenOnExisting(Client& client) {
  std::unique_ptr<KafkaTransactions> writer(new KafkaTransactions(client));
  MR_ASSIGN(writer->tags_source_,
            TopicSource::Open(client, kCommitsTopic,
                              {.reader = "commits", .settled = true, .headers = false}));
  return writer;
}

Result<std::unique_ptr<flow::Transaction>> KafkaTransactions::Begin(const std::string& owner) {
  MR_ASSIGN(auto found, Acquire(owner));
  const std::lock_guard lock(found->mutex);
  const uint64_t begun = ++found->begun;
  return std::make_unique<KafkaTransaction>(*this, std::move(found), begun);
}

Result<std::optional<flow::CommitTag>> KafkaTransactions::LastCommitted(const std::string& owner) {
  MR_ASSIGN(const auto found, Acquire(owner));
  const std::lock_guard lock(found->mutex);
  return found->last;
}

// The owner's producer. While this process has it, nobody else can have committed for the owner
// without fencing it, so what is known of it is still true.
Result<std::shared_ptr<KafkaTransactions::Owner>> KafkaTransactions::Acquire(
    const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = owners_.find(name);
    if (found != owners_.end() && !found->second->broken) {
      used_.remove(name);
      used_.push_back(name);
      return found->second;
    }
    if (found != owners_.end()) owners_.erase(found);
    used_.remove(name);
  }
  MR_ASSIGN(auto owner, OpenOwner(name));
  KeepOwner(owner);
  return owner;
}

Result<std::shared_ptr<KafkaTransactions::Owner>> KafkaTransactions::OpenOwner(
    const std::string& name) {
  auto owner = std::make_shared<Owner>();
  owner->name = name;
  MR_ASSIGN(owner->producer, Handle::Open(client_.settings(), Handle::Kind::kProducer,
                                          ProducerProperties(client_, name)));
  MR_TRY(Initialise(*owner->producer, name));
  MR_ASSIGN(owner->last, ReadTag(name));
  return owner;
}

void KafkaTransactions::KeepOwner(const std::shared_ptr<Owner>& owner) {
  std::vector<std::shared_ptr<Owner>> unused;  // closed without the lock: it takes a while
  const std::lock_guard lock(mutex_);
  owners_[owner->name] = owner;
  used_.remove(owner->name);
  used_.push_back(owner->name);
  for (auto it = used_.begin(); it != used_.end() && owners_.size() > kOwnersKept;) {
    const auto oldest = owners_.find(*it);
    if (oldest->second.use_count() > 1) {
      ++it;
      continue;
    }
    unused.push_back(std::move(oldest->second));
    owners_.erase(oldest);
    it = used_.erase(it);
  }
}

// From here on the broker refuses every older producer of the owner, and what that one left open is
// decided.
Status KafkaTransactions::Initialise(Handle& producer, const std::string& owner) {
  const ClientSettings& settings = client_.settings();
  // A cluster that serves its first transaction makes the topics of its coordinator meanwhile.
  const auto deadline = Clock::now() + 2 * settings.commit_timeout;
  for (;;) {
    const Owned<rd_kafka_error_t> error(rd_kafka_init_transactions(
        producer.get(), static_cast<int>(settings.answer_timeout.count())));
    if (error == nullptr) break;
    const bool retriable = rd_kafka_error_is_retriable(error.get()) != 0;
    if (!retriable || Clock::now() >= deadline) {
      return std::unexpected(producer.ErrorOf(rd_kafka_error_code(error.get()),
                                              fmt::format("transactional id of {}", owner)));
    }
  }
  producer.Succeeded();
  return {};
}

Result<std::optional<flow::CommitTag>> KafkaTransactions::ReadTag(const std::string& owner) {
  const std::lock_guard lock(tags_mutex_);
  const PartitionId partition(0);
  MR_ASSIGN(const flow::OffsetRange range, tags_source_->Readable(partition));
  tags_next_ = std::max(tags_next_, range.begin);
  while (tags_next_ < range.end) {
    MR_ASSIGN(const flow::RecordBlock block,
              tags_source_->Read(partition, tags_next_, range.end, kReadBytes));
    for (const flow::RecordView& record : block.records) {
      MR_ASSIGN(tags_[std::string(record.key_view())],
                DecodeCommitTag(record.key_view(), record.value_view()));
    }
    tags_next_ = block.next;
  }
  const auto found = tags_.find(owner);
  if (found == tags_.end()) return std::optional<flow::CommitTag>();
  return found->second;
}

Status KafkaTransactions::Commit(Owner& owner, uint64_t begun, const std::vector<Buffered>& records,
                                 const flow::CommitTag& tag) {
  const std::lock_guard lock(owner.mutex);
  if (owner.broken || begun != owner.begun)
    return Fail(ErrorCode::kConflict, "a newer transaction of {} took this one's place",
                owner.name);
  if (owner.last && tag.sequence <= owner.last->sequence)
    return Fail(ErrorCode::kConflict, "{}: {} is committed already, {} comes too late", owner.name,
                owner.last->sequence, tag.sequence);
  const auto deadline = Clock::now() + client_.settings().commit_timeout;
  for (auto pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    Status done = TryCommit(owner, records, tag);
    if (done) {
      owner.last = tag;
      return {};
    }
    if (owner.broken || done.error().code != ErrorCode::kUnavailable || Clock::now() >= deadline)
      return done;
    logging::Warning("kafka.commit_again",
                     {{"owner", owner.name}, {"error", done.error().ToString()}});
    std::this_thread::sleep_for(pause);
  }
}

// Sends and commits; a transaction that did not commit is aborted when it returns.
Status KafkaTransactions::TryCommit(Owner& owner, const std::vector<Buffered>& records,
                                    const flow::CommitTag& tag) {
  const auto began = Clock::now();
  Status done = Send(*owner.producer, records, tag);
  if (done) done = Finish(owner);
  if (done) return done;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  if (done.error().code == ErrorCode::kConflict && took >= client_.settings().transaction_timeout) {
    owner.broken = true;
    return std::unexpected(Error{
        ErrorCode::kUnavailable,
        fmt::format("{}: the broker gave the transaction up after {} ms", owner.name, took.count()),
        fmt::format("raise {}.transaction_timeout if this goes on", client_.settings().place)});
  }
  if (!owner.broken) MR_TRY(Abort(owner));
  return done;
}

Status KafkaTransactions::Send(Handle& producer, const std::vector<Buffered>& records,
                               const flow::CommitTag& tag) {
  static_cast<void>(producer.TakeDeliveryError());
  const Owned<rd_kafka_error_t> begun(rd_kafka_begin_transaction(producer.get()));
  if (begun != nullptr)
    return std::unexpected(
        producer.ErrorOf(rd_kafka_error_code(begun.get()), "beginning a transaction"));
  TopicHandles topics(producer, client_);
  size_t sent = 0;
  for (const Buffered& each : records) {
    const rd_kafka_resp_err_t error =
        ProduceWaiting(producer, topics.Of(each.topic), each.partition, each.record);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(producer.ErrorOf(error, "writing to topic " + each.topic));
    if (++sent % kRecordsPerPoll == 0) producer.Poll();
  }
  const rd_kafka_resp_err_t error = ProduceWaiting(
      producer, topics.Of(kCommitsTopic), PartitionId(0), {tag.owner, EncodeCommitTag(tag), {}});
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return std::unexpected(producer.ErrorOf(error, "writing a commit tag"));
}

Status KafkaTransactions::Finish(Owner& owner) {
  Handle& producer = *owner.producer;
  const ClientSettings& settings = client_.settings();
  const auto deadline = Clock::now() + settings.commit_timeout;
  const std::string what = "committing for " + owner.name;
  for (;;) {
    const Owned<rd_kafka_error_t> error(rd_kafka_commit_transaction(
        producer.get(), static_cast<int>(settings.answer_timeout.count())));
    if (error == nullptr) {
      producer.Succeeded();
      return {};
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
    if (rd_kafka_error_is_fatal(error.get()) != 0) {
      owner.broken = true;
      return std::unexpected(producer.ErrorOf(code, what));
    }
    if (rd_kafka_error_txn_requires_abort(error.get()) != 0) {
      // What a record met says more than that the transaction must be aborted.
      const rd_kafka_resp_err_t delivery = producer.TakeDeliveryError();
      return std::unexpected(
          producer.ErrorOf(delivery == RD_KAFKA_RESP_ERR_NO_ERROR ? code : delivery, what));
    }
    if (rd_kafka_error_is_retriable(error.get()) != 0 && Clock::now() < deadline) continue;
    owner.broken = true;
    Error unknown = producer.ErrorOf(code, what + ": whether it is committed is not known");
    unknown.code = ErrorCode::kUnavailable;
    return std::unexpected(std::move(unknown));
  }
}

Status KafkaTransactions::Abort(Owner& owner) {
  Handle& producer = *owner.producer;
  const auto deadline = Clock::now() + client_.settings().commit_timeout;
  for (;;) {
    const Owned<rd_kafka_error_t> error(rd_kafka_abort_transaction(
        producer.get(), static_cast<int>(client_.settings().answer_timeout.count())));
    if (error == nullptr) return {};
    if (rd_kafka_error_is_retriable(error.get()) != 0 && Clock::now() < deadline) continue;
    // The next producer of this owner ends what is left of it.
    owner.broken = true;
    return std::unexpected(producer.ErrorOf(rd_kafka_error_code(error.get()),
                                            "aborting a transaction of " + owner.name));
  }
}

}  // namespace millrace::kafka
