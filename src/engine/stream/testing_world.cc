#include "engine/stream/testing_world.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/check.h"

namespace millrace::engine::testing {
namespace {

class FakeRows final : public flow::EncodedRows {
 public:
  struct Row {
    std::string table;
    std::string key;
    int64_t write_us;
    std::string text;
  };
  size_t rows() const override { return rows_.size(); }
  size_t bytes() const override { return rows_.size() * 64; }

  std::vector<Row> rows_;
};

std::string RowText(const data::Batch& batch, size_t row, size_t begin, size_t end) {
  std::string text;
  for (size_t column = begin; column < end; ++column) {
    text += data::FormatValue(batch.columns[column]->type(), batch.columns[column]->ValueAt(row));
    text += '|';
  }
  return text;
}

}  // namespace

Status CrashPoint::Pass() {
  int64_t left = left_;
  while (left > 0 && !left_.compare_exchange_weak(left, left - 1)) {
  }
  if (left_ == 0) return Fail(ErrorCode::kIo, "the process is dead");
  return {};
}

void FakeTime::WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
                       std::chrono::nanoseconds timeout) {
  wake.wait_for(lock, std::min<std::chrono::nanoseconds>(timeout, std::chrono::milliseconds(2)));
}

// ---------------------------------------------------------------- FakeTopic

void FakeTopic::Append(int32_t partition, std::optional<std::string> key,
                       std::optional<std::string> value, int64_t timestamp_ms) {
  {
    const std::lock_guard lock(mutex_);
    PartitionLog& log = logs_[static_cast<size_t>(partition)];
    Record record{log.end++, timestamp_ms, std::move(key), nullptr, 0};
    if (value.has_value()) {
      record.value_size = value->size();
      record.value = std::make_shared<std::string>(*value + std::string(flow::kReadPadding, ' '));
    }
    log.records.push_back(std::move(record));
  }
  arrived_.notify_all();
}

void FakeTopic::Skip(int32_t partition) {
  const std::lock_guard lock(mutex_);
  ++logs_[static_cast<size_t>(partition)].end;
}

size_t FakeTopic::records() const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const PartitionLog& log : logs_) count += log.records.size();
  return count;
}

Result<flow::OffsetRange> FakeTopic::Readable(PartitionId partition) {
  const std::lock_guard lock(mutex_);
  return flow::OffsetRange{Offset(0), Offset(logs_[static_cast<size_t>(partition.value)].end)};
}

void FakeTopic::SetPending(int32_t partition, bool pending) {
  const std::lock_guard lock(mutex_);
  logs_[static_cast<size_t>(partition)].pending = pending;
}

Result<std::vector<flow::PartitionCut>> FakeTopic::Cut() {
  const std::lock_guard lock(mutex_);
  std::vector<flow::PartitionCut> cut;
  for (const PartitionLog& log : logs_) cut.push_back({{Offset(0), Offset(log.end)}, log.pending});
  return cut;
}

Result<flow::RecordBlock> FakeTopic::Read(PartitionId partition, Offset from, Offset to,
                                          size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  const PartitionLog& log = logs_[static_cast<size_t>(partition.value)];
  if (to.value > log.end)
    return Fail(ErrorCode::kInvalidArgument, "offset {} is beyond the end", to);
  flow::RecordBlock block;
  block.next = to;
  auto at = std::ranges::lower_bound(log.records, from.value, {}, &Record::offset);
  for (; at != log.records.end() && at->offset < to.value; ++at) {
    if (!block.records.empty() && block.bytes >= bytes_max) {
      block.next = Offset(at->offset);
      break;
    }
    flow::RecordView view;
    view.offset = Offset(at->offset);
    view.timestamp = TimestampMs(at->timestamp_ms);
    if (at->key.has_value()) {
      const auto key = std::make_shared<std::string>(*at->key);
      view.key = key->data();
      view.key_size = static_cast<uint32_t>(key->size());
      block.owners.push_back(key);
    }
    if (at->value != nullptr) {
      view.value = at->value->data();
      view.value_size = static_cast<uint32_t>(at->value_size);
      block.owners.push_back(at->value);
    }
    block.bytes += view.key_size + view.value_size;
    block.records.push_back(view);
  }
  return block;
}

