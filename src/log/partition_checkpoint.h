// PartitionCheckpoint: what a partition knows about itself, stored beside its segments so that a
// start need not read them (file `checkpoint`, replaced atomically;
// docs/formats/log-segment.md).
//
// It is the truth about closed segments (which there are, how long each is) and about the first
// readable offset; everything it says about batches can be had again by reading them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/producer_state.h"
#include "log/segment.h"

namespace millrace::log {

inline constexpr std::string_view kCheckpointFile = "checkpoint";

struct PartitionCheckpoint {
  struct Closed {
    Segment::Extent extent;
    // Compaction is about to put a file of this size in its place; 0: it is not.
    uint64_t bytes_next = 0;
    friend bool operator==(const Closed&, const Closed&) = default;
  };

  Offset start;  // first readable offset
  // Everything before `recovery`, at byte `recovery_position` of the segment with base `active`,
  // was on stable storage and is summed up below.
  Offset recovery;
  Offset active;
  uint64_t recovery_position = 0;
  TimestampMs last_timestamp{INT64_MIN};
  TimestampMs active_first_timestamp{INT64_MAX};
  ProducerTable producers;
  std::vector<Closed> closed;  // by base offset
  Offset cleaned;              // compaction has seen everything before it
  std::vector<LostRange> lost;
  friend bool operator==(const PartitionCheckpoint&, const PartitionCheckpoint&);

  std::string Encode() const;
  // kDamaged.
  static Result<PartitionCheckpoint> Decode(std::string_view bytes);
};

}  // namespace millrace::log
