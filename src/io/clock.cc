#include "io/clock.h"

#include <sys/random.h>
#include <time.h>

#include "base/check.h"

namespace millrace::io {
namespace {

class System final : public Clock {
 public:
  TimestampUs Now() override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return TimestampUs(int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000);
  }
  int64_t MonotonicNs() override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
  }
  bool WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
               std::chrono::nanoseconds timeout) override {
    return wake.wait_for(lock, timeout) == std::cv_status::no_timeout;
  }
};

constexpr uint64_t RotateLeft(uint64_t value, int by) {
  return (value << by) | (value >> (64 - by));
}

}  // namespace

Clock& SystemClock() {
  static auto* instance = new System;
  return *instance;
}

bool VirtualClock::WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
                           std::chrono::nanoseconds timeout) {
  const int64_t deadline_us = now_us_.load() + timeout.count() / 1000;
  // A notification between two of these waits is lost, so callers must get to look at what they
  // wait for now and then.
  for (int i = 0; now_us_.load() < deadline_us; ++i) {
    if (wake.wait_for(lock, std::chrono::milliseconds(1)) == std::cv_status::no_timeout || i == 50)
      return true;
  }
  return false;
}

SeededRandom::SeededRandom(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    word = z ^ (z >> 31);
  }
}

uint64_t SeededRandom::Next() {
  const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

uint64_t SystemSeed() {
  uint64_t seed = 0;
  MR_CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed),
           "the operating system gives random bytes");
  return seed;
}

}  // namespace millrace::io