bool FakeTopic::BeyondLocked(std::span<const Offset> seen) const {
  for (size_t i = 0; i < logs_.size(); ++i) {
    if (i >= seen.size() ? logs_[i].end > 0 : logs_[i].end > seen[i].value) return true;
  }
  return false;
}

bool FakeTopic::WaitBeyond(std::span<const Offset> seen, std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  const uint64_t wakes = wakes_;
  arrived_.wait_for(lock, timeout, [&] { return wakes_ != wakes || BeyondLocked(seen); });
  return wakes_ == wakes && BeyondLocked(seen);
}

void FakeTopic::Wake() {
  {
    const std::lock_guard lock(mutex_);
    ++wakes_;
  }
  arrived_.notify_all();
}

// ---------------------------------------------------------------- FakeTopics

class FakeTransaction final : public flow::Transaction {
 public:
  explicit FakeTransaction(FakeTopics& topics) : topics_(topics) {}
  Status Append(const std::string& topic, std::optional<PartitionId>,
                flow::OutRecord record) override {
    records_.emplace_back(topic, std::move(record));
    return {};
  }
  uint64_t bytes() const override { return records_.size(); }
  Status Commit(flow::CommitTag tag) override {
    MR_TRY(topics_.crash_.Pass());
    if (topics_.refusals_ > 0) {
      --topics_.refusals_;
      return Fail(ErrorCode::kResourceExhausted, "the disk budget is reached");
    }
    {
      const std::lock_guard lock(topics_.mutex_);
      const auto last = topics_.tags_.find(tag.owner);
      if (last != topics_.tags_.end() && last->second.sequence >= tag.sequence)
        return Fail(ErrorCode::kConflict, "sequence {} is committed", last->second.sequence);
      for (auto& [topic, record] : records_) topics_.topics_[topic].push_back(record);
      topics_.tags_[tag.owner] = tag;
    }
    return topics_.crash_.Pass();
  }
  Status Abort() override { return {}; }

 private:
  FakeTopics& topics_;
  std::vector<std::pair<std::string, flow::OutRecord>> records_;
};

Result<std::unique_ptr<flow::Transaction>> FakeTopics::Begin(const std::string&) {
  MR_TRY(crash_.Pass());
  return std::make_unique<FakeTransaction>(*this);
}

Result<std::optional<flow::CommitTag>> FakeTopics::LastCommitted(const std::string& owner) {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  const auto found = tags_.find(owner);
  if (found == tags_.end()) return std::nullopt;
  return found->second;
}

std::vector<flow::OutRecord> FakeTopics::records(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(topic);
  return found == topics_.end() ? std::vector<flow::OutRecord>() : found->second;
}

// ---------------------------------------------------------------- FakeTableWriter

Result<std::unique_ptr<flow::EncodedRows>> FakeTableWriter::Encode(
    const data::Batch& batch, std::span<const int64_t> write_us, data::RowErrors& errors) const {
  auto encoded = std::make_unique<FakeRows>();
  for (size_t row = 0; row < batch.rows; ++row) {
    if (errors.Has(row)) continue;
    if (batch.columns[0]->IsNull(row)) {
      errors.Add(row, "NULL_KEY", "a key column is NULL");
      continue;
    }
    encoded->rows_.push_back({table_, RowText(batch, row, 0, key_columns_), write_us[row],
                              RowText(batch, row, key_columns_, batch.columns.size())});
  }
  return encoded;
}

// ---------------------------------------------------------------- FakeStore

Result<flow::Progress> FakeStore::LoadProgress(const std::string& query) {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  return live_.progress[query];
}

Status FakeStore::ScanState(
    const std::string& query, uint32_t operator_id,
    const std::function<bool(uint8_t, std::string_view, std::string_view)>& visit) {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  for (const auto& [key, value] : live_.state) {
    if (std::get<0>(key) != query || std::get<1>(key) != operator_id) continue;
    if (!visit(std::get<2>(key), std::get<3>(key), value)) break;
  }
  return {};
}

