// The streaming query over a world in memory: whatever the cuts, chunks, threads and deaths, tables
// and dead letters are those of one undisturbed run.
#include "engine/stream/query.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "engine/stream/plan_change.h"
#include "engine/stream/testing_plans.h"
#include "engine/stream/testing_world.h"

namespace millrace::engine {
namespace {

using namespace std::chrono_literals;
using testing::FakeWorld;

// What a run must come to, whatever happened to it on the way.
struct Outcome {
  testing::FakeTables tables;
  std::vector<std::string> letters;
  std::vector<std::string> copies;  // of the topic sink, sorted
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome OutcomeOf(const FakeWorld& world) {
  Outcome outcome;
  outcome.tables = world.store.tables();
  outcome.letters = testing::Summaries(world.DeadLetters("dead"));
  for (const flow::OutRecord& record : world.topics.records("copy"))
    outcome.copies.push_back(record.value.value_or("NULL"));
  std::ranges::sort(outcome.copies);
  return outcome;
}

struct Input {
  int32_t partition;
  std::optional<std::string> value;
  int64_t timestamp_ms;
};

// Records good and bad: malformed, tombstones, numbers that are none, NULL keys, impossible scores,
// several tags.
std::vector<Input> SomeInput(uint64_t seed, size_t count, int32_t partitions) {
  testing::Dice dice(seed);
  std::vector<Input> input;
  int64_t now_ms = 1'000'000;
  for (size_t i = 0; i < count; ++i) {
    now_ms += static_cast<int64_t>(dice.Below(3));
    Input record{static_cast<int32_t>(dice.Below(static_cast<uint64_t>(partitions))), {}, now_ms};
    const uint64_t kind = dice.Below(20);
    const std::string id = kind == 0 ? "null" : fmt::format("\"id{}\"", dice.Below(40));
    const std::string score = kind == 1   ? "\"many\""
                              : kind == 2 ? "\"-7\""
                                          : fmt::format("\"{}\"", dice.Below(90));
    std::string tags;
    for (uint64_t tag = dice.Below(4); tag > 0; --tag)
      tags += fmt::format("{}\"t{}\"", tags.empty() ? "" : ",", dice.Below(3));
    record.value = fmt::format(R"({{"id":{},"kind":"{}","score":{},"tags":[{}]}})", id,
                               "abcd"[dice.Below(4)], score, tags);
    if (kind == 3) record.value = record.value->substr(0, record.value->size() / 2);
    if (kind == 4) record.value.reset();
    input.push_back(std::move(record));
  }
  return input;
}

void Feed(FakeWorld& world, std::span<const Input> input) {
  for (const Input& record : input) {
    world.topic("in").Append(record.partition, "key", record.value, record.timestamp_ms);
    if (record.timestamp_ms % 7 == 0) world.topic("in").Skip(record.partition);
  }
}

Result<std::unique_ptr<StreamingQuery>> StartTags(FakeWorld& world) {
  QuerySpec spec = testing::TagsQuery(world);  // wires the world's look-ups
  return StreamingQuery::Start(std::move(spec), world.World());
}

Outcome UndisturbedRun(std::span<const Input> input, int32_t partitions) {
  FakeWorld world;
  world.AddTopic("in", partitions);
  Feed(world, input);
  QuerySpec spec = testing::TagsQuery(world);
  spec.settings.threads = 1;
  spec.settings.epoch_bytes_max = size_t{1} << 30;
  spec.settings.chunk_rows_max = 1'000'000;
  auto query = StreamingQuery::Start(std::move(spec), world.World());
  EXPECT_TRUE(query.has_value()) << query.error().ToString();
  EXPECT_TRUE((*query)->CatchUp(10s).has_value());
  EXPECT_TRUE((*query)->Drain().has_value());
  EXPECT_EQ((*query)->Metrics().epochs, 1u);
  return OutcomeOf(world);
}

TEST(StreamingQueryTest, GivesWhatTheRecordsSay) {
  FakeWorld world;
  world.AddTopic("in", 1);
  {
    auto& topic = world.topic("in");
    topic.Append(0, "k", R"({"id":"x","kind":"a","score":"5","tags":["p","q"]})", 10);
    topic.Append(0, "k", R"({"id":"x","kind":"b","score":"6","tags":["p"]})", 10);
    topic.Append(0, "k", R"({"id":"y","kind":"d","score":"6","tags":["p"]})", 11);
    topic.Append(0, "k", R"({"id":"y","kind":"c","score":"6","tags":[]})", 11);
    topic.Append(0, "k", R"({"id":"z","kind":"a","score":"-5","tags":["p"]})", 11);
    topic.Append(0, "k", R"({"id":null,"kind":"a","score":"5","tags":["p"]})", 11);
    topic.Append(0, "k", R"({"id":"w","kind":"a","score":"5x","tags":["p"]})", 11);
    topic.Append(0, "k", R"({"id":)", 12);
  }
  auto query = StartTags(world);
  ASSERT_TRUE(query.has_value()) << query.error().ToString();
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  ASSERT_TRUE((*query)->Drain().has_value());
  const testing::FakeTables expected = {
      {{"t1", "x|p|"}, {10001, "6|bee|"}},     {{"t1", "x|q|"}, {10000, "5|ay|"}},
      {{"t1", "y|NULL|"}, {11001, "6|NULL|"}}, {{"t2", "x|"}, {10001, "p|6|bee|"}},
      {{"t2", "y|"}, {11001, "NULL|6|NULL|"}},
  };
  EXPECT_EQ(world.store.tables(), expected);
  const auto letters = testing::Summaries(world.DeadLetters("dead"));
  ASSERT_EQ(letters.size(), 4u);
  EXPECT_TRUE(letters[0].starts_with("in/0@4#0 expect EXPECT_positive")) << letters[0];
  EXPECT_TRUE(letters[1].starts_with("in/0@5#0 table t1 NULL_KEY")) << letters[1];
  EXPECT_TRUE(letters[2].starts_with("in/0@6#0 expression CAST_INVALID_INPUT")) << letters[2];
  EXPECT_TRUE(letters[3].starts_with("in/0@7#0 parse MALFORMED_JSON")) << letters[3];
  const QueryMetrics metrics = (*query)->Metrics();
  EXPECT_EQ(metrics.records_in, 8u);
  EXPECT_EQ(metrics.rows_out, 4u);
  EXPECT_EQ(metrics.rejected, 4u);
  EXPECT_EQ(metrics.partitions[0].lag_records, 0);
}

TEST(StreamingQueryTest, CutsChunksAndThreadsChangeNothing) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const auto input = SomeInput(seed, 400, 3);
    const Outcome expected = UndisturbedRun(input, 3);
    ASSERT_FALSE(expected.tables.empty());
    ASSERT_FALSE(expected.letters.empty());
    testing::Dice dice(seed * 77);
    FakeWorld world;
    world.AddTopic("in", 3);
    QuerySpec spec = testing::TagsQuery(world);
    spec.settings.threads = 1 + static_cast<int>(dice.Below(4));
    spec.settings.epoch_bytes_max = 200 + dice.Below(5000);
    spec.settings.chunk_rows_max = 1 + dice.Below(40);
    auto query = StreamingQuery::Start(std::move(spec), world.World());
    ASSERT_TRUE(query.has_value()) << query.error().ToString();
    for (size_t at = 0; at < input.size();) {
      const size_t count = std::min(1 + dice.Below(60), input.size() - at);
      Feed(world, std::span(input).subspan(at, count));
      at += count;
      if (dice.Below(2) == 0) {
        ASSERT_TRUE((*query)->CatchUp(10s).has_value());
      }
    }
    ASSERT_TRUE((*query)->CatchUp(10s).has_value());
    ASSERT_TRUE((*query)->Drain().has_value());
    EXPECT_EQ(OutcomeOf(world), expected) << "seed " << seed;
  }
}

// Runs until a death after `steps` steps; true when it lived to the end.
bool LiveFor(FakeWorld& world, int64_t steps, testing::Dice& dice) {
  QuerySpec spec = testing::TagsQuery(world);
  spec.settings.threads = 1 + static_cast<int>(dice.Below(2));
  spec.settings.epoch_bytes_max = 500 + dice.Below(4000);
  world.crash.After(steps);
  auto query = StreamingQuery::Start(std::move(spec), world.World());
  if (!query.has_value()) {
    EXPECT_TRUE(world.crash.dead()) << query.error().ToString();
    return false;
  }
  const bool through = (*query)->CatchUp(10s).has_value();
  EXPECT_TRUE(through || world.crash.dead());
  return through && (*query)->Drain().has_value();
}

TEST(StreamingQueryTest, DeathAtAnyStepLosesAndDoublesNothing) {
  const auto input = SomeInput(5, 120, 2);
  const Outcome expected = UndisturbedRun(input, 2);
  int deaths = 0;
  for (int64_t step = 1; step < 60; ++step) {
    for (const int flush_every : {0, 1, 3}) {
      testing::Dice dice(static_cast<uint64_t>(step * 10 + flush_every));
      FakeWorld world;
      world.AddTopic("in", 2);
      world.store.FlushEvery(flush_every);
      size_t fed = 0;
      for (int life = 0; fed < input.size() || life == 0; ++life) {
        const size_t count = std::min(20 + dice.Below(60), input.size() - fed);
        Feed(world, std::span(input).subspan(fed, count));
        fed += count;
        // Dies in the first lives at `step`, later at random steps.
        const int64_t steps = life == 0 ? step : static_cast<int64_t>(1 + dice.Below(40));
        if (!LiveFor(world, steps, dice)) ++deaths;
        world.Reboot(dice.Below(100));
      }
      ASSERT_TRUE(LiveFor(world, -1, dice));
      ASSERT_EQ(OutcomeOf(world), expected) << "step " << step << " flush " << flush_every;
    }
  }
  EXPECT_GT(deaths, 200);
}

TEST(StreamingQueryTest, WaitsForASinkThatIsFull) {
  FakeWorld world;
  world.AddTopic("in", 1);
  world.topic("in").Append(0, "k", "broken", 10);
  world.topics.RefuseCommits(3);
  auto query = StartTags(world);
  ASSERT_TRUE(query.has_value());
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  EXPECT_EQ(world.DeadLetters("dead").size(), 1u);
}

TEST(StreamingQueryTest, AChangedDefinitionMustBeAccepted) {
  FakeWorld world;
  world.AddTopic("in", 1);
  world.topic("in").Append(0, "k", R"({"id":"x","kind":"a","score":"5","tags":["p"]})", 10);
  {
    auto query = StartTags(world);
    ASSERT_TRUE(query.has_value());
    ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  }
  world.Reboot(0);  // nothing was flushed
  QuerySpec changed = testing::TagsQuery(world);
  changed.definition = "changed";
  changed.expectations.clear();
  const auto refused = StreamingQuery::Start(changed, world.World());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);

