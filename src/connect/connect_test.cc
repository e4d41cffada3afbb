// A streaming query over the real log and the real store, on a file system whose power is cut at
// random moments: tables and dead letters are those of one undisturbed run over the same records.
#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "connect/connectors.h"
#include "engine/stream/query.h"
#include "engine/stream/testing_plans.h"
#include "engine/stream/testing_world.h"
#include "io/sim_file_system.h"

namespace millrace::connect {
namespace {

using namespace std::chrono_literals;
using engine::StreamingQuery;
using engine::testing::Dice;
using engine::testing::FakeWorld;

store::TableSchema TagsTable() {
  using store::CqlKind;
  using store::CqlType;
  store::TableSchema table;
  table.keyspace = "k";
  table.name = "tags";
  table.columns = {{"id", CqlType(CqlKind::kText), store::ColumnKind::kPartitionKey},
                   {"tag", CqlType(CqlKind::kText)},
                   {"score", CqlType(CqlKind::kInt)},
                   {"label", CqlType(CqlKind::kText)}};
  return table;
}

// One life of the process: log, store and query over `fs`, until closed or dead.
class Life {
 public:
  Life(io::SimFileSystem& fs, FakeWorld& fake) : fs_(fs), fake_(fake) {}

  Status Open() {
    log::LogOptions log_options;
    log_options.folder = "data/log";
    log_options.on_fatal = [this](const Error&) { ++fatal_; };
    MR_ASSIGN(log_, log::Log::Open(std::move(log_options), fs_, io::SystemClock()));
    for (const char* topic : {"in", "dead", "copy"}) {
      if (!log_->FindTopic(topic).has_value())
        MR_TRY(log_->CreateTopic({.name = topic, .partitions = topic[0] == 'i' ? 2 : 1}));
    }
    store::StoreOptions store_options;
    store_options.folder = "data/store";
    store_options.file_system = &fs_;
    store_options.before_flush = [this] { return log_->Flush(); };
    store_options.fatal = [this](const Error&) { ++fatal_; };
    store_options.full_disk_retry = 5ms;
    MR_ASSIGN(store_, store::Store::Open(std::move(store_options)));
    MR_TRY(store_->CreateKeyspace({.name = "k"}, true));
    MR_ASSIGN(table_, store_->EnsureTable(TagsTable()));
    return {};
  }

  Status Run() {
    MR_ASSIGN(intents_, OpenIntentLog(*log_));
    time_ = MakeTimeSource(io::SystemClock());
    MR_ASSIGN(source_, log_->OpenSource("in"));
    engine::QuerySpec spec = engine::testing::TagsQuery(fake_);
    MR_ASSIGN(auto writer, store_->MakeTableWriter(table_, spec.plan->schema));
    spec.tables = {{"k.tags", std::move(writer)}};
    spec.topics[0].writer = &log_->transactions();
    spec.topics[0].encoder = MakeJsonEncoder(spec.plan->schema);
    spec.dead_letters.writer = &log_->transactions();
    spec.settings.epoch_bytes_max = 2000;
    engine::QueryWorld world;
    world.sources["in"] = source_.get();
    world.store = store_.get();
    world.intents = intents_.get();
    world.time = time_.get();
    world.lookups = fake_.lookups;
    MR_ASSIGN(query_, StreamingQuery::Start(std::move(spec), std::move(world)));
    return {};
  }

  // Appends records, some of them bad, and waits until the query has them.
  Status Feed(Dice& dice, size_t count, std::chrono::milliseconds patience = 20s) {
    for (size_t i = 0; i < count; ++i) {
      // A key's rows are in one partition, as in a topic with keys: between partitions equal write
      // times decide cell by cell, as in Cassandra, and the world in memory has no cells.
      const auto id = static_cast<int32_t>(dice.Below(30));
      flow::OutRecord record;
      record.value = fmt::format(
          R"({{"id":"id{}","kind":"{}","score":"{}","tags":["t{}"]}})", id, "abcd"[dice.Below(4)],
          dice.Below(9) == 0 ? "x" : std::to_string(dice.Below(99)), dice.Below(3));
      if (dice.Below(10) == 0) record.value->pop_back();
      MR_TRY(log_->Append("in", PartitionId(id % 2), std::span(&record, 1)));
      if (dice.Below(40) == 0) MR_TRY(store_->Flush());
    }
    return query_->CatchUp(patience);
  }

  // As the pipeline does with a query that ended for want of room (its intent did not fit).
  Status RestartQuery() {
    query_.reset();
    return Run();
  }
  Status Drain() { return query_->Drain(); }
  Status FlushTables() { return store_->Flush(); }
  int fatal() const { return fatal_; }
  log::Log& log() { return *log_; }

