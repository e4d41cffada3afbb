// Clock and Random: time and chance behind interfaces, so that tests decide both.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/ids.h"

namespace millrace::io {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time; may jump.
  virtual TimestampUs Now() = 0;
  // Nanoseconds from an arbitrary start; never goes back. For durations and time-outs.
  virtual int64_t MonotonicNs() = 0;
  // Waits on `wake` (whose mutex `lock` holds) for at most `timeout`; true when notified, false
  // when time was up. It may also return true for no reason: wait in a loop. A virtual clock
  // returns when its time has been advanced past the time-out.
  virtual bool WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
                       std::chrono::nanoseconds timeout) = 0;
};

Clock& SystemClock();

// A clock that stands still until told to advance. WaitFor polls it every millisecond of real time.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(TimestampUs start) : now_us_(start.value) {}
  TimestampUs Now() override { return TimestampUs(now_us_.load()); }
  int64_t MonotonicNs() override { return now_us_.load() * 1000; }
  bool WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
               std::chrono::nanoseconds timeout) override;
  void Advance(std::chrono::microseconds by) { now_us_ += by.count(); }
  void Set(TimestampUs now) { now_us_ = now.value; }

 private:
  std::atomic<int64_t> now_us_;
};

// A source of random words. Not for secrets.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;
};

// xoshiro256** seeded by splitmix64: the same seed gives the same words on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed);
  uint64_t Next() override;

 private:
  uint64_t state_[4];
};

// A seed nobody can guess, from the operating system.
uint64_t SystemSeed();

}  // namespace millrace::io
