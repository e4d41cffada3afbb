// CancelToken: how one thread asks another to stop: a shutdown, a time-out of the caller, an
// operator. Cancelling is final. Who works looks at cancelled() between steps; who waits registers
// a Watch, whose function wakes it.
//
//   CancelToken::Watch watch(token, [&] { queue.Wake(); });
//   while (!token.cancelled()) Consume(queue.Pop());
//
// Thread contract: every function from any thread. A token outlives its watches.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "base/result.h"

namespace millrace {

class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  // Idempotent. Runs the functions of all watches before it returns.
  void Cancel();
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }
  // kCancelled, naming what was interrupted, once cancelled.
  Status Check(std::string_view what) const;

  // While it lives, its function runs once when the token is cancelled (at once when it already
  // is). After the destructor returned the function does not run any more. The function must be
  // short and must not touch the token.
  class Watch {
   public:
    Watch(CancelToken& token, std::function<void()> wake);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class CancelToken;
    CancelToken& token_;
    std::function<void()> wake_;
  };

 private:
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::vector<Watch*> watches_;  // guarded by mutex_
};

}  // namespace millrace
