// Window aggregates against a naive reference that replays the stored intents row by row.
#include <gtest/gtest.h>

#include "engine/stream/query.h"
#include "engine/stream/testing_plans.h"
#include "engine/stream/testing_world.h"
#include "engine/stream/watermark.h"

namespace millrace::engine {
namespace {

using namespace std::chrono_literals;
using testing::FakeWorld;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kBase = 1'699'999'980 * kSecond;  // a whole minute

struct Shape {
  int64_t size_us;
  int64_t slide_us;
  int64_t delay_us;
  Emit emit;
};

QuerySpec WindowQuery(FakeWorld& world, const Shape& shape) {
  QuerySpec spec;
  spec.name = "windows";
  spec.plan = testing::CountByWindow("in", shape.size_us, shape.slide_us, shape.delay_us);
  spec.tables = {{"w", std::make_shared<testing::FakeTableWriter>("w", 2)}};
  spec.dead_letters = {"dead", &world.topics};
  spec.late = {"late", &world.topics};
  spec.settings.emit = shape.emit;
  spec.settings.epoch_interval_max = 0us;
  spec.settings.idle_timeout = 10s;
  return spec;
}

struct Event {
  int32_t partition;
  int64_t time_us;  // event time
  std::string key;
  int64_t value;
};

// What the stored intents must come to, one row at a time.
class Reference {
 public:
  Reference(const std::vector<Event>& events, const Shape& shape) : shape_(shape) {
    for (const Event& event : events) logs_[event.partition].push_back(event);
  }

  void Run(const std::vector<flow::EpochIntent>& intents) {
    for (const flow::EpochIntent& intent : intents) RunEpoch(intent);
  }

  testing::FakeTables tables() const { return tables_; }
  std::multiset<std::pair<int32_t, int64_t>> late;  // (partition, offset)
  size_t open() const { return groups_.size(); }

 private:
  struct Group {
    int64_t count = 0;
    int64_t sum = 0;
    int64_t max = INT64_MIN;
    std::pair<std::pair<int32_t, int64_t>, int64_t> first{{INT32_MAX, 0}, 0};
    bool changed = false;
  };
  using GroupKey = std::pair<int64_t, std::string>;

  void RunEpoch(const flow::EpochIntent& intent) {
    std::vector<flow::Position> positions;
    for (const auto& range : intent.ranges) {
      flow::Position position = range.start;
      position.watermark_us = watermarks_.contains(position.at.partition.value)
                                  ? watermarks_[position.at.partition.value]
                                  : kNoWatermark;
      positions.push_back(position);
    }
    const int64_t in_force = AdvanceWatermark(watermark_, positions);
    for (size_t i = 0; i < positions.size(); ++i) {
      const int32_t partition = positions[i].at.partition.value;
      for (int64_t at = intent.ranges[i].start.next.value; at < intent.ranges[i].end.value; ++at) {
        const Event& event = logs_[partition][static_cast<size_t>(at)];
        Take(event, partition, at, in_force);
        positions[i].watermark_us =
            std::max(positions[i].watermark_us, event.time_us - shape_.delay_us);
        positions[i].idle = false;
      }
      watermarks_[partition] = positions[i].watermark_us;
    }
    watermark_ = AdvanceWatermark(in_force, positions);
    EndEpoch();
  }

  void Take(const Event& event, int32_t partition, int64_t offset, int64_t watermark) {
    bool taken = false;
    for (int64_t start = kBase - 100 * shape_.size_us; start <= event.time_us;
         start += shape_.slide_us) {
      if (event.time_us >= start + shape_.size_us || start + shape_.size_us <= watermark) continue;
      taken = true;
      Group& group = groups_[{start, event.key}];
      ++group.count;
      group.sum += event.value;
      group.max = std::max(group.max, event.value);
      group.first = std::min(group.first, {{partition, offset}, event.value});
      group.changed = true;
    }
    if (!taken) late.insert({partition, offset});
  }

