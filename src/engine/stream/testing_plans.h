// Plans and queries for tests, built by hand from nodes that need no function table.
#pragma once

#include <memory>
#include <string>

#include "engine/stream/spec.h"
#include "engine/stream/testing_world.h"

namespace millrace::engine::testing {

// A small generator of numbers, the same for the same seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t Below(uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % limit;
  }

 private:
  uint64_t state_;
};

// A stream of `topic` with these columns.
sql::PlanPtr StreamScan(const std::string& topic, data::Schema schema);

// SELECT id, tag, CAST(score AS INT) AS score, label FROM in LATERAL VIEW OUTER explode(tags) AS
// tag LEFT JOIN kinds ON kinds.kind = in.kind WHERE in.kind IN ('a','b','c')
// into tables t1 (id, tag) and t2 (id) and the topic "copy"; refused rows go to "dead". Scores must
// be 0..89. The reference `kinds` has labels for a and b; it is wired into `world`.
QuerySpec TagsQuery(FakeWorld& world);

// SELECT window, k, count(*), sum(v), max(v), first(v) FROM STREAM topic WATERMARK ts DELAY OF ...
// GROUP BY window(ts, size, slide), k. The topic has ts TIMESTAMP, k STRING, v BIGINT.
sql::PlanPtr CountByWindow(const std::string& topic, int64_t size_us, int64_t slide_us,
                           int64_t delay_us);

// Rows as "column|column|", one record each.
class TextEncoder final : public RecordEncoder {
 public:
  Status Encode(const data::Batch& batch, data::RowErrors& errors,
                std::vector<flow::OutRecord>& out) const override;
};

}  // namespace millrace::engine::testing
