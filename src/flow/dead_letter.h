// DeadLetter: a record that a stage refused, with everything needed to understand, count and replay
// it (DESIGN invariant 8). It travels as a record of the query's dead-letter topic: the key and
// value are the refused record's own bytes, the rest is headers named below. Layout:
// docs/formats/dead-letter.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "flow/types.h"

namespace millrace::flow {

struct DeadLetter {
  Origin origin;
  std::string query;
  std::string stage;      // "parse", "expect", "expression", "late", "table <name>"
  std::string condition;  // class of the reason, to group by: "MALFORMED_JSON",
                          // "CAST_INVALID_INPUT", "EXPECT_email"
  std::string message;    // the whole reason
  EpochId epoch;
  std::optional<std::string> key;
  std::optional<std::string> value;
};

// Header names: "millrace.origin.topic", ".origin.partition", ".origin.offset", ".origin.ordinal",
// "millrace.query", "millrace.stage", "millrace.condition", "millrace.message", "millrace.epoch".
// Numbers are decimal text.
OutRecord EncodeDeadLetter(const DeadLetter& letter);
Result<DeadLetter> DecodeDeadLetter(const RecordView& record);

// Header of a replayed record: the one query it is meant for. Every other query of the topic took
// the record when it first came, and passes it by.
inline constexpr std::string_view kReplayQueryHeader = "millrace.replay.query";
// The query a record is meant for; empty: every query. Costs nothing for records without headers;
// headers that cannot be read name nobody.
std::string_view AddresseeOf(const RecordView& record);

}  // namespace millrace::flow
