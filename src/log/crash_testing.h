// The workload of everything the log does, the oracle of what it was told, and the comparison, for
// the tests that cut the power under it.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/sim_file_system.h"
#include "log/log.h"

namespace millrace::log {

using flow::OutRecord;
using io::SimFileSystem;

inline constexpr std::string_view kOwner = "dag/users/fetch";
inline const std::string kCopyFolder = "data/copy";
const inline PartitionId kFirst(0);
const inline PartitionId kSecond(1);

// What the workload was told, and what it was in the middle of.
struct Oracle {
  struct Written {
    TopicPartition at;
    Offset offset;
    std::string value;
  };
  struct Batch {  // of a transaction or an append: all or nothing
    std::vector<std::pair<TopicPartition, std::string>> values;
    bool acknowledged = false;
    bool aborted = false;
    int64_t sequence = 0;  // of a transaction
  };
  std::vector<Written> appended;  // acknowledged, with their offsets
  std::vector<Batch> batches;
  std::map<std::string, std::vector<std::string>>
      keyed;                                         // compacted topic: values by key, in order
  std::map<std::string, size_t> keyed_acknowledged;  // how many of them for sure
  std::set<std::string> topics, maybe_topics, gone_topics;
  std::map<TopicPartition, Offset> deleted;        // acknowledged DeleteRecords
  std::map<TopicPartition, Offset> readable_seen;  // ends that a reader was given
  std::set<TopicPartition> shrinking;              // retention may take the front
  std::shared_ptr<const Oracle> copied;            // when the copy in kCopyFolder was made
};

class Workload {
 public:
  Workload(Log& log, Oracle& oracle) : log_(log), oracle_(oracle) {}

  // Stops at the first error, as a process does whose disk went away.
  Status Run() {
    MR_TRY(Create({{.name = "t", .partitions = 2, .segment_bytes = 1024},
                   {.name = "c", .cleanup = Cleanup::kCompact, .segment_bytes = 1024}}));
    for (int i = 0; i < 3; ++i) MR_TRY(Append("t", kFirst, fmt::format("a{}", i), 300));
    MR_TRY(Transaction(1, "one", /*big=*/false));
    MR_TRY(Aborted());
    MR_TRY(Forgotten());
    for (int i = 0; i < 4; ++i) MR_TRY(Keyed(i));
    MR_TRY(Create({{.name = "r", .retention_bytes = 1500, .segment_bytes = 1024}}));
    oracle_.shrinking.insert({"r", kFirst});
    for (int i = 0; i < 5; ++i) MR_TRY(Append("r", kFirst, fmt::format("r{}", i), 600));
    MR_TRY(log_.RunMaintenance());
    MR_TRY(Transaction(2, "two", /*big=*/true));
    MR_TRY(Delete("t", kFirst, Offset(3)));  // within a segment
    MR_TRY(log_.Checkpoint(kCopyFolder));
    oracle_.copied = std::make_shared<Oracle>(oracle_);
    for (int i = 4; i < 7; ++i) MR_TRY(Keyed(i));
    MR_TRY(log_.RunMaintenance());
    MR_TRY(Append("t", kSecond, "late", 10));
    MR_TRY(Drop("r"));
    return Transaction(3, "three", /*big=*/false);
  }

  // What a process does that was started again: what it found there it has shown to others, and
  // what it appends now is as good as before.
  Status GoOn(bool with_transaction) {
    for (const TopicInfo& info : log_.Topics()) {
      const std::string& name = info.spec.name;
      if (info.spec.internal || !oracle_.maybe_topics.contains(name)) continue;
      oracle_.topics.insert(name);
      for (int32_t p = 0; p < info.spec.partitions; ++p) {
        if (name != "c") MR_TRY(Witness({name, PartitionId(p)}));
        MR_TRY(Look(name, PartitionId(p)));
      }
      MR_TRY(name == "c" ? Keyed(7) : Append(name, kFirst, "after", 10));
    }
    if (!with_transaction || !log_.FindTopic("t")) return {};
    return Transaction(4, "four", /*big=*/false);
  }

