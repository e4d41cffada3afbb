#include "kafka/client.h"

#include <array>
#include <charconv>
#include <thread>

namespace millrace::kafka {
namespace {

// Of topics that are made: what the embedded log takes as one batch.
constexpr std::string_view kMessageBytesMax = "8388608";
constexpr std::chrono::milliseconds kUnknownPause{50};

std::string CleanupOf(const log::TopicSpec& spec) {
  return spec.cleanup == log::Cleanup::kCompact ? "compact" : "delete";
}

int64_t NumberOf(const std::map<std::string, std::string>& config, const std::string& name,
                 int64_t otherwise) {
  const auto found = config.find(name);
  if (found == config.end()) return otherwise;
  int64_t number = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

std::string DifferencesOf(const log::TopicSpec& have, const log::TopicSpec& want) {
  std::string text;
  const auto differ = [&](std::string_view what, const auto& is, const auto& wanted) {
    if (is == wanted) return;
    text +=
        fmt::format("{}{} is {}, the project says {}", text.empty() ? "" : "; ", what, is, wanted);
  };
  differ("partitions", have.partitions, want.partitions);
  differ("cleanup.policy", CleanupOf(have), CleanupOf(want));
  if (want.cleanup == log::Cleanup::kDelete) {
    differ("retention.ms", have.retention_ms, want.retention_ms);
    differ("retention.bytes", have.retention_bytes, want.retention_bytes);
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::Connect(const ClientSettings& settings) {
  std::unique_ptr<Client> client(new Client(settings));
  // Reading uncommitted, so that Extent() counts undecided transactions.
  MR_ASSIGN(client->handle_, Handle::Open(settings, Handle::Kind::kConsumer,
                                          {{"group.id", client->GroupId("admin")},
                                           {"isolation.level", "read_uncommitted"}}));
  MR_TRY(client->CheckConnection());
  return client;
}

Result<std::string> Client::ClusterId() {
  char* const id =
      rd_kafka_clusterid(handle_->get(), static_cast<int>(settings_.answer_timeout.count()));
  if (id == nullptr)
    return std::unexpected(handle_->ErrorOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "the cluster's id"));
  std::string text = id;
  rd_kafka_mem_free(handle_->get(), id);
  return text;
}

std::string Client::PhysicalName(std::string_view topic) const {
  if (!topic.starts_with("__")) return std::string(topic);
  return fmt::format("__millrace.{}.{}", settings_.project, topic.substr(2));
}

std::string Client::TransactionalId(std::string_view owner) const {
  return fmt::format("millrace.{}.{}", settings_.project, owner);
}

std::string Client::GroupId(std::string_view reader) const {
  return fmt::format("millrace.{}.{}", settings_.project, reader);
}

Status Client::CheckConnection() {
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(handle_->get(), /*all_topics=*/0, nullptr, &raw,
                        static_cast<int>(settings_.answer_timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(handle_->ErrorOf(error, "cannot connect"));
  const Owned<const rd_kafka_metadata_t> metadata(raw);
  if (metadata->broker_cnt > 0) broker_ = metadata->brokers[0].id;
  handle_->Succeeded();
  return {};
}

Result<int32_t> Client::AskPartitionCount(const std::string& topic) {
  const std::string name = PhysicalName(topic);
  rd_kafka_topic_t* const local = rd_kafka_topic_new(handle_->get(), name.c_str(), nullptr);
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(
      handle_->get(), 0, local, &raw, static_cast<int>(settings_.answer_timeout.count()));
  rd_kafka_topic_destroy(local);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(handle_->ErrorOf(error, "topic " + name));
  const Owned<const rd_kafka_metadata_t> metadata(raw);
  if (metadata->topic_cnt != 1) return Fail(ErrorCode::kNotFound, "Kafka has no topic {}", name);
  const rd_kafka_metadata_topic& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || found.partition_cnt == 0)
    return Fail(ErrorCode::kNotFound, "Kafka has no topic {}", name);
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(handle_->ErrorOf(found.err, "topic " + name));
  handle_->Succeeded();
  return found.partition_cnt;
}

Result<int32_t> Client::PartitionCount(const std::string& topic) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = partitions_.find(topic);
    if (found != partitions_.end()) return found->second;
  }
  MR_ASSIGN(const int32_t count, AskPartitionCount(topic));
  const std::lock_guard lock(mutex_);
  partitions_[topic] = count;
  return count;
}

Result<flow::OffsetRange> Client::Extent(const std::string& topic, PartitionId partition) {
  const std::string name = PhysicalName(topic);
  int64_t low = 0, high = 0;
  const auto timeout = static_cast<int>(settings_.answer_timeout.count());
  const auto deadline = std::chrono::steady_clock::now() + settings_.answer_timeout;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  do {
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) std::this_thread::sleep_for(kUnknownPause);
    error = rd_kafka_query_watermark_offsets(handle_->get(), name.c_str(), partition.value, &low,
                                             &high, timeout);
  } while (MayBecomeKnown(error) && std::chrono::steady_clock::now() < deadline);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(handle_->ErrorOf(error, fmt::format("offsets of {}", name)));
  handle_->Succeeded();
  return flow::OffsetRange{Offset(low), Offset(high)};
}

Result<bool> Client::EnsureTopic(const log::TopicSpec& spec, bool compare) {
  const auto count = AskPartitionCount(spec.name);
  if (!count && count.error().code != ErrorCode::kNotFound) return std::unexpected(count.error());
  if (!count) {
    MR_TRY(CreateTopic(spec));
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    partitions_[spec.name] = *count;
  }
  if (!compare) return false;
  MR_ASSIGN(const log::TopicSpec have, DescribeTopic(spec.name));
  const std::string differences = DifferencesOf(have, spec);
  if (differences.empty()) return false;
  return std::unexpected(
      Error{ErrorCode::kInvalidArgument,
            fmt::format("Kafka topic {}: {}", PhysicalName(spec.name), differences),
            "nothing was changed: alter the topic with Kafka's own tools, or say what it has in "
            "the project's topics"});
}

Status Client::CreateTopic(const log::TopicSpec& spec) {
  const std::string name = PhysicalName(spec.name);
  std::array<char, 256> text{};
  const Owned<rd_kafka_NewTopic_t> topic(rd_kafka_NewTopic_new(
      name.c_str(), spec.partitions, settings_.replication > 0 ? settings_.replication : -1,
      text.data(), text.size()));
  if (topic == nullptr) return Fail(ErrorCode::kInvalidArgument, "topic {}: {}", name, text.data());
  const auto set = [&](const char* key, const std::string& value) {
    rd_kafka_NewTopic_set_config(topic.get(), key, value.c_str());
  };
  set("cleanup.policy", CleanupOf(spec));
  set("message.timestamp.type", "LogAppendTime");
  set("max.message.bytes", std::string(kMessageBytesMax));
  if (spec.cleanup == log::Cleanup::kDelete) {
    set("retention.ms", std::to_string(spec.retention_ms));
    set("retention.bytes", std::to_string(spec.retention_bytes));
  } else {
    set("delete.retention.ms", std::to_string(spec.delete_retention_ms));
  }
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle_->get()));
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(handle_->get(), topics, 1, nullptr, queue.get());
  MR_ASSIGN(const auto event, Await(queue.get(), "making topic " + name));
  size_t count = 0;
  const rd_kafka_topic_result_t* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count == 1) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[0]);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      const char* const why = rd_kafka_topic_result_error_string(results[0]);
      return std::unexpected(handle_->ErrorOf(
          error, fmt::format("making topic {} ({})", name, why == nullptr ? "" : why)));
    }
  }
  return AwaitTopic(spec.name);
}

