// Records that come in order of time, transaction by transaction, are never late, however the pace
// lies to the idle time-out: over the real log, whose transactions span its partitions.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "connect/connectors.h"
#include "engine/stream/query.h"
#include "engine/stream/testing_plans.h"
#include "engine/stream/testing_world.h"
#include "io/sim_file_system.h"
#include "log/log.h"

namespace millrace::connect {
namespace {

using namespace std::chrono_literals;
using engine::StreamingQuery;
using engine::testing::Dice;
using engine::testing::FakeWorld;

constexpr int32_t kPartitions = 48;
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kBase = 1'699'999'980 * kSecond;

engine::QuerySpec CountBySecond(FakeWorld& fake) {
  engine::QuerySpec spec;
  spec.name = "windows";
  spec.plan = engine::testing::CountByWindow("in", kSecond, kSecond, 0);
  spec.tables = {{"w", std::make_shared<engine::testing::FakeTableWriter>("w", 2)}};
  spec.dead_letters = {"dead", &fake.topics};
  spec.late = {"late", &fake.topics};
  spec.settings.idle_timeout = 1ms;
  spec.settings.threads = 1;
  spec.settings.max_future_skew = std::chrono::milliseconds(INT64_MAX / 2000);
  return spec;
}

// One transaction: records of ten seconds over some of the partitions, all later than those before.
Status Commit(log::Log& log, Dice& dice, int64_t number) {
  MR_ASSIGN(const auto transaction, log.transactions().Begin("feed"));
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    if (dice.Below(4) == 0) continue;
    const auto seconds = static_cast<int64_t>(dice.Below(10));
    MR_TRY(transaction->Append(
        "in", PartitionId(partition),
        {std::nullopt,
         fmt::format(R"({{"ts":"{}","k":"k","v":1}})",
                     data::FormatTimestamp(kBase + (number * 10 + seconds) * kSecond)),
         {}}));
  }
  return transaction->Commit({"feed", number, ""});
}

TEST(OrderTest, RecordsInOrderAreNeverLate) {
  io::SimFileSystem fs(7);
  log::LogOptions options;
  options.folder = "log";
  auto log = log::Log::Open(std::move(options), fs, io::SystemClock());
  ASSERT_TRUE(log.has_value());
  ASSERT_TRUE((*log)->CreateTopic({.name = "in", .partitions = kPartitions}));
  const auto source = (*log)->OpenSource("in").value();
  const auto time = MakeTimeSource(io::SystemClock());
  FakeWorld fake;
  engine::QueryWorld world = fake.World();
  world.sources["in"] = source.get();
  world.time = time.get();
  const auto query = StreamingQuery::Start(CountBySecond(fake), std::move(world));
  ASSERT_TRUE(query.has_value()) << query.error().ToString();

  // Has the query look at its partitions at any moment, not only when the log wakes it.
  std::atomic<bool> fed = false;
  std::thread haste([&] {
    while (!fed) {
      (*query)->Wake();
      std::this_thread::yield();
    }
  });
  Dice dice(11);
  for (int64_t number = 1; number <= 600; ++number) {
    EXPECT_TRUE(Commit(**log, dice, number));
    if (dice.Below(2) == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(dice.Below(3000)));
  }
  fed = true;
  haste.join();
  ASSERT_TRUE((*query)->CatchUp(30s).has_value());
  ASSERT_TRUE((*query)->Drain().has_value());
  const engine::QueryMetrics metrics = (*query)->Metrics();
  EXPECT_EQ(metrics.late, 0u);
  EXPECT_EQ(metrics.rejected, 0u);
  EXPECT_GT(metrics.epochs, 100u);  // cut between the transactions
}

}  // namespace
}  // namespace millrace::connect