  void EndEpoch() {
    for (auto it = groups_.begin(); it != groups_.end();) {
      auto& [key, group] = *it;
      const int64_t end = key.first + shape_.size_us;
      const bool closed = end <= watermark_;
      if (shape_.emit == Emit::kOnClose ? closed : group.changed) {
        tables_[{"w", fmt::format("{}, {}|{}|", data::FormatTimestamp(key.first),
                                  data::FormatTimestamp(end), key.second)}] = {
            0, fmt::format("{}|{}|{}|{}|", group.count, group.sum, group.max, group.first.second)};
      }
      group.changed = false;
      it = closed ? groups_.erase(it) : std::next(it);
    }
  }

  Shape shape_;
  std::map<int32_t, std::vector<Event>> logs_;
  std::map<int32_t, int64_t> watermarks_;
  int64_t watermark_ = kNoWatermark;
  std::map<GroupKey, Group> groups_;
  testing::FakeTables tables_;
};

// The tables without write times, with the window's braces taken off.
testing::FakeTables Plain(const testing::FakeTables& tables) {
  testing::FakeTables plain;
  for (const auto& [key, value] : tables) {
    std::string text = key.second;
    std::erase_if(text, [](char c) { return c == '{' || c == '}'; });
    plain[{key.first, text}] = {0, value.second};
  }
  return plain;
}

std::vector<Event> SomeEvents(testing::Dice& dice, size_t count) {
  std::vector<Event> events;
  int64_t now_us = kBase;
  for (size_t i = 0; i < count; ++i) {
    now_us += static_cast<int64_t>(dice.Below(4)) * kSecond;
    const auto usual = static_cast<int64_t>(dice.Below(30)) * kSecond;
    const auto back = dice.Below(12) == 0 ? usual + 150 * kSecond : usual;
    events.push_back({static_cast<int32_t>(dice.Below(3)), now_us - back,
                      fmt::format("k{}", dice.Below(4)), static_cast<int64_t>(dice.Below(100))});
  }
  return events;
}

void Feed(FakeWorld& world, std::span<const Event> events) {
  for (const Event& event : events) {
    world.topic("in").Append(
        event.partition, std::nullopt,
        fmt::format(R"({{"ts":"{}","k":"{}","v":{}}})", data::FormatTimestamp(event.time_us),
                    event.key, event.value),
        event.time_us / 1000);
  }
}

// One life of the query over the next events; false: it died.
bool Live(FakeWorld& world, const Shape& shape, testing::Dice& dice) {
  QuerySpec spec = WindowQuery(world, shape);
  spec.settings.threads = 1 + static_cast<int>(dice.Below(3));
  spec.settings.chunk_rows_max = 1 + dice.Below(20);
  spec.settings.epoch_bytes_max = 100 + dice.Below(2000);
  auto query = StreamingQuery::Start(std::move(spec), world.World());
  if (!query.has_value()) return false;
  if (dice.Below(3) == 0) {
    world.time.Advance(11s);  // what is quiet now falls idle
    (*query)->Wake();
  }
  return (*query)->CatchUp(10s).has_value() && (*query)->Drain().has_value();
}

void Check(const FakeWorld& world, const std::vector<Event>& events, const Shape& shape,
           uint64_t seed) {
  Reference reference(events, shape);
  reference.Run(world.intents.history());
  EXPECT_EQ(Plain(world.store.tables()), reference.tables()) << "seed " << seed;
  std::multiset<std::pair<int32_t, int64_t>> late;
  for (const flow::DeadLetter& letter : world.DeadLetters("late"))
    late.insert({letter.origin.partition.value, letter.origin.offset.value});
  EXPECT_EQ(late, reference.late) << "seed " << seed;
  EXPECT_TRUE(world.DeadLetters("dead").empty());
  const size_t emitted_entry = world.store.tables().empty() ? 0 : 1;
  EXPECT_EQ(world.store.state_entries(), reference.open() + emitted_entry) << "seed " << seed;
}

class WindowTest : public ::testing::TestWithParam<Shape> {};

TEST_P(WindowTest, IsTheNaiveAnswerThroughCutsIdlenessAndDeaths) {
  size_t deaths = 0;
  size_t late = 0;
  size_t rows = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    testing::Dice dice(seed);
    const std::vector<Event> events = SomeEvents(dice, 150);
    FakeWorld world;
    world.AddTopic("in", 3);
    world.store.FlushEvery(static_cast<int>(dice.Below(4)));
    for (size_t fed = 0; fed < events.size();) {
      const size_t count = std::min(1 + dice.Below(50), events.size() - fed);
      Feed(world, std::span(events).subspan(fed, count));
      fed += count;
      world.crash.After(dice.Below(2) == 0 ? -1 : static_cast<int64_t>(1 + dice.Below(40)));
      if (!Live(world, GetParam(), dice)) ++deaths;
      world.Reboot(dice.Below(100));
    }
    ASSERT_TRUE(Live(world, GetParam(), dice));
    Check(world, events, GetParam(), seed);
    late += world.DeadLetters("late").size();
    rows += world.store.tables().size();
  }
  EXPECT_GT(deaths, 10u);
  EXPECT_GT(late, 10u);
  EXPECT_GT(rows, 100u);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WindowTest,
    ::testing::Values(Shape{60 * kSecond, 60 * kSecond, 5 * kSecond, Emit::kOnClose},
                      Shape{60 * kSecond, 60 * kSecond, 5 * kSecond, Emit::kChanges},
                      Shape{60 * kSecond, 20 * kSecond, 0, Emit::kOnClose},
                      Shape{50 * kSecond, 20 * kSecond, 10 * kSecond, Emit::kChanges}));

// Whether the tables come to hold at least `count` rows in time.
bool AwaitRows(const FakeWorld& world, size_t count, std::chrono::milliseconds timeout = 10s) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (world.store.tables().size() < count) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

TEST(WindowEdgeTest, APartitionThatIsQuietDoesNotHoldWindowsOpen) {
  FakeWorld world;
  world.AddTopic("in", 2);
  const Shape shape{60 * kSecond, 60 * kSecond, 0, Emit::kOnClose};
  Feed(world, std::vector<Event>{{0, kBase, "a", 1}, {0, kBase + 200 * kSecond, "a", 1}});
  auto query = StreamingQuery::Start(WindowQuery(world, shape), world.World());
  ASSERT_TRUE(query.has_value());
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  EXPECT_TRUE(world.store.tables().empty());  // partition 1 might still bring old rows
  world.time.Advance(5s);
  Feed(world, std::vector<Event>{{0, kBase + 201 * kSecond, "a", 1}});
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  world.time.Advance(6s);  // partition 1 is idle, partition 0 is not
  (*query)->Wake();
  ASSERT_TRUE(AwaitRows(world, 1));
  EXPECT_EQ((*query)->Metrics().watermark_us, kBase + 201 * kSecond);
  EXPECT_TRUE((*query)->Drain().has_value());
}

TEST(WindowEdgeTest, WhenAllPartitionsAreIdleTheFurthestTellsTheTime) {
  FakeWorld world;
  world.AddTopic("in", 3);
  const Shape shape{60 * kSecond, 60 * kSecond, 0, Emit::kOnClose};
  Feed(world, std::vector<Event>{
                  {0, kBase, "a", 1}, {0, kBase + 200 * kSecond, "a", 1}, {1, kBase, "b", 1}});
  auto query = StreamingQuery::Start(WindowQuery(world, shape), world.World());
  ASSERT_TRUE(query.has_value());
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  EXPECT_TRUE(world.store.tables().empty());
  world.time.Advance(11s);
  (*query)->Wake();
  ASSERT_TRUE(AwaitRows(world, 2));  // without a record that comes
  EXPECT_EQ((*query)->Metrics().watermark_us, kBase + 200 * kSecond);
  // What is older than that and comes only now is late, on whatever partition.
  Feed(world, std::vector<Event>{{1, kBase + 1 * kSecond, "b", 1}});
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  EXPECT_EQ((*query)->Metrics().late, 1u);
  EXPECT_TRUE((*query)->Drain().has_value());
}

TEST(WindowEdgeTest, APartitionWithRecordsOnTheirWayIsNotIdle) {
  FakeWorld world;
  auto& topic = world.AddTopic("in", 2);
  const Shape shape{60 * kSecond, 60 * kSecond, 0, Emit::kOnClose};
  topic.SetPending(1, true);
  Feed(world, std::vector<Event>{{0, kBase, "a", 1}, {0, kBase + 200 * kSecond, "a", 1}});
  auto query = StreamingQuery::Start(WindowQuery(world, shape), world.World());
  ASSERT_TRUE(query.has_value());
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  world.time.Advance(60s);
  (*query)->Wake();
  EXPECT_FALSE(AwaitRows(world, 1, 50ms));
  Feed(world, std::vector<Event>{{1, kBase + 1 * kSecond, "b", 1}});
  topic.SetPending(1, false);
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  EXPECT_EQ((*query)->Metrics().late, 0u);
  EXPECT_TRUE((*query)->Drain().has_value());
}

TEST(WindowEdgeTest, ARaisedWatermarkClosesWindowsWithoutRecordsAndIsKept) {
  FakeWorld world;
  world.AddTopic("in", 2);
  const Shape shape{60 * kSecond, 60 * kSecond, 0, Emit::kOnClose};
  Feed(world, std::vector<Event>{{0, kBase, "a", 1}, {0, kBase + 200 * kSecond, "a", 1}});
  {
    auto query = StreamingQuery::Start(WindowQuery(world, shape), world.World());
    ASSERT_TRUE(query.has_value());
    ASSERT_TRUE((*query)->CatchUp(10s).has_value());
    EXPECT_TRUE(world.store.tables().empty());
    ASSERT_TRUE((*query)->RaiseWatermark(kBase + 150 * kSecond, 10s).has_value());
    EXPECT_EQ(world.store.tables().size(), 1u);
    EXPECT_EQ((*query)->Metrics().watermark_us, kBase + 150 * kSecond);
    ASSERT_TRUE((*query)->RaiseWatermark(kBase, 10s).has_value());  // never back
    EXPECT_EQ((*query)->Metrics().watermark_us, kBase + 150 * kSecond);
    EXPECT_TRUE((*query)->Drain().has_value());
  }
  auto again = StreamingQuery::Start(WindowQuery(world, shape), world.World());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*again)->Metrics().watermark_us, kBase + 150 * kSecond);
}

