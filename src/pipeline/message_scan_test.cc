#include "pipeline/message_scan.h"

#include <gtest/gtest.h>

#include "io/sim_file_system.h"

namespace millrace::pipeline {
namespace {

// A topic of two partitions whose records each come in a transaction of their own, so that a commit
// marker stands behind every one.
class MessageScanTest : public testing::Test {
 protected:
  void SetUp() override {
    log_ = std::move(*log::Log::Open({.folder = "log"}, fs_, io::SystemClock()));
    topics_ = connect::MakeEmbeddedTopics(*log_);
    ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = 2}));
    for (int i = 0; i < 10; ++i) {
      const auto transaction = log_->transactions().Begin("test");
      ASSERT_TRUE(transaction);
      ASSERT_TRUE(
          (*transaction)->Append("t", PartitionId(i % 2), {std::nullopt, std::to_string(i), {}}));
      ASSERT_TRUE((*transaction)->Commit({"test", i + 1, ""}));
    }
    ASSERT_TRUE(topics_->Settle());
  }

  // The values taken, separated by spaces; `end_` is the scan's.
  std::string Scan(const MessageSeek& seek, const ScanBudget& budget = {}) {
    std::string values;
    const auto end = ScanMessages(*topics_, "t", seek, budget, cancel_,
                                  [&](PartitionId, const flow::RecordView& record) -> Result<bool> {
                                    values += std::string(record.value_view()) + " ";
                                    return true;
                                  });
    if (!end) return end.error().message;
    end_ = *end;
    return values;
  }

  io::SimFileSystem fs_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<connect::Topics> topics_;
  CancelToken cancel_;
  ScanEnd end_;
};

TEST_F(MessageScanTest, GoesThroughPartitionsInOrder) {
  EXPECT_EQ(Scan({}), "0 2 4 6 8 1 3 5 7 9 ");
  EXPECT_EQ(end_.scanned, 10);
  EXPECT_EQ(end_.next, std::nullopt);
  EXPECT_EQ(Scan({.partition = PartitionId(1)}), "1 3 5 7 9 ");
}

TEST_F(MessageScanTest, PiecesGiveEveryRecordOnce) {
  for (int64_t size = 1; size <= 11; ++size) {
    std::string all;
    MessageSeek seek;
    for (int i = 0; i < 30; ++i) {
      all += Scan(seek, {.taken_max = size});
      if (!end_.next) break;
      seek.from = end_.next;
    }
    EXPECT_EQ(all, "0 2 4 6 8 1 3 5 7 9 ") << size;
    EXPECT_EQ(end_.next, std::nullopt) << size;
  }
}

TEST_F(MessageScanTest, LastCountsRecordsNotMarkers) {
  EXPECT_EQ(Scan({.last = 2}), "8 9 ");
  EXPECT_EQ(Scan({.last = 6}), "4 6 8 5 7 9 ");
  EXPECT_EQ(Scan({.last = 1000}), "0 2 4 6 8 1 3 5 7 9 ");
  EXPECT_EQ(Scan({.partition = PartitionId(0), .last = 1}), "8 ");
}

TEST_F(MessageScanTest, OffsetsAndTimesAreMovedIntoWhatIsReadable) {
  EXPECT_EQ(Scan({.offset = Offset(1000)}), "");
  EXPECT_EQ(Scan({.offset = Offset(-5)}), "0 2 4 6 8 1 3 5 7 9 ");
  EXPECT_EQ(Scan({.time = TimestampMs(0)}), "0 2 4 6 8 1 3 5 7 9 ");
  EXPECT_EQ(Scan({.time = TimestampMs(INT64_MAX)}), "");
  EXPECT_EQ(Scan({.partition = PartitionId(2)}), "topic t has partitions 0 to 1, not 2");
}

TEST_F(MessageScanTest, EndsWithItsBudgetOrWhenCancelled) {
  EXPECT_EQ(Scan({}, {.scanned_max = 3}), "0 2 4 ");
  EXPECT_TRUE(end_.next);
  EXPECT_EQ(Scan({}, {.bytes_max = 2}), "0 2 ");
  cancel_.Cancel();
  EXPECT_EQ(Scan({}), "");
  EXPECT_TRUE(end_.next);
}

}  // namespace
}  // namespace millrace::pipeline
