// Client, transactions and source against librdkafka's mock cluster, which knows no admin calls and
// no abort markers: those are tested against a real one (tests/real).
#include <thread>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
// The mock's header wants the other one before it.
#include <librdkafka/rdkafka_mock.h>

#include "base/hash.h"
#include "kafka/kafka_testing.h"

namespace millrace::kafka {
namespace {

using std::chrono::milliseconds;

// A broker within this process.
class MockCluster {
 public:
  MockCluster() {
    char text[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    cluster_ = rd_kafka_mock_cluster_new(client_, 1);
    rd_kafka_mock_topic_create(cluster_, "__millrace.test.commits", 1, 1);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }
  void MakeTopic(const char* name, int partitions) {
    rd_kafka_mock_topic_create(cluster_, name, partitions, 1);
  }
  ClientSettings settings() const {
    ClientSettings settings;
    settings.bootstrap_servers = rd_kafka_mock_cluster_bootstraps(cluster_);
    settings.project = "test";
    return settings;
  }
  rd_kafka_mock_cluster_t* get() { return cluster_; }

 private:
  rd_kafka_t* client_;
  rd_kafka_mock_cluster_t* cluster_;
};

// The mock cluster has no admin calls: topics are made beforehand.
struct World {
  explicit World(const ClientSettings& settings) {
    auto connected = Client::Connect(settings);
    EXPECT_TRUE(connected) << Said(connected.error());
    client = std::move(*connected);
    auto opened = KafkaTransactions::OpenOnExisting(*client);
    EXPECT_TRUE(opened) << Said(opened.error());
    writer = std::move(*opened);
  }
  std::unique_ptr<Client> client;
  std::unique_ptr<KafkaTransactions> writer;
};

TEST(ClientTest, SaysWhatToCheckWhenNobodyListens) {
  ClientSettings settings;
  settings.bootstrap_servers = "127.0.0.1:1";
  settings.project = "test";
  settings.answer_timeout = milliseconds(1000);
  settings.place = "profiles.cluster.kafka";
  const auto client = Client::Connect(settings);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(Said(client.error()).find("Connection refused"), std::string::npos)
      << Said(client.error());
  EXPECT_NE(client.error().hint.find("profiles.cluster.kafka.bootstrap_servers"),
            std::string::npos);
}

TEST(ClientTest, SaysThatAListenerDoesNotSpeakTls) {
  const MockCluster cluster;
  ClientSettings settings = cluster.settings();
  settings.tls.enabled = true;
  settings.answer_timeout = milliseconds(2000);
  const auto client = Client::Connect(settings);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().hint.find("kafka.tls"), std::string::npos) << Said(client.error());
}

TEST(CommitTagTest, RoundTripsAndRefusesDamage) {
  const flow::CommitTag tag{"dag/users", -5, std::string("a\0b", 3)};
  const auto decoded = DecodeCommitTag("dag/users", EncodeCommitTag(tag));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, tag);
  EXPECT_EQ(DecodeCommitTag("o", "").error().code, ErrorCode::kDamaged);
  EXPECT_EQ(DecodeCommitTag("o", "\x02\x02").error().code, ErrorCode::kDamaged);
}

TEST(TransactionsTest, WhatIsCommittedIsReadInOrderWithHeadersAndPadding) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  const World world(cluster.settings());
  ASSERT_TRUE(Write(*world.writer, "query/q/out", 1, {"a", "bb", "ccc"}, "in"));
  const auto source = TopicSource::Open(*world.client, "in", {});
  ASSERT_TRUE(source);
  const auto range = (*source)->Readable(PartitionId(0));
  ASSERT_TRUE(range) << Said(range.error());
  const auto block = (*source)->Read(PartitionId(0), range->begin, range->end, 1 << 20);
  ASSERT_TRUE(block) << Said(block.error());
  EXPECT_EQ(ValuesOf(*block), (std::vector<std::string>{"a", "bb", "ccc"}));
  const auto headers = flow::DecodeHeaders(block->records[1].raw_headers);
  ASSERT_TRUE(headers);
  EXPECT_EQ(*headers, (std::vector<flow::Header>{{"h", "xbb"}}));
  EXPECT_EQ(block->records[2].key_view(), "kccc");
  for (size_t i = 0; i < flow::kReadPadding; ++i)
    EXPECT_GE(block->records[2].value[block->records[2].value_size + i], 0);
}

TEST(TransactionsTest, ReadingIsRepeatable) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  const World world(cluster.settings());
  ASSERT_TRUE(Write(*world.writer, "o", 1, {"a", "b", "c", "d"}, "in"));
  const auto source = TopicSource::Open(*world.client, "in", {});
  ASSERT_TRUE(source);
  for (int round = 0; round < 3; ++round) {
    const auto block = (*source)->Read(PartitionId(0), Offset(1), Offset(3), 1 << 20);
    ASSERT_TRUE(block) << Said(block.error());
    EXPECT_EQ(ValuesOf(*block), (std::vector<std::string>{"b", "c"}));
    EXPECT_EQ(block->next, Offset(3));
  }
  const auto one = (*source)->Read(PartitionId(0), Offset(0), Offset(4), 1);
  ASSERT_TRUE(one);
  EXPECT_EQ(ValuesOf(*one), (std::vector<std::string>{"a"}));
  EXPECT_EQ(one->next, Offset(1));
}

