// TransactionalWriter: appends to topics so that all of a transaction becomes readable, once, or
// nothing does.
//
// Whoever writes names itself (`owner`: a task instance, or a query and its sink) and numbers its
// transactions
// (`sequence`: the generation of a task instance, the epoch of a query). The commit carries both,
// and is remembered, so that after a crash the owner learns whether its last transaction was
// decided (DESIGN invariants 3 and 7).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/types.h"

namespace millrace::flow {

struct CommitTag {
  std::string owner;     // transactional id, e.g. "dag/users/fetch_users/2026-01-01T00:00:00Z" or
                         // "query/q/dead_letters"
  int64_t sequence = 0;  // rises by owner
  std::string detail;    // the owner's own bytes, given back as they are
  friend bool operator==(const CommitTag&, const CommitTag&) = default;
};

class Transaction {
 public:
  // A transaction that is dropped undecided is aborted.
  virtual ~Transaction() = default;

  // Chooses the partition by `partition`, or else by Kafka's hash of the key, or else in turn.
  // Nothing is readable yet. kNotFound: no such topic; kResourceExhausted: disk budget reached,
  // wait and try again.
  virtual Status Append(const std::string& topic, std::optional<PartitionId> partition,
                        OutRecord record) = 0;
  // Bytes appended so far.
  virtual uint64_t bytes() const = 0;
  // When it returns, the decision is on stable storage. kConflict: fenced by a newer transaction of
  // the same owner, or a transaction with this sequence or a later one is already committed.
  virtual Status Commit(CommitTag tag) = 0;
  virtual Status Abort() = 0;
};

class TransactionalWriter {
 public:
  virtual ~TransactionalWriter() = default;
  // Ends (aborts) an undecided transaction of the same owner first: it belongs to a process that
  // died.
  virtual Result<std::unique_ptr<Transaction>> Begin(const std::string& owner) = 0;
  // The newest committed tag of an owner, if any.
  virtual Result<std::optional<CommitTag>> LastCommitted(const std::string& owner) = 0;
};

}  // namespace millrace::flow
