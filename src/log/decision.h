// Decision: the record in `__transactions` that decides a transaction
// (docs/formats/log-segment.md). Its key is the owner, so that compaction keeps the newest
// decision of each.
//
// A commit is written beside its data, not after it: both are synced in one round. It counts only
// if, at the next start, every part it names is there in full; else the start writes an abort over
// it, before anything else is appended.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "flow/transaction.h"
#include "log/producer_state.h"

namespace millrace::log {

struct Decision {
  // What a transaction appended to one partition.
  struct Part {
    std::string topic;
    Uuid topic_id;
    PartitionId partition;
    Offset first;
    Offset last;
    int64_t batches = 0;
    friend bool operator==(const Part&, const Part&) = default;
  };

  bool commit = true;
  Producer producer;
  // The newest committed tag of the owner: this transaction's, or, of an abort, the one before.
  std::optional<flow::CommitTag> tag;
  std::vector<Part> parts;
  friend bool operator==(const Decision&, const Decision&) = default;
};

std::string EncodeDecision(const Decision& decision);
// kDamaged.
Result<Decision> DecodeDecision(std::string_view owner, std::string_view bytes);

}  // namespace millrace::log