  Result<std::vector<std::string>> Rows() {
    MR_ASSIGN(const store::ScanPage page, store_->Scan(table_, {.rows_max = 100'000}));
    std::vector<std::string> rows;
    for (size_t row = 0; row < page.rows.rows; ++row) {
      std::string text;
      for (const data::ColumnPtr& column : page.rows.columns)
        text += data::FormatValue(column->type(), column->ValueAt(row)) + "|";
      rows.push_back(std::move(text));
    }
    std::ranges::sort(rows);
    return rows;
  }

 private:
  io::SimFileSystem& fs_;
  FakeWorld& fake_;
  std::atomic<int> fatal_ = 0;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::Store> store_;
  store::TableHandle table_;
  std::unique_ptr<engine::IntentLog> intents_;
  std::unique_ptr<engine::TimeSource> time_;
  std::unique_ptr<flow::Source> source_;
  std::unique_ptr<StreamingQuery> query_;
};

Result<std::vector<flow::RecordBlock>> ReadTopic(log::Log& log, const std::string& topic,
                                                 int32_t partition) {
  MR_ASSIGN(const auto source, log.OpenSource(topic));
  MR_ASSIGN(const flow::OffsetRange range, source->Readable(PartitionId(partition)));
  std::vector<flow::RecordBlock> blocks;
  for (Offset next = range.begin; next < range.end;) {
    MR_ASSIGN(auto block, source->Read(PartitionId(partition), next, range.end, 1 << 20));
    next = block.next;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

// The same records through one undisturbed run in memory: rows of "t2" and dead letters.
void CheckAgainstMemory(Life& life, uint64_t seed) {
  FakeWorld fake;
  auto& topic = fake.AddTopic("in", 2);
  for (int32_t partition = 0; partition < 2; ++partition) {
    const auto blocks = ReadTopic(life.log(), "in", partition);
    ASSERT_TRUE(blocks.has_value()) << blocks.error().ToString();
    int64_t next = 0;
    for (const flow::RecordBlock& block : *blocks) {
      for (const flow::RecordView& record : block.records) {
        for (; next < record.offset.value; ++next) topic.Skip(partition);
        topic.Append(partition, std::nullopt, std::string(record.value_view()),
                     record.timestamp.value);
        ++next;
      }
    }
  }
  engine::QuerySpec spec = engine::testing::TagsQuery(fake);
  auto query = StreamingQuery::Start(std::move(spec), fake.World());
  ASSERT_TRUE(query.has_value());
  ASSERT_TRUE((*query)->CatchUp(20s).has_value());
  ASSERT_TRUE((*query)->Drain().has_value());

  std::vector<std::string> expected_rows;
  for (const auto& [key, value] : fake.store.tables()) {
    if (key.first == "t2") expected_rows.push_back(key.second + value.second);
  }
  const auto rows = life.Rows();
  ASSERT_TRUE(rows.has_value()) << rows.error().ToString();
  EXPECT_EQ(*rows, expected_rows) << "seed " << seed;

  std::vector<flow::DeadLetter> letters;
  const auto dead = ReadTopic(life.log(), "dead", 0);
  ASSERT_TRUE(dead.has_value()) << dead.error().ToString();
  for (const flow::RecordBlock& block : *dead) {
    for (const flow::RecordView& record : block.records) {
      auto letter = flow::DecodeDeadLetter(record);
      ASSERT_TRUE(letter.has_value()) << letter.error().ToString();
      letters.push_back(*std::move(letter));
    }
  }
  EXPECT_EQ(engine::testing::Summaries(letters),
            engine::testing::Summaries(fake.DeadLetters("dead")))
      << "seed " << seed;
  size_t copies = 0;
  const auto copied = ReadTopic(life.log(), "copy", 0);
  ASSERT_TRUE(copied.has_value());
  for (const flow::RecordBlock& block : *copied) copies += block.records.size();
  EXPECT_EQ(copies, fake.topics.records("copy").size()) << "seed " << seed;
}

TEST(ConnectTest, PowerCutsLoseAndDoubleNothing) {
  int cuts = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Dice dice(seed);
    io::SimFileSystem fs(seed);
    FakeWorld fake;
    for (int number = 0; number < 4; ++number) {
      fs.CutPowerAt(fs.operations() + 1 + dice.Below(400));
      auto life = std::make_unique<Life>(fs, fake);
      Status status = life->Open();
      if (status.has_value()) status = life->Run();
      if (status.has_value()) status = life->Feed(dice, 60);
      if (!status.has_value()) ++cuts;
      life.reset();
      fs.Restart();
    }
    Life last(fs, fake);
    Status status = last.Open();
    ASSERT_TRUE(status.has_value()) << "seed " << seed << ": " << status.error().ToString();
    status = last.Run();
    ASSERT_TRUE(status.has_value()) << "seed " << seed << ": " << status.error().ToString();
    status = last.Feed(dice, 30);
    ASSERT_TRUE(status.has_value()) << "seed " << seed << ": " << status.error().ToString();
    ASSERT_TRUE(last.Drain().has_value());
    CheckAgainstMemory(last, seed);
  }
  EXPECT_GT(cuts, 30);
}

// One operation of the disk fails, or one write is cut short. A process that cannot go on is
// started again; one that can has lost nothing either.
TEST(ConnectTest, FailedAndShortWritesLoseAndDoubleNothing) {
  int refused = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Dice dice(seed);
    io::SimFileSystem fs(seed);
    FakeWorld fake;
    for (int number = 0; number < 4; ++number) {
      const uint64_t at = fs.operations() + 1 + dice.Below(300);
      if (number % 2 == 0) fs.FailAt(at);
      if (number % 2 == 1) fs.ShortenWriteAt(at);
      auto life = std::make_unique<Life>(fs, fake);
      Status status = life->Open();
      if (status.has_value()) status = life->Run();
      if (status.has_value()) status = life->Feed(dice, 60);
      if (!status.has_value()) ++refused;
      fs.CutPower();
      life.reset();
      fs.Restart();
    }
    Life last(fs, fake);
    Status status = last.Open();
    ASSERT_TRUE(status.has_value()) << "seed " << seed << ": " << status.error().ToString();
    status = last.Run();
    ASSERT_TRUE(status.has_value()) << "seed " << seed << ": " << status.error().ToString();
    status = last.Feed(dice, 30);
    ASSERT_TRUE(status.has_value()) << "seed " << seed << ": " << status.error().ToString();
    ASSERT_TRUE(last.Drain().has_value());
    CheckAgainstMemory(last, seed);
  }
  EXPECT_GT(refused, 20);
}

// The disk fills up while records come in: appends are refused, tables can be read, and when there
// is room again everything goes on in the same process.
TEST(ConnectTest, AFullDiskKeepsReadsAndGoesOnByItself) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Dice dice(seed);
    io::SimFileSystem fs(seed);
    FakeWorld fake;
    Life life(fs, fake);
    ASSERT_TRUE(life.Open().has_value());
    ASSERT_TRUE(life.Run().has_value());
    ASSERT_TRUE(life.Feed(dice, 40).has_value());
    const auto rows = life.Rows();
    ASSERT_TRUE(rows.has_value());
    fs.SetDiskBytes(fs.used_bytes() + dice.Below(6000));
    Status fed;
    for (int tries = 0; tries < 1000 && fed.has_value(); ++tries) fed = life.Feed(dice, 1, 100ms);
    ASSERT_FALSE(fed.has_value());
    // Refused, or the query waits for a store that refuses.
    const bool expected = fed.error().code == ErrorCode::kResourceExhausted ||
                          fed.error().code == ErrorCode::kTimeout;
    EXPECT_TRUE(expected) << fed.error().ToString();
    static_cast<void>(life.FlushTables());
    const auto still = life.Rows();
    ASSERT_TRUE(still.has_value()) << still.error().ToString();
    EXPECT_GE(still->size(), rows->size());

    fs.SetDiskBytes(UINT64_MAX);
    for (int tries = 0; tries < 1000 && !life.FlushTables().has_value(); ++tries)
      std::this_thread::sleep_for(5ms);
    ASSERT_TRUE(life.RestartQuery().has_value());
    fed = life.Feed(dice, 40);
    ASSERT_TRUE(fed.has_value()) << fed.error().ToString();
    ASSERT_TRUE(life.Drain().has_value());
    CheckAgainstMemory(life, seed);
    EXPECT_EQ(life.fatal(), 0);
  }
}

sql::Plan CountriesLookup() {
  sql::Plan node;
  node.kind = sql::PlanKind::kLookup;
  node.relation.name = "countries";
  node.relation.kind = sql::RelationKind::kReference;
  node.relation.schema = {
      {{"name", data::DataType::String()}, {"region", data::DataType::String()}}};
  node.relation.key = {"name"};
  node.lookup_columns = {0};
  return node;
}

std::string RegionOf(const engine::LookupTable& table, const std::string& country) {
  const data::Value value = data::Value::String(country);
  const data::ColumnPtr key = data::ColumnFromValues(data::DataType::String(), {&value, 1});
  const auto matches = table.Find({&key, 1}, 1);
  if (!matches.has_value() || matches->table_rows.empty()) return "none";
  return matches->table.columns[1]->ValueAt(matches->table_rows[0]).string();
}

TEST(ReferenceTest, VersionsInUseAreKeptAndABrokenFileChangesNothing) {
  io::SimFileSystem fs(3);
  ASSERT_TRUE(fs.CreateFolders("refs").has_value());
  ASSERT_TRUE(io::WriteFileAtomically(fs, "c.csv", "name,region\nPeru,South\n").has_value());
  const sql::Plan node = CountriesLookup();
  const auto store = store::Store::Open({.folder = "store", .file_system = &fs});
  ASSERT_TRUE(store.has_value());
  const auto open = [&] {
    return MakeLookupOpener(**store, fs, {"refs", {{"countries", "c.csv"}}, "q"})(node);
  };
  auto source = open();
  ASSERT_TRUE(source.has_value());
  const auto old = (*source)->Current();
  ASSERT_TRUE(old.has_value()) << old.error().ToString();
  EXPECT_EQ(RegionOf(**old, "Peru"), "South");
  EXPECT_EQ(RegionOf(**old, "Chile"), "none");

  ASSERT_TRUE(
      io::WriteFileAtomically(fs, "c.csv", "name,region\nPeru,Andes\nChile,Andes\n").has_value());
  const auto changed = (*source)->Current();
  ASSERT_TRUE(changed.has_value());
  EXPECT_EQ(RegionOf(**changed, "Peru"), "Andes");
  EXPECT_NE((*changed)->version(), (*old)->version());

  ASSERT_TRUE(io::WriteFileAtomically(fs, "c.csv", "nome;regio\n").has_value());
  const auto kept = (*source)->Current();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ((*kept)->version(), (*changed)->version());

  ASSERT_TRUE(io::WriteFileAtomically(fs, "c.csv", "name,region\nPeru,S\nPeru,N\n").has_value());
  const auto unique = (*source)->Current();
  ASSERT_TRUE(unique.has_value());
  EXPECT_EQ((*unique)->version(), (*changed)->version());
  const auto first_read = open();
  ASSERT_TRUE(first_read.has_value());
  const auto refused = (*first_read)->Current();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "reference c.csv: lines 2 and 3 have the same key (Peru)");