Result<std::optional<std::string>> FakeStore::GetState(const std::string& query,
                                                       uint32_t operator_id, uint8_t key_group,
                                                       std::string_view key) {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  const auto found = live_.state.find({query, operator_id, key_group, std::string(key)});
  if (found == live_.state.end()) return std::nullopt;
  return found->second;
}

Status FakeStore::Commit(flow::EpochWrite write) {
  MR_TRY(crash_.Pass());
  {
    const std::lock_guard lock(mutex_);
    const flow::Progress& before = live_.progress[write.query];
    MR_CHECK(before.epoch.value == 0 || write.progress.epoch == before.epoch + 1,
             "epochs are committed one after the other");
    for (const auto& rows : write.rows) {
      for (const FakeRows::Row& row : static_cast<const FakeRows&>(*rows).rows_) {
        auto& cell = live_.tables[{row.table, row.key}];
        if (row.write_us >= cell.first) cell = {row.write_us, row.text};
      }
    }
    for (flow::StateChange& change : write.state) {
      const StateKey key{write.query, change.operator_id, change.key_group, change.key};
      if (change.value.has_value()) {
        live_.state[key] = *change.value;
      } else {
        MR_CHECK(live_.state.erase(key) == 1, "only what is there is removed");
      }
    }
    live_.progress[write.query] = write.progress;
    ++commits_;
    if (flush_every_ > 0 && commits_ % flush_every_ == 0) flushed_ = live_;
  }
  return crash_.Pass();
}

Result<flow::Progress> FakeStore::FlushedProgress(const std::string& query) {
  const std::lock_guard lock(mutex_);
  return flushed_.progress[query];
}

Status FakeStore::Flush() {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  flushed_ = live_;
  return {};
}

Status FakeStore::DropQuery(const std::string& query) {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  live_.progress.erase(query);
  std::erase_if(live_.state, [&](const auto& entry) { return std::get<0>(entry.first) == query; });
  return {};
}

FakeTables FakeStore::tables() const {
  const std::lock_guard lock(mutex_);
  return live_.tables;
}

size_t FakeStore::state_entries() const {
  const std::lock_guard lock(mutex_);
  return live_.state.size();
}

void FakeStore::LoseUnflushed() {
  const std::lock_guard lock(mutex_);
  live_ = flushed_;
}

// ---------------------------------------------------------------- FakeIntents

Result<IntentTicket> FakeIntents::Append(const flow::EpochIntent& intent) {
  MR_TRY(crash_.Pass());
  IntentRecord record;
  record.intent = intent;
  const std::lock_guard lock(mutex_);
  records_.push_back(EncodeIntentRecord(record));
  return IntentTicket{records_.size()};
}

Status FakeIntents::Await(IntentTicket ticket) {
  MR_TRY(crash_.Pass());
  {
    const std::lock_guard lock(mutex_);
    synced_ = std::max<size_t>(synced_, ticket.number);
  }
  return crash_.Pass();
}

Status FakeIntents::StoreDefinition(const StoredDefinition& definition) {
  MR_TRY(crash_.Pass());
  IntentRecord record;
  record.kind = IntentRecord::Kind::kDefinition;
  record.definition = definition;
  const std::lock_guard lock(mutex_);
  records_.push_back(EncodeIntentRecord(record));
  synced_ = records_.size();
  return {};
}

Result<StoredIntents> FakeIntents::Load(const std::string& query) {
  MR_TRY(crash_.Pass());
  const std::lock_guard lock(mutex_);
  StoredIntents stored;
  for (const std::string& bytes : records_) {
    MR_ASSIGN(IntentRecord record, DecodeIntentRecord(bytes));
    if (record.kind == IntentRecord::Kind::kIntent && record.intent.query == query)
      stored.intents.push_back(std::move(record.intent));
    if (record.kind == IntentRecord::Kind::kDefinition && record.definition.query == query)
      stored.definitions.push_back(std::move(record.definition));
    if (record.kind == IntentRecord::Kind::kDrop && record.query == query) stored = {};
  }
  const auto truncated = truncated_.find(query);
  if (truncated != truncated_.end()) {
    std::erase_if(stored.intents, [&](const flow::EpochIntent& intent) {
      return intent.epoch <= truncated->second;
    });
  }
  return stored;
}

