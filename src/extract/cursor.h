// Cursor: where a task stands in its API, kept as a record of the compacted internal topic
// `__cursors` (key "dag/task"), written in the same transaction as the records it counts (DESIGN
// invariant 7): they are committed together or not at all. Whoever opens the log creates the topic
// (compacted).
//
// Value, version 1: byte 1; then, each as varint length and bytes: kind ("n" number, "s" text, ""
// none), cursor, ETag, Last-Modified, run id; then 8 bytes little-endian: Hash64 of the URL the
// validators belong to.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/json_select.h"
#include "flow/source.h"
#include "flow/types.h"

namespace millrace::extract {

inline constexpr std::string_view kCursorTopic = "__cursors";

struct Cursor {
  std::optional<data::JsonScalar> value;  // number or string
  std::string etag;
  std::string last_modified;
  uint64_t url_hash = 0;  // of the request etag and last_modified answer
  std::string run_id;     // that wrote it
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

std::string CursorKey(std::string_view dag, std::string_view task);  // "dag/task"
flow::OutRecord EncodeCursor(std::string_view key, const Cursor& cursor);
Result<Cursor> DecodeCursor(std::string_view bytes);  // kDamaged

// Whether b comes after a: numbers by value, strings by bytes. kInvalidArgument for a mixture or a
// boolean.
Result<bool> IsAfter(const data::JsonScalar& b, const data::JsonScalar& a);

// What is committed in `__cursors`. Thread contract: every function from any thread.
class CursorStore {
 public:
  // `topic` outlives the store.
  explicit CursorStore(flow::Source& topic) : topic_(topic) {}

  // The last committed cursor of a task; reads what was committed since the last call first.
  Result<std::optional<Cursor>> Get(const std::string& key);

  // While it lives, no other try in this process may use the task's cursor.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

   private:
    friend class CursorStore;
    Lease(CursorStore* store, std::string key) : store_(store), key_(std::move(key)) {}
    CursorStore* store_;
    std::string key_;
  };
  // kUnavailable when another try holds it: two runs of one task would fetch the same records.
  Result<Lease> Acquire(const std::string& key);

 private:
  Status CatchUp();  // mutex_ held

  flow::Source& topic_;
  std::mutex mutex_;
  std::map<std::string, std::string> values_;  // by key, encoded
  std::map<PartitionId, Offset> next_;         // where to read on
  std::set<std::string> leased_;
};

}  // namespace millrace::extract
