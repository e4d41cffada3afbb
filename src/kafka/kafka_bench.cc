// What a real cluster costs this process: records written in transactions, then read back as a
// streaming query reads them. Counts wall time and the CPU of this process alone (librdkafka's
// threads included, the broker's not).
//
//   kafka_bench 127.0.0.1:9092 [records] [bytes a record]
//
// Output: one line a measurement. The number and sum of what is read back is verified.
#include <charconv>
#include <random>

#include <sys/resource.h>

#include "kafka/client.h"
#include "kafka/topic_source.h"
#include "kafka/transactions.h"

namespace millrace::kafka {
namespace {

constexpr int64_t kRecordsPerTransaction = 10000;
constexpr int32_t kPartitions = 4;
constexpr size_t kReadBytes = size_t{4} << 20;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Stopwatch {
 public:
  void Print(std::string_view what, int64_t records) const {
    const double wall =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    const double millions = static_cast<double>(records) / 1e6;
    fmt::print("{:<28} {:>9.0f} records/s  {:>6.2f} CPU-seconds a million\n", what,
               static_cast<double>(records) / wall, (CpuSeconds() - cpu_) / millions);
  }

 private:
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  const double cpu_ = CpuSeconds();
};

// Half of it varies from record to record, as JSON's values do among its names.
std::string ValueOf(int64_t number, size_t bytes) {
  std::mt19937_64 random(static_cast<uint64_t>(number));
  std::string value = fmt::format("{{\"number\": {}", number);
  while (value.size() + 40 < bytes)
    value += fmt::format(", \"name{:03}\": \"{:016x}\"", value.size() % 1000, random());
  value.resize(bytes - 1, ' ');
  return value + '}';
}

Status WriteAll(KafkaTransactions& writer, const std::string& topic, int64_t records,
                size_t bytes) {
  std::vector<std::string> values;
  for (int64_t i = 0; i < kRecordsPerTransaction; ++i) values.push_back(ValueOf(i, bytes));
  const Stopwatch watch;
  int64_t sequence = 0;
  for (int64_t written = 0; written < records; written += kRecordsPerTransaction) {
    MR_ASSIGN(const auto transaction, writer.Begin("bench"));
    for (int64_t i = 0; i < kRecordsPerTransaction; ++i) {
      MR_TRY(transaction->Append(topic, std::nullopt,
                                 {fmt::format("key-{}", written + i),
                                  values[static_cast<size_t>(i)],
                                  {{"millrace.request", "dag/task/run/1/1"}}}));
    }
    MR_TRY(transaction->Commit({"bench", ++sequence, ""}));
  }
  watch.Print("written, 10,000 at a time", records);
  return {};
}

Status ReadAll(Client& client, const std::string& topic, bool headers, int64_t records,
               size_t bytes) {
  MR_ASSIGN(const auto settled, TopicSource::Open(client, topic, {.settled = true}));
  std::vector<flow::OffsetRange> ranges;
  for (int32_t p = 0; p < kPartitions; ++p) {
    MR_ASSIGN(ranges.emplace_back(), settled->Readable(PartitionId(p)));
  }
  MR_ASSIGN(const auto source, TopicSource::Open(client, topic, {.headers = headers}));
  const Stopwatch watch;
  int64_t count = 0;
  size_t sum = 0;
  for (bool left = true; left;) {
    left = false;
    for (int32_t p = 0; p < kPartitions; ++p) {
      flow::OffsetRange& range = ranges[static_cast<size_t>(p)];
      if (range.begin >= range.end) continue;
      left = true;
      MR_ASSIGN(const flow::RecordBlock block,
                source->Read(PartitionId(p), range.begin, range.end, kReadBytes));
      range.begin = block.next;
      count += static_cast<int64_t>(block.records.size());
      for (const flow::RecordView& record : block.records) sum += record.value_size;
    }
  }
  if (count != records || sum != static_cast<size_t>(records) * bytes)
    return Fail(ErrorCode::kInternal, "{} records with {} bytes were read", count, sum);
  watch.Print(headers ? "read, with headers" : "read, without headers", records);
  return {};
}

Status Run(const std::string& servers, int64_t records, size_t bytes) {
  ClientSettings settings;
  settings.bootstrap_servers = servers;
  settings.project = fmt::format("bench{:08x}", std::random_device()());
  MR_ASSIGN(const auto client, Client::Connect(settings));
  MR_ASSIGN(const auto writer, KafkaTransactions::Open(*client));
  log::TopicSpec spec;
  spec.name = settings.project;
  spec.partitions = kPartitions;
  MR_TRY(client->EnsureTopic(spec, true));
  MR_TRY(WriteAll(*writer, spec.name, records, bytes));
  MR_TRY(ReadAll(*client, spec.name, true, records, bytes));
  return ReadAll(*client, spec.name, false, records, bytes);
}

int64_t NumberOf(int count, char** arguments, int at, int64_t otherwise) {
  if (at >= count) return otherwise;
  const std::string_view text = arguments[at];
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

}  // namespace
}  // namespace millrace::kafka

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print("kafka_bench SERVERS [records] [bytes a record]\n");
    return 2;
  }
  const int64_t records = millrace::kafka::NumberOf(argc, argv, 2, 1'000'000);
  const auto bytes = static_cast<size_t>(millrace::kafka::NumberOf(argc, argv, 3, 500));
  if (const auto done = millrace::kafka::Run(argv[1], records, bytes); !done) {
    fmt::print("{}\n", done.error().ToString());
    return 1;
  }
  return 0;
}
