#include "connect/topics.h"

namespace millrace::connect {
namespace {

// What Ensure may change on its own: retention and the number of partitions, upwards.
bool IsSameKind(const log::TopicSpec& have, const log::TopicSpec& want) {
  return have.cleanup == want.cleanup && have.partitions <= want.partitions;
}

Error Differs(const log::TopicSpec& have, const log::TopicSpec& want) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("topic {}: it has {} partitions, the project says {}; partitions and cleanup "
                      "cannot shrink or change",
                      want.name, have.partitions, want.partitions),
          "give the topic another name, or set the old values back"};
}

class EmbeddedTopics final : public Topics {
 public:
  explicit EmbeddedTopics(log::Log& log) : log_(log) {}

  bool external() const override { return false; }
  std::string identity() const override { return {}; }

  Result<std::vector<std::string>> Ensure(std::span<const WantedTopic> wanted) override {
    std::vector<std::string> changes;
    std::vector<log::TopicSpec> missing;
    for (const auto& [spec, declared, place] : wanted) {
      const auto found = log_.FindTopic(spec.name);
      if (!found) {
        missing.push_back(spec);
        if (!spec.internal)
          changes.push_back(
              fmt::format("topic {} made, {} partitions", spec.name, spec.partitions));
        continue;
      }
      if (!declared || found->spec == spec) continue;
      if (!IsSameKind(found->spec, spec))
        return std::unexpected(Differs(found->spec, spec).WithContext(place));
      MR_TRY(log_.AlterTopic(spec));
      changes.push_back(fmt::format("topic {} changed to the project's settings", spec.name));
    }
    MR_TRY(log_.CreateTopics(missing));
    return changes;
  }

  Result<log::TopicSpec> Find(const std::string& name) override {
    MR_ASSIGN(const log::TopicInfo info, log_.FindTopic(name));
    return info.spec;
  }

  Result<std::vector<log::TopicSpec>> List() override {
    std::vector<log::TopicSpec> specs;
    for (log::TopicInfo& info : log_.Topics()) specs.push_back(std::move(info.spec));
    return specs;
  }

  Result<log::PartitionOffsets> Offsets(const std::string& topic, PartitionId partition) override {
    return log_.Offsets(topic, partition);
  }

  Result<Offset> OffsetForTime(const std::string& topic, PartitionId partition,
                               TimestampMs at) override {
    return log_.OffsetForTime(topic, partition, at);
  }

  Result<std::unique_ptr<flow::Source>> OpenSource(const std::string& topic,
                                                   const SourceUse&) override {
    return log_.OpenSource(topic);
  }

  flow::TransactionalWriter& transactions() override { return log_.transactions(); }

  void NoteProgress(const std::string& reader, std::span<const flow::Position> positions) override {
    for (const flow::Position& position : positions)
      log_.SetPin(reader, position.at, position.next);
  }

  void ForgetReader(const std::string& reader) override { log_.DropPins(reader); }

  Status Settle() override { return {}; }  // a commit is readable when it returns
  uint64_t DiskBytes() override { return log_.DiskBytes(); }

 private:
  log::Log& log_;
};

}  // namespace

std::unique_ptr<Topics> MakeEmbeddedTopics(log::Log& log) {
  return std::make_unique<EmbeddedTopics>(log);
}

}  // namespace millrace::connect
