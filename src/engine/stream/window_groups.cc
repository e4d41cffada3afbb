#include "engine/stream/window_groups.h"

#include "base/bytes.h"
#include "base/check.h"

namespace millrace::engine {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

}  // namespace

std::string WindowKey(int64_t start_us, std::string_view group_key) {
  std::string key;
  key.reserve(8 + group_key.size());
  AppendBig(key, static_cast<uint64_t>(start_us) ^ kSignBit);
  key += group_key;
  return key;
}

int64_t WindowStartOf(std::string_view key) {
  MR_CHECK(key.size() >= 8, "a group's key begins with its window");
  return static_cast<int64_t>(LoadBig<uint64_t>(key.data()) ^ kSignBit);
}

WindowGroups::WindowGroups(std::span<const std::unique_ptr<AggregateFunction>> functions) {
  for (const auto& function : functions) states_.push_back(function->NewStates());
}

uint32_t WindowGroups::Find(std::string_view key) {
  const auto found = numbers_.find(key);
  if (found != numbers_.end()) return found->second;
  uint32_t number = 0;
  if (free_.empty()) {
    number = static_cast<uint32_t>(keys_.size());
    keys_.push_back(nullptr);
    for (const auto& states : states_) states->Resize(keys_.size());
  } else {
    number = free_.back();
    free_.pop_back();
  }
  keys_[number] = &numbers_.emplace(key, number).first->first;
  return number;
}

void WindowGroups::Drop(uint32_t group) {
  for (const auto& states : states_) states->Reset(group);
  const auto found = numbers_.find(*keys_[group]);
  keys_[group] = nullptr;
  numbers_.erase(found);
  free_.push_back(group);
}

}  // namespace millrace::engine
