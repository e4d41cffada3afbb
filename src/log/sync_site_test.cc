// Leaves out the syncs of one place in the code at a time, and demands that a power cut under one
// of the scenarios below then breaks a promise: every fsync of the log is needed, and every one is
// tested. A sync that was added without a scenario that needs it fails NoSyncCanBeLeftOut; one that
// no scenario comes by fails EverySyncIsReached.
//
// Not covered: FileSystem's own calls of fsync and fdatasync (posix_file_system.cc), which the
// simulation replaces; that a disk keeps what it confirmed.
#include <gtest/gtest.h>

#include "base/check.h"
#include "base/logging.h"
#include "io/sync_sites.h"
#include "log/crash_testing.h"

namespace millrace::log {
namespace {

using io::SyncPlace;
using io::SyncTrial;
using Loss = SimFileSystem::Loss;
using History = std::vector<SimFileSystem::Operation>;

struct Scenario {
  std::string name;
  uint64_t cuts;  // how many operations to cut at
  std::function<std::string(const SyncTrial&)> run;
};

// The workload, a power cut, another one during the recovery.
std::string TwoCuts(const SyncTrial& trial) {
  SimFileSystem fs(trial.file_system_seed());
  fs.IgnoreSyncs(trial.ignored);
  Oracle oracle;
  RunUntil(fs, trial.cut, oracle);
  trial.Restart(fs);
  fs.CutPowerAt(1 + (trial.seed * 7 + trial.cut) % 12);
  static_cast<void>(Verify(fs, oracle));
  trial.Restart(fs);
  for (int look = 0; look < 2; ++look) {
    if (auto wrong = Verify(fs, oracle); !wrong.empty()) return wrong;
  }
  return {};
}

// The process is killed, a second one goes on with what is there, then the power goes.
std::string KilledThenCut(const SyncTrial& trial) {
  SimFileSystem fs(trial.file_system_seed());
  fs.IgnoreSyncs(trial.ignored);
  Oracle oracle;
  RunUntil(fs, trial.cut, oracle);
  trial.Restart(fs, Loss::kNothing);
  {
    io::VirtualClock clock(TimestampUs(1'700'000'050'000'000));
    auto log = Log::Open(Options(), fs, clock);
    if (!log) return "does not open after a kill: " + log.error().ToString();
    if (auto status = Workload(**log, oracle).GoOn(trial.cut % 2 == 0); !status)
      return "does not go on after a kill: " + status.error().ToString();
    trial.Restart(fs);
  }
  return Verify(fs, oracle);
}

constexpr std::string_view kSegment = "data/log/t/0/00000000000000000000.log";

Result<std::unique_ptr<Log>> OpenLater(SimFileSystem& fs, io::VirtualClock& clock,
                                       bool accept_loss) {
  LogOptions options = Options();
  options.accept_loss = accept_loss;
  return Log::Open(std::move(options), fs, clock);
}

// A log of one partition with `records` acknowledged records r0, r1, ..., two to a segment, closed.
Oracle MakeSmallLog(SimFileSystem& fs, io::VirtualClock& clock, int records) {
  Oracle oracle;
  auto log = Log::Open(Options(), fs, clock).value();
  MR_CHECK(log->CreateTopic({.name = "t", .segment_bytes = 1024, .codec = Codec::kNone}), "made");
  for (int i = 0; i < records; ++i) {
    const std::string value = fmt::format("r{}", i) + std::string(400, '.');
    const OutRecord record{std::nullopt, value, {}};
    const auto ticket = log->Append("t", kFirst, {&record, 1});
    oracle.batches.push_back({{{{"t", kFirst}, value}}, true});
    oracle.appended.push_back({{"t", kFirst}, ticket.value().first, value});
  }
  oracle.topics.insert("t");
  oracle.maybe_topics.insert("t");
  return oracle;
}

// A power cut kept a later batch without an earlier one. What recovery cuts off it first keeps
// beside the segment, and the power goes during that.
std::string CutTailIsKept(const SyncTrial& trial) {
  SimFileSystem fs(trial.file_system_seed());
  io::VirtualClock clock(TimestampUs(1'700'000'000'000'000));
  Oracle oracle = MakeSmallLog(fs, clock, 1);
  const std::string path(kSegment);
  std::string tail = io::ReadWholeFile(fs, path).value();
  const size_t good_bytes = tail.size();
  tail[7] = 2;  // its base offset: the batch behind the one that is missing
  tail.insert(0, good_bytes, 'x');
  {
    auto file = fs.OpenForWrite(path, io::OpenMode::kAppend).value();
    MR_CHECK(file->Append(tail) && file->Sync(), "no fault is planned yet");
  }
  fs.Restart(Loss::kNothing);
  fs.IgnoreSyncs(trial.ignored);
  fs.CutPowerAt(trial.cut);
  if (auto log = OpenLater(fs, clock, false)) {
    // As long as the missing batch: with this in its place, what was cut off could be read again.
    const std::string value = "n0" + std::string(400, '.');
    oracle.batches.push_back({{{{"t", kFirst}, value}}});
    const OutRecord record{std::nullopt, value, {}};
    static_cast<void>((*log)->AppendAsync("t", kFirst, {&record, 1}));
    fs.CutPower();  // before the log's end makes it durable
  }
  trial.Restart(fs);
  if (auto wrong = Verify(fs, oracle); !wrong.empty()) return wrong;
  const auto kept = io::ReadWholeFile(fs, fmt::format("{}.cut-{}", path, good_bytes));
  return kept && *kept == tail ? "" : "what was cut off is gone";
}

// A closed segment is damaged, the user gives it up, and the power goes during that.
std::string LossIsAccepted(const SyncTrial& trial) {
  SimFileSystem fs(trial.file_system_seed());
  io::VirtualClock clock(TimestampUs(1'700'000'000'000'000));
  Oracle oracle = MakeSmallLog(fs, clock, 6);
  const std::string path(kSegment);
  MR_CHECK(fs.FlipBit(path, io::ReadWholeFile(fs, path).value().size() - 10, 3), "a bit");
  const std::string damaged = io::ReadWholeFile(fs, path).value();
  oracle.batches.erase(oracle.batches.begin() + 1);
  oracle.appended.erase(oracle.appended.begin() + 1);
  fs.Restart(Loss::kNothing);
  fs.IgnoreSyncs(trial.ignored);
  fs.CutPowerAt(trial.cut);
  bool accepted = false;
  if (const auto first = OpenLater(fs, clock, true))
    accepted = (*first)->DamagedPartitions().empty();
  trial.Restart(fs);
  const auto log = OpenLater(fs, clock, !accepted);
  if (!log) return "does not open: " + log.error().ToString();
  if (auto wrong = Check(**log, oracle).Run(); !wrong.empty()) return wrong;
  if ((*log)->LostRanges().size() != 1) return "the loss is not recorded";
  const auto kept = io::ReadWholeFile(fs, path + ".damaged");
  return kept && *kept == damaged ? "" : "the damaged file is gone";
}

uint64_t OperationsOfWorkload() {
  SimFileSystem fs(1);
  Oracle oracle;
  return RunUntil(fs, 0, oracle);
}

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> scenarios = {
      {"two cuts", OperationsOfWorkload(), TwoCuts},
      {"killed, then cut", OperationsOfWorkload(), KilledThenCut},
      {"a tail is cut off and kept", 20, CutTailIsKept},
      {"loss is accepted", 20, LossIsAccepted},
  };
  return scenarios;
}

constexpr uint64_t kSeeds = 4;

// The log tells of every tail that is cut here; nobody needs to read that.
class SyncSiteTest : public testing::Test {
 protected:
  SyncSiteTest() {
    logging::SetSink([](std::string_view) {});
  }
  ~SyncSiteTest() override { logging::SetSink({}); }
};

std::set<SyncPlace> AllPlaces() {
  std::set<SyncPlace> places;
  for (const Scenario& scenario : Scenarios()) {
    for (uint64_t cut = 1; cut <= scenario.cuts; cut += 3) {
      History history;
      static_cast<void>(scenario.run({1, cut, nullptr, history}));
      places.merge(io::PlacesIn(history));
    }
  }
  return places;
}

TEST_F(SyncSiteTest, EveryScenarioHoldsWithAllSyncs) {
  for (const Scenario& scenario : Scenarios()) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      for (uint64_t cut = 1; cut <= scenario.cuts; ++cut) {
        History history;
        ASSERT_EQ(scenario.run({seed, cut, nullptr, history}), "")
            << scenario.name << ", seed " << seed << ", cut at " << cut << " of " << scenario.cuts;
      }
    }
  }
}

TEST_F(SyncSiteTest, EverySyncIsReached) {
  EXPECT_EQ(io::UnreachedSyncCalls(MILLRACE_MODULE_DIR, AllPlaces()), std::vector<std::string>());
}

bool IsNoticed(const SyncPlace& place) {
  const SyncTrial::Ignored ignored = io::Only(place);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    for (const Scenario& scenario : Scenarios()) {
      for (uint64_t cut = 1; cut <= scenario.cuts; ++cut) {
        History history;
        if (!scenario.run({seed, cut, ignored, history}).empty()) return true;
      }
    }
  }
  return false;
}

TEST_F(SyncSiteTest, NoSyncCanBeLeftOut) {
  for (const SyncPlace& place : AllPlaces())
    EXPECT_TRUE(IsNoticed(place)) << "nobody notices a missing sync at " << place.ToString();
}

}  // namespace
}  // namespace millrace::log
