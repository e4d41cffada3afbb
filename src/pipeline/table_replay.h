// Rebuilding a table from the log: a query of its own, with the definition of the one that writes
// the table, fills a shadow; then the shadow takes the table's place in one step, while the live
// query stands still for that step.
//
// Invariants
//   1. The table is either as it was or wholly rebuilt; any error leaves it as it was.
//   2. Nothing but the shadow is written: no topic, and no dead letter a second time.
//   3. The log keeps what the replay has still to read (a pin of its own).
//   4. A windowed table is swapped only when the replay has closed every window that the live query
//      has closed, since the live query will not write those again.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "pipeline/query_host.h"

namespace millrace::pipeline {

// What the name of a replay's query begins with; the table follows.
inline constexpr std::string_view kReplayPrefix = "__replay/";

struct TableReplay {
  QueryEnvironment environment;
  QueryHost& live;                // the one query that writes the table
  std::mutex& still;              // held while `live` is stopped and started
  std::string table;              // "keyspace.name"
  std::string from = "earliest";  // replay_start.h
  // Windows that the start cuts in two may be rebuilt from their later records alone.
  bool partial = false;
  CancelToken& cancel;
  std::function<void(std::string_view)> progress;  // hears what is being done
};

// kInvalidArgument: `from` (see FindReplayStart); kUnsupported: windows would be rebuilt from a
// part of their records and `partial` is not set; kCancelled; what queries and store answer.
Status ReplayTable(const TableReplay& replay);

// Forgets what replays of these tables left behind in a process that ended during them.
Status ForgetInterruptedReplays(const QueryEnvironment& environment,
                                const std::vector<std::string>& tables);

}  // namespace millrace::pipeline
