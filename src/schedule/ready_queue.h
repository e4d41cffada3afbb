// ReadyQueue: task instances that may run, waiting for slots of their pool.
//
// Order within a pool: higher priority first, then the older logical date, then the one that came
// first. The first waits until its slots are free, even when a later one would fit: wide tasks are
// not starved.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace millrace::schedule {

class ReadyQueue {
 public:
  struct Entry {
    int priority = 0;
    TimestampUs logical_date;
    int64_t sequence = 0;  // given by Add
    int64_t run_key = 0;
    size_t task = 0;
    int slots = 1;
  };
  struct Pool {
    int slots = 0;
    int used = 0;
    size_t waiting = 0;
  };

  void AddPool(const std::string& name, int slots);
  // 0: no such pool.
  int SlotsOf(const std::string& pool) const;

  // The pool must exist and have as many slots.
  void Add(const std::string& pool, Entry entry);
  bool Contains(int64_t run_key, size_t task) const { return places_.contains({run_key, task}); }
  // Takes out a run's task; whether it was there.
  bool Remove(int64_t run_key, size_t task);
  // Takes the best first entry of all pools that fits, with its slots; the caller gives them back
  // by Release.
  std::optional<Entry> Take();
  void Release(const std::string& pool, int slots);

  std::map<std::string, Pool> pools() const;

 private:
  struct Before {
    bool operator()(const Entry& a, const Entry& b) const;
  };
  struct State {
    int slots = 0;
    int used = 0;
    std::set<Entry, Before> entries;
  };
  std::map<std::string, State, std::less<>> pools_;
  std::map<std::pair<int64_t, size_t>, std::pair<State*, Entry>> places_;
  int64_t next_sequence_ = 1;
};

}  // namespace millrace::schedule