  auto stored = StoredRun::Load("tags", world.World());
  ASSERT_TRUE(stored.has_value());
  ASSERT_EQ(stored->unflushed.size(), 1u);
  EXPECT_EQ(stored->unflushed[0].text, testing::TagsQuery(world).definition);
  EXPECT_FALSE(AcceptDefinition(changed, world.World()).has_value());
  ASSERT_TRUE(StreamingQuery::Replay(testing::TagsQuery(world), world.World()).has_value());
  ASSERT_TRUE(world.store.Flush().has_value());
  EXPECT_EQ(CompareDefinitions(testing::TagsQuery(world), changed).kind,
            PlanChange::Kind::kCompatible);
  ASSERT_TRUE(AcceptDefinition(changed, world.World()).has_value());

  world.topic("in").Append(0, "k", R"({"id":"y","kind":"a","score":"-5","tags":["p"]})", 11);
  for (int life = 0; life < 2; ++life) {  // also after its unflushed epochs were lost
    auto query = StreamingQuery::Start(changed, world.World());
    ASSERT_TRUE(query.has_value()) << query.error().ToString();
    ASSERT_TRUE((*query)->CatchUp(10s).has_value());
    ASSERT_TRUE((*query)->Drain().has_value());
    EXPECT_EQ(world.store.tables().count({"t2", "y|"}), 1u);
    EXPECT_EQ(world.store.tables().count({"t2", "x|"}), 1u);
    query->reset();
    world.Reboot(100);
  }
}

