// Record batches and appends: bytes per second of one core. Run: log_bench --benchmark_min_time=0.5
#include <filesystem>

#include <benchmark/benchmark.h>

#include "io/clock.h"
#include "log/log.h"
#include "log/record_batch.h"

namespace {

using namespace millrace;

// About 500 bytes of JSON-like text, no two the same.
flow::OutRecord SomeRecord(io::Random& random) {
  std::string value = R"({"gender":"female","login":{"uuid":")";
  for (int i = 0; i < 12; ++i) {
    value += fmt::format("{:016x}", random.Next());
    value += R"(","name":"Example","city":")";
  }
  return {fmt::format("{:016x}", random.Next()), value + "\"}}", {}};
}

std::string SomeBatch(log::Codec codec, int records) {
  io::SeededRandom random(1);
  log::BatchBuilder builder(codec);
  for (int i = 0; i < records; ++i) builder.Add(SomeRecord(random));
  return builder.Finish({}).value();
}

void Decode(benchmark::State& state) {
  const std::string batch = SomeBatch(static_cast<log::Codec>(state.range(0)), 500);
  size_t bytes = 0;
  for (auto _ : state) {
    flow::RecordBlock block;
    const auto decoded = log::DecodeBatch(batch, nullptr, {}, Offset(0), Offset(INT64_MAX), block);
    if (!decoded) state.SkipWithError("the batch does not decode");
    bytes += block.bytes;
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(Decode)->ArgName("codec")->DenseRange(0, 4);

void Build(benchmark::State& state) {
  io::SeededRandom random(1);
  std::vector<flow::OutRecord> records;
  size_t bytes = 0;
  for (int i = 0; i < 500; ++i) records.push_back(SomeRecord(random));
  for (auto _ : state) {
    log::BatchBuilder builder(static_cast<log::Codec>(state.range(0)));
    for (const auto& record : records) builder.Add(record);
    bytes += builder.bytes();
    benchmark::DoNotOptimize(builder.Finish({}));
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(Build)->ArgName("codec")->DenseRange(0, 4);

// A log on the disk of the working folder, thrown away afterwards.
class DiskLog {
 public:
  DiskLog() {
    std::filesystem::remove_all(kFolder);
    log_ =
        log::Log::Open({.folder = std::string(kFolder)}, io::PosixFileSystem(), io::SystemClock())
            .value();
    log_->CreateTopic({.name = "t", .partitions = 4}).value();
  }
  ~DiskLog() {
    log_.reset();
    std::filesystem::remove_all(kFolder);
  }
  log::Log* operator->() { return log_.get(); }

 private:
  static constexpr std::string_view kFolder = "log_bench.data";
  std::unique_ptr<log::Log> log_;
};

void AppendSynced(benchmark::State& state) {
  DiskLog log;
  io::SeededRandom random(1);
  const std::vector<flow::OutRecord> records(static_cast<size_t>(state.range(0)),
                                             SomeRecord(random));
  for (auto _ : state) log->Append("t", PartitionId(0), records).value();
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(AppendSynced)->ArgName("records")->Arg(1)->Arg(500)->UseRealTime();

void CommitTransaction(benchmark::State& state) {
  DiskLog log;
  io::SeededRandom random(1);
  int64_t sequence = 0;
  for (auto _ : state) {
    auto transaction = log->transactions().Begin("bench").value();
    for (int64_t i = 0; i < 100; ++i) {
      transaction
          ->Append("t", PartitionId(static_cast<int32_t>(i % state.range(0))), SomeRecord(random))
          .value();
    }
    transaction->Commit({"bench", ++sequence, ""}).value();
  }
}
BENCHMARK(CommitTransaction)->ArgName("partitions")->Arg(1)->Arg(4)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