TEST(TransactionsTest, TagsSurviveTheProcessAndSequencesRise) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  {
    const World world(cluster.settings());
    ASSERT_TRUE(Write(*world.writer, "o", 7, {"a"}, "in"));
    EXPECT_EQ(Write(*world.writer, "o", 7, {"a"}, "in").error().code, ErrorCode::kConflict);
  }
  const World world(cluster.settings());
  const auto last = world.writer->LastCommitted("o");
  ASSERT_TRUE(last) << Said(last.error());
  EXPECT_EQ(*last, (flow::CommitTag{"o", 7, "detail"}));
  EXPECT_EQ(*world.writer->LastCommitted("other"), std::nullopt);
  EXPECT_EQ(Write(*world.writer, "o", 6, {"b"}, "in").error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Write(*world.writer, "o", 8, {"b"}, "in"));
}

TEST(TransactionsTest, NewerTransactionOfAnOwnerTakesTheOldersPlace) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  const World world(cluster.settings());
  auto older = world.writer->Begin("o");
  ASSERT_TRUE(older);
  ASSERT_TRUE((*older)->Append("in", PartitionId(0), {std::nullopt, "old", {}}));
  ASSERT_TRUE(Write(*world.writer, "o", 2, {"new"}, "in"));
  EXPECT_EQ((*older)->Commit({"o", 3, ""}).error().code, ErrorCode::kConflict);
}

TEST(TransactionsTest, TransactionAboveTheMemoryBoundIsRefusedByName) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  ClientSettings settings = cluster.settings();
  settings.transaction_bytes_max = 10;
  const World world(settings);
  const auto transaction = world.writer->Begin("o");
  ASSERT_TRUE(transaction);
  const Status appended =
      (*transaction)->Append("in", std::nullopt, {std::nullopt, std::string(11, 'x'), {}});
  ASSERT_FALSE(appended);
  EXPECT_NE(Said(appended.error()).find("kafka.transaction_bytes"), std::string::npos);
}

TEST(TransactionsTest, KeysGoWhereKafkasPartitionerPutsThem) {
  MockCluster cluster;
  cluster.MakeTopic("four", 4);
  const World world(cluster.settings());
  const auto transaction = world.writer->Begin("o");
  ASSERT_TRUE(transaction);
  ASSERT_TRUE((*transaction)->Append("four", std::nullopt, {"some key", "v", {}}));
  ASSERT_TRUE((*transaction)->Commit({"o", 1, ""}));
  const auto source = TopicSource::Open(*world.client, "four", {});
  ASSERT_TRUE(source);
  for (int32_t p = 0; p < 4; ++p) {
    const auto range = (*source)->Readable(PartitionId(p));
    ASSERT_TRUE(range);
    EXPECT_EQ(range->end > range->begin, p == KafkaPartitionOf("some key", 4)) << p;
  }
}

TEST(SourceTest, WaitingEndsWithWhatComesAndWithWake) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  const World world(cluster.settings());
  const auto source = TopicSource::Open(*world.client, "in", {});
  ASSERT_TRUE(source);
  const Offset start[] = {Offset(0)};
  EXPECT_FALSE((*source)->WaitBeyond(start, milliseconds(300)));
  std::thread waker([&] {
    std::this_thread::sleep_for(milliseconds(100));
    (*source)->Wake();
  });
  EXPECT_FALSE((*source)->WaitBeyond(start, std::chrono::seconds(20)));
  waker.join();
  std::thread producer([&] { EXPECT_TRUE(Write(*world.writer, "o", 1, {"a"}, "in")); });
  EXPECT_TRUE((*source)->WaitBeyond(start, std::chrono::seconds(20)));
  producer.join();
}

TEST(SourceTest, BrokerThatIsAwayIsUnavailableAndComesBack) {
  MockCluster cluster;
  cluster.MakeTopic("in", 1);
  ClientSettings settings = cluster.settings();
  settings.answer_timeout = milliseconds(500);
  const World world(settings);
  ASSERT_TRUE(Write(*world.writer, "o", 1, {"a"}, "in"));
  const auto source = TopicSource::Open(*world.client, "in", {});
  ASSERT_TRUE(source);
  rd_kafka_mock_broker_set_down(cluster.get(), 1);
  const auto read = (*source)->Read(PartitionId(0), Offset(0), Offset(1), 1 << 20);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kUnavailable) << Said(read.error());
  rd_kafka_mock_broker_set_up(cluster.get(), 1);
  for (int i = 0; i < 40; ++i) {
    const auto again = (*source)->Read(PartitionId(0), Offset(0), Offset(1), 1 << 20);
    if (!again) continue;
    EXPECT_EQ(ValuesOf(*again), (std::vector<std::string>{"a"}));
    return;
  }
  FAIL() << "the broker came back, reading did not";
}

}  // namespace
}  // namespace millrace::kafka
