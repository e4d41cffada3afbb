// Topics: the topics of a project, wherever they are kept: in the embedded log, or in a Kafka
// cluster (profile with `roles.log: kafka`). Everything the pipeline does with topics goes through
// here; only the epoch intents stay in the embedded log, beside the state they belong to.
//
// Thread contract: every function from any thread. Sources go before their Topics.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/epoch.h"
#include "flow/source.h"
#include "flow/transaction.h"
#include "kafka/settings.h"
#include "log/log.h"

namespace millrace::connect {

// For what a source is opened.
struct SourceUse {
  // Whose progress is noted (NoteProgress); empty: nobody's.
  std::string reader = {};
  // What was committed before Readable() is called, counts: for cursors.
  bool settled = false;
};

struct WantedTopic {
  log::TopicSpec spec;
  bool declared = true;  // false: only its being there matters
  std::string place;     // of its declaration, "file:line:column"; errors begin with it
};

class Topics {
 public:
  virtual ~Topics() = default;

  // Kept by another system: rows written from it go through the store's write-ahead log.
  virtual bool external() const = 0;
  // Names the cluster for ever; empty for the embedded log.
  virtual std::string identity() const = 0;

  // Makes each topic that is absent, and compares it with what is there. Gives a line on each of
  // the project's topics that was made or changed. kInvalidArgument: one differs in a way that is
  // not changed, with every difference.
  virtual Result<std::vector<std::string>> Ensure(std::span<const WantedTopic> wanted) = 0;
  virtual Result<log::TopicSpec> Find(const std::string& name) = 0;
  // Those of the project and the internal ones, as far as they are there.
  virtual Result<std::vector<log::TopicSpec>> List() = 0;
  virtual Result<log::PartitionOffsets> Offsets(const std::string& topic,
                                                PartitionId partition) = 0;

  // The first offset whose record came at or after `at`; the end of what is readable when there is
  // none.
  virtual Result<Offset> OffsetForTime(const std::string& topic, PartitionId partition,
                                       TimestampMs at) = 0;

  virtual Result<std::unique_ptr<flow::Source>> OpenSource(const std::string& topic,
                                                           const SourceUse& use) = 0;
  virtual flow::TransactionalWriter& transactions() = 0;

  // Below these positions `reader` needs nothing any more. The embedded log keeps what lies behind
  // them; Kafka is told for its lag tools, and keeps by its retention alone.
  virtual void NoteProgress(const std::string& reader,
                            std::span<const flow::Position> positions) = 0;
  // It reads no more: nothing is kept for it.
  virtual void ForgetReader(const std::string& reader) = 0;
  // Waits until what was committed before the call can be read.
  virtual Status Settle() = 0;
  // On this machine.
  virtual uint64_t DiskBytes() = 0;
};

// `log` outlives it.
std::unique_ptr<Topics> MakeEmbeddedTopics(log::Log& log);
// Connects; `names`: the project's topics. Errors as kafka::Client::Connect.
Result<std::unique_ptr<Topics>> OpenKafkaTopics(const kafka::ClientSettings& settings,
                                                std::vector<std::string> names);

}  // namespace millrace::connect