// A broker may answer for a topic a moment after it was made.
Status Client::AwaitTopic(const std::string& topic) {
  const auto deadline = std::chrono::steady_clock::now() + settings_.answer_timeout;
  auto count = AskPartitionCount(topic);
  while (!count && count.error().code == ErrorCode::kNotFound &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kUnknownPause);
    count = AskPartitionCount(topic);
  }
  if (!count) return std::unexpected(std::move(count).error());
  const std::lock_guard lock(mutex_);
  partitions_[topic] = *count;
  return {};
}

Result<log::TopicSpec> Client::DescribeTopic(const std::string& topic) {
  log::TopicSpec spec;
  spec.name = topic;
  spec.internal = topic.starts_with("__");
  MR_ASSIGN(spec.partitions, AskPartitionCount(topic));
  MR_ASSIGN(const auto config, DescribeConfig(RD_KAFKA_RESOURCE_TOPIC, PhysicalName(topic)));
  const auto cleanup = config.find("cleanup.policy");
  if (cleanup != config.end() && cleanup->second.find("compact") != std::string::npos)
    spec.cleanup = log::Cleanup::kCompact;
  spec.retention_ms = NumberOf(config, "retention.ms", log::kUnlimited);
  spec.retention_bytes = NumberOf(config, "retention.bytes", log::kUnlimited);
  return spec;
}

