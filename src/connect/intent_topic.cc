// The intent log over one partition of the embedded log: intents and definitions of all queries in
// the order they came. Its beginning is cut off once no query needs it; a definition that is still
// needed is first written again at the end.
#include <algorithm>
#include <map>
#include <mutex>

#include "base/logging.h"
#include "connect/connectors.h"

namespace millrace::connect {
namespace {

using engine::IntentRecord;
using engine::IntentTicket;
using engine::StoredDefinition;
using engine::StoredIntents;

constexpr PartitionId kPartition(0);
constexpr size_t kReadBytes = size_t{1} << 20;
// The beginning is cut off when at least so many records would go.
constexpr int64_t kCutRecords = 4096;

class IntentTopic final : public engine::IntentLog {
 public:
  explicit IntentTopic(log::Log& log) : log_(log) {}

  Status Open() {
    if (!log_.FindTopic(kEpochsTopic).has_value()) MR_TRY(log_.CreateTopic(EpochsTopicSpec()));
    return ReadAll([this](Offset offset, IntentRecord record) {
      NoteLocked(offset, record);
      return Status();
    });
  }

  Result<IntentTicket> Append(const flow::EpochIntent& intent) override {
    IntentRecord record;
    record.intent = intent;
    return AppendRecord(record);
  }

  Status Await(IntentTicket ticket) override {
    log::AppendTicket pending;
    {
      const std::lock_guard lock(mutex_);
      const auto found = pending_.find(ticket.number);
      if (found == pending_.end()) return {};  // awaited before
      pending = found->second;
    }
    MR_TRY(log_.Wait(pending));
    const std::lock_guard lock(mutex_);
    pending_.erase(ticket.number);
    return {};
  }

  Status StoreDefinition(const engine::StoredDefinition& definition) override {
    {
      const std::lock_guard lock(mutex_);
      for (const Definition& known : queries_[definition.query].definitions) {
        if (known.stored == definition) return {};
      }
    }
    IntentRecord record;
    record.kind = IntentRecord::Kind::kDefinition;
    record.definition = definition;
    MR_ASSIGN(const IntentTicket ticket, AppendRecord(record));
    return Await(ticket);
  }

  Result<StoredIntents> Load(const std::string& query) override {
    StoredIntents stored;
    Kept kept;
    {
      const std::lock_guard lock(mutex_);
      kept = queries_[query];
    }
    for (const Definition& definition : kept.definitions)
      stored.definitions.push_back(definition.stored);
    if (kept.intents.empty()) return stored;
    MR_TRY(ReadAll([&](Offset offset, IntentRecord record) {
      if (record.kind != IntentRecord::Kind::kIntent || record.intent.query != query)
        return Status();
      const auto found = kept.intents.find(record.intent.epoch);
      if (found != kept.intents.end() && found->second.offset == offset)
        stored.intents.push_back(std::move(record.intent));
      return Status();
    }));
    return stored;
  }

  std::vector<std::string> Queries() override {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> queries;
    for (const auto& [query, kept] : queries_) {
      if (!kept.intents.empty() || !kept.definitions.empty()) queries.push_back(query);
    }
    return queries;
  }

  Status Truncate(const std::string& query, EpochId through) override {
    std::vector<StoredDefinition> carried;
    Offset needed;
    {
      const std::lock_guard lock(mutex_);
      Kept& kept = queries_[query];
      kept.intents.erase(kept.intents.begin(), kept.intents.upper_bound(through));
      DropUnusedDefinitions(kept);
      needed = NeededLocked();
      if (needed - begin_ < kCutRecords) return {};
      carried = DefinitionsBeforeLocked(needed);
    }
    std::vector<IntentTicket> tickets;
    for (StoredDefinition& definition : carried) {
      IntentRecord record;
      record.kind = IntentRecord::Kind::kDefinition;
      record.definition = std::move(definition);
      MR_ASSIGN(const IntentTicket ticket, AppendRecord(record));
      tickets.push_back(ticket);
    }
    for (const IntentTicket ticket : tickets) MR_TRY(Await(ticket));
    MR_TRY(log_.DeleteRecords(kEpochsTopic, kPartition, needed));
    const std::lock_guard lock(mutex_);
    begin_ = std::max(begin_, needed);
    return {};
  }

  Status Drop(const std::string& query) override {
    IntentRecord record;
    record.kind = IntentRecord::Kind::kDrop;
    record.query = query;
    MR_ASSIGN(const IntentTicket ticket, AppendRecord(record));
    return Await(ticket);
  }

