// What only a real cluster does: abort markers, undecided transactions, fencing, topics that are
// made anew. Run by tests/real/kafka_test.py; skipped unless MILLRACE_TEST_KAFKA names the
// bootstrap servers.
#include <cstdlib>
#include <future>
#include <random>
#include <thread>

#include "kafka/kafka_testing.h"

namespace millrace::kafka {
namespace {

class RealCluster : public testing::Test {
 protected:
  void SetUp() override {
    const char* const servers = std::getenv("MILLRACE_TEST_KAFKA");
    if (servers == nullptr) GTEST_SKIP() << "MILLRACE_TEST_KAFKA is not set";
    settings_.bootstrap_servers = servers;
    settings_.project = fmt::format("t{:08x}", std::random_device()());
    topic_ = settings_.project + "-in";
    client_ = Connect();
    ASSERT_TRUE(Make(topic_));
    writer_ = OpenWriter(*client_);
  }

  std::unique_ptr<Client> Connect() {
    auto client = Client::Connect(settings_);
    EXPECT_TRUE(client) << Said(client.error());
    return std::move(*client);
  }
  static std::unique_ptr<KafkaTransactions> OpenWriter(Client& client) {
    auto writer = KafkaTransactions::Open(client);
    EXPECT_TRUE(writer) << Said(writer.error());
    return std::move(*writer);
  }
  Result<bool> Make(const std::string& name) {
    log::TopicSpec spec;
    spec.name = name;
    return client_->EnsureTopic(spec, true);
  }
  std::unique_ptr<TopicSource> OpenSource(bool settled = false) {
    auto source = TopicSource::Open(*client_, topic_, {.settled = settled});
    EXPECT_TRUE(source) << Said(source.error());
    return std::move(*source);
  }
  std::vector<std::string> ReadAll(TopicSource& source) {
    std::vector<std::string> values;
    auto range = source.Readable(kFirst);
    EXPECT_TRUE(range) << Said(range.error());
    while (range && range->begin < range->end) {
      const auto block = source.Read(kFirst, range->begin, range->end, 1 << 20);
      EXPECT_TRUE(block) << Said(block.error());
      if (!block) break;
      for (std::string& value : ValuesOf(*block)) values.push_back(std::move(value));
      range->begin = block->next;
    }
    return values;
  }
  // A producer of librdkafka's own, in the middle of a transaction with one record.
  std::unique_ptr<Handle> LeaveOpen(const std::string& id) {
    auto handle = Handle::Open(settings_, Handle::Kind::kProducer,
                               {{"transactional.id", id}, {"transaction.timeout.ms", "8000"}});
    EXPECT_TRUE(handle);
    rd_kafka_t* const producer = (*handle)->get();
    EXPECT_EQ(rd_kafka_init_transactions(producer, 30000), nullptr);
    EXPECT_EQ(rd_kafka_begin_transaction(producer), nullptr);
    rd_kafka_topic_t* const topic = rd_kafka_topic_new(producer, topic_.c_str(), nullptr);
    char value[] = "undecided";
    EXPECT_EQ(rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value, 9, nullptr, 0, nullptr), 0);
    rd_kafka_topic_destroy(topic);
    EXPECT_EQ(rd_kafka_flush(producer, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    return std::move(*handle);
  }

  static constexpr PartitionId kFirst{0};
  ClientSettings settings_;
  std::string topic_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<KafkaTransactions> writer_;
};

TEST_F(RealCluster, AnUndecidedTransactionIsNotReadableAndHoldsASettledReaderBack) {
  const auto open = LeaveOpen(settings_.project + ".open");
  const auto source = OpenSource();
  EXPECT_EQ(ReadAll(*source), std::vector<std::string>{});
  const auto extent = client_->Extent(topic_, kFirst);
  ASSERT_TRUE(extent) << Said(extent.error());
  EXPECT_EQ(extent->end, Offset(1));
  const auto settled = OpenSource(true);
  auto answer = std::async(std::launch::async, [&] { return settled->Readable(kFirst); });
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(1)), std::future_status::timeout);
  ASSERT_EQ(rd_kafka_commit_transaction(open->get(), 30000), nullptr);
  const auto range = answer.get();
  ASSERT_TRUE(range) << Said(range.error());
  EXPECT_EQ(range->end, Offset(2));  // the record and its marker
  EXPECT_EQ(ReadAll(*source), std::vector<std::string>{"undecided"});
}

TEST_F(RealCluster, WhatWasAbortedIsPassedOver) {
  ASSERT_TRUE(Write(*writer_, "o", 1, {"a"}, topic_));
  {
    const auto open = LeaveOpen(settings_.project + ".open");
    ASSERT_EQ(rd_kafka_abort_transaction(open->get(), 30000), nullptr);
  }
  ASSERT_TRUE(Write(*writer_, "o", 2, {"b"}, topic_));
  const auto settled = OpenSource(true);
  EXPECT_EQ(ReadAll(*settled), (std::vector<std::string>{"a", "b"}));
  // A range that ends with markers alone is read to its end.
  const auto range = settled->Readable(kFirst);
  ASSERT_TRUE(range);
  const auto block = settled->Read(kFirst, range->end - 1, range->end, 1 << 20);
  ASSERT_TRUE(block) << Said(block.error());
  EXPECT_TRUE(block->records.empty());
  EXPECT_EQ(block->next, range->end);
}

TEST_F(RealCluster, AReplacedProcessIsFencedAndItsTransactionIsNotThere) {
  const auto old = writer_->Begin("o");
  ASSERT_TRUE(old);
  ASSERT_TRUE((*old)->Append(topic_, kFirst, {std::nullopt, "old", {}}));
  const auto client = Connect();
  const auto newer = OpenWriter(*client);
  ASSERT_TRUE(Write(*newer, "o", 5, {"new"}, topic_));
  const Status late = (*old)->Commit({"o", 6, ""});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict) << Said(late.error());
  const auto settled = OpenSource(true);
  EXPECT_EQ(ReadAll(*settled), std::vector<std::string>{"new"});
  // Who was fenced learns what is committed.
  const auto last = writer_->LastCommitted("o");
  ASSERT_TRUE(last) << Said(last.error());
  EXPECT_EQ(*last, (flow::CommitTag{"o", 5, "detail"}));
}

