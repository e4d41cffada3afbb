#include "log/log.h"

#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/sim_file_system.h"
#include "log/record_batch.h"

namespace millrace::log {
namespace {

using flow::OutRecord;

std::vector<OutRecord> SomeRecords(int count, std::string_view prefix = "v") {
  std::vector<OutRecord> records;
  for (int i = 0; i < count; ++i)
    records.push_back({fmt::format("k{}", i), fmt::format("{}{}", prefix, i), {{"h", "1"}}});
  return records;
}

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    log_.reset();
    auto opened = Log::Open(Options(), fs_, clock_);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    log_ = std::move(*opened);
  }
  LogOptions Options() {
    LogOptions options = options_;
    options.folder = "data/log";
    options.sync_threads = 0;
    options.maintenance_interval_ms = 0;
    options.on_fatal = [this](const Error& error) { fatal_.push_back(error); };
    return options;
  }
  // kill -9: what is in the files stays, no destructor has its say.
  void Kill() {
    fs_.CutPower();
    log_.reset();
    fs_.Restart(io::SimFileSystem::Loss::kNothing);
    Reopen();
  }
  std::vector<std::string> Values(const std::string& topic, PartitionId partition = PartitionId(0),
                                  Offset from = Offset(0)) {
    auto source = log_->OpenSource(topic).value();
    const auto range = source->Readable(partition);
    if (!range) return {range.error().message};
    std::vector<std::string> values;
    for (Offset next = std::max(from, range->begin); next < range->end;) {
      auto block = source->Read(partition, next, range->end, 1 << 20);
      if (!block) return {block.error().message};
      for (const auto& record : block->records)
        values.emplace_back(record.value == nullptr ? "<none>" : record.value_view());
      next = block->next;
    }
    return values;
  }

  io::SimFileSystem fs_{42};
  io::VirtualClock clock_{TimestampUs(1'700'000'000'000'000)};
  LogOptions options_;
  std::vector<Error> fatal_;
  std::unique_ptr<Log> log_;
};

// Uncompressed records are views of what was read: the room is not read into again while a block
// holds it, and taken over when none does.
TEST_F(LogTest, BlocksKeepTheirBytesWhileOthersAreRead) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = 1, .codec = Codec::kNone}));
  const auto append = [&](const std::string& prefix) {
    const auto records = SomeRecords(100, prefix);
    EXPECT_TRUE(log_->Append("t", PartitionId(0), records).has_value());
  };
  append("first");
  append("other");
  auto source = log_->OpenSource("t").value();
  const auto read = [&](int64_t from) {
    return source->Read(PartitionId(0), Offset(from), Offset(from + 100), 1 << 20).value();
  };
  const flow::RecordBlock first = read(0);
  for (int i = 0; i < 3; ++i) {
    const flow::RecordBlock other = read(100);
    for (size_t row = 0; row < 100; ++row) {
      ASSERT_EQ(other.records[row].value_view(), fmt::format("other{}", row));
      ASSERT_EQ(first.records[row].value_view(), fmt::format("first{}", row));
    }
  }
}

TEST_F(LogTest, AppendedRecordsReadBackWithTheirOffsetsAndTime) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = 2}));
  const auto ticket = log_->Append("t", PartitionId(1), SomeRecords(10));
  ASSERT_TRUE(ticket.has_value()) << ticket.error().ToString();
  EXPECT_EQ(ticket->first, Offset(0));
  EXPECT_EQ(ticket->end, Offset(10));
  auto source = log_->OpenSource("t").value();
  EXPECT_EQ(source->partition_count(), 2);
  EXPECT_EQ(source->Readable(PartitionId(1)).value(), (flow::OffsetRange{Offset(0), Offset(10)}));
  const auto block = source->Read(PartitionId(1), Offset(3), Offset(8), 1 << 20).value();
  ASSERT_EQ(block.records.size(), 5u);
  EXPECT_EQ(block.records[0].offset, Offset(3));
  EXPECT_EQ(block.records[0].key_view(), "k3");
  EXPECT_EQ(block.records[4].value_view(), "v7");
  EXPECT_EQ(block.records[0].timestamp, TimestampMs(1'700'000'000'000));
  EXPECT_EQ(block.next, Offset(8));
  EXPECT_EQ(flow::DecodeHeaders(block.records[0].raw_headers).value(),
            (std::vector<flow::Header>{{"h", "1"}}));
}