TEST(StreamingQueryTest, ADroppedQueryBeginsAgainAndItsSinksGoOn) {
  FakeWorld world;
  world.AddTopic("in", 1);
  world.topic("in").Append(0, "k", "broken", 10);
  for (int life = 1; life <= 2; ++life) {
    auto query = StartTags(world);
    ASSERT_TRUE(query.has_value());
    ASSERT_TRUE((*query)->CatchUp(10s).has_value());
    query->reset();
    ASSERT_TRUE(DropQuery("tags", world.World()).has_value());
    EXPECT_EQ(world.DeadLetters("dead").size(), static_cast<size_t>(life));
  }
}

TEST(StreamingQueryTest, MissingIntentsAndACutLogAreDamage) {
  FakeWorld world;
  world.AddTopic("in", 1);
  for (int i = 0; i < 3; ++i) world.topic("in").Append(0, "k", "broken", 10);
  {
    auto query = StartTags(world);
    ASSERT_TRUE(query.has_value());
    ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  }
  ASSERT_TRUE(world.store.Flush().has_value());
  world.AddTopic("in", 1);  // an empty log in its place
  const auto query = StartTags(world);
  ASSERT_FALSE(query.has_value());
  EXPECT_EQ(query.error().code, ErrorCode::kDamaged);
}

}  // namespace
}  // namespace millrace::engine
