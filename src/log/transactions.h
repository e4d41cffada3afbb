// TransactionCoordinator: transactions over several topics and partitions of the log
// (flow::TransactionalWriter).
//
// The life of a transaction: Begin (a producer id of its own) -> Append (batches with the
// transactional bit go to the partitions as they fill up; nobody reads them) -> Commit: the last
// batches and the decision (decision.h) are synced in one round, then each partition gets its
// commit marker, whose sync nobody waits for.
//
// Invariants
//   1. Readers pass a transaction's records only after its decision and all its data are on stable
//      storage.
//   2. Of an owner's transactions at most one is undecided; its sequences rise.
//   3. `__transactions` is compacted only when every marker it decided is on stable storage.
//   4. The newest tag of an owner is remembered, over restarts too, until Forget takes it: a
//      tombstone of the owner in `__transactions`, from which compaction removes both.
//
// Thread contract: the coordinator from any thread; a transaction from one at a time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "flow/transaction.h"
#include "log/decision.h"
#include "log/log_core.h"

namespace millrace::log {

inline constexpr std::string_view kTransactionsTopic = "__transactions";

class TransactionCoordinator final : public flow::TransactionalWriter {
 public:
  explicit TransactionCoordinator(LogCore& core) : core_(core) {}

  // At start: makes the topic, completes what was decided, aborts the rest.
  Status Recover();

  Result<std::unique_ptr<flow::Transaction>> Begin(const std::string& owner) override;
  Result<std::optional<flow::CommitTag>> LastCommitted(const std::string& owner) override;

  // Of all owners, the one that committed longest ago first.
  std::vector<RememberedTag> Tags();
  size_t owner_count();
  // Forgets each of these tags that is still its owner's newest while the owner has no transaction
  // open. Not synced: a crash may bring them back.
  Status Forget(std::span<const RememberedTag> tags);

  // One transaction's shared state: the transaction object and a later Begin of its owner meet
  // here.
  struct State {
    std::mutex mutex;
    std::string owner;
    Producer producer;
    bool ended = false;
    std::map<TopicPartition, Decision::Part> parts;
  };
  // All with `state.mutex` held. Flushed: data is appended already; adds the decision, syncs,
  // marks.
  Status Decide(State& state, const flow::CommitTag& tag);
  Status Abort(State& state);
  // Appends one batch of the transaction and notes where it went.
  Status AppendBatch(State& state, const TopicPartition& at, std::string batch);
  LogCore& core() { return core_; }
  // Waits for the commits under way and keeps new ones waiting while it is held.
  std::unique_lock<std::shared_mutex> HoldCommits() { return std::unique_lock(commits_); }

 private:
  struct Owner {
    std::optional<flow::CommitTag> last;
    Offset decided;  // of `last`'s decision
    std::weak_ptr<State> current;
  };
  enum class PartFate { kComplete, kNeedsMarker, kLost };
  // A record of `__transactions`; no decision: the owner was forgotten.
  struct Named {
    std::string owner;
    Offset offset;
    std::optional<Decision> decision;
  };

  static Result<std::vector<Named>> ReadDecisions(Partition& partition);

  Result<AppendTicket> AppendDecision(const std::string& owner, const Decision& decision);
  Status Mark(const Decision& decision);
  Status AppendTombstones(std::span<const std::string> owners);
  Status EnsureTopic();
  Status Replay(const std::string& owner, Offset decided, Decision decision);
  Result<PartFate> FateOf(const Decision& decision, const Decision::Part& part);
  Status AbortUndecided();

  LogCore& core_;
  std::shared_mutex commits_;  // shared: a commit is under way; taken before mutex_
  std::mutex mutex_;
  std::map<std::string, Owner> owners_;
};

}  // namespace millrace::log