TEST(WindowEdgeTest, FarFutureTimesAreRefusedAndDoNotMoveTheWatermark) {
  FakeWorld world;
  world.AddTopic("in", 1);
  world.topic("in").Append(0, std::nullopt, R"({"ts":"2999-01-01 00:00:00","k":"a","v":1})",
                           kBase / 1000);
  world.topic("in").Append(0, std::nullopt, R"({"k":"a","v":1})", kBase / 1000);
  Feed(world, std::vector<Event>{{0, kBase, "a", 1}});
  const Shape shape{60 * kSecond, 60 * kSecond, 0, Emit::kChanges};
  auto query = StreamingQuery::Start(WindowQuery(world, shape), world.World());
  ASSERT_TRUE(query.has_value());
  ASSERT_TRUE((*query)->CatchUp(10s).has_value());
  ASSERT_TRUE((*query)->Drain().has_value());
  EXPECT_EQ(world.store.tables().size(), 1u);
  EXPECT_EQ((*query)->Metrics().watermark_us, kBase);
  const auto letters = world.DeadLetters("dead");
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].condition, "EVENT_TIME_IN_FUTURE");
  EXPECT_EQ(letters[1].condition, "EVENT_TIME_NULL");
}

TEST(WindowEdgeTest, TooManyOpenWindowsStopTheQuery) {
  FakeWorld world;
  world.AddTopic("in", 1);
  for (int i = 0; i < 20; ++i)
    Feed(world, std::vector<Event>{{0, kBase, fmt::format("key{}", i), 1}});
  QuerySpec spec = WindowQuery(world, {60 * kSecond, 60 * kSecond, 0, Emit::kOnClose});
  spec.settings.state_entries_max = 10;
  auto query = StreamingQuery::Start(std::move(spec), world.World());
  ASSERT_TRUE(query.has_value());
  const Status status = (*query)->CatchUp(10s);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace millrace::engine
