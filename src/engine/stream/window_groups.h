// WindowGroups: the (window, key) pairs of a window aggregate with the states of their aggregates.
// Both a chunk's partial result and the operator's open windows are one of these.
//
// A group's key is its window's start, as 8 bytes big-endian with the sign bit flipped, then the
// group key as row_key.h writes it: byte order is window order, then key order.
//
// Thread contract: one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/aggregate.h"

namespace millrace::engine {

std::string WindowKey(int64_t start_us, std::string_view group_key);
int64_t WindowStartOf(std::string_view key);

class WindowGroups {
 public:
  explicit WindowGroups(std::span<const std::unique_ptr<AggregateFunction>> functions);

  // The number of the group, made with empty states when it is new.
  uint32_t Find(std::string_view key);
  // Drops a group; its number may be given to another.
  void Drop(uint32_t group);

  size_t size() const { return numbers_.size(); }
  // One more than the greatest number in use.
  size_t numbers_end() const { return keys_.size(); }
  const std::string& key(uint32_t group) const { return *keys_[group]; }
  AggregateStates& states(size_t aggregate) { return *states_[aggregate]; }
  const AggregateStates& states(size_t aggregate) const { return *states_[aggregate]; }
  size_t aggregates() const { return states_.size(); }

  // f(group) for each group, in no order.
  template <typename F>
  void ForEach(F&& f) const {
    for (const auto& [key, number] : numbers_) f(number);
  }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, uint32_t, TextHash, std::equal_to<>> numbers_;
  std::vector<const std::string*> keys_;  // by number; nullptr: free
  std::vector<uint32_t> free_;
  std::vector<std::unique_ptr<AggregateStates>> states_;
};

}  // namespace millrace::engine
