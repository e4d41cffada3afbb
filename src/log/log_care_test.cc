// Damage, full disks, retention, compaction, copies, and many threads at once.
#include <algorithm>
#include <functional>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/sim_file_system.h"
#include "log/inspect.h"
#include "log/log.h"
#include "log/record_batch.h"

namespace millrace::log {
namespace {

using flow::OutRecord;

constexpr std::string_view kSegment0 = "data/log/t/0/00000000000000000000.log";
const PartitionId kFirst(0);

OutRecord Value(std::string value) { return {std::nullopt, std::move(value), {}}; }

class LogCareTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open(std::string folder = "data/log") {
    log_.reset();
    LogOptions options = options_;
    options.folder = std::move(folder);
    options.maintenance_interval_ms = 0;
    options.on_fatal = [this](const Error& error) { fatal_.push_back(error); };
    auto opened = Log::Open(options, fs_, clock_);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    log_ = std::move(*opened);
  }
  void Kill() {
    fs_.CutPower();
    log_.reset();
    fs_.Restart(io::SimFileSystem::Loss::kNothing);
  }
  void AppendSome(int from, int to, size_t padding = 0) {
    for (int i = from; i < to; ++i) {
      const OutRecord record = Value(fmt::format("v{}", i) + std::string(padding, '.'));
      ASSERT_TRUE(log_->Append("t", kFirst, {&record, 1}));
    }
  }
  Result<std::vector<std::pair<std::string, std::string>>> ReadAll(const std::string& topic) {
    MR_ASSIGN(auto source, log_->OpenSource(topic));
    MR_ASSIGN(const auto range, source->Readable(kFirst));
    std::vector<std::pair<std::string, std::string>> records;
    for (Offset next = range.begin; next < range.end;) {
      MR_ASSIGN(const auto block, source->Read(kFirst, next, range.end, 4096));
      for (const auto& record : block.records)
        records.emplace_back(record.key_view(), record.value_view());
      next = block.next;
    }
    return records;
  }
  static constexpr int kBatches = 5;  // of one record, two to a segment
  void GiveUpAnyBatch(const std::function<void(std::string, int)>& damage);
  TopicSpec Plain() {
    TopicSpec spec{.name = "t", .segment_bytes = 1024};
    spec.codec = Codec::kNone;
    return spec;
  }

  io::SimFileSystem fs_{7};
  io::VirtualClock clock_{TimestampUs(1'700'000'000'000'000)};
  LogOptions options_{.sync_threads = 0};
  std::vector<Error> fatal_;
  std::unique_ptr<Log> log_;
};

// One bit anywhere in acknowledged batches: found on the next start or read, named, never served.
TEST_F(LogCareTest, EveryFlippedBitIsReportedNeverServed) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 3);
  Kill();
  const uint64_t size = fs_.FileSize(std::string(kSegment0)).value();
  for (uint64_t byte = 0; byte < size; ++byte) {
    ASSERT_TRUE(fs_.FlipBit(std::string(kSegment0), byte, static_cast<int>(byte % 8)));
    Open();
    const auto records = ReadAll("t");
    ASSERT_FALSE(records.has_value()) << byte;
    EXPECT_EQ(records.error().code, ErrorCode::kDamaged);
    EXPECT_NE(records.error().message.find(kSegment0), std::string::npos);
    EXPECT_EQ(log_->DamagedPartitions().size(), 1u);
    Kill();
    ASSERT_TRUE(fs_.FlipBit(std::string(kSegment0), byte, static_cast<int>(byte % 8)));
  }
  Open();
  EXPECT_EQ(ReadAll("t")->size(), 3u);
}

TEST_F(LogCareTest, AcceptedLossIsSkippedRecordedAndKept) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 3);
  Kill();
  const uint64_t size = fs_.FileSize(std::string(kSegment0)).value();
  ASSERT_TRUE(fs_.FlipBit(std::string(kSegment0), size / 2, 3));
  options_.accept_loss = true;
  Open();
  EXPECT_EQ(ReadAll("t").value(),
            (std::vector<std::pair<std::string, std::string>>{{"", "v0"}, {"", "v2"}}));
  ASSERT_EQ(log_->LostRanges().size(), 1u);
  EXPECT_EQ(log_->LostRanges()[0].begin, Offset(1));
  EXPECT_EQ(log_->LostRanges()[0].end, Offset(2));
  EXPECT_TRUE(fs_.Exists(std::string(kSegment0) + ".damaged"));
  options_.accept_loss = false;
  Open();
  EXPECT_EQ(ReadAll("t")->size(), 2u);
  EXPECT_EQ(log_->LostRanges().size(), 1u);
}

