// What an edited query does to its state (issue: day two). The pipeline asks before it starts a
// query whose definition is another than the stored one.
//
//   MR_ASSIGN(auto stored, StoredRun::Load("created_users", world));
//   if (!stored.definition_hashes.empty())  // unflushed epochs of older definitions
//     for each: bind its text, StreamingQuery::Replay(old spec), then world.store->Flush()
//   PlanChange change = CompareDefinitions(old_spec, new_spec);
//   if (change.kind == PlanChange::Kind::kRefused) report change.reasons;
//   else MR_TRY(AcceptDefinition(new_spec, world));
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/stream/spec.h"

namespace millrace::engine {

struct PlanChange {
  enum class Kind {
    kSame,        // same hash: nothing to do
    kCompatible,  // goes on from the stored positions; `reasons` say what begins to differ
    kRefused,     // the state means something else now; `reasons` name each difference
  };
  Kind kind = Kind::kSame;
  std::vector<std::string> reasons;
};

// Pure. Stateless queries may change freely; a window aggregate must keep its keys, its windows and
// the aggregates that have state. Topics may join; a topic that leaves is named.
PlanChange CompareDefinitions(const QuerySpec& stored, const QuerySpec& wanted);

// What is stored of a query, for the decision.
struct StoredRun {
  flow::Progress progress;                  // epoch 0: it never ran
  std::vector<StoredDefinition> unflushed;  // definitions whose intents must be re-run first, in
                                            // order
  std::vector<StoredDefinition> known;      // all that are kept
  static Result<StoredRun> Load(const std::string& query, const QueryWorld& world);
};

// Makes the next Start of `spec` go on from progress that another definition left. kConflict when
// there are intents still to be re-run.
Status AcceptDefinition(const QuerySpec& spec, const QueryWorld& world);

}  // namespace millrace::engine
