// A small workload of everything the log does, with the power cut at every operation, by several
// seeds; after each start an oracle compares. sync_site_test.cc shows that no sync can be left out.
#include <gtest/gtest.h>

#include "log/crash_testing.h"

namespace millrace::log {
namespace {

// One crash, a crash in the recovery from it, and two looks at what is left.
std::string CrashOnce(uint64_t seed, uint64_t cut) {
  SimFileSystem fs(seed * 1000 + cut);
  Oracle oracle;
  RunUntil(fs, cut, oracle);
  fs.CutPower();
  fs.Restart();
  fs.CutPowerAt(1 + (seed * 7 + cut) % 12);
  static_cast<void>(Verify(fs, oracle));
  fs.CutPower();
  fs.Restart();
  for (int look = 0; look < 2; ++look) {
    if (auto wrong = Verify(fs, oracle); !wrong.empty()) return wrong;
  }
  return {};
}

uint64_t OperationsOfWorkload() {
  SimFileSystem fs(1);
  Oracle oracle;
  return RunUntil(fs, 0, oracle);
}

TEST(CrashTest, WorkloadRunsToItsEnd) {
  SimFileSystem fs(1);
  Oracle oracle;
  io::VirtualClock clock(TimestampUs(1'700'000'000'000'000));
  {
    auto log = Log::Open(Options(), fs, clock).value();
    const auto status = Workload(*log, oracle).Run();
    ASSERT_TRUE(status.has_value()) << status.error().ToString();
    EXPECT_EQ(Check(*log, oracle).Run(), "");
  }
  EXPECT_EQ(Verify(fs, oracle), "");
  EXPECT_GT(fs.operations(), 100u);
}

TEST(CrashTest, EveryOperationEverySeed) {
  const uint64_t operations = OperationsOfWorkload();
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    for (uint64_t cut = 1; cut <= operations; ++cut) {
      const std::string wrong = CrashOnce(seed, cut);
      ASSERT_EQ(wrong, "") << "seed " << seed << ", power cut at operation " << cut << " of "
                           << operations;
    }
  }
}

}  // namespace
}  // namespace millrace::log