TEST_F(LogTest, ReadingOutsideTheRangeSaysWhere) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  ASSERT_TRUE(log_->Append("t", PartitionId(0), SomeRecords(3)));
  auto source = log_->OpenSource("t").value();
  EXPECT_EQ(source->Read(PartitionId(0), Offset(4), Offset(9), 1).error().code,
            ErrorCode::kInvalidArgument);
  ASSERT_TRUE(log_->DeleteRecords("t", PartitionId(0), Offset(2)));
  EXPECT_EQ(source->Read(PartitionId(0), Offset(1), Offset(3), 1).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(Values("t"), std::vector<std::string>{"v2"});
  Reopen();
  EXPECT_EQ(Values("t"), std::vector<std::string>{"v2"});
}

TEST_F(LogTest, UnsyncedRecordsAreNotReadable) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  const auto ticket = log_->AppendAsync("t", PartitionId(0), SomeRecords(3)).value();
  EXPECT_EQ(log_->Offsets("t", PartitionId(0))->high_watermark, Offset(0));
  EXPECT_EQ(log_->Offsets("t", PartitionId(0))->end, Offset(3));
  EXPECT_TRUE(Values("t").empty());
  ASSERT_TRUE(log_->Wait(ticket));
  EXPECT_EQ(Values("t").size(), 3u);
}

TEST_F(LogTest, EverythingSurvivesReopeningAndKilling) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .segment_bytes = 1024}));
  std::vector<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(log_->Append("t", PartitionId(0), SomeRecords(3, fmt::format("r{}-", i))));
    for (int k = 0; k < 3; ++k) expected.push_back(fmt::format("r{}-{}", i, k));
    if (i == 20) Reopen();
    if (i == 40) Kill();
  }
  EXPECT_EQ(Values("t"), expected);
  Kill();
  EXPECT_EQ(Values("t"), expected);
  EXPECT_TRUE(log_->DamagedPartitions().empty());
}

TEST_F(LogTest, LogAppendTimeNeverGoesBack) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  const auto first = log_->Append("t", PartitionId(0), SomeRecords(1)).value();
  clock_.Set(TimestampUs(1'600'000'000'000'000));
  EXPECT_EQ(log_->Append("t", PartitionId(0), SomeRecords(1))->log_append_time,
            first.log_append_time);
  Kill();
  EXPECT_EQ(log_->Append("t", PartitionId(0), SomeRecords(1))->log_append_time,
            first.log_append_time);
}

TEST_F(LogTest, TransactionIsReadableWholeOrNotAtAll) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = 3}));
  auto committed = log_->transactions().Begin("owner").value();
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(committed->Append("t", PartitionId(i % 3), {{}, fmt::format("c{}", i), {}}));
  }
  for (int p = 0; p < 3; ++p) EXPECT_TRUE(Values("t", PartitionId(p)).empty());
  ASSERT_TRUE(committed->Commit({"owner", 1, "detail"}));
  for (int p = 0; p < 3; ++p) EXPECT_EQ(Values("t", PartitionId(p)).size(), 10u);

  auto aborted = log_->transactions().Begin("owner").value();
  ASSERT_TRUE(aborted->Append("t", PartitionId(0), {{}, "never", {}}));
  ASSERT_TRUE(aborted->Abort());
  ASSERT_TRUE(log_->Append("t", PartitionId(0), SomeRecords(1, "after")));
  EXPECT_EQ(Values("t").size(), 11u);
  EXPECT_EQ(Values("t").back(), "after0");
  EXPECT_EQ(log_->transactions().LastCommitted("owner").value(),
            (flow::CommitTag{"owner", 1, "detail"}));
  Kill();
  EXPECT_EQ(Values("t").size(), 11u);
  EXPECT_EQ(log_->transactions().LastCommitted("owner").value(),
            (flow::CommitTag{"owner", 1, "detail"}));
}

