#include "cli/signals.h"

#include <atomic>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"

namespace millrace::cli {
namespace {

std::atomic<int> signal_pipe = -1;

void OnSignal(int signal) {
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe.load(), &byte, 1);
}

}  // namespace

SignalWatch::SignalWatch(std::function<void(int signal)> on_signal)
    : on_signal_(std::move(on_signal)) {
  MR_CHECK(signal_pipe.load() < 0, "one watch of signals at a time");
  MR_CHECK(::pipe2(pipe_, O_CLOEXEC) == 0, "a pipe for signals");
  signal_pipe = pipe_[1];
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  thread_ = std::thread([this] {
    unsigned char signal = 0;
    while (::read(pipe_[0], &signal, 1) == 1 && signal != 0) on_signal_(signal);
  });
}

SignalWatch::~SignalWatch() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  OnSignal(0);
  thread_.join();
  signal_pipe = -1;
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

}  // namespace millrace::cli