// Whichever batch is damaged, the last of a closed or of the open segment too, and whether a
// checkpoint was stored behind it or not: it alone is given up, and its offset is not used again.
// `damage` flips a bit of the batch that holds "v<number>." in the file.
void LogCareTest::GiveUpAnyBatch(const std::function<void(std::string, int)>& damage) {
  for (const bool closed_cleanly : {true, false}) {
    for (int damaged = 0; damaged < kBatches; ++damaged) {
      SCOPED_TRACE(fmt::format("batch {}, {}", damaged, closed_cleanly ? "closed" : "killed"));
      const std::string topic = fmt::format("x{}{}", closed_cleanly, damaged);
      TopicSpec spec = Plain();
      spec.name = topic;
      ASSERT_TRUE(log_->CreateTopic(spec));
      for (int i = 0; i < kBatches; ++i) {
        const OutRecord record = Value(fmt::format("v{}", i) + std::string(400, '.'));
        ASSERT_TRUE(log_->Append(topic, kFirst, {&record, 1}));
      }
      if (!closed_cleanly) Kill();
      log_.reset();
      damage(fmt::format("data/log/{}/0/{:020}.log", topic, damaged - damaged % 2), damaged);
      EXPECT_FALSE(Inspect(fs_, "data/log")->ok());
      options_.accept_loss = true;
      Open();
      options_.accept_loss = false;
      for (int look = 0; look < 2; ++look, Open()) {
        const auto read = ReadAll(topic);
        ASSERT_TRUE(read) << read.error().ToString();
        EXPECT_EQ(std::ssize(*read), kBatches - 1 + look);
        const auto lost = log_->LostRanges();
        ASSERT_FALSE(lost.empty());
        EXPECT_EQ(lost.back().at.topic, topic);
        EXPECT_EQ(lost.back().begin, Offset(damaged));
        EXPECT_EQ(lost.back().end, Offset(damaged + 1));
        const OutRecord record = Value("after");
        EXPECT_EQ(log_->Append(topic, kFirst, {&record, 1})->first, Offset(kBatches + look));
      }
      ASSERT_TRUE(log_->DeleteTopic(topic));
    }
  }
}

TEST_F(LogCareTest, AnyBatchCanBeGivenUp) {
  GiveUpAnyBatch([&](const std::string& path, int batch) {
    const uint64_t value = io::ReadWholeFile(fs_, path)->find(fmt::format("v{}.", batch));
    ASSERT_TRUE(fs_.FlipBit(path, value + 9, 3));
  });
}

// No checksum covers a batch's first offset (Kafka's format): what stands before and behind it
// tells. The open segment's last batch has nothing behind it, but is behind the one before it.
TEST_F(LogCareTest, ABatchWithAnotherOffsetCanBeGivenUp) {
  for (const int byte : {7, 3}) {
    GiveUpAnyBatch([&](const std::string& path, int batch) {
      std::vector<uint64_t> at;
      ASSERT_TRUE(Inspect(fs_, path, [&](const BatchSummary& it) { at.push_back(it.position); }));
      ASSERT_TRUE(
          fs_.FlipBit(path, at[static_cast<size_t>(batch % 2)] + static_cast<uint64_t>(byte), 4));
    });
  }
}