TEST_F(LogTest, OldSequencesAndOldTransactionsAreFenced) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  auto first = log_->transactions().Begin("o").value();
  ASSERT_TRUE(first->Append("t", PartitionId(0), {{}, "old", {}}));
  auto second = log_->transactions().Begin("o").value();
  EXPECT_EQ(first->Commit({"o", 1, ""}).error().code, ErrorCode::kConflict);
  ASSERT_TRUE(second->Append("t", PartitionId(0), {{}, "new", {}}));
  ASSERT_TRUE(second->Commit({"o", 2, ""}));
  auto third = log_->transactions().Begin("o").value();
  EXPECT_EQ(third->Commit({"o", 2, ""}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Values("t"), std::vector<std::string>{"new"});
}

TEST_F(LogTest, KilledTransactionIsAborted) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  auto open = log_->transactions().Begin("o").value();
  // Enough for batches to have reached the partition.
  for (int i = 0; i < 40; ++i)
    ASSERT_TRUE(open->Append("t", PartitionId(0), {{}, std::string(10'000, 'x'), {}}));
  EXPECT_GT(log_->Offsets("t", PartitionId(0))->end, Offset(0));
  fs_.CutPower();
  open.reset();
  log_.reset();
  fs_.Restart(io::SimFileSystem::Loss::kNothing);
  Reopen();
  ASSERT_TRUE(log_->Append("t", PartitionId(0), SomeRecords(1)));
  EXPECT_EQ(Values("t"), std::vector<std::string>{"v0"});
}

TEST_F(LogTest, ForgottenTagsAreGoneAndOthersStay) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  const auto commit = [&](const std::string& owner, int64_t sequence) {
    auto transaction = log_->transactions().Begin(owner).value();
    ASSERT_TRUE(transaction->Append("t", PartitionId(0), {{}, owner, {}}));
    ASSERT_TRUE(transaction->Commit({owner, sequence, ""}));
  };
  const auto names = [&] {
    std::string all;
    for (const RememberedTag& tag : log_->CommitTags())
      all += fmt::format("{}{} ", tag.owner, tag.sequence);
    return all;
  };
  for (const char* owner : {"d", "c", "b", "a"}) commit(owner, 1);
  const std::vector<RememberedTag> seen = log_->CommitTags();
  EXPECT_EQ(names(), "d1 c1 b1 a1 ");  // the oldest commit first
  commit("c", 2);                      // a newer one than was seen
  const auto open = log_->transactions().Begin("b").value();
  ASSERT_TRUE(log_->ForgetCommitTags(seen));
  EXPECT_EQ(names(), "b1 c2 ");
  EXPECT_EQ(log_->TransactionOwnerCount(), 2U);
  EXPECT_FALSE(log_->transactions().LastCommitted("a").value());
  EXPECT_EQ(Values("t").size(), 5u);
  commit("a", 1);  // begins anew
  Kill();
  EXPECT_EQ(names(), "b1 c2 a1 ");
  EXPECT_EQ(Values("t").size(), 6u);
}

TEST_F(LogTest, ATransactionThatBeganBeforeItsOwnerWasForgottenIsStillFenced) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  auto zombie = log_->transactions().Begin("o").value();
  ASSERT_TRUE(zombie->Append("t", PartitionId(0), {{}, "zombie", {}}));
  auto newer = log_->transactions().Begin("o").value();
  ASSERT_TRUE(newer->Append("t", PartitionId(0), {{}, "new", {}}));
  ASSERT_TRUE(newer->Commit({"o", 1, ""}));
  newer.reset();
  ASSERT_TRUE(log_->ForgetCommitTags(log_->CommitTags()));
  EXPECT_EQ(log_->TransactionOwnerCount(), 0U);
  EXPECT_EQ(zombie->Commit({"o", 1, ""}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Values("t"), std::vector<std::string>{"new"});
}

// Owners that come and go leave neither memory nor bytes on disk.
TEST_F(LogTest, ManyForgottenOwnersTakeNoRoom) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  const std::string detail(4000, 'd');
  uint64_t disk_max = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string owner = fmt::format("dag/d/t/{}", i);
    auto transaction = log_->transactions().Begin(owner).value();
    ASSERT_TRUE(transaction->Commit({owner, 1, detail}));
    transaction.reset();
    if (i % 500 != 0) continue;
    ASSERT_TRUE(log_->ForgetCommitTags(log_->CommitTags()));
    ASSERT_TRUE(log_->RunMaintenance());
    disk_max = std::max(disk_max, log_->DiskBytes());
  }
  EXPECT_LE(log_->TransactionOwnerCount(), 500U);
  EXPECT_LT(disk_max, 10u << 20);  // 40 MB were written
  Kill();
  EXPECT_LE(log_->TransactionOwnerCount(), 500U);
  EXPECT_TRUE(log_->transactions().LastCommitted("dag/d/t/9999").value());
  EXPECT_FALSE(log_->transactions().LastCommitted("dag/d/t/1").value());
}

