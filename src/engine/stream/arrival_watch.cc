#include "engine/stream/arrival_watch.h"

namespace millrace::engine {
namespace {

// WaitBeyond returns this often even when nothing comes, so that a new Arm or the end is noticed
// should a Wake() have been missed.
constexpr std::chrono::milliseconds kLongestWait{500};

}  // namespace

ArrivalWatch::ArrivalWatch(std::vector<flow::Source*> sources, std::function<void()> wake)
    : sources_(std::move(sources)), wake_(std::move(wake)), served_(sources_.size(), 0) {
  for (size_t i = 0; i < sources_.size(); ++i) threads_.emplace_back([this, i] { Run(i); });
}

ArrivalWatch::~ArrivalWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  armed_.notify_all();
  for (flow::Source* source : sources_) source->Wake();
  for (std::thread& thread : threads_) thread.join();
}

void ArrivalWatch::Arm(std::vector<std::vector<Offset>> seen) {
  {
    const std::lock_guard lock(mutex_);
    seen_ = std::move(seen);
    ++arms_;
  }
  armed_.notify_all();
}

void ArrivalWatch::Run(size_t source) {
  std::unique_lock lock(mutex_);
  while (true) {
    armed_.wait(lock, [&] { return stopping_ || served_[source] < arms_; });
    if (stopping_) return;
    const uint64_t arm = arms_;
    const std::vector<Offset> seen = seen_[source];
    lock.unlock();
    const bool came = sources_[source]->WaitBeyond(seen, kLongestWait);
    if (came) wake_();
    lock.lock();
    if (came) served_[source] = std::max(served_[source], arm);
  }
}

}  // namespace millrace::engine
