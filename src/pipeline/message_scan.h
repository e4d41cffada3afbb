// Reading a topic's records in pieces: by offset, by time or from the end, with a bound on what one
// piece may look at. Partitions come one after the other, offsets rise within each, so that a place
// (partition, offset) is enough to go on from.
//
//   MR_ASSIGN(const ScanEnd end, ScanMessages(topics, "users_raw", {.time = at}, {.taken_max = 50},
//             cancel, [&](PartitionId p, const flow::RecordView& record) -> Result<bool> {
//               return Matches(record) && Show(record); }));
//   if (end.next) ...                      // the next piece: the same seek, from there
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "connect/topics.h"

namespace millrace::pipeline {

struct MessagePlace {
  PartitionId partition;
  Offset offset;
  friend bool operator==(const MessagePlace&, const MessagePlace&) = default;
};

// Where to start in each partition. At most one of offset, time and last; none: the first record.
struct MessageSeek {
  std::optional<PartitionId> partition = {};  // none: all of them
  std::optional<Offset> offset = {};          // moved into what is readable
  std::optional<TimestampMs> time = {};       // the first record at or after it
  std::optional<int64_t> last = {};           // about so many records before the end, over all
  std::optional<MessagePlace> from = {};      // where the piece before ended
};

struct ScanBudget {
  int64_t taken_max = INT64_MAX;
  int64_t scanned_max = INT64_MAX;
  uint64_t bytes_max = UINT64_MAX;  // keys and values of taken records
};

struct ScanEnd {
  std::optional<MessagePlace> next = {};  // none: everything readable was looked at
  int64_t scanned = 0;
  int64_t taken = 0;
};

// True when the record was taken, i.e. counts for `taken_max`.
using MessageVisitor = std::function<Result<bool>(PartitionId, const flow::RecordView&)>;

// kNotFound: no such topic or partition. Ends early, with `next`, when cancelled.
Result<ScanEnd> ScanMessages(connect::Topics& topics, const std::string& topic,
                             const MessageSeek& seek, const ScanBudget& budget,
                             const CancelToken& cancel, const MessageVisitor& visit);

// Where to start in each partition so that about `count` records come before the end: each gives
// its share, rounded up, as far as it has so many. Offsets without a record (commit markers, what
// compaction took) do not count.
Result<std::vector<Offset>> OffsetsOfLast(flow::Source& source, int64_t count);

}  // namespace millrace::pipeline
