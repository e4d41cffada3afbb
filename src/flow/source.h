// Source: a topic as a streaming query reads it. Implemented over the embedded log and over Kafka
// (src/connect).
//
// Invariants
//   1. What Read returned for an offset, it returns again for ever (until retention takes it):
//   replays depend on it.
//   2. Readable().end only counts records that are on stable storage and whose transaction is
//   committed
//      (Kafka's last stable offset), and it never goes back.
//   3. In one Cut, a committed transaction is readable in all of its partitions or in none; where
//      something undecided still lies before its records, the partition is `pending` instead.
//
// Thread contract: every function from any thread.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/types.h"

namespace millrace::flow {

// One partition at one instant.
struct PartitionCut {
  OffsetRange readable;
  // Behind `readable` lie records that cannot be read yet: not on stable storage, or undecided.
  bool pending = false;
};

class Source {
 public:
  virtual ~Source() = default;

  virtual const std::string& topic() const = 0;
  virtual int32_t partition_count() const = 0;  // partitions are 0..count-1; it may grow

  virtual Result<OffsetRange> Readable(PartitionId partition) = 0;
  // All partitions at one instant, by number. Errors as Readable's, of any partition.
  virtual Result<std::vector<PartitionCut>> Cut() = 0;

  // Records with from <= offset < to, in offset order, about `bytes_max` of them but at least one
  // if there is one. kNotFound: `from` lies before the log's start (retention took it);
  // kInvalidArgument: beyond its end; kDamaged.
  virtual Result<RecordBlock> Read(PartitionId partition, Offset from, Offset to,
                                   size_t bytes_max) = 0;

  // Waits until some partition p has Readable(p).end > seen[p], or the time is up (false), or
  // Wake() was called (false).
  virtual bool WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) = 0;
  virtual void Wake() = 0;
};

}  // namespace millrace::flow
