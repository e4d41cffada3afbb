// ReplayStart: where a replay begins to read each partition, from what a person writes:
//
//   earliest                             the first record the log still has
//   2026-01-31T12:00:00Z                 the first record that came at or after this time
//   1769860800000                        the same in milliseconds since 1970
//   users_raw:0:1200,users_raw:3:90      offsets; partitions that are not named begin at their
//                                        earliest. With one topic its name may be left out: 0:1200
//
// Times are those at which records entered the log (LogAppendTime), as Kafka's consumer groups
// take them, not event times.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connect/topics.h"
#include "flow/source.h"

namespace millrace::pipeline {

struct ReplayStart {
  std::map<flow::TopicPartition, Offset> offsets;  // one entry for every partition of every topic
  int64_t ahead = 0;     // offsets from there to the end of what is readable
  int64_t left_out = 0;  // offsets before it, whether the log still has them or not
};

// kInvalidArgument: no such form, a topic that is not among `topics`, a partition or offset that is
// not there (or no longer), a partition named twice, or a start behind every record: the table
// would be empty.
Result<ReplayStart> FindReplayStart(connect::Topics& place, const std::vector<std::string>& topics,
                                    std::string_view from);

// `source` without what lies before the start's offsets.
std::unique_ptr<flow::Source> StartingAt(const ReplayStart& start,
                                         std::unique_ptr<flow::Source> source);

}  // namespace millrace::pipeline
