// How fast the store takes rows, and at what cost: whole rows of 15 columns (450 bytes) under
// random UUID keys, batches as the engine hands them over, until all is flushed and compaction is
// idle.
//
//   store_bench [rows] [rows per batch] [batches per epoch] [tables] [folder]
//
// Prints rows/s, CPU-seconds per million rows (all threads, getrusage; making the input is
// outside), peak memory, then reads: point lookups/s and a full scan.
#include <cstdio>
#include <filesystem>

#include <sys/resource.h>

#include "base/uuid.h"
#include "io/clock.h"
#include "store/store.h"

namespace millrace::store {
namespace {

constexpr size_t kTextColumns = 12;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// CPU time of this thread alone.
double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double PeakMib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

TableSchema SchemaOf(size_t number) {
  TableSchema schema{.keyspace = "bench", .name = fmt::format("t{}", number)};
  schema.columns.push_back(
      {.name = "id", .type = CqlType(CqlKind::kUuid), .kind = ColumnKind::kPartitionKey});
  for (size_t i = 0; i < kTextColumns; ++i)
    schema.columns.push_back({.name = fmt::format("c{}", i), .type = CqlType(CqlKind::kText)});
  schema.columns.push_back({.name = "age", .type = CqlType(CqlKind::kInt)});
  schema.columns.push_back({.name = "at", .type = CqlType(CqlKind::kTimestamp)});
  return schema;
}

data::Batch MakeBatch(io::Random& random, size_t rows) {
  auto schema = std::make_shared<data::Schema>();
  schema->fields.emplace_back("id", data::DataType::String());
  for (size_t i = 0; i < kTextColumns; ++i)
    schema->fields.emplace_back(fmt::format("c{}", i), data::DataType::String());
  schema->fields.emplace_back("age", data::DataType::Int());
  schema->fields.emplace_back("at", data::DataType::Timestamp());
  data::Batch batch{schema, {}, rows};
  static constexpr std::string_view kWords[] = {"Amsterdam", "calle de", "example.com", "Rue ",
                                                "user",      "photo/",   "Ms ",         "North"};
  for (size_t c = 0; c <= kTextColumns; ++c) {
    data::ColumnBuilder out(data::DataType::String(), rows);
    auto* values = out.Values<std::string_view>();
    for (size_t row = 0; row < rows; ++row) {
      const uint64_t word = random.Next();
      if (c == 0) {
        values[row] = out.arena().Copy(Uuid::FromRandom(word, random.Next()).ToString());
        continue;
      }
      std::string text;
      while (text.size() < 28)
        text += fmt::format("{}{}", kWords[(word >> text.size()) % 8], (word >> 20) % 1000);
      values[row] = out.arena().Copy(std::string_view(text).substr(0, 33));
    }
    batch.columns.push_back(std::move(out).Finish());
  }
  data::ColumnBuilder age(data::DataType::Int(), rows);
  data::ColumnBuilder at(data::DataType::Timestamp(), rows);
  for (size_t row = 0; row < rows; ++row) {
    age.Values<int32_t>()[row] = static_cast<int32_t>(row % 90);
    at.Values<int64_t>()[row] = static_cast<int64_t>(random.Next() >> 14);
  }
  batch.columns.push_back(std::move(age).Finish());
  batch.columns.push_back(std::move(at).Finish());
  return batch;
}

struct Settings {
  size_t rows = 1000000;
  size_t batch_rows = 2500;
  size_t batches_per_epoch = 4;
  size_t tables = 1;
  std::string folder = "/tmp/millrace_store_bench";
};

#define BENCH_CHECK(result)                                              \
  do {                                                                   \
    if (!(result)) {                                                     \
      std::fprintf(stderr, "%s\n", (result).error().ToString().c_str()); \
      std::exit(1);                                                      \
    }                                                                    \
  } while (false)

void Read(Store& store, const TableHandle& table, const data::Batch& sample, size_t rows) {
  io::Clock& clock = io::SystemClock();
  int64_t start = clock.MonotonicNs();
  const auto found = store.Lookup(table, std::vector{sample.columns[0]}, {});
  BENCH_CHECK(found);
  double seconds = 1e-9 * static_cast<double>(clock.MonotonicNs() - start);
  std::printf("lookups: %zu of %zu found, %.0f /s\n", found->rows.rows, sample.rows,
              static_cast<double>(sample.rows) / seconds);
  start = clock.MonotonicNs();
  size_t seen = 0;
  ScanRequest request{.columns = {"id"}};
  do {
    const auto page = store.Scan(table, request);
    BENCH_CHECK(page);
    seen += page->rows.rows;
    request.paging_state = page->paging_state;
  } while (!request.paging_state.empty());
  seconds = 1e-9 * static_cast<double>(clock.MonotonicNs() - start);
  std::printf("scan of one column: %zu rows (%s), %.0f rows/s\n", seen,
              seen == rows ? "all" : "NOT ALL", static_cast<double>(seen) / seconds);
}

int Run(const Settings& settings) {
  std::filesystem::remove_all(settings.folder);
  io::Clock& clock = io::SystemClock();
  int64_t start = clock.MonotonicNs();
  auto opened = Store::Open({.folder = settings.folder});
  BENCH_CHECK(opened);
  std::printf("open of an empty folder: %.1f ms\n",
              1e-6 * static_cast<double>(clock.MonotonicNs() - start));
  Store& store = **opened;
  BENCH_CHECK(store.CreateKeyspace({.name = "bench"}, true));
  io::SeededRandom random(7);
  std::vector<TableHandle> tables;
  std::vector<std::unique_ptr<flow::TableWriter>> writers;
  data::Batch batch = MakeBatch(random, settings.batch_rows);
  for (size_t t = 0; t < settings.tables; ++t) {
    auto table = store.EnsureTable(SchemaOf(t));
    BENCH_CHECK(table);
    tables.push_back(*table);
    auto writer = store.MakeTableWriter(*table, *batch.schema);
    BENCH_CHECK(writer);
    writers.push_back(std::move(*writer));
  }
  double input_cpu = 0;
  double input_seconds = 0;
  double encode_cpu = 0;
  const double cpu = CpuSeconds();
  start = clock.MonotonicNs();
  int64_t write_us = 1700000000000000;
  int64_t epoch = 0;
  size_t written = 0;
  while (written < settings.rows) {
    flow::EpochWrite write;
    write.query = "bench";
    write.progress.epoch = EpochId(++epoch);
    for (size_t b = 0; b < settings.batches_per_epoch && written < settings.rows; ++b) {
      const int64_t before = clock.MonotonicNs();
      const double input_start = ThreadSeconds();
      batch = MakeBatch(random, settings.batch_rows);
      input_cpu += ThreadSeconds() - input_start;
      input_seconds += static_cast<double>(clock.MonotonicNs() - before) * 1e-9;
      std::vector<int64_t> times(batch.rows);
      for (int64_t& time : times) time = ++write_us;
      data::RowErrors errors(batch.rows);
      const double encode_start = ThreadSeconds();
      for (const auto& writer : writers) {
        auto rows = writer->Encode(batch, times, errors);
        BENCH_CHECK(rows);
        write.source_bytes += (*rows)->bytes();
        write.rows.push_back(std::move(*rows));
      }
      encode_cpu += ThreadSeconds() - encode_start;
      written += batch.rows;
    }
    BENCH_CHECK(store.Commit(std::move(write)));
  }
  const double loaded = 1e-9 * static_cast<double>(clock.MonotonicNs() - start) - input_seconds;
  BENCH_CHECK(store.Flush());
  const double flushed = 1e-9 * static_cast<double>(clock.MonotonicNs() - start) - input_seconds;
  BENCH_CHECK(store.WaitUntilIdle());
  const double idle = 1e-9 * static_cast<double>(clock.MonotonicNs() - start) - input_seconds;
  const double spent = CpuSeconds() - cpu - input_cpu;
  const double millions = static_cast<double>(written * settings.tables) * 1e-6;
  std::printf(
      "%zu rows into %zu tables: loaded %.0f rows/s, flushed %.0f rows/s, idle after %.2f s\n",
      written, settings.tables, millions * 1e6 / loaded, millions * 1e6 / flushed, idle);
  std::printf("CPU-seconds per million rows %.2f (of it encoding %.2f), peak %.0f MiB\n",
              spent / millions, encode_cpu / millions, PeakMib());
  Read(store, tables[0], batch, written);
  return 0;
}

}  // namespace
}  // namespace millrace::store

int main(int argc, char** argv) {
  millrace::store::Settings settings;
  if (argc > 1) settings.rows = std::stoul(argv[1]);
  if (argc > 2) settings.batch_rows = std::stoul(argv[2]);
  if (argc > 3) settings.batches_per_epoch = std::stoul(argv[3]);
  if (argc > 4) settings.tables = std::stoul(argv[4]);
  if (argc > 5) settings.folder = argv[5];
  return millrace::store::Run(settings);
}