TEST_F(RealCluster, APositionThatIsNotThereIsToldToWhoeverOnlyWaits) {
  ASSERT_TRUE(Write(*writer_, "o", 1, {"a"}, topic_));
  const auto source = OpenSource(true);
  const auto range = source->Readable(kFirst);
  ASSERT_TRUE(range);
  // As after the topic was made anew: the reader stands beyond its end.
  const Offset beyond[] = {range->end + 100};
  EXPECT_TRUE(source->WaitBeyond(beyond, std::chrono::seconds(30)));
  const auto told = source->Readable(kFirst);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kNotFound) << Said(told.error());
}

TEST_F(RealCluster, ATimeIsTheFirstOffsetThatCameThen) {
  ASSERT_TRUE(Write(*writer_, "o", 1, {"a", "b"}, topic_));
  const auto source = OpenSource(true);
  const auto range = source->Readable(kFirst);
  ASSERT_TRUE(range);
  const auto block = source->Read(kFirst, range->begin, range->end, 1 << 20);
  ASSERT_TRUE(block);
  const TimestampMs came = block->records.front().timestamp;
  EXPECT_EQ(*source->OffsetForTime(kFirst, TimestampMs(-5)), Offset(0));
  EXPECT_EQ(*source->OffsetForTime(kFirst, came), Offset(0));
  EXPECT_EQ(*source->OffsetForTime(kFirst, came + 3'600'000), range->end);
}

TEST_F(RealCluster, TopicsAreComparedAndNeverAltered) {
  log::TopicSpec spec;
  spec.name = topic_;
  spec.retention_ms = 1000;
  const auto differs = client_->EnsureTopic(spec, true);
  ASSERT_FALSE(differs);
  EXPECT_EQ(differs.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(differs.error().message.find("retention.ms is -1, the project says 1000"),
            std::string::npos)
      << differs.error().message;
  EXPECT_EQ(client_->DescribeTopic(topic_)->retention_ms, -1);
  EXPECT_EQ(client_->DescribeTopic("absent-" + topic_).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace millrace::kafka
