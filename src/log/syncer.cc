#include "log/syncer.h"

namespace millrace::log {

Syncer::Syncer(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

Syncer::~Syncer() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Syncer::Request(const std::shared_ptr<Partition>& partition) {
  if (threads_.empty()) return;
  {
    std::lock_guard lock(mutex_);
    if (!queued_.insert(partition.get()).second) return;
    queue_.push_back(partition);
  }
  work_.notify_one();
}

std::shared_ptr<Partition> Syncer::Next() {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [this] { return stop_ || !queue_.empty(); });
  if (queue_.empty()) return nullptr;
  std::shared_ptr<Partition> partition = std::move(queue_.front());
  queue_.pop_front();
  queued_.erase(partition.get());
  return partition;
}

void Syncer::Run() {
  while (const std::shared_ptr<Partition> partition = Next()) {
    // A failure is the partition's to report: it closes itself and calls the fatal handler.
    static_cast<void>(partition->MakeDurable());
  }
}

Status Syncer::Wait(std::span<const Target> targets) {
  // All but the first are left to the threads meanwhile; then each is helped along in turn.
  for (size_t i = 1; i < targets.size(); ++i) Request(targets[i].partition);
  for (const Target& target : targets) {
    while (!target.partition->IsDurable(target.end)) MR_TRY(target.partition->MakeDurable());
  }
  return {};
}

}  // namespace millrace::log