 private:
  Status Witness(const TopicPartition& at) {
    MR_ASSIGN(const auto source, log_.OpenSource(at.topic));
    MR_ASSIGN(const auto range, source->Readable(at.partition));
    for (Offset next = range.begin; next < range.end;) {
      MR_ASSIGN(const auto block, source->Read(at.partition, next, range.end, 1 << 20));
      for (const auto& record : block.records)
        oracle_.appended.push_back({at, record.offset, std::string(record.value_view())});
      next = block.next;
    }
    return {};
  }

  Status Create(std::vector<TopicSpec> specs) {
    for (TopicSpec& spec : specs) {
      spec.codec = Codec::kNone;
      oracle_.maybe_topics.insert(spec.name);
    }
    MR_TRY(log_.CreateTopics(specs));
    for (const TopicSpec& spec : specs) oracle_.topics.insert(spec.name);
    return {};
  }

  Status Drop(const std::string& name) {
    oracle_.topics.erase(name);
    MR_TRY(log_.DeleteTopic(name));
    oracle_.gone_topics.insert(name);
    return {};
  }

  Status Append(const std::string& topic, PartitionId partition, const std::string& value,
                size_t size) {
    const std::string padded = value + std::string(size, '.');
    oracle_.batches.push_back({{{{topic, partition}, padded}}});
    const OutRecord record{std::nullopt, padded, {}};
    MR_ASSIGN(const AppendTicket ticket, log_.Append(topic, partition, {&record, 1}));
    oracle_.batches.back().acknowledged = true;
    oracle_.appended.push_back({{topic, partition}, ticket.first, padded});
    return Look(topic, partition);
  }

  Status Look(const std::string& topic, PartitionId partition) {
    MR_ASSIGN(const auto offsets, log_.Offsets(topic, partition));
    oracle_.readable_seen[{topic, partition}] = offsets.last_stable;
    return {};
  }

  Status Keyed(int i) {
    const std::string key = fmt::format("k{}", i % 3);
    const std::string value = fmt::format("{}={}", key, i) + std::string(400, '.');
    oracle_.keyed[key].push_back(value);
    const OutRecord record{key, value, {}};
    MR_TRY(log_.Append("c", kFirst, {&record, 1}));
    oracle_.keyed_acknowledged[key] = oracle_.keyed[key].size();
    return Look("c", kFirst);
  }

