#include "pipeline/commit_tags.h"

#include <algorithm>
#include <set>
#include <string>

#include "base/logging.h"
#include "extract/extractor.h"

namespace millrace::pipeline {
namespace {

// One owner for each task instance and for each `millrace produce`.
bool IsOfPassingOwner(const log::RememberedTag& tag) {
  return tag.owner.starts_with("dag/") || tag.owner.starts_with("produce/");
}

// An instance's transactions in parts have an owner below its own.
std::string_view InstanceOf(std::string_view owner) {
  return owner.ends_with(extract::kPartsOwnerSuffix)
             ? owner.substr(0, owner.size() - extract::kPartsOwnerSuffix.size())
             : owner;
}

}  // namespace

Status CommitTagUpkeep::Maintain() {
  if (log_.TransactionOwnerCount() < next_round_at_) return {};
  // In this order: an instance that ends after the database was read has its tag kept for now; one
  // that commits after the tags were read has a newer tag, which is not forgotten.
  std::vector<log::RememberedTag> tags = log_.CommitTags();
  MR_ASSIGN(const std::vector<schedule::TaskKey> unfinished, scheduler_.UnfinishedInstances());
  std::set<std::string, std::less<>> needed;
  for (const schedule::TaskKey& key : unfinished)
    needed.insert(extract::TransactionOwner(key.dag_id, key.task_id, key.logical_date));
  std::erase_if(tags, [](const auto& tag) { return !IsOfPassingOwner(tag); });
  if (tags.size() > keep_) {
    tags.resize(tags.size() - keep_);
    std::erase_if(tags, [&](const auto& tag) { return needed.contains(InstanceOf(tag.owner)); });
    MR_TRY(log_.ForgetCommitTags(tags));
    logging::Debug("log.tags_forgotten", {{"count", tags.size()}});
  }
  next_round_at_ = std::max(2 * keep_, log_.TransactionOwnerCount() + keep_);
  return {};
}

}  // namespace millrace::pipeline
