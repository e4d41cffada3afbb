// IntentLog: where the intents of epochs are kept before anything of the epoch is done (DESIGN
// invariant 3a), together with the definitions of the queries they must be re-run with.
//
//   MR_ASSIGN(IntentTicket ticket, log.Append(intent));   // at once
//   ... read and process the epoch while the disk works ...
//   MR_TRY(log.Await(ticket));                            // before the first sink commits
//
// Invariants
//   1. Intents of one query are appended in epoch order and read back in that order, without gaps.
//   2. What Await acknowledged is read back after any crash, until Truncate took it. An intent that
//      was never awaited may or may not be: then nothing of its epoch was committed either.
//   3. The definition of every kept intent is kept.
//
// Thread contract: every function from any thread. Implemented over the embedded log in
// src/connect, over memory in tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "flow/epoch.h"

namespace millrace::engine {

// Names an append whose durability can be waited for.
struct IntentTicket {
  uint64_t number = 0;
};

// Everything it takes to bind a query again: `text` is the pipeline's (SQL and settings) and is
// given back as it is.
struct StoredDefinition {
  std::string query;
  uint64_t plan_hash = 0;
  std::string text;
  friend bool operator==(const StoredDefinition&, const StoredDefinition&) = default;
};

// What is kept of one query.
struct StoredIntents {
  std::vector<flow::EpochIntent> intents;     // by epoch, rising
  std::vector<StoredDefinition> definitions;  // the oldest first; one per plan hash
};

class IntentLog {
 public:
  virtual ~IntentLog() = default;

  virtual Result<IntentTicket> Append(const flow::EpochIntent& intent) = 0;
  virtual Status Await(IntentTicket ticket) = 0;
  // Durable when it returns. Storing the same plan hash again is fine and changes nothing.
  virtual Status StoreDefinition(const StoredDefinition& definition) = 0;
  virtual Result<StoredIntents> Load(const std::string& query) = 0;
  // Every query of which something is kept, sorted.
  virtual std::vector<std::string> Queries() = 0;
  // Intents up to and including `through` are needed no longer. May be put off.
  virtual Status Truncate(const std::string& query, EpochId through) = 0;
  // Forgets the query: intents and definitions. Durable when it returns.
  virtual Status Drop(const std::string& query) = 0;
};

// A record of the internal topic that holds intents: docs/formats/epoch.md. Exactly one of the
// parts is there.
struct IntentRecord {
  enum class Kind : uint8_t { kIntent = 1, kDefinition = 2, kDrop = 3 };
  Kind kind = Kind::kIntent;
  flow::EpochIntent intent;     // kIntent
  StoredDefinition definition;  // kDefinition
  std::string query;            // kDrop: forgets all that came before it
};
std::string EncodeIntentRecord(const IntentRecord& record);
// kDamaged: unknown version or kind, cut, or bytes left over.
Result<IntentRecord> DecodeIntentRecord(std::string_view bytes);

}  // namespace millrace::engine
