// SignalWatch: SIGINT and SIGTERM as calls of a function on a thread of its own. One at a time in a
// process.
#pragma once

#include <functional>
#include <thread>

namespace millrace::cli {

class SignalWatch {
 public:
  explicit SignalWatch(std::function<void(int signal)> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  std::function<void(int)> on_signal_;
  int pipe_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace millrace::cli