Result<std::map<std::string, std::string>> Client::DescribeConfig(rd_kafka_ResourceType_t type,
                                                                  const std::string& name) {
  const Owned<rd_kafka_ConfigResource_t> resource(rd_kafka_ConfigResource_new(type, name.c_str()));
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle_->get()));
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(handle_->get(), resources, 1, nullptr, queue.get());
  MR_ASSIGN(const auto event, Await(queue.get(), "configuration of " + name));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** const results = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, std::string> config;
  if (count != 1) return config;
  const rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(results[0]);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(handle_->ErrorOf(error, "configuration of " + name));
  size_t entries = 0;
  const rd_kafka_ConfigEntry_t** const list = rd_kafka_ConfigResource_configs(results[0], &entries);
  for (size_t i = 0; i < entries; ++i) {
    const char* const value = rd_kafka_ConfigEntry_value(list[i]);
    if (value != nullptr) config[rd_kafka_ConfigEntry_name(list[i])] = value;
  }
  return config;
}

Result<Owned<rd_kafka_event_t>> Client::Await(rd_kafka_queue_t* queue, std::string_view what) {
  Owned<rd_kafka_event_t> event(
      rd_kafka_queue_poll(queue, static_cast<int>(settings_.answer_timeout.count())));
  const rd_kafka_resp_err_t error =
      event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(handle_->ErrorOf(error, what));
  handle_->Succeeded();
  return event;
}

Status Client::CheckLimits() {
  if (broker_ < 0) return {};
  MR_ASSIGN(const auto config, DescribeConfig(RD_KAFKA_RESOURCE_BROKER, std::to_string(broker_)));
  const int64_t wanted = settings_.transaction_timeout.count();
  const int64_t most = NumberOf(config, "transaction.max.timeout.ms", INT64_MAX);
  if (wanted > most) {
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument,
              fmt::format("{}.transaction_timeout is {} ms, the broker allows {} ms "
                          "(transaction.max.timeout.ms)",
                          settings_.place, wanted, most),
              "lower the setting, or raise the broker's"});
  }
  // Kafka 3 tells the protocol its brokers speak with each other; Kafka 4 has no such setting.
  const auto version = config.find("inter.broker.protocol.version");
  if (version == config.end()) return {};
  int major = 0, minor = 0;
  const char* const end = version->second.data() + version->second.size();
  const auto [dot, bad] = std::from_chars(version->second.data(), end, major);
  if (bad == std::errc() && dot < end) std::from_chars(dot + 1, end, minor);
  if (major > 2 || (major == 2 && minor >= 1)) return {};
  return std::unexpected(Error{ErrorCode::kUnsupported,
                               fmt::format("{}.bootstrap_servers: the broker speaks Kafka {}",
                                           settings_.place, version->second),
                               "Kafka 2.1 or newer is needed"});
}

}  // namespace millrace::kafka
