#include "schedule/ready_queue.h"

#include <tuple>

#include "base/check.h"

namespace millrace::schedule {

bool ReadyQueue::Before::operator()(const Entry& a, const Entry& b) const {
  return std::make_tuple(-a.priority, a.logical_date, a.sequence) <
         std::make_tuple(-b.priority, b.logical_date, b.sequence);
}

void ReadyQueue::AddPool(const std::string& name, int slots) { pools_[name].slots = slots; }

int ReadyQueue::SlotsOf(const std::string& pool) const {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? 0 : found->second.slots;
}

void ReadyQueue::Add(const std::string& pool, Entry entry) {
  const auto found = pools_.find(pool);
  MR_CHECK(found != pools_.end() && found->second.slots >= entry.slots,
           "pools are checked when a DAG is taken in");
  entry.sequence = next_sequence_++;
  const bool is_new =
      places_
          .emplace(std::make_pair(entry.run_key, entry.task), std::make_pair(&found->second, entry))
          .second;
  MR_CHECK(is_new, "a task instance waits in one place");
  found->second.entries.insert(entry);
}

bool ReadyQueue::Remove(int64_t run_key, size_t task) {
  const auto place = places_.find({run_key, task});
  if (place == places_.end()) return false;
  place->second.first->entries.erase(place->second.second);
  places_.erase(place);
  return true;
}

std::optional<ReadyQueue::Entry> ReadyQueue::Take() {
  State* best = nullptr;
  for (auto& [name, state] : pools_) {
    if (state.entries.empty() || state.used + state.entries.begin()->slots > state.slots) continue;
    if (best == nullptr || Before()(*state.entries.begin(), *best->entries.begin())) best = &state;
  }
  if (best == nullptr) return std::nullopt;
  const Entry entry = *best->entries.begin();
  best->used += entry.slots;
  best->entries.erase(best->entries.begin());
  places_.erase({entry.run_key, entry.task});
  return entry;
}

void ReadyQueue::Release(const std::string& pool, int slots) {
  State& state = pools_.find(pool)->second;
  state.used -= slots;
  MR_CHECK(state.used >= 0, "slots are given back once");
}

std::map<std::string, ReadyQueue::Pool> ReadyQueue::pools() const {
  std::map<std::string, Pool> all;
  for (const auto& [name, state] : pools_)
    all[name] = {state.slots, state.used, state.entries.size()};
  return all;
}

}  // namespace millrace::schedule
