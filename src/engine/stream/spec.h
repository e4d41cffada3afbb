// QuerySpec: what a streaming query does and where its results go; QueryWorld: what it runs on.
// The pipeline (or a test) fills both.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "engine/stream/intent_log.h"
#include "engine/stream/lookup.h"
#include "engine/stream/time_source.h"
#include "flow/source.h"
#include "flow/state.h"
#include "flow/transaction.h"
#include "sql/expr.h"
#include "sql/plan.h"

namespace millrace::engine {

// A condition that every row of the result must meet. A row for which it is false or NULL goes to
// the dead letters with stage "expect" and condition "EXPECT_<name>".
struct Expectation {
  std::string name;
  sql::ExprPtr condition;  // BOOLEAN over the plan's output schema
  std::string message;     // why; empty: the condition's name is said
};

struct TableSink {
  std::string name;  // "users.by_id"
  std::shared_ptr<const flow::TableWriter> writer;
};

// Turns rows of the result into records of a topic. Thread contract: Encode from any thread.
class RecordEncoder {
 public:
  virtual ~RecordEncoder() = default;
  // Appends one record per row to `out`, in row order; a row that cannot be written is noted in
  // `errors` and left out, rows that have an error already are skipped.
  virtual Status Encode(const data::Batch& batch, data::RowErrors& errors,
                        std::vector<flow::OutRecord>& out) const = 0;
};

// The result as records of a topic. `writer` commits under "query/<query>/<name>".
struct TopicSink {
  std::string name;
  std::string topic;
  std::shared_ptr<const RecordEncoder> encoder;
  flow::TransactionalWriter* writer = nullptr;
};

// Where refused or late records go.
struct LetterSink {
  std::string topic;
  flow::TransactionalWriter* writer = nullptr;
};

// When a window's row is written.
enum class Emit : uint8_t {
  kOnClose,  // once, when the watermark has passed the window's end
  kChanges,  // at the end of each epoch that changed it, as an upsert, and so also at its close
};

struct StreamSettings {
  // Source bytes of one epoch: the unit of memory and of replay.
  size_t epoch_bytes_max = size_t{16} << 20;
  // A cut is made no sooner than this after the one before ...
  std::chrono::microseconds epoch_interval_min{0};
  // ... and put off at most this long to gather rows under load. 0: never put off, as it must be
  // with a clock that stands still.
  std::chrono::microseconds epoch_interval_max{50'000};
  size_t chunk_rows_max = 4096;  // unit of parallel work
  int threads = 0;               // 0: one a core
  // A partition that is read to its end and quiet for this long does not hold the watermark back.
  std::chrono::milliseconds idle_timeout{30'000};
  // An event time this far beyond its record's own time stamp is refused: it would make all other
  // rows late.
  std::chrono::milliseconds max_future_skew{300'000};
  // State entries (open windows and keys) that may be held; above it the query stops with an error.
  size_t state_entries_max = 4'000'000;
  Emit emit = Emit::kOnClose;
  std::string zone = "UTC";  // session time zone
  bool from_latest = false;  // where a new query starts: the end instead of the beginning
};

struct QuerySpec {
  std::string name;
  // Whose replayed letters it takes (flow::AddresseeOf); empty: its own. Not part of what an epoch
  // must be re-run with: for one name it does not change.
  std::string addressee;
  sql::PlanPtr plan;
  // From which the pipeline can make this spec again; stored beside the intents.
  std::string definition;
  std::vector<Expectation> expectations;
  std::vector<TableSink> tables;
  std::vector<TopicSink> topics;
  LetterSink dead_letters;
  LetterSink late;  // no topic: late rows are dead letters
  StreamSettings settings;
};

// Everything outlives the query.
struct QueryWorld {
  std::map<std::string, flow::Source*> sources;  // by topic
  flow::StateStore* store = nullptr;
  IntentLog* intents = nullptr;
  TimeSource* time = nullptr;
  LookupOpener lookups;  // may be empty when the plan has no kLookup
};

// Identifies what an epoch must be re-run with: the plan, the expectations and the settings that
// change results. Never 0.
uint64_t DefinitionHash(const QuerySpec& spec);

// Owner of a sink's transactions.
std::string SinkOwner(const std::string& query, const std::string& sink);
inline constexpr const char* kDeadLetterSink = "dead_letters";
inline constexpr const char* kLateSink = "late";

}  // namespace millrace::engine