TEST_F(LogCareTest, TornTailIsCutAtEveryByte) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 2);
  Kill();
  const std::string whole = io::ReadWholeFile(fs_, std::string(kSegment0)).value();
  const std::string index = std::string(kSegment0.substr(0, kSegment0.size() - 4)) + ".index";
  ASSERT_TRUE(fs_.RemoveFile(index));  // else it proves that the tail was synced
  for (size_t size = whole.size() / 2; size < whole.size(); ++size) {
    {
      auto file = fs_.OpenForWrite(std::string(kSegment0), io::OpenMode::kTruncate).value();
      ASSERT_TRUE(file->Append(std::string_view(whole).substr(0, size)));
    }
    Open();
    ASSERT_TRUE(log_->DamagedPartitions().empty()) << size;
    EXPECT_EQ(ReadAll("t")->size(), 1u) << size;
    Kill();
    ASSERT_TRUE(fs_.RemoveFile(index));
  }
}

TEST_F(LogCareTest, FailedSyncStopsTheLog) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 1);
  fs_.FailAt(fs_.operations() + 3);  // append to the segment, then its sync... or the index
  Status first;
  for (int i = 0; i < 4 && fatal_.empty(); ++i) {
    const OutRecord record = Value("x");
    if (auto ticket = log_->Append("t", kFirst, {&record, 1}); !ticket)
      first = std::unexpected(ticket.error());
    fs_.FailAt(fs_.operations() + 2);
  }
  ASSERT_EQ(fatal_.size(), 1u);
  EXPECT_FALSE(first.has_value());
  const OutRecord record = Value("y");
  EXPECT_FALSE(log_->Append("t", kFirst, {&record, 1}).has_value());
  EXPECT_EQ(fatal_.size(), 1u) << "a failed sync is not tried again";
}

TEST_F(LogCareTest, FullDiskRefusesAppendsAndKeepsReads) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 3);
  fs_.SetDiskBytes(fs_.used_bytes() + 40);  // not even a header
  const OutRecord record = Value("no room");
  EXPECT_EQ(log_->Append("t", kFirst, {&record, 1}).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ReadAll("t")->size(), 3u);
  fs_.SetDiskBytes(UINT64_MAX);
  AppendSome(3, 5);
  EXPECT_EQ(ReadAll("t")->size(), 5u);
  Kill();
  Open();
  EXPECT_EQ(ReadAll("t")->size(), 5u);
  EXPECT_TRUE(log_->DamagedPartitions().empty());
}

// The disk fills up at any byte: what was refused is not there, what was accepted is, and appends
// go on by themselves when there is room again.
TEST_F(LogCareTest, ADiskThatFillsUpAnywhereRefusesWholeAppends) {
  options_.checkpoint_bytes = 600;
  Open();
  for (uint64_t room = 0; room < 3000; room += 41) {
    SCOPED_TRACE(fmt::format("{} bytes of room", room));
    TopicSpec spec = Plain();
    spec.name = fmt::format("t{}", room);
    ASSERT_TRUE(log_->CreateTopic(spec));
    fs_.SetDiskBytes(fs_.used_bytes() + room);
    std::vector<std::string> accepted;
    int refused = 0;
    for (int i = 0; i < 12; ++i) {
      if (i == 10) fs_.SetDiskBytes(UINT64_MAX);
      const std::string value = fmt::format("v{}", i) + std::string(300, '.');
      const OutRecord record = Value(value);
      const auto ticket = log_->Append(spec.name, kFirst, {&record, 1});
      if (ticket) {
        accepted.push_back(value);
        continue;
      }
      ASSERT_EQ(ticket.error().code, ErrorCode::kResourceExhausted) << ticket.error().ToString();
      ASSERT_LT(i, 10) << "there is room again";
      ++refused;
    }
    EXPECT_GT(refused, 0);
    for (const bool killed : {false, true}) {
      if (killed) {
        Kill();
        Open();
      }
      const auto records = ReadAll(spec.name);
      ASSERT_TRUE(records) << records.error().ToString();
      std::vector<std::string> read;
      for (const auto& [key, value] : *records) read.push_back(value);
      EXPECT_EQ(read, accepted);
    }
    EXPECT_TRUE(fatal_.empty());
  }
}