  Status Transaction(int64_t sequence, const std::string& value, bool big) {
    Oracle::Batch batch;
    batch.sequence = sequence;
    MR_ASSIGN(auto transaction, log_.transactions().Begin(std::string(kOwner)));
    for (const PartitionId partition : {kFirst, kSecond}) {
      const std::string text =
          fmt::format("{}/{}", value, partition) + std::string(big ? 270'000 : 10, '.');
      batch.values.push_back({{"t", partition}, text});
    }
    oracle_.batches.push_back(batch);
    for (const auto& [at, text] : batch.values)
      MR_TRY(transaction->Append(at.topic, at.partition, {{}, text, {}}));
    MR_TRY(transaction->Commit({std::string(kOwner), sequence, value}));
    oracle_.batches.back().acknowledged = true;
    MR_TRY(Look("t", kFirst));
    return Look("t", kSecond);
  }

  Status Aborted() {
    MR_ASSIGN(auto transaction, log_.transactions().Begin("other"));
    const std::string text = "aborted" + std::string(270'000, '.');
    oracle_.batches.push_back({{{{"t", kFirst}, text}}, false, true});
    MR_TRY(transaction->Append("t", kFirst, {{}, text, {}}));
    return transaction->Abort();
  }

  // An owner that nobody will ask for again: its records stay.
  Status Forgotten() {
    MR_ASSIGN(auto transaction, log_.transactions().Begin("gone"));
    const std::string text = "kept" + std::string(10, '.');
    oracle_.batches.push_back({{{{"t", kSecond}, text}}});
    MR_TRY(transaction->Append("t", kSecond, {{}, text, {}}));
    MR_TRY(transaction->Commit({"gone", 1, ""}));
    oracle_.batches.back().acknowledged = true;
    transaction.reset();
    std::vector<RememberedTag> tags = log_.CommitTags();
    std::erase_if(tags, [](const RememberedTag& tag) { return tag.owner != "gone"; });
    return log_.ForgetCommitTags(tags);
  }

  Status Delete(const std::string& topic, PartitionId partition, Offset before) {
    oracle_.shrinking.insert({topic, partition});
    MR_TRY(log_.DeleteRecords(topic, partition, before));
    oracle_.deleted[{topic, partition}] = before;
    return {};
  }

  Log& log_;
  Oracle& oracle_;
};

// What is wrong with `log` after what `oracle` saw; empty: nothing.
class Check {
 public:
  Check(Log& log, const Oracle& oracle) : log_(log), oracle_(oracle) {}

  std::string Run() {
    for (const Log::Damage& damage : log_.DamagedPartitions())
      return "damaged: " + damage.error.ToString();
    for (const std::string& name : oracle_.topics) {
      if (!log_.FindTopic(name)) return "topic is gone: " + name;
    }
    for (const std::string& name : oracle_.gone_topics) {
      if (log_.FindTopic(name)) return "deleted topic is back: " + name;
    }
    for (const TopicInfo& info : log_.Topics()) {
      if (info.spec.internal) continue;
      if (!oracle_.maybe_topics.contains(info.spec.name)) return "unknown topic";
      for (int32_t p = 0; p < info.spec.partitions; ++p) ReadAll({info.spec.name, PartitionId(p)});
    }
    if (wrong_.empty()) CheckAppended();
    if (wrong_.empty()) CheckBatches();
    if (wrong_.empty()) CheckKeyed();
    if (wrong_.empty()) CheckLimits();
    if (wrong_.empty()) CheckNamesAreFree();
    return wrong_;
  }

 private:
  void ReadAll(const TopicPartition& at) {
    auto source = log_.OpenSource(at.topic).value();
    const auto range = source->Readable(at.partition);
    if (!range) return Wrong("unreadable: " + range.error().ToString());
    starts_[at] = range->begin;
    ends_[at] = range->end;
    Offset next = range->begin;
    while (next < range->end) {
      const auto block = source->Read(at.partition, next, range->end, 1 << 20);
      if (!block) return Wrong("unreadable: " + block.error().ToString());
      if (block->next <= next) return Wrong("a read does not move on");
      for (const auto& record : block->records) {
        found_[at][record.offset] = std::string(record.value_view());
        ++count_[at][std::string(record.value_view())];
      }
      next = block->next;
    }
  }

  void CheckAppended() {
    for (const Oracle::Written& written : oracle_.appended) {
      if (!oracle_.topics.contains(written.at.topic)) continue;
      if (written.offset < starts_[written.at] && oracle_.shrinking.contains(written.at)) continue;
      const auto found = found_[written.at].find(written.offset);
      if (found == found_[written.at].end() || found->second != written.value)
        return Wrong(fmt::format("acknowledged record is gone: {}", written.value.substr(0, 8)));
    }
  }

  // Present, absent (or taken from the front) or mixed?
  void CheckBatches() {
    int64_t newest_sequence = 0;
    std::map<TopicPartition, std::set<std::string>> known;
    for (const Oracle::Batch& batch : oracle_.batches) {
      size_t present = 0;
      size_t may_be_taken = 0;
      for (const auto& [at, value] : batch.values) {
        known[at].insert(value);
        const int times = count_[at][value];
        if (times > 1) return Wrong("a record is there twice: " + value.substr(0, 8));
        if (times == 1) ++present;
        if (times == 0 && oracle_.shrinking.contains(at)) ++may_be_taken;
      }
      if (!oracle_.topics.contains(batch.values[0].first.topic)) continue;
      const std::string name = batch.values[0].second.substr(0, 8);
      if (batch.aborted && present > 0) return Wrong("aborted record is read: " + name);
      const bool whole = present == batch.values.size();
      if (present > 0 && !whole && (present + may_be_taken < batch.values.size()))
        return Wrong("half a transaction is read: " + name);
      if (batch.sequence > 0 && present > 0 && !whole) return Wrong("torn transaction: " + name);
      if (batch.acknowledged && present + may_be_taken < batch.values.size())
        return Wrong("acknowledged records are gone: " + name);
      if (batch.sequence > 0 && present > 0) newest_sequence = batch.sequence;
    }
    for (const auto& [at, values] : count_) {
      if (at.topic == "c") continue;
      for (const auto& [value, times] : values) {
        if (times > 0 && !known[at].contains(value)) return Wrong("a record nobody wrote is read");
      }
    }
    const auto tag = log_.transactions().LastCommitted(std::string(kOwner)).value();
    if ((tag ? tag->sequence : 0) != newest_sequence)
      Wrong(fmt::format("tag says {}, records say {}", tag ? tag->sequence : 0, newest_sequence));
  }

  // Of each key the newest acknowledged value, or a later one, is the newest there.
  void CheckKeyed() {
    for (const auto& [key, values] : oracle_.keyed) {
      const auto acknowledged = oracle_.keyed_acknowledged.find(key);
      if (acknowledged == oracle_.keyed_acknowledged.end()) continue;
      std::string newest;
      for (const auto& [offset, value] : found_[{"c", kFirst}]) {
        if (value.starts_with(key)) newest = value;
      }
      const auto at = std::ranges::find(values, newest) - values.begin();
      if (at + 1 < static_cast<ptrdiff_t>(acknowledged->second) || at == std::ssize(values))
        return Wrong("the newest value of a key is gone: " + key);
    }
  }

  void CheckLimits() {
    for (const auto& [at, end] : oracle_.readable_seen) {
      if (oracle_.topics.contains(at.topic) && ends_[at] < end)
        return Wrong(fmt::format("the readable end of {}/{} went back", at.topic, at.partition));
    }
    for (const auto& [at, before] : oracle_.deleted) {
      if (starts_[at] < before) return Wrong("deleted records are back");
    }
  }

  // Nothing of a deleted topic, or of one half made, stands in the way of a new one.
  void CheckNamesAreFree() {
    for (const std::string& name : oracle_.maybe_topics) {
      if (log_.FindTopic(name)) continue;
      auto made = log_.CreateTopic({.name = name});
      if (made) made = log_.DeleteTopic(name);
      if (!made) Wrong("a deleted topic's name: " + made.error().ToString());
    }
  }

  void Wrong(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  Log& log_;
  const Oracle& oracle_;
  std::string wrong_;
  std::map<TopicPartition, Offset> starts_, ends_;
  std::map<TopicPartition, std::map<Offset, std::string>> found_;
  std::map<TopicPartition, std::map<std::string, int>> count_;
};

inline LogOptions Options(const std::string& folder = "data/log") {
  LogOptions options;
  options.folder = folder;
  options.sync_threads = 0;
  options.maintenance_interval_ms = 0;
  options.checkpoint_bytes = 3000;
  options.on_fatal = [](const Error&) {};
  return options;
}

// Runs the workload until the power goes at operation `cut` (0: never); the operations it took.
inline uint64_t RunUntil(SimFileSystem& fs, uint64_t cut, Oracle& oracle) {
  io::VirtualClock clock(TimestampUs(1'700'000'000'000'000));
  fs.CutPowerAt(cut);
  if (auto log = Log::Open(Options(), fs, clock)) static_cast<void>(Workload(**log, oracle).Run());
  return fs.operations();
}

inline std::string VerifyFolder(SimFileSystem& fs, const std::string& folder,
                                const Oracle& oracle) {
  io::VirtualClock clock(TimestampUs(1'700'000'100'000'000));
  auto log = Log::Open(Options(folder), fs, clock);
  if (!log) return "does not open: " + log.error().ToString();
  return Check(**log, oracle).Run();
}

// The log, and the copy of it once that is acknowledged.
inline std::string Verify(SimFileSystem& fs, const Oracle& oracle) {
  if (auto wrong = VerifyFolder(fs, "data/log", oracle); !wrong.empty()) return wrong;
  if (oracle.copied == nullptr) return {};
  const std::string wrong = VerifyFolder(fs, kCopyFolder, *oracle.copied);
  return wrong.empty() ? wrong : "copy: " + wrong;
}

}  // namespace millrace::log
