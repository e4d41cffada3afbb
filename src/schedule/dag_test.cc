#include "schedule/dag.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "io/clock.h"

namespace millrace::schedule {
namespace {

DagSpec Spec(std::vector<TaskSpec> tasks) {
  DagSpec spec;
  spec.id = "d";
  spec.tasks = std::move(tasks);
  return spec;
}

TEST(DagTest, SortsTasksAfterThoseBeforeThem) {
  const Dag dag = Dag::Create(Spec({{.id = "c", .kind = "", .upstream = {"a", "b", "a"}},
                                    {.id = "b", .kind = "", .upstream = {"a"}},
                                    {.id = "a", .kind = ""}}))
                      .value();
  EXPECT_EQ(dag.order(), (std::vector<size_t>{2, 1, 0}));
  EXPECT_EQ(dag.upstream(0), (std::vector<size_t>{2, 1}));
  EXPECT_EQ(dag.downstream(2), (std::vector<size_t>{0, 1}));
}

TEST(DagTest, ACycleIsNamedWhole) {
  const auto dag = Dag::Create(Spec({{.id = "start", .kind = ""},
                                     {.id = "a", .kind = "", .upstream = {"start", "c"}},
                                     {.id = "b", .kind = "", .upstream = {"a"}},
                                     {.id = "c", .kind = "", .upstream = {"b"}},
                                     {.id = "after", .kind = "", .upstream = {"c"}}}));
  ASSERT_FALSE(dag.has_value());
  const std::string& message = dag.error().message;
  EXPECT_TRUE(message.ends_with("a -> b -> c -> a") || message.ends_with("b -> c -> a -> b") ||
              message.ends_with("c -> a -> b -> c"))
      << message;
}

TEST(DagTest, RefusesWhatCannotBeRight) {
  const std::vector<std::pair<DagSpec, std::string>> cases = {
      {Spec({}), "number of tasks"},
      {Spec({{.id = "a", .kind = ""}, {.id = "a", .kind = ""}}), "two tasks"},
      {Spec({{.id = "a", .kind = "", .upstream = {"z"}}}), "no task"},
      {Spec({{.id = "a", .kind = "", .upstream = {"a"}}}), "a -> a"},
      {Spec({{.id = "a b", .kind = ""}}), "an id is"},
      {Spec({{.id = "a", .kind = "", .retry = {.retries = -1}}}), "retries"},
      {Spec({{.id = "a", .kind = "", .retry = {.jitter = 2}}}), "jitter"},
      {Spec({{.id = "a", .kind = "", .pool_slots = 0}}), "pool_slots"}};
  for (const auto& [spec, expected] : cases) {
    const auto dag = Dag::Create(spec);
    ASSERT_FALSE(dag.has_value()) << expected;
    EXPECT_NE(dag.error().message.find(expected), std::string::npos) << dag.error().message;
  }
}

TEST(RetryDelayTest, GrowsToItsCapWithinTheJitter) {
  const RetryPolicy policy{.retries = 10,
                           .delay = std::chrono::milliseconds(1000),
                           .factor = 3,
                           .delay_max = std::chrono::milliseconds(20000),
                           .jitter = 0.25};
  io::SeededRandom random(3);
  for (int failed = 1; failed < 2000; failed = failed * 2 + 1) {
    const double middle = std::min(20000.0, 1000 * std::pow(3.0, std::min(failed - 1, 20)));
    std::set<int64_t> seen;
    for (int i = 0; i < 100; ++i) {
      const auto delay = RetryDelay(policy, failed, random.Next()).count();
      EXPECT_GE(delay, middle * 0.75 - 1);
      EXPECT_LE(delay, std::min(middle * 1.25 + 1, 20000.0));
      seen.insert(delay);
    }
    EXPECT_GT(seen.size(), 20u);
  }
}

}  // namespace
}  // namespace millrace::schedule