// Any write that fails, or is cut short, refuses its append and harms no other.
// A start on a full disk closes no partition: the index it cannot write is not needed.
TEST_F(LogCareTest, AStartOnAFullDiskGoesOnWhenThereIsRoom) {
  for (const uint64_t room : {0, 12, 50}) {
    SCOPED_TRACE(fmt::format("{} bytes of room", room));
    TopicSpec spec = Plain();
    spec.name = fmt::format("s{}", room);
    ASSERT_TRUE(log_->CreateTopic(spec));
    const OutRecord record = Value("v");
    ASSERT_TRUE(log_->Append(spec.name, kFirst, {&record, 1}));
    Kill();
    ASSERT_TRUE(fs_.RemoveFile(fmt::format("data/log/{}/0/{:020}.index", spec.name, 0)));
    fs_.SetDiskBytes(fs_.used_bytes() + room);
    Open();
    EXPECT_EQ(ReadAll(spec.name)->size(), 1u);
    EXPECT_EQ(log_->Append(spec.name, kFirst, {&record, 1}).error().code,
              ErrorCode::kResourceExhausted);
    fs_.SetDiskBytes(UINT64_MAX);
    EXPECT_TRUE(log_->Append(spec.name, kFirst, {&record, 1}));
    EXPECT_EQ(ReadAll(spec.name)->size(), 2u);
  }
}

TEST_F(LogCareTest, FailedAndShortWritesHarmNothingElse) {
  for (const bool is_short : {false, true}) {
    for (uint64_t at = 1; at <= 12; ++at) {
      SCOPED_TRACE(fmt::format("operation {} {}", at, is_short ? "is short" : "fails"));
      TopicSpec spec = Plain();
      spec.name = fmt::format("t{}-{}", is_short, at);
      ASSERT_TRUE(log_->CreateTopic(spec));
      if (is_short) fs_.ShortenWriteAt(fs_.operations() + at);
      if (!is_short) fs_.FailAt(fs_.operations() + at);
      std::vector<std::string> accepted;
      for (int i = 0; i < 6; ++i) {
        const std::string value = fmt::format("v{}", i) + std::string(300, '.');
        const OutRecord record = Value(value);
        if (log_->Append(spec.name, kFirst, {&record, 1})) accepted.push_back(value);
      }
      Kill();
      Open();
      const auto records = ReadAll(spec.name);
      ASSERT_TRUE(records) << records.error().ToString();
      std::vector<std::string> read;
      for (const auto& [key, value] : *records) read.push_back(value);
      // Only a sync that failed may leave what it was for.
      for (const std::string& value : accepted)
        EXPECT_NE(std::ranges::find(read, value), read.end()) << value.substr(0, 2);
      if (fatal_.empty()) {
        EXPECT_EQ(read, accepted);
      }
      fatal_.clear();
    }
  }
}

TEST_F(LogCareTest, DiskBudgetRefusesAppends) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 2);
  options_.disk_budget_bytes = log_->DiskBytes() + 10;
  Open();
  const OutRecord record = Value("too much");
  EXPECT_EQ(log_->Append("t", kFirst, {&record, 1}).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ReadAll("t")->size(), 2u);
}

TEST_F(LogCareTest, RetentionStopsAtPinsUnlessForced) {
  TopicSpec spec = Plain();
  spec.retention_ms = 1000;
  ASSERT_TRUE(log_->CreateTopic(spec));
  AppendSome(0, 6, 500);
  clock_.Advance(std::chrono::seconds(10));
  AppendSome(6, 7, 500);
  log_->SetPin("query", {"t", kFirst}, Offset(2));
  ASSERT_TRUE(log_->RunMaintenance());
  EXPECT_LE(log_->Offsets("t", kFirst)->start, Offset(2));
  EXPECT_EQ(log_->DeleteRecords("t", kFirst, Offset(3)).error().code, ErrorCode::kConflict);
  spec.force_retention = true;
  ASSERT_TRUE(log_->AlterTopic(spec));
  ASSERT_TRUE(log_->RunMaintenance());
  EXPECT_GT(log_->Offsets("t", kFirst)->start, Offset(2));
  ASSERT_FALSE(log_->LostRanges().empty());
  EXPECT_EQ(log_->LostRanges()[0].begin, Offset(2));
  EXPECT_EQ(ReadAll("t")->back().second.substr(0, 2), "v6");
}

