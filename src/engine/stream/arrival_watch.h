// ArrivalWatch: tells the driver that records came, on any of several sources, without polling: a
// thread for each source waits in WaitBeyond.
//
//   watch.Arm(seen);            // where the driver stands, by source and partition
//   ... the driver sleeps until its wake function was called ...
//
// Thread contract: Arm and Stop from one thread. `wake` is called on the watch's threads.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "flow/source.h"

namespace millrace::engine {

class ArrivalWatch {
 public:
  // The sources outlive the watch.
  ArrivalWatch(std::vector<flow::Source*> sources, std::function<void()> wake);
  ~ArrivalWatch();
  ArrivalWatch(const ArrivalWatch&) = delete;
  ArrivalWatch& operator=(const ArrivalWatch&) = delete;

  // Calls `wake` once when source i has something beyond seen[i] (one offset per partition), for
  // each source at most once per Arm.
  void Arm(std::vector<std::vector<Offset>> seen);

 private:
  void Run(size_t source);

  std::vector<flow::Source*> sources_;
  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable armed_;
  std::vector<std::vector<Offset>> seen_;
  std::vector<uint64_t> served_;  // by source: the Arm whose wake was called
  uint64_t arms_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::engine
