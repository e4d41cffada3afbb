// KafkaTransactions: flow::TransactionalWriter over Kafka's transactions.
//
// An owner is a transactional id ("millrace.<project>.<owner>"), so the broker fences an older
// process of the same owner. The commit tag is a record of the compacted internal topic `__commits`
// inside the same transaction: after a crash it is there exactly when the data is.
//
// A transaction is kept in memory until it commits (settings.transaction_bytes_max) and is sent
// then: a broker that is away while pages are fetched is not noticed, one that goes away during the
// commit is tried again with the same records, and no open transaction holds readers back longer
// than its sending takes.
//
// Invariants
//   1. A transaction is sent again only after it was aborted: never twice.
//   2. A commit whose outcome is unknown is not reported as failed for good: kUnavailable, and the
//      next Begin or LastCommitted of the owner settles it first.
//
// A tag's record: key = owner; value = version byte 1, zig-zag varint sequence, the detail.
//
// Thread contract: every function from any thread; a transaction belongs to one thread. The writer
// outlives its transactions.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "flow/transaction.h"
#include "kafka/client.h"
#include "kafka/topic_source.h"

namespace millrace::kafka {

inline constexpr const char* kCommitsTopic = "__commits";

std::string EncodeCommitTag(const flow::CommitTag& tag);
// kDamaged.
Result<flow::CommitTag> DecodeCommitTag(std::string_view owner, std::string_view bytes);

class KafkaTransactions final : public flow::TransactionalWriter {
 public:
  // Makes the topic of tags when it is absent. `client` outlives the writer.
  static Result<std::unique_ptr<KafkaTransactions>> Open(Client& client);
  // The topic of tags is known to be there.
  static Result<std::unique_ptr<KafkaTransactions>> OpenOnExisting(Client& client);

  Result<std::unique_ptr<flow::Transaction>> Begin(const std::string& owner) override;
  Result<std::optional<flow::CommitTag>> LastCommitted(const std::string& owner) override;

  // An owner's producer, known to the broker as the only one of its transactional id.
  struct Owner {
    std::mutex mutex;
    std::string name;
    std::unique_ptr<Handle> producer;
    std::optional<flow::CommitTag> last;
    uint64_t begun = 0;                // transactions so far; only the newest may commit
    std::atomic<bool> broken = false;  // fenced, or with a commit of unknown outcome
  };
  struct Buffered {
    std::string topic;
    PartitionId partition;
    flow::OutRecord record;
  };
  // For transactions.
  Client& client() { return client_; }
  Status Commit(Owner& owner, uint64_t begun, const std::vector<Buffered>& records,
                const flow::CommitTag& tag);

 private:
  explicit KafkaTransactions(Client& client) : client_(client) {}
  Result<std::shared_ptr<Owner>> Acquire(const std::string& name);
  Result<std::shared_ptr<Owner>> OpenOwner(const std::string& name);
  void KeepOwner(const std::shared_ptr<Owner>& owner);
  Status Initialise(Handle& producer, const std::string& owner);
  Result<std::optional<flow::CommitTag>> ReadTag(const std::string& owner);

  Status TryCommit(Owner& owner, const std::vector<Buffered>& records, const flow::CommitTag& tag);
  Status Send(Handle& producer, const std::vector<Buffered>& records, const flow::CommitTag& tag);
  Status Finish(Owner& owner);
  Status Abort(Owner& owner);

  Client& client_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Owner>> owners_;
  std::list<std::string> used_;  // names of owners_, the longest unused first
  std::mutex tags_mutex_;
  std::unique_ptr<TopicSource> tags_source_;
  std::map<std::string, flow::CommitTag> tags_;
  Offset tags_next_;
};

}  // namespace millrace::kafka