TEST_F(LogCareTest, CompactionKeepsTheLastOfEachKeyAtItsOffset) {
  TopicSpec spec = Plain();
  spec.cleanup = Cleanup::kCompact;
  spec.delete_retention_ms = 5000;
  ASSERT_TRUE(log_->CreateTopic(spec));
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 60; ++i) {
    const std::string key = fmt::format("k{}", i % 7);
    auto transaction = log_->transactions().Begin("o").value();
    const std::string value = fmt::format("{}-{}", key, i);
    ASSERT_TRUE(transaction->Append("t", kFirst, {key, value, {}}));
    if (i % 5 == 4) continue;  // aborted
    ASSERT_TRUE(transaction->Commit({"o", i + 1, ""}));
    expected[key] = value;
  }
  const OutRecord tombstone{"k0", std::nullopt, {}};
  ASSERT_TRUE(log_->Append("t", kFirst, {&tombstone, 1}));
  expected["k0"] = "";
  const size_t before = ReadAll("t")->size();
  const auto end = log_->Offsets("t", kFirst)->last_stable;
  ASSERT_TRUE(log_->RunMaintenance());
  for (int round = 0; round < 2; ++round) {
    const auto records = ReadAll("t").value();
    EXPECT_LT(records.size(), before);
    std::map<std::string, std::string> newest(records.begin(), records.begin());
    for (const auto& [key, value] : records) newest[key] = value;
    EXPECT_EQ(newest, expected);
    EXPECT_EQ(log_->Offsets("t", kFirst)->last_stable, end);
    Kill();
    // Without the checkpoint everything is read anew, compacted segments too.
    if (round == 0) {
      ASSERT_TRUE(fs_.RemoveFile("data/log/t/0/checkpoint"));
    }
    Open();
  }
  EXPECT_TRUE(Inspect(fs_, "data/log")->ok());
}

TEST_F(LogCareTest, CopyOpensWithTheSameRecords) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  AppendSome(0, 9, 300);
  auto transaction = log_->transactions().Begin("o").value();
  ASSERT_TRUE(transaction->Append("t", kFirst, Value("in")));
  ASSERT_TRUE(transaction->Commit({"o", 1, "d"}));
  const auto before = ReadAll("t").value();
  ASSERT_TRUE(log_->Checkpoint("data/copy"));
  AppendSome(9, 30, 300);
  EXPECT_TRUE(Inspect(fs_, "data/copy")->ok());
  Open("data/copy");
  EXPECT_EQ(ReadAll("t").value(), before);
  EXPECT_EQ(log_->transactions().LastCommitted("o").value()->sequence, 1);
}

TEST_F(LogCareTest, IndexIsRebuiltWhenMissingOrStale) {
  TopicSpec spec = Plain();
  spec.segment_bytes = 200'000;
  ASSERT_TRUE(log_->CreateTopic(spec));
  AppendSome(0, 300, 2000);
  const Offset middle = log_->OffsetForTime("t", kFirst, TimestampMs(1'700'000'000'000)).value();
  EXPECT_EQ(middle, Offset(0));
  Kill();
  const std::string index = "data/log/t/0/00000000000000000000.index";
  ASSERT_TRUE(fs_.FlipBit(index, 60, 1));
  Open();
  EXPECT_EQ(ReadAll("t")->size(), 300u);
  Kill();
  ASSERT_TRUE(fs_.RemoveFile(index));
  Open();
  auto source = log_->OpenSource("t").value();
  EXPECT_EQ(
      source->Read(kFirst, Offset(50), Offset(51), 1)->records.at(0).value_view().substr(0, 3),
      "v50");
  EXPECT_TRUE(fs_.Exists(index));
}