 private:
  struct Place {
    Offset offset;
    uint64_t plan_hash = 0;
  };
  struct Definition {
    StoredDefinition stored;
    Offset offset;
  };
  struct Kept {
    std::map<EpochId, Place> intents;
    std::vector<Definition> definitions;  // the oldest first
  };

  Result<IntentTicket> AppendRecord(const IntentRecord& record) {
    const flow::OutRecord out{std::nullopt, engine::EncodeIntentRecord(record), {}};
    // Under the lock, so that what is noted comes in the order of the offsets.
    const std::lock_guard lock(mutex_);
    MR_ASSIGN(const log::AppendTicket appended,
              log_.AppendAsync(kEpochsTopic, kPartition, std::span(&out, 1)));
    NoteLocked(appended.first, record);
    const uint64_t number = ++tickets_;
    pending_.emplace(number, appended);
    // Intents whose epoch failed are never awaited; the query ended with it.
    while (pending_.size() > kPendingMax) pending_.erase(pending_.begin());
    return IntentTicket{number};
  }

  void NoteLocked(Offset offset, const IntentRecord& record) {
    end_ = offset + 1;
    switch (record.kind) {
      case IntentRecord::Kind::kIntent:
        queries_[record.intent.query].intents[record.intent.epoch] = {offset,
                                                                      record.intent.plan_hash};
        break;
      case IntentRecord::Kind::kDefinition: {
        auto& definitions = queries_[record.definition.query].definitions;
        const auto same =
            std::ranges::find(definitions, record.definition.plan_hash,
                              [](const Definition& it) { return it.stored.plan_hash; });
        if (same == definitions.end()) {
          definitions.push_back({record.definition, offset});
        } else {
          *same = {record.definition, offset};
        }
        break;
      }
      case IntentRecord::Kind::kDrop:
        queries_.erase(record.query);
        break;
    }
  }

  // The newest is always kept: it tells what a changed query is compared with.
  static void DropUnusedDefinitions(Kept& kept) {
    while (kept.definitions.size() > 1) {
      const uint64_t hash = kept.definitions.front().stored.plan_hash;
      const bool used = std::ranges::any_of(
          kept.intents, [&](const auto& intent) { return intent.second.plan_hash == hash; });
      if (used) return;
      kept.definitions.erase(kept.definitions.begin());
    }
  }

  // The first offset that an intent still needs.
  Offset NeededLocked() const {
    Offset needed = end_;
    for (const auto& [query, kept] : queries_) {
      if (!kept.intents.empty()) needed = std::min(needed, kept.intents.begin()->second.offset);
    }
    return needed;
  }

  std::vector<StoredDefinition> DefinitionsBeforeLocked(Offset needed) const {
    std::vector<StoredDefinition> found;
    for (const auto& [query, kept] : queries_) {
      for (const Definition& definition : kept.definitions) {
        if (definition.offset < needed) found.push_back(definition.stored);
      }
    }
    return found;
  }

  template <typename F>
  Status ReadAll(F&& visit) {
    MR_ASSIGN(const auto source, log_.OpenSource(kEpochsTopic));
    MR_ASSIGN(const flow::OffsetRange range, source->Readable(kPartition));
    if (begin_ < range.begin) begin_ = range.begin;
    for (Offset next = range.begin; next < range.end;) {
      MR_ASSIGN(const flow::RecordBlock block,
                source->Read(kPartition, next, range.end, kReadBytes));
      for (const flow::RecordView& view : block.records) {
        auto record = engine::DecodeIntentRecord(view.value_view());
        if (!record.has_value()) {
          return std::unexpected(std::move(record).error().WithContext(
              fmt::format("topic {}, offset {}", kEpochsTopic, view.offset)));
        }
        MR_TRY(visit(view.offset, *std::move(record)));
      }
      if (block.next <= next) break;
      next = block.next;
    }
    return {};
  }

  static constexpr size_t kPendingMax = 1024;

  log::Log& log_;
  std::mutex mutex_;
  std::map<std::string, Kept> queries_;
  std::map<uint64_t, log::AppendTicket> pending_;
  uint64_t tickets_ = 0;
  Offset begin_;  // of the topic
  Offset end_;    // behind the newest record
};

}  // namespace

log::TopicSpec EpochsTopicSpec() {
  log::TopicSpec spec;
  spec.name = kEpochsTopic;
  spec.segment_bytes = 4 << 20;
  spec.internal = true;
  return spec;
}

Result<std::unique_ptr<engine::IntentLog>> OpenIntentLog(log::Log& log) {
  auto topic = std::make_unique<IntentTopic>(log);
  MR_TRY(topic->Open());
  return topic;
}

}  // namespace millrace::connect