  ASSERT_TRUE(io::WriteFileAtomically(fs, "c.csv", "name,region\nPeru,Coast\n").has_value());
  auto after_crash = open();
  ASSERT_TRUE(after_crash.has_value());
  const auto replayed = (*after_crash)->At((*old)->version());
  ASSERT_TRUE(replayed.has_value()) << replayed.error().ToString();
  EXPECT_EQ(RegionOf(**replayed, "Peru"), "South");

  const uint64_t needed[] = {(*changed)->version()};
  (*after_crash)->Keep(needed);
  EXPECT_TRUE((*after_crash)->At((*changed)->version()).has_value());
  EXPECT_FALSE((*after_crash)->At((*old)->version()).has_value());
}

TEST(IntentTopicTest, KeepsWhatIsNeededThroughCutsOfItsBeginning) {
  io::SimFileSystem fs(5);
  const auto open_log = [&] {
    log::LogOptions options;
    options.folder = "log";
    return log::Log::Open(std::move(options), fs, io::SystemClock());
  };
  auto log = open_log();
  ASSERT_TRUE(log.has_value());
  auto intents = OpenIntentLog(**log);
  ASSERT_TRUE(intents.has_value());
  ASSERT_TRUE((*intents)->StoreDefinition({"q", 7, "SELECT"}).has_value());
  flow::EpochIntent intent;
  intent.query = "q";
  intent.plan_hash = 7;
  for (int64_t epoch = 1; epoch <= 9000; ++epoch) {
    intent.epoch = EpochId(epoch);
    const auto ticket = (*intents)->Append(intent);
    ASSERT_TRUE(ticket.has_value());
    if (epoch % 3000 != 0) continue;
    ASSERT_TRUE((*intents)->Await(*ticket).has_value());
    ASSERT_TRUE((*intents)->Truncate("q", EpochId(epoch - 10)).has_value());
  }
  intents->reset();
  EXPECT_GT((*log)->Offsets(kEpochsTopic, PartitionId(0))->start.value, 4096);
  log->reset();
  log = open_log();
  ASSERT_TRUE(log.has_value());
  intents = OpenIntentLog(**log);
  ASSERT_TRUE(intents.has_value()) << intents.error().ToString();
  auto stored = (*intents)->Load("q");
  ASSERT_TRUE(stored.has_value());
  ASSERT_GE(stored->intents.size(), 10u);
  EXPECT_EQ(stored->intents.back().epoch, EpochId(9000));
  ASSERT_EQ(stored->definitions.size(), 1u);
  EXPECT_EQ(stored->definitions[0].text, "SELECT");
  ASSERT_TRUE((*intents)->Drop("q").has_value());
  stored = (*intents)->Load("q");
  ASSERT_TRUE(stored.has_value());
  EXPECT_TRUE(stored->intents.empty());
  EXPECT_TRUE(stored->definitions.empty());
}

}  // namespace
}  // namespace millrace::connect