TEST_F(LogTest, TopicsPersistGrowAndGo) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  EXPECT_EQ(log_->CreateTopic({.name = "t"}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(log_->CreateTopic({.name = "../t"}).error().code, ErrorCode::kInvalidArgument);
  const Uuid id = log_->FindTopic("t")->id;
  ASSERT_TRUE(log_->AlterTopic({.name = "t", .partitions = 3}));
  EXPECT_FALSE(log_->AlterTopic({.name = "t", .partitions = 2}));
  ASSERT_TRUE(log_->Append("t", PartitionId(2), SomeRecords(1)));
  Kill();
  EXPECT_EQ(log_->FindTopic("t")->id, id);
  EXPECT_EQ(Values("t", PartitionId(2)).size(), 1u);
  ASSERT_TRUE(log_->DeleteTopic("t"));
  EXPECT_FALSE(fs_.Exists("data/log/t"));
  Kill();
  EXPECT_EQ(log_->FindTopic("t").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  EXPECT_NE(log_->FindTopic("t")->id, id);
  EXPECT_TRUE(Values("t").empty());
}

// What one thread commits, another must find in all partitions or in none.
TEST_F(LogTest, ACutHoldsAllOfATransactionOrNothing) {
  constexpr int32_t kPartitions = 16;
  constexpr int kTransactions = 300;
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = kPartitions}));
  auto source = log_->OpenSource("t").value();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 1; i <= kTransactions; ++i) {
      auto transaction = log_->transactions().Begin("w").value();
      for (int32_t p = 0; p < kPartitions; ++p)
        EXPECT_TRUE(transaction->Append("t", PartitionId(p), {std::nullopt, "v", {}}));
      EXPECT_TRUE(transaction->Commit({"w", i, ""}));
    }
    done = true;
  });
  int torn = 0;
  while (!done) {
    std::set<int64_t> transactions;
    // Each is a record and a marker, of which the marker may not be readable yet.
    const std::vector<flow::PartitionCut> cuts = source->Cut().value();
    for (const flow::PartitionCut& cut : cuts)
      transactions.insert((cut.readable.end.value + 1) / 2);
    if (transactions.size() > 1) ++torn;
  }
  writer.join();
  EXPECT_EQ(torn, 0);
}

TEST_F(LogTest, APartitionThatHoldsBackRecordsIsPending) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = 2}));
  auto source = log_->OpenSource("t").value();
  const auto pending = [&] {
    const auto cut = source->Cut().value();
    return std::vector<bool>{cut[0].pending, cut[1].pending};
  };
  EXPECT_EQ(pending(), (std::vector<bool>{false, false}));
  ASSERT_TRUE(log_->AppendAsync("t", PartitionId(0), SomeRecords(1)));  // not synced yet
  EXPECT_EQ(pending(), (std::vector<bool>{true, false}));
  ASSERT_TRUE(log_->Flush());
  EXPECT_EQ(pending(), (std::vector<bool>{false, false}));

  auto slow = log_->transactions().Begin("slow").value();
  ASSERT_TRUE(slow->Append("t", PartitionId(1), {std::nullopt, std::string(300 << 10, 'x'), {}}));
  auto quick = log_->transactions().Begin("quick").value();
  for (const int32_t p : {0, 1})
    ASSERT_TRUE(quick->Append("t", PartitionId(p), {std::nullopt, "v", {}}));
  ASSERT_TRUE(quick->Commit({"quick", 1, ""}));
  EXPECT_EQ(source->Cut().value()[0].readable.end, Offset(2));
  EXPECT_EQ(pending(), (std::vector<bool>{false, true}));  // `slow` lies before it
  ASSERT_TRUE(slow->Abort());
  EXPECT_EQ(pending(), (std::vector<bool>{false, false}));
  Kill();
  source = log_->OpenSource("t").value();
  EXPECT_EQ(pending(), (std::vector<bool>{false, false}));
}

}  // namespace
}  // namespace millrace::log
