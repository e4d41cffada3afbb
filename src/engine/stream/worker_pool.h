// WorkerPool: a few threads that share the chunks of an epoch.
//
// Thread contract: Submit and Finish from one thread, the driver's; each task runs on exactly one
// thread and is told which, so that it can use that thread's own parser.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::engine {

class WorkerPool {
 public:
  // `worker` is in [0, workers()).
  using Task = std::function<void(size_t worker)>;

  // `threads` >= 1 work in all; the caller of Finish() is one of them.
  explicit WorkerPool(size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  size_t workers() const { return threads_.size() + 1; }
  // Begins at once when a thread is free. The driver bounds what it submits by the epoch's bytes.
  void Submit(Task task);
  // Works along until every task is done.
  void Finish();
  // Tasks that nobody has begun.
  size_t waiting() const;

 private:
  void Run(size_t worker);

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // a task came, or the end
  std::condition_variable done_;  // the last task under way ended
  std::deque<Task> tasks_;
  size_t busy_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::engine
