// Client: a project's connection to a Kafka cluster: topics made, compared and described, and the
// broker's limits checked before anything relies on them.
//
//   MR_ASSIGN(auto client, Client::Connect(settings));     // fails within seconds, with the cure
//   MR_ASSIGN(auto made, client->EnsureTopic(spec));
//   KafkaTransactions writer(*client);                     // kafka/transactions.h
//   MR_ASSIGN(auto source, TopicSource::Open(*client, "users_raw", {}));   // kafka/topic_source.h
//
// Names: a topic that begins with "__" is internal to the project and is called
// "__millrace.<project>.<rest>" in the cluster; all others are called as they are.
//
// Thread contract: every function from any thread.
// Errors: kUnavailable: no answer in time, may go through later; kInvalidArgument: a setting is
// wrong (password, TLS, a limit of the broker); kUnsupported: the broker is too old; kNotFound.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kafka/handle.h"
#include "kafka/settings.h"
#include "log/types.h"

namespace millrace::kafka {

class Client {
 public:
  static Result<std::unique_ptr<Client>> Connect(const ClientSettings& settings);

  const ClientSettings& settings() const { return settings_; }
  // Of the cluster, for as long as it lives.
  Result<std::string> ClusterId();
  std::string PhysicalName(std::string_view topic) const;
  std::string TransactionalId(std::string_view owner) const;
  std::string GroupId(std::string_view reader) const;

  // Makes the topic when it is absent: true. A topic that is there and differs in partitions,
  // cleanup or retention is left as it is: kInvalidArgument with every difference.
  // `compare` false: only its being there matters.
  Result<bool> EnsureTopic(const log::TopicSpec& spec, bool compare);
  // What the cluster says of a topic; kNotFound.
  Result<log::TopicSpec> DescribeTopic(const std::string& topic);
  // Known since it was first asked; asked again by EnsureTopic.
  Result<int32_t> PartitionCount(const std::string& topic);
  // The log's start and its end, undecided transactions included.
  Result<flow::OffsetRange> Extent(const std::string& topic, PartitionId partition);

  // The broker's limits against the settings' time-outs. Brokers that do not tell are trusted.
  Status CheckLimits();

 private:
  explicit Client(const ClientSettings& settings) : settings_(settings) {}
  Status CheckConnection();
  Result<int32_t> AskPartitionCount(const std::string& topic);
  Status AwaitTopic(const std::string& topic);
  Status CreateTopic(const log::TopicSpec& spec);
  Result<std::map<std::string, std::string>> DescribeConfig(rd_kafka_ResourceType_t type,
                                                            const std::string& name);
  Result<Owned<rd_kafka_event_t>> Await(rd_kafka_queue_t* queue, std::string_view what);

  const ClientSettings settings_;
  std::unique_ptr<Handle> handle_;
  int32_t broker_ = -1;  // one broker of the cluster, to be asked for its configuration
  std::mutex mutex_;
  std::map<std::string, int32_t> partitions_;  // by topic
};

}  // namespace millrace::kafka
