#include "pipeline/replay_start.h"

#include <gtest/gtest.h>

#include "io/sim_file_system.h"

namespace millrace::pipeline {
namespace {

constexpr int64_t kStartUs = 1769860800'000'000;  // 2026-01-31T12:00:00Z

// Topic raw has two partitions. Partition 0 got a record at each second from 12:00:00 to 12:00:09,
// of which the first two are deleted; partition 1 one at 12:00:05.
class ReplayStartTest : public testing::Test {
 protected:
  void SetUp() override {
    log::LogOptions options;
    options.folder = "log";
    options.maintenance_interval_ms = 0;
    log_ = log::Log::Open(options, fs_, clock_).value();
    topics_ = connect::MakeEmbeddedTopics(*log_);
    ASSERT_TRUE(log_->CreateTopic({.name = "raw", .partitions = 2}));
    ASSERT_TRUE(log_->CreateTopic({.name = "other", .partitions = 1}));
    for (int second = 0; second < 10; ++second) {
      Append(0);
      if (second == 5) Append(1);
      clock_.Advance(std::chrono::seconds(1));
    }
    ASSERT_TRUE(log_->DeleteRecords("raw", PartitionId(0), Offset(2)));
  }
  void Append(int32_t partition) {
    const flow::OutRecord record{std::nullopt, "{}", {}};
    ASSERT_TRUE(log_->Append("raw", PartitionId(partition), std::span(&record, 1)));
  }
  // "offset,offset" of raw's partitions, or the error.
  std::string Start(std::string_view from, std::vector<std::string> topics = {"raw"}) {
    const auto start = FindReplayStart(*topics_, topics, from);
    if (!start) return start.error().ToString();
    std::string text;
    for (const auto& [at, offset] : start->offsets)
      text += fmt::format("{}{}", text.empty() ? "" : ",", offset);
    return text + fmt::format(" {} ahead, {} left out", start->ahead, start->left_out);
  }

  io::SimFileSystem fs_;
  io::VirtualClock clock_{TimestampUs(kStartUs)};
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<connect::Topics> topics_;
};

TEST_F(ReplayStartTest, EarliestIsTheFirstRecordTheLogHas) {
  EXPECT_EQ(Start("earliest"), "2,0 9 ahead, 2 left out");
}

TEST_F(ReplayStartTest, ATimeIsTheFirstRecordThatCameThenOrLater) {
  EXPECT_EQ(Start("2026-01-31T12:00:04Z"), "4,0 7 ahead, 4 left out");
  EXPECT_EQ(Start("2026-01-31T12:00:05.001Z"), "6,1 4 ahead, 7 left out");
  EXPECT_EQ(Start("2026-01-31T12:00:05.000001Z"), "6,1 4 ahead, 7 left out");
  EXPECT_EQ(Start("2026-01-31T14:00:04+02:00"), "4,0 7 ahead, 4 left out");
  EXPECT_EQ(Start("2020-01-01"), "2,0 9 ahead, 2 left out");
  EXPECT_EQ(Start("1769860804000"), "4,0 7 ahead, 4 left out");
}

TEST_F(ReplayStartTest, OffsetsByPartitionLeaveTheOthersAtTheirEarliest) {
  EXPECT_EQ(Start("raw:0:7"), "7,0 4 ahead, 7 left out");
  EXPECT_EQ(Start("0:7"), "7,0 4 ahead, 7 left out");
  EXPECT_EQ(Start("raw:1:1,raw:0:9"), "9,1 1 ahead, 10 left out");
}

TEST_F(ReplayStartTest, MistakesSayWhatIsThere) {
  const auto expect_said = [&](std::string_view from, std::string_view what) {
    const std::string said = Start(from);
    EXPECT_NE(said.find(what), std::string::npos) << from << ": " << said;
  };
  expect_said("latest", "write earliest, a time such as");
  expect_said("", "write earliest, a time such as");
  expect_said("2026-13-01", "is not a time such as");
  expect_said("raw:1:1,raw:0:10", "no record lies there or behind it");
  expect_said("2030-01-01", "no record lies there or behind it");
  expect_said("1769860804", "seconds? then write 1769860804000");
  expect_said("99999999999999999999", "too large");
  expect_said("raw:0:x", "has no offset behind the last colon");
  expect_said("raw::1", "has no partition number");
  expect_said("rae:0:1", "it reads raw");
  expect_said("raw:2:1", "has no partition 2");
  expect_said("raw:0:1", "has the offsets from 2 to 10; 1 is not among them");
  expect_said("raw:0:11", "has the offsets from 2 to 10; 11 is not among them");
  expect_said("raw:0:3,raw:0:4", "named twice");
  expect_said("raw:0:3,,raw:1:0", "is no start of a replay");
}

TEST_F(ReplayStartTest, ALaterSourceBeginsThere) {
  const auto start = FindReplayStart(*topics_, {"raw"}, "0:7");
  ASSERT_TRUE(start);
  const auto source = StartingAt(*start, log_->OpenSource("raw").value());
  EXPECT_EQ(source->topic(), "raw");
  EXPECT_EQ(source->partition_count(), 2);
  const auto range = source->Readable(PartitionId(0));
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, Offset(7));
  EXPECT_EQ(range->end, Offset(10));
  EXPECT_EQ(source->Readable(PartitionId(1))->begin, Offset(0));
}

}  // namespace
}  // namespace millrace::pipeline
