// ProducerTable: what a partition knows of its producers, so that a batch sent twice is stored once
// (KIP-98), and which transactions are open or aborted in it.
//
// Invariants
//   1. Of each producer the last kWindow batches are remembered; the same batch again is answered
//      with its first offsets. Sequences wrap from INT32_MAX to 0.
//   2. A lower epoch than the newest seen is fenced (kConflict).
//   3. The table is a function of the batches in offset order: a snapshot plus the batches behind
//      it give the same table as all batches.
//
// Thread contract: the partition's append lock guards it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "log/batch_header.h"

namespace millrace::log {

struct Producer {
  ProducerId id{-1};
  ProducerEpoch epoch{-1};
  friend auto operator<=>(const Producer&, const Producer&) = default;
};

// Records of `producer` in [first, marker] were never committed; `marker` is the offset of the
// control record that says so.
struct AbortedTransaction {
  ProducerId producer;
  Offset first;
  Offset marker;
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

// An undecided transaction as one partition sees it.
struct OpenTransaction {
  Producer producer;
  Offset first;  // of its first record
  Offset last;   // of its last record so far
  int64_t batches = 0;
  friend bool operator==(const OpenTransaction&, const OpenTransaction&) = default;
};

class ProducerTable {
 public:
  static constexpr size_t kWindow = 5;

  struct Duplicate {
    Offset first;
    Offset last;
    TimestampMs timestamp;
  };
  // What to do with a batch that is not stored yet: nullopt store it, else it is stored already.
  // kConflict: fenced epoch, sequence out of order, or transactional state that does not fit.
  Result<std::optional<Duplicate>> Check(const BatchHeader& batch) const;
  // A batch was stored (data or control); `commit` is what a control batch says.
  void Apply(const BatchHeader& batch, std::optional<bool> commit);

  const std::map<ProducerId, OpenTransaction>& open() const { return open_; }
  const std::vector<AbortedTransaction>& aborted() const { return aborted_; }
  // First offset of the oldest open transaction.
  std::optional<Offset> FirstOpenOffset() const;
  // Forgets aborted transactions that lie wholly before `start`, and producers idle since before
  // `idle_since` with nothing open.
  void Prune(Offset start, TimestampMs idle_since);

  std::string Encode() const;
  static Result<ProducerTable> Decode(std::string_view bytes);
  friend bool operator==(const ProducerTable&, const ProducerTable&) = default;

 private:
  struct StoredBatch {
    int32_t first_sequence;
    int32_t last_sequence;
    Offset first;
    Offset last;
    TimestampMs timestamp;
    friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
  };
  struct Entry {
    ProducerEpoch epoch{-1};
    TimestampMs last_seen;
    std::vector<StoredBatch> window;  // oldest first, at most kWindow
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  Status CheckSequence(const Entry& entry, const BatchHeader& batch) const;
  void Remember(const BatchHeader& batch);
  void Finish(const BatchHeader& marker, bool commit);

  std::map<ProducerId, Entry> producers_;
  std::map<ProducerId, OpenTransaction> open_;
  std::vector<AbortedTransaction> aborted_;  // by marker offset
};

}  // namespace millrace::log
