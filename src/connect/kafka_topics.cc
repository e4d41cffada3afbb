#include <map>
#include <mutex>

#include "connect/topics.h"
#include "kafka/client.h"
#include "kafka/topic_source.h"
#include "kafka/transactions.h"

namespace millrace::connect {
namespace {

using Readers = std::multimap<std::string, kafka::TopicSource*>;

// The sources that are open, by whose progress they stand for.
struct OpenReaders {
  std::mutex mutex;
  Readers readers;
};

// A source that is known to NoteProgress while it lives.
class NamedSource final : public flow::Source {
 public:
  NamedSource(std::shared_ptr<OpenReaders> open, const std::string& reader,
              std::unique_ptr<kafka::TopicSource> source)
      : open_(std::move(open)), source_(std::move(source)) {
    const std::lock_guard lock(open_->mutex);
    place_ = open_->readers.emplace(reader, source_.get());
  }
  ~NamedSource() override {
    const std::lock_guard lock(open_->mutex);
    open_->readers.erase(place_);
  }
  const std::string& topic() const override { return source_->topic(); }
  int32_t partition_count() const override { return source_->partition_count(); }
  Result<flow::OffsetRange> Readable(PartitionId partition) override {
    return source_->Readable(partition);
  }
  Result<std::vector<flow::PartitionCut>> Cut() override { return source_->Cut(); }
  Result<flow::RecordBlock> Read(PartitionId partition, Offset from, Offset to,
                                 size_t bytes_max) override {
    return source_->Read(partition, from, to, bytes_max);
  }
  bool WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) override {
    return source_->WaitBeyond(seen, timeout);
  }
  void Wake() override { source_->Wake(); }

 private:
  const std::shared_ptr<OpenReaders> open_;
  const std::unique_ptr<kafka::TopicSource> source_;
  Readers::iterator place_;
};

class KafkaTopics final : public Topics {
 public:
  KafkaTopics(std::unique_ptr<kafka::Client> client, std::vector<std::string> names)
      : client_(std::move(client)), names_(std::move(names)) {}

  Status Open() {
    MR_TRY(client_->CheckLimits());
    MR_ASSIGN(identity_, client_->ClusterId());
    MR_ASSIGN(writer_, kafka::KafkaTransactions::Open(*client_));
    return {};
  }

  bool external() const override { return true; }
  std::string identity() const override { return identity_; }

  Result<std::vector<std::string>> Ensure(std::span<const WantedTopic> wanted) override {
    std::vector<std::string> changes;
    for (const auto& [spec, declared, place] : wanted) {
      const auto made = client_->EnsureTopic(spec, declared);
      if (!made && made.error().code == ErrorCode::kInvalidArgument && !place.empty())
        return std::unexpected(Error(made.error()).WithContext(place));
      if (!made) return std::unexpected(made.error());
      if (*made && !spec.internal)
        changes.push_back(
            fmt::format("Kafka topic {} made, {} partitions", spec.name, spec.partitions));
    }
    return changes;
  }

  Result<log::TopicSpec> Find(const std::string& name) override {
    return client_->DescribeTopic(name);
  }

  Result<std::vector<log::TopicSpec>> List() override {
    std::vector<std::string> names = names_;
    names.emplace_back(kafka::kCommitsTopic);
    names.emplace_back(kCursorTopicName);
    std::vector<log::TopicSpec> specs;
    for (const std::string& name : names) {
      auto found = client_->DescribeTopic(name);
      if (found) {
        specs.push_back(std::move(*found));
      } else if (found.error().code != ErrorCode::kNotFound) {
        return std::unexpected(std::move(found).error());
      }
    }
    return specs;
  }

  Result<log::PartitionOffsets> Offsets(const std::string& topic, PartitionId partition) override {
    MR_ASSIGN(const flow::OffsetRange extent, client_->Extent(topic, partition));
    MR_ASSIGN(const auto source, kafka::TopicSource::Open(*client_, topic, {}));
    MR_ASSIGN(const flow::OffsetRange readable, source->Readable(partition));
    // Kafka does not tell where its markers begin: they count as data.
    return log::PartitionOffsets{extent.begin, readable.end, extent.end, extent.end, extent.end};
  }

  Result<Offset> OffsetForTime(const std::string& topic, PartitionId partition,
                               TimestampMs at) override {
    MR_ASSIGN(const auto source, kafka::TopicSource::Open(*client_, topic, {}));
    return source->OffsetForTime(partition, at);
  }

  Result<std::unique_ptr<flow::Source>> OpenSource(const std::string& topic,
                                                   const SourceUse& use) override {
    kafka::SourceOptions options;
    if (!use.reader.empty()) options.reader = use.reader;
    options.settled = use.settled;
    MR_ASSIGN(auto source, kafka::TopicSource::Open(*client_, topic, std::move(options)));
    return std::make_unique<NamedSource>(open_, use.reader, std::move(source));
  }

  flow::TransactionalWriter& transactions() override { return *writer_; }

  void NoteProgress(const std::string& reader, std::span<const flow::Position> positions) override {
    const std::lock_guard lock(open_->mutex);
    const auto [begin, end] = open_->readers.equal_range(reader);
    for (auto it = begin; it != end; ++it) it->second->NoteProgress(positions);
  }

  void ForgetReader(const std::string&) override {}  // nothing is kept for readers

  Status Settle() override {
    for (const std::string& name : names_) {
      MR_ASSIGN(const auto source, kafka::TopicSource::Open(*client_, name, {.settled = true}));
      for (int32_t p = 0; p < source->partition_count(); ++p)
        MR_TRY(source->Readable(PartitionId(p)));
    }
    return {};
  }

  uint64_t DiskBytes() override { return 0; }

 private:
  static constexpr const char* kCursorTopicName = "__cursors";

  const std::unique_ptr<kafka::Client> client_;
  const std::vector<std::string> names_;
  const std::shared_ptr<OpenReaders> open_ = std::make_shared<OpenReaders>();
  std::string identity_;
  std::unique_ptr<kafka::KafkaTransactions> writer_;
};

}  // namespace

Result<std::unique_ptr<Topics>> OpenKafkaTopics(const kafka::ClientSettings& settings,
                                                std::vector<std::string> names) {
  MR_ASSIGN(auto client, kafka::Client::Connect(settings));
  auto topics = std::make_unique<KafkaTopics>(std::move(client), std::move(names));
  MR_TRY(topics->Open());
  return topics;
}

}  // namespace millrace::connect