std::vector<std::string> FakeIntents::Queries() {
  const std::lock_guard lock(mutex_);
  std::set<std::string> queries;
  for (const std::string& bytes : records_) {
    const IntentRecord record = DecodeIntentRecord(bytes).value();
    if (record.kind == IntentRecord::Kind::kDrop)
      queries.erase(record.query);
    else
      queries.insert(record.kind == IntentRecord::Kind::kIntent ? record.intent.query
                                                                : record.definition.query);
  }
  return {queries.begin(), queries.end()};
}

Status FakeIntents::Truncate(const std::string& query, EpochId through) {
  const std::lock_guard lock(mutex_);
  truncated_[query] = through;
  return {};
}

Status FakeIntents::Drop(const std::string& query) {
  MR_TRY(crash_.Pass());
  IntentRecord record;
  record.kind = IntentRecord::Kind::kDrop;
  record.query = query;
  const std::lock_guard lock(mutex_);
  records_.push_back(EncodeIntentRecord(record));
  synced_ = records_.size();
  truncated_.erase(query);
  return {};
}

std::vector<flow::EpochIntent> FakeIntents::history() const {
  const std::lock_guard lock(mutex_);
  std::vector<flow::EpochIntent> intents;
  for (const std::string& bytes : records_) {
    const auto record = DecodeIntentRecord(bytes);
    MR_CHECK(record.has_value(), "what was encoded can be decoded");
    if (record->kind == IntentRecord::Kind::kIntent) intents.push_back(record->intent);
  }
  return intents;
}

void FakeIntents::LoseUnsynced(size_t kept) {
  const std::lock_guard lock(mutex_);
  records_.resize(std::min(records_.size(), synced_ + kept));
  synced_ = records_.size();
}

size_t FakeIntents::unsynced() const {
  const std::lock_guard lock(mutex_);
  return records_.size() - synced_;
}

// ---------------------------------------------------------------- FakeWorld

FakeTopic& FakeWorld::AddTopic(const std::string& name, int32_t partitions) {
  return *(sources[name] = std::make_unique<FakeTopic>(name, partitions));
}

QueryWorld FakeWorld::World() {
  QueryWorld world;
  for (const auto& [name, source] : sources) world.sources[name] = source.get();
  world.store = &store;
  world.intents = &intents;
  world.time = &time;
  world.lookups = lookups;
  return world;
}

void FakeWorld::Reboot(uint64_t chance) {
  crash.After(-1);
  store.LoseUnflushed();
  intents.LoseUnsynced(chance % (intents.unsynced() + 1));
}

std::vector<flow::DeadLetter> FakeWorld::DeadLetters(const std::string& name) const {
  std::vector<flow::DeadLetter> letters;
  for (const flow::OutRecord& record : topics.records(name)) {
    std::string raw;
    AppendSignedVarint(raw, static_cast<int64_t>(record.headers.size()));
    for (const flow::Header& header : record.headers) {
      for (const std::string* text : {&header.key, &header.value}) {
        AppendSignedVarint(raw, static_cast<int64_t>(text->size()));
        raw += *text;
      }
    }
    flow::RecordView view;
    view.raw_headers = raw;
    if (record.key.has_value()) {
      view.key = record.key->data();
      view.key_size = static_cast<uint32_t>(record.key->size());
    }
    if (record.value.has_value()) {
      view.value = record.value->data();
      view.value_size = static_cast<uint32_t>(record.value->size());
    }
    auto letter = flow::DecodeDeadLetter(view);
    MR_CHECK(letter.has_value(), "every dead letter can be read");
    letters.push_back(*std::move(letter));
  }
  return letters;
}

std::vector<std::string> Summaries(const std::vector<flow::DeadLetter>& letters) {
  std::vector<std::string> summaries;
  for (const flow::DeadLetter& letter : letters) {
    summaries.push_back(fmt::format("{}#{} {} {} {}", flow::ToString(letter.origin),
                                    letter.origin.ordinal, letter.stage, letter.condition,
                                    letter.value.value_or("NULL")));
  }
  std::ranges::sort(summaries);
  return summaries;
}

}  // namespace millrace::engine::testing
