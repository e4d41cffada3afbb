// The driver's first part: from what is stored to where the query stood.
#include <algorithm>

#include "base/logging.h"
#include "engine/stream/driver.h"

namespace millrace::engine {

Status Driver::Recover(bool only_replay) {
  MR_ASSIGN(const flow::Progress progress, world_.store->LoadProgress(spec_.name));
  MR_ASSIGN(const StoredIntents stored, world_.intents->Load(spec_.name));
  MR_TRY(CheckFirst(progress, stored, only_replay));
  MR_TRY(runner_->Restore(*world_.store));
  epoch_ = progress.epoch;
  watermark_us_ = progress.watermark_us;
  positions_ = progress.positions;
  readings_.assign(positions_.size(), Reading());
  bool is_new = progress.epoch.value == 0;

  for (const flow::EpochIntent& intent : stored.intents) {
    if (intent.epoch <= progress.epoch) continue;
    if (intent.plan_hash != definition_hash_) break;  // CheckFirst: only when that is wanted
    is_new = false;
    MR_TRY(ReplayIntent(intent));
  }
  MR_TRY(committer_.Drain());
  if (only_replay) return {};
  LeaveTopics();
  // A query without a past may have had one: its sinks remember epochs, which must not come again.
  if (is_new) epoch_ = std::max(epoch_, committer_.NewestCommitted());
  MR_TRY(AddPartitions(is_new));
  MR_TRY(world_.intents->StoreDefinition({spec_.name, definition_hash_, spec_.definition}));
  board_.Set({epoch_, definition_hash_, watermark_us_, positions_});
  return AskReadable();
}

Status Driver::CheckFirst(const flow::Progress& progress, const StoredIntents& stored,
                          bool only_replay) const {
  EpochId expected = progress.epoch + 1;
  bool first = true;
  uint64_t last_hash = progress.plan_hash;
  for (const flow::EpochIntent& intent : stored.intents) {
    if (intent.epoch <= progress.epoch) continue;
    if (first && progress.epoch.value == 0) expected = intent.epoch;
    if (intent.epoch != expected) {
      return Fail(ErrorCode::kDamaged,
                  "query {}: the state is at epoch {}, the next stored intent is of epoch {}; "
                  "those between are missing",
                  spec_.name, expected - 1, intent.epoch);
    }
    if (intent.plan_hash != definition_hash_ && !only_replay) {
      return Fail(ErrorCode::kConflict,
                  "query {}: epoch {} ran with another definition and must be re-run with it first",
                  spec_.name, intent.epoch);
    }
    last_hash = intent.plan_hash;
    first = false;
    ++expected;
  }
  if (progress.epoch.value > 0 && last_hash != definition_hash_ && !only_replay) {
    return Fail(ErrorCode::kConflict,
                "query {}: its definition changed; the change has not been accepted", spec_.name);
  }
  return {};
}

// Forgets partitions of topics that an accepted change took out of the query.
void Driver::LeaveTopics() {
  const std::vector<std::string>& topics = runner_->program().topics;
  std::erase_if(positions_, [&](const flow::Position& position) {
    return std::ranges::find(topics, position.at.topic) == topics.end();
  });
  readings_.assign(positions_.size(), Reading());
}

// The engine checks itself: what it computed up to here must be what the intent found.
Status Driver::CheckStart(const flow::EpochIntent& intent) const {
  for (const flow::EpochIntent::Range& range : intent.ranges) {
    const auto found =
        std::ranges::lower_bound(positions_, range.start.at, {}, &flow::Position::at);
    if (found == positions_.end() || found->at != range.start.at) continue;  // it joined then
    if (found->next != range.start.next || found->last_write_us != range.start.last_write_us ||
        found->watermark_us != range.start.watermark_us) {
      return Fail(ErrorCode::kDamaged,
                  "query {}, epoch {}: the state stands at {}/{} offset {}, its intent begins at "
                  "{}; state and intents do not belong together",
                  spec_.name, intent.epoch, found->at.topic, found->at.partition, found->next,
                  range.start.next);
    }
  }
  return {};
}

Status Driver::ReplayIntent(const flow::EpochIntent& intent) {
  MR_TRY(CheckStart(intent));
  EpochFrame frame;
  frame.epoch = intent.epoch;
  frame.now = intent.now;
  frame.seed = intent.seed;
  frame.watermark_us = intent.watermark_us;
  for (const flow::EpochIntent::Range& range : intent.ranges)
    frame.positions.push_back(range.start);
  if (intent.lookups.size() != lookups_.size()) {
    return Fail(ErrorCode::kDamaged,
                "query {}, epoch {}: intent names {} look-ups, the plan has {}", spec_.name,
                intent.epoch, intent.lookups.size(), lookups_.size());
  }
  std::vector<uint64_t> versions;
  for (size_t i = 0; i < lookups_.size(); ++i) {
    MR_ASSIGN(auto table, lookups_[i]->At(intent.lookups[i].version));
    frame.lookups.push_back(std::move(table));
    versions.push_back(intent.lookups[i].version);
  }
  if (versions_.empty() || versions_.back().second != versions)
    versions_.emplace_back(intent.epoch, std::move(versions));

  ReadyEpoch ready;
  ready.cut_ns = world_.time->MonotonicNs();
  runner_->Begin(std::move(frame));
  for (size_t i = 0; i < intent.ranges.size(); ++i) {
    const flow::EpochIntent::Range& range = intent.ranges[i];
    const auto source = world_.sources.find(range.start.at.topic);
    if (source == world_.sources.end()) {
      return Fail(ErrorCode::kInvalidArgument, "query {}, epoch {}: topic {} has no source",
                  spec_.name, intent.epoch, range.start.at.topic);
    }
    for (Offset next = range.start.next; next < range.end;) {
      MR_ASSIGN(flow::RecordBlock block,
                source->second->Read(range.start.at.partition, next, range.end,
                                     spec_.settings.epoch_bytes_max));
      block.next = std::min(block.next, range.end);
      if (block.next <= next) {
        return Fail(ErrorCode::kDamaged, "{}/{}: epoch {} read up to offset {}, now {} is the end",
                    range.start.at.topic, range.start.at.partition, intent.epoch, range.end, next);
      }
      next = block.next;
      runner_->Add(i, std::move(block));
    }
  }
  MR_ASSIGN(ready.output, runner_->Finish());
  ready.output.write.progress.plan_hash = intent.plan_hash;
  epoch_ = intent.epoch;
  positions_ = ready.output.write.progress.positions;
  watermark_us_ = ready.output.write.progress.watermark_us;
  readings_.assign(positions_.size(), Reading());
  logging::Info("query.epoch_replayed", {{"query", spec_.name}, {"epoch", intent.epoch}});
  return committer_.Submit(std::move(ready));
}

}  // namespace millrace::engine
