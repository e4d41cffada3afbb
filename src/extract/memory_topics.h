// MemoryTopics: topics in memory with transactions, for tests and benches of this module: a
// TransactionalWriter whose committed records can be looked at, and a Source over one of its
// topics.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "flow/source.h"
#include "flow/transaction.h"

namespace millrace::extract {

class MemoryTopics final : public flow::TransactionalWriter {
 public:
  Result<std::unique_ptr<flow::Transaction>> Begin(const std::string& owner) override {
    std::lock_guard lock(mutex_);
    return std::make_unique<MemoryTransaction>(*this, owner, ++fences_[owner]);
  }
  Result<std::optional<flow::CommitTag>> LastCommitted(const std::string& owner) override {
    std::lock_guard lock(mutex_);
    const auto found = tags_.find(owner);
    if (found == tags_.end()) return std::nullopt;
    return found->second;
  }

  // Committed records of a topic, in order.
  std::vector<flow::OutRecord> Records(const std::string& topic) {
    std::lock_guard lock(mutex_);
    return topics_[topic];
  }
  int commits() {
    std::lock_guard lock(mutex_);
    return commits_;
  }
  // The next appends are refused: the disk is full.
  void RefuseAppends(int count) {
    std::lock_guard lock(mutex_);
    refusals_ = count;
  }

 private:
  friend class MemorySource;

  class MemoryTransaction final : public flow::Transaction {
   public:
    MemoryTransaction(MemoryTopics& topics, std::string owner, int64_t fence)
        : topics_(topics), owner_(std::move(owner)), fence_(fence) {}

    Status Append(const std::string& topic, std::optional<PartitionId>,
                  flow::OutRecord record) override {
      std::lock_guard lock(topics_.mutex_);
      if (topics_.fences_[owner_] != fence_)
        return Fail(ErrorCode::kConflict, "fenced: {}", owner_);
      if (topics_.refusals_ > 0) {
        --topics_.refusals_;
        return Fail(ErrorCode::kResourceExhausted, "disk budget reached");
      }
      bytes_ += record.value ? record.value->size() : 0;
      pending_.emplace_back(topic, std::move(record));
      return {};
    }
    uint64_t bytes() const override { return bytes_; }
    Status Commit(flow::CommitTag tag) override {
      std::lock_guard lock(topics_.mutex_);
      if (topics_.fences_[owner_] != fence_)
        return Fail(ErrorCode::kConflict, "fenced: {}", owner_);
      const auto last = topics_.tags_.find(owner_);
      if (last != topics_.tags_.end() && last->second.sequence >= tag.sequence)
        return Fail(ErrorCode::kConflict, "sequence {} is committed", last->second.sequence);
      for (auto& [topic, record] : pending_) topics_.topics_[topic].push_back(std::move(record));
      pending_.clear();
      topics_.tags_[owner_] = std::move(tag);
      ++topics_.commits_;
      return {};
    }
    Status Abort() override {
      pending_.clear();
      return {};
    }

   private:
    MemoryTopics& topics_;
    const std::string owner_;
    const int64_t fence_;
    uint64_t bytes_ = 0;
    std::vector<std::pair<std::string, flow::OutRecord>> pending_;
  };

  std::mutex mutex_;
  std::map<std::string, std::vector<flow::OutRecord>> topics_;
  std::map<std::string, flow::CommitTag> tags_;
  std::map<std::string, int64_t> fences_;
  int commits_ = 0;
  int refusals_ = 0;
};

// One partition; what was committed before the call.
class MemorySource final : public flow::Source {
 public:
  MemorySource(MemoryTopics& topics, std::string topic)
      : topics_(topics), topic_(std::move(topic)) {}
  const std::string& topic() const override { return topic_; }
  int32_t partition_count() const override { return 1; }
  Result<flow::OffsetRange> Readable(PartitionId) override {
    return flow::OffsetRange{Offset(0),
                             Offset(static_cast<int64_t>(topics_.Records(topic_).size()))};
  }
  Result<std::vector<flow::PartitionCut>> Cut() override {
    MR_ASSIGN(const flow::OffsetRange readable, Readable(PartitionId(0)));
    return std::vector<flow::PartitionCut>{{readable, false}};
  }
  Result<flow::RecordBlock> Read(PartitionId, Offset from, Offset to, size_t) override {
    auto records = std::make_shared<std::vector<flow::OutRecord>>(topics_.Records(topic_));
    flow::RecordBlock block;
    for (Offset at = from; at < to; ++at) {
      const flow::OutRecord& record = (*records)[static_cast<size_t>(at.value)];
      flow::RecordView view;
      view.offset = at;
      if (record.key)
        view.key = record.key->data(), view.key_size = static_cast<uint32_t>(record.key->size());
      if (record.value)
        view.value = record.value->data(),
        view.value_size = static_cast<uint32_t>(record.value->size());
      block.records.push_back(view);
    }
    block.next = to;
    block.owners.push_back(records);
    return block;
  }
  bool WaitBeyond(std::span<const Offset>, std::chrono::nanoseconds) override { return false; }
  void Wake() override {}

 private:
  MemoryTopics& topics_;
  const std::string topic_;
};

}  // namespace millrace::extract
