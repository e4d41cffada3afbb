// Extract: one try of a task that fetches records over HTTP into a topic (DESIGN invariant 7). It
// calls the API page by page, chooses the records of each page and appends them, bytes unchanged,
// in one transaction that also carries the new cursor: after a crash either all of it is there or
// nothing, and a repeated try starts from what is committed.
//
//   auto report = Extract(source, context, services);
//
// Invariants
//   1. A task instance commits at most once per generation: a committed generation is found before
//      any request is made, and the log refuses a second commit.
//   2. A backfill neither reads nor moves the live cursor.
//   3. With `commit_every`, the parts commit under the owner "<owner>/parts", each with its cursor;
//      the try's own commit, which decides the task instance, is still the last.
//   4. While one page is appended, the next is fetched and read; no more than that is in memory.
//   5. No request goes to an address the policy refuses, whether it was configured, redirected to,
//      or read from a response; credentials and configured headers go to the configured origin
//      only.
//   6. Secrets appear in no error, log line or report.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/ids.h"
#include "base/result.h"
#include "extract/auth.h"
#include "extract/cursor.h"
#include "extract/rate_limit.h"
#include "extract/spec.h"
#include "flow/transaction.h"
#include "io/clock.h"
#include "io/http_address.h"
#include "io/http_client.h"

namespace millrace::extract {

struct ExtractContext {
  std::string dag;
  std::string run;
  std::string task;
  int try_number = 1;
  Generation generation;
  TimestampUs logical_date;
  TimestampUs interval_start;
  TimestampUs interval_end;
  bool is_backfill = false;
  std::map<std::string, std::string> params;  // of a manual run
  CancelToken* cancel = nullptr;              // may be nullptr
  // Receives progress, one line each without line feed; called from any thread, one at a time.
  std::function<void(std::string_view line)> log;
};

// Shared by all tasks of a process; everything outlives the call.
struct ExtractServices {
  io::HttpClient& http;
  io::Resolver& resolver;
  io::Clock& clock;
  flow::TransactionalWriter& writer;
  CursorStore& cursors;
  HostLimits& limits;
  TokenCache& tokens;
};

struct ExtractReport {
  bool already_committed = false;  // by an earlier try of this generation: nothing was done
  bool not_modified = false;       // 304: the API has nothing new
  bool limit_reached = false;      // pages or records: more was there than was read
  std::string warning;             // what the user has to see of a try that succeeded, or ""
  int64_t pages = 0;
  int64_t records = 0;
  int64_t records_without_key = 0;
  uint64_t bytes = 0;    // of bodies, decompressed
  int64_t requests = 0;  // retries, redirects and token requests counted
  int64_t commits = 0;
  std::string cursor;  // {{ cursor }} of the next run, "" when there is none
};

// The transactional id of a task instance: "dag/users/fetch_users/2026-01-01T00:00:00Z".
// After a crash: it is done when writer.LastCommitted(owner) has sequence >= its generation.
std::string TransactionOwner(std::string_view dag, std::string_view task, TimestampUs logical_date);
// What follows the owner in the name of the one that commits a try's parts (commit_every).
inline constexpr std::string_view kPartsOwnerSuffix = "/parts";

// Errors: kInvalidArgument (the source or the API's answer can never work: a refused address, 4xx,
// no such path, a loop), kUnavailable and kTimeout (retries used up), kResourceExhausted (a limit),
// kCancelled, kConflict (a newer try took over). Nothing of a failed try is readable, but parts
// committed by `commit_every`.
Result<ExtractReport> Extract(const HttpSource& source, const ExtractContext& context,
                              const ExtractServices& services);

}  // namespace millrace::extract