TEST_F(LogCareTest, TimeLeadsToTheFirstRecordAtOrAfterIt) {
  ASSERT_TRUE(log_->CreateTopic(Plain()));
  for (int i = 0; i < 40; ++i) {
    clock_.Set(TimestampUs(1'700'000'000'000'000 + i * 1'000'000));
    AppendSome(i, i + 1, 100);
  }
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(log_->OffsetForTime("t", kFirst, TimestampMs(1'700'000'000'000 + i * 1000)).value(),
              Offset(i));
  }
  EXPECT_EQ(log_->OffsetForTime("t", kFirst, TimestampMs(1'800'000'000'000)).value(), Offset(40));
}

std::string Produced(Producer producer, int32_t sequence, int count) {
  BatchBuilder builder(Codec::kLz4);
  for (int i = 0; i < count; ++i) builder.Add(Value(fmt::format("s{}", sequence + i)));
  return builder.Finish({producer, sequence, false}).value();
}

TEST_F(LogCareTest, BatchSentTwiceIsStoredOnceAlsoAfterARestart) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  const Producer producer = log_->NewProducer().value();
  const auto send = [&](Producer p, int32_t sequence, int count) {
    return log_->AppendBatchAsync("t", kFirst, Produced(p, sequence, count));
  };
  ASSERT_TRUE(send(producer, 0, 2));
  const auto second = send(producer, 2, 3).value();
  ASSERT_TRUE(log_->Wait(second));
  EXPECT_EQ(send(producer, 9, 1).error().code, ErrorCode::kConflict);
  Kill();
  Open();
  const auto again = send(producer, 2, 3).value();
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.first, second.first);
  EXPECT_EQ(log_->Offsets("t", kFirst)->end, Offset(5));
  const Producer newer{producer.id, ProducerEpoch(1)};
  ASSERT_TRUE(send(newer, 0, 1));
  EXPECT_EQ(send(producer, 5, 1).error().code, ErrorCode::kConflict);
  EXPECT_NE(log_->NewProducer()->id, producer.id);
}

TEST_F(LogCareTest, MalformedProducedBatchesAreRefused) {
  ASSERT_TRUE(log_->CreateTopic({.name = "t"}));
  const std::string good = Produced({}, -1, 3);
  for (const std::string& bad : {std::string("x"), good + "x", good + good, good.substr(0, 70),
                                 BuildMarker({ProducerId(1), ProducerEpoch(0)}, true)}) {
    EXPECT_EQ(log_->AppendBatchAsync("t", kFirst, bad).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(log_->Offsets("t", kFirst)->end, Offset(0));
}

// Four writers (two of them transactional), two readers, group commit by threads: every reader sees
// each writer's records in order, whole transactions, once.
TEST_F(LogCareTest, ManyThreadsAppendCommitAndRead) {
  options_.sync_threads = 3;
  Open();
  ASSERT_TRUE(log_->CreateTopic({.name = "t", .partitions = 2, .segment_bytes = 20'000}));
  constexpr int kRounds = 60;
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < 4; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < kRounds; ++i) {
        const std::string value = fmt::format("{}:{}", writer, i);
        if (writer < 2) {
          const OutRecord record = Value(value);
          ASSERT_TRUE(log_->Append("t", PartitionId(writer), {&record, 1}));
          continue;
        }
        auto transaction = log_->transactions().Begin(fmt::format("w{}", writer)).value();
        for (int p = 0; p < 2; ++p)
          ASSERT_TRUE(transaction->Append("t", PartitionId(p), Value(value)));
        ASSERT_TRUE(transaction->Commit({fmt::format("w{}", writer), i + 1, ""}));
      }
    });
  }
  auto source = log_->OpenSource("t").value();
  std::vector<Offset> next(2, Offset(0));
  std::map<std::pair<int, std::string>, int> seen;  // (partition, writer) -> next expected round
  int total = 0;
  while (total < kRounds * 6) {
    ASSERT_TRUE(source->WaitBeyond(next, std::chrono::seconds(60)));
    for (int p = 0; p < 2; ++p) {
      const auto range = source->Readable(PartitionId(p)).value();
      if (range.end == next[p]) continue;
      const auto block = source->Read(PartitionId(p), next[p], range.end, 1 << 20).value();
      for (const auto& record : block.records) {
        const std::string value(record.value_view());
        EXPECT_EQ(std::stoi(value.substr(2)), seen[std::pair(p, value.substr(0, 1))]++);
        ++total;
      }
      next[p] = block.next;
    }
  }
  threads.clear();
  EXPECT_EQ(total, kRounds * 6);
}

}  // namespace
}  // namespace millrace::log
